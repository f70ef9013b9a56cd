"""The sparsity mechanisms: layers between encoder and decoder that make the code sparse.

Each is a file here; `mechanism.py` says what they have in common.
"""

from importlib import import_module
from pkgutil import iter_modules

from layers.sparsity.mechanism import SparsityMechanism

# Keras finds a stored layer by its name only once its class was made.
for module in iter_modules(__path__, f"{__name__}."):
    import_module(module.name)

__all__ = ["SparsityMechanism"]
