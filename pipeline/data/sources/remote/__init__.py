"""Files on servers: what is there, and copies of it on this machine."""

PACKAGES = {"s3": "s3fs", "gs": "gcsfs", "http": "aiohttp", "https": "aiohttp"}
"""By scheme, what fsspec needs for it."""
