"""Tables: files whose columns have names."""
