"""The report: four files from run folders alone, a page that loads nothing and runs nothing."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from graphlab.bench import cli
from graphlab.bench.config import load_suite
from graphlab.bench.plan import make_plan
from graphlab.bench.record import Config, Failure, Identity, Result, RunRecord, SeenWarnings
from graphlab.bench.report.outline import load_outline, save_outline
from graphlab.bench.report.page import TABLES, write_report
from graphlab.bench.report.tables import result_table
from graphlab.bench.store import RunStore
from graphlab.errors import InputError

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=http://evil.example/x onerror=alert(1)>',
    "</style><body onload=alert(1)>",
    "</svg><foreignObject>",
    "javascript:alert(1)",
    "url(http://evil.example/y)",
    "{{ 7 * 7 }}{% include 'x' %}",
    "$\\frac{$ and $x$",
    "../../../etc/passwd",
    "line\nbreak\x00\x1b[31m",
    "\u202egnp.exe",
    "emoji 🙂",
    "y" * 10_000,
]
LOADING = {"src", "srcset", "data", "poster", "action", "formaction", "background", "ping"}
VOID = {"meta", "br", "img", "link", "input", "hr", "source", "base", "embed"}


class Page(HTMLParser):
    """Every tag with its attributes, the text, and the links of a page; checks the nesting."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.text, self.open = [], [], []
        self.feed(text)
        self.close()
        assert self.open == [], f"not closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    @property
    def words(self):
        return " ".join(" ".join(self.text).split())

    def of(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def some_runs(make_run):
    """Two systems on two data sets, and a third with a diverged run."""
    runs = [
        make_run(system=s, dataset=d, seed=seed, acc=base + seed / 100)
        for s, base in (("GCN", 0.8), ("DAGNN", 0.84))
        for d in ("cora", "citeseer")
        for seed in range(3)
    ]
    error = Failure(type="NonFiniteError", message="loss is nan at epoch 3", log_tail="one\ntwo")
    runs.append(make_run(system="MLP", seed=0, acc=0.5))
    runs.append(make_run(system="MLP", seed=1, status="diverged", error=error))
    return runs


@pytest.fixture(scope="module")
def written(make_run, write_runs, tmp_path_factory):
    """A results folder with its report, to be read alone."""
    folder = tmp_path_factory.mktemp("written") / "results" / "demo"
    write_runs(some_runs(make_run), folder)
    write_report(folder)
    return folder


@pytest.fixture
def results(written, tmp_path):
    """A results folder that a test may change, with a report that is current."""
    return Path(shutil.copytree(written, tmp_path / "results" / "demo"))


def read(folder):
    return (folder / "report.html").read_text(encoding="utf-8")


# -- files ----------------------------------------------------------------------------------------


def test_four_files_are_written(written):
    assert (written / "report.html").stat().st_size > 10_000
    for name in TABLES:
        assert (written / name).stat().st_size > 100
    assert not list(written.glob(".*.tmp"))


def test_the_tables_are_those_of_the_records(written):
    table = result_table(RunStore(written).records())
    assert (written / "table.csv").read_text(encoding="utf-8") == table.to_csv()
    assert (written / "table.md").read_text(encoding="utf-8") == table.to_markdown()
    assert (written / "table.tex").read_text(encoding="utf-8") == table.to_latex()


def test_times_can_be_left_out_of_the_tables(results):
    write_report(results, times=False)
    assert "seconds" not in (results / "table.csv").read_text(encoding="utf-8")
    write_report(results)
    assert "seconds" in (results / "table.csv").read_text(encoding="utf-8")


def test_a_second_call_leaves_the_page_alone_and_imports_no_matplotlib(results):
    before = write_report(results).stat().st_mtime_ns
    code = (
        "import sys; from graphlab.bench.report.page import write_report;"
        f"write_report({str(results)!r});"
        "heavy = {'matplotlib', 'torch', 'numpy', 'pandas', 'jinja2'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (results / "report.html").stat().st_mtime_ns == before


def test_a_changed_record_makes_a_new_page(results, make_run, save_runs):
    write_report(results)
    before = read(results)
    save_runs([make_run(system="GCN", seed=3, acc=0.99)], results)
    write_report(results)
    assert read(results) != before
    assert "n=" in Page(read(results)).words


def test_a_deleted_table_is_written_again(results):
    write_report(results)
    (results / "table.md").unlink()
    write_report(results)
    assert (results / "table.md").is_file()


def test_equal_records_give_equal_bytes(results, tmp_path):
    write_report(results)
    first = read(results)
    copy = tmp_path / "elsewhere" / "demo"
    shutil.copytree(results, copy)
    (copy / "report.html").unlink()
    write_report(copy)
    assert read(copy) == first


def test_a_folder_without_records_has_a_page_that_says_so(tmp_path):
    (tmp_path / "empty").mkdir()
    page = write_report(tmp_path / "empty")
    assert "No runs yet." in Page(page.read_text(encoding="utf-8")).words


def test_runs_that_all_failed_make_a_page_without_figures(make_run, save_runs):
    folder = save_runs([make_run(seed=s, status="failed") for s in range(2)])
    write_report(folder)
    page = Page(read(folder))
    assert page.of("svg") == []
    assert "failed 2/2" in page.words


def test_no_folder_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="not a results folder"):
        write_report(tmp_path / "nothing")


def test_a_file_in_the_place_of_the_output_folder_is_an_input_error(results, tmp_path):
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(InputError, match="--out"):
        write_report(results, out=tmp_path / "taken")
    assert (tmp_path / "taken").read_text() == "mine"


# -- the page loads and runs nothing --------------------------------------------------------------


def assert_self_contained(text):
    page = Page(text)
    for tag, attributes in page.tags:
        assert tag not in {"script", "iframe", "object", "embed", "link", "base", "img", "form"}
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            assert name not in LOADING, (tag, name)
            if name in {"href", "xlink:href"} and tag != "a":
                assert value.startswith("#"), (tag, value)
        if tag == "a":
            href = attributes["href"]
            assert not re.match(r"\s*(javascript|data|vbscript):", href, re.IGNORECASE)
            if ":" in href.split("/")[0]:  # a citation to follow by hand
                assert re.match(r"https://(arxiv\.org|doi\.org|ogb\.stanford\.edu)/", href)
    styles = [attributes.get("style", "") for _, attributes in page.tags]
    styles += re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    assert len(styles) > 50
    assert not any(re.search(r"url\((?!#)|@import", style) for style in styles)
    policy = next(m["content"] for m in page.of("meta") if "http-equiv" in m)
    assert "default-src 'none'" in policy
    assert "connect-src" not in policy
    assert "http" not in policy
    return page


def test_the_page_makes_no_request_and_has_no_script(written):
    page = assert_self_contained(read(written))
    assert len(page.of("svg")) == 8  # four kinds of figures, two data sets


def test_links_lead_to_files_that_exist(results, tmp_path):
    for out in (None, tmp_path / "other place" / "deep"):
        page = write_report(results, out=out)
        links = [a["href"] for a in Page(page.read_text(encoding="utf-8")).of("a")]
        inside = [href for href in links if not href.startswith(("https:", "#"))]
        assert len(inside) > 20
        for href in inside:
            assert (page.parent / unquote(href)).exists(), href


def test_anchors_have_their_targets_and_ids_are_unique(written):
    page = Page(read(written))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    used = {a["href"][1:] for _, a in page.tags if a.get("href", "").startswith("#")}
    used |= set(re.findall(r"url\(#([^)]+)\)", read(written)))
    for svg in page.of("svg"):
        used |= set(svg["aria-labelledby"].split())
    assert used <= set(ids)


def test_every_figure_is_described_in_words(written):
    page = Page(read(written))
    assert all(svg["role"] == "img" for svg in page.of("svg"))
    assert len(page.of("desc")) == len(page.of("title")) - 1 == len(page.of("svg"))
    assert "DAGNN: 85.0 ± 1.0 %" in page.words


def test_colours_are_variables_that_both_schemes_define(written):
    text = read(written)
    assert "#11110" not in text  # no place-holder is left
    assert "#0000a" not in text
    dark = "".join(re.findall(r"@media \(prefers-color-scheme:dark\)\{:root\{([^}]+)\}", text))
    light = re.sub(r"@media[^{]+\{:root\{[^}]+\}", "", text)
    used = set(re.findall(r"var\(--([a-z0-9]+)", text))
    assert {"ink", "grid", "s0", "s1"} <= used
    for name in used:
        assert f"--{name}:" in light, name
        assert f"--{name}:" in dark, name
    assert "color-scheme:light dark" in text
    assert "@media print" in text


def test_svg_holds_no_date_and_no_raster(written):
    text = read(written)
    assert "<metadata" not in text
    assert "<image" not in text
    assert "dc:date" not in text


# -- content --------------------------------------------------------------------------------------


def test_the_page_holds_table_failures_commands_and_provenance(written):
    words = Page(read(written)).words
    for part in (
        "Demo suite",
        "13 of 15 runs with a result",
        "85.0 ± 1.0",
        "published",
        "n=1 of 3, div. 1/3",
        "at the epoch of best validation loss",
        "NonFiniteError: loss is nan at epoch 3",
        "one two",  # the tail of the log
        "graphlab-bench run --task node --model dagnn --dataset cora --dataset citeseer",
        "Test CPU",
        "torch 2.13.0",
    ):
        assert part in words, part


def test_the_best_mean_is_bold(written):
    best = re.findall(r'<td class="first best">([^<]+)', read(written))
    assert best == ["85.0 ± 1.0", "85.0 ± 1.0"]


def test_provenance_shows_every_value_of_a_mixture(make_run, save_runs):
    runs = [make_run(seed=seed) for seed in range(3)]
    runs[2] = runs[2].model_copy(
        update={"code": runs[2].code.model_copy(update={"torch": "2.12.0"})}
    )
    folder = save_runs(runs)
    write_report(folder)
    assert "2.13.0 (2 runs)" in Page(read(folder)).words
    assert "2.12.0 (1 run)" in Page(read(folder)).words


def test_warnings_are_summed_over_runs(make_run, save_runs):
    seen = SeenWarnings(count=2, texts={"UserWarning: odd": 2})
    folder = save_runs([make_run(seed=s, warnings=seen) for s in range(2)])
    write_report(folder)
    assert "4 times: UserWarning: odd" in Page(read(folder)).words


def test_records_that_cannot_be_read_are_named(results):
    bad = results / "cell" / "0"
    bad.mkdir(parents=True)
    (bad / "run.json").write_text("{not json")
    newer = results / "cell" / "1"
    newer.mkdir()
    (newer / "run.json").write_text(json.dumps({"identity": {"schema": 99}}))
    write_report(results)
    words = Page(read(results)).words
    assert "1 records of a newer graphlab were skipped" in words
    assert "cell/0/run.json holds no record" in words


def test_runs_without_curves_have_the_other_figures(make_run, save_runs):
    folder = save_runs([make_run(seed=seed) for seed in range(2)], epochs=0)
    write_report(folder)
    assert "Learning curves" not in Page(read(folder)).words
    assert len(Page(read(folder)).of("svg")) == 3


@pytest.mark.parametrize("seeds", [1, 2])
def test_figures_of_very_few_runs_of_one_epoch(make_run, save_runs, seeds):
    folder = save_runs([make_run(seed=seed, parameters=0) for seed in range(seeds)], epochs=1)
    write_report(folder)
    assert len(Page(read(folder)).of("svg")) == 3  # no parameters to draw against


def test_more_systems_than_colours(make_run, save_runs):
    folder = save_runs([make_run(system=f"S{i}", acc=0.5 + i / 100) for i in range(20)])
    write_report(folder)
    assert Page(read(folder)).words.count("S19") > 3


# -- hostile names --------------------------------------------------------------------------------


def test_hostile_names_are_text_on_the_page(make_run, save_runs):
    # every name in the title of a figure, with few figures to draw
    titles = [" ".join(HOSTILE[start::3]) for start in range(3)]
    runs = [
        make_run(
            system=name,
            dataset=titles[number % 3],
            title=HOSTILE[0],
            model="gcn",
            protocol=HOSTILE[number % 3][:50],
            seed=seed,
            warnings=SeenWarnings(count=1, texts={name: 1}),
        )
        for number, name in enumerate(HOSTILE)
        for seed in range(2)
    ]
    error = Failure(type=HOSTILE[0], message=HOSTILE[1], log_tail="\n".join(HOSTILE))
    runs.append(make_run(status="failed", error=error))
    folder = save_runs(runs)
    write_report(folder)
    page = assert_self_contained(read(folder))
    assert "<script>alert(1)</script>" in page.words  # shown, as text
    assert "{{ 7 * 7 }}" in page.words
    assert "evil.example" in page.words
    assert "\u202e" not in read(folder)
    assert "\x1b" not in read(folder)
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "img", "foreignobject", "iframe"}


