"""From columns to features and back: fitted on training rows, followed by NumPy and TensorFlow."""
