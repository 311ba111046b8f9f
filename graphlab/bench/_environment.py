"""Two records of one run: where their environments differ, and what is promised between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from graphlab.bench.record import RunRecord

__all__ = ["Difference", "Level", "environment_differences", "promised_level"]

Level = Literal["exact", "close", "statistical"]

#: Other versions of these may compute otherwise altogether.
_VERSIONS: Final = ("graphlab", "python", "torch", "numpy", "scipy", "numba", "accelerate", "blas")
#: With another one of these the same operations are rounded in another order.
_ROUNDING: Final = ("cpu", "cpu_capability", "threads", "devices", "processes")
_DEVICES: Final = ("device", "gpu", "driver")
#: Told to the reader; the numbers do not follow from them.
_FOR_READERS: Final = ("cores", "ram_bytes", "platform")


@dataclass(frozen=True)
class Difference:
    """A fact of the environment that is not as it was.

    Attributes:
        name: Such as ``"threads"``.
        recorded: What the record says.
        here: What is now.
    """

    name: str
    recorded: Any  # numbers, texts, None
    here: Any

    def __str__(self) -> str:
        """Return one line for people."""
        return f"{self.name}: {_text(self.recorded)} recorded, {_text(self.here)} here"


def environment_differences(recorded: RunRecord, here: RunRecord) -> tuple[Difference, ...]:
    """Return versions, source, processor, threads and device that differ, in this order.

    Args:
        recorded: The record in question.
        here: Of the same run, executed now.
    """
    code = (*_VERSIONS, "source_sha256", "git_commit")
    machine = (*_ROUNDING, *_DEVICES, *_FOR_READERS)
    pairs: list[tuple[str, object, object]]
    pairs = [(name, recorded.code, here.code) for name in code]
    pairs += [(name, recorded.machine, here.machine) for name in machine]
    return tuple(
        Difference(name, getattr(old, name), getattr(new, name))
        for name, old, new in pairs
        if getattr(old, name) != getattr(new, name)
    )


def promised_level(recorded: RunRecord, here: RunRecord) -> tuple[Level, str]:
    """Return how equal two executions of one run must be, and why.

    ``exact``: bit for bit, on a processor with the same versions, source, processor and threads.
    ``close``: within a tolerance, where only the order of rounding may differ. ``statistical``:
    on a graphics card, or with other versions.
    """
    different = {difference.name for difference in environment_differences(recorded, here)}
    versions = [name for name in _VERSIONS if name in different]
    levels = {recorded.machine.determinism, here.machine.determinism}
    rounding = [name.replace("_", " ") for name in _ROUNDING if name in different]
    several = max(recorded.machine.processes, here.machine.processes) > 1
    rules: tuple[tuple[bool, Level, str], ...] = (
        (bool(versions), "statistical", f"other version of {', '.join(versions)}"),
        (not different.isdisjoint(_DEVICES), "statistical", "another device"),
        ("statistical" in levels, "statistical", f"{recorded.machine.device} promises no more"),
        (bool(rounding), "close", f"other {', '.join(rounding)}"),
        ("source_sha256" in different, "close", "other source of graphlab"),
        (several or "close" in levels, "close", "several processes"),
    )
    for holds, level, why in rules:
        if holds:
            return level, why
    return "exact", "same versions, threads and processor"


def _text(value: object) -> str:
    if value is None:
        return "nothing"
    text = str(value)
    return text if len(text) <= 40 else f"{text[:12]}..."
