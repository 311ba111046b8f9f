"""One tokenization: tokens of a graph, their vectors and positions, an encoder, and nodes again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from graphlab.errors import InputError
from graphlab.models.gsm.readout import NodeReadout
from graphlab.models.gsm.vectors import TokenVectors
from graphlab.nn.hierarchical_pe import HierarchicalPE
from graphlab.nn.sequence_encoders import SequenceEncoder
from graphlab.tokenizers import HAC, HACTree, Node

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphlab.models.gsm.inputs import Inputs
    from graphlab.tokenizers import Tokenizer, TokenSequences

__all__ = ["Branch", "Place"]

_CHUNK = 2000  # nodes whose sequences are encoded at a time where no gradient is asked for
_TRAINED = 8192  # and where one is: more of them would be kept in memory for it


class Place(NamedTuple):
    """Where tokens stand in a tree: facts (S, L, 3), hops (S, L, d), clusters (S, L, T)."""

    facts: Tensor | None
    steps: Tensor | None
    clusters: Tensor | None


class Branch(nn.Module):
    """Encodes nodes by the sequences of one tokenizer.

    Args:
        channels: Width d.
        tokenizer: Makes the sequences.
        global_encoder: A key of :data:`graphlab.nn.GLOBAL_ENCODERS`.
        features: Columns of the node features that tokenizers see.
        num_blocks: Blocks of the encoder.
        heads: Heads of attention.
        dropout: Dropout rate.
        pe: Positions in the tree, see :class:`graphlab.nn.HierarchicalPE`; for tokens of a
            clustering and for nodes, other tokens have none.
        window: As for :class:`graphlab.nn.TransformerBlock`.
        bidirectional: None: where the last token is not the node itself.

    Raises:
        InputError: ``pe`` has ``"spd"``, and tokens do not stand in leaf order.
    """

    def __init__(
        self,
        channels: int,
        tokenizer: Tokenizer,
        global_encoder: str,
        *,
        features: int,
        num_blocks: int,
        heads: int,
        dropout: float,
        pe: str,
        window: int | None,
        bidirectional: bool | None,
    ) -> None:
        super().__init__()
        self.tokenizer = tokenizer
        name = getattr(tokenizer, "name", "")
        traversal = getattr(tokenizer, "traversal", "")
        ends_at_node = name == "random_walk" or (name == "hac" and traversal == "dfs")
        self.position = HierarchicalPE(channels, "none")
        HierarchicalPE(channels, pe)  # a wrong name is told, whether it would be used or not
        if name in {"hac", "node"}:
            self.position = HierarchicalPE(channels, _added(pe))
            ordered = traversal == "order" or getattr(tokenizer, "order", "") == "hac"
            if self.position.spd is not None and not ordered:
                raise InputError(
                    f"pe is {pe!r}: 'spd' belongs to nodes in leaf order; take "
                    "HAC(traversal='order') or Node(order='hac')."
                )
        self.vectors = TokenVectors(channels, tokenizer, features)
        self.encoder = SequenceEncoder(
            channels,
            global_encoder,
            num_blocks=num_blocks,
            heads=heads,
            dropout=dropout,
            bidirectional=not ends_at_node if bidirectional is None else bidirectional,
            window=window,
            pe=pe if name in {"hac", "node"} else "none",
        )
        self.readout = NodeReadout(channels, tokenizer)

    def table(self, inputs: Inputs, h: Tensor) -> Tensor | None:
        """Return the vectors of all clusters, for :meth:`forward` to take again."""
        return self.vectors.table(self.tokenizer.fit(inputs.tokens), h)

    def forward(
        self,
        inputs: Inputs,
        h: Tensor,
        nodes: Tensor | None = None,
        *,
        table: Tensor | None = None,
        edge_features: Callable[[Tensor], Tensor] | None = None,
    ) -> Tensor:
        """Return the encodings of all nodes (n, d), or of some (B, d).

        Args:
            inputs: The graph or batch.
            h: Nodes by the local encoder (n, d).
            nodes: Ids of nodes (B,).
            table: Vectors of all clusters where they are known.
            edge_features: Encodes features of edges.

        Cost: sequences of nodes are encoded 2,000 at a time without gradients, and 8,192 at a time
        in training, where each part is computed a second time for the gradient if there are
        several; sequences of graphs in one piece.
        """
        found = self.tokenizer.fit(inputs.tokens)
        table = self.vectors.table(found, h) if table is None else table
        count = inputs.num_nodes if nodes is None else nodes.numel()
        training = torch.is_grad_enabled()
        known = found.sequences(nodes) if count <= (_TRAINED if training else _CHUNK) else None
        if known is None:
            ids = torch.arange(inputs.num_nodes, device=h.device) if nodes is None else nodes
            first = found.sequences(ids[:1])
            if bool((first.owner >= 0).all()):
                return self._in_parts(inputs, h, ids, table, edge_features)
            known = found.sequences(nodes)
        out = self._encode(inputs, found, known, h, table, edge_features)
        rows: Tensor = self.readout(known, out, inputs.num_nodes)
        owned = len(known) > 0 and int(known.owner[0]) >= 0
        return rows if nodes is None or owned else rows[nodes]

    def _in_parts(
        self,
        inputs: Inputs,
        h: Tensor,
        ids: Tensor,
        table: Tensor | None,
        edge_features: Callable[[Tensor], Tensor] | None,
    ) -> Tensor:
        """Encode the sequences of many nodes one part after the other."""

        def encode(part: Tensor) -> Tensor:
            return self.forward(inputs, h, part, table=table, edge_features=edge_features)

        if not torch.is_grad_enabled():
            return torch.cat([encode(part) for part in torch.split(ids, _CHUNK)])
        parts = torch.split(ids, _TRAINED)
        return torch.cat([checkpoint(encode, part, use_reentrant=False) for part in parts])

    def _encode(  # noqa: PLR0917  (private)
        self,
        inputs: Inputs,
        found: Any,  # noqa: ANN401  (a tokenizer's tokens)
        tokens: TokenSequences,
        h: Tensor,
        table: Tensor | None,
        edge_features: Callable[[Tensor], Tensor] | None,
    ) -> Tensor:
        e = None
        if tokens.kind == "edge" and tokens.x is not None and edge_features is not None:
            e = edge_features(tokens.x)
        rows = self.vectors(tokens, h, table=table, e=e)
        place = self._place(inputs, found, tokens)
        for added in (place.steps, None if place.facts is None else self._facts(place.facts)):
            rows = rows if added is None else rows + added * tokens.mask[..., None]
        groups = _alike(tokens)
        if groups is None:
            out: Tensor = self.encoder(rows, _holes(tokens.mask), place.clusters, tokens.level)
            return out
        parts, length = [], tokens.length
        for at, longest in groups:
            clusters, level = (
                None if v is None else v[at, :longest] for v in (place.clusters, tokens.level)
            )
            mask = _holes(tokens.mask[at, :longest])
            part = self.encoder(rows[at, :longest], mask, clusters, level)
            parts.append(nn.functional.pad(part, (0, 0, 0, length - longest)))
        order = torch.cat([at for at, _ in groups])
        return torch.cat(parts)[torch.argsort(order)]

    def _facts(self, facts: Tensor) -> Tensor | None:
        return self.position.of_tokens(facts)

    def _place(self, inputs: Inputs, found: Any, tokens: TokenSequences) -> Place:  # noqa: ANN401
        """Return where tokens stand in the tree; nothing that nobody asked for."""
        relative = self.encoder.position is not None
        position = self.position
        if not relative and position.spd is None and position.abs is None:
            return Place(None, None, None)
        tree = found if isinstance(found, HACTree) else self._tree(inputs)
        if tree is None:
            return Place(None, None, None)
        index = tokens.index
        facts = steps = clusters = None
        if position.abs is not None:
            facts = tree.absolute[index]
        if position.spd is not None:
            hops = position.of_steps(tree.seq_spd[:, tree.rank])
            steps = None if hops is None else hops[index]
        if relative and bool((tokens.owner < 0).any()):  # on a path levels say all
            clusters = _clusters(tree)[index]
        return Place(facts, steps, clusters)

    def _tree(self, inputs: Inputs) -> HACTree | None:
        if not isinstance(self.tokenizer, Node):
            return None
        hac = self.tokenizer.hac if self.tokenizer.order == "hac" else HAC()
        return hac.fit(inputs.tokens)

    def extra_repr(self) -> str:
        """Show the tokenizer."""
        return repr(self.tokenizer)


def _alike(tokens: TokenSequences) -> list[tuple[Tensor, int]] | None:
    """Group sequences of alike lengths, where most of the table would be padding.

    The levels of a tree are of very different lengths: encoded together, each would cost as much
    as the longest.

    Returns:
        Row numbers and longest length of each group; None where one table will do.
    """
    count, length = tokens.index.shape
    if count < 2 or bool((tokens.owner >= 0).all()):
        return None
    place = torch.arange(1, length + 1, device=tokens.mask.device)
    real = (tokens.mask * place).amax(1) if length else place.new_zeros(count)
    if 2 * int(real.sum()) > count * length:
        return None
    order = torch.argsort(real, descending=True, stable=True)
    lengths = real[order].tolist()
    starts = [0]
    for row, size in enumerate(lengths):
        if 2 * size < lengths[starts[-1]]:
            starts.append(row)
    ends = [*starts[1:], count]
    return [(order[a:b], lengths[a]) for a, b in zip(starts, ends, strict=True)]


def _holes(mask: Tensor) -> Tensor | None:
    """Return a mask, or None where all tokens are real, which costs less."""
    return None if bool(mask.all()) else mask


def _added(pe: str) -> str:
    """Return the kinds of encodings that are added to tokens."""
    return "+".join(kind for kind in pe.split("+") if kind.strip() != "lca") or "none"


def _clusters(tree: HACTree) -> Tensor:
    """Return the cluster of each token on every level (K, T); below its own, of any member."""
    rows = tree.assign.t()
    if tree.num_tokens == tree.num_nodes:
        return rows
    ptr, nodes = tree.members
    return rows[nodes[ptr[:-1]]]
