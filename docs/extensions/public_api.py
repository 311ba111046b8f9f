"""Reference pages: a module's public names, as a table and then one by one."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from typing import ClassVar

from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

BIBLIOGRAPHY = Path(__file__).resolve().parent.parent / "references.bib"
KEYS = frozenset(
    re.findall(r"^@\w+\{(\w+),", BIBLIOGRAPHY.read_text("utf-8"), re.MULTILINE)
)


class PublicApi(SphinxDirective):
    """``.. public-api:: graphlab.models`` documents the names of the module's ``__all__``."""

    required_arguments = 1
    option_spec: ClassVar = {"exclude": directives.unchanged}

    def run(self):
        """Return the parsed sections."""
        path = self.arguments[0]
        module = importlib.import_module(path)
        left_out = self.options.get("exclude", "").split()
        names = sorted((n for n in module.__all__ if n not in left_out), key=str.lower)
        names = [name for name in names if not inspect.ismodule(getattr(module, name))]
        lines = [f".. automodule:: {path}", "   :no-members:", ""]
        lines += [".. list-table::", "   :class: api", "   :widths: auto", ""]
        for name in names:
            lines.append(f"   * - :py:obj:`~{path}.{name}`")
            lines.append(f"     - {_summary(getattr(module, name))}")
        lines.append("")
        for name in names:
            lines += _entry(path, name, getattr(module, name))
        return self.parse_text_to_nodes("\n".join(lines), allow_section_headings=True)


def _summary(value):
    """Return the first sentence of a docstring; of a constant, its type."""
    if not (inspect.isclass(value) or callable(value)):
        return f"Constant, {type(value).__name__}."
    return cite((inspect.getdoc(value) or "").partition("\n\n")[0].replace("\n", " "))


def _entry(path, name, value):
    if inspect.isclass(value):
        kind = "autoexception" if issubclass(value, BaseException) else "autoclass"
        options = ["   :members:", "   :show-inheritance:"]
    elif callable(value):
        kind, options = "autofunction", []
    else:
        # a constant has no docstring of its own: autodoc would show that of its type
        text = repr(value)
        return [
            f".. py:data:: {name}",
            f"   :module: {path}",
            *([f"   :value: {text}"] if len(text) < 72 else []),
            "",
        ]
    return [f".. {kind}:: {path}.{name}", *options, ""]


def mend_docstring(app, what, name, obj, options, lines):  # noqa: PLR0917  (Sphinx calls it)
    """Turn ``[key]_`` into a citation of ``references.bib`` and set one-line headings bold."""
    for number, line in enumerate(lines):
        lines[number] = cite(re.sub(r"^(\s*)(Cost|Shapes): ", r"\1**\2:** ", line))


def cite(text):
    """Turn ``[key]_`` into a citation where the key is in ``references.bib``."""
    return re.sub(
        r"\[(\w+)\]_", lambda m: f":cite:p:`{m[1]}`" if m[1] in KEYS else m[0], text
    )


def setup(app):
    """Register the directive and the docstring hook."""
    app.add_directive("public-api", PublicApi)
    app.connect("autodoc-process-docstring", mend_docstring)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
