"""The report's diagnosis: there for runs with node metrics, true to their files, else absent."""

from __future__ import annotations

import re
from html import unescape

import numpy as np
import pytest

from graphlab.bench import run
from graphlab.bench._node_metrics import FILE, read_node_metrics
from graphlab.bench.report.diagnosis import METRICS, diagnosed
from graphlab.bench.report.page import write_report
from graphlab.bench.store import RunStore
from graphlab.topology import tc_by_split

SUITE = {
    "title": "Two systems",
    "task": "link",
    "protocol": "ncn-70-10-20",
    "datasets": ["debdeps"],
    "seeds": 3,
    "system": [{"model": "cn", "name": "CN <b>"}, {"model": "pa"}],
}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    return run(SUITE, results=folder, node_metrics=True, threads=1).results


@pytest.fixture(scope="module")
def page(results):
    return write_report(results).read_text(encoding="utf-8")


def runs_of(results, system):
    records = [r for r in RunStore(results).records() if r.identity.system == system]
    store = RunStore(results)
    return [(r, store.run_dir(r.identity.cell_id, r.identity.seed)) for r in records]


def test_the_section_shows_figures_table_and_sentences(page):
    assert 'id="diagnosis"' in page
    assert '<a href="#diagnosis">' in page
    section = page[page.index('id="diagnosis"') :]
    for title in ("by concentration and by degree", "Cold-start rules", "Shift of the links"):
        assert title in section
    assert section.count("<svg") >= 3
    assert "TC, test links" in section
    assert "comparisons" in section
    assert "over 3 splits" in section
    assert "CN &lt;b&gt;" in section
    assert "CN <b>" not in page


def test_ids_of_the_page_are_unique(page):
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_numbers_of_the_table_are_those_of_the_files(results, page):
    pearson, means = [], []
    for record, folder in runs_of(results, "CN <b>"):
        found = read_node_metrics(folder / FILE)
        edges = {stage: pairs.astype(np.int64) for stage, pairs in found.edges.items()}
        tc = tc_by_split(edges, found.num_nodes)["test"].numpy()[found.nodes]
        pearson.append(np.corrcoef(tc, found.at("recall", 10))[0, 1])
        means.append(record.result.node_metrics.means["recall@10"])
    text = unescape(re.sub(r"<[^>]+>", " ", page[page.index('class="correlations"') :]))
    rows = re.sub(r"\s+", " ", text)
    assert f"TC, test links {np.mean(pearson):.2f} " in rows.replace("\N{MINUS SIGN}", "-")
    assert f"{100 * np.mean(means):.1f}" in rows


def test_runs_of_one_split_are_averaged_before_they_are_correlated(results):
    one = runs_of(results, "pa")[:1]
    found = diagnosed({0: ("pa", one * 2)})
    assert found.splits == 1
    assert found.systems[0].runs == 2
    assert found.systems[0].diagnosis.over == "nodes"
    alone = diagnosed({0: ("pa", one)}).systems[0]
    assert found.systems[0].diagnosis == alone.diagnosis
    assert found.systems[0].means == pytest.approx(alone.means)


def test_bins_hold_all_nodes_and_add_up_to_the_mean(results):
    found = diagnosed({0: ("pa", runs_of(results, "pa"))})
    (system,) = found.systems
    for bins in (system.by_tc, system.by_degree):
        assert len(bins) == 3
        for metric in METRICS:
            means = [
                sum(count * values[metric] for count, values in split.values())
                / sum(count for count, _ in split.values())
                for split in bins
            ]
            assert np.mean(means) == pytest.approx(system.means[metric])
    assert sum(found.shift["share_test"]) == pytest.approx(1)


def test_a_file_that_is_gone_is_told_and_the_page_made_anew(results, page):
    _, folder = runs_of(results, "pa")[0]
    kept = (folder / FILE).read_bytes()
    (folder / FILE).unlink()
    try:
        changed = write_report(results).read_text(encoding="utf-8")
    finally:
        (folder / FILE).write_bytes(kept)
    assert "1 file of node metrics could not be read" in changed
    assert "could not be read" not in page
    assert write_report(results).read_text(encoding="utf-8") == page


def test_without_node_metrics_there_is_no_section(tmp_path):
    suite = {**SUITE, "seeds": 1}
    plain = run(suite, results=tmp_path, threads=1).results
    page = write_report(plain).read_text(encoding="utf-8")
    assert 'id="diagnosis' not in page
    assert "#diagnosis" not in page
    assert "Which nodes fail" not in page
    assert diagnosed({0: ("pa", runs_of(plain, "pa"))}) is None
