"""GSM++: clusters as tokens, positions among them, state spaces and attention, or a mixture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from graphlab.errors import InputError
from graphlab.models.gsm.model import GSM, Pool
from graphlab.registry import register_model
from graphlab.tokenizers import HAC, MixtureOfTokenization

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphlab.models.benchmark._net import EdgeInput, Level, NodeInput, PEMode, Sizes
    from graphlab.models.gsm.local import LocalName

__all__ = ["GSM_PRESETS", "GSMPlusPlus"]

Traversal = Literal["dfs", "bfs", "order"]

GSM_PRESETS: dict[str, dict[str, str | bool]] = {
    "graphgps": {"tokenizer": "node", "local": "identity", "global_encoder": "transformer"},
    "nagphormer": {"tokenizer": "khop", "local": "gcn", "global_encoder": "transformer"},
    "gred": {"tokenizer": "khop", "local": "mlp", "global_encoder": "gru"},
    "s4g": {"tokenizer": "khop", "local": "identity", "global_encoder": "ssd"},
    "tokengt": {"tokenizer": "edge", "local": "identity", "global_encoder": "transformer"},
    "graph-vit": {"tokenizer": "patch", "local": "gcn", "global_encoder": "transformer"},
    "gmn": {
        "tokenizer": "random_walk",
        "local": "gatedgcn",
        "global_encoder": "ssd",
        "bidirectional": True,
    },
}
"""Known models as options of :class:`GSM`, after table 5 of the paper: same parts, not their code.

``s4g`` has a selective state space in place of S4, ``graph-vit`` clusters of HAC in place of METIS.
"""


@register_model(
    "gsm++",
    tasks=("node", "graph"),
    paper="Behrouz et al. 2025, arXiv 2411.15671",
    search={
        "hidden": (32, 256, "log"),
        "traversal": ["dfs", "bfs", "order"],
        "num_blocks": (1, 4),
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
class GSMPlusPlus(GSM):
    r"""GSM++ of *Best of Both Worlds: Advantages of Hybrid Graph Sequence Models* [behrouz2025]_.

    :class:`GSM` with tokens of hierarchical affinity clustering, positions in the tree of clusters
    and the hybrid encoder; with ``mot`` each node takes the best two of several tokenizations, see
    :class:`TokenRouter`. Sizes and training settings are ours, the paper's are not known.

    Args:
        in_channels: Features a node, or categories; see :class:`GSM`.
        out_channels: Scores: classes or targets.
        hidden: Width d of all encodings.
        local: Local encoder, as for :class:`GSM`.
        local_layers: Its layers.
        traversal: ``"dfs"``: a node's path from the root; ``"bfs"``: one sequence a level;
            ``"order"``: all nodes in leaf order.
        num_blocks: Blocks of the hybrid encoder.
        heads: Heads of attention.
        dropout: Dropout rate of all encoders.
        pe: Positions, see :class:`graphlab.nn.HierarchicalPE`.
        mot: Tokenizations to mix: names, or a :class:`graphlab.tokenizers.MixtureOfTokenization`.
        level: What is scored: nodes, graphs or pairs of nodes.
        pool: How nodes make a graph.
        window: Blocks of attention.
        input_dropout: As for :class:`GSM`.
        edge_dim: Features an edge.
        node_input: As for :class:`GSM`.
        edge_input: As for :class:`GSM`.
        edge_channels: As for :class:`GSM`.
        pe_dim: As for :class:`GSM`.
        pe_mode: As for :class:`GSM`.

    Shapes:
        - as for :class:`GSM`

    Raises:
        InputError: As :class:`GSM`; ``traversal`` given beside ``mot``.

    Cost: as for :class:`GSM`.

    Example:
        >>> import torch
        >>> from types import SimpleNamespace
        >>> data = SimpleNamespace(x=torch.ones(3, 4), edge_index=torch.tensor([[0, 1], [1, 2]]))
        >>> GSMPlusPlus(4, 2, 8)(data).shape
        torch.Size([3, 2])
    """

    def __init__(
        self,
        in_channels: Sizes,
        out_channels: int,
        hidden: int = 64,
        *,
        local: LocalName = "gatedgcn",
        local_layers: int = 2,
        traversal: Traversal = "dfs",
        num_blocks: int = 1,
        heads: int = 4,
        dropout: float = 0.1,
        pe: str = "lca+abs",
        mot: Sequence[str] | MixtureOfTokenization | None = None,
        level: Level = "node",
        pool: Pool = "mean",
        window: int | None = None,
        input_dropout: float = 0.0,
        edge_dim: int | None = None,
        node_input: NodeInput = "linear",
        edge_input: EdgeInput = "ones",
        edge_channels: Sizes = 1,
        pe_dim: int = 0,
        pe_mode: PEMode = "add",
    ) -> None:
        if mot is not None and traversal != "dfs":
            raise InputError(
                f"traversal is {traversal!r} beside mot, which names its own tokenizations; put "
                f"'hac_{traversal}' among them."
            )
        if mot is not None and not isinstance(mot, MixtureOfTokenization):
            mot = MixtureOfTokenization(tuple(mot))
        super().__init__(
            in_channels,
            out_channels,
            hidden,
            tokenizer=HAC(traversal=traversal) if mot is None else mot,
            local=local,
            global_encoder="hybrid",
            local_layers=local_layers,
            num_blocks=num_blocks,
            heads=heads,
            dropout=dropout,
            pe=pe,
            level=level,
            pool=pool,
            window=window,
            input_dropout=input_dropout,
            edge_dim=edge_dim,
            node_input=node_input,
            edge_input=edge_input,
            edge_channels=edge_channels,
            pe_dim=pe_dim,
            pe_mode=pe_mode,
        )
