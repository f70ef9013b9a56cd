"""The Python API: scikit-learn estimators over the functions that the stages call."""
