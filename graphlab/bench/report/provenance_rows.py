"""The page's last table: what is recorded of code, machine and data, and of how many runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from graphlab.bench.report.display import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphlab.bench.record import RunRecord

__all__ = ["provenance_rows"]


def provenance_rows(records: Sequence[RunRecord]) -> list[dict[str, Any]]:
    """Return a row for every fact that is recorded; facts with several values are marked.

    Args:
        records: The runs.

    Returns:
        Rows of ``group``, ``label``, ``values`` (text, number of runs; the most frequent 8) and
        ``mixed``.
    """
    rows: list[dict[str, Any]] = []
    for title, entries in _FACTS:
        for label, read in entries:
            values = Counter(text for run in records if (text := read(run)) not in {"", None})
            if values:
                rows.append(
                    {
                        "group": title,
                        "label": label,
                        "values": [(plain(str(v), 120), n) for v, n in values.most_common(8)],
                        "mixed": len(values) > 1,
                    }
                )
    return [*rows, *_data_rows(records)]


def _data_rows(records: Sequence[RunRecord]) -> list[dict[str, Any]]:
    rows = []
    for name in dict.fromkeys(run.identity.dataset for run in records):
        runs = [run for run in records if run.identity.dataset == name]
        sums = Counter(run.data.dataset_sha256 for run in runs if run.data.dataset_sha256)
        if not sums:
            continue
        first = runs[0].data
        size = (
            f"{first.num_nodes:,} nodes, {first.num_edges:,} stored edges; "
            if first.num_nodes is not None and first.num_edges is not None
            else ""
        )
        values = [(f"{size}sha256 {digest[:16]}…", n) for digest, n in sums.most_common()]
        rows.append(
            {"group": "Data", "label": plain(name), "values": values, "mixed": len(sums) > 1}
        )
    return rows


def _git(run: RunRecord) -> str:
    code = run.code
    if not code.git_commit:
        return ""
    return code.git_commit[:12] + (" with uncommitted changes" if code.git_dirty else "")


def _memory(run: RunRecord) -> str:
    return f"{run.machine.ram_bytes / 2**30:.0f} GiB" if run.machine.ram_bytes else ""


_Read = Callable[["RunRecord"], object]
_FACTS: tuple[tuple[str, tuple[tuple[str, _Read], ...]], ...] = (
    (
        "Code",
        (
            ("graphlab", lambda run: run.code.graphlab),
            ("git commit", _git),
            ("Python", lambda run: run.code.python),
            ("torch", lambda run: run.code.torch),
            ("numpy", lambda run: run.code.numpy),
            ("scipy", lambda run: run.code.scipy),
            ("numba", lambda run: run.code.numba),
            ("accelerate", lambda run: run.code.accelerate),
            ("BLAS", lambda run: run.code.blas),
            ("command", lambda run: " ".join(run.code.command)),
        ),
    ),
    (
        "Machine",
        (
            ("processor", lambda run: run.machine.cpu),
            ("cores", lambda run: run.machine.cores),
            ("threads a run", lambda run: run.machine.threads),
            ("memory", _memory),
            ("system", lambda run: run.machine.platform),
            ("device", lambda run: run.machine.device),
            ("GPU", lambda run: run.machine.gpu),
            ("determinism", lambda run: run.machine.determinism),
        ),
    ),
)
