"""``graphlab-bench orbits``: count the orbits of graphlets in a file or a data set."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from graphlab.bench.commands import _flags

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from graphlab.graph import Graph

    Key = tuple[int, int, int]
    Say = Callable[[str], None]

__all__ = ["command"]

_MATRICES = "adjacency"


@click.command("orbits", short_help="Count graphlet orbits in a graph.")
@click.argument("graph")
@click.option("--edges", is_flag=True, help="Count at edges too.")
@click.option("--adjacency", is_flag=True, help="Make the orbit adjacency matrices too.")
@click.option(
    "--keys",
    multiple=True,
    metavar="H-I-J",
    help="Only this matrix (distance, orbit, orbit), as 1-4-5; repeat for more. Means --adjacency.",
)
@click.option(
    "--top-k",
    type=click.IntRange(min=1),
    metavar="K",
    help="Of matrices of distance 2 and 3 keep the K largest values of a row. Means --adjacency.",
)
@click.option(
    "--out", metavar="DIR", type=click.Path(path_type=Path), help="Write the results there."
)
@click.option("--names", "named", is_flag=True, help="Take numbers in an edge list for names.")
@click.option("--num-nodes", type=click.IntRange(min=0), metavar="N", help="Number of nodes.")
@click.option("--undirected", is_flag=True, help="Take a directed graph as undirected.")
@click.option(
    "--threads",
    type=click.IntRange(1, 1024),
    metavar="N",
    help="Threads.  [default: usable cores]",
)
@_flags.root
@_flags.as_json
def command(graph: str, **flags: Any) -> None:  # noqa: ANN401  (values of the flags)
    """Count how often each node takes each place in the graphlets of 2 to 4 nodes.

    GRAPH is a file: an edge list (.txt .tsv .csv .edges .edgelist), .mtx or .graphml, each also
    with .gz behind, or .npz; a folder with edges; or the name of a data set. Nodes of an edge list
    are numbers from 0, or names.

    A table is printed. With --out, counts.csv and counts.npz are written, with --edges also
    edge_counts.csv and edge_counts.npz, with --adjacency also the folder adjacency, which
    graphlab.graphlets.OrbitAdjacency.load opens. Earlier files of these names are replaced.
    """
    from graphlab.bench.orbit_input import check_directions, read_input
    from graphlab.bench.orbit_keys import parse_keys

    keys = parse_keys(flags["keys"]) or None
    matrices = flags["adjacency"] or keys is not None or flags["top_k"] is not None
    out: Path | None = flags["out"]
    if out is not None:
        _make(out)
    with _warnings_as_lines(), _progress() as say, _within_memory():
        say("reading the graph")
        given = {name: flags[name] for name in ("named", "num_nodes", "root")}
        found, names = read_input(graph, **given)
        if not flags["undirected"]:
            check_directions(graph, found, names)
        job = _Job(found, names, flags, out, say)
        job.count()
        if flags["edges"]:
            job.count_edges()
        if matrices:
            job.relate(keys)
    values = {"graph": graph, **job.values, "files": [str(file) for file in job.files]}
    _show(values, as_json=flags["as_json"])


class _Job:
    """Counts, writes what it has counted, and keeps what is printed."""

    def __init__(
        self,
        graph: Graph,
        names: Sequence[str] | None,
        flags: dict[str, Any],
        out: Path | None,
        say: Say,
    ) -> None:
        self.graph, self.names, self.out, self.say = graph, names, out, say
        self.options = {"num_threads": flags["threads"], "to_undirected": flags["undirected"]}
        self.top_k: int | None = flags["top_k"]
        self.values: dict[str, Any] = {}
        self.files: list[Path] = []

    def count(self) -> None:
        """Count at nodes."""
        import numpy as np

        from graphlab.bench.orbit_output import PLACES, statistics, write_counts
        from graphlab.graphlets import orbit_counts

        self.say("counting at nodes")
        counts = orbit_counts(self.graph, **self.options)
        rows = statistics(counts)
        self.values |= {
            "nodes": len(counts),
            "isolated_nodes": len(counts) - rows[0]["present"],
            "edges": rows[0]["total"] // 2,
            "triangles": rows[3]["total"] // 3,
            "orbits": [
                {"orbit": i, "place": place, **row}
                for i, (place, row) in enumerate(zip(PLACES, rows, strict=True))
            ],
        }
        if self.out is not None:
            self.say("writing counts")
            index = {"node": np.arange(len(counts))}
            columns = {f"o{i}": column for i, column in enumerate(counts.T)}
            arrays = {"counts": counts}
            self.files += write_counts(
                self.out, "counts", index, columns, names=self.names, arrays=arrays
            )

    def count_edges(self) -> None:
        """Count at edges."""
        import numpy as np

        from graphlab.bench.orbit_keys import as_typed
        from graphlab.bench.orbit_output import statistics, write_counts
        from graphlab.graphlets import EDGE_ORBITS, edge_orbit_counts

        self.say("counting at edges")
        pairs, counts = edge_orbit_counts(self.graph, **self.options)
        keys = [key[1:] for key in EDGE_ORBITS]
        self.values["edge_orbits"] = [
            {"pair": key, **row} for key, row in zip(keys, statistics(counts), strict=True)
        ]
        if self.out is not None:
            self.say("writing counts of edges")
            index = {"source": pairs[:, 0], "target": pairs[:, 1]}
            columns = {as_typed(key): column for key, column in zip(keys, counts.T, strict=True)}
            arrays = {"edges": pairs, "counts": counts, "pairs": np.array(keys)}
            self.files += write_counts(
                self.out, "edge_counts", index, columns, names=self.names, arrays=arrays
            )

    def relate(self, keys: tuple[Key, ...] | None) -> None:
        """Make the orbit adjacency: into its folder, or block by block for its sums alone."""
        from graphlab.bench.orbit_output import BlockSums
        from graphlab.graphlets import ORBIT_PAIRS, iter_orbit_adjacency, orbit_adjacency

        self.say("making orbit adjacency matrices")
        sums = BlockSums(key for key in ORBIT_PAIRS if keys is None or key in keys)
        if self.out is None:
            blocks = iter_orbit_adjacency(self.graph, keys, top_k=self.top_k, **self.options)
            for _, stop, block in blocks:
                sums.add(block)
                self.say(f"orbit adjacency: {stop:,} of {self.graph.num_nodes:,} rows")
        else:
            folder = self.out / _MATRICES
            sums.add(
                orbit_adjacency(self.graph, keys, top_k=self.top_k, out=folder, **self.options)
            )
            self.files.append(folder)
        self.values["adjacency"] = sums.rows()


def _make(folder: Path) -> None:
    """Make the folder of the results before anything is counted."""
    from graphlab.errors import InputError

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise InputError(f"--out {folder}: a file is in the way. Choose another folder.") from error


@contextmanager
def _warnings_as_lines() -> Iterator[None]:
    """Write the warnings for users to the error stream, each once, when all is done."""
    import warnings

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield
    for text in dict.fromkeys(str(w.message) for w in caught if w.category is UserWarning):
        click.echo(f"warning: {text}", err=True)


@contextmanager
def _within_memory() -> Iterator[None]:
    """Say in a sentence that the memory is full, where the library could not foresee it."""
    from graphlab.errors import GraphlabError, ResourceError

    try:
        yield
    except MemoryError as error:
        if isinstance(error, GraphlabError):
            raise
        raise ResourceError(
            "The memory is full. Fewer matrices at a time (--keys), their largest entries "
            "(--top-k) or a machine with more memory would do."
        ) from error


@contextmanager
def _progress() -> Iterator[Say]:
    """Show what is being done, on the error stream and only if that is a terminal."""
    from graphlab.bench.screen import console

    screen = console(stderr=True)
    if not screen.is_terminal or screen.is_dumb_terminal:
        yield lambda text: None
        return
    from rich.text import Text

    with screen.status("", spinner="line") as status:
        yield lambda text: status.update(Text(text))


def _show(values: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        import json

        click.echo(json.dumps(values, allow_nan=False, indent=1, ensure_ascii=False))
        return
    from graphlab.bench.orbit_output import tables
    from graphlab.bench.screen import show

    show(*tables(values))
    if values["files"]:
        click.echo(f"\nWritten: {', '.join(values['files'])}")
