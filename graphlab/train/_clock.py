"""Where the seconds of a training go; the monotonic clock, so that no clock change shows."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Clock"]


class Clock:
    """Seconds of set-up, training steps and evaluation, and of each epoch."""

    def __init__(self) -> None:
        self._started = self._mark = time.monotonic()
        self._earlier = self._prepare = self._train = self._evaluate = self._epoch = 0.0
        self._epochs: list[float] = []

    def elapsed(self) -> float:
        """Seconds since the start, those before a checkpoint included."""
        return self._earlier + time.monotonic() - self._started

    def prepared(self) -> None:
        """Mark the end of the set-up."""
        self._prepare += time.monotonic() - self._started

    def start(self) -> None:
        """Mark the start of an epoch, or of the final evaluation."""
        self._mark = time.monotonic()

    def trained(self) -> None:
        """Mark the end of an epoch's steps."""
        now = time.monotonic()
        self._epoch = now - self._mark
        self._train += self._epoch
        self._mark = now

    def evaluated(self) -> None:
        """Mark the end of an evaluation."""
        now = time.monotonic()
        self._evaluate += now - self._mark
        if self._epoch:
            self._epochs.append(self._epoch + now - self._mark)
        self._epoch = 0.0

    def seconds(self) -> dict[str, float]:
        """Return the sums, and the median of an epoch's training and evaluation together."""
        return {
            "prepare": self._prepare,
            "train": self._train,
            "evaluate": self._evaluate,
            "epoch_median": statistics.median(self._epochs) if self._epochs else 0.0,
        }

    def state_dict(self) -> dict[str, Any]:
        """Return what a continued training adds to."""
        parts = (self.elapsed(), self._prepare, self._train, self._evaluate)
        return {"parts": list(parts), "epochs": self._epochs}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Add the seconds before a checkpoint."""
        self._earlier, self._prepare, self._train, self._evaluate = state["parts"]
        self._epochs = list(state["epochs"])
