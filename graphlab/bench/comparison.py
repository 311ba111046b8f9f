"""Compares two sides run by run: paired differences, interval, test; or one side with papers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphlab.bench._paired import pair_results
from graphlab.bench._published import published_results
from graphlab.bench._sides import Side, side_of_name, side_of_records
from graphlab.bench.comparison_rows import PairResult, PublishedResult
from graphlab.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd
    from rich.console import Console, ConsoleOptions, RenderResult

    from graphlab.bench.record import RunRecord

__all__ = ["Comparison", "PairResult", "PublishedResult", "compare"]

_TEXT_WIDTH = 100


@dataclass(frozen=True, repr=False)
class Comparison:
    """Outcome of :func:`compare`; printed, it is a table.

    Attributes:
        a: The first side as it was named.
        b: The second side, or "published".
        rows: One a pair of systems, or one a published number.
        notes: Sentences that belong under the table.
    """

    a: str
    b: str
    rows: tuple[PairResult, ...] | tuple[PublishedResult, ...]
    notes: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """Return one row a pair of systems (or a published number); columns as in the rows."""
        import pandas as pd

        return pd.DataFrame([asdict(row) for row in self.rows])

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        rows = [asdict(row) for row in self.rows]
        return {"a": self.a, "b": self.b, "results": rows, "notes": list(self.notes)}

    def to_text(self, width: int = _TEXT_WIDTH) -> str:
        """Return plain text for a terminal of this many characters."""
        import io

        from rich.console import Console

        console = Console(file=io.StringIO(), width=width, color_system=None, legacy_windows=False)
        with console.capture() as capture:
            console.print(self)
        return "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return self.to_text().rstrip("\n")

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from graphlab.bench.report.comparison_view import renderables

        yield from renderables(self, options.max_width)


def compare(
    a: str | Path | Iterable[RunRecord],
    b: str | Path | Iterable[RunRecord] | None = None,
    *,
    metric: str | None = None,
    results: str | Path = "results",
    published: bool = False,
) -> Comparison:
    """Compare two sides over the runs that both have, or one side with published numbers.

    Args:
        a: Path of a folder (all results, a suite, a cell); the name of a suite with results, a
            system or a model; the first letters of a cell's id; or records, such as the result of
            :func:`graphlab.bench.run`.
        b: The other side; None with ``published``. Of two suites or folders systems of the same
            name are compared, else every system of ``a`` with every one of ``b``.
        metric: Test metric; by default the main one of each data set.
        results: Folder of all results, in which names are sought.
        published: Compare ``a`` with ``benchmarks/reference``.

    Raises:
        InputError: A side is not found or names several things; nothing can be paired.
        ConfigError: Two sides have different data or splits; every problem is listed.

    Example:
        >>> compare("GCN", "DAGNN").to_frame()[["dataset", "difference"]]  # doctest: +SKIP
    """
    first = _side(a, Path(results), "a")
    if published:
        if b is not None:
            raise InputError(
                "b is given together with published; published numbers are the other side."
            )
        return Comparison(first.label, "published", *published_results(first, metric))
    if b is None:
        raise InputError("b is missing; name the other side, or set published.")
    second = _side(b, Path(results), "b")
    return Comparison(first.label, second.label, *pair_results(first, second, metric))


def _side(name: str | Path | Iterable[RunRecord], results: Path, label: str) -> Side:
    if isinstance(name, str | Path):
        return side_of_name(str(name), results)
    return side_of_records(name, label)