def test_a_hostile_name_changes_no_path(make_run, save_runs, tmp_path):
    folder = save_runs([make_run(system="../../../up", dataset="../x")])
    write_report(folder)
    assert {path.name for path in tmp_path.iterdir()} == {"results"}


# -- plan -----------------------------------------------------------------------------------------


@pytest.fixture
def plan(tmp_path):
    def make(seeds=3, name="demo", **changes):
        suite = {
            "name": name,
            "title": "A planned suite",
            "task": "node",
            "datasets": ["debdeps"],
            "seeds": seeds,
            "system": [{"model": "mlp", "name": "MLP"}, {"model": "mlp", "name": "Wide"}],
        }
        suite["system"][1]["options"] = {"hidden_channels": 99}
        suite.update(changes)
        return make_plan(load_suite(suite), tmp_path / "results")

    return make


def record_of(spec, acc=0.5):
    """The record that a finished run of a plan would have."""
    return RunRecord(
        identity=Identity(
            run_id=spec.run_id,
            cell_id=spec.cell_id,
            suite=spec.suite,
            system=spec.system,
            dataset=spec.dataset,
            task=spec.task,
            protocol=spec.protocol,
            seed=spec.seed,
        ),
        config=Config(
            model=spec.model,
            title=spec.title,
            options=spec.options,
            recipe=spec.recipe,
            task_options=spec.task_options,
            overridden=spec.overridden,
        ),
        result=Result(status="done", metrics={"test": {"acc": acc}}, epochs_run=1),
    )


