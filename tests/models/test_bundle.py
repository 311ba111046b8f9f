"""Bundles: what is written comes back, damage is named; predict prepares features as training."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from graphlab import io
from graphlab.errors import CheckpointError, InputError, NonFiniteError
from graphlab.graph import as_graph
from graphlab.models import DAGNN, GCN, MLP, load, predict, save
from graphlab.models.bundle import describe
from graphlab.models.inference import attach, notes
from graphlab.registry import model_cards, register_model
from graphlab.transforms.features import row_normalize

CARDS = {name: card for name, card in model_cards().items() if "node" in card.tasks}
# models that fit themselves: tests/models/test_orbit_embedding.py
NODE_MODELS = sorted(n for n, card in CARDS.items() if not hasattr(card.load(), "fit_nodes"))


def data(n=20, width=6, seed=0):
    g = torch.Generator().manual_seed(seed)
    return torch.rand(n, width, generator=g), torch.randint(n, (2, 60), generator=g)


@pytest.fixture
def bundle(tmp_path):
    model = GCN(6, 3, 8, dropout=0.25)
    return save(model, tmp_path / "m", class_names=["a", "b", "c"]), model


@pytest.mark.parametrize("name", NODE_MODELS)
def test_every_model_comes_back_equal(name, tmp_path):
    x, edge_index = data()
    card = model_cards()[name]
    width = next(o for o in card.options if o in {"hidden_channels", "hidden"})
    model = card.load()(in_channels=6, out_channels=3, **{width: 16})
    expected = predict(model, edge_index, x)
    again = load(save(model, tmp_path / "m"))
    assert type(again) is type(model)
    assert not again.training
    assert torch.equal(predict(again, edge_index, x), expected)
    assert again._graphlab_config == model._graphlab_config


def test_the_folder_holds_json_and_weights_alone(bundle):
    folder, model = bundle
    weights = f"weights-{describe(folder).sha256[:16]}.safetensors"
    assert sorted(p.name for p in folder.iterdir()) == ["model.json", weights]
    content = json.loads((folder / "model.json").read_text())
    assert content["model"] == "gcn"
    assert content["options"] == model._graphlab_config
    assert content["sha256"] == io.sha256_file(folder / weights)
    assert describe(folder).class_names == ["a", "b", "c"]


def test_saving_again_replaces_the_old_weights(bundle):
    folder, _ = bundle
    other = GCN(6, 3, 8)
    save(other, folder)
    assert len(list(folder.iterdir())) == 2
    assert torch.equal(load(folder).convs[0].lin.weight, other.convs[0].lin.weight)


def test_a_stop_before_the_json_leaves_the_old_bundle(bundle, monkeypatch):
    folder, model = bundle
    original = io.atomic_write

    def stop_at_json(path, content, **options):
        if str(path).endswith("model.json"):
            raise KeyboardInterrupt
        original(path, content, **options)

    monkeypatch.setattr(io, "atomic_write", stop_at_json)
    with pytest.raises(KeyboardInterrupt):
        save(GCN(6, 3, 8), folder)
    assert torch.equal(load(folder).convs[0].lin.weight, model.convs[0].lin.weight)


def test_types_survive(tmp_path):
    model = GCN(6, 3).double()
    assert load(save(model, tmp_path)).convs[0].lin.weight.dtype == torch.float64


def test_loading_draws_no_random_number(bundle):
    state = torch.get_rng_state()
    load(bundle[0])
    assert torch.equal(state, torch.get_rng_state())


def test_an_unregistered_class_is_refused(tmp_path):
    class Derived(GCN):
        pass

    for model in (torch.nn.Linear(2, 2), Derived(2, 2)):
        with pytest.raises(InputError, match=r"not a registered model.*register_model"):
            save(model, tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_an_option_that_json_cannot_hold_is_named(tmp_path):
    @register_model("odd", tasks=("node",), paper="none")
    class Odd(torch.nn.Module):
        def __init__(self, in_channels, act):
            super().__init__()

    with pytest.raises(InputError, match=r"act of Odd is a (builtin_)?function"):
        save(Odd(3, torch.relu), tmp_path)


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "m").write_text("mine")
    with pytest.raises(InputError, match="is a file"):
        save(MLP(2, 2), tmp_path / "m")
    assert (tmp_path / "m").read_text() == "mine"


# ---- damage


def flip(path, position):
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(bytes(content))


def weights_of(folder):
    return next(folder.glob("*.safetensors"))


@pytest.mark.parametrize("position", [0, 9, 100, -1])
def test_a_flipped_bit_in_the_weights_is_found(bundle, position):
    flip(weights_of(bundle[0]), position)
    with pytest.raises(CheckpointError, match=r"weights-.*damaged: sha256 .*expected"):
        load(bundle[0])


def test_every_flipped_bit_in_the_json_is_found(bundle):
    folder, _ = bundle
    path = folder / "model.json"
    original = path.read_bytes()
    for position in range(0, len(original), 7):
        flip(path, position)
        try:
            kept = json.loads(path.read_bytes()) == json.loads(original)  # a flip in white space
        except ValueError:
            kept = False
        if not kept:
            with pytest.raises(CheckpointError, match=r"model.json"):
                load(folder)
        path.write_bytes(original)


@pytest.mark.parametrize("length", [0, 1, 50])
def test_truncated_files_are_found(bundle, length):
    folder, _ = bundle
    for path in (weights_of(folder), folder / "model.json"):
        original = path.read_bytes()
        path.write_bytes(original[:length])
        with pytest.raises(CheckpointError, match=path.name.partition("-")[0]):
            load(folder)
        path.write_bytes(original)


def test_missing_files_are_named(bundle, tmp_path):
    with pytest.raises(CheckpointError, match=r"holds no model\.json"):
        load(tmp_path / "nothing")
    weights_of(bundle[0]).unlink()
    with pytest.raises(CheckpointError, match=r"weights-.*No such file"):
        load(bundle[0])


def forge(folder, **changes):
    """Change the JSON and make its checksum fit."""
    content = json.loads((folder / "model.json").read_text())
    content.pop("json_sha256")
    content.update(changes)
    content["json_sha256"] = io.sha256_bytes(io.canonical_json(content).encode())
    io.write_json(folder / "model.json", content)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 2}, "format 2.*Update graphlab"),
        ({"format": "new"}, "format 'new'"),
        ({"model": "no-such-model"}, "'no-such-model', which is not registered here.*files="),
        ({"model": ["gcn"]}, "not understood: see model"),
        ({"extra": 1}, "not understood"),
        ({"weights": "../elsewhere.safetensors"}, "no file name"),
        ({"weights": "model.json"}, "damaged: sha256"),
        ({"options": {"in_channels": 6}}, "does not fit GCN"),
        ({"options": {"in_channels": 6, "out_channels": 4}}, r"does not fit GCN.*size mismatch"),
        ({"preprocessing": {"feature_norm": "cube"}}, "cube"),
        ({"preprocessing": {"run": "code"}}, "run"),
    ],
)
def test_a_json_that_does_not_fit_is_explained(bundle, changes, message):
    forge(bundle[0], **changes)
    with pytest.raises(CheckpointError, match=f"(?s){message}"):
        load(bundle[0])


def test_the_class_comes_from_the_registry_never_from_the_folder(bundle, tmp_path):
    marker = tmp_path / "ran"
    source = f"open({str(marker)!r}, 'w')"
    for name in ("gcn.py", "model.py", "__init__.py"):
        (bundle[0] / name).write_text(source)
    assert type(load(bundle[0])) is GCN
    forge(bundle[0], model="os.system")
    with pytest.raises(CheckpointError):
        load(bundle[0])
    assert not marker.exists()


def test_a_private_model_needs_its_file(tmp_path):
    source = tmp_path / "mynet.py"
    source.write_text(
        '"""A private model."""\n'
        "import torch\n"
        "from graphlab.registry import register_model\n"
        '@register_model("mynet", tasks=("node",), paper="none")\n'
        "class MyNet(torch.nn.Module):\n"
        "    def __init__(self, in_channels: int, out_channels: int, scale: float = 1.0):\n"
        "        super().__init__()\n"
        "        self.lin = torch.nn.Linear(in_channels, out_channels)\n"
        "        self.scale = scale\n"
        "    def forward(self, x, graph, edge_weight=None):\n"
        "        return self.scale * self.lin(x)\n"
    )
    cls = model_cards([source])["mynet"].load()
    model = cls(6, 3, scale=2.5)
    folder = save(model, tmp_path / "m")
    with pytest.raises(CheckpointError, match=r"'mynet', which is not registered.*files="):
        load(folder)
    again = load(folder, files=[source])
    x, edge_index = data()
    assert again.scale == 2.5
    assert torch.equal(predict(again, edge_index, x), predict(model, edge_index, x))


# ---- predict


def test_probabilities_sum_to_one_for_logits_and_log_probabilities():
    x, edge_index = data()
    for model in (GCN(6, 3), DAGNN(6, 8, 3)):
        out = predict(model, edge_index, x)
        assert out.shape == (20, 3)
        torch.testing.assert_close(out.sum(1), torch.ones(20))
        expected = model.eval()(x, edge_index).softmax(1)
        torch.testing.assert_close(out, expected, atol=1e-6, rtol=0)


def test_modes_gradients_and_random_state_are_left_alone():
    x, edge_index = data()
    model = GCN(6, 3).train()
    model.convs[1].eval()
    state = torch.get_rng_state()
    out = predict(model, edge_index, x)
    assert model.training
    assert model.convs[0].training
    assert not model.convs[1].training
    assert torch.equal(state, torch.get_rng_state())
    assert not out.requires_grad
    assert not out.is_inference()
    assert model.convs[0].lin.weight.requires_grad


def test_stored_preprocessing_is_applied(tmp_path):
    x, edge_index = data()
    model = GCN(6, 3)
    again = load(save(model, tmp_path, preprocessing={"feature_norm": "row"}))
    raw = 7 * x
    expected = predict(model, edge_index, row_normalize(x))
    torch.testing.assert_close(predict(again, edge_index, raw), expected)
    assert not torch.allclose(predict(model, edge_index, raw), expected, atol=1e-3)
    third = load(save(again, tmp_path / "again"))
    assert notes(third) == notes(again)
    assert describe(tmp_path / "again").preprocessing == {"feature_norm": "row"}


def test_notes_go_where_the_model_goes(tmp_path):
    import copy

    model = MLP(6, 3)
    attach(model, preprocessing={"feature_norm": "row"}, class_names=["x", "y", "z"])
    assert notes(copy.deepcopy(model)) == notes(model)
    folder = save(model, tmp_path)
    assert describe(folder).class_names == ["x", "y", "z"]
    assert notes(load(folder)).class_names == ("x", "y", "z")
    with pytest.raises(InputError, match="feature_norm"):
        attach(model, preprocessing={"feature_norm": "l2"})


def test_features_may_come_in_any_form():
    import scipy.sparse

    x, edge_index = data()
    x[x < 0.6] = 0
    model = GCN(6, 3)
    expected = predict(model, edge_index, x)
    sparse = scipy.sparse.csr_array(x.numpy())
    held = as_graph(edge_index, 20).with_features(x)
    for given in (x.numpy(), x.double(), x.to_sparse_csr(), x.to_sparse_coo(), sparse, x.tolist()):
        torch.testing.assert_close(predict(model, edge_index, given), expected)
    torch.testing.assert_close(predict(model, held), expected)
    torch.testing.assert_close(predict(model, held.to_pyg()), expected)


def test_sparse_features_are_made_dense_for_models_that_need_it():
    x, edge_index = data()

    class Plain(torch.nn.Linear):
        def forward(self, x, graph):
            assert x.layout == torch.strided
            return super().forward(x)

    model = Plain(6, 3)
    expected = predict(model, edge_index, x)
    torch.testing.assert_close(predict(model, edge_index, x.to_sparse_csr()), expected)


def test_new_data_of_another_size_works_and_of_another_width_is_refused(bundle):
    model = load(bundle[0])
    x, edge_index = data(n=50, seed=3)
    assert predict(model, edge_index, x).shape == (50, 3)
    with pytest.raises(InputError, match=r"\(50, 4\), expected \(n, 6\).*same order"):
        predict(model, edge_index, x[:, :4])
    with pytest.raises(InputError, match="x is missing"):
        predict(model, edge_index)
    with pytest.raises(InputError, match="NaN"):
        predict(model, edge_index, x.fill_(torch.nan))
    with pytest.raises(InputError, match="x is a dict"):
        predict(model, edge_index, {})
    with pytest.raises(InputError, match="node 49"):
        predict(model, edge_index, x[:10])


def test_a_model_that_returns_nonsense_is_named():
    x, edge_index = data()
    model = MLP(6, 3)
    with torch.no_grad():
        model.lins[1].bias[0] = torch.nan
    with pytest.raises(NonFiniteError, match="MLP returned NaN or infinity for 20 of 20 nodes"):
        predict(model, edge_index, x)

    class Pooling(torch.nn.Linear):
        def forward(self, x, graph):
            return super().forward(x).sum(0)

    with pytest.raises(InputError, match=r"Pooling returned \(3,\), expected \(20, C\)"):
        predict(Pooling(6, 3), edge_index, x)


def test_edge_weights_reach_the_model():
    x, edge_index = data()
    weight = np.random.default_rng(0).random(60).astype(np.float32)
    model = GCN(6, 3)
    out = predict(model, edge_index, x, edge_weight=weight)
    expected = model.eval()(x, edge_index, torch.from_numpy(weight)).softmax(1)
    torch.testing.assert_close(out, expected)


def test_a_trained_model_prepares_raw_features_by_itself(tmp_path):
    from graphlab.datasets import load as load_data
    from graphlab.tasks import NodeClassification
    from graphlab.train import Recipe, Trainer

    data_set = load_data("debdeps")
    task = NodeClassification(feature_norm="row")
    problem = task.prepare(data_set, 0)
    model = GCN(**task.model_kwargs(problem), hidden_channels=8)
    Trainer().fit(model, task, problem, recipe=Recipe(epochs=3))
    folder = save(model, tmp_path, class_names=data_set.class_names)
    assert describe(folder).preprocessing == {"feature_norm": "row"}
    again = load(folder)
    out = predict(again, data_set.graph)
    torch.testing.assert_close(out, predict(model, data_set.graph))
    expected = model.eval()(problem.inputs.x, problem.inputs.graph).softmax(1)
    torch.testing.assert_close(out, expected, atol=1e-6, rtol=1e-5)
    assert notes(again).class_names == tuple(data_set.class_names)
