"""A process that helps another one to train: it writes no record and decides nothing.

Started by ``graphlab.bench._team`` for ``run --devices N``, or by ``torch.distributed.run``.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import traceback
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphlab.bench._process import die_with_parent, leave, output_to
from graphlab.bench._team import agreed, join, receive

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphlab.bench._inputs import CellData

__all__ = ["follow", "main"]


def main() -> None:
    """Join the process that has started this one, and follow it to the end."""
    job = json.load(sys.stdin)
    die_with_parent(job["parent"], job["lifeline"])
    ignore_signals()
    join(rank=job["rank"], size=job["size"], device=job["device"], store=job["store"])
    follow()


def ignore_signals() -> None:
    """Leave it to process 0 to stop: it tells the others in a step that all know of."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def follow() -> None:
    """Train what process 0 says until it says that nothing is left."""
    from graphlab.bench._inputs import CellData

    warnings.simplefilter("ignore")  # process 0 has the same ones, and records them
    logging.getLogger("graphlab").setLevel(logging.ERROR)
    cell = CellData()
    while (job := receive()) is not None:
        with output_to(Path(job["run_dir"]) / "log.txt"):
            _train(job, cell)


def _train(job: Mapping[str, Any], cell: CellData) -> None:
    from graphlab.bench._execution import computing, seeded
    from graphlab.bench._inputs import make_model, make_problem, model_card
    from graphlab.bench.plan import RunSpec
    from graphlab.train import Recipe, Trainer, TrainingDiverged, local_device

    spec = RunSpec.from_json(job["spec"])
    device = str(local_device(job["device"]))
    with computing(device, job["threads"]), seeded(spec.seed):
        try:
            card = model_card(spec)
            task, problem = make_problem(spec, card, cell.get(spec), device)
            model = make_model(spec, card, task, problem, device)
        except Exception:  # whatever a model raises
            _tell_error()
            agreed(ready=False)
            return
        if not agreed(ready=True):
            return
        try:
            Trainer(device=device, detect_anomaly=job["detect_anomaly"]).fit(
                model,
                task,
                problem,
                recipe=Recipe.from_dict(spec.recipe),
                run_dir=job["run_dir"],
                seed=spec.seed,
                evaluate_test=spec.evaluate_test,
            )
        except TrainingDiverged:
            return  # in all processes; process 0 records it
        except Exception:
            _tell_error()
            raise


def _tell_error() -> None:
    rank = os.environ.get("RANK", "?")
    text = f"process {rank}: {traceback.format_exc()}"
    os.write(2, text.encode(errors="replace"))


if __name__ == "__main__":
    main()
    leave(0)
