"""Settings of edge re-weighting as plain values, checked without torch."""

from __future__ import annotations

import math
from collections.abc import Mapping

__all__ = ["EXPECTED", "complete", "setting_problem"]

_DEFAULTS: dict[str, object] = {
    "alpha": 1.0,
    "interval": 50,
    "warm_up": 50,
    "aug": "gcn",
    "orientation": "official",
    "score": "model",
}
_CHOICES = {
    "aug": ("gcn", "sage"),
    "orientation": ("official", "receiver"),
    "score": ("model", "constant"),
}
EXPECTED = (
    "a table of alpha (a number), interval and warm_up (integers of at least 1 and 0), aug ('gcn' "
    "or 'sage'), orientation ('official' or 'receiver') and score ('model' or 'constant')"
)


def setting_problem(values: object) -> str | None:
    """Say what is wrong with settings, the first thing that is; None if nothing.

    Example:
        >>> setting_problem({"alpha": 2, "interval": 0})
        'interval is 0, expected an integer >= 1.'
        >>> setting_problem({"alpha": 2}) is None
        True
    """
    if not isinstance(values, Mapping):
        return f"{values!r} is no table of settings."
    for name, value in values.items():
        if name not in _DEFAULTS:
            return f"{name} is not a setting of re-weighting ({', '.join(_DEFAULTS)})."
        if name in ("interval", "warm_up"):
            least = 1 if name == "interval" else 0
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                return f"{name} is {value!r}, expected an integer >= {least}."
        elif name == "alpha":
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not math.isfinite(value):
                return f"alpha is {value!r}, expected a finite number."
        else:
            first, second = _CHOICES[name]
            if value not in (first, second):
                return f"{name} is {value!r}, expected {first!r} or {second!r}."
    return None


def complete(values: Mapping[str, object]) -> dict[str, object]:
    """Return checked settings with the defaults written out, so that equal ones have one hash.

    Example:
        >>> complete({"alpha": 2, "interval": 1, "warm_up": 5})["alpha"]
        2.0
    """
    settings = {**_DEFAULTS, **values}
    return {**settings, "alpha": float(settings["alpha"])}  # type: ignore[arg-type]  # is a number
