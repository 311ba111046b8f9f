"""The bar and the lines that a person sees."""

from __future__ import annotations

import io
from types import SimpleNamespace

from rich.console import Console

from graphlab.bench.progress import Lines, LiveBar

CELLS = [
    SimpleNamespace(cell_id="c1", runs=(0, 1), protocol="public"),
    SimpleNamespace(cell_id="c2", runs=(0,), protocol="public"),
]


def event(kind, cell="c1", seed=0, **values):
    given = {"event": kind, "cell_id": cell, "system": "A\nB", "dataset": "karate", "seed": seed}
    return {**given, **values}


def lines_of(events, make=Lines, cells=CELLS, **console):
    out = io.StringIO()
    shown = make(Console(file=out, width=100, **console), cells)
    with shown:
        for one in events:
            shown(one)
    return out.getvalue().splitlines()


def test_a_line_is_written_when_a_cell_has_ended():
    lines = lines_of(
        [
            event("start"),
            event("epoch", epoch=1, epochs=2, values={"val_acc": 0.5}),
            event("done", values={"acc": 0.5, "loss": 1.0}),
            event("done", seed=1, values={"acc": 1.0, "loss": 2.0}),
        ]
    )
    assert lines == ["[1/2] A B on karate: 2 runs, test acc 75.0 %, loss 1.500"]


def test_a_failed_run_has_its_line_at_once_and_is_not_in_the_mean():
    lines = lines_of(
        [
            event("failed", status="diverged", message="loss is nan"),
            event("done", seed=1, values={"acc": 1.0}),
        ]
    )
    assert lines[0] == "A B on karate, seed 0: diverged: loss is nan"
    assert lines[1] == "[1/2] A B on karate: 1 run, test acc 100.0 %"


def test_a_cell_without_a_result_is_named_too():
    lines = lines_of([event("failed", "c2", status="failed", message="x")])
    assert lines[-1] == "[1/2] A B on karate: 0 runs"


def test_of_several_protocols_each_line_names_its_own():
    cells = [CELLS[1], SimpleNamespace(cell_id="c3", runs=(0,), protocol="ncn-70-10-20")]
    lines = lines_of([event("done", "c3"), event("done", "c2")], cells=cells)
    assert lines == [
        "[1/2] A B on karate (ncn-70-10-20): 1 run",
        "[2/2] A B on karate (public): 1 run",
    ]


def test_resumed_waiting_and_busy_runs_are_said():
    lines = lines_of([event("resumed", epoch=7), event("waiting"), event("busy", "c2")])
    assert lines[0] == "A B on karate, seed 0: resumed at epoch 7"
    assert lines[1] == "A B on karate, seed 0: waiting for another process that executes it"
    assert lines[2] == "A B on karate, seed 0: left to another process that executes it"


def test_a_terminal_shows_one_bar_with_the_current_run():
    text = "\n".join(
        lines_of(
            [
                event("start"),
                event("epoch", seed=1, epoch=5, epochs=9, values={"val_loss": 0.25, "lr": 1.0}),
                event("done", values={"acc": 0.5}),
                event("epoch", seed=1, epoch=6, epochs=9, values={"val_acc": 0.5}),
            ],
            LiveBar,
            force_terminal=True,
            color_system=None,
        )
    )
    assert "1/3 runs" in text
    assert "A B · karate · seed 1 · epoch 6/9 · val acc 50.0 %" in text
    assert "lr" not in text
