"""Published numbers: every row has a source, and a bad row is named by file and line."""

from __future__ import annotations

import pytest

from graphlab.bench.report.reference import COLUMNS, load_references
from graphlab.datasets.catalog import find_dataset
from graphlab.errors import InputError

HEAD = ",".join(COLUMNS)
SOURCES = '[a2020]\ntext = "Author, Title, 2020, Table 1"\nurl = "https://doi.org/10.1/x"\n'


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sources.toml").write_text(SOURCES, encoding="utf-8")
    return tmp_path


def write(folder, *rows, name="numbers.csv", head=HEAD):
    (folder / name).write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return folder


# -- shipped rows ---------------------------------------------------------------------------------


def test_every_shipped_number_has_a_citation_with_a_link():
    rows = load_references().rows
    assert len(rows) >= 20
    for row in rows:
        assert row.source.text
        assert row.source.short
        assert row.source.url.startswith("https://")


def test_shipped_numbers_are_in_the_unit_of_the_records():
    for row in load_references().rows:
        # accuracy, Hits@K, MRR and areas are fractions
        top = {"sbm_acc": 100, "rmse": 10}.get(row.metric, 1)
        assert top / 1000 < row.mean < top
        assert row.std is None or 0 < row.std < top / 4


def test_shipped_rows_name_catalogued_sets_and_their_protocols():
    for row in load_references().rows:
        card = find_dataset(row.dataset)
        assert card.name == row.dataset
        tasks = [task for task in card.tasks if row.protocol in card.protocols[task]]
        assert any(row.metric in card.metrics[task] for task in tasks)


@pytest.mark.parametrize(
    ("system", "dataset", "mean", "std"),
    [
        ("dagnn", "cora", 0.844, 0.005),
        ("dagnn", "citeseer", 0.733, 0.006),
        ("dagnn", "pubmed", 0.805, 0.005),
        ("gcn", "cora", 0.815, None),
        ("gat", "citeseer", 0.725, 0.007),
    ],
)
def test_published_values(system, dataset, mean, std):
    found = load_references().find(system, dataset, "public", "acc")
    assert (found.mean, found.std) == (mean, std)


@pytest.mark.parametrize(
    ("system", "dataset", "protocol", "metric", "mean", "std"),
    [
        ("ncn", "cora", "ncn-70-10-20", "hits@100", 0.8905, 0.0096),
        ("ncnc", "citeseer", "ncn-70-10-20", "hits@100", 0.9347, 0.0095),
        ("cn", "cora", "ncn-70-10-20", "hits@100", 0.3392, None),
        ("gae", "pubmed", "ncn-70-10-20", "hits@100", 0.7881, 0.0164),
        ("ncnc", "ogbl-collab", "official", "hits@50", 0.6661, 0.0071),
        ("cn", "ogbl-ddi", "official", "hits@20", 0.1773, None),
        ("ncn", "ogbl-citation2", "official", "mrr", 0.8809, 0.0006),
        ("ncnc", "cora", "heart-85-5-10", "mrr", 0.155, 0.0069),
    ],
)
def test_published_values_of_links(system, dataset, protocol, metric, mean, std):
    found = load_references().find(system, dataset, protocol, metric)
    assert (found.mean, found.std) == (mean, std)
    assert any(word in found.source.text.lower() for word in ("read in", "looked up"))


@pytest.mark.parametrize(
    ("system", "dataset"),
    [("ra", "ogbl-ddi"), ("cn", "ogbl-collab"), ("ncnc", "pubmed"), ("sage", "pubmed")],
)
def test_numbers_of_links_in_which_sources_differ_are_not_here(system, dataset):
    rows = load_references().rows
    assert not [row for row in rows if (row.system, row.dataset) == (system, dataset)]


def test_hard_negatives_say_that_the_split_is_another():
    rows = [row for row in load_references().rows if row.protocol == "heart-85-5-10"]
    assert rows
    assert all("not the published split" in row.source.text for row in rows)


@pytest.mark.parametrize("dataset", ["cs", "physics", "computers", "photo"])
def test_numbers_of_dagnn_that_could_not_be_verified_are_not_here(dataset):
    systems = {row.system for row in load_references().rows if row.dataset == dataset}
    assert "dagnn" not in systems


def test_the_lookup_ignores_case_and_an_adapters_prefix():
    references = load_references()
    assert references.find("PyG_GAT", "Cora", "public", "acc") is references.find(
        "gat", "cora", "public", "acc"
    )
    assert references.find("gat", "cora", "public", "rocauc") is None
    assert references.find("other", "cora", "public", "acc") is None


# -- a folder of one's own ------------------------------------------------------------------------


def test_rows_are_read_from_every_file(folder):
    write(folder, "gcn,cora,public,acc,0.8,0.01,5,a2020")
    write(folder, "GCN,My_Set,public,acc,0.5,,,a2020", name="more.csv")
    references = load_references(folder)
    assert references.find("gcn", "cora", "public", "acc").runs == 5
    mine = references.find("gcn", "my-set", "public", "acc")
    assert (mine.std, mine.runs, mine.source.url) == (None, None, "https://doi.org/10.1/x")


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ("gcn,cora,public,acc,0.8,0.01,5,", "source is empty"),
        ("gcn,cora,public,acc,,0.01,5,a2020", "mean is empty"),
        ("gcn,cora,public,acc,0.8,0.01,5,b1999", "'b1999' is not in sources.toml"),
        ("gcn,cora,public,acc,eighty,0.01,5,a2020", "could not convert"),
        ("gcn,cora,public,acc,nan,0.01,5,a2020", "must be finite"),
        ("gcn,cora,public,acc,0.8,-0.1,5,a2020", "not negative"),
        ("gcn,cora,public,acc,0.8,0.1,5.5,a2020", "invalid literal"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(folder, row, text):
    write(folder, "mlp,cora,public,acc,0.5,,,a2020", row)
    with pytest.raises(InputError, match=text) as caught:
        load_references(folder)
    assert "numbers.csv:3" in str(caught.value)


def test_a_number_published_twice_is_an_error(folder):
    row = "gcn,cora,public,acc,0.8,,,a2020"
    write(folder, row, row)
    with pytest.raises(InputError, match="published twice"):
        load_references(folder)


def test_other_columns_are_an_error(folder):
    write(folder, "gcn,0.8", head="system,mean")
    with pytest.raises(InputError, match="the columns must be"):
        load_references(folder)
