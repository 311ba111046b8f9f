"""Logistic regression on embeddings of orbit adjacency, of walks, and on orbit counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from graphlab.graphlets.embedding import OrbitEmbedding, WalkEmbedding
from graphlab.models._self_fitted import SelfFittedModel
from graphlab.registry import register_model

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from graphlab.graph import Graph

__all__ = ["OrbitCountsClassifier", "OrbitEmbeddingClassifier", "WalkEmbeddingClassifier"]


class _EmbeddingClassifier(SelfFittedModel):
    """Logistic regression on the columns of one embedding."""

    def __init__(
        self,
        embedding: OrbitEmbedding | WalkEmbedding,
        out_channels: int,
        C: float,
        standardize: bool,
    ) -> None:
        super().__init__(embedding.dim, out_channels, C=C, standardize=standardize)
        self.embedding = embedding

    def columns_of(self, graph: Graph) -> NDArray[np.float64]:
        """Return the embedding (n, dim)."""
        return self.embedding.fit_transform(graph)

    def extra_repr(self) -> str:
        """Return what the representation shows."""
        return repr(self.embedding)


@register_model(
    "orbit-embedding",
    tasks=("node",),
    paper="Windels, Malod-Dognin, Przulj 2024, arXiv 2405.14194",
    search={"C": (0.01, 100.0, "log"), "dim": [16, 32, 64, 128], "shift": [1.0, 2.0, 5.0]},
)
class OrbitEmbeddingClassifier(_EmbeddingClassifier):
    """Logistic regression on an embedding of orbit adjacency [windels2024]_; no features are read.

    The embedding is :class:`graphlab.graphlets.OrbitEmbedding`, of the whole graph and without
    labels; the regression sees the training nodes alone and is fitted at once, in no epochs. A
    fitted model serves the graph that it was fitted on.

    Args:
        out_channels: Classes.
        keys: Orbit pairs (h, i, j); None for all 28.
        dim: Columns of the embedding, fewer than the graph has nodes.
        combine: ``"sum"`` of the matrices, or ``"concat"`` of their embeddings.
        shift: Shift of the PMI.
        C: Inverse strength of the L2 penalty. 10 is the value of our reference measurements;
            validation labels are not used to choose it.
        standardize: Scale every column to deviation 1 first. By default columns keep the scale
            of their singular value, so that components that explain little stay small. On Cora,
            trained on half of the nodes, all 28 keys had 0.785 against 0.779 scaled; of single
            keys some gained and some lost by it.

    Shapes:
        - ``x``: (n, F), not read, or None
        - ``graph``: any graph of n nodes; taken as undirected and simple
        - returns: logits (n, C)

    Raises:
        InputError: A wrong option; a graph of ``dim`` nodes or fewer; another graph than the
            fitted one.

    Cost: that of the embedding, once a graph; the regression takes well under a second for some
        thousand training nodes.

    Example:
        >>> import networkx as nx, torch
        >>> graph = nx.karate_club_graph()
        >>> club = torch.tensor([graph.nodes[v]["club"] == "Officer" for v in graph]).long()
        >>> model = OrbitEmbeddingClassifier(2, [(1, 0, 0), (2, 1, 1)], dim=4)
        >>> model.fit_nodes(None, graph, torch.arange(0, 34, 2), club[::2])
        >>> correct = model(None, graph).argmax(1) == club
        >>> bool(correct.float().mean() > 0.9)
        True
    """

    def __init__(
        self,
        out_channels: int,
        keys: tuple[tuple[int, ...], ...] | None = None,
        dim: int = 64,
        *,
        combine: Literal["sum", "concat"] = "sum",
        shift: float = 1.0,
        C: float = 10.0,
        standardize: bool = False,
    ) -> None:
        embedding = OrbitEmbedding(keys, dim, combine=combine, shift=shift)
        super().__init__(embedding, out_channels, C, standardize)


@register_model(
    "walk-embedding",
    tasks=("node",),
    paper="Qiu et al. 2018, doi 10.1145/3159652.3159706",
    search={"C": (0.01, 100.0, "log"), "dim": [16, 32, 64, 128], "length": (1, 5)},
)
class WalkEmbeddingClassifier(_EmbeddingClassifier):
    """Logistic regression on an embedding of short random walks [qiu2018]_; no features are read.

    The embedding is :class:`graphlab.graphlets.WalkEmbedding`; the rest is as in
    :class:`OrbitEmbeddingClassifier`, for which this is the reference.

    Args:
        out_channels: Classes.
        length: Longest walk.
        dim: Columns of the embedding, fewer than the graph has nodes.
        shift: Shift of the PMI.
        C: Inverse strength of the L2 penalty.
        standardize: Scale every column to deviation 1 first.

    Shapes:
        - ``x``: (n, F), not read, or None
        - ``graph``: any graph of n nodes; taken as undirected and simple
        - returns: logits (n, C)

    Raises:
        InputError: A wrong option; a graph of ``dim`` nodes or fewer; another graph than the
            fitted one.

    Example:
        >>> WalkEmbeddingClassifier(2, length=2, dim=4)
        WalkEmbeddingClassifier(WalkEmbedding(length=2, dim=4, shift=1.0, random_state=0))
    """

    def __init__(
        self,
        out_channels: int,
        length: int = 3,
        dim: int = 64,
        *,
        shift: float = 1.0,
        C: float = 10.0,
        standardize: bool = False,
    ) -> None:
        embedding = WalkEmbedding(length, dim, shift=shift)
        super().__init__(embedding, out_channels, C, standardize)


@register_model(
    "orbit-counts",
    tasks=("node",),
    paper="Przulj 2007, doi 10.1093/bioinformatics/btl301",
    search={"C": (0.01, 100.0, "log")},
)
class OrbitCountsClassifier(SelfFittedModel):
    """Logistic regression on the 15 orbit counts of a node [przulj2007]_; no features are read.

    Counts enter as log(1 + count), standardised, since they differ in scale. Unlike an embedding
    they mean the same on every graph, so a fitted model can predict on others. To add them to the
    features of any model, see ``[features]`` in :mod:`graphlab.bench.config`.

    Args:
        out_channels: Classes.
        C: Inverse strength of the L2 penalty.

    Shapes:
        - ``x``: (n, F), not read, or None
        - ``graph``: any graph of n nodes; taken as undirected and simple
        - returns: logits (n, C)

    Raises:
        InputError: A wrong option or graph.

    Example:
        >>> OrbitCountsClassifier(3).weight.shape
        torch.Size([3, 15])
    """

    transfers = True

    def __init__(self, out_channels: int, *, C: float = 10.0) -> None:
        super().__init__(15, out_channels, C=C, standardize=True)

    def columns_of(self, graph: Graph) -> NDArray[np.float64]:
        """Return log(1 + count) of the 15 orbits, (n, 15)."""
        import numpy as np

        from graphlab.graphlets.counts import orbit_counts

        columns: NDArray[np.float64] = np.log1p(orbit_counts(graph).astype(np.float64))
        return columns
