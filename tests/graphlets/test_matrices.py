"""The mapping of matrices, and its folder: whole, damaged, foreign, half written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from graphlab.errors import DatasetCorrupt, InputError
from graphlab.graphlets import (
    GRAPHLETS,
    ORBIT_PAIRS,
    OrbitAdjacency,
    _folder,
    iter_orbit_adjacency,
    orbit_adjacency,
    orbit_counts,
)
from tests.graphlets import graphs
from tests.graphlets.graphs import check_form, same

KARATE, _ = graphs.golden_graph("karate")


@pytest.fixture(scope="module")
def whole():
    return orbit_adjacency(KARATE)


@pytest.fixture(scope="module")
def stored(whole, tmp_path_factory):
    """A folder that holds the matrices; copied by those who damage it."""
    folder = tmp_path_factory.mktemp("stored")
    whole.save(folder)
    return folder


@pytest.fixture
def folder(stored, tmp_path):
    return shutil.copytree(stored, tmp_path / "copy")


def test_a_read_only_mapping_in_the_order_of_the_keys(whole):
    assert isinstance(whole, Mapping)
    assert list(whole) == list(ORBIT_PAIRS)
    assert len(whole) == 28
    assert (1, 4, 5) in whole
    assert (1, 4, 6) not in whole
    assert "text" not in whole
    assert None not in whole
    assert 5 not in whole
    assert whole.get((9, 9, 9)) is None
    with pytest.raises(TypeError):
        whole[1, 0, 0] = whole[1, 0, 0]
    some = orbit_adjacency(KARATE, [(3, 4, 4), (1, 0, 0)])
    assert list(some) == [(1, 0, 0), (3, 4, 4)]


def test_pairs_of_orbits_are_keys_where_one_distance_is_possible(whole):
    assert whole[13, 13] is whole[1, 13, 13]
    assert whole[[1, 1]] is whole[2, 1, 1]
    assert whole[np.array([2, 1, 1])] is whole[2, 1, 1]
    with pytest.raises(KeyError, match="several distances"):
        whole[4, 5]


@pytest.mark.parametrize("key", [(1, 1, 1), (0, 0, 0), "abc", 3, None, (1, 2, 3, 4)])
def test_unknown_keys_are_key_errors_that_tell(whole, key):
    with pytest.raises(KeyError, match=r"no orbit pair|expected keys") as caught:
        whole[key]
    assert isinstance(caught.value, InputError)


def test_what_was_not_asked_for_is_named():
    some = orbit_adjacency(KARATE, [(3, 4, 4), (1, 0, 0)])
    with pytest.raises(KeyError, match=r"\(2, 1, 1\) was not asked for; here are \(1, 0, 0\), \(3"):
        some[2, 1, 1]
    with pytest.raises(
        InputError, match=r"Graphlet 1 is the sum of 3 matrices.*ask for graphlet=1"
    ):
        some.graphlet(1)
    assert (some.graphlet(0) != some[1, 0, 0]).nnz == 0


def test_counts_of_orbits_that_rows_begin_with(whole):
    expected = orbit_counts(KARATE)
    assert np.array_equal(whole.counts(), expected)
    some = orbit_adjacency(KARATE, [(1, 7, 6), (2, 9, 10)])
    counts = some.counts()
    assert counts.dtype == np.int64
    assert np.array_equal(counts[:, [7, 9]], expected[:, [7, 9]])
    assert (np.delete(counts, [7, 9], 1) == -1).all()


def test_counts_from_each_key_alone():
    expected = orbit_counts(KARATE)
    for key in ORBIT_PAIRS:
        counts = orbit_adjacency(KARATE, [key]).counts()
        assert np.array_equal(counts[:, key[1]], expected[:, key[1]])


def test_counts_of_any_type_of_entries():
    expected = orbit_counts(KARATE)
    for dtype in (np.float32, np.float64, np.int64, np.uint16):
        assert np.array_equal(orbit_adjacency(KARATE, dtype=dtype).counts(), expected)


def test_cut_off_entries_are_not_counted():
    cut = orbit_adjacency(KARATE, top_k=2)
    counts, expected = cut.counts(), orbit_counts(KARATE)
    assert np.array_equal(counts, expected)  # each orbit begins rows one step apart too
    far = orbit_adjacency(KARATE, hop=2, top_k=2)
    assert (far.counts() == -1).all()
    with pytest.raises(InputError, match=r"Only the 2 largest entries.*top_k"):
        cut.graphlet(3)
    assert (cut.graphlet(8) != orbit_adjacency(KARATE).graphlet(8)).nnz == 0


@pytest.mark.parametrize("k", GRAPHLETS)
def test_graphlets_are_symmetric_sums(whole, k):
    found = whole.graphlet(k)
    expected = sum(graphs.golden_matrix("karate", key) for key in GRAPHLETS[k])
    assert found.dtype == np.int32
    assert np.array_equal(found.toarray(), expected)
    assert (found != found.T).nnz == 0
    found.data[:] = 0  # nobody else's
    assert np.array_equal(whole.graphlet(k).toarray(), expected)


def test_entries_as_an_edge_index(whole):
    index, weight = whole.edge_index((2, 9, 10))
    assert index.dtype == torch.int64
    assert weight.dtype == torch.int32
    matrix = sp.coo_array((weight.numpy(), tuple(index.numpy())), shape=(34, 34)).toarray()
    assert np.array_equal(matrix, graphs.golden_matrix("karate", (2, 9, 10)))
    weight += 1  # nobody else's
    assert np.array_equal(whole[2, 9, 10].toarray(), graphs.golden_matrix("karate", (2, 9, 10)))
    assert whole.edge_index((13, 13))[0].shape[0] == 2
    empty = orbit_adjacency(np.empty((2, 0), int), num_nodes=3)
    index, weight = empty.edge_index((1, 0, 0))
    assert (tuple(index.shape), tuple(weight.shape)) == ((2, 0), (0,))


def test_the_text_tells_entries_of_each_key(whole):
    text = repr(whole)
    assert text.startswith(f"OrbitAdjacency(num_nodes=34, nbytes={whole.nbytes}\n")
    for key, matrix in whole.items():
        assert f"  {key}: {matrix.nnz} entries" in text
    assert "top_k=4" in repr(orbit_adjacency(KARATE, top_k=4))
    parts = [m.data.nbytes + m.indices.nbytes + m.indptr.nbytes for m in whole.values()]
    assert whole.nbytes == sum(parts)


def test_no_code_and_three_files_a_key(folder):
    names = {path.name for path in folder.iterdir()}
    assert len(names) == 3 * 28 + 1
    assert {"orbits.json", "3_4_4.indptr.npy", "3_4_4.indices.npy", "3_4_4.data.npy"} <= names
    for path in folder.glob("*.npy"):
        assert np.load(path, allow_pickle=False).ndim == 1


@pytest.mark.parametrize("mmap", [True, False])
def test_what_was_saved_is_loaded(whole, folder, mmap):
    loaded = OrbitAdjacency.load(folder, mmap=mmap)
    same(loaded, whole)
    assert loaded.num_nodes == 34
    assert loaded.top_k is None
    for matrix in loaded.values():
        check_form(matrix, (34, 34))
        assert matrix.has_canonical_format
    assert np.array_equal(loaded.counts(), whole.counts())
    same({5: loaded.graphlet(5)}, {5: whole.graphlet(5)})
    assert on_disk(loaded[3, 4, 4].data) == mmap
    assert on_disk(loaded[3, 4, 4].indices) == mmap


def on_disk(array):
    while array is not None:
        if isinstance(array, np.memmap):
            return True
        array = getattr(array, "base", None)
    return False


def test_mapped_files_are_not_written_to(folder, whole):
    loaded = OrbitAdjacency.load(str(folder))
    with pytest.raises(ValueError, match="read-only"):
        loaded[1, 0, 0].data[0] = 9
    _, weight = loaded.edge_index((1, 0, 0))
    weight[0] = 9
    same(OrbitAdjacency.load(folder), whole)


def test_some_keys_types_and_cut_rows_survive(tmp_path):
    made = orbit_adjacency(KARATE, [(2, 1, 1), (2, 6, 6)], top_k=3, dtype=np.float32)
    made.save(tmp_path / "deep" / "er")
    loaded = OrbitAdjacency.load(tmp_path / "deep" / "er")
    same(loaded, made)
    assert loaded.top_k == 3


@pytest.mark.parametrize("n", [0, 1, 5])
def test_graphs_without_edges_survive(tmp_path, n):
    made = orbit_adjacency(np.empty((2, 0), int), num_nodes=n)
    made.save(tmp_path)
    for mmap in (True, False):
        same(OrbitAdjacency.load(tmp_path, mmap=mmap), made)


@pytest.mark.parametrize("arguments", [{}, {"hop": 2}, {"top_k": 2}, {"dtype": np.int64}], ids=str)
def test_a_folder_written_block_by_block_equals_the_memory(tmp_path, threads, arguments):
    edges = graphs.clustered(150, 5)
    expected = orbit_adjacency(edges, **arguments)
    for limit in (None, expected.nbytes // 5):
        found = orbit_adjacency(
            edges, out=tmp_path, max_memory=limit, num_threads=threads, **arguments
        )
        same(found, expected)
        assert found.top_k == expected.top_k
        assert on_disk(next(iter(found.values())).data)
    same(OrbitAdjacency.load(str(tmp_path)), expected)


def test_a_folder_may_be_written_over_by_what_was_read_from_it(folder, whole):
    loaded = OrbitAdjacency.load(folder)
    loaded.save(folder)
    same(OrbitAdjacency.load(folder), whole)
    same(loaded, whole)


def test_fewer_keys_replace_more(folder):
    some = orbit_adjacency(KARATE, [(1, 0, 0)])
    some.save(folder)
    assert {path.name.split(".")[0] for path in folder.iterdir()} == {"1_0_0", "orbits"}
    same(OrbitAdjacency.load(folder), some)


def test_foreign_files_are_left_alone(folder, whole, tmp_path):
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"holds other files \(notes.txt\)"):
        whole.save(folder)
    with pytest.raises(InputError, match="holds other files"):
        orbit_adjacency(KARATE, out=folder)
    same(OrbitAdjacency.load(folder), whole)  # nothing was removed
    file = tmp_path / "file"
    file.write_text("mine")
    for call in (whole.save, lambda path: orbit_adjacency(KARATE, out=path)):
        with pytest.raises(InputError, match="is a file, expected a folder"):
            call(file)
    with pytest.raises(InputError, match="no orbit adjacency"):
        OrbitAdjacency.load(file)
    assert file.read_text() == "mine"


@pytest.mark.parametrize("missing", ["the index", "the folder"])
def test_what_is_no_such_folder_is_named(folder, missing):
    (folder / "orbits.json").unlink()
    place = folder if missing == "the index" else folder / "nowhere"
    with pytest.raises(InputError, match=r"holds no orbit adjacency: there is no orbits.json"):
        OrbitAdjacency.load(place)


def test_a_write_that_was_interrupted_is_seen_and_repeated(tmp_path, monkeypatch):
    edges = graphs.clustered(150, 5)
    expected = orbit_adjacency(edges)
    orbit_adjacency(edges, [(1, 0, 0)], out=tmp_path)  # an older result must not look like it
    append, calls = _folder.FolderWriter.append, []

    def stop(self, rows):
        calls.append(rows)
        if len(calls) == 3:
            raise KeyboardInterrupt
        append(self, rows)

    monkeypatch.setattr(_folder.FolderWriter, "append", stop)
    limit = expected.nbytes // 5
    with pytest.raises(KeyboardInterrupt):
        orbit_adjacency(edges, out=tmp_path, max_memory=limit)
    with pytest.raises(InputError, match="was not finished"):
        OrbitAdjacency.load(tmp_path)
    monkeypatch.undo()
    same(orbit_adjacency(edges, out=tmp_path, max_memory=limit), expected)


def change(name, edit):
    """Return a damage: what was read from an array file is edited and written back."""

    def damage(folder):
        path = folder / name
        array = np.load(path)
        np.save(path, edit(array), allow_pickle=True)

    return damage


def put(at, value):
    def edit(array):
        array[at] = value
        return array

    return edit


def index(**changes):
    def damage(folder):
        content = json.loads((folder / "orbits.json").read_text())
        (folder / "orbits.json").write_text(json.dumps(content | changes))

    return damage


def text(content):
    return lambda folder: (folder / "orbits.json").write_bytes(content)


def cut(name, size):
    def damage(folder):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[:size])

    return damage


DAMAGES = {
    "entries cut off": cut("2_6_6.data.npy", -4),
    "columns cut off": cut("2_6_6.indices.npy", -40),
    "pointers cut off": cut("2_6_6.indptr.npy", -8),
    "half a header": cut("2_6_6.data.npy", 40),
    "nothing left": cut("2_6_6.data.npy", 0),
    "a file missing": lambda folder: (folder / "2_6_6.indptr.npy").unlink(),
    "a column too large": change("2_6_6.indices.npy", put(3, 34)),
    "a column below zero": change("2_6_6.indices.npy", put(3, -1)),
    "pointers that fall": change("2_6_6.indptr.npy", put(5, 10_000)),
    "a first pointer": change("2_6_6.indptr.npy", put(0, 1)),
    "a last pointer": change("2_6_6.indptr.npy", put(-1, 5)),
    "fewer pointers": change("2_6_6.indptr.npy", lambda a: a[:-1]),
    "no pointers": change("2_6_6.indptr.npy", lambda a: a[:0]),
    "fewer entries": change("2_6_6.data.npy", lambda a: a[:-1]),
    "fewer columns": change("2_6_6.indices.npy", lambda a: a[:-1]),
    "floating columns": change("2_6_6.indices.npy", lambda a: a.astype(float)),
    "pointers as text": change("2_6_6.indptr.npy", lambda a: a.astype(str)),
    "entries as text": change("2_6_6.data.npy", lambda a: a.astype(str)),
    "objects": change("2_6_6.data.npy", lambda a: a.astype(object)),
    "two dimensions": change("2_6_6.data.npy", lambda a: a[:, None]),
    "no number": change("2_6_6.data.npy", lambda a: a[0]),
    "other bytes": lambda folder: (folder / "2_6_6.data.npy").write_bytes(b"PK\3\4 other" * 9),
    "more nodes": index(num_nodes=35),
    "fewer nodes": index(num_nodes=33),
    "nodes below zero": index(num_nodes=-1),
    "no nodes": index(num_nodes=None),
    "another version": index(format=99),
    "an unknown key": index(keys=[[1, 1, 1]]),
    "a short key": index(keys=[[2, 6]]),
    "keys of text": index(keys=["abc"]),
    "no keys": index(keys=None),
    "a limit of text": index(top_k="x"),
    "a limit of none": index(top_k=0),
    "not an object": text(b"[1, 2]"),
    "half an index": text(b'{"format": 1, "keys'),
    "no text": text(b"\xff\xfe\x00"),
    "an empty index": text(b""),
    "empty braces": text(b"{}"),
}


@pytest.mark.parametrize("mmap", [True, False])
@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_found_when_the_folder_is_read(folder, damage, mmap):
    DAMAGES[damage](folder)
    with pytest.raises(DatasetCorrupt, match="Make the folder anew") as caught:
        OrbitAdjacency.load(folder, mmap=mmap)
    assert str(folder) in str(caught.value)


def test_blocks_are_plain_matrices_that_users_may_keep(whole):
    blocks = list(iter_orbit_adjacency(KARATE, [(3, 4, 4)], block_rows=10))
    for _, _, rows in blocks[:1]:
        rows[3, 4, 4].data[:] = 0
    rest = sp.vstack([rows[3, 4, 4] for _, _, rows in blocks[1:]])
    assert (rest != whole[3, 4, 4][10:]).nnz == 0
