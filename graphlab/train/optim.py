"""Parameter groups, optimiser and learning-rate schedule of a recipe."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from graphlab.errors import ConfigError

if TYPE_CHECKING:
    from graphlab.train.recipes import Recipe

__all__ = ["Schedule", "make_optimizer"]


def make_optimizer(
    model: nn.Module, recipe: Recipe, extra: Iterable[nn.Parameter] = ()
) -> torch.optim.Optimizer:
    """Build the optimiser of a recipe.

    A model may define ``parameter_groups() -> dict[str, list[Parameter]]``; then learning rate
    and weight decay may be given for each name, and gradients are clipped group by group.

    Args:
        model: Its trainable parameters are optimised.
        recipe: Names the optimiser and its rates.
        extra: Further parameters, of callbacks; they take the first group's rates.

    Raises:
        ConfigError: Rates are given for groups that the model does not have, or not for all;
            or the model's groups leave a parameter out.
    """
    named = _groups(model)
    for setting in ("lr", "weight_decay"):
        value = getattr(recipe, setting)
        if isinstance(value, Mapping) and set(value) != set(named):
            raise ConfigError(
                f"{setting} is given for {', '.join(sorted(value))}, but the parameter groups of "
                f"{type(model).__name__} are {', '.join(named)}."
            )
    groups: list[dict[str, Any]] = [
        {
            "params": list(parameters),
            "lr": _of_group(recipe.lr, name),
            "weight_decay": _of_group(recipe.weight_decay, name),
        }
        for name, parameters in named.items()
    ]
    groups[0]["params"].extend(extra)
    groups = [group for group in groups if group["params"]]
    if not groups:
        raise ConfigError(f"{type(model).__name__} has no trainable parameter.")
    # One kernel over all parameters: on the CPU a third of the time of torch's default, which
    # walks through them one by one. Equal up to rounding.
    fused = {parameter.device.type for group in groups for parameter in group["params"]} <= {
        "cpu",
        "cuda",
    }
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(groups, momentum=recipe.momentum, fused=fused)
    cls = torch.optim.AdamW if recipe.optimizer == "adamw" else torch.optim.Adam
    return cls(groups, fused=fused)


class Schedule:
    """Learning rates over the epochs.

    Warm-up and cosine are functions of the epoch; the plateau rule is torch's own.

    Args:
        optimizer: Its rates are changed in place.
        recipe: Names the schedule.
        lower: Whether the monitored value should fall.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, recipe: Recipe, *, lower: bool) -> None:
        self._optimizer = optimizer
        self._base = [group["lr"] for group in optimizer.param_groups]
        self._recipe = recipe
        self._plateau = None
        if recipe.schedule == "plateau":
            self._plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
                optimizer,
                mode="min" if lower else "max",
                factor=recipe.schedule_factor,
                patience=recipe.schedule_patience,
            )

    def start(self, epoch: int) -> None:
        """Set the rates of an epoch, counted from 1."""
        recipe = self._recipe
        warm = recipe.warmup_epochs
        if epoch <= warm:
            self._scale(epoch / warm)
        elif recipe.schedule == "cosine":
            share = (epoch - warm - 1) / (recipe.epochs - warm)
            for group, base in self._rates():
                low = min(recipe.schedule_min_lr, base)
                group["lr"] = low + (base - low) * (1 + math.cos(math.pi * share)) / 2
        elif epoch == warm + 1 and warm:
            self._scale(1.0)

    def observe(self, epoch: int, value: float) -> None:
        """Tell the monitored value of an epoch; the plateau rule may lower the rates."""
        if self._plateau is not None and epoch > self._recipe.warmup_epochs:
            self._plateau.step(value)

    def exhausted(self) -> bool:
        """Whether some rate has fallen below the recipe's lowest."""
        return any(
            group["lr"] < self._recipe.schedule_min_lr for group in self._optimizer.param_groups
        )

    def rate(self) -> float:
        """Learning rate of the first group."""
        return float(self._optimizer.param_groups[0]["lr"])

    def state_dict(self) -> dict[str, Any]:
        """Return what the plateau rule remembers; the rates are in the optimiser's state."""
        return {} if self._plateau is None else self._plateau.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a remembered state."""
        if self._plateau is not None:
            self._plateau.load_state_dict(dict(state))

    def _rates(self) -> Iterator[tuple[dict[str, Any], float]]:
        """Groups beside their first rates; loading a state gives an optimiser new groups."""
        return zip(self._optimizer.param_groups, self._base, strict=True)

    def _scale(self, factor: float) -> None:
        for group, base in self._rates():
            group["lr"] = base * factor


def _groups(model: nn.Module) -> dict[str, list[nn.Parameter]]:
    """Return the model's trainable parameters by group; one group where it names none."""
    trainable = {name: p for name, p in model.named_parameters() if p.requires_grad}
    define = getattr(model, "parameter_groups", None)
    if define is None:
        return {"all": list(trainable.values())}
    groups = {name: [p for p in group if p.requires_grad] for name, group in define().items()}
    listed = [id(p) for group in groups.values() for p in group]
    missing = [name for name, p in trainable.items() if id(p) not in set(listed)]
    if missing or len(listed) != len(trainable):
        raise ConfigError(
            f"parameter_groups() of {type(model).__name__} must hold each parameter once; "
            f"it holds {len(listed)} of {len(trainable)}"
            + (f", without {missing[0]}." if missing else ".")
        )
    return groups


def _of_group(value: float | dict[str, float], name: str) -> float:
    return value[name] if isinstance(value, Mapping) else value
