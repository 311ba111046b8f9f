"""Pretext tasks about labels: which classes surround a node, by pseudo labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from graphlab.errors import InputError
from graphlab.ssl.base import Compat, PretextTask
from graphlab.ssl.context import context_label, correct_labels, label_counts
from graphlab.ssl.label_spreading import pseudo_labels

if TYPE_CHECKING:
    from graphlab.ssl._input import PretextInput

__all__ = ["ContextLabel", "CorrectedLabel", "LabelSource"]

LabelSource = Literal["lp", "ica", "ensemble"]
_NAMES = {"lp": "lpcontextlabel", "ica": "icacontextlabel", "ensemble": "combinedcontextlabel"}
# the authors' settings of their sets; features of 0 and 1 for ICA on the last two
_CORRECTED = {"cora": 1000, "citeseer": 3000, "pubmed": 10000}
_ALPHA = {"lp": (1.5, 1.5, 1.0), "ica": (1.5, 1.0, 1.0), "ensemble": (1.0, 1.0, 1.0)}
_BINARY = ("citeseer", "pubmed")


class ContextLabel(PretextTask):
    """Tell the distribution of classes around a node, by labels that are guessed first.

    ``pseudo``: the labels (n,), true ones where known, -1 where no label arrives; ``target``: see
    :func:`context_label`, (n, C) float32. Loss: mean squared error between the softmax of the head
    and the target, of the nodes that have no label and something around them. The head reads
    hidden units before the model's dropout and has dropout of its own.

    Args:
        source: Where labels come from: ``"lp"``, label propagation; ``"ica"``, iterative
            classification; ``"ensemble"``, the sum of their probabilities.
        hops: 2, or 1 for direct neighbours alone.
        fill: What a node gets that propagation does not reach: ``"none"`` or the ``"first"`` class.
        dropout: Rate of the head's own dropout.
        binary_features: Whether iterative classification reads 1 for every feature that is not 0;
            None: for CiteSeer and PubMed, as in the authors' code.
        compat: ``"official"``: see :func:`graphlab.ssl.label_spreading.pseudo_labels`.

    Raises:
        InputError: In ``prepare``: no labelled node; no features for ``"ica"``.

    Example:
        >>> from graphlab.graph import as_graph
        >>> path = as_graph([[0, 1], [1, 2]]).simple().with_labels(torch.tensor([0, 9, 1]))
        >>> task = ContextLabel("lp").prepare(path, torch.tensor([True, False, True]))
        >>> task.pseudo.tolist(), task.target[1].tolist()
        ([0, 0, 1], [0.5, 0.5])
    """

    before_dropout = True

    def __init__(
        self,
        source: LabelSource = "lp",
        hops: int = 2,
        *,
        fill: Literal["none", "first"] = "none",
        dropout: float = 0.5,
        binary_features: bool | None = None,
        compat: Compat = None,
    ) -> None:
        super().__init__(compat=compat)
        if source not in _NAMES:
            raise InputError(f"source is {source!r}; expected 'lp', 'ica' or 'ensemble'.")
        if hops not in (1, 2):
            raise InputError(f"hops is {hops!r}; expected 1 or 2.")
        if fill not in ("none", "first"):
            raise InputError(f"fill is {fill!r}; expected 'none' or 'first'.")
        if not 0 <= dropout < 1:
            raise InputError(f"dropout is {dropout!r}; expected a number in [0, 1).")
        self.source, self.hops, self.fill = source, hops, fill
        self.dropout, self.binary_features = dropout, binary_features
        self.name = _NAMES[source]

    def _targets(self, data: PretextInput, dataset: str) -> int:
        if not data.train_index.numel():
            raise InputError(
                f"{type(self).__name__} needs a labelled node, but the mask names none."
            )
        if data.x is None and self.source != "lp":
            raise InputError(f"source is {self.source!r}, which needs node features.")
        labels = pseudo_labels(
            self.source,
            data.simple,
            self._features(data, dataset),
            data.train_index,
            data.train_target,
            n_classes=data.num_classes,
            fill=self.fill,
            compat=self.compat,
        )
        self.pseudo = torch.from_numpy(labels)
        self.target = self._context(labels)
        counts = label_counts(data.simple, labels, data.num_classes, self.hops)
        self.covered = torch.from_numpy(counts.sum(1) > 0)
        free = data.unlabelled
        self._rows = free[self.covered[free]].to(data.device)
        return data.num_classes

    def _features(self, data: PretextInput, dataset: str) -> Tensor | None:
        binary = dataset in _BINARY if self.binary_features is None else self.binary_features
        x = None if data.x is None else data.x.detach().cpu()
        if x is None or not binary or self.source == "lp":
            return x
        if x.layout == torch.strided:
            return (x != 0).to(x.dtype)
        ones = (x.values() != 0).to(x.dtype)
        return torch.sparse_csr_tensor(
            x.crow_indices(), x.col_indices(), ones, x.shape, check_invariants=False
        )

    def _context(self, labels: np.ndarray) -> Tensor:
        found = context_label(
            self.data.simple, self.data.num_nodes, labels, self.data.num_classes, self.hops
        )
        return torch.from_numpy(found).to(self.data.device)

    def _loss(self, h: Tensor, *, dropout: bool) -> Tensor:
        return _distance(self._predicted(h, dropout=dropout), self.target, self._rows)

    def _predicted(self, h: Tensor, *, dropout: bool) -> Tensor:
        scores = self._head(F.dropout(h, self.dropout) if dropout and self.dropout else h)
        shares: Tensor = scores.softmax(1)
        return shares


class CorrectedLabel(ContextLabel):
    """As :class:`ContextLabel`, and labels that the embeddings correct in every epoch.

    The loss has a second part: some nodes without a label are drawn, get the labels that
    :func:`correct_labels` gives by the embeddings of the time, and the context that these make of
    all labels is their target: ``alpha`` times the mean squared error of the drawn nodes.
    ``corrected``: pseudo labels with the latest corrections.

    Args:
        source: As for :class:`ContextLabel`, and so are the others.
        alpha: Weight of the second part; None: the authors' of the data set, else 1.
        num_corrected: Nodes drawn in an epoch; None: the authors' of the data set, else at most
            1000; never more than there are.
        hops: Likewise.
        fill: Likewise.
        dropout: Likewise.
        binary_features: Likewise.
        compat: Likewise.

    Example:
        >>> from graphlab.graph import as_graph
        >>> path = as_graph([[0, 1], [1, 2]]).simple().with_labels(torch.tensor([0, 9, 1]))
        >>> task = CorrectedLabel("lp").prepare(path, torch.tensor([True, False, True]))
        >>> bool(task.loss(torch.eye(3)) > 0), task.corrected.shape
        (True, torch.Size([3]))
    """

    def __init__(
        self,
        source: LabelSource = "lp",
        alpha: float | None = None,
        num_corrected: int | None = None,
        *,
        hops: int = 2,
        fill: Literal["none", "first"] = "none",
        dropout: float = 0.5,
        binary_features: bool | None = None,
        compat: Compat = None,
    ) -> None:
        super().__init__(
            source,
            hops,
            fill=fill,
            dropout=dropout,
            binary_features=binary_features,
            compat=compat,
        )
        if alpha is not None and not 0 <= alpha < np.inf:
            raise InputError(f"alpha is {alpha!r}; expected a finite number >= 0.")
        if num_corrected is not None and num_corrected < 1:
            raise InputError(f"num_corrected is {num_corrected!r}; expected an integer >= 1.")
        self.alpha, self.num_corrected = alpha, num_corrected
        self.name = "correctedlabel"

    def _targets(self, data: PretextInput, dataset: str) -> int:
        width = super()._targets(data, dataset)
        known = list(_CORRECTED)
        self._alpha = 1.0 if self.alpha is None else self.alpha
        if self.alpha is None and dataset in known:
            self._alpha = _ALPHA[self.source][known.index(dataset)]
        free = data.unlabelled.numel()
        wanted = self.num_corrected or _CORRECTED.get(dataset, 1000)
        self._count = min(wanted, free)
        self.corrected = self.pseudo.clone()
        return width

    def _loss(self, h: Tensor, *, dropout: bool) -> Tensor:
        predicted = self._predicted(h, dropout=dropout)
        loss = _distance(predicted, self.target, self._rows)
        if self._alpha == 0 or self._count == 0:
            return loss
        generator = self._generator(f"nodes-{self._epoch}")
        free = self.data.unlabelled
        drawn = free[torch.randperm(free.numel(), generator=generator)[: self._count]]
        new = correct_labels(h.detach(), self.pseudo, drawn, generator)
        self.corrected = self.pseudo.clone()
        self.corrected[drawn] = torch.from_numpy(new)
        target = self._context(self.corrected.numpy())
        rows = drawn[self.covered[drawn]].to(h.device)
        return loss + self._alpha * _distance(predicted, target, rows)


def _distance(predicted: Tensor, target: Tensor, rows: Tensor) -> Tensor:
    if not rows.numel():
        return predicted.sum() * 0
    return F.mse_loss(predicted[rows], target[rows])
