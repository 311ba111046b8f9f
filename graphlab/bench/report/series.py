"""What figures show of one system on one data set, and the colour, dash and marker it has."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphlab.bench.report.display import plain
from graphlab.bench.report.palette import SERIES
from graphlab.bench.report.svg import series_color

if TYPE_CHECKING:
    from graphlab.bench.record import RunRecord
    from graphlab.bench.report.curves import Curves
    from graphlab.bench.report.reference import Published

__all__ = ["DegreeValues", "Series", "degree_values"]

#: (Lowest, highest degree) -> (number of test samples, metric).
DegreeValues = dict[tuple[int, int], tuple[int, float]]

_DASHES = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))
_MARKERS = "osD^vPX*"
_NAME = 26


@dataclass(frozen=True)
class Series:
    """What the figures show of one system on one data set.

    Args:
        name: Row name.
        index: Position in the table; fixes colour, dash and marker in every figure.
        values: (seed, test value) of the runs with a result.
        remark: What is not as planned, such as ``"div. 2/10"``.
        published: Published number, or None.
        train_seconds: Median training seconds of a run.
        parameters: Learnable parameters.
        curves: Learning curves, one a run.
        by_degree: Range of degrees -> (number of test samples, metric), one mapping a run.
    """

    name: str
    index: int
    values: tuple[tuple[int, float], ...] = ()
    remark: str = ""
    published: Published | None = None
    train_seconds: float | None = None
    parameters: int | None = None
    curves: tuple[Curves, ...] = field(default=(), repr=False)
    by_degree: tuple[DegreeValues, ...] = field(default=(), repr=False)

    @property
    def label(self) -> str:
        """Name made short."""
        return plain(self.name, _NAME)

    @property
    def color(self) -> str:
        """Place-holder colour."""
        return series_color(self.index)

    @property
    def dash(self) -> Any:  # noqa: ANN401  (a matplotlib line style)
        """Line style; differs between systems that share a colour and between neighbours."""
        return _DASHES[(self.index + self.index // len(SERIES)) % len(_DASHES)]

    @property
    def marker(self) -> str:
        """Marker."""
        return _MARKERS[(self.index + self.index // len(SERIES)) % len(_MARKERS)]


def degree_values(run: RunRecord, metric: str) -> DegreeValues:
    """Return one metric of a run by ranges of degrees; what is not whole is left out.

    Args:
        run: The run; its record may hold no breakdown.
        metric: Name of the metric.
    """
    found: DegreeValues = {}
    for row in run.result.breakdowns.get("degree", []):
        low, high, count = (row.get(name) for name in ("low", "high", "count"))
        value = row.get(metric)
        if (
            isinstance(low, int)
            and isinstance(high, int)
            and isinstance(count, int)
            and isinstance(value, (int, float))
        ):
            found[low, high] = (count, float(value))
    return found
