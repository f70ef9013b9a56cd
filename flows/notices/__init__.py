"""Notices of how runs ended: JSON that the flow itself posts to an address of the user's."""
