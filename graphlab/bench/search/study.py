"""The study of a search: a journal file that any number of processes write, and locks.

Optuna keeps the trials in ``journal.log`` and proposes their values. Its journal has no heartbeat,
so each running trial holds a lock of the kernel, which ends with its process however that one
ends: a running trial without its lock is lost, and is repeated once.
"""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import optuna
from optuna.trial import FrozenTrial, TrialState

from graphlab.bench.search._journal import JOURNAL, hold, locked, open_journal, readable
from graphlab.errors import ConfigError
from graphlab.seeding import derive_seed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from graphlab.bench.search.space import Range

__all__ = ["JOURNAL", "TRIALS_TO_JUDGE", "Claim", "Outcome", "Study", "TrialRow"]

Status = Literal[
    "done", "timeout", "diverged", "failed", "out-of-memory", "lost", "interrupted", "running"
]
TRIALS_TO_JUDGE: Final = 10
_UNCOUNTED: Final = ("lost", "interrupted")


@dataclass(frozen=True)
class Outcome:
    """How a trial ended.

    Attributes:
        status: ``"done"`` and ``"timeout"`` have a value.
        value: Validation value, the mean over the seeds.
        message: Why there is no value.
        seconds: Time of its trainings.
    """

    status: Status
    value: float | None = None
    message: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class TrialRow:
    """One trial as the study knows it.

    Attributes:
        number: Counted from 0.
        status: As of an :class:`Outcome`; also ``"lost"`` (its process was ended),
            ``"interrupted"``, ``"running"``.
        value: Validation value.
        params: Setting -> value.
        message: Why there is no value.
        seconds: Time of its trainings.
        retry_of: The trial whose values it repeats.
    """

    number: int
    status: str
    value: float | None
    params: dict[str, Any]
    message: str = ""
    seconds: float | None = None
    retry_of: int | None = None

    @property
    def counted(self) -> bool:
        """Whether it is a finished trial: with a value, diverged or failed."""
        return self.status not in (*_UNCOUNTED, "running")


@dataclass(frozen=True)
class Claim:
    """A trial that this process executes; its lock is held until :meth:`Study.finish`."""

    trial: optuna.Trial
    params: dict[str, Any]
    handle: int

    @property
    def number(self) -> int:
        """Number of the trial."""
        return self.trial.number


