"""One level of the stack, trained without labels."""
