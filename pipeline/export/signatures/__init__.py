"""What an exported model takes and gives: raw rows to features to outputs, in TensorFlow."""
