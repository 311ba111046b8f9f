"""Names, settings and weights of the pretext tasks; needs no torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

__all__ = [
    "EXPECTED",
    "OPTIONS",
    "SUPPORTED",
    "complete",
    "default_weight",
    "setting_problem",
    "task_name",
]

OPTIONS: dict[str, dict[str, object]] = {
    "nodeproperty": {"property": "degree", "kind": "auto"},
    "edgemask": {"fraction": 0.1},
    "pairwisedistance": {"max_class": 4, "per_class": 4000},
    "distance2clusters": {"num_clusters": None, "partition": None},
    "attributemask": {"fraction": 0.1, "components": 256},
    "pairwiseattrsim": {"k": 3, "num_pairs": 5000},
    "distance2labeled": {},
    "lpcontextlabel": {"hops": 2, "fill": "none", "dropout": 0.5},
    "icacontextlabel": {"hops": 2, "dropout": 0.5, "binary_features": None},
    "combinedcontextlabel": {"hops": 2, "dropout": 0.5, "binary_features": None},
    "correctedlabel": {
        "source": "lp",
        "alpha": None,
        "num_corrected": None,
        "hops": 2,
        "fill": "none",
        "dropout": 0.5,
        "binary_features": None,
    },
}
"""Options of each task with their defaults; ``compat`` is a setting of its own."""

SUPPORTED = tuple(OPTIONS)
"""Names of the pretext tasks, as ``recipe.ssl.task`` and ``--ssl`` take them."""

_ALIASES = {
    "distancecluster": "distance2clusters",
    "distance2cluster": "distance2clusters",
    "distance2labelled": "distance2labeled",
    "ensemblecontextlabel": "combinedcontextlabel",
    "ensemble": "combinedcontextlabel",
    "contextlabel": "lpcontextlabel",
}
# configs.py of the authors' code; CiteSeer's entry for PairwiseAttrSim is misspelt there. Of the
# corrected labels, which it lacks, their scripts.
_WEIGHTS: dict[str, tuple[float, float, float]] = {
    "nodeproperty": (5, 0.1, 0.1),
    "edgemask": (10, 5, 5),
    "pairwisedistance": (20, 5, 5),
    "distance2clusters": (100, 10, 2000),
    "attributemask": (100, 5, 50),
    "pairwiseattrsim": (100, 5, 0.01),
    "distance2labeled": (100, 10, 1),
    "lpcontextlabel": (50, 1, 1),
    "icacontextlabel": (10, 10, 10),
    "combinedcontextlabel": (10, 8, 10),
    "correctedlabel": (10, 1, 1),
}
_ICA_CORRECTED = (10.0, 10.0, 10.0)
_DATASETS = ("cora", "citeseer", "pubmed")
_SETTINGS: dict[str, object] = {
    "task": None,
    "lam": None,
    "mode": "joint",
    "pretrain_epochs": 200,
    "embedding": "auto",
    "compat": None,
    "options": {},
}
_CHOICES: dict[str, tuple[object, ...]] = {
    "mode": ("joint", "two_stage"),
    "embedding": ("auto", "hidden", "output"),
    "compat": (None, "none", "official"),
}
EXPECTED = (
    "a table of task (a name, or a table of names and their weights), lam (a number, or none for "
    "the authors' of the data set), mode ('joint' or 'two_stage'), pretrain_epochs (an integer), "
    "embedding ('auto', 'hidden' or 'output'), compat ('official' or none) and options (a table)"
)


def task_name(name: str) -> str | None:
    """Return a task's name as it is written here, None for an unknown one.

    Example:
        >>> task_name("Distance2Labeled"), task_name("pair-wise_distance"), task_name("magic")
        ('distance2labeled', 'pairwisedistance', None)
    """
    plain = name.strip().lower().replace("-", "").replace("_", "").replace(" ", "")
    plain = _ALIASES.get(plain, plain)
    return plain if plain in OPTIONS else None


def default_weight(
    task: str, dataset: str | None, options: Mapping[str, object] | None = None
) -> float | None:
    """Return the authors' weight of a task on a data set; None where they have none.

    Example:
        >>> default_weight("distance2labeled", "citeseer"), default_weight("edgemask", "debdeps")
        (10.0, None)
    """
    if dataset not in _DATASETS or task not in _WEIGHTS:
        return None
    weights: tuple[float, ...] = _WEIGHTS[task]
    if task == "correctedlabel" and (options or {}).get("source", "lp") == "ica":
        weights = _ICA_CORRECTED
    return float(weights[_DATASETS.index(dataset)])


def setting_problem(values: object) -> str | None:  # noqa: PLR0911  (one for each reason)
    """Say what is wrong with settings of self-supervision, the first such thing; None if nothing.

    Example:
        >>> setting_problem({"task": "distance3labeled"})
        "task is 'distance3labeled'. Did you mean distance2labeled?"
        >>> setting_problem({"task": "edgemask", "lam": 5}) is None
        True
    """
    if not isinstance(values, Mapping):
        return f"{values!r} is no table of settings."
    for name in values:
        if name not in _SETTINGS:
            return f"{name} is not a setting of self-supervision ({', '.join(_SETTINGS)})."
    problem = _task_problem(values.get("task"))
    if problem is not None:
        return problem
    for name, choices in _CHOICES.items():
        if values.get(name, _SETTINGS[name]) not in choices:
            listed = ", ".join(repr(c) for c in choices if c is not None)
            return f"{name} is {values[name]!r}, expected {listed}."
    lam = values.get("lam")
    if lam not in (None, "none") and not _is_weight(lam):
        return f"lam is {lam!r}, expected a finite number >= 0."
    if lam not in (None, "none") and isinstance(values["task"], Mapping):
        return "lam is set beside a table of tasks, which has their weights: leave it out."
    epochs = values.get("pretrain_epochs", 1)
    if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1:
        return f"pretrain_epochs is {epochs!r}, expected an integer >= 1."
    return _options_problem(values["task"], values.get("options", {}))


def complete(values: Mapping[str, Any]) -> dict[str, object]:
    """Return checked settings with the defaults written out, so that equal ones have one hash.

    Example:
        >>> complete({"task": "EdgeMask", "lam": 5})["options"]
        {'fraction': 0.1}
    """
    settings = {**_SETTINGS, **values}
    task = settings["task"]
    if isinstance(task, Mapping):
        settings["task"] = {str(task_name(name)): float(lam) for name, lam in task.items()}
        settings["options"] = {}
    else:
        name = str(task_name(str(task)))
        settings["task"] = name
        given: Any = settings["options"]
        settings["options"] = {
            key: _alike(given.get(key, default), default) for key, default in OPTIONS[name].items()
        }
    lam: Any = settings["lam"]
    settings["lam"] = None if lam in (None, "none") else float(lam)
    settings["compat"] = None if settings["compat"] == "none" else settings["compat"]
    return settings


def _task_problem(task: object) -> str | None:  # noqa: PLR0911  (likewise)
    if task is None:
        return f"task is missing; expected one of {', '.join(SUPPORTED)}."
    if isinstance(task, Mapping):
        if not task:
            return "task is an empty table; name a task."
        for name, lam in task.items():
            problem = _task_problem(name)
            if problem is not None:
                return problem
            if not _is_weight(lam):
                return f"the weight of {name} is {lam!r}, expected a finite number >= 0."
        names = [task_name(str(name)) for name in task]
        return None if len(set(names)) == len(names) else "task names a task twice."
    if not isinstance(task, str):
        return f"task is {task!r}, expected a name or a table of names and weights."
    if task_name(task) is None:
        from graphlab.registry import nearest

        near = nearest(task, list(SUPPORTED), n=1)
        hint = f" Did you mean {near[0]}?" if near else f" Tasks: {', '.join(SUPPORTED)}."
        return f"task is {task!r}.{hint}"
    return None


def _options_problem(task: object, options: object) -> str | None:
    if not isinstance(options, Mapping):
        return f"options is {options!r}, expected a table."
    if isinstance(task, Mapping):
        return "options are for one task alone, but several are named." if options else None
    known = OPTIONS[str(task_name(str(task)))]
    for name in options:
        if name not in known:
            listed = ", ".join(known) or "it has none"
            return f"options.{name} is not an option of {task} ({listed})."
    return None


def _is_weight(value: object) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and value >= 0  # type: ignore[arg-type,operator]


def _alike(value: Any, default: object) -> Any:  # noqa: ANN401  (a value of any option)
    """Return 1 as 1.0 where the default is a float; the word none is None."""
    if value == "none" and default is None:
        return None
    whole = isinstance(value, int) and not isinstance(value, bool)
    return float(value) if isinstance(default, float) and whole else value
