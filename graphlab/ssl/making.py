"""From the name of a pretext task to the task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphlab.errors import InputError
from graphlab.ssl.attribute_tasks import AttributeMask, PairwiseAttrSim
from graphlab.ssl.catalogue import setting_problem, task_name
from graphlab.ssl.label_tasks import ContextLabel, CorrectedLabel
from graphlab.ssl.structure_tasks import (
    Distance2Clusters,
    Distance2Labeled,
    EdgeMask,
    NodeProperty,
    PairwiseDistance,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from graphlab.ssl.base import Compat, PretextTask

__all__ = ["make_task"]

_CLASSES: dict[str, type[PretextTask]] = {
    "nodeproperty": NodeProperty,
    "edgemask": EdgeMask,
    "pairwisedistance": PairwiseDistance,
    "distance2clusters": Distance2Clusters,
    "attributemask": AttributeMask,
    "pairwiseattrsim": PairwiseAttrSim,
    "distance2labeled": Distance2Labeled,
    "correctedlabel": CorrectedLabel,
}
_SOURCES = {"lpcontextlabel": "lp", "icacontextlabel": "ica", "combinedcontextlabel": "ensemble"}


def make_task(
    name: str, options: Mapping[str, Any] | None = None, *, compat: Compat = None
) -> PretextTask:
    """Build a pretext task by its name.

    Args:
        name: One of :data:`SUPPORTED`; case, ``-`` and ``_`` do not matter.
        options: Arguments of its class.
        compat: See :class:`PretextTask`.

    Raises:
        InputError: No such task, or no such option.

    Example:
        >>> make_task("Distance2Labeled")
        Distance2Labeled()
        >>> make_task("edge-mask", {"fraction": 0.2}).fraction
        0.2
    """
    options = dict(options or {})
    problem = setting_problem({"task": name, "options": options})
    if problem is not None:
        raise InputError(problem)
    known = str(task_name(name))
    if known in _SOURCES:
        source: Any = _SOURCES[known]
        return ContextLabel(source, compat=compat, **options)
    build: Callable[..., PretextTask] = _CLASSES[known]
    return build(compat=compat, **options)
