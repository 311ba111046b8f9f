"""F35: an unknown model, a model of another task, a package that is not installed."""

from __future__ import annotations

import sys

import pytest

from graphlab.bench.config import load_suite
from graphlab.errors import ConfigError, GraphlabError, UnknownModel
from graphlab.registry import find_model, model_cards

TASKS = ("node", "link")


def suite(model, task):
    return {"task": task, "datasets": ["karate"], "system": [{"model": model}]}


@pytest.mark.parametrize(
    ("typed", "near"), [("gcnn", "gcn"), ("DAGN", "dagnn"), ("mpl", "mlp"), ("adamic", "")]
)
def test_an_unknown_model_has_a_near_one(typed, near):
    with pytest.raises(UnknownModel) as caught:
        find_model(typed)
    assert typed in str(caught.value)
    assert near in str(caught.value)
    with pytest.raises(ConfigError, match=typed) as caught:
        load_suite(suite(typed, "node"))
    assert near in str(caught.value)
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize("task", TASKS)
def test_a_model_of_another_task_names_those_that_fit(task):
    fitting = [name for name, card in model_cards().items() if task in card.tasks]
    for name, card in model_cards().items():
        if task in card.tasks:
            continue
        with pytest.raises(ConfigError) as caught:
            load_suite(suite(name, task))
        message = "\n".join(caught.value.problems)
        assert name in message
        assert task in message
        assert sum(other in message for other in fitting) >= 2, message


def test_a_missing_extra_names_the_command(tmp_path, monkeypatch, main):
    """Without Ray the launcher says what to install, before anything runs."""
    monkeypatch.setitem(sys.modules, "ray", None)  # import fails as without the package
    monkeypatch.chdir(tmp_path)
    code, out, errors = main("run", "quick", "--launcher", "ray", "--seeds", "1")
    assert code == 2, out
    assert 'pip install "graphlab[ray]"' in errors
    assert len(errors.splitlines()) == 1
    assert not list(tmp_path.rglob("run.json"))


def test_a_missing_package_of_a_model_names_it(monkeypatch):
    from graphlab.errors import MissingDependency

    monkeypatch.setitem(sys.modules, "torch_geometric", None)
    monkeypatch.setitem(sys.modules, "torch_geometric.nn", None)
    with pytest.raises((MissingDependency, GraphlabError), match=r"torch.geometric"):
        find_model("pyg-gcn").load()(in_channels=3, out_channels=2)