def test_the_plan_is_saved_so_that_folders_alone_give_the_same_page(plan, save_runs):
    planned = plan()
    folder = save_runs([record_of(planned.runs[0])], planned.results)
    write_report(folder, plan=planned)
    first = read(folder)
    words = Page(first).words
    assert "1 of 6 runs with a result" in words
    assert "n=1 of 3" in words
    assert "n=0 of 3" in words  # the second system has not run
    (folder / "report.html").unlink()
    write_report(folder)
    assert read(folder) == first


def test_a_narrowed_run_does_not_narrow_the_report(plan, save_runs):
    planned = plan()
    folder = save_runs([record_of(spec) for spec in planned.runs], planned.results)
    write_report(folder, plan=planned)
    narrow = plan(
        seeds=5, system=[{"model": "mlp", "name": "Wide", "options": {"hidden_channels": 99}}]
    )
    write_report(folder, plan=narrow)
    outline = load_outline(folder)
    assert [(cell.system, cell.planned) for cell in outline.cells] == [("MLP", 3), ("Wide", 5)]


def test_runs_of_flags_alone_share_no_plan(plan, save_runs):
    planned = plan(name="adhoc")
    folder = save_runs([record_of(spec) for spec in planned.runs], planned.results)
    write_report(folder, plan=planned)
    assert not (folder / "plan.json").exists()
    assert "MLP" in Page(read(folder)).words


