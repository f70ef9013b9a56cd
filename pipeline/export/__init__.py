"""The SavedModel, its verification, inference from it."""
