"""GSM: any tokenizer, any local encoder, any global encoder, and a head on nodes or graphs."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal, cast

import torch
from torch import Tensor, nn

from graphlab.errors import InputError
from graphlab.models._inputs import positive, probability
from graphlab.models.benchmark._net import (
    EdgeInput,
    Level,
    NetInputs,
    NodeInput,
    PEMode,
    Sizes,
    scored_pairs,
)
from graphlab.models.benchmark._parts import choice
from graphlab.models.benchmark.readout import MLPReadout, pool_graphs
from graphlab.models.gsm.branch import Branch
from graphlab.models.gsm.inputs import Inputs, feature_width, read_inputs
from graphlab.models.gsm.local import LocalEncoder, LocalName
from graphlab.models.gsm.mixture import TokenRouter
from graphlab.nn.hierarchical_pe import HierarchicalPE
from graphlab.ops import scatter_softmax
from graphlab.ops.dropout import dropout as drop
from graphlab.ops.incoming import incoming_edges
from graphlab.registry import register_model
from graphlab.tokenizers import MixtureOfTokenization, make_tokenizer

if TYPE_CHECKING:
    from graphlab.tokenizers import Tokenizer

__all__ = ["GSM", "Encoded", "GlobalName", "Pool"]

GlobalName = Literal["transformer", "ssd", "gru", "linear_attention", "hybrid", "none"]
Pool = Literal["mean", "sum", "max", "cls"]


@dataclass(frozen=True)
class Encoded:
    """What a local encoder made of one graph, to be used for many batches of its nodes.

    Args:
        h: Encoded nodes (n, d).
        tables: Vectors of the clusters of each tokenization that has some (K, d).
    """

    h: Tensor
    tables: tuple[Tensor | None, ...]


@register_model(
    "gsm",
    tasks=("node", "graph"),
    paper="Behrouz et al. 2025, arXiv 2411.15671",
    search={
        "hidden": (32, 256, "log"),
        "tokenizer": ["hac", "hac_bfs", "node", "khop", "random_walk"],
        "local": ["identity", "mlp", "gcn", "gatedgcn", "gin"],
        "global_encoder": ["transformer", "ssd", "gru", "linear_attention", "hybrid"],
        "dropout": (0.0, 0.5),
    },
    # The recipes are ours: the paper's settings are not known.
    presets={
        "default": {
            "recipe": {
                "optimizer": "adamw",
                "lr": 0.001,
                "weight_decay": 1e-5,
                "schedule": "cosine",
                "warmup_epochs": 10,
                "clip_norm": 1.0,
                "epochs": 200,
            },
        },
        # One of eleven settings of GSM++ by validation accuracy on Cora's public split, seed 0.
        "cora, citeseer": {
            "options": {"dropout": 0.5, "input_dropout": 0.5},
            "recipe": {
                "optimizer": "adamw",
                "lr": 0.005,
                "weight_decay": 1e-5,
                "schedule": "cosine",
                "warmup_epochs": 5,
                "clip_norm": 1.0,
                "epochs": 100,
                "monitor": "acc",
            },
            "task": {"feature_norm": "row"},
        },
    },
)
class GSM(NetInputs):
    r"""Graph-sequence model: tokens of a graph, local encoding, global encoding [behrouz2025]_.

    Features are embedded, nodes are encoded with their neighbours, tokens made of nodes are encoded
    as sequences, and nodes are read from their tokens; their local encoding is added, and a
    perceptron of one hidden layer scores nodes, graphs or pairs.

    The default is HAC paths, GatedGCN and the hybrid encoder. Every combination of ``tokenizer``,
    ``local`` and ``global_encoder`` works; :data:`GSM_PRESETS` names those of known models.

    Args:
        in_channels: Features a node; with ``node_input="embedding"`` categories, as for
            :class:`graphlab.models.benchmark.GCN`.
        out_channels: Scores: classes or targets.
        hidden: Width d of all encodings.
        tokenizer: ``"node"``, ``"edge"``, ``"khop"``, ``"random_walk"``, ``"hac"``, ``"hac_bfs"``,
            ``"hac_order"``, ``"patch"``, a tokenizer, or a
            :class:`graphlab.tokenizers.MixtureOfTokenization`.
        local: ``"identity"``, ``"mlp"``, ``"gcn"``, ``"gatedgcn"`` or ``"gin"``.
        global_encoder: ``"transformer"``, ``"ssd"``, ``"gru"``, ``"linear_attention"`` or
            ``"hybrid"``; ``"none"`` leaves tokens out: the local encoder by itself.
        local_layers: Layers of the local encoder.
        num_blocks: Blocks of the global encoder.
        heads: Heads of attention.
        dropout: Dropout rate of all encoders.
        pe: Positions in the tree of clusters, see :class:`graphlab.nn.HierarchicalPE`; ``"none"``
            or some of ``lca``, ``spd``, ``abs`` joined by ``+``. Read by tokens of a clustering
            and by nodes.
        level: What is scored: nodes, graphs or pairs of nodes.
        pool: How nodes make a graph; ``"cls"``: attention of one learnt query.
        window: Blocks of attention, see :class:`graphlab.nn.TransformerBlock`.
        bidirectional: Whether ``ssd`` and ``gru`` read both ways; None: unless the last token is
            the node itself (paths, walks).
        input_dropout: Dropout rate of the features, where they are no categories.
        edge_dim: Features an edge: short for ``edge_input="linear"`` with so many channels.
        node_input: ``"linear"`` for features, ``"embedding"`` for categories.
        edge_input: ``"ones"`` reads no ``edge_attr``.
        edge_channels: Edge categories or features.
        pe_dim: Columns of ``data.pe``, added to the embedded nodes; 0: not read.
        pe_mode: Added, or in place of the features.

    Shapes:
        - ``data``: with ``x`` (n, F), ``edge_index`` (2, m) and, for several graphs, ``batch``; or
          ``x`` and a graph as two arguments
        - returns: (n, C), (B, C) for B graphs, or one row a pair of ``data.edge_label_index``,
          else of ``edge_index``

    Raises:
        InputError: A size below 1, an unknown name, inputs that do not fit.

    Cost: paths, hops and walks: O(n) sequences of a few tokens; sequences of whole graphs: linear
    in their length, in windows with attention. Tokens are made once for a graph.

    Example:
        >>> from types import SimpleNamespace
        >>> data = SimpleNamespace(x=torch.ones(3, 4), edge_index=torch.tensor([[0, 1], [1, 2]]))
        >>> GSM(4, 2, 8, tokenizer="khop", local="gcn", global_encoder="transformer")(data).shape
        torch.Size([3, 2])
    """

    scores_nodes = True  # of some nodes alone, for less: see forward

    def __init__(
        self,
        in_channels: Sizes,
        out_channels: int,
        hidden: int = 64,
        *,
        tokenizer: str | Tokenizer | MixtureOfTokenization = "hac",
        local: LocalName = "gatedgcn",
        global_encoder: GlobalName = "hybrid",
        local_layers: int = 2,
        num_blocks: int = 1,
        heads: int = 4,
        dropout: float = 0.1,
        pe: str = "none",
        level: Level = "node",
        pool: Pool = "mean",
        window: int | None = None,
        bidirectional: bool | None = None,
        input_dropout: float = 0.0,
        edge_dim: int | None = None,
        node_input: NodeInput = "linear",
        edge_input: EdgeInput = "ones",
        edge_channels: Sizes = 1,
        pe_dim: int = 0,
        pe_mode: PEMode = "add",
    ) -> None:
        super().__init__()
        d = positive("hidden", hidden, least=2)
        self.level, self.pool = choice("level", level, Level), choice("pool", pool, Pool)
        self.out_channels, self.dropout = positive("out_channels", out_channels), dropout
        self.hidden = d
        self.input_dropout = probability("input_dropout", input_dropout)
        HierarchicalPE(1, pe)
        choice("global_encoder", global_encoder, GlobalName)
        positive("num_blocks", num_blocks)
        probability("dropout", dropout)
        mixture = tokenizer if isinstance(tokenizer, MixtureOfTokenization) else None
        made = () if global_encoder == "none" else _tokenizers(tokenizer)
        if edge_dim is not None:
            edge_input, edge_channels = "linear", positive("edge_dim", edge_dim)
        edge_tokens = edge_input != "ones" and any(_name(t) == "edge" for t in made)
        self._build_inputs(
            in_channels,
            d,
            node_input=node_input,
            edge_input=edge_input if local == "gatedgcn" or edge_tokens else None,
            edge_channels=edge_channels,
            pe_dim=pe_dim,
            pe_mode=pe_mode,
        )
        self.reads_edge_tokens = edge_tokens
        self.local = LocalEncoder(d, local, num_layers=local_layers, dropout=dropout)
        self.branches = nn.ModuleList(
            Branch(
                d,
                each,
                global_encoder,
                features=feature_width(in_channels),
                num_blocks=num_blocks,
                heads=heads,
                dropout=dropout,
                pe=pe,
                window=window,
                bidirectional=bidirectional,
            )
            for each in made
        )
        self.router = None
        if mixture is not None and made:
            self.router = TokenRouter(d, len(made), k=mixture.k, alpha=mixture.alpha)
        self.query = nn.Linear(d, 1, bias=False) if level == "graph" and pool == "cls" else None
        self.head = MLPReadout(2 * d if level == "edge" else d, out_channels, depth=1)
        self._balance: Tensor | None = None

    def forward(
        self,
        data: Any,  # noqa: ANN401  (a batch, or features)
        graph: Any = None,  # noqa: ANN401  (anything that describes a graph)
        *,
        nodes: Tensor | None = None,
        encoded: Encoded | None = None,
    ) -> Tensor:
        """Return scores.

        Args:
            data: A batch of graphs; or features, beside ``graph``.
            graph: The graph of the features.
            nodes: Score these nodes alone (B,), where nodes are scored.
            encoded: What :meth:`encode` returned for this graph.
        """
        inputs = self._inputs(data, graph)
        if nodes is not None and self.level != "node":
            raise InputError(f"nodes was given, but the model scores {self.level}s, not nodes.")
        encoded = self._encoded(inputs) if encoded is None else encoded
        h = encoded.h
        out = h if nodes is None else h[nodes]
        if len(self.branches):
            out = self._global(inputs, encoded, nodes) + out
        if self.level == "edge":
            return self.head.of_pairs(out, scored_pairs(inputs.data))
        if self.level == "graph":
            out = self._pooled(out, inputs)
        scores: Tensor = self.head(out)
        return scores

    @torch.no_grad()
    def encode(self, data: Any, graph: Any = None) -> Encoded:  # noqa: ANN401
        """Encode the nodes of a large graph once, without gradients, for many batches of nodes.

        Arguments as in the call. Sequences of paths, hops or walks are then trained node by node:
        ``model(data, nodes=some, encoded=model.encode(data))``. The local encoder gets no gradient
        from such steps; encode anew after those that train it.

        Cost: one pass of the local encoder.
        """
        return self._encoded(self._inputs(data, graph))

    def added_loss(self) -> Tensor | None:
        """Return what the last forward pass adds to the loss: the balance of a mixture, or None."""
        return self._balance

    def _inputs(self, data: Any, graph: Any) -> Inputs:  # noqa: ANN401
        categories = self.node_input == "embedding"
        return read_inputs(data, graph, self.in_channels, categories=categories)

    def _encoded(self, inputs: Inputs) -> Encoded:
        edges = incoming_edges(inputs.data.edge_index, inputs.num_nodes)
        h = self._nodes(inputs.data, inputs.num_nodes)
        e = self._edges(inputs.data, edges, h) if self.local.reads_edges else None
        h = self.local(h, edges, e)
        branches = cast("list[Branch]", list(self.branches))
        return Encoded(h, tuple(branch.table(inputs, h) for branch in branches))

    def _global(self, inputs: Inputs, encoded: Encoded, nodes: Tensor | None) -> Tensor:
        features = self._token_features if self.reads_edge_tokens else None
        h = encoded.h

        def encode(number: int, of: Tensor | None) -> Tensor:
            table = encoded.tables[number]
            out: Tensor = self.branches[number](inputs, h, of, table=table, edge_features=features)
            return out

        if self.router is None:
            return encode(0, nodes)
        ids = torch.arange(inputs.num_nodes, device=h.device) if nodes is None else nodes
        out, self._balance = self.router(h[ids], lambda number, at: encode(number, ids[at]))
        return cast("Tensor", out)

    def _nodes(self, data: Any, n: int) -> Tensor:  # noqa: ANN401
        if self.input_dropout and self.training and self.node_input == "linear":
            x = drop(data.x, self.input_dropout, training=True)
            data = SimpleNamespace(x=x, pe=getattr(data, "pe", None))
        return super()._nodes(data, n)

    def _token_features(self, x: Tensor) -> Tensor:
        """Encode the features of tokens that are edges (S, L, D)."""
        rows = x.flatten(0, 1)
        if self.edge_input == "embedding":
            rows = rows.long()
            rows = rows[:, 0] if isinstance(self.edge_channels, int) else rows
        else:
            rows = rows.to(next(self.embedding_e.parameters()).dtype)
        return torch.unflatten(self.embedding_e(rows), 0, x.shape[:2])

    def _pooled(self, out: Tensor, inputs: Inputs) -> Tensor:
        graph, count = inputs.graph, inputs.num_graphs
        if self.query is None:
            return pool_graphs(out, graph, count, cast("Any", self.pool))
        share = scatter_softmax(self.query(out), graph, count)
        return pool_graphs(out * share, graph, count, "sum")

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_balance": None}  # part of a graph of gradients: no copy of it

    def extra_repr(self) -> str:
        """Show what is scored."""
        return f"level={self.level!r}, pool={self.pool!r}, dropout={self.dropout}"


def _tokenizers(given: str | Tokenizer | MixtureOfTokenization) -> tuple[Tokenizer, ...]:
    if isinstance(given, MixtureOfTokenization):
        return cast("tuple[Tokenizer, ...]", tuple(given.tokenizers))
    return (make_tokenizer(given),)


def _name(tokenizer: Tokenizer) -> str:
    return getattr(tokenizer, "name", "")
