"""What a pretext task is: a target made of the data alone, and a loss of embeddings against it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from graphlab.errors import InputError
from graphlab.seeding import derive_seed, preserve_rng, torch_generator
from graphlab.ssl._input import PretextInput, read_data

if TYPE_CHECKING:
    from collections.abc import Iterable

    from graphlab.graph import Graph

__all__ = ["Compat", "PretextTask"]

Compat = Literal["official"] | None


class PretextTask:
    r"""A self-supervised task beside node classification [jin2020]_.

    ``prepare`` computes targets of features, edges and the labels of training nodes; ``transform``
    gives the input that the model is trained on; ``loss`` compares a linear head of the embeddings
    with the targets. Subclasses define ``_targets`` and ``_loss``.

    Args:
        compat: ``"official"`` repeats what the authors' code does by mistake, where the task says
            that it does.

    Attributes:
        target: What the head is to tell; see each task.
        pairs: Pairs of nodes (2, P) that it is told of, where the task is one of pairs.
        head: The linear layer; made for the width of the first embeddings, or by ``build_head``.
        notes: What was chosen in place of something that is missing.
        before_dropout: Whether the head reads hidden units before the model's dropout.
    """

    name = ""
    before_dropout = False
    target: Tensor
    pairs: Tensor

    def __init__(self, *, compat: Compat = None) -> None:
        if compat not in (None, "official"):
            raise InputError(f"compat is {compat!r}; expected 'official' or None.")
        self.compat = compat
        self.head: nn.Linear | None = None
        self.notes: list[str] = []
        self._data: PretextInput | None = None
        self._epoch = 0
        self._width = 0

    def prepare(self, data: Any, mask: Any = None, *, seed: int = 0, dataset: str = "") -> Self:  # noqa: ANN401
        """Compute the targets: a function of (data, labels in the mask, seed) alone.

        Args:
            data: A graph with features and labels: a loaded set, a :class:`graphlab.graph.Graph`,
                or an object with ``x``, ``edge_index`` and ``y``.
            mask: Training nodes, boolean (n,); no other label is read.
            seed: Of everything that is drawn.
            dataset: Name of the set, for the authors' settings of it; default: ``data.name``.

        Raises:
            InputError: A mask that is not boolean or of another length, features that are not
                finite, a graph that the task cannot be made of.
        """
        given = read_data(data, mask, seed=seed)
        self._data, self._epoch, self.notes = given, 0, []
        self._width = self._targets(given, dataset or str(getattr(data, "name", "")))
        return self

    @property
    def data(self) -> PretextInput:
        """What ``prepare`` has read.

        Raises:
            InputError: It was not called yet.
        """
        if self._data is None:
            raise InputError(f"{type(self).__name__} has no targets yet: call prepare(data, mask).")
        return self._data

    @property
    def out_channels(self) -> int:
        """Width of the head."""
        return self._width

    def transform(self, data: Any) -> tuple[Any, Any]:  # noqa: ANN401
        """Return features and edges for training; the same objects where nothing is masked."""
        whole = getattr(data, "graph", data)
        x = getattr(whole, "features", None)
        return self.transform_parts(
            getattr(whole, "x", None) if x is None else x, getattr(whole, "edge_index", whole)
        )

    def transform_parts(self, x: Any, graph: Any) -> tuple[Any, Any]:  # noqa: ANN401
        """Return features and edges for training, given each of them."""
        return x, graph

    def start_epoch(self, epoch: int) -> None:
        """Draw what is drawn anew in each epoch: a function of (seed, epoch)."""
        self._epoch = epoch

    def build_head(self, width: int, *, device: torch.device | str = "cpu") -> nn.Linear:
        """Make the head for embeddings of a width; its weights are a function of the seed."""
        with preserve_rng():
            torch.default_generator.manual_seed(derive_seed(self.data.seed, f"ssl-{self.name}"))
            self.head = nn.Linear(width, self.out_channels)
        self.head.to(device)
        return self.head

    def parameters(self) -> Iterable[nn.Parameter]:
        """Return the parameters of the head."""
        return () if self.head is None else tuple(self.head.parameters())

    def loss(self, embeddings: Tensor, *, dropout: bool = True) -> Tensor:
        """Return the loss of embeddings (n, h) of all nodes, a scalar.

        Args:
            embeddings: Of the model, trained on the transformed input.
            dropout: Whether a task that has dropout of its own applies it.

        Raises:
            InputError: Embeddings of another number of nodes.
        """
        n = self.data.num_nodes
        if embeddings.dim() != 2 or embeddings.shape[0] != n:
            raise InputError(
                f"embeddings have shape {tuple(embeddings.shape)}; expected a row for each of {n} "
                "nodes."
            )
        if self.head is None:
            self.build_head(embeddings.shape[1], device=embeddings.device)
        return self._loss(embeddings.to(self._head.weight.dtype), dropout=dropout)

    @property
    def _head(self) -> nn.Linear:
        assert self.head is not None  # noqa: S101  (built by loss)
        return self.head

    def _targets(self, data: PretextInput, dataset: str) -> int:
        """Set ``target`` and what else is needed; return the width of the head."""
        raise NotImplementedError

    def _loss(self, h: Tensor, *, dropout: bool) -> Tensor:
        raise NotImplementedError

    def _generator(self, purpose: str) -> torch.Generator:
        return torch_generator(self.data.seed, f"ssl-{self.name}-{purpose}")

    def _pair_scores(self, h: Tensor, pairs: Tensor) -> Tensor:
        """Head of the absolute difference of two embeddings."""
        # index_select: its gradient is a sum over rows, that of indexing sorts them first
        ends = h.index_select(0, pairs[0]), h.index_select(0, pairs[1])
        scores: Tensor = self._head((ends[0] - ends[1]).abs())
        return scores

    def _need_edges(self, graph: Graph) -> None:
        if graph.num_nodes < 2 or graph.num_edges == 0:
            raise InputError(
                f"{type(self).__name__} needs pairs of nodes and an edge; the graph has "
                f"{graph.num_nodes} nodes and {graph.num_edges // 2} edges."
            )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._options()})"

    def _options(self) -> str:
        return "" if self.compat is None else f"compat={self.compat!r}"


def mean_of_classes(logits: Tensor, target: Tensor) -> Tensor:
    """Return the cross entropy with the same weight for every class that is there."""
    each = F.cross_entropy(logits, target, reduction="none")
    sizes = torch.bincount(target, minlength=logits.shape[1]).to(each.dtype)
    present = (sizes > 0).sum().clamp_min(1)
    return (each / sizes[target]).sum() / present
