"""The command ``graphlab-bench``: finds a sub-command's module and imports it only then."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["COMMANDS", "LazyGroup", "main"]

COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("graphlab.bench.commands.run", "Run or continue a suite, then print its table."),
    "sweep": ("graphlab.bench.commands.sweep", "Search settings by validation, test the best."),
    "list": ("graphlab.bench.commands.list", "List models, data sets, tasks, suites, protocols."),
    "show": ("graphlab.bench.commands.show", "Show one run, cell, model or data set."),
    "report": ("graphlab.bench.commands.report", "Write tables and a self-contained HTML page."),
    "verify": ("graphlab.bench.commands.verify", "Check finished runs, execute them again."),
    "compare": ("graphlab.bench.commands.compare", "Compare two systems or suites, or papers."),
    "data": ("graphlab.bench.commands.data", "List, inspect, fetch and verify data sets."),
    "orbits": ("graphlab.bench.commands.orbits", "Count graphlet orbits in a graph of yours."),
    "topology": ("graphlab.bench.commands.topology", "Topological concentration of a set's links."),
    "tokenize": ("graphlab.bench.commands.tokenize", "Turn a graph into sequences of tokens."),
    "feasibility": (
        "graphlab.bench.commands.feasibility",
        "Is pre-training on these graphs worth a try for those?",
    ),
    "doctor": ("graphlab.bench.commands.doctor", "Check this machine; say how to mend it."),
}
"""Sub-command -> module and help line; the modules are not imported for ``--help``."""

_INTERNAL_ERROR = 1
_BAD_INPUT = 2
_INTERRUPTED = 130


def _normalise(name: str) -> str:
    return name.lower().replace("_", "-")


class LazyGroup(click.Group):
    """A group whose commands are modules, each imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the map."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command's module; case and ``-``/``_`` do not matter."""
        del ctx
        name = _normalise(cmd_name)
        if name not in COMMANDS:
            return None
        command = import_module(COMMANDS[name][0]).command
        assert isinstance(command, click.Command)  # noqa: S101  (the border with the modules)
        return _with_debug(command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest command when there is none of this name."""
        name = args[0]
        if _normalise(name) not in COMMANDS and not name.startswith("-"):
            from graphlab.bench.problems import printable, suggestion

            text = f"{printable(name)} is not a command.{suggestion(name, COMMANDS)}"
            raise click.UsageError(text, ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help lines of the map."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_line) for name, (_, help_line) in COMMANDS.items()])


def _with_debug(command: click.Command) -> click.Command:
    """Give a command, and those below it, the hidden flag ``--debug`` of the group."""
    if not any(param.name == "debug" for param in command.params):
        command.params.append(_debug_option(hidden=True))
    if isinstance(command, click.Group):
        for below in command.commands.values():
            _with_debug(below)
    return command


def _debug_option(*, hidden: bool) -> click.Option:
    def remember(ctx: click.Context, param: click.Parameter, value: bool) -> None:
        del param
        if value:
            ctx.find_root().obj = {"debug": True}

    return click.Option(
        ["--debug"],
        is_flag=True,
        hidden=hidden,
        expose_value=False,
        callback=remember,
        help="Show the traceback of an error.",
    )


def _print_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    del param
    if value and not ctx.resilient_parsing:
        from graphlab import __version__

        click.echo(f"graphlab {__version__}")
        ctx.exit()


_GROUP = LazyGroup(
    name="graphlab-bench",
    help="Graph learning methods, compared honestly.\n\nWithout anything else, "
    "'graphlab-bench run' trains three models on a shipped data set and prints the table.",
    epilog="Exit codes: 0 done, 1 some run failed, 2 bad input, 130 interrupted.",
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            expose_value=False,
            is_eager=True,
            callback=_print_version,
            help="Show the version.",
        ),
        _debug_option(hidden=False),
    ],
    context_settings={
        "help_option_names": ["-h", "--help"],
        "token_normalize_func": _normalise,
        "max_content_width": 100,
    },
)


def main(args: list[str] | None = None) -> None:
    """Run the command line and exit with its code.

    Args:
        args: Arguments; those of the process by default.

    Raises:
        SystemExit: Always. 0 done, 1 a run failed or an internal error, 2 bad input,
            130 interrupted, 143 terminated.
    """
    _open_streams()
    for stream in (sys.stdout, sys.stderr):  # a name in a table must not end a run
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    given = sys.argv[1:] if args is None else args
    try:
        code = _GROUP.main(args=given, prog_name="graphlab-bench", standalone_mode=False)
        sys.stdout.flush()
    except SystemExit:
        raise
    except BaseException as error:  # the one place that turns errors into exit codes
        if _debug_wanted(given) and not isinstance(error, click.exceptions.Abort):
            import traceback

            traceback.print_exception(error)
        code = _report(error)
    _exit(code if isinstance(code, int) else 0)


def _exit(code: int) -> NoReturn:
    """Exit; a process that was started beside others leaves at once, see ``leave``."""
    together = sys.modules.get("graphlab.bench.launch_together")
    if together is not None and together.met():
        from graphlab.bench._process import leave

        leave(code)
    sys.exit(code)


def _open_streams() -> None:
    """Let streams that the caller closed lead nowhere.

    The next file that is opened would else get the number of a closed stream, and everything that
    workers print would be written into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number, this one
            os.set_inheritable(number, True)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            mode = "r" if number == 0 else "w"
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def _debug_wanted(args: list[str]) -> bool:
    return "--debug" in args[: args.index("--") if "--" in args else None]


def _report(error: BaseException) -> int:
    """Say in one line what happened; return the exit code."""
    if isinstance(error, click.exceptions.Abort | KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return _INTERRUPTED
    if isinstance(error, click.ClickException):
        return _report_usage(error)
    if isinstance(error, BrokenPipeError):
        sys.stdout = None  # nobody reads; keep the exit quiet
        return _INTERNAL_ERROR
    from graphlab.errors import ConfigError, GraphlabError

    if isinstance(error, ConfigError):
        return _report_problems(error.problems)
    if isinstance(error, GraphlabError):
        return _report_problems([str(error)])
    _say(_disk_problem(error) if isinstance(error, OSError) else _internal_problem(error))
    return _INTERNAL_ERROR


def _say(text: str) -> None:
    """Write one line to the error stream, whatever line breaks the text has."""
    click.echo(f"error: {' '.join(text.split())}", err=True)


def _report_problems(problems: Sequence[str]) -> int:
    for problem in problems:
        _say(problem)
    if len(problems) > 1:
        click.echo(f"{len(problems)} problems; nothing was started.", err=True)
    return _BAD_INPUT


def _report_usage(error: click.ClickException) -> int:
    _say(error.format_message())
    if isinstance(error, click.UsageError) and error.ctx is not None:
        click.echo(f"Help: {error.ctx.command_path} --help", err=True)
    return _BAD_INPUT


def _disk_problem(error: OSError) -> str:
    """Path, reason and, when the disk is full, the free bytes."""
    import errno
    import shutil
    from pathlib import Path

    path = error.filename or error.filename2
    text = f"{path}: {error.strerror}" if path else str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        place = Path(path).absolute() if path else Path.cwd()
        while not place.is_dir() and place != place.parent:
            place = place.parent
        free = shutil.disk_usage(place).free
        text += f" ({free:,} bytes free at {place}). Earlier results are intact; free some space"
    return f"{text}."


def _internal_problem(error: BaseException) -> str:
    """Type, message, file and line of an error that nobody foresaw."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = "" if trace is None else f" ({trace.tb_frame.f_code.co_filename}:{trace.tb_lineno})"
    text = str(error) or "no message"
    return f"internal: {type(error).__name__}: {text}{place}. --debug shows the traceback."


if __name__ == "__main__":
    main()