def test_a_plan_can_be_saved_before_anything_has_run(plan):
    planned = plan()
    outline = save_outline(planned.results, planned)
    assert load_outline(planned.results) == outline
    assert [cell.planned for cell in outline.cells] == [3, 3]


def test_a_damaged_plan_file_is_ignored(results):
    (results / "plan.json").write_text('{"cells": 3}')
    write_report(results)
    assert "DAGNN" in Page(read(results)).words


def test_the_command_of_a_row_is_the_plan_of_that_row(plan, save_runs, capsys):
    """Copied to a shell, the commands of a page name the very cells of the table."""
    planned = plan()
    folder = save_runs([record_of(spec) for spec in planned.runs], planned.results)
    write_report(folder)
    commands = re.findall(r'<pre class="command"[^>]*><code>(.*?)</code>', read(folder))
    assert len(commands) == 2
    import html
    import shlex

    cells = []
    for command in commands:
        program, *words = shlex.split(html.unescape(command))
        assert program == "graphlab-bench"
        with pytest.raises(SystemExit) as stopped:
            cli.main([*words, "--dry-run", "--json", "--results", str(folder.parent)])
        assert stopped.value.code == 0
        shown = json.loads(capsys.readouterr().out)
        cells += [(cell["cell_id"], cell["seeds"]) for cell in shown["cells"]]
    # without a saved plan and with equal times, rows stand in the order of their cell ids
    assert cells == sorted((cell.cell_id, [0, 1, 2]) for cell in planned.cells)


