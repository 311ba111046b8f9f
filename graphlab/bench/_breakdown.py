"""Test results by a property of the samples, computed after the metrics and beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphlab.bench.record import Result

if TYPE_CHECKING:
    from graphlab.bench._log import RunLog
    from graphlab.tasks.base import Predictions

__all__ = ["broken_down"]


def broken_down(
    task: Any,  # noqa: ANN401  (a task of a user need not have ``breakdowns``)
    problem: Any,  # noqa: ANN401  (each task family has its own)
    predictions: Predictions | None,
    log: RunLog,
) -> dict[str, Any]:
    """Return what ``task.breakdowns(problem, predictions)`` gives, such as metrics by degree.

    The metrics of the run are known by then, so what fails here is logged and costs no result.

    Args:
        task: The task.
        problem: Where the predictions are from.
        predictions: Of test; None where it was not evaluated.
        log: Takes the traceback of an error.
    """
    import torch

    compute = getattr(task, "breakdowns", None)
    if compute is None or predictions is None:
        return {}
    try:
        with torch.no_grad():
            found = compute(problem, predictions)
        # validated here: what a record cannot hold must not reach it
        return dict(Result(status="done", breakdowns=found).breakdowns)
    except Exception as error:
        log.write("The breakdowns of the test result were left out:")
        log.write_error(error)
        return {}
