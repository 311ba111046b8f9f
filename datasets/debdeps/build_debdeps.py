"""Build the embedded default graph `debdeps` from one Debian release's package index.

Input: the uncompressed `Packages` (main, amd64) and `Translation-en` files of one release.
Nodes are source packages, edges are dependencies between them, labels are archive
sections, features are words of the English description. The result depends on the
input files alone (sorted everywhere, no random numbers).

usage: build_debdeps.py PACKAGES TRANSLATION OUT.npz [TEXT.json.gz]
"""

from __future__ import annotations

import collections
import gzip
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

if TYPE_CHECKING:
    from collections.abc import Iterator

CLASSES = ["admin", "games", "graphics", "mail", "math", "net"]
CLASSES += ["science", "sound", "text", "video", "web", "x11"]
AUXILIARY = {"doc", "debug", "oldlibs", "libs", "libdevel", "introspection", "localization"}
AUXILIARY |= {"metapackages"}
FIELDS = ("Pre-Depends", "Depends", "Recommends", "Suggests")
STOP_WORDS = (
    "a an and are as at be been but by can for from has have if in into is it its may more most no "
    "not of on or other over so some such than that the their them then there these they this to "
    "up was when which while will with you your also all any using use used uses via package "
    "packages contains provides provide providing based program programs software debian"
)
STOP = set(STOP_WORDS.split())
HUB_DEGREE = 100
VOCABULARY, MIN_DF = 1500, 10

Record = dict[str, str]


def stanzas(path: str) -> Iterator[Record]:
    """Yield the records of an index file, field name to value."""
    for block in Path(path).read_text(encoding="utf-8", errors="replace").split("\n\n"):
        record: Record = {}
        key = None
        for line in block.split("\n"):
            if line[:1] in {" ", "\t"}:
                if key:
                    record[key] += "\n" + line
            elif ":" in line:
                key, value = line.split(":", 1)
                record[key] = value.strip()
        if "Package" in record:
            yield record


def first_alternatives(record: Record) -> list[str]:
    """Return the packages a record depends on; of alternatives the first."""
    names = set()
    for field in FIELDS:
        for group in record.get(field, "").split(","):
            name = re.split(r"[ (:\[]", group.split("|")[0].strip())[0]
            if name:
                names.add(name)
    return sorted(names)


def provided(binary: dict[str, Record]) -> dict[str, list[str]]:
    """Return the packages that provide each virtual name."""
    providers = collections.defaultdict(list)
    for name in sorted(binary):
        for entry in binary[name].get("Provides", "").split(","):
            virtual = re.split(r"[ (:]", entry.strip())[0]
            if virtual:
                providers[virtual].append(name)
    return providers


def labelled_sources(
    binary: dict[str, Record],
) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Return section and main package of each source, and the source of each package."""
    members = collections.defaultdict(list)
    for name in sorted(binary):
        members[re.split(r"[ (]", binary[name].get("Source", name))[0]].append(name)
    label, main_binary, owner = {}, {}, {}
    for source in sorted(members):
        sections = (binary[b].get("Section") for b in members[source])
        count = collections.Counter(s for s in sections if s and s not in AUXILIARY)
        if not count:
            continue
        top = min(count, key=lambda s: (-count[s], s))
        if top in CLASSES:
            label[source] = top
            shortest = min(members[source], key=lambda b: (len(b), b))
            main_binary[source] = source if source in members[source] else shortest
            for b in members[source]:
                owner[b] = source
    return label, main_binary, owner


def dependency_edges(
    binary: dict[str, Record], owner: dict[str, str], index: dict[str, int]
) -> set[tuple[int, int]]:
    """Return the undirected edges between sources, without those at hubs."""
    providers = provided(binary)
    edges = set()
    for b in sorted(owner):
        for name in first_alternatives(binary[b]):
            target = owner.get(name)
            if target is None and len(providers.get(name, ())) == 1:
                target = owner.get(providers[name][0])
            if target is not None and target != owner[b]:
                i, j = index[owner[b]], index[target]
                edges.add((min(i, j), max(i, j)))
    degree = collections.Counter(i for e in edges for i in e)
    return {e for e in edges if max(degree[e[0]], degree[e[1]]) <= HUB_DEGREE}


def largest_component(edges: set[tuple[int, int]], n: int) -> tuple[Any, Any]:
    """Return the sorted edges of the largest component, renumbered, and its old numbers."""
    e = np.array(sorted(edges))
    ones = np.ones(len(e))
    _, comp = connected_components(sp.csr_matrix((ones, e.T), shape=(n, n)), directed=False)
    keep = np.flatnonzero(comp == np.bincount(comp).argmax())
    new = -np.ones(n, int)
    new[keep] = np.arange(len(keep))
    e = np.sort(new[e[(new[e] >= 0).all(1)]], axis=1)
    return e[np.lexsort((e[:, 1], e[:, 0]))], keep


def word_lists(text: list[str]) -> tuple[list[list[str]], list[str]]:
    """Return the words of each description, and the vocabulary."""
    words = [
        sorted({w for w in re.findall(r"[a-z][a-z0-9+]+", t.lower()) if w not in STOP})
        for t in text
    ]
    df = collections.Counter(w for ws in words for w in ws)
    frequent = sorted(df.items(), key=lambda k: (-k[1], k[0]))[:VOCABULARY]
    return words, sorted(w for w, c in frequent if c >= MIN_DF)


def main(packages: str, translation: str, out: str, text_out: str | None = None) -> None:
    """Build the arrays and, if asked for, the one-line descriptions."""
    binary: dict[str, Record] = {}
    for r in stanzas(packages):
        binary.setdefault(r["Package"], r)
    long_text: dict[str, str] = {}
    for r in stanzas(translation):
        if "Description-en" in r:
            long_text.setdefault(r["Package"], r["Description-en"])
    label, main_binary, owner = labelled_sources(binary)
    nodes = sorted(label)
    edges = dependency_edges(binary, owner, {s: i for i, s in enumerate(nodes)})
    e, keep = largest_component(edges, len(nodes))
    names = [nodes[i] for i in keep]
    text = [
        long_text.get(main_binary[s], binary[main_binary[s]].get("Description", "")) for s in names
    ]
    words, vocab = word_lists(text)
    column = {w: i for i, w in enumerate(vocab)}
    indices: list[int] = []
    indptr = [0]
    for ws in words:
        indices += [column[w] for w in ws if w in column]
        indptr.append(len(indices))
    np.savez_compressed(
        out,
        edges=e.astype(np.int32),
        node_labels=np.array([CLASSES.index(label[s]) for s in names], np.int64),
        feat_indices=np.array(indices, np.int16),
        feat_indptr=np.array(indptr, np.int32),
        feat_shape=np.array([len(names), len(vocab)]),
        class_names=np.array(CLASSES),
        node_names=np.array(names),
        feat_names=np.array(vocab),
    )
    if text_out:
        body = json.dumps([t.split("\n")[0] for t in text], ensure_ascii=True).encode()
        with (
            Path(text_out).open("wb") as f,
            gzip.GzipFile(filename="", fileobj=f, mode="wb", mtime=0) as g,
        ):
            g.write(body)
    print(len(names), "nodes", len(e), "edges", len(vocab), "words", len(indices), "ones")


if __name__ == "__main__":
    main(*sys.argv[1:])
