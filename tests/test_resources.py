from __future__ import annotations

import pytest

from graphlab import resources
from graphlab.resources import resource_dir


@pytest.mark.parametrize("kind", ["datasets", "suites", "reference"])
def test_shipped_folders_exist_in_a_checkout(kind):
    assert resource_dir(kind).is_dir()


def test_wheel_layout_wins_and_a_broken_installation_is_named(tmp_path, monkeypatch):
    package = tmp_path / "graphlab"
    (package / "share" / "suites").mkdir(parents=True)
    monkeypatch.setattr(resources, "__file__", str(package / "resources.py"))
    assert resource_dir("suites") == package.resolve() / "share" / "suites"
    with pytest.raises(FileNotFoundError, match="incomplete"):
        resource_dir("datasets")
