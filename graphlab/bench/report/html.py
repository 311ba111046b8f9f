"""Pages that need nothing else: one template, the common style, the palette of systems."""

from __future__ import annotations

from pathlib import Path

import graphlab
from graphlab.bench.report.display import compact, plain, seconds
from graphlab.bench.report.palette import SERIES

__all__ = ["FOLDER", "render"]

FOLDER = Path(__file__).resolve().parent


def render(template: str, content: dict[str, object]) -> str:
    """Return a page; names in ``content`` are escaped.

    Args:
        template: File beside this module.
        content: Values of the template.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"plain": plain, "seconds": seconds, "compact": compact}
    style = (FOLDER / "style.css").read_text(encoding="utf-8") + _palette()
    return environment.get_template(template).render(
        version=graphlab.__version__,
        style=Markup(style),  # noqa: S704  (our own file)
        colors=len(SERIES),
        **content,
    )


def _palette() -> str:
    light = "".join(f"--s{i}:{pair[0]};" for i, pair in enumerate(SERIES))
    dark = "".join(f"--s{i}:{pair[1]};" for i, pair in enumerate(SERIES))
    return f":root{{{light}}}\n@media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"
