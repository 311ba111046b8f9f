"""Where sub-commands write: colours and width of a terminal, else plain lines of fixed width."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

__all__ = ["console", "show"]


def console(*, stderr: bool = False, width: int = 100) -> Console:
    """Return a console of rich for the output or the error stream.

    ``NO_COLOR`` and ``TERM=dumb`` are honoured by rich; colours and bars need a terminal.

    Args:
        stderr: Write to the error stream.
        width: Width in characters where there is no terminal.
    """
    from rich.console import Console

    found = Console(stderr=stderr, highlight=False)
    return found if found.is_terminal else Console(stderr=stderr, highlight=False, width=width)


def show(*parts: RenderableType, width: int = 100) -> None:
    """Print tables and texts; without a terminal, lines have no trailing blanks."""
    target = console(width=width)
    if target.is_terminal:
        target.print(*parts, sep="\n")
        return
    with target.capture() as capture:
        target.print(*parts, sep="\n")
    target.file.write("".join(f"{line.rstrip()}\n" for line in capture.get().splitlines()))
