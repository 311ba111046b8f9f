"""Which values a recipe may monitor on a data set."""

from __future__ import annotations

import pytest

from graphlab.bench.dataset_checks import monitored
from graphlab.bench.suite import SuiteDataset
from graphlab.registry import task_cards
from graphlab.tasks import LinkPrediction


@pytest.mark.parametrize("protocol", task_cards()["link"].protocols)
def test_a_link_recipe_may_monitor_all_that_is_reported(protocol):
    known = monitored(SuiteDataset("cora", protocol), "link", None)
    reported = {metric.name for metric in LinkPrediction(protocol).metrics}
    assert set(known) == {"loss", "metric", *reported}
    assert ("auc" in known) == (protocol != "heart-85-5-10")


def test_a_node_recipe_may_monitor_the_metric_of_the_card():
    karate = SuiteDataset("karate", "public")
    assert monitored(karate, "node", None) == ("loss", "metric", "acc")
    assert monitored(karate, "node", "rocauc") == ("loss", "metric", "rocauc")
    own = SuiteDataset("mine", "public", "/somewhere")
    assert monitored(own, "node", None) is None
    assert "hits@50" in monitored(SuiteDataset("mine", "random-85-5-10", "/x"), "link", None)
