"""What every tokenizer gives: sequences of tokens, as padded tables of ids."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, Protocol

import torch
from torch import Tensor

from graphlab.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    Nodes = Tensor | Sequence[int]

__all__ = ["Kind", "TokenSequences", "Tokenizer", "Tokens"]

Kind = Literal["node", "edge", "cluster", "feature", "subgraph"]


@dataclass
class TokenSequences:
    """Sequences of tokens of one or more graphs.

    Padding stands on the right of a sequence. Paths of a clustering are the exception: their mask
    may have holes, and the last token is always real.

    Args:
        index: Token ids; 0 where ``mask`` is False. Ids of kind ``"node"`` are node ids; the
            others count the tokens of one tokenizer.
        mask: Whether there is a token.
        owner: Node a sequence belongs to; -1 for the sequence of a whole graph.
        graph: Graph of a sequence within the batch.
        kind: What a token is.
        x: Features of tokens that carry their own.
        pe: Positional encodings of tokens.
        level: Level of each token in the clustering, 0 for nodes.
        members: Row pointers and ids of the nodes of each token id: the nodes of token t are
            ``members[1][members[0][t]:members[0][t + 1]]``.

    Shapes:
        - ``index``, ``mask``, ``level``: (S, L) int64, bool, int64
        - ``owner``, ``graph``: (S,) int64
        - ``x``: (S, L, F) float; ``pe``: (S, L, p) float
        - ``members``: ((K + 1,), (M,)) int64 for K token ids

    Example:
        >>> index = torch.tensor([[2, 0, 1], [3, 4, 0]])
        >>> mask = torch.tensor([[True, True, True], [True, True, False]])
        >>> tokens = TokenSequences(index, mask, torch.tensor([-1, -1]), torch.tensor([0, 1]))
        >>> len(tokens), tokens.places().tolist()
        (2, [1, 2, 0, 3, 4])
    """

    index: Tensor
    mask: Tensor
    owner: Tensor
    graph: Tensor
    kind: Kind = "node"
    x: Tensor | None = None
    pe: Tensor | None = None
    level: Tensor | None = None
    members: tuple[Tensor, Tensor] | None = None

    def __len__(self) -> int:
        """Return the number of sequences S."""
        return self.index.shape[0]

    @property
    def length(self) -> int:
        """Length L of the table's rows."""
        return self.index.shape[1]

    def to(self, device: str | torch.device) -> TokenSequences:
        """Return the same sequences on another device."""
        moved: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Tensor):
                value = value.to(device)
            elif isinstance(value, tuple):
                value = tuple(part.to(device) for part in value)
            moved[field.name] = value
        return TokenSequences(**moved)

    def rows(self, at: Tensor) -> TokenSequences:
        """Return the sequences of some rows, in the order given."""
        x, pe, level = (None if v is None else v[at] for v in (self.x, self.pe, self.level))
        return TokenSequences(
            self.index[at],
            self.mask[at],
            self.owner[at],
            self.graph[at],
            self.kind,
            x,
            pe,
            level,
            self.members,
        )

    def select(self, owner_ids: Nodes) -> TokenSequences:
        """Return the sequences of some nodes, in the order given; nodes may repeat.

        Args:
            owner_ids: Node ids (B,).

        Raises:
            InputError: A node owns no sequence here.
        """
        wanted = torch.as_tensor(owner_ids, dtype=torch.int64, device=self.owner.device)
        size = int(torch.cat([self.owner, wanted]).max()) + 1 if len(self) or len(wanted) else 0
        row = torch.full((max(size, 0),), -1, dtype=torch.int64, device=wanted.device)
        owned = self.owner >= 0
        row[self.owner[owned]] = owned.nonzero()[:, 0]
        at = torch.where(wanted >= 0, row[wanted.clamp(min=0)], -1) if size > 0 else wanted
        if bool((at < 0).any()):
            node = int(wanted[at < 0][0])
            raise InputError(
                f"node {node} owns no sequence of these {len(self)}. Sequences of whole graphs "
                "(owner -1) belong to no node: take the node's place in them, see places()."
            )
        return self.rows(at)

    def places(self, count: int | None = None) -> Tensor:
        """Return where each token id stands, as a position in the flattened (S L) table.

        Meant for sequences of whole graphs, in which an id occurs once.

        Args:
            count: Number of token ids; default the largest id plus one.

        Shapes:
            - returns: (count,) int64; -1 for ids that do not occur
        """
        flat = self.mask.reshape(-1).nonzero()[:, 0]
        ids = self.index.reshape(-1)[flat]
        if count is None:
            count = int(ids.max()) + 1 if ids.numel() else 0
        place = torch.full((count,), -1, dtype=torch.int64, device=self.index.device)
        place[ids] = flat
        return place


class Tokens(Protocol):
    """The tokens of one graph or batch, as a tokenizer's ``fit`` returns them."""

    def sequences(self, nodes: Nodes | None = None) -> TokenSequences:
        """Return the sequences; with ``nodes`` those these nodes own, in their order.

        Where sequences belong to whole graphs, those of the graphs that hold the nodes.
        """
        ...


class Tokenizer(Protocol):
    """Turns graphs into sequences; has no parameters to learn."""

    def fit(self, data: Any) -> Tokens:  # noqa: ANN401  (anything that describes a graph)
        """Return the tokens of a graph or batch; computed once for it."""
        ...

    def batch(self, data: Any, nodes: Nodes | None = None) -> TokenSequences:  # noqa: ANN401
        """Return ``fit(data).sequences(nodes)``."""
        ...
