"""The public names: scikit-learn estimators that pretrain a stack of sparse autoencoders."""

from pipeline.errors import InputError
from pipeline.estimators.classifier import StackedClassifier
from pipeline.estimators.encoder import StackedEncoder
from pipeline.estimators.regressor import StackedRegressor

__all__ = ["InputError", "StackedClassifier", "StackedEncoder", "StackedRegressor"]
