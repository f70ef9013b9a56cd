"""A Dask cluster that runs already, on this machine or others."""
