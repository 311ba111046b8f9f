"""Statistics of token sequences, as values for programs, tables for people, and a picture."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from graphlab.io import atomic_write
from graphlab.tokenizers import HACTree

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rich.console import RenderableType

    from graphlab.graph import Graph
    from graphlab.tokenizers import Tokens, TokenSequences

__all__ = ["WINDOW", "distances", "statistics", "tables", "write_picture"]

WINDOW = 64
"""Places within which the ends of an edge count as close."""


def statistics(graph: Graph, tokens: Tokens, sequences: TokenSequences) -> dict[str, Any]:
    """Return sizes and lengths, levels of a clustering, and how close ends of edges stand."""
    length = sequences.mask.sum(1).numpy()
    simple = graph.simple()
    found: dict[str, Any] = {
        "nodes": graph.num_nodes,
        "edges": simple.num_edges // 2,
        "kind": sequences.kind,
        "sequences": len(sequences),
        "of": "nodes" if bool((sequences.owner >= 0).any()) else "graphs",
        "tokens": int(length.sum()),
        "shortest": int(length.min()) if length.size else 0,
        "median": float(np.median(length)) if length.size else 0.0,
        "longest": int(length.max()) if length.size else 0,
    }
    if isinstance(tokens, HACTree):
        size, level = tokens.size.numpy(), tokens.token_level.numpy()
        found["virtual_root"] = bool(tokens.levels.virtual_root.any())
        found["levels"] = [
            {
                "level": r,
                "clusters": count,
                "largest": int(size[level == r].max(initial=0)),
                "carried": int((tokens.children.numpy()[level == r] == 1).sum()),
            }
            for r, count in enumerate(tokens.num_clusters.tolist())
        ]
    apart = distances(graph, tokens, sequences)
    if apart:
        found["within"] = WINDOW
        found["close"] = {
            name: float((values <= WINDOW).mean()) if values.size else None
            for name, values in apart.items()
        }
    return found


def distances(
    graph: Graph, tokens: Tokens, sequences: TokenSequences
) -> dict[str, NDArray[np.int64]]:
    """Return how far apart the ends of each edge stand in the sequence, and by node id.

    Empty for tokenizers that put nodes in no order.
    """
    if isinstance(tokens, HACTree):
        place = tokens.rank
    elif sequences.kind == "node":
        place = sequences.places(graph.num_nodes)
    else:
        return {}
    row, col = graph.simple().edge_index
    row, col = row[row < col], col[row < col]
    apart = {"sequence": (place[row] - place[col]).abs(), "node ids": (row - col).abs()}
    return {name: value.to(torch.int64).numpy() for name, value in apart.items()}


def tables(values: dict[str, Any]) -> list[RenderableType]:
    """Return what is shown of the values that ``graphlab-bench tokenize --json`` prints."""
    from rich.table import Table
    from rich.text import Text

    from graphlab.bench.report.display import plain

    name = plain(Path(values["graph"]).name)
    number, of = values["sequences"], values["of"]
    lines = [
        f"{name}: {values['nodes']:,} nodes, {values['edges']:,} edges",
        f"{values['tokenizer']}: {number:,} sequence{'s' * (number != 1)} of {of}, "
        f"{values['tokens']:,} tokens ({values['kind']}), length {values['shortest']:,} to "
        f"{values['longest']:,}, median {values['median']:,.0f}; {values['seconds']:.3f} s",
    ]
    parts: list[RenderableType] = [Text("\n".join(lines))]
    if "levels" in values:
        table = Table(box=None, pad_edge=False)
        for head in ("level", "clusters", "largest", "carried over"):
            table.add_column(head, justify="right", no_wrap=True)
        for row in values["levels"]:
            root = (
                " (virtual root)" if row is values["levels"][-1] and values["virtual_root"] else ""
            )
            cells = [f"{row[key]:,}" for key in ("clusters", "largest", "carried")]
            table.add_row(f"{row['level']}{root}", *cells)
        parts += ["", table]
    if values.get("close", {}).get("sequence") is not None:
        close = values["close"]
        parts += [
            "",
            Text(
                f"Ends of an edge at most {values['within']} places apart: "
                f"{100 * close['sequence']:.1f} % of the edges; by node ids "
                f"{100 * close['node ids']:.1f} %."
            ),
        ]
    return parts


def write_picture(
    file: Path, values: dict[str, Any], apart: dict[str, Any], length: NDArray[np.int64]
) -> None:
    """Draw the sequences as a file of its own, in the colours of a light page."""
    from graphlab.bench.report.plots_tokens import sequences

    drawn = sequences("tokens", values, apart, length)
    atomic_write(file, re.sub(r"var\(--\w+, (#[0-9a-f]{6})\)", r"\1", drawn).encode())
