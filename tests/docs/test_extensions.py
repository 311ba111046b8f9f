"""The documentation's own extensions: formulas, citations, no foreign files."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

EXTENSIONS = Path(__file__).resolve().parents[2] / "docs" / "extensions"

pytest.importorskip("sphinx", reason="the documentation's tools are not installed")


def extension(name):
    spec = importlib.util.spec_from_file_location(f"docs_{name}", EXTENSIONS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("formula", "element"),
    [
        (r"\hat{\mathbf y}_i", "<msub>"),
        (r"\tilde d_i", "<msub>"),
        (r"\hat A_{ij}^k", "<msubsup>"),
        (r"\sum_{k=0}^K x", "<munderover>"),
    ],
)
def test_subscripts_stand_beside_accented_letters_and_under_sums(formula, element):
    made = extension("mathml")._mathml(formula, None, as_block=True)
    assert made.startswith("<math")
    assert element in made
    assert ("munder" in made) is ("munder" in element)


def test_fractions_of_single_characters_take_one_each():
    made = extension("mathml")._mathml(r"\tfrac12 (a + b)", None, as_block=False)
    assert "<mfrac><mn>1</mn><mn>2</mn></mfrac>" in re.sub(r">\s+<", "><", made)


def test_a_difference_of_sets_is_a_sign_of_every_font():
    made = extension("mathml")._mathml(r"A \setminus B", None, as_block=False)
    assert "\\" in made
    assert "\u2216" not in made


def test_bars_do_not_grow():
    made = extension("mathml")._mathml(r"\lvert A \rvert / \lvert B \rvert", None, as_block=False)
    assert made.count('<mo stretchy="false">|</mo>') == 4


def test_names_of_metrics_are_no_links_to_mail():
    from docutils.core import publish_doctree
    from docutils.nodes import reference

    document = publish_doctree("Better is a Hits@20 of 0.5, see https://example.org.")
    extension("metric_names").PlainNames(document).apply()
    assert [link["refuri"] for link in document.findall(reference)] == ["https://example.org"]
    assert "Hits@20" in document.astext()


def test_an_unknown_command_is_shown_and_warned_of(caplog):
    module = extension("mathml")
    assert module._mathml(r"\nosuchthing", None, as_block=False) == r"<code>\nosuchthing</code>"
    assert "nosuchthing" in caplog.text


def test_citations_of_the_bibliography_become_links_and_others_stay():
    cite = extension("public_api").cite
    assert cite("of [liu2020]_.") == "of :cite:p:`liu2020`."
    assert cite("of [nobody1900]_.") == "of [nobody1900]_."


def test_foreign_scripts_styles_and_fonts_are_found():
    found = extension("offline").foreign_files
    page = (
        '<script src="_static/a.js"></script><a href="https://example.org">link</a>'
        '<link rel="stylesheet" href="https://cdn.example/a.css">'
        '<script async src="//x.example/m.js">'
    )
    assert found(page, ".html") == ["https://cdn.example/a.css", "//x.example/m.js"]
    assert found("@font-face { src: url(https://f.example/a.woff2) }", ".css") == [
        "https://f.example/a.woff2"
    ]
    assert found("a { background: url(a.png) }", ".css") == []
