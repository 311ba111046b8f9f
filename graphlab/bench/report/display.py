"""How names and numbers are written in every output of the report."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

__all__ = [
    "FAILURE_WORDS",
    "TASKS",
    "MetricStyle",
    "compact",
    "metric_order",
    "metric_style",
    "plain",
    "seconds",
    "seconds_range",
    "spread",
]

NAME_LIMIT = 60
#: What may become of a run, other than to be done -> its word in a table cell.
FAILURE_WORDS = {
    "diverged": "div.",
    "out-of-memory": "out of memory",
    "timeout": "timeout",
    "failed": "failed",
    "missing": "no value",
    "altered": "altered",
}
#: Task -> its name in a heading.
TASKS = {
    "node": "Node classification",
    "link": "Link prediction",
    "graph": "Graph prediction",
    "temporal": "Temporal prediction",
}
_BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
_THOUSAND = 1000
_FINE = 0.01
_NEARLY_ONE = 0.9995  # shown in seconds from here on, as 1.0 s
_COARSE = 100
_TENTH = 0.1
_MINUTE = 60


@dataclass(frozen=True)
class MetricStyle:
    """How one metric is named, scaled and ranked.

    Args:
        label: Words in prose and on axes.
        short: Words in a column's head.
        scale: Factor from the stored value to the shown one.
        unit: Unit after scaling, "" for none.
        higher_is_better: Direction in which the best is sought.
        bounds: Limits of the shown value, None where there is none.
    """

    label: str
    short: str
    scale: float = 1.0
    unit: str = ""
    higher_is_better: bool = True
    bounds: tuple[float | None, float | None] = (0.0, None)

    @property
    def head(self) -> str:
        """Name with its unit, for a column's head or an axis."""
        return f"{self.short} {self.unit}".rstrip()

    @property
    def axis(self) -> str:
        """Name with its unit in brackets, for an axis."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    def number(self, value: float) -> str:
        """Write a stored value, scaled, with the decimals the table uses.

        Example:
            >>> metric_style("acc").number(0.8437)
            '84.4'
        """
        shown = value * self.scale
        if self.unit == "%":
            return f"{shown:.1f}"
        decimals = 4 if abs(shown) < 1 else 3 if abs(shown) < _COARSE else 1
        return f"{shown:.{decimals}f}"


def _percent(label: str, short: str) -> MetricStyle:
    return MetricStyle(label, short, 100.0, "%", bounds=(0.0, 100.0))


_STYLES = {
    "acc": _percent("accuracy", "accuracy"),
    "rocauc": _percent("ROC-AUC", "ROC-AUC"),
    "auc": _percent("ROC-AUC", "ROC-AUC"),
    "ap": _percent("average precision", "AP"),
    "mrr": _percent("mean reciprocal rank", "MRR"),
    "f1": _percent("F1", "F1"),
    "sbm_acc": MetricStyle("class-weighted accuracy", "accuracy", 1.0, "%", True, (0.0, 100)),
    "loss": MetricStyle("loss", "loss", higher_is_better=False),
    "mae": MetricStyle("mean absolute error", "MAE", higher_is_better=False),
    "rmse": MetricStyle("root mean squared error", "RMSE", higher_is_better=False),
}


def metric_style(name: str) -> MetricStyle:
    """Return how a metric is shown; unknown names are shown unscaled, higher is better.

    Example:
        >>> metric_style("hits@20").head, metric_style("loss").higher_is_better
        ('Hits@20 %', False)
    """
    if name in _STYLES:
        return _STYLES[name]
    if name.startswith("hits@"):
        return _percent(f"Hits@{name[5:]}", f"Hits@{name[5:]}")
    return MetricStyle(plain(name), plain(name))


def metric_order(name: str) -> tuple[int, int, str]:
    """Sort key of metrics side by side: Hits@K by K, then the others.

    Example:
        >>> sorted(["auc", "hits@100", "mrr", "hits@20", "ap"], key=metric_order)
        ['hits@20', 'hits@100', 'mrr', 'auc', 'ap']
    """
    if name.startswith("hits@") and name[5:].isdigit():
        return (0, int(name[5:]), name)
    usual = ("mrr", "auc", "rocauc", "ap")
    return (1, usual.index(name) if name in usual else len(usual), name)


def spread(style: MetricStyle, mean: float, std: float | None) -> str:
    """Write mean ± standard deviation; a single run has no spread.

    Example:
        >>> spread(metric_style("acc"), 0.844, 0.005), spread(metric_style("acc"), 0.844, None)
        ('84.4 ± 0.5', '84.4')
    """
    return style.number(mean) if std is None else f"{style.number(mean)} ± {style.number(std)}"


def plain(name: str, limit: int = NAME_LIMIT) -> str:
    r"""Make a name from outside fit for one line: no control or bidirectional characters, short.

    Example:
        >>> plain("two\nlines \x1b[31mred")
        'two lines [31mred'
    """
    letters = (
        " " if c.isspace() else c
        for c in name
        if c.isspace() or not (unicodedata.category(c).startswith("C") or c in _BIDI)
    )
    text = re.sub(r" +", " ", "".join(letters)).strip()
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"


def seconds(value: float) -> str:
    """Write a duration with the digits a reader can use.

    Example:
        >>> seconds(0.0042), seconds(3.217), seconds(75), seconds(7300)
        ('4.2 ms', '3.2 s', '1 min 15 s', '2 h 02 min')
    """
    if value < _NEARLY_ONE:
        return f"{value * _THOUSAND:.1f} ms" if value < _FINE else f"{value * _THOUSAND:.0f} ms"
    whole = round(value)
    if whole < _MINUTE:
        return f"{value:.1f} s"
    if whole < _MINUTE * _MINUTE:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    minutes = round(value / _MINUTE)
    return f"{minutes // _MINUTE} h {minutes % _MINUTE:02d} min"


def seconds_range(extent: tuple[float, float] | None) -> str:
    """Write the least and the largest of several durations, in one unit where that is readable.

    Example:
        >>> seconds_range((0.948, 2.71)), seconds_range((2.0, 2.0)), seconds_range(None)
        ('0.9 to 2.7 s', '2.0 s', '')
    """
    if extent is None:
        return ""
    low, high = extent
    if seconds(low) == seconds(high):
        return seconds(high)
    if 1 <= high < _MINUTE and low >= _TENTH:
        return f"{low:.1f} to {high:.1f} s"
    return f"{seconds(low)} to {seconds(high)}"


def compact(count: int) -> str:
    """Write a count of parameters in three digits.

    Example:
        >>> compact(92239), compact(999), compact(12000), compact(237_446)
        ('92.2k', '999', '12.0k', '237k')
    """
    value = float(count)
    for unit in ("", "k", "M", "G", "T"):
        if abs(value) < _THOUSAND - 0.5 or unit == "T":
            return f"{value:#.3g}".rstrip(".") + unit if unit else str(count)
        value /= _THOUSAND
    raise AssertionError
