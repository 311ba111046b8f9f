"""The first layer of a network on wide, sparse features such as bags of words."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor
from torch.nn import functional as F

from graphlab.ops._autograd import eager
from graphlab.ops.csr import WeakCache, csr_of_tensor
from graphlab.ops.dropout import dropout as drop
from graphlab.ops.spmm import Backend, choose_backend, reduce_rows

__all__ = ["compressed", "input_linear"]

_CONVERTED = WeakCache()


@eager
def input_linear(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    dropout: float = 0.0,
    training: bool = False,
    backend: Backend = "auto",
) -> Tensor:
    r"""Apply dropout and a linear layer to node features.

    .. math:: \mathbf Y = \mathrm{drop}(\mathbf X)\, \mathbf W^\top + \mathbf b

    Of sparse features only the stored numbers are dropped, which is the same distribution (a zero
    stays zero whatever happens to it), and the product is sparse in both directions: of a bag of
    words with 1 % of words present, 1 % of the work. Structures that this needs are kept as long
    as the tensor ``x`` lives and is not changed in place.

    Args:
        x: Features, dense, torch sparse CSR or COO. Gradients are given for dense ones alone.
        weight: As in :class:`torch.nn.Linear`.
        bias: Likewise.
        dropout: Probability of a feature to be dropped.
        training: Whether to drop anything.
        backend: See :func:`graphlab.ops.spmm`.

    Shapes:
        - ``x``: (n, F); ``weight``: (h, F); ``bias``: (h,)
        - returns: (n, h)

    Cost: time O(nnz(x) h) forward, the same backward.

    Example:
        >>> x = torch.tensor([[0.0, 2.0], [0.0, 0.0]])
        >>> input_linear(x, torch.tensor([[5.0, 3.0]]), torch.tensor([1.0])).tolist()
        [[7.0], [1.0]]
    """
    x = compressed(x)
    if x.layout != torch.sparse_csr:
        given = drop(x, dropout, training=training, backend=_able(backend, x))
        return F.linear(given, weight, bias)
    # autocast would run the dense product in half precision; the sparse one stays in full
    wide = torch.promote_types(x.dtype, weight.dtype)
    values = drop(x.values().detach().to(wide), dropout, training=training, backend=backend)
    kind = choose_backend(backend, values)
    out = reduce_rows(csr_of_tensor(x), weight.to(wide).t(), values, "sum", kind)
    return out if bias is None else out + bias.to(wide)


def compressed(x: Tensor) -> Tensor:
    """Return COO features as CSR, converted once; others as they are."""
    if x.layout != torch.sparse_coo:
        return x

    def build() -> Tensor:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*beta state", category=UserWarning)
            return x.to_sparse_csr()

    return _CONVERTED.get(x, build)


def _able(backend: Backend, x: Tensor) -> Backend:
    """Leave dense half precision to torch even where kernels were asked for."""
    return "torch" if x.dtype in (torch.float16, torch.bfloat16) else backend
