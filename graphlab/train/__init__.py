"""Training: one explicit epoch loop, recipes as plain values, checkpoints that resume exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphlab._lazy import lazy_names

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
    "graphlab.train._processes": ("local_device",),
    "graphlab.train.build": ("build_model",),
    "graphlab.train.callbacks": ("Callback",),
    "graphlab.train.checkpoint": ("load_checkpoint", "remove_checkpoints", "save_checkpoint"),
    "graphlab.train.recipes": ("RESULT_VERSION", "Recipe", "dagnn", "plateau"),
    "graphlab.train.step": ("TrainStep",),
    "graphlab.train.result": ("FitResult", "Progress"),
    "graphlab.train.reweighting": ("EdgeReweighter",),
    "graphlab.train.self_supervision": ("SelfSupervision",),
    "graphlab.train.ssl_trainer": ("SSLResult", "SSLTrainer"),
    "graphlab.train.trainer": ("Trainer", "TrainingDiverged"),
}


__getattr__, __dir__ = lazy_names(__name__, _HOMES)
