"""The critical-difference diagram: average ranks, and bars over systems not told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.ticker import MaxNLocator

from graphlab.bench.report.plots_canvas import draw_svg, fitting
from graphlab.bench.report.series import Series
from graphlab.bench.report.svg import GRID, INK, MUTED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from graphlab.bench.report.ranks import Ranking

__all__ = ["rank_diagram"]

_BAR = 0.055  # distance of the bars, as a share of the axis
_ROOM = 120.0  # points for a name


def rank_diagram(key: str, ranking: Ranking) -> str:
    """Draw one row a system, the best on top, at its average rank.

    Bars at the right join systems that the test does not tell apart; the length of the critical
    difference is drawn above. Names stand beside their row, where they can be read on a narrow
    page, and not at the end of bent lines.

    Args:
        key: Makes ids unique on a page.
        ranking: What is drawn.
    """
    systems = ranking.systems
    count = len(systems)

    def draw(figure: Figure) -> None:
        axis = figure.subplots()
        for place, (index, name, rank) in enumerate(systems):
            one = Series(name, index)
            axis.plot([rank], [place], ls="", marker=one.marker, ms=7, color=one.color)
            axis.annotate(
                f"{rank:.2f}",
                (rank, place),
                xytext=(7, 0),
                textcoords="offset points",
                va="center",
                color=INK,
                fontsize=9,
            )
        axis.set_yticks(range(count), [fitting(name, _ROOM) for _, name, _ in systems])
        axis.set_ylim(count - 0.5, -1.6)
        axis.set_xlim(1 - 0.04 * (count - 1), count + 0.1 * (count - 1))
        axis.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
        axis.tick_params(axis="y", length=0)
        axis.grid(axis="y", visible=False)
        axis.hlines(range(count), 1, count, GRID, lw=0.6, zorder=0)
        axis.set_xlabel(f"average rank over {len(ranking.datasets)} data sets (1 is best)")
        _ruler(axis, ranking.difference)
        for lane, (first, last) in enumerate(ranking.groups):
            axis.plot(
                [1.03 + _BAR * _lane(ranking.groups, lane)] * 2,
                [first - 0.22, last + 0.22],
                transform=axis.get_yaxis_transform(),
                clip_on=False,
                color=INK,
                lw=3,
                solid_capstyle="butt",
            )

    parts = [f"{name}: {rank:.2f}" for _, name, rank in systems]
    joined = [
        f"{systems[first][1]} to {systems[last][1]} are not told apart"
        for first, last in ranking.groups
    ]
    return draw_svg(
        key,
        draw,
        height=1.2 + 0.3 * count,
        title=f"Average ranks, {ranking.title}",
        text=f"{'; '.join([*parts, *joined])}. Critical difference {ranking.difference:.2f}.",
    )


def _ruler(axis: Axes, difference: float) -> None:
    """The critical difference as a length, above the first row."""
    axis.plot([1, 1 + difference], [-0.85, -0.85], color=MUTED, lw=1.4)
    for end in (1, 1 + difference):
        axis.plot([end, end], [-0.97, -0.73], color=MUTED, lw=1.4)
    axis.annotate(
        f"critical difference {difference:.2f}",
        (1, -0.85),
        xytext=(0, 4),
        textcoords="offset points",
        color=MUTED,
        fontsize=9,
    )


def _lane(groups: tuple[tuple[int, int], ...], number: int) -> int:
    """Column of a bar: the first one where it touches no earlier bar."""
    lanes: list[int] = []  # last place of each column
    for first, last in groups[: number + 1]:
        free = next((i for i, end in enumerate(lanes) if end < first), len(lanes))
        lanes[free : free + 1] = [last]
    return free
