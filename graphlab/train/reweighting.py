"""Edge re-weighting as a part of training: weights follow what the model believes of the edges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from graphlab.errors import CheckpointError, InputError
from graphlab.models.inference import evaluating
from graphlab.nn.added_weights import AddedWeights
from graphlab.topology.reweighting import reweight_edges
from graphlab.train._reweight_settings import complete, setting_problem
from graphlab.train.callbacks import Callback

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["EdgeReweighter"]


class EdgeReweighter(Callback):
    r"""Gives more weight to messages along edges that the model itself finds likely [wang2024tc]_.

    Every ``interval`` epochs from ``warm_up`` on, after the epoch's evaluation, all nodes are
    encoded with the weights of the time, the predictor scores each node against the mean of
    another's neighbours, and :func:`graphlab.topology.reweight_edges` makes new weights from the
    base weights: they never accumulate. Nothing is differentiated, and dropout is off.

    Give it to :class:`~graphlab.train.Trainer` as a callback, or name its settings in the recipe,
    ``Recipe(reweight={"alpha": 2.0, "interval": 1, "warm_up": 1})``. It serves link models whose
    ``encoder`` takes weights (:class:`graphlab.models.TCGCN`, ``TCSAGE``, ``LightGCN``). What is
    added to the base weights lies in ``encoder.added``, part of the model's state: the epoch that
    is selected is tested with its own weights (with ``select="last"``, those of the last update),
    and a checkpoint or a saved model has them. In a graph that lacks some of the training edges,
    the others keep what was added.

    Belongs to the method of :mod:`graphlab.topology`, but stands here, since it takes part in
    training.

    Args:
        alpha: How much is added: with 1, as much as the base weights.
        interval: Epochs between two updates; epochs count from 1.
        warm_up: First epoch that may end with an update.
        aug: How neighbours are averaged for the score.
        orientation: ``"official"``, over the receivers of a node's messages, or ``"receiver"``,
            over the senders to a node; see :func:`graphlab.topology.reweight_edges`.
        score: ``"model"``, the predictor's belief; ``"constant"`` believes the same of all
            entries, a control: what it gains comes of larger weights, not of better ones.

    Raises:
        InputError: A setting out of range; in training, a model whose encoder takes no weights.

    Cost: of an update, one encoding and one score for each entry, about an evaluation.

    Example:
        >>> from graphlab.models import TCGCN
        >>> model, edges = TCGCN(3, 8), torch.tensor([[0, 1, 2], [1, 2, 3]])
        >>> reweighter = EdgeReweighter(alpha=2.0, interval=1, warm_up=2)
        >>> parts = model.encoder, model.predictor, torch.ones(4, 3), edges
        >>> reweighter.maybe_update(1, *parts), reweighter.maybe_update(2, *parts)
        (False, True)
        >>> model.encoder.added
        AddedWeights(entries=10)
    """

    def __init__(
        self,
        alpha: float = 1.0,
        interval: int = 50,
        warm_up: int = 50,
        aug: Literal["gcn", "sage"] = "gcn",
        orientation: Literal["official", "receiver"] = "official",
        *,
        score: Literal["model", "constant"] = "model",
    ) -> None:
        given = {
            "alpha": alpha,
            "interval": interval,
            "warm_up": warm_up,
            "aug": aug,
            "orientation": orientation,
            "score": score,
        }
        problem = setting_problem(given)
        if problem is not None:
            raise InputError(problem)
        self.settings = complete(given)
        self.alpha, self.interval, self.warm_up = float(alpha), interval, warm_up
        self.aug, self.orientation, self.score = aug, orientation, score
        self._graph: Any = None

    def due(self, epoch: int) -> bool:
        """Whether this epoch, counted from 1, ends with an update."""
        return epoch >= self.warm_up and epoch % self.interval == 0

    def maybe_update(
        self,
        epoch: int,
        encoder: nn.Module,
        predictor: nn.Module | Callable[[Tensor], Tensor],
        x: Tensor | None,
        graph: Any = None,  # noqa: ANN401  (what as_graph takes)
    ) -> bool:
        """Make new weights if this epoch is one for it; returns whether it was.

        Args:
            epoch: Counted from 1.
            encoder: Takes weights, such as :class:`graphlab.nn.WeightedEncoder`.
            predictor: From products of two rows (b, F) to logits (b, 1).
            x: Features of all nodes, or None for learnt ids.
            graph: The training edges; None: those of the call before.

        Raises:
            InputError: The encoder takes no weights, or no graph was ever given.
        """
        added = _added(encoder)
        self._graph = graph = self._graph if graph is None else graph
        if graph is None:
            raise InputError("graph is missing: the first call needs the training edges.")
        if not self.due(epoch):
            return False
        whole = nn.ModuleList(m for m in (encoder, predictor) if isinstance(m, nn.Module))
        with torch.no_grad(), evaluating(whole):
            H: Tensor = encoder(x, graph)
            entries = encoder.entries(graph, H.dtype)  # type: ignore[operator]  # _added asked
            base = encoder.base_weight(entries)  # type: ignore[operator]
            weight = reweight_edges(
                H,
                entries.index,
                base_weight=base,
                aug_weight=entries.normalized(self.aug),
                scorer=lambda product: self._scores(predictor, product),
                alpha=self.alpha,
                orientation=self.orientation,
            )
            added.set(entries.index, weight - base)
        return True

    def _scores(self, predictor: Callable[[Tensor], Tensor], product: Tensor) -> Tensor:
        if self.score == "constant":
            return product.new_zeros(product.shape[0])
        return predictor(product).sigmoid()

    def on_epoch_start(self, model: nn.Module, problem: Any, epoch: int) -> Any:  # noqa: ANN401
        """Refuse a model that cannot be re-weighted before it is trained."""
        _parts(model, problem)
        return problem

    def on_epoch_end(
        self,
        model: nn.Module,
        problem: Any,  # noqa: ANN401
        epoch: int,
        values: Mapping[str, float],
    ) -> None:
        """Update the weights after the epoch's evaluation."""
        encoder, predictor, inputs = _parts(model, problem)
        self.maybe_update(epoch, encoder, predictor, inputs.x, inputs.graph)

    def state_dict(self) -> dict[str, Any]:
        """Return the settings; the weights are in the model's state."""
        return dict(self.settings)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Compare the settings with those of a checkpoint.

        Raises:
            CheckpointError: They differ: the training cannot be continued exactly.
        """
        if dict(state) != self.settings:
            raise CheckpointError(
                f"the checkpoint was re-weighted with {dict(state)}, not with {self.settings}. "
                "Use its settings, or another folder."
            )

    def __repr__(self) -> str:
        return f"EdgeReweighter({', '.join(f'{k}={v!r}' for k, v in self.settings.items())})"


def _parts(model: nn.Module, problem: Any) -> tuple[nn.Module, nn.Module, Any]:  # noqa: ANN401
    """Return encoder, predictor, and the training inputs of a link problem."""
    encoder, predictor = getattr(model, "encoder", None), getattr(model, "predictor", None)
    inputs = getattr(problem, "inputs", None)
    fits = isinstance(encoder, nn.Module) and isinstance(predictor, nn.Module)
    if not fits or inputs is None or not hasattr(model, "score"):
        raise InputError(
            f"{type(model).__name__} cannot be re-weighted: that takes a link model with an "
            "encoder that has weights and a predictor of products: tc-gcn, tc-sage or lightgcn."
        )
    _added(encoder)  # type: ignore[arg-type]  # a module, as fits says
    return encoder, predictor, inputs  # type: ignore[return-value]


def _added(encoder: nn.Module) -> AddedWeights:
    added = getattr(encoder, "added", None)
    if not isinstance(added, AddedWeights):
        raise InputError(
            f"{type(encoder).__name__} takes no edge weights, so it cannot be re-weighted. Use an "
            "encoder that does: WeightedEncoder or LightGCNEncoder (tc-gcn, tc-sage, lightgcn)."
        )
    return added
