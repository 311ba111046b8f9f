"""Training: one explicit epoch loop, recipes as plain values, checkpoints that resume exactly."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphlab.train._processes import local_device
    from graphlab.train.build import build_model
    from graphlab.train.callbacks import Callback
    from graphlab.train.checkpoint import load_checkpoint, remove_checkpoints, save_checkpoint
    from graphlab.train.recipes import RESULT_VERSION, Recipe, dagnn, plateau
    from graphlab.train.result import FitResult, Progress
    from graphlab.train.reweighting import EdgeReweighter
    from graphlab.train.self_supervision import SelfSupervision
    from graphlab.train.ssl_trainer import SSLResult, SSLTrainer
    from graphlab.train.step import TrainStep
    from graphlab.train.trainer import Trainer, TrainingDiverged

__all__ = [
    "RESULT_VERSION",
    "Callback",
    "EdgeReweighter",
    "FitResult",
    "Progress",
    "Recipe",
    "SSLResult",
    "SSLTrainer",
    "SelfSupervision",
    "TrainStep",
    "Trainer",
    "TrainingDiverged",
    "build_model",
    "dagnn",
    "load_checkpoint",
    "local_device",
    "plateau",
    "remove_checkpoints",
    "save_checkpoint",
]

_HOMES = {
    "_processes": ("local_device",),
    "build": ("build_model",),
    "callbacks": ("Callback",),
    "checkpoint": ("load_checkpoint", "remove_checkpoints", "save_checkpoint"),
    "recipes": ("RESULT_VERSION", "Recipe", "dagnn", "plateau"),
    "step": ("TrainStep",),
    "result": ("FitResult", "Progress"),
    "reweighting": ("EdgeReweighter",),
    "self_supervision": ("SelfSupervision",),
    "ssl_trainer": ("SSLResult", "SSLTrainer"),
    "trainer": ("Trainer", "TrainingDiverged"),
}


def __getattr__(name: str) -> Any:  # noqa: ANN401  (whatever the name stands for)
    """Import a public name on first use (PEP 562): recipes need no torch."""
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"graphlab.train.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
