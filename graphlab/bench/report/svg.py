"""From an SVG file to a figure inside a page: colours as CSS variables, ids, a description."""

from __future__ import annotations

import re
from html import escape

from graphlab.bench.report.palette import SERIES

__all__ = ["GRID", "INK", "MUTED", "inline_svg", "series_color"]

#: Place-holder colours; they become ``var(--ink)`` and so on, which differ by light and dark.
INK, MUTED, GRID = "#111101", "#111102", "#111103"
_ROLES = {INK: ("ink", "#1b1f24"), MUTED: ("muted", "#59636e"), GRID: ("grid", "#d8dee4")}
_FIRST_SERIES = 0xA0


def series_color(index: int) -> str:
    """Return the place-holder colour of a system; there are as many as in the palette."""
    return f"#0000{_FIRST_SERIES + index % len(SERIES):02x}"


def inline_svg(svg: str, key: str, title: str, text: str) -> str:
    """Make an SVG file of matplotlib fit to stand in a page.

    Args:
        svg: The whole file, drawn in the place-holder colours of this module.
        key: Put before every id, which a page has once.
        title: Read aloud, and shown under the pointer.
        text: What the figure shows, in words.
    """
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    view = re.search(r'viewBox="([^"]+)"', body)
    assert view is not None  # noqa: S101  (matplotlib always writes it)
    body = body[body.index(">") + 1 :]
    body = re.sub(r'id="([^"]+)"', rf'id="{key}-\1"', body)
    body = re.sub(r'(?:xlink:)?href="#([^"]+)"', rf'href="#{key}-\1"', body)
    body = re.sub(r"url\(#([^)]+)\)", rf"url(#{key}-\1)", body)
    body = re.sub(r"#0000a([0-9a-f])", _series_variable, body)
    for holder, (name, light) in _ROLES.items():
        body = body.replace(holder, f"var(--{name}, {light})")
    body = re.sub(r"font: ([\d.]+px) [^;\"]+", r"font-size: \1", body)
    body = re.sub(r"<[^>]*>", _rounded, body)
    body = "\n".join(line.strip() for line in body.splitlines() if line.strip())
    return (
        f'<svg viewBox="{view[1]}" role="img" aria-labelledby="{key}-t {key}-d" '
        f'xmlns="http://www.w3.org/2000/svg">\n'
        f'<title id="{key}-t">{escape(title)}</title>\n<desc id="{key}-d">{escape(text)}</desc>\n'
        f"{body}"
    )


def _series_variable(match: re.Match[str]) -> str:
    index = int(match[1], 16)
    return f"var(--s{index}, {SERIES[index][0]})"


def _rounded(tag: re.Match[str]) -> str:
    """Shorten coordinates; what stands between tags is text, and keeps its digits."""
    return re.sub(r"(?<![\w.#-])(-?\d+\.\d{3,})", lambda m: f"{float(m[1]):.2f}", tag[0])
