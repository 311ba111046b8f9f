"""No page may load anything from elsewhere: scripts, styles, fonts and pictures are local."""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.util import logging

logger = logging.getLogger(__name__)

_LOADED = re.compile(
    r"<(?:script|img|iframe|source)\b[^>]*?\bsrc=[\"']((?:https?:)?//[^\"']+)"
    r"|<link\b(?=[^>]*rel=[\"'](?:stylesheet|preload|preconnect|icon))"
    r"[^>]*?\bhref=[\"']((?:https?:)?//[^\"']+)",
    re.IGNORECASE,
)
_IN_STYLE = re.compile(r"(?:@import\s+|url\()\s*[\"']?((?:https?:)?//[^\"')]+)")


def foreign_files(text, suffix):
    """Return the addresses that a page or a style sheet would load from another host."""
    found = (_IN_STYLE if suffix == ".css" else _LOADED).findall(text)
    return [max(hit) if isinstance(hit, tuple) else hit for hit in found]


def check(app, error):
    """Warn, which fails the build, of every page that needs a network."""
    if error is not None or app.builder.format != "html":
        return
    for file in sorted(Path(app.outdir).rglob("*")):
        if file.suffix in {".html", ".css"}:
            for address in foreign_files(file.read_text("utf-8"), file.suffix):
                logger.warning("%s loads %s", file.relative_to(app.outdir), address)


def setup(app):
    """Check at the end of the build."""
    app.connect("build-finished", check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
