"""Building a model with seeded initial weights."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from graphlab.errors import InputError
from graphlab.registry import FILLED_IN
from graphlab.seeding import derive_seed, preserve_rng

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphlab.registry import ModelCard

__all__ = ["build_model"]


def build_model(
    model: ModelCard | type[nn.Module],
    kwargs: Mapping[str, Any],
    seed: int,
    *,
    device: str | torch.device = "cpu",
) -> nn.Module:
    """Build a model whose initial weights are a function of the seed alone.

    Weights are drawn on the CPU, so that they are the same for every device; the caller's
    random state is not touched.

    Args:
        model: A registered model's card, or a class.
        kwargs: All constructor arguments. Of those that a task fills in (``in_channels``,
            ``out_channels``, ``num_ids``) the ones that the model does not have are left out.
        seed: The run's seed.
        device: Where the model is moved to.

    Raises:
        InputError: The data set has no node features, and the model can do nothing without.

    Example:
        >>> first = build_model(torch.nn.Linear, {"in_features": 2, "out_features": 1}, seed=0)
        >>> again = build_model(torch.nn.Linear, {"in_features": 2, "out_features": 1}, seed=0)
        >>> torch.equal(first.weight, again.weight)
        True
    """
    cls: Any = model if isinstance(model, type) else model.load()
    with preserve_rng():
        torch.default_generator.manual_seed(derive_seed(seed, "init"))
        built: nn.Module = cls(**_accepted(cls, kwargs))
    return built.to(device)


def _accepted(cls: type[nn.Module], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what the task filled in and the constructor does not take."""
    known = inspect.signature(cls).parameters
    anything = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in known.values())
    if anything and inspect.unwrap(cls.__init__) is not nn.Module.__init__:  # which takes none
        return dict(kwargs)
    if kwargs.get("num_ids") is not None and "num_ids" not in known and "in_channels" in known:
        raise InputError(
            f"{cls.__name__} needs node features, but the data set has none; choose a model with "
            "the argument num_ids, which learns an embedding of node ids."
        )
    return {k: v for k, v in kwargs.items() if k in known or k not in FILLED_IN}
