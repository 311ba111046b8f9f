"""Every published configuration of the benchmark, built and counted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from graphlab.models import benchmark as bgnn
from graphlab.registry import model_cards

FILE = Path(__file__).parents[2] / "golden" / "benchmarking_gnns" / "param_counts.json"
CONFIGS = json.loads(FILE.read_text())
NETS = {
    "GCN": bgnn.GCN,
    "GAT": bgnn.GAT,
    "GraphSage": bgnn.GraphSAGE,
    "MoNet": bgnn.MoNet,
    "GatedGCN": bgnn.GatedGCN,
    "GIN": bgnn.GIN,
    "MLP": bgnn.MLP,
    "RingGNN": bgnn.RingGNN,
    "3WLGNN": bgnn.ThreeWLGNN,
}
DENSE = ("RingGNN", "3WLGNN")
# level, node input, node channels, scores, edge categories or features
DATA = {
    "SBM_PATTERN": ("node", "embedding", 3, 2, 0),
    "SBM_CLUSTER": ("node", "embedding", 7, 6, 0),
    "WikiCS": ("node", "linear", 300, 10, 0),
    "ZINC": ("graph", "embedding", 28, 1, 4),
    "AQSOL": ("graph", "embedding", 65, 1, 5),
    "MNIST": ("graph", "linear", 3, 10, 0),
    "CIFAR10": ("graph", "linear", 5, 10, 0),
    "CSL": ("graph", "embedding", 1, 10, 0),
    "CYCLES": ("graph", "linear", 1, 2, 0),
    "TSP": ("edge", "linear", 2, 2, 1),
    "COLLAB": ("edge", "linear", 128, 1, 2),
}
PE = {"CSL": 20, "CYCLES": 20, "COLLAB": 20, "WikiCS": 20}
PE |= {"SBM_PATTERN": 2, "SBM_CLUSTER": 20, "ZINC": 8, "AQSOL": 4, "GraphTheoryProp": 12}
VARIANTS = {"edgefeat": "edge_feat", "edgereprfeat": "edge_repr", "isotropic": "isotropic"}
GATED = {"edgefeat": "edge_feat_only", "edgereprfeat": "full", "isotropic": "isotropic"}


def pe_dim(name, dataset):
    return PE[dataset] if "_PE" in name else 0


def multitask(config):
    return bgnn.MultiTaskNet(
        2,
        config["hidden"],
        3,
        config["L"],
        conv=config["model"].lower(),
        pe_dim=pe_dim(config["config"], config["dataset"]),
    )


def build(config):
    """Return the net of a published configuration, as the options of its file have it."""
    name, model = config["config"], config["model"]
    dataset = config["dataset"].removeprefix("OGBL-")
    if model == "MF":
        return bgnn.MatrixFactorization(235_868, config["hidden"])
    if dataset == "GraphTheoryProp":
        return multitask(config)
    level, node_input, channels, out, edge_channels = DATA[dataset]
    options = {"level": level, "node_input": node_input}
    # the dense nets of CSL were built without channels for encodings
    encodings = 0 if model in DENSE else pe_dim(name, dataset)
    if encodings:
        options["pe_dim"] = encodings
        options["pe_mode"] = "replace" if dataset in {"CSL", "CYCLES"} else "add"
    variant = next((v for v in VARIANTS if name.endswith(f"_{v}")), None)
    if variant is not None:
        options["variant"] = (GATED if model == "GatedGCN" else VARIANTS)[variant]
    if edge_channels and reads_edges(model, dataset, variant):
        options["edge_input"] = "embedding" if node_input == "embedding" else "linear"
        options["edge_channels"] = edge_channels
    if model == "GAT":
        options["heads"] = GAT_HEADS.get((dataset, variant is None), 8)
    if model in DENSE and config["L"] == 8:
        options["residual"] = True
    if (model, dataset) == ("GIN", "COLLAB"):
        options["head"] = "readout"
    if (model, dataset) == ("MLP", "WikiCS"):
        options["embed_features"] = True
    if (model, dataset) == ("GatedGCN", "WikiCS"):
        options |= {"edge_input": "embedding", "edge_channels": 1}  # one row without a bias
    return NETS[model](channels, config["hidden"], out, config["L"], **options)


GAT_HEADS = {("COLLAB", True): 4, ("COLLAB", False): 3}


def reads_edges(model, dataset, variant):
    """Whether the published file switches edge features on."""
    if model == "GatedGCN":
        return dataset == "COLLAB"
    if model in DENSE:
        return dataset == "TSP"
    return variant is not None and dataset == "COLLAB"


@pytest.mark.parametrize("config", CONFIGS, ids=[c["config"] for c in CONFIGS])
def test_the_published_configuration_has_its_number_of_parameters(config):
    with torch.device("meta"):
        net = build(config)
    assert sum(p.numel() for p in net.parameters()) == config["params"]


def test_no_configuration_is_left_out():
    assert len(CONFIGS) == 173
    assert len({c["config"] for c in CONFIGS}) == 173


# published files of sets that have presets, and the names of these
OF_PRESETS = {"AQSOL": "aqsol", "MNIST": "mnist", "CIFAR10": "cifar10", "WikiCS": "wikics"}
OF_PRESETS |= {"OGBL-COLLAB": "ogbl-collab", "COLLAB": "ogbl-collab"}
OTHER = (
    "_PE",
    "edgefeat",
    "edgereprfeat",
    "isotropic",
    "_MF",
    "RingGNN_MNIST_L8",
    "RingGNN_CIFAR10_L8",
)
PUBLISHED = [
    c for c in CONFIGS if c["dataset"] in OF_PRESETS and not any(o in c["config"] for o in OTHER)
]


def preset_name(config):
    found = OF_PRESETS[config["dataset"]]
    budget = "500k" if "500k" in config["config"] else "40k" if "collab" in found else "100k"
    return f"{found}-l8-{budget}" if "_L8_" in config["config"] else f"{found}-{budget}"


@pytest.mark.parametrize("config", PUBLISHED, ids=[c["config"] for c in PUBLISHED])
def test_a_preset_makes_the_published_net_of_its_set(config):
    """Inputs and outputs are those of the data, as the task hands them over; the rest is ours."""
    cls, model = NETS[config["model"]], config["model"]
    card = next(
        c for c in model_cards().values() if c.cls == cls.__name__ and c.name.startswith("bgnn-")
    )
    name = preset_name(config)
    options = card.presets[name]["options"]
    level, node_input, channels, out, edge_channels = DATA[config["dataset"].removeprefix("OGBL-")]
    inputs = {"level": level, "node_input": node_input}
    if edge_channels and reads_edges(model, config["dataset"].removeprefix("OGBL-"), None):
        inputs |= {"edge_input": "linear", "edge_channels": edge_channels}
    if (model, config["dataset"]) == ("GatedGCN", "WikiCS"):
        inputs |= {"edge_input": "embedding", "edge_channels": 1}  # one row without a bias
    with torch.device("meta"):
        net = cls(channels, out_channels=out, **inputs, **options)
    assert sum(p.numel() for p in net.parameters()) == config["params"]
    if not name.endswith("500k"):  # a set's own name is its smaller budget
        assert card.preset(name.rsplit("-", 1)[0])["options"] == options


def test_presets_of_all_published_nets_are_counted():
    assert len(PUBLISHED) == 54
