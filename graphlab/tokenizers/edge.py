"""Tokens that are edges: pairs of nodes, or nodes and edges with identifiers of their ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

import numpy as np
import torch
from torch import Tensor

from graphlab.errors import InputError
from graphlab.seeding import torch_generator
from graphlab.tokenizers._input import Reading, check_nodes, read
from graphlab.tokenizers._ragged import of_graphs, padded, ranges
from graphlab.tokenizers.base import TokenSequences
from graphlab.tokenizers.hac import HAC

if TYPE_CHECKING:
    from graphlab.tokenizers.base import Nodes

__all__ = ["Edge", "EdgeTokens", "NodeLocality", "node_locality"]

Style = Literal["pairs", "tokengt"]
Order = Literal["id", "hac"]
Identifiers = Literal["orthonormal", "pe"]


class NodeLocality(NamedTuple):
    """How far apart in a sequence the edges of a node stand, at most and on average."""

    max: float
    mean: float


def node_locality(sequence: Tensor | TokenSequences) -> NodeLocality:
    """Return the last minus the first place of each node's edges: largest and mean.

    Args:
        sequence: Edges in the order of the sequence, or the one sequence of an :class:`Edge`
            tokenizer of style ``"pairs"``.

    Shapes:
        - ``sequence``: (E, 2) integer

    Raises:
        InputError: Not edges, or several sequences.

    Example:
        >>> node_locality(torch.tensor([[0, 1], [1, 2], [0, 2]]))
        NodeLocality(max=2.0, mean=1.3333333333333333)
    """
    edges = _edges_of(sequence) if isinstance(sequence, TokenSequences) else sequence
    if edges.dim() != 2 or edges.shape[1] != 2:
        raise InputError(f"sequence has shape {tuple(edges.shape)}, expected edges (E, 2).")
    if not len(edges):
        return NodeLocality(0.0, 0.0)
    nodes, number = torch.unique(edges, return_inverse=True)
    place = torch.arange(len(edges), device=edges.device)[:, None].expand(edges.shape).reshape(-1)
    ends = torch.zeros(nodes.numel(), dtype=torch.int64, device=edges.device)
    last = ends.scatter_reduce(0, number.reshape(-1), place, "amax", include_self=False)
    first = ends.scatter_reduce(0, number.reshape(-1), place, "amin", include_self=False)
    spread = (last - first).to(torch.float64)
    return NodeLocality(float(spread.max()), float(spread.mean()))


def _edges_of(tokens: TokenSequences) -> Tensor:
    """Return the edges of a sequence of pairs, in its order."""
    if tokens.kind != "edge" or tokens.members is None or len(tokens) != 1:
        raise InputError(
            f"sequence holds {len(tokens)} sequences of kind {tokens.kind!r}, expected one of "
            "kind 'edge'."
        )
    ptr, nodes = tokens.members
    ids = tokens.index[tokens.mask]
    ids = ids[ptr.diff()[ids] == 2]  # nodes are tokens too in the other style
    return torch.stack([nodes[ptr[ids]], nodes[ptr[ids] + 1]], dim=1)


@dataclass(frozen=True, eq=False)
class EdgeTokens:
    """Edge tokens of each graph, in order.

    Args:
        edges: Undirected edges (m, 2), u < v, sorted.
        ids: Token ids graph after graph.
        length: Tokens of each graph (G,).
        members: Nodes of each token id, see :class:`TokenSequences`.
        x: Attributes of each token id (K, D), or None.
        pe: Identifiers of both ends of each token id (K, 2 p), or None.
        batch: Graph of each node (n,).
    """

    edges: Tensor
    ids: Tensor
    length: Tensor
    members: tuple[Tensor, Tensor]
    x: Tensor | None
    pe: Tensor | None
    batch: Tensor

    def sequences(self, nodes: Nodes | None = None) -> TokenSequences:
        """Return one sequence a graph; with ``nodes`` those of the graphs that hold them."""
        index, mask = padded(self.ids, self.length)
        graph = torch.arange(len(index), device=index.device)
        x, pe = (
            None
            if part is None
            else part.new_zeros((*index.shape, part.shape[1])).masked_scatter(
                mask[..., None], part[self.ids]
            )
            for part in (self.x, self.pe)
        )
        tokens = TokenSequences(
            index, mask, torch.full_like(graph, -1), graph, "edge", x, pe, None, self.members
        )
        if nodes is None:
            return tokens
        known = check_nodes(nodes, len(self.batch), self.batch.device)
        return of_graphs(tokens, self.batch[known])


@dataclass(frozen=True, eq=False)
class Edge:
    r"""Tokenizer whose tokens are undirected edges.

    Args:
        style: ``"pairs"``: a token is an edge, with its two ends as members. ``"tokengt"``: the
            nodes of a graph, then its edges, told apart by identifiers
            :math:`[\mathbf P_u; \mathbf P_v]` (a node has its own twice) [kim2022]_.
        order: Edges by their ends, or by the leaf order of a clustering: by the later, then the
            earlier end.
        identifiers: ``"orthonormal"`` random rows, or ``"pe"``: what a transform put at
            ``data.pe``, such as :class:`graphlab.transforms.LaplacianPE`.
        p: Width of orthonormal identifiers; below the number of nodes rows are unit vectors only.
        seed: Seed of the identifiers.
        hac: The clustering of ``order="hac"``.

    Raises:
        InputError: An unknown option; ``data.pe`` is missing.

    Example:
        >>> tokens = Edge().batch([[0, 1, 2], [1, 2, 0]])
        >>> tokens.members[1].view(-1, 2).tolist()
        [[0, 1], [0, 2], [1, 2]]
    """

    style: Style = "pairs"
    order: Order = "id"
    identifiers: Identifiers = "orthonormal"
    p: int = 16
    seed: int = 0
    hac: HAC = field(default_factory=HAC)

    name = "edge"

    def __post_init__(self) -> None:
        for option, values in (("style", Style), ("order", Order), ("identifiers", Identifiers)):
            value, known = getattr(self, option), get_args(values)
            if value not in known:
                raise InputError(f"{option} is {value!r}, expected one of {', '.join(known)}.")
        if self.p < 1:
            raise InputError(f"p is {self.p}, expected an integer >= 1.")

    def fit(self, data: Any) -> EdgeTokens:  # noqa: ANN401  (anything that describes a graph)
        """Return the edge tokens of each graph; a graph of a batch as it is alone."""
        reading = read(data)
        tree = self.hac.fit(data) if self.order == "hac" else None
        pe = getattr(data, "pe", None) if self.identifiers == "pe" else None
        if self.style == "tokengt" and self.identifiers == "pe" and not isinstance(pe, Tensor):
            raise InputError(
                "identifiers='pe' reads data.pe, which is missing. Apply LaplacianPE, or take "
                "identifiers='orthonormal'."
            )
        name = ("edge", self.style, self.order, self.identifiers, self.p, self.seed)
        held = (None if tree is None else tree.levels, pe)

        def build() -> EdgeTokens:
            order = None if tree is None else tree.edge_sequence
            return self._tokens(reading, order, pe)

        return reading.keep(name, held, build)

    def batch(self, data: Any, nodes: Nodes | None = None) -> TokenSequences:  # noqa: ANN401
        """Return the sequences of all graphs, or of those that hold some nodes."""
        return self.fit(data).sequences(nodes)

    def _tokens(self, reading: Reading, order: Tensor | None, pe: Tensor | None) -> EdgeTokens:
        simple = reading.graph.simple().edge_index
        edges = simple[:, simple[0] < simple[1]].t().contiguous()
        ids = torch.arange(len(edges), device=edges.device) if order is None else order
        graph = reading.batch[edges[:, 0]]
        count = torch.bincount(graph, minlength=reading.num_graphs)
        x = _attributes(reading, edges)
        pairs = torch.arange(0, 2 * len(edges) + 1, 2, device=edges.device)
        members = (pairs, edges.reshape(-1))
        if self.style == "pairs":
            return EdgeTokens(edges, ids, count, members, x, None, reading.batch)
        n, sizes = reading.num_nodes, reading.ptr.diff().to(edges.device)
        own = torch.arange(n, device=edges.device)
        first = reading.ptr[:-1].to(edges.device)
        nodes, links = torch.arange(n, device=edges.device), n + ids
        mixed = torch.empty(n + len(edges), dtype=torch.int64, device=edges.device)
        ahead = count.cumsum(0) - count
        mixed[ranges(first + ahead, sizes)] = nodes
        mixed[ranges(first + sizes + ahead, count)] = links
        ends = torch.cat([own[:, None].expand(n, 2), edges])
        known = self._rows(reading) if pe is None else pe.flatten(1)
        identifiers = torch.cat([known[ends[:, 0]], known[ends[:, 1]]], dim=1)
        x = None if x is None else torch.cat([x.new_zeros(n, x.shape[1]), x])
        members = (torch.cat([own, n + pairs]), torch.cat([own, members[1]]))
        return EdgeTokens(edges, mixed, sizes + count, members, x, identifiers, reading.batch)

    def _rows(self, reading: Reading) -> Tensor:
        """Return the identifiers of nodes (n, p); graphs of one size have the same ones."""
        drawn: dict[int, Tensor] = {}
        for size in reading.ptr.diff().tolist():
            if size not in drawn:
                generator = torch_generator(self.seed, f"identifiers-{size}")
                wide = max(self.p, size), min(self.p, size)
                noise = torch.randn(wide, generator=generator, dtype=torch.float64)
                q = torch.linalg.qr(noise)[0]
                q = q.t() if self.p >= size else q / q.norm(dim=1, keepdim=True).clamp(min=1e-12)
                drawn[size] = q.to(torch.get_default_dtype())
        rows = [drawn[size] for size in reading.ptr.diff().tolist()]
        table = torch.cat(rows) if rows else torch.zeros(0, self.p)
        return table.to(reading.graph.device)


def _attributes(reading: Reading, edges: Tensor) -> Tensor | None:
    """Return the attributes of undirected edges: of the entry (u, v), else of (v, u)."""
    given = reading.edge_attr
    if given is None:
        return None
    given = given.flatten(1) if given.dim() > 1 else given[:, None]
    given = given if given.is_floating_point() else given.to(torch.get_default_dtype())
    n = max(reading.num_nodes, 1)
    ends = reading.graph.edge_index.cpu().numpy()
    keys = edges.cpu().numpy()
    keys = keys[:, 0] * n + keys[:, 1]
    low, high = ends.min(axis=0), ends.max(axis=0)
    place = np.searchsorted(keys, low * n + high)
    entry = np.empty(len(keys), np.int64)
    for these in (ends[0] > ends[1], ends[0] < ends[1]):
        at = these.nonzero()[0][::-1]  # the last write stays: the first entry of this direction
        entry[place[at]] = at
    return given[reading.graph.perm[torch.from_numpy(entry).to(given.device)]]
