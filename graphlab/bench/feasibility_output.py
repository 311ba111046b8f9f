"""What ``graphlab-bench feasibility`` prints and writes: values, tables, and a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.pretraining.distance import gw_distance

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import RenderableType
    from rich.table import Table

    from graphlab.bench.feasibility_input import GraphSet
    from graphlab.pretraining.report import FeasibilityReport

__all__ = ["shown", "values", "write"]

PAGE, NUMBERS = "report.html", "report.json"
_MEANS = {
    "integrated": "all graphs together",
    "domain": "one base a source",
    "topological": "clusters of alike graphs",
}
_PLAIN = {
    "density": "density",
    "mean_degree": "mean degree",
    "size": "number of nodes",
    "degree_distribution": "degrees, 1-Wasserstein distance",
}
_LOSSES = {
    "square": "Gromov-Wasserstein distance with square loss, root of the objective.",
    "kl": "Root of the Gromov-Wasserstein objective with KL loss; it is not symmetric.",
}
_HEAVY = 0.005  # a weight that is not shown as 0.00
_MOST_BASES = 6  # heat maps; the rest weigh least


def values(
    sources: Sequence[GraphSet],
    target: GraphSet,
    report: FeasibilityReport,
    options: dict[str, Any],
) -> dict[str, Any]:
    """Return all that was found, as ``--json`` prints it.

    Args:
        sources: Sets to pre-train on.
        target: The downstream set.
        report: Of :func:`graphlab.pretraining.feasibility`.
        options: Settings to be told.
    """
    return {
        "sources": [one.to_dict() for one in sources],
        "target": target.to_dict(),
        "options": options,
        "alone": {
            name: gw_distance(base.step, report.target.step, loss=_loss(report)).distance
            for name, base in report.bases.items()
        },
        **report.to_dict(),
    }


def shown(told: dict[str, Any]) -> list[RenderableType]:
    """Return the tables of the values, the honest words beside them, and the written files."""
    from rich.text import Text

    from graphlab.bench.report.display import plain

    names = ", ".join(plain(one["name"]) for one in told["sources"])
    head = f"Feasibility of pre-training on {names} for {plain(told['target']['name'])}: "
    head += f"{told['score']:.4g}\n\n{_verdict(told)}\n"
    families = _table(
        ("family", "bases", "distance", "starts"),
        [
            [row["family"], str(row["K"]), f"{row['distance']:.4g}", str(row["starts"])]
            for row in told["families"]
        ],
    )
    bases = _table(
        ("base", "weight", "alone", "graphs", "density"),
        [
            [plain(name), f"{weight:.2f}", f"{told['alone'][name]:.4g}", *_sizes(told, name)]
            for row in told["families"]
            for name, weight in row["weights"].items()
        ],
    )
    statistics = _table(
        ("plain statistic", "apart"),
        [[_PLAIN.get(name, name), f"{apart:.4g}"] for name, apart in told["baselines"].items()],
    )
    sets = _table(
        ("set", "graphs", "nodes", "degree"),
        [
            [plain(one["name"]), f"{one['graphs']:,}", *_means(one)]
            for one in (*told["sources"], told["target"])
        ],
    )
    parts: list[RenderableType] = [Text(head), sets, Text(""), families, Text(""), bases, Text("")]
    parts += [statistics, Text(f"\n{told['caution']}")]
    parts += [Text(f"Note: {plain(text, 600)}") for text in told["warnings"]]
    if told["files"]:
        parts.append(Text(f"\nWritten: {', '.join(told['files'])}"))
    return parts


def write(folder: Path, told: dict[str, Any], report: FeasibilityReport, command: str) -> None:
    """Write the page and the numbers, each whole or not at all.

    Args:
        folder: Where; it exists.
        told: Of :func:`values`.
        report: For the pictures.
        command: Shown on the page.
    """
    from graphlab.bench.report.html import render
    from graphlab.io import atomic_write, write_json

    write_json(folder / NUMBERS, told)
    page = render("feasibility.html.j2", _content(told, report, command))
    atomic_write(folder / PAGE, page.encode())


# -- private --------------------------------------------------------------------------------------


def _loss(report: FeasibilityReport) -> Any:  # noqa: ANN401  (one of the literals)
    return report.loss


def _verdict(told: dict[str, Any]) -> str:
    text = (
        f"The nearest mixture is of the family {told['best_family']}, at a distance of "
        f"{-told['score']:.4g} from the downstream graphs. "
    )
    scale = told["structureless"]
    if told["loss"] != "square":
        return text.strip()
    if not scale:
        return text + "The downstream graphon is constant: every place is like every other."
    share = -told["score"] / scale
    text += f"Graphs of the same density without any structure are at {scale:.4g}; "
    if share > 1:
        return text + "the mixture is farther away than that."
    return text + f"the mixture is at {100 * share:.0f} % of that."


def _sizes(told: dict[str, Any], name: str) -> list[str]:
    graphon = told["graphons"][name]
    return [f"{graphon['n_graphs']:,}", f"{graphon['density']:.3g}"]


def _means(one: dict[str, Any]) -> list[str]:
    return [f"{one['mean_nodes']:.1f}", f"{one['mean_degree']:.2f}"]


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 1))
    for place, name in enumerate(heads):
        table.add_column(name, justify="right" if place else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table


def _content(told: dict[str, Any], report: FeasibilityReport, command: str) -> dict[str, Any]:
    best = told["best_family"]
    families = [
        {
            **row,
            "means": _MEANS[row["family"]],
            "distance": f"{row['distance']:.4g}",
            "best": row["family"] == best,
        }
        for row in told["families"]
    ]
    bases = [[_base(told, row, name) for name in row["weights"]] for row in told["families"]]
    roles = [*((one, "source") for one in told["sources"]), (told["target"], "downstream")]
    sets = [
        {**one, "role": role, "nodes": _means(one)[0], "degree": _means(one)[1]}
        for one, role in roles
    ]
    statistics = [
        {"name": _PLAIN.get(name, name), "apart": f"{apart:.4g}"}
        for name, apart in told["baselines"].items()
    ]
    facts = {
        "score": f"{told['score']:.4g}",
        "structureless": f"{-told['structureless']:.4g}",
        "family": best,
        "graphs": f"{sum(one['graphs'] for one in told['sources']):,}",
    }
    return {
        "sources": told["sources"],
        "target": told["target"],
        "facts": facts,
        "caution": told["caution"],
        "warnings": told["warnings"],
        "verdict": _verdict(told),
        "families": families,
        "loss": _LOSSES[told["loss"]],
        "bases": bases,
        "sets": sets,
        "baselines": statistics,
        "bars": _bars(told),
        "maps": _maps(told, report),
        "command": command,
    }


def _base(told: dict[str, Any], row: dict[str, Any], name: str) -> dict[str, Any]:
    graphs, density = _sizes(told, name)
    return {
        "name": _short(name),
        "family": row["family"],
        "weight": f"{row['weights'][name]:.2f}",
        "alone": f"{told['alone'][name]:.4g}",
        "graphs": graphs,
        "density": density,
        "best": row["family"] == told["best_family"] and row["weights"][name] >= _HEAVY,
    }


def _short(name: str) -> str:
    """Return a base without its family, which stands beside it; a cluster keeps the word."""
    family, _, rest = name.partition(":")
    if family == "integrated" and not rest:
        return "all graphs"
    return f"cluster {rest}" if family == "topological" else rest


def _bars(told: dict[str, Any]) -> list[dict[str, Any]]:
    from markupsafe import Markup

    from graphlab.bench.report.plots_feasibility import bars

    scale = ("no structure", told["structureless"]) if told["loss"] == "square" else None
    found = {row["family"]: row["distance"] for row in told["families"]}
    head = "Distance by family"
    svg = bars(
        "families", head, found, label="distance (0: alike)", best=told["best_family"], line=scale
    )
    made = [(head, svg, "The nearest family is in colour.")]
    weights = {_short(name): value for name, value in told["best_weights"].items()}
    if len(weights) > 1:
        head = f"Weights, family {told['best_family']}"
        svg = bars("weights", head, weights, label="weight")
        made.append((head, svg, "They sum to 1."))
    # drawn by us from numbers; every name in it is escaped there
    return [{"head": h, "svg": Markup(s), "caption": c} for h, s, c in made]  # noqa: S704


def _maps(told: dict[str, Any], report: FeasibilityReport) -> dict[str, Any]:
    """Heat maps of the bases that weigh most, their mixture, the target and the difference."""
    from markupsafe import Markup

    from graphlab.bench.report.plots_feasibility import heat_maps

    fit = report.best
    heavy = sorted(fit.weights, key=lambda name: -fit.weights[name])[:_MOST_BASES]
    maps = [
        (_short(name), f"weight {fit.weights[name]:.2f}", report.bases[name].step)
        for name in fit.weights
        if name in heavy
    ]
    mixture, target = report.mixture(), report.target.step
    mass = fit.coupling.sum(0)
    moved = fit.coupling.T @ mixture @ fit.coupling / np.outer(mass, mass)
    apart = np.abs(moved - target)
    maps += [
        ("mixture", f"density {mixture.mean():.3g}", mixture),
        ("downstream", f"density {target.mean():.3g}", target),
        ("difference", f"mean {apart.mean():.3g}", apart),
    ]
    left = len(fit.weights) - len(heavy)
    caption = f"Family {fit.family}." + (
        f" {left} bases of less weight are left out." if left else ""
    )
    svg = heat_maps("maps", "Graphons", maps)
    head = f"Nearest mixture for {told['target']['name']}"
    return {"head": head, "svg": Markup(svg), "caption": caption}  # noqa: S704  (as above)