class Study:
    """A study that exists.

    Args:
        folder: Its folder.
        name: Its name.

    Raises:
        InputError: Its journal cannot be read.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        self._storage = open_journal(folder / JOURNAL)
        with readable(folder):
            self._study = optuna.load_study(study_name=name, storage=self._storage)

    @classmethod
    def open(
        cls,
        folder: Path,
        name: str,
        *,
        fingerprint: str,
        make: Callable[[], tuple[str, bool, Mapping[str, Any]]],
    ) -> Study:
        """Open a study for writing; make it if there is none, once however many try.

        Args:
            folder: Its folder.
            name: Its name.
            fingerprint: Hash of what all its trials share.
            make: Returns, for a new study, the name of the compared value, whether less is better,
                and the values of the first trial.

        Raises:
            ConfigError: The study was begun with another space, data set or setting.
        """
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / "study.lock"):
            if not cls.exists(folder, name):
                metric, lower, start = make()
                study = optuna.create_study(
                    study_name=name,
                    storage=open_journal(folder / JOURNAL),
                    direction="minimize" if lower else "maximize",
                    load_if_exists=True,
                )
                study.set_user_attr("metric", metric)
                if start:
                    study.enqueue_trial(dict(start), skip_if_exists=True)
                study.set_user_attr("fingerprint", fingerprint)  # last: now it is complete
        found = cls(folder, name)
        found.check(fingerprint)
        return found

    @staticmethod
    def exists(folder: Path, name: str) -> bool:
        """Whether a complete study of this name is in a folder.

        Raises:
            InputError: There is a journal, but it cannot be read.
        """
        path = folder / JOURNAL
        if not path.is_file():
            return False
        with readable(folder):
            for summary in open_journal(path).get_all_studies():
                if summary.study_name == name:
                    return "fingerprint" in summary.user_attrs
        return False

    def check(self, fingerprint: str) -> None:
        """Refuse trials that could not be compared with those there are.

        Raises:
            ConfigError: The fingerprint is another.
        """
        if self._study.user_attrs.get("fingerprint") != fingerprint:
            raise ConfigError(
                f"The study {self.name} in {self.folder} searches something else: another space, "
                "data set, setting, objective or number of seeds. Leave --study out, or choose "
                "another name."
            )

    @property
    def metric(self) -> str:
        """Name of the validation value that is compared."""
        return str(self._study.user_attrs["metric"])

    @property
    def lower_is_better(self) -> bool:
        """Direction."""
        return self._study.direction == optuna.study.StudyDirection.MINIMIZE

    def rows(self) -> list[TrialRow]:
        """Return all trials that were begun, in order."""
        with readable(self.folder):
            trials = self._study.get_trials(deepcopy=False)
        return [_row(trial) for trial in trials if trial.state != TrialState.WAITING]

    def best(self) -> TrialRow | None:
        """Return the trial with the best value, the first of equal ones."""
        found = [row for row in self.rows() if row.counted and row.value is not None]
        sign = 1 if self.lower_is_better else -1
        return min(
            found, key=lambda row: (sign * float(row.value or 0.0), row.number), default=None
        )

    def importance(self) -> dict[str, float]:
        """Return the share of each setting in the variance of the values, the largest first.

        It is Optuna's functional analysis of variance (fANOVA): a forest of regression trees is
        fitted to the trials. The shares are therefore about the ranges that were searched, and
        rough when there are few trials.

        Returns:
            Setting -> share; they sum to 1. Empty with fewer than ten trials that have a value,
            and where all values are equal.

        Cost: about a second for 60 trials, 16 for 1,000.
        """
        with readable(self.folder):
            trials = self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        if len(trials) < TRIALS_TO_JUDGE or len({trial.value for trial in trials}) == 1:
            return {}
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
        try:
            found = optuna.importance.get_param_importances(self._study, evaluator=evaluator)
        except RuntimeError:  # the trees see no difference between the values
            return {}
        return {name: float(share) for name, share in found.items()}

    def claim(self, target: int, space: Sequence[Range]) -> Claim | Literal["wait", "finished"]:
        """Begin a trial, unless the study has or will have as many as it shall.

        Args:
            target: Finished trials that the study shall have.
            space: What a trial sets.

        Returns:
            The trial; ``"wait"`` while the last ones are executed elsewhere, since one may be lost.
        """
        with locked(self.folder / "study.lock"):
            self._fail_lost()
            rows = self.rows()
            finished = sum(row.counted for row in rows)
            if finished >= target:
                return "finished"
            begun = finished + sum(row.status == "running" for row in rows)
            if begun >= target:
                return "wait"
            self._study.sampler = _sampler(self.name, begun)
            trial = self._study.ask()
            handle = hold(self._lock(trial.number))
            assert handle is not None  # noqa: S101  (a new number, under the study's lock)
        params = {one.name: _suggest(trial, one) for one in space}
        return Claim(trial, params, handle)

    def finish(self, claim: Claim, outcome: Outcome) -> None:
        """Record how a trial ended, and let go of its lock.

        A diverged trial is pruned: the sampler then avoids its neighbourhood. An interrupted one
        is queued to be executed again.
        """
        trial, retry_of = claim.trial, claim.trial.user_attrs.get("retry_of")
        notes = {"status": outcome.status, "seconds": outcome.seconds, "message": outcome.message}
        for name, value in notes.items():
            if value:
                trial.set_user_attr(name, value)
        if outcome.value is not None:
            self._study.tell(trial, outcome.value)
        elif outcome.status == "diverged":
            self._study.tell(trial, state=TrialState.PRUNED)
        else:
            self._study.tell(trial, state=TrialState.FAIL)
            if outcome.status == "interrupted":
                again = {} if retry_of is None else {"retry_of": retry_of}
                self._study.enqueue_trial(claim.params, user_attrs=again)
        os.close(claim.handle)
        self._lock(claim.number).unlink(missing_ok=True)

    def end_lost(self) -> None:
        """Mark the trials whose process has ended."""
        with locked(self.folder / "study.lock"):
            self._fail_lost()

    # -- private --------------------------------------------------------------------------------

    def _lock(self, number: int) -> Path:
        return self.folder / f"trial-{number}.lock"

    def _fail_lost(self) -> None:
        for trial in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            path = self._lock(trial.number)
            handle = hold(path)
            if handle is None:
                continue
            retried = trial.user_attrs.get("retry_of") is not None
            status = "failed" if retried else "lost"
            message = f"Its process was ended{' twice' if retried else ''}."
            self._storage.set_trial_user_attr(trial._trial_id, "status", status)
            self._storage.set_trial_user_attr(trial._trial_id, "message", message)
            self._study.tell(trial.number, state=TrialState.FAIL)
            if not retried and trial.params:
                self._study.enqueue_trial(trial.params, user_attrs={"retry_of": trial.number})
            os.close(handle)
            path.unlink(missing_ok=True)


def _sampler(name: str, begun: int) -> optuna.samplers.BaseSampler:
    """Return a sampler of its own for each trial: continued, a study goes on as it would have."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        seed = derive_seed(0, f"{name}/trial-{begun}") % 2**32
        return optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True)


def _suggest(trial: optuna.Trial, one: Range) -> Any:  # noqa: ANN401  (a value of any setting)
    if one.low is None or one.high is None:
        return trial.suggest_categorical(one.name, one.choices)
    if one.integer:
        return trial.suggest_int(one.name, int(one.low), int(one.high), log=one.log)
    return trial.suggest_float(one.name, one.low, one.high, log=one.log)


def _row(trial: FrozenTrial) -> TrialRow:
    notes = trial.user_attrs
    finished = {TrialState.COMPLETE: "done", TrialState.PRUNED: "diverged"}
    status = finished.get(trial.state, "failed")
    return TrialRow(
        number=trial.number,
        status="running" if trial.state == TrialState.RUNNING else notes.get("status", status),
        value=trial.value if trial.state == TrialState.COMPLETE else None,
        params=dict(trial.params),
        message=notes.get("message", ""),
        seconds=notes.get("seconds"),
        retry_of=notes.get("retry_of"),
    )
