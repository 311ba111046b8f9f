"""What ``graphlab-bench topology`` prints and writes: summary, tables, files, picture."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from graphlab.io import atomic_write

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rich.console import RenderableType
    from rich.table import Table
    from torch import Tensor

__all__ = ["shown", "summary", "write_picture", "write_values"]

_DECILES = tuple(tenth / 10 for tenth in range(1, 10))
_SETS = {"train": "training", "val": "validation", "test": "test"}
_KINDS = {"tc": "TC", "atc": "ATC"}


def summary(
    values: Mapping[str, Tensor], edges: Mapping[str, Tensor], num_nodes: int
) -> dict[str, Any]:
    """Return means, deciles, shift and bins of degrees, as ``--json`` prints them.

    Each value is summed up over the nodes that have links of its set: all others are 0 by
    definition and would only say how many they are.

    Args:
        values: Of :func:`graphlab.analysis.node_values`, and ``atc_...``.
        edges: The split.
        num_nodes: Number of nodes n.
    """
    from graphlab.analysis import concentration_shift, performance_by_degree

    has = {stage: _ends(pairs, num_nodes) for stage, pairs in edges.items()}
    rows = [
        {
            "value": kind,
            "links": stage,
            "nodes": int(has[stage].sum()),
            **_numbers(values[f"{kind}_{stage}"][has[stage]]),
        }
        for kind in _KINDS
        for stage in _SETS
        if f"{kind}_{stage}" in values
    ]
    test = has["test"]
    of_test = {name: values[f"tc_{name}"][test] for name in ("train", "test")}
    return {
        "nodes": num_nodes,
        "edges": {stage: len(pairs) for stage, pairs in edges.items()},
        "isolated_nodes": int((values["degree"] == 0).sum()),
        "values": rows,
        "shift": concentration_shift(of_test["train"], of_test["test"]),
        "test_nodes": int(test.sum()),
        "degrees": performance_by_degree(values["degree"][test].long(), of_test),
        "correlation": _correlations(values, has),
    }


def shown(told: Mapping[str, Any]) -> list[RenderableType]:
    """Return the tables of a summary that knows what it is of, and the files that were written."""
    from rich.text import Text

    from graphlab.bench.report.display import plain

    sizes = ", ".join(f"{told['edges'][stage]:,} {name}" for stage, name in _SETS.items())
    alone = told["isolated_nodes"]
    head = f"{plain(told['dataset'])}, {told['protocol']}, seed {told['seed']}: "
    head += f"{told['nodes']:,} nodes ({alone:,} without training edges), edges: {sizes}; "
    head += f"{told['hops']} {'hop' if told['hops'] == 1 else 'hops'}\n"
    move = told["shift"]
    sentence = (
        f"\nAt the {told['test_nodes']:,} nodes with test links the mean TC is "
        f"{move['mean_train']:.3f} of training and {move['mean_test']:.3f} of test links; at "
        f"{100 * move['lower']:.0f} % of them test links have the lower value, at "
        f"{100 * move['higher']:.0f} % the higher one.\n"
    )
    parts: list[RenderableType] = [Text(head), _values_table(told), Text(sentence)]
    parts.append(_degrees_table(told["degrees"]))
    if told["correlation"]:
        pearson = ", ".join(
            f"{_SETS[stage]} links {_signed(value)}" for stage, value in told["correlation"].items()
        )
        parts.append(Text(f"\nPearson's correlation of ATC with TC: {pearson}"))
    if told["files"]:
        parts.append(Text(f"\nWritten: {', '.join(told['files'])}"))
    return parts


def write_values(file: Path, values: Mapping[str, Tensor]) -> None:
    """Write the values of all nodes, whole or not at all; the ending decides the format."""
    arrays = {name: value.cpu().numpy() for name, value in values.items()}
    arrays["degree"] = arrays["degree"].astype(np.int64)
    if file.suffix.lower() == ".npz":
        packed = io.BytesIO()
        np.savez_compressed(packed, **arrays)  # type: ignore[arg-type]  # stubs take names for flags
        atomic_write(file, packed.getvalue())
        return
    lines = [",".join(("node", *arrays))]
    columns = [array.tolist() for array in arrays.values()]
    for node, row in enumerate(zip(*columns, strict=True)):
        lines.append(",".join((str(node), *map(repr, row))))
    atomic_write(file, ("\n".join(lines) + "\n").encode("ascii"))


def write_picture(file: Path, where: str, found: dict[str, Any]) -> None:
    """Draw the shift as a file of its own, in the colours of a light page."""
    from graphlab.bench.report.plots_topology import shift

    svg = re.sub(r"var\(--\w+, (#[0-9a-f]{6})\)", r"\1", shift("shift", where, found))
    atomic_write(file, svg.encode())


# -- private --------------------------------------------------------------------------------------


def _ends(pairs: Tensor, num_nodes: int) -> Tensor:
    mask = torch.zeros(num_nodes, dtype=torch.bool)
    mask[pairs.cpu().reshape(-1)] = True
    return mask


def _numbers(value: Tensor) -> dict[str, Any]:
    array = value.numpy()
    return {
        "mean": float(array.mean()),
        "zero": float((array == 0).mean()),
        "deciles": np.quantile(array, _DECILES).tolist(),
    }


def _correlations(values: Mapping[str, Tensor], has: Mapping[str, Tensor]) -> dict[str, Any]:
    from graphlab.metrics import topology_performance_correlation

    found: dict[str, Any] = {}
    for stage in _SETS:
        if f"atc_{stage}" in values and int(has[stage].sum()) > 1:
            pair = values[f"tc_{stage}"], values[f"atc_{stage}"]
            pearson = topology_performance_correlation(*pair, nodes=has[stage], samples=0).pearson
            found[stage] = None if np.isnan(pearson) else pearson
    return found


def _signed(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"


def _values_table(told: Mapping[str, Any]) -> Table:
    heads = ["value", "nodes", "mean", "zero"] + [f"{100 * tenth:.0f} %" for tenth in _DECILES]
    rows = [
        [
            f"{_KINDS[row['value']]}, {_SETS[row['links']]} links",
            f"{row['nodes']:,}",
            f"{row['mean']:.3f}",
            f"{100 * row['zero']:.0f} %",
            *(f"{decile:.2f}" for decile in row["deciles"]),
        ]
        for row in told["values"]
    ]
    return _table(heads, rows)


def _degrees_table(bins: Sequence[Mapping[str, float]]) -> Table:
    heads = ["training degree", "test nodes", "TC, training links", "TC, test links"]
    rows = [
        [
            f"{row['low']:.0f}"
            if row["low"] == row["high"]
            else f"{row['low']:.0f}-{row['high']:.0f}",
            f"{row['count']:,}",
            *(f"{row[stage]:.3f}" for stage in ("train", "test")),
        ]
        for row in bins
    ]
    return _table(heads, rows)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 1))
    for place, name in enumerate(heads):
        table.add_column(name, justify="right" if place else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table
