"""NCNC: neural common neighbours with completion (Wang et al., ICLR 2024)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from torch import nn

from graphlab.errors import InputError
from graphlab.models._inputs import cap, number, positive, probability
from graphlab.models.ncn import NCN
from graphlab.registry import register_model

if TYPE_CHECKING:
    from graphlab.nn.encoders import Conv

__all__ = ["NCNC"]


# Presets: as those of NCN, with the calibration that the authors give for the set.
@register_model(
    "ncnc",
    tasks=("link",),
    paper="Wang, Yang and Zhang 2024, arXiv 2302.00890",
    search={
        "hidden_channels": (64, 512, "log"),
        "dropout": (0.0, 0.7),
        "edge_dropout": (0.0, 0.5),
        "input_dropout": (0.0, 0.8),
        "encoder_dropout": (0.0, 0.8),
        "alpha": (0.1, 1.2),
        "pt": (0.05, 0.95),
        "scale": (1.0, 10.0),
        "offset": (-1.0, 10.0),
    },
    presets={
        "default": {
            "recipe": {"lr": 0.005, "epochs": 100, "monitor": "metric"},
        },
        "cora": {
            "options": {
                "hidden_channels": 256,
                "encoder": "puregcn",
                "num_layers": 1,
                "jk": True,
                "input_dropout": 0.7,
                "tail_dropout": 0.3,
                "encoder_dropout": 0.05,
                "edge_dropout": 0.4,
                "dropout": 0.05,
                "alpha": 1.0,
                "pt": 0.75,
                "scale": 4.3,
                "offset": 2.8,
            },
            "recipe": {
                "lr": {"encoder": 0.0043, "predictor": 0.0024},
                "epochs": 100,
                "monitor": "hits@100",
            },
            "task": {"batch_size": 1152, "eval_batch_size": 8192},
        },
        "citeseer": {
            "options": {
                "hidden_channels": 256,
                "encoder": "puregcn",
                "num_layers": 1,
                "jk": True,
                "two_layer_lin": True,
                "input_dropout": 0.4,
                "encoder_dropout": 0.75,
                "dropout": 0.55,
                "alpha": 0.4,
                "pt": 0.75,
                "scale": 6.5,
                "offset": 4.4,
            },
            "recipe": {
                "lr": {"encoder": 0.0085, "predictor": 0.0078},
                "epochs": 100,
                "monitor": "hits@100",
            },
            "task": {"batch_size": 384, "eval_batch_size": 4096},
        },
        "pubmed": {
            "options": {
                "hidden_channels": 256,
                "encoder": "puregcn",
                "num_layers": 1,
                "jk": True,
                "input_dropout": 0.3,
                "encoder_dropout": 0.1,
                "dropout": 0.05,
                "alpha": 0.3,
                "pt": 0.5,
                "scale": 5.3,
                "offset": 0.5,
            },
            "recipe": {
                "lr": {"encoder": 0.0097, "predictor": 0.002},
                "epochs": 100,
                "monitor": "hits@100",
            },
            "task": {"batch_size": 2048, "eval_batch_size": 8192},
        },
        "ogbl-collab": {
            "options": {
                "hidden_channels": 64,
                "encoder": "gcn",
                "num_layers": 1,
                "residual": True,
                "input_dropout": 0.25,
                "tail_dropout": 0.05,
                "encoder_dropout": 0.1,
                "encoder_edge_dropout": 0.25,
                "dropout": 0.3,
                "alpha": 1.05,
                "pt": 0.1,
                "scale": 2.5,
                "offset": 6.0,
            },
            "recipe": {
                "lr": {"encoder": 0.0082, "predictor": 0.0037},
                "epochs": 100,
                "monitor": "hits@50",
            },
            "task": {
                "batch_size": 65536,
                "eval_batch_size": 131072,
                "use_val_edges_as_input": True,
            },
        },
        "ogbl-ppa": {
            "options": {
                "hidden_channels": 64,
                "encoder": "gcn",
                "num_layers": 3,
                "residual": True,
                "use_xlin": False,
                "encoder_edge_dropout": 0.1,
                "dropout": 0.1,
                "one_hot_ids": True,
                "alpha": 0.9,
                "pt": 0.1,
                "scale": 4.0,
                "offset": 8.5,
                "split_size": 131072,
            },
            "recipe": {
                "lr": {"encoder": 0.0013, "predictor": 0.0013},
                "epochs": 25,
                "monitor": "hits@100",
            },
            "task": {"batch_size": 16384, "eval_batch_size": 65536},
        },
        "ogbl-citation2": {
            "options": {
                "hidden_channels": 64,
                "encoder": "puregcn",
                "num_layers": 3,
                "residual": True,
                "tail_dropout": 0.3,
                "encoder_dropout": 0.2,
                "dropout": 0.2,
                "alpha": 1.0,
                "pt": 0.25,
                "scale": 1.4,
                "offset": -0.3,
                "train_max_residual": 96,
                "test_max_residual": 96,
            },
            "recipe": {
                "lr": {"encoder": 0.0088, "predictor": 0.0058},
                "epochs": 20,
                "clip_norm": 1.0,
                "monitor": "mrr",
            },
            "task": {
                "batch_size": 24576,
                "eval_batch_size": 65536,
                "target_link_removal": False,
                "negatives": "per-source",
            },
        },
        "ogbl-ddi": {
            "options": {
                "hidden_channels": 224,
                "encoder": "puresum",
                "num_layers": 1,
                "residual": True,
                "tail_act": False,
                "two_layer_lin": True,
                "input_dropout": 0.05,
                "encoder_dropout": 0.4,
                "dropout": 0.6,
                "alpha": 0.5,
                "pt": 0.1,
                "scale": 10.0,
                "offset": 3.0,
                "split_size": 262144,
            },
            "recipe": {
                "lr": {"encoder": 0.0021, "predictor": 0.0018},
                "epochs": 100,
                "monitor": "hits@20",
            },
            "task": {"batch_size": 24576, "eval_batch_size": 24576},
        },
    },
    sparse_input=True,
)
class NCNC(NCN):
    r"""Neural common neighbour with completion [wang2024]_.

    As :class:`NCN`, but neighbours of one end alone are pooled too, weighted by how likely the
    edge to the other end is, which the same predictor scores without gradient:

    .. math:: \sum_{u \in N(i) \cap N(j)} \bar{\mathbf x}_u
        + \sum_{u \in N(j) \setminus N(i)} P_{iu}\, \bar{\mathbf x}_u
        + \sum_{u \in N(i) \setminus N(j)} P_{ju}\, \bar{\mathbf x}_u, \qquad
        P = \frac{\alpha\, p_t\, p_0}{p_t\, p_0 + 1 - p_0}

    with :math:`p_0 = \sigma(\mathrm{scale}\, (s - \mathrm{offset}))` of the logit s one level
    down. That level uses the same weights, and :math:`\bar{\mathbf x}` in place of h.

    Args:
        in_channels: Features a node, D; 0 with ``num_ids``.
        hidden_channels: Width F of nodes and of all layers.
        encoder: Convolution of the encoder.
        depth: Levels of completion; 0 is NCN.
        alpha: Largest weight of a completed neighbour.
        pt: Assumed probability that an unobserved pair at this distance is a link.
        scale: Slope of the calibration.
        offset: Logit at which it is one half.
        learn_pt: ``pt`` is a learnt function of the pair instead.
        train_max_residual: Pool at most this many neighbours of one end alone in training, drawn
            with replacement; -1: all.
        test_max_residual: The same in evaluation.
        split_size: Inner pairs scored at a time, to bound memory; -1: all at once.
        dedup: Score equal inner pairs once. Exact in evaluation; in training equal pairs then
            share their dropout.
        inner_train_mode: Inner scores use dropout in training, as in the authors' code.
        num_layers: See :class:`NCN`, also for what follows.
        use_xlin: Likewise.
        tail_act: Likewise.
        two_layer_lin: Likewise.
        layer_norm: Likewise.
        dropout: Likewise.
        edge_dropout: Likewise; the inner level drops from what the outer level has left.
        jk: Likewise.
        residual: Likewise.
        input_dropout: Likewise.
        encoder_dropout: Likewise.
        tail_dropout: Likewise.
        encoder_edge_dropout: Likewise.
        max_common: Likewise.
        num_ids: Likewise.
        one_hot_ids: Likewise.
        precompute: Likewise.

    Shapes:
        - ``encode(x, graph)``: (n, F); ``score(h, graph, pairs)``: (B,) logits
        - ``pairs``: (2, B) integers

    Raises:
        InputError: A size, rate or constant out of range.

    Cost: as NCN, for the B pairs and, without gradient, for the pairs that their lists make:
    up to the sum of both ends' degrees, each once.

    Example:
        >>> import torch
        >>> from graphlab.models import NCNC
        >>> edge_index = torch.tensor([[0, 1, 2], [1, 2, 3]])
        >>> model = NCNC(3, 8, depth=2).eval()
        >>> h = model.encode(torch.ones(5, 3), edge_index)
        >>> model.score(h, edge_index, torch.tensor([[0, 0], [2, 4]])).shape
        torch.Size([2])
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int = 256,
        encoder: Conv = "puregcn",
        *,
        depth: int = 1,
        alpha: float = 1.0,
        pt: float = 0.5,
        scale: float = 5.0,
        offset: float = 3.0,
        learn_pt: bool = False,
        train_max_residual: int = -1,
        test_max_residual: int = -1,
        split_size: int = -1,
        dedup: bool = True,
        inner_train_mode: bool = True,
        num_layers: int = 1,
        use_xlin: bool = True,
        tail_act: bool = True,
        two_layer_lin: bool = False,
        layer_norm: bool = True,
        dropout: float = 0.05,
        edge_dropout: float = 0.0,
        jk: bool = False,
        residual: bool = False,
        input_dropout: float = 0.0,
        encoder_dropout: float = 0.0,
        tail_dropout: float = 0.0,
        encoder_edge_dropout: float = 0.0,
        max_common: int = -1,
        num_ids: int | None = None,
        one_hot_ids: bool = False,
        precompute: bool = False,
    ) -> None:
        super().__init__(
            in_channels,
            hidden_channels,
            encoder,
            num_layers=num_layers,
            use_xlin=use_xlin,
            tail_act=tail_act,
            two_layer_lin=two_layer_lin,
            layer_norm=layer_norm,
            dropout=dropout,
            edge_dropout=edge_dropout,
            jk=jk,
            residual=residual,
            input_dropout=input_dropout,
            encoder_dropout=encoder_dropout,
            tail_dropout=tail_dropout,
            encoder_edge_dropout=encoder_edge_dropout,
            max_common=max_common,
            num_ids=num_ids,
            one_hot_ids=one_hot_ids,
            precompute=precompute,
        )
        self.depth = positive("depth", depth, least=0)
        self.alpha = number("alpha", alpha, least=0)
        self.pt = probability("pt", pt)
        self.scale, self.offset = number("scale", scale), number("offset", offset)
        self.train_max_residual = cap("train_max_residual", train_max_residual)
        self.test_max_residual = cap("test_max_residual", test_max_residual)
        self.split_size = cap("split_size", split_size)
        self.dedup, self.inner_train_mode = dedup, inner_train_mode
        self.freeze_encoder = False
        self.ptlin: nn.Sequential | None = None
        if learn_pt:
            width = hidden_channels
            self.ptlin = nn.Sequential(
                nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1), nn.Sigmoid()
            )

    @classmethod
    def from_ncn(cls, ncn: NCN, *, freeze_encoder: bool = False, **options: Any) -> Self:  # noqa: ANN401
        """Return an NCNC that shares the weights of a (trained) NCN.

        Args:
            ncn: Its encoder and networks become those of the result: training one trains both.
            freeze_encoder: Leave the encoder as it is, in evaluation mode; it is then not
                trained through ``ncn`` either.
            options: Of NCNC alone, such as ``depth``, ``alpha``, ``pt``; or what must differ.

        Example:
            >>> from graphlab.models import NCN, NCNC
        >>> ncn = NCN(3, 8)
            >>> NCNC.from_ncn(ncn, depth=1, alpha=0.5).xlin is ncn.xlin
            True
        """
        config = getattr(ncn, "_graphlab_config", None)
        if not isinstance(ncn, NCN) or config is None:
            raise InputError(f"ncn is a {type(ncn).__name__}, expected an NCN.")
        made = cls(**{**config, **options})
        parts = ("encoder", "xlin", "xcnlin", "xijlin", "lin", "beta")
        for name in parts:
            setattr(made, name, getattr(ncn, name))
        made.freeze_encoder = freeze_encoder
        if freeze_encoder:
            made.encoder.requires_grad_(False)
        return made.train(ncn.training)

    def train(self, mode: bool = True) -> Self:
        """Set the mode; a frozen encoder stays in evaluation."""
        super().train(mode)
        if self.freeze_encoder:
            self.encoder.eval()
        return self

    def residual_cap(self) -> int:
        """Return the largest number of neighbours of one end alone that are pooled; -1: all."""
        return self.train_max_residual if self.training else self.test_max_residual

    def _depth(self) -> int:
        return self.depth
