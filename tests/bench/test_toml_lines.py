"""Lines of keys in TOML documents."""

from __future__ import annotations

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from graphlab.bench._toml_lines import key_lines, nearest_line

DOCUMENT = '''# title = "a comment"
title = "a # b" # not = 1
"quo.ted" = {a = 1, b = [1, {c = 2}]}

datasets = [
  "cora", # c ]
  "x]y",
]
text = """
multi
[not.a.table]
key = 1
"""
raw = \'\'\'
[[nor]]
this = 2\'\'\'
a.b.c = 1
when = 1979-05-27T07:32:00Z
[[system]]
model = 'x'
[system.on.pubmed.recipe]
lr = 1e-3
[[system]]
model = "y"
[[system.deep]]
z = 1
[[system.deep]]
z = 2
[ r . "q" ]
k = [[1], [2,
  3]]
'''


def line_of(needle: str) -> int:
    return DOCUMENT[: DOCUMENT.index(needle)].count("\n") + 1


def test_every_kind_of_place_has_its_line():
    lines = key_lines(DOCUMENT)
    assert lines["title",] == 2
    assert lines["quo.ted",] == lines["quo.ted", "b", 1, "c"] == 3
    assert lines["datasets",] == line_of("datasets")
    assert lines["datasets", 0] == line_of('"cora"')
    assert lines["datasets", 1] == line_of('"x]y"')
    assert lines["a", "b", "c"] == line_of("a.b.c")
    assert lines["system", 0] == line_of("[[system]]")
    assert lines["system", 0, "on", "pubmed", "recipe", "lr"] == line_of("lr = 1e-3")
    assert lines["system", 1, "model"] == line_of('model = "y"')
    assert lines["system", 1, "deep", 0, "z"] == line_of("z = 1")
    assert lines["system", 1, "deep", 1, "z"] == line_of("z = 2")
    assert lines["r", "q", "k", 1, 1] == line_of("  3]]")


def test_lines_know_exactly_the_keys_that_the_parser_knows():
    def paths(value, path=()):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, below in pairs:
            yield (*path, key)
            if isinstance(below, dict | list):
                yield from paths(below, (*path, key))

    assert set(key_lines(DOCUMENT)) == set(paths(tomllib.loads(DOCUMENT)))


def test_a_key_that_is_not_written_has_the_line_of_its_table():
    lines = key_lines(DOCUMENT)
    missing = ("system", 0, "on", "pubmed", "recipe", "epochs")
    assert nearest_line(lines, missing) == line_of("[system.on.pubmed.recipe]")
    assert nearest_line(lines, ("nowhere",)) == 1


KEYS = st.text("abz09_-", min_size=1, max_size=4)
STRINGS = st.text(st.sampled_from("ab\"'#[]{}=,.\\\n é"), max_size=6)


@st.composite
def documents(draw):
    """A document with the expected line of each key, written in one of TOML's many ways."""
    rows: list[str] = []
    expected: dict[tuple[str | int, ...], int] = {}

    def pad():
        rows.extend(draw(st.lists(st.sampled_from(["", "# x = 1", "  "]), max_size=2)))

    def value(path):
        """Text of a value; notes the lines of array elements (relative to the current end)."""
        kind = draw(st.sampled_from(["number", "basic", "literal", "multi", "array"]))
        if kind == "number":
            return "1"
        if kind == "basic":
            inner = draw(STRINGS).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
            return f'"{inner}"'
        if kind == "literal":
            return "'" + draw(STRINGS).replace("'", "").replace("\n", "") + "'"
        if kind == "multi":
            inner = draw(STRINGS).replace("\\", "").replace('"', "")
            return f'"""{inner}"""'
        text = "["
        for index in range(draw(st.integers(0, 3))):
            text += draw(st.sampled_from(["", " ", "\n", " # ]\n"]))
            expected[*path, index] = len(rows) + 1 + text.count("\n")
            text += "7,"
        return text + draw(st.sampled_from(["", "\n"])) + "]"

    def pairs(path):
        for key in draw(st.lists(KEYS, max_size=3, unique=True)):
            pad()
            expected[*path, key] = len(rows) + 1
            rows.extend(f"{key} = {value((*path, key))}".split("\n"))

    pairs(())
    taken = {path[0] for path in expected}
    for name in draw(st.lists(KEYS, max_size=2, unique=True)):
        if name in taken:
            continue
        many = draw(st.booleans())
        for index in range(draw(st.integers(1, 2)) if many else 1):
            pad()
            path = (name, index) if many else (name,)
            for size in range(1, len(path) + 1):
                expected.setdefault(path[:size], len(rows) + 1)
            rows.append(f"[[{name}]]" if many else f"[ {name} ]")
            pairs(path)
    return "\n".join(rows) + "\n", expected


@given(documents())
def test_lines_of_random_documents(document):
    text, expected = document
    tomllib.loads(text)
    assert key_lines(text) == expected


@given(st.text(max_size=60))
def test_any_text_ends_the_scan(text):
    assert all(line >= 1 for line in key_lines(text.replace('"', "").replace("'", "")).values())
