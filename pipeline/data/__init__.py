"""From a file, folder or built-in name to split, scaled rows."""
