"""F36: any text may be the name of a system or a data set: no path, no mark-up, no command."""

from __future__ import annotations

import csv
import io as stdio
import re
from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphlab.bench.config import load_suite
from graphlab.bench.plan import make_plan
from graphlab.bench.report.page import write_report
from graphlab.bench.report.tables import result_table
from graphlab.bench.store import RunStore
from graphlab.errors import ConfigError

NASTY = [
    "../../etc/passwd",
    "/etc/passwd",
    "..",
    "C:\\nul",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style><svg onload=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "\\input{/etc/passwd} $x$ & % # _ ^ ~",
    "=cmd|' /C calc'!A0",
    "two\nlines\r\tand a tab",
    "\x1b[31mred\x07",
    "\u202eright to left",
    "\U0001f600" * 3,
    "|a|b|",
    "x" * 10_000,
    "'; rm -rf / #",
    "$(touch marker)",
    "\ud800",
    "\x00",
]
names = st.one_of(
    st.sampled_from(NASTY),
    st.text(max_size=30),
    st.text(alphabet="<>&\"'\\/.{}%$#_^~|`\n\r\t\x00\x1b\u202e a", min_size=1, max_size=30),
)
REFUSED = {"script", "img", "iframe", "object", "embed", "foreignobject", "base", "form"}


class Page(HTMLParser):
    """Collects tags, attributes and text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.words = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes

    def handle_data(self, data):
        self.words += data


@pytest.fixture(scope="module")
def make_record():
    """Return a function from names to the record of a finished run."""
    from datetime import UTC, datetime

    from graphlab.bench.record import (
        Code,
        Config,
        Cost,
        Data,
        Identity,
        Lineage,
        Machine,
        Result,
        RunRecord,
    )

    now = datetime(2026, 1, 5, tzinfo=UTC)

    def make(system, dataset, seed):
        return RunRecord(
            identity=Identity(
                run_id=f"{seed:016x}",
                cell_id="0" * 16,
                suite=system,
                system=system,
                dataset=dataset,
                task="node",
                protocol="public",
                seed=seed,
            ),
            config=Config(model="gcn", title=dataset),
            result=Result(status="done", metrics={"test": {"acc": 0.5}}, epochs_run=1),
            cost=Cost(
                seconds={"train": 1.0}, seconds_per_epoch=0.1, peak_rss_bytes=1, parameters=1
            ),
            code=Code(graphlab="0.1.0", python="3.11", torch="2.13"),
            data=Data(dataset_sha256="ab" * 32, num_nodes=10, num_edges=20),
            machine=Machine(cpu="Test", cores=2, threads=1),
            lineage=Lineage(started=now, ended=now),
        )

    return make


@settings(deadline=None, max_examples=60, derandomize=True)
@given(name=names)
def test_folders_are_hashes_whatever_the_name(name, tmp_path_factory):
    root = tmp_path_factory.getbasetemp() / "results"
    suite = {
        "name": name,
        "title": name,
        "task": "node",
        "datasets": ["karate"],
        "system": [{"model": "mlp", "name": name}],
    }
    try:
        plan = make_plan(load_suite(suite), root)
    except ConfigError as error:  # an empty name, or one that no file can hold
        assert str(error).isprintable() or "\n" in str(error)
        return
    assert plan.results.parent == root
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}", plan.results.name)
    for run in plan.runs:
        folder = RunStore(plan.results).folder(run)
        assert re.fullmatch(r"[0-9a-f]{16}/\d+", folder.relative_to(plan.results).as_posix())


def assert_harmless(page):
    """No tag, attribute or address that came from a name."""
    assert not set(page.tags) & REFUSED
    for key, value in page.attributes:
        assert not key.startswith("on"), (key, value)
        if key in {"href", "src", "action"}:
            assert not (value or "").lstrip().lower().startswith(("javascript:", "data:", "http"))


@settings(
    deadline=None,
    max_examples=8,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(system=names, dataset=names)
def test_the_page_and_every_table_show_names_as_text(
    make_record, system, dataset, tmp_path_factory
):
    where = tmp_path_factory.mktemp("page")
    store = RunStore(where / "results" / "demo")
    for seed in range(2):
        record = make_record(system, dataset, seed)
        folder = store.run_dir("0" * 16, seed)
        folder.mkdir(parents=True)
        store.write(folder, record)
    write_report(store.results)
    text = (store.results / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert_harmless(page)
    for character in "\x00\x07\x1b\u202e":
        assert character not in text
    assert {path.name for path in where.iterdir()} == {"results"}
    assert {path.name for path in (where / "results").iterdir()} == {"demo"}

    table = result_table(store.records())
    rows = list(csv.reader(stdio.StringIO(table.to_csv(times=False))))
    assert len({len(row) for row in rows}) == 1  # a name adds neither rows nor columns
    assert len(rows) == 2
    assert not any(cell.startswith(("=", "+", "@")) for row in rows for cell in row[:2])
    latex = table.to_latex(times=False)
    assert not re.search(r"\\(input|include|write|catcode)\b", latex)
    for form in (table.to_markdown(times=False), latex):
        assert "\x1b" not in form
        assert "\u202e" not in form


def test_hostile_names_of_every_kind_on_one_page(make_record, tmp_path):
    """All at once, where one could close what another opened."""
    store = RunStore(tmp_path / "demo")
    for number, name in enumerate(NASTY):
        record = make_record(name, NASTY[-1 - number], number)
        folder = store.run_dir(f"{number:016x}", number)
        folder.mkdir(parents=True)
        store.write(folder, record)
    write_report(store.results)
    page = Page((store.results / "report.html").read_text(encoding="utf-8"))
    assert_harmless(page)
    for shown in ("<script>alert(1)</script>", "{{ 7 * 7 }}", "onerror=alert(1)"):
        assert shown in page.words
    assert "\\input{/etc/passwd}" in page.words