# -- command line ---------------------------------------------------------------------------------


def call(*words):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["report", *map(str, words)])
    return stopped.value.code


def test_the_command_prints_the_table_and_the_path(results, capsys):
    (results / "report.html").unlink()
    assert call("demo", "--results", results.parent) == 0
    out = capsys.readouterr().out
    assert "85.0 ± 1.0" in out
    assert str(results / "report.html") in out
    assert (results / "report.html").is_file()


def test_without_a_suite_every_suite_gets_its_files(results, make_run, save_runs):
    other = save_runs([make_run(suite="other")], results.parent / "other")
    assert call("--results", results.parent) == 0
    assert (results / "report.html").is_file()
    assert (other / "report.html").is_file()


def test_several_suites_have_folders_of_their_own_below_out(results, make_run, save_runs, tmp_path):
    save_runs([make_run(suite="other")], results.parent / "other")
    assert call("--results", results.parent, "--out", tmp_path / "pages") == 0
    assert {p.name for p in (tmp_path / "pages").iterdir()} == {"demo", "other"}


def test_the_suites_own_folder_is_taken_as_results(results, tmp_path):
    assert call("--results", results, "--out", tmp_path / "page") == 0
    assert (tmp_path / "page" / "report.html").is_file()


def test_json_is_one_object(results, capsys):
    assert call("DEMO", "--results", results.parent, "--json", "--no-time") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["report"].endswith("report.html")
    assert {line["system"] for line in shown["results"]} == {"GCN", "DAGNN", "MLP"}
    assert not any("seconds" in name for name in shown["results"][0])


@pytest.mark.parametrize("name", ["demi", "demo_", "nothing-like-it"])
def test_an_unknown_suite_is_bad_input(results, capsys, name):
    assert call(name, "--results", results.parent) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert "demo" in error
    assert error.count("\n") == 1


def test_no_results_is_bad_input(tmp_path, capsys):
    assert call("--results", tmp_path) == 2
    assert "holds no runs" in capsys.readouterr().err
    assert call("--results", tmp_path / "missing") == 2
    assert "--results DIR" in capsys.readouterr().err
