"""``graphlab-bench tokenize``: the sequences that a tokenizer makes of a graph."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from graphlab.bench.commands import _flags

if TYPE_CHECKING:
    from graphlab.tokenizers import Tokenizer

__all__ = ["command"]


@click.command("tokenize", short_help="Turn a graph into sequences of tokens.")
@click.argument("graph")
@click.option(
    "--tokenizer",
    "name",
    default="hac",
    show_default=True,
    metavar="NAME",
    help="node, edge, khop, random_walk, patch, or hac with _dfs, _bfs or _order behind.",
)
@click.option(
    "--set",
    "options",
    multiple=True,
    metavar="KEY=VALUE",
    help="Option of the tokenizer, as max_levels=4 or weight=unit; repeat for more.",
)
@click.option(
    "--cache",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep the sequences there; read them if they are there already.",
)
@click.option(
    "--plot", metavar="FILE.svg", type=click.Path(path_type=Path), help="Draw them there."
)
@click.option("--names", "named", is_flag=True, help="Take numbers in an edge list for names.")
@click.option("--num-nodes", type=click.IntRange(min=0), metavar="N", help="Number of nodes.")
@_flags.root
@_flags.as_json
def command(graph: str, **flags: Any) -> None:  # noqa: ANN401  (values of the flags)
    """Turn a graph into sequences of tokens, and tell what they are like.

    GRAPH is a file with edges, a folder, or the name of a data set, as for "orbits". Directions
    are ignored.

    Printed are numbers and lengths of the sequences, for hac the clusters of each level, and how
    many edges join nodes that stand close together in the sequence.

    Exit codes: 0 done, 2 bad input or not enough memory.
    """
    from graphlab.bench.orbit_input import read_input
    from graphlab.bench.token_output import distances, statistics, tables, write_picture
    from graphlab.errors import InputError
    from graphlab.tokenizers import cached_batch, tokens_key

    plot, cache = flags["plot"], flags["cache"]
    if plot is not None and plot.suffix.lower() != ".svg":
        raise InputError(f"--plot {plot}: the name must end in .svg.")
    if plot is not None and not plot.absolute().parent.is_dir():
        raise InputError(f"{plot.absolute().parent} is no folder. Make it, or choose another.")
    tokenizer = _tokenizer(flags["name"], flags["options"])
    given = {name: flags[name] for name in ("named", "num_nodes", "root")}
    found, _ = read_input(graph, **given)
    start = time.perf_counter()
    sequences = tokenizer.batch(found) if cache is None else cached_batch(tokenizer, found, cache)
    seconds = time.perf_counter() - start
    tokens = tokenizer.fit(found)
    values: dict[str, Any] = {
        "graph": graph,
        "tokenizer": flags["name"],
        "options": list(flags["options"]),
        **statistics(found, tokens, sequences),
        "seconds": seconds,
        "key": tokens_key(tokenizer, found),
        "files": [str(file) for file in (cache, plot) if file is not None],
    }
    if plot is not None:
        length = sequences.mask.sum(1).numpy()
        write_picture(plot, values, distances(found, tokens, sequences), length)
    if flags["as_json"]:
        _flags.echo_json(values)
        return
    from graphlab.bench.screen import show

    show(*tables(values))
    if values["files"]:
        click.echo(f"\nWritten: {', '.join(values['files'])}")


def _tokenizer(name: str, options: tuple[str, ...]) -> Tokenizer:
    """Return the tokenizer; values are read as TOML, else they are text."""
    import tomllib

    from graphlab.errors import InputError
    from graphlab.tokenizers import make_tokenizer

    values: dict[str, Any] = {}
    for option in options:
        key, equals, text = option.partition("=")
        if not equals or not key:
            raise InputError(f"--set {option}: expected KEY=VALUE, as max_levels=4.")
        try:
            values[key] = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            values[key] = text
    return make_tokenizer(name, **values)
