"""Building a model with seeded initial weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from graphlab.seeding import derive_seed, preserve_rng

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

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
        kwargs: All constructor arguments, those the task fills in included.
        seed: The run's seed.
        device: Where the model is moved to.

    Example:
        >>> first = build_model(torch.nn.Linear, {"in_features": 2, "out_features": 1}, seed=0)
        >>> again = build_model(torch.nn.Linear, {"in_features": 2, "out_features": 1}, seed=0)
        >>> torch.equal(first.weight, again.weight)
        True
    """
    cls: Any = model if isinstance(model, type) else model.load()
    with preserve_rng():
        torch.default_generator.manual_seed(derive_seed(seed, "init"))
        built: nn.Module = cls(**kwargs)
    return built.to(device)
