from __future__ import annotations

import os
import sys

import pytest

from graphlab import registry
from graphlab.errors import ConfigError, UnknownModel
from graphlab.registry import (
    Option,
    find_model,
    find_task,
    model_cards,
    nearest,
    normalise_name,
    register_model,
    task_cards,
)

SOURCE = '''
from graphlab.registry import register_model

@register_model("My_Net", tasks=("node", "link"), paper="Author 2024",
                search={"hidden_channels": (16, 256, "log")},
                presets={"Cora": {"options": {"hidden_channels": 8}, "recipe": {"lr": 0.1}}})
class MyNet:
    """One line on *the* ``idea`` of :class:`a.Net` [key2020]_.

    More.
    """

    def __init__(self, in_channels: int, out_channels: int, hidden_channels: int = 64,
                 *, dropout: float | None = None, width: int, limit: float = -1e9 * 2) -> None:
        self.width = width

class NotRegistered:
    pass
'''


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "my net.py"
    path.write_text(SOURCE)
    return path


def test_card_is_read_without_running_the_file(file):
    before = set(sys.modules)
    card = find_model("MY-NET", files=[file])
    assert card.name == "my-net"
    assert card.cls == "MyNet"
    assert card.tasks == ("node", "link")
    assert card.summary == "One line on the idea of a.Net."
    assert list(card.options) == ["hidden_channels", "dropout", "width", "limit"]
    assert card.options["dropout"] == Option("dropout", "float | None", None, required=False)
    assert card.options["width"].required
    assert card.defaults == {"hidden_channels": 64, "dropout": None, "limit": "-1000000000.0 * 2"}
    assert card.search == {"hidden_channels": (16, 256, "log")}
    assert set(sys.modules) == before


def test_preset_by_data_set_has_all_three_parts(file):
    card = find_model("my-net", files=[file])
    assert card.preset("cora") == {
        "options": {"hidden_channels": 8},
        "recipe": {"lr": 0.1},
        "task": {},
    }
    assert card.preset("citeseer") == {"options": {}, "recipe": {}, "task": {}}


def test_load_imports_the_class_once_and_notes_the_arguments(file):
    card = find_model("my-net", files=[file])
    cls = card.load()
    assert cls is card.load()
    model = cls(3, 4, width=5)
    assert model._graphlab_config == {
        "in_channels": 3,
        "out_channels": 4,
        "hidden_channels": 64,
        "dropout": None,
        "width": 5,
        "limit": -2e9,
    }


def test_subclass_of_a_registered_class_notes_no_arguments_of_its_parent():
    @register_model("base-of-test", tasks=("node",), paper="")
    class Base:
        def __init__(self, a: int = 1) -> None: ...

    class Child(Base):
        def __init__(self) -> None:
            super().__init__(a=3)

    assert Base()._graphlab_config == {"a": 1}
    assert not hasattr(Child(), "_graphlab_config")
    assert Base.graphlab_name == "base-of-test"
    assert Base.sparse_input is False


def test_unknown_names_suggest_the_nearest(file):
    with pytest.raises(UnknownModel, match=r"'dagn' is not a model. Did you mean dagnn?"):
        find_model("dagn")
    with pytest.raises(UnknownModel, match=r"Known: .*dagnn"):
        find_model("zzzzzz")
    with pytest.raises(ConfigError, match=r"'nodes' is not a task. Did you mean node?"):
        find_task("nodes")


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("@register_model('a', tasks=TASKS, paper='')\nclass A: ...", "'TASKS' is not a literal"),
        ("@register_model(tasks=())\nclass A: ...", "needs a name"),
        ("@register_model('a'\nclass A: ...", "not valid Python"),
    ],
)
def test_bad_files_say_what_and_where(tmp_path, source, text):
    path = tmp_path / "bad.py"
    path.write_text(source)
    with pytest.raises(ConfigError, match=text):
        model_cards([path])


def test_missing_file_is_a_config_error(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        model_cards([tmp_path / "absent.py"])


def test_failing_import_leaves_no_half_module(tmp_path):
    path = tmp_path / "broken.py"
    path.write_text("@register_model('b', tasks=(), paper='')\nclass B: ...\n")
    card = model_cards([path])["b"]
    with pytest.raises(NameError):
        card.load()
    assert not any(name.startswith("graphlab_file_broken") for name in sys.modules)


def test_our_models_and_tasks_are_found():
    assert {"dagnn", "gcn", "mlp", "pyg-gat", "pyg-appnp"} <= set(model_cards())
    assert "public" in task_cards()["node"].protocols
    assert find_task("node_classification").name == "node"
    assert find_task("node").load().__name__ == "NodeClassification"


def test_names_are_case_and_dash_insensitive():
    assert normalise_name(" PyG_GAT ") == "pyg-gat"
    assert nearest("hiden_chanels", {"hidden_channels": 1, "dropout": 2}) == ["hidden_channels"]
    assert nearest("qqq", ["hidden_channels"]) == []


def test_a_changed_file_is_read_again(file):
    assert "hidden_channels" in find_model("my-net", files=[file]).options
    file.write_text(SOURCE.replace("hidden_channels: int = 64", "channels: int = 64"))
    os.utime(file, ns=(1, 1))
    assert "channels" in find_model("my-net", files=[file]).options


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a package with one model plug-in for the length of a test."""

    def make(module, entry="modelpack.nets"):
        site = tmp_path / "site"
        info = site / "modelpack-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "entry_points.txt").write_text(f"[graphlab.models]\nmine = {entry}\n")
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: modelpack\nVersion: 1.0\n")
        (site / "modelpack").mkdir()
        (site / "modelpack" / "__init__.py").write_text("")
        (site / "modelpack" / "nets.py").write_text(module)
        monkeypatch.syspath_prepend(str(site))
        registry._own_models.cache_clear()

    yield make
    monkeypatch.undo()
    for name in [m for m in sys.modules if m.startswith("modelpack")]:
        del sys.modules[name]
    registry._own_models.cache_clear()


def test_an_installed_package_adds_models(install):
    install(SOURCE)
    assert find_model("my-net").module == "modelpack.nets"
    assert "modelpack.nets" not in sys.modules


@pytest.mark.parametrize(
    ("module", "entry", "text"),
    [
        ("@register_model('x'\nclass A: ...", "modelpack.nets", "not valid Python"),
        ("", "modelpack.absent", "modelpack.absent"),
        ("", "nopack.nets:Net", "nopack.nets"),
    ],
)
def test_a_broken_plug_in_is_left_out_and_told(install, caplog, module, entry, text):
    install(module, entry)
    assert "dagnn" in model_cards()
    assert text in caplog.text


def test_a_plug_in_does_not_take_the_name_of_our_model(install, caplog):
    install(SOURCE.replace("My_Net", "DAGNN"))
    assert find_model("dagnn").module == "graphlab.models.dagnn"
    assert "dagnn is ignored: the name is taken" in caplog.text
