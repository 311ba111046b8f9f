"""Formulas as MathML, which browsers draw themselves: no script, no font, no network."""

from __future__ import annotations

import re

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

logger = logging.getLogger(__name__)

# an accented letter before a subscript: docutils sets the subscript below the letter, as if it
# were a limit, unless the letter shares a group with something (here: with an empty group)
_ACCENT = re.compile(
    r"(\\(?:hat|tilde|bar|vec|dot)\s*(?:\{(?:[^{}]|\{[^{}]*\})*\}|[A-Za-z]|\\[A-Za-z]+))(?=_)"
)

# docutils takes all following digits for the numerator
_FRACTION = re.compile(r"\\[td]?frac\s*(\w)\s*(\w)")


def _mathml(text, node, *, as_block):
    try:
        known = re.sub(
            r"\\dots\b", r"\\ldots", text
        )  # docutils knows the longer name alone
        known = _FRACTION.sub(r"\\frac{\1}{\2}", known)
        # the sign that docutils takes for a difference of sets is missing in many fonts
        known = re.sub(r"\\setminus\b", r"\\backslash", known)
        # of these docutils makes bars that grow with all that follows
        known = re.sub(r"\\[lr]vert\b", "|", known)
        return tex2mathml(_ACCENT.sub(r"{\1{}}", known), as_block=as_block)
    except MathError as error:
        logger.warning("formula %r: %s", text, error, location=node)
        return f"<code>{text}</code>"


def visit_inline(translator, node):
    """Write one formula in a line of text."""
    translator.body.append(translator.starttag(node, "span", "", CLASS="math"))
    translator.body.append(_mathml(node.astext(), node, as_block=False) + "</span>")
    raise nodes.SkipNode


def visit_block(translator, node):
    """Write a displayed formula, with its number where it has one."""
    translator.body.append(translator.starttag(node, "div", CLASS="math"))
    if node["number"]:
        number = get_node_equation_number(translator, node)
        translator.body.append(f'<span class="eqno">({number})')
        translator.add_permalink_ref(node, "Link to this equation")
        translator.body.append("</span>")
    for part in node.astext().split("\n\n"):
        if part.strip():
            translator.body.append(_mathml(part, node, as_block=True))
    translator.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app):
    """Register the renderer; ``html_math_renderer = "mathml"`` chooses it."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
