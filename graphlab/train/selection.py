"""Which epoch is selected and when training stops, from validation values alone."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

from graphlab.errors import ConfigError
from graphlab.registry import nearest
from graphlab.tasks.base import lower_is_better, reported

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphlab.tasks.base import Problem, Task
    from graphlab.train.recipes import Recipe

__all__ = ["Selection"]


class Selection:
    """Follows one validation value: remembers the best epoch, knows when to stop.

    Args:
        recipe: Names the value, the rule and the patience.
        task: Knows the direction of its metrics.
        problem: Knows which of them it reports, where the data decide; None: the task's first.

    Raises:
        ConfigError: The monitored value is neither the loss nor a metric of the task.
    """

    def __init__(self, recipe: Recipe, task: Task, problem: Problem | None = None) -> None:
        names = ["loss", "metric", *(metric.name for metric in task.metrics)]
        if recipe.monitor not in names:
            near = nearest(recipe.monitor, names, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise ConfigError(
                f"monitor is {recipe.monitor!r}; expected one of {', '.join(names)}.{hint}"
            )
        self.monitor = recipe.monitor
        if self.monitor == "metric":
            metric = reported(task, problem)[0]
            self.monitor, self.lower = metric.name, not metric.higher_is_better
        else:
            self.lower = lower_is_better(task, self.monitor)
        self._recipe = recipe
        self._recent: deque[float] = deque(maxlen=recipe.patience + 1)
        self._best = math.inf  # of the value, its sign turned where more is better
        self._since_best = 0
        self.best_epoch = 0

    def value(self, values: Mapping[str, float]) -> float:
        """Return the monitored value.

        Raises:
            ConfigError: The problem does not report a value of this name.
        """
        if self.monitor not in values:
            raise ConfigError(
                f"monitor is {self.monitor!r}, but this problem reports {', '.join(values)}."
            )
        return values[self.monitor]

    def update(self, epoch: int, values: Mapping[str, float]) -> bool:
        """Take an epoch's validation values; return whether the epoch is the best so far."""
        value = self.value(values)
        signed = value if self.lower else -value
        self._recent.append(signed)
        improved = signed < self._best
        tied = signed == self._best and self._recipe.ties == "last"
        self._since_best = 0 if improved or tied else self._since_best + 1
        if improved or tied:
            self._best, self.best_epoch = signed, epoch
        return improved or tied

    def should_stop(self, epoch: int) -> bool:
        """Tell whether the recipe's rule ends the training after this epoch."""
        if self._recipe.stop == "patience":
            return self._since_best >= self._recipe.patience
        if self._recipe.stop == "dagnn":
            *before, current = self._recent
            late = epoch > self._recipe.epochs // 2
            return late and bool(before) and current > math.fsum(before) / len(before)
        return False
