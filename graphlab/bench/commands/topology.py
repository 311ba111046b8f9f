"""``graphlab-bench topology``: how concentrated the neighbourhoods of a data set's links are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from graphlab.bench.commands import _flags

if TYPE_CHECKING:
    from graphlab.tasks import LinkProblem

__all__ = ["command"]

_ENDINGS = (".csv", ".npz")


@click.command("topology", short_help="Topological concentration of a data set's links.")
@click.argument("dataset")
@click.option(
    "--protocol", metavar="ID", help="Split of the links.  [default: the first of the data set]"
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the split.")
@click.option(
    "--hops",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="K",
    help="Steps of concentration, approximation and density.",
)
@click.option("--atc", is_flag=True, help="The approximation too, in the limit of many dimensions.")
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write the values of all nodes there: .csv or .npz.",
)
@click.option(
    "--plot", metavar="FILE.svg", type=click.Path(path_type=Path), help="Draw the shift there."
)
@_flags.root
@_flags.as_json
def command(dataset: str, **flags: Any) -> None:  # noqa: ANN401  (values of the flags)
    """Show the topological concentration (TC) of the links of DATASET, a known data set.

    TC of a node is the share of its surroundings that its links have in common with it, from 0 to
    1; with --hops 1, of training links, it is the clustering coefficient. Surroundings are those
    of training edges alone. Where test links have lower values than training links, what is to be
    predicted is drawn from another distribution than what is learnt.

    Tables are printed: means and deciles over the nodes that have such links, the shift at the
    nodes with test links, and means over these by ranges of degrees.

    Exit codes: 0 done, 2 bad input or not enough memory.
    """
    from graphlab.errors import InputError

    out, plot = flags["out"], flags["plot"]
    _check_ending("--out", out, _ENDINGS)
    _check_ending("--plot", plot, (".svg",))
    for file in (out, plot):
        if file is not None and not file.absolute().parent.is_dir():
            raise InputError(f"{file.absolute().parent} is no folder. Make it, or choose another.")
    from graphlab.bench.topology_output import shown, summary, write_picture, write_values

    problem, protocol = _problem(dataset, flags)
    edges = {
        "train": problem.train.edges,
        "val": problem.val.pos,
        "test": problem.test.pos,
    }
    num_nodes = problem.inputs.graph.num_nodes
    values = _values(edges, num_nodes, flags)
    told = {
        "dataset": dataset,
        "protocol": protocol,
        "seed": flags["seed"],
        "hops": flags["hops"],
        **summary(values, edges, num_nodes),
        "files": [str(file) for file in (out, plot) if file is not None],
    }
    if out is not None:
        write_values(out, values)
    if plot is not None:
        write_picture(plot, f"{dataset}, {protocol}", told["shift"])
    if flags["as_json"]:
        _flags.echo_json(told)
        return
    from graphlab.bench.screen import show

    show(*shown(told))


def _check_ending(flag: str, file: Path | None, allowed: tuple[str, ...]) -> None:
    from graphlab.errors import InputError

    if file is not None and file.suffix.lower() not in allowed:
        raise InputError(f"{flag} {file}: the name must end in {' or '.join(allowed)}.")


def _problem(dataset: str, flags: dict[str, Any]) -> tuple[LinkProblem, str]:
    """Return the split as the link task makes it, with its checks, and the protocol."""
    from graphlab.datasets import load
    from graphlab.datasets.catalog import find_dataset
    from graphlab.errors import InputError
    from graphlab.tasks import LinkPrediction

    card = find_dataset(dataset)
    offered = card.protocols.get("link", ())
    if not offered:
        raise InputError(
            f"{card.name} has no links to predict: it offers no protocol of that task."
        )
    task = LinkPrediction(flags["protocol"] or offered[0])
    if task.protocol not in offered:
        raise InputError(
            f"protocol {task.protocol} is not offered for {card.name} (offered: "
            f"{', '.join(offered)})."
        )
    data = load(card.name, "link", root=flags["root"])
    return task.prepare(data, flags["seed"]), task.protocol


def _values(edges: dict[str, Any], num_nodes: int, flags: dict[str, Any]) -> dict[str, Any]:
    """Return the values of all nodes; --atc must not be left out silently."""
    from graphlab.analysis import node_values
    from graphlab.topology import atc_by_split

    values = node_values(edges, num_nodes, hops=flags["hops"], atc=False)
    if flags["atc"]:
        limit = atc_by_split(edges, num_nodes, flags["hops"], dim=None, layout="(E, 2)")
        values |= {f"atc_{name}": value.double() for name, value in limit.items()}
    return values
