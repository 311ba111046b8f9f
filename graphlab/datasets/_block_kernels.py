"""Kernels that turn random numbers into the sorted entries of small block models."""
# ruff: noqa: PLR0917  (kernels take many arrays)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphlab.ops._compile import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["draw_pairs", "write_entries"]


@kernel
def draw_pairs(
    draws: NDArray[Any],
    block: NDArray[Any],
    chance: NDArray[Any],
    blocks: int,
    name: NDArray[Any],
    joined: NDArray[Any],
) -> None:
    """Join nodes a < b where their draw is below the chance of their blocks.

    Args:
        draws: A number in [0, 1) for each pair, in the order (0, 1), (0, 2) ... (1, 2) ...
        block: Block of each node.
        chance: Chances, (blocks * blocks,).
        blocks: Number of blocks.
        name: New label of each node.
        joined: (n * n,) bytes, filled for both directions under the new labels.
    """
    n = block.size
    joined[:] = 0
    pair = 0
    for a in range(n):
        row, mine = block[a] * blocks, name[a]
        for b in range(a + 1, n):
            hit = draws[pair] < chance[row + block[b]]
            joined[mine * n + name[b]] = hit
            joined[name[b] * n + mine] = hit
            pair += 1


@kernel
def write_entries(
    joined: NDArray[Any],
    n: int,
    row: NDArray[Any],
    col: NDArray[Any],
    count: NDArray[Any],
) -> None:
    """Write the joined pairs, sorted by (source, target), and their number."""
    place = 0
    for a in range(n):
        for b in range(n):
            # written always and kept where joined: a branch would be mispredicted every other time
            row[place] = a
            col[place] = b
            place += joined[a * n + b]
    count[0] = place
