"""The sparsity mechanisms: layers between encoder and decoder that make the code sparse.

Each maps activations of shape (rows, units) to a code of the same shape. A penalty or regularizer
leaves the activations as they are and adds a loss; a hard limit zeroes some of them. All take
`training`, as only in training may a code depend on the other rows of the batch.
"""

from layers.sparsity.batch_topk import BatchTopK
from layers.sparsity.jumprelu import JumpReLU
from layers.sparsity.kl import KLDivergence
from layers.sparsity.l1 import L1Penalty
from layers.sparsity.lifetime import LifetimeSparsity
from layers.sparsity.topk import TopK

__all__ = ["BatchTopK", "JumpReLU", "KLDivergence", "L1Penalty", "LifetimeSparsity", "TopK"]
