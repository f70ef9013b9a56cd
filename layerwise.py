"""The public names: scikit-learn estimators that pretrain a stack of sparse autoencoders."""

from pipeline.errors import InputError
from pipeline.estimators.classifier import StackedClassifier

__all__ = ["InputError", "StackedClassifier"]
