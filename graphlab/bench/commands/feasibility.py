"""``graphlab-bench feasibility``: how near graphs to pre-train on are to those of a task."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from graphlab.bench.commands import _flags

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["command"]

_METHODS = ("hist", "sas", "lg", "mc", "usvt", "sba", "gwb", "sgwb", "fgwb", "sfgwb")
_FAMILIES = ("integrated", "domain", "topological")


@click.command("feasibility", short_help="Is pre-training on these graphs worth a try for those?")
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)
@click.option("--target", metavar="T", required=True, help="Set of the downstream task.")
@click.option(
    "--hops",
    type=click.IntRange(min=0),
    default=2,
    show_default=True,
    metavar="K",
    help="Steps from the center of an ego-graph.",
)
@click.option(
    "--num",
    default="0.1",
    show_default=True,
    metavar="N",
    help="Ego-graphs of a graph: a share of its nodes (0.1) or a number (400).",
)
@click.option(
    "--max-nodes",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    metavar="N",
    help="Leave larger ego-graphs out.",
)
@click.option(
    "--min-nodes",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    metavar="N",
    help="Leave smaller ego-graphs out.",
)
@click.option(
    "--method",
    type=click.Choice(_METHODS),
    default="hist",
    show_default=True,
    help="Estimator of graphons.",
)
@click.option(
    "--align",
    type=click.Choice(("stretch", "pad")),
    default="stretch",
    show_default=True,
    help="How graphs of different sizes are brought together.",
)
@click.option(
    "--r",
    type=click.IntRange(min=2),
    default=50,
    show_default=True,
    metavar="R",
    help="Cells on a side of a graphon.",
)
@click.option(
    "--families",
    multiple=True,
    type=click.Choice(_FAMILIES),
    help="Only this family of mixtures; repeat for more.  [default: all; domain needs two sources]",
)
@click.option(
    "--clusters",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    metavar="K",
    help="Bases of the topological family.",
)
@click.option(
    "--loss",
    type=click.Choice(("square", "kl")),
    default="square",
    show_default=True,
    help="Loss of the distance; kl as in the authors' code.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of all draws.")
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Write report.html and report.json there.",
)
@_flags.root
@_flags.as_json
def command(sources: tuple[str, ...], **flags: Any) -> None:  # noqa: ANN401  (values of the flags)
    """Say how near mixtures of the SOURCE sets come to the graphs of a downstream set.

    A set is the name of a data set; a graph file or a folder with edges, as for "orbits"; or an
    .npz that GraphCollection.save wrote. One graph is cut into ego-graphs, of a collection all
    graphs are taken. Edges count in both directions; features and labels do not enter.

    The score is minus a distance: 0 is best. It compares shapes of graphs, and was not shown to
    predict in general what pre-training gains.

    Exit codes: 0 done, 2 bad input or not enough memory.
    """
    from graphlab.bench.feasibility_input import Egos, read_sets
    from graphlab.bench.feasibility_output import NUMBERS, PAGE, shown, values, write
    from graphlab.pretraining import feasibility

    num, out = _num(flags["num"]), flags["out"]
    if out is not None:
        _make(out)
    egos = Egos(flags["hops"], num, flags["max_nodes"], flags["min_nodes"])
    options = {name: flags[name] for name in ("method", "align", "r", "loss", "seed")}
    possible = [name for name in _FAMILIES if name != "domain" or len(sources) > 1]
    options |= {"families": list(flags["families"]) or possible, "n_clusters": flags["clusters"]}
    with _warnings_as_lines() as told_already:
        found, target = read_sets(
            sources, flags["target"], egos, seed=flags["seed"], root=flags["root"]
        )
        report = feasibility({one.name: one.graphs for one in found}, target.graphs, **options)
        told_already.extend(report.warnings)
    limits = {"hops": egos.hops, "num": num, "max_nodes": egos.max_nodes}
    told = values(found, target, report, {**limits, "min_nodes": egos.min_nodes, **options})
    files = [] if out is None else [str(out / name) for name in (PAGE, NUMBERS)]
    if out is not None:
        write(out, told, report, _typed_again())
    told["files"] = files
    if flags["as_json"]:
        _flags.echo_json(told)
        return
    from graphlab.bench.screen import show

    show(*shown(told))


# -- private --------------------------------------------------------------------------------------


def _num(text: str) -> float | int:
    """Read a share of the nodes, with a point in it, or a number of them."""
    from graphlab.errors import InputError

    try:
        number: float | int = int(text) if text.isdecimal() else float(text)
    except ValueError:
        number = 0
    if not (number >= 1 if isinstance(number, int) else 0 < number <= 1):
        raise InputError(
            f"--num {text}: expected a share of the nodes, as 0.1, or their number, as 400."
        )
    return number


def _make(folder: Path) -> None:
    """Make the folder of the results before anything is read."""
    from graphlab.errors import InputError

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise InputError(f"--out {folder}: a file is in the way. Choose another folder.") from error


@contextmanager
def _warnings_as_lines() -> Iterator[list[str]]:
    """Write warnings for users to the error stream, each once; not those in the list yielded."""
    import warnings

    known: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield known
    for text in dict.fromkeys(str(w.message) for w in caught if w.category is UserWarning):
        if text not in known:
            click.echo(f"warning: {text}", err=True)


def _typed_again() -> str:
    """Return the command with the options that were given."""
    import shlex

    context = click.get_current_context()
    words: list[str] = []
    for param in context.command.params:
        source = context.get_parameter_source(str(param.name))
        if source is not click.core.ParameterSource.COMMANDLINE or not param.expose_value:
            continue
        value = context.params[str(param.name)]
        if isinstance(param, click.Argument):
            words = [*value, *words]
        elif param.multiple:
            words += [word for one in value for word in (param.opts[0], one)]
        elif value is True:
            words.append(param.opts[0])
        else:
            words += [param.opts[0], str(value)]
    return shlex.join(["graphlab-bench", "feasibility", *words])
