"""The shipped graph: the very file its card names, and a builder that follows its rules."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from graphlab.datasets.catalog import find_dataset
from graphlab.io import sha256_file

FOLDER = find_dataset("debdeps").folder

PACKAGES = """
Package: alpha
Section: net
Depends: beta (>= 1), gamma | delta, ghost
Description: short alpha

Package: alpha-doc
Source: alpha
Section: doc
Description: manual

Package: beta
Source: beta-source (2.0)
Section: math
Suggests: virtual
Description: short beta

Package: beta-tools
Source: beta-source
Section: math
Depends: beta
Description: tools

Package: delta
Section: net
Provides: virtual (= 3)
Description: short delta

Package: gamma
Section: libs
Description: a library without a class

Package: lonely
Section: web
Description: nobody needs it
"""
TRANSLATION = """
Package: alpha
Description-en: alpha talks to servers and servers talk back
 It is a network package.

Package: beta-source
Description-en: never read: no binary of this name
"""


def test_the_shipped_file_is_the_published_one():
    digest = "ede9be54278ef2c1b8c7f3e0bc7df6ff93cd25a4b0b637e5b88c3e966759a3dc"
    assert sha256_file(FOLDER / "debdeps.npz") == digest


def test_the_shipped_file_is_that_of_the_mirror(mirror):
    assert (FOLDER / "debdeps.npz").read_bytes() == (
        mirror / "embedded" / "debdeps.npz"
    ).read_bytes()


@pytest.fixture
def built(tmp_path):
    (tmp_path / "Packages").write_text(PACKAGES.strip())
    (tmp_path / "Translation-en").write_text(TRANSLATION.strip())
    out = []
    for name in ("first.npz", "second.npz"):
        command = [sys.executable, str(FOLDER / "build_debdeps.py"), "Packages", "Translation-en"]
        subprocess.run([*command, name, "text.json.gz"], cwd=tmp_path, check=True)
        out.append((tmp_path / name).read_bytes())
    assert out[0] == out[1]
    with np.load(tmp_path / "first.npz") as content:
        return {name: content[name] for name in content.files}


def test_nodes_are_labelled_sources_of_the_largest_component(built):
    assert built["node_names"].tolist() == ["alpha", "beta-source", "delta"]
    names = built["class_names"][built["node_labels"]].tolist()
    assert names == ["net", "math", "net"]


def test_edges_are_dependencies_between_sources(built):
    """alpha needs beta; gamma has no class, and its alternative is not taken; beta suggests a
    name that delta alone provides."""
    assert built["edges"].tolist() == [[0, 1], [1, 2]]


def test_rare_words_are_left_out(built):
    assert built["feat_shape"].tolist() == [3, 0]
    assert built["feat_indices"].size == 0
