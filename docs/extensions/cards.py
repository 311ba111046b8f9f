"""Tables made from cards: models, data sets, suites, commands. What the code says, nothing else."""

from __future__ import annotations

import importlib
import inspect
import tomllib

from public_api import cite
from sphinx.util.docutils import SphinxDirective


class ModelCards(SphinxDirective):
    """``.. model-cards::`` shows every registered model with its options and presets."""

    def run(self):
        """Return the parsed sections."""
        from graphlab.registry import model_cards

        lines = []
        for name, card in sorted(model_cards().items()):
            lines += [name, "-" * len(name), "", cite(card.summary), ""]
            lines += [f"Class ``{card.cls}``, tasks: {', '.join(card.tasks)}. "]
            lines += [f"Source: {card.paper.rstrip('.')}.", ""]
            lines += _table(
                ["option", "type", "default"],
                [
                    (
                        f"``{o.name}``",
                        f"``{o.annotation}``",
                        "required" if o.required else f"``{o.default!r}``",
                    )
                    for o in card.options.values()
                ],
            )
            presets = ", ".join(f"``{p}``" for p in card.presets)
            lines += [f"Presets: {presets}." if presets else "No presets.", ""]
        return self.parse_text_to_nodes("\n".join(lines), allow_section_headings=True)


class DatasetCards(SphinxDirective):
    """``.. dataset-cards::`` shows the catalogue."""

    def run(self):
        """Return the parsed tables."""
        from graphlab.datasets.catalog import cards

        lines = []
        found = list(cards().values())
        for task in ("node", "link", "graph", "temporal"):
            rows = [_dataset_row(card, task) for card in found if task in card.tasks]
            if rows:
                title = f"For {task} tasks"
                lines += [title, "-" * len(title), ""]
                heads = [
                    "name",
                    "nodes",
                    "edges",
                    "features",
                    "classes",
                    "protocols",
                    "metric",
                ]
                lines += _table(heads, rows)
        return self.parse_text_to_nodes("\n".join(lines), allow_section_headings=True)


class Suites(SphinxDirective):
    """``.. suites::`` shows the shipped suite files."""

    def run(self):
        """Return the parsed sections."""
        from graphlab.bench.document import suite_files

        lines = []
        for name, path in suite_files().items():
            text = path.read_text("utf-8")
            title = tomllib.loads(text).get("title", "")
            lines += [
                name,
                "-" * len(name),
                "",
                f"{title}.",
                "",
                ".. code-block:: toml",
                "",
            ]
            lines += ["   " + line for line in text.splitlines()] + [""]
        return self.parse_text_to_nodes("\n".join(lines), allow_section_headings=True)


class Commands(SphinxDirective):
    """``.. commands::`` shows the help text of ``graphlab-bench`` and of each sub-command."""

    def run(self):
        """Return the parsed sections."""
        import click

        root = importlib.import_module("graphlab.bench.cli")._GROUP
        lines = []

        def add(command, path, parent):
            context = click.Context(
                command, info_name=path[-1], parent=parent, max_content_width=88
            )
            context.terminal_width = 88
            title = " ".join(path)
            lines.extend([title, "-" * len(title), "", ".. code-block:: text", ""])
            lines.extend(
                "   " + line for line in command.get_help(context).splitlines()
            )
            lines.append("")
            if isinstance(command, click.Group):
                for name in command.list_commands(context):
                    add(command.get_command(context, name), [*path, name], context)

        add(root, ["graphlab-bench"], None)
        return self.parse_text_to_nodes("\n".join(lines), allow_section_headings=True)


class ErrorTree(SphinxDirective):
    """``.. error-tree::`` shows the family of exceptions as an indented list."""

    def run(self):
        """Return the parsed list."""
        from graphlab import errors

        lines = []

        def add(cls, depth):
            builtin = [b.__name__ for b in cls.__bases__ if b.__module__ == "builtins"]
            also = f" (also a ``{builtin[0]}``)" if builtin and depth else ""
            what = inspect.getdoc(cls).split("\n")[0]
            lines.extend(
                [
                    f"{'  ' * depth}- :exc:`~graphlab.errors.{cls.__name__}`{also}: {what}",
                    "",
                ]
            )
            for child in sorted(cls.__subclasses__(), key=lambda c: c.__name__):
                if child.__module__ == errors.__name__ and child.__bases__[0] is cls:
                    add(child, depth + 1)

        add(errors.GraphlabError, 0)
        return self.parse_text_to_nodes("\n".join(lines))


def _dataset_row(card, task):
    name = f"``{card.name}``" + (" (shipped)" if card.embedded else "")
    protocols = card.protocols.get(task, ())
    return (
        name,
        _count(card.num_nodes),
        _count(card.num_edges)
        + (" directed" if card.directed and card.num_edges else ""),
        _count(card.num_features),
        _count(card.num_classes),
        ", ".join(f"``{p}``" for p in protocols),
        card.metric.get(task, ""),
    )


def _count(number):
    return "" if number is None else f"{number:,}"


def _table(heads, rows):
    """Return a list table; an empty one is left out."""
    if not rows:
        return []
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in [heads, *rows]:
        lines += [f"   {'*' if i == 0 else ' '} - {cell}" for i, cell in enumerate(row)]
    return [*lines, ""]


def setup(app):
    """Register the directives."""
    app.add_directive("model-cards", ModelCards)
    app.add_directive("dataset-cards", DatasetCards)
    app.add_directive("suites", Suites)
    app.add_directive("commands", Commands)
    app.add_directive("error-tree", ErrorTree)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
