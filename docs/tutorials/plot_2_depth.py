"""
2. Why depth hurts, and what DAGNN's gates do about it
======================================================

A graph convolution network with L layers sees L hops far. More hops, more information: yet two
layers are often best, and ten can be no better than guessing. The usual name for this is
*over-smoothing*: repeated averaging makes all nodes look alike.

:cite:t:`liu2020` say that this is only half of the story, since a layer does two things: it
averages over neighbours (propagation), and it multiplies by weights (transformation). This tutorial
takes the two apart on ``debdeps``, measures how alike the nodes become, and then looks inside
DAGNN, which propagates far and lets every node choose its hops.
"""

# sphinx_gallery_thumbnail_number = 1

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

from graphlab.analysis import smoothness
from graphlab.datasets import load
from graphlab.models import DAGNN, GCN, MLP
from graphlab.nn import propagator
from graphlab.tasks import NodeClassification
from graphlab.train import Recipe, Trainer, build_model

torch.set_num_threads(1)

data = load("debdeps")
task = NodeClassification("public", feature_norm="row")
problem = task.prepare(data, seed=0)
x, graph = problem.inputs.x, problem.inputs.graph
print(graph)

# %%
# Smoothness
# ----------
#
# How alike are the rows of a matrix? Take two rows, scale both to length one, and
# halve their distance: 0 for rows that point the same way, 1 for opposite ones. The
# mean over all pairs of nodes is the *smoothness value*,
#
# .. math::
#
#    D(\mathbf h_i, \mathbf h_j) = \frac 1 2
#    \left\lVert \frac{\mathbf h_i}{\lVert\mathbf h_i\rVert}
#    - \frac{\mathbf h_j}{\lVert\mathbf h_j\rVert} \right\rVert, \qquad
#    \operatorname{SMV} = \frac{1}{n (n-1)} \sum_{i \ne j} D(\mathbf h_i, \mathbf h_j).
#
# Small means smooth. On a connected graph, propagation drives it to 0 in the end: the
# rows of :math:`\hat{\mathbf A}^k \mathbf X` all become multiples of one row. But the
# end is far away:

average = propagator(graph)
noise = torch.randn(graph.num_nodes, 16, generator=torch.Generator().manual_seed(0))
for hop in range(129):
    if hop in {0, 1, 4, 16, 64, 128}:
        print(f"noise after {hop:3d} hops: {smoothness(noise):.3f}")
    noise = average @ noise

# %%
# Four ways to go far
# -------------------
#
# - **GCN** with L layers :cite:p:`kipf2017`: propagation and transformation in every
#   layer.
# - **Last hop alone** :cite:p:`wu2019`: one linear layer, then k hops of averaging
#   and nothing else. It has as many weights for 32 hops as for one.
# - **Sum of hops**: an MLP, then K hops, then the plain sum over all of them.
# - **DAGNN** with K hops: the same, but each node weighs each hop by a gate.
#
# Each is trained from two seeds at each depth. For every trained model we keep the
# test accuracy and the smoothness of its scores.


class Hops(nn.Module):
    """An MLP whose scores are propagated; either the last hop counts or the sum of all."""

    def __init__(self, in_channels, out_channels, hops, num_layers, sum_up):
        super().__init__()
        dropout = 0.5 if num_layers > 1 else 0.0
        self.mlp = MLP(
            in_channels, out_channels, 32, num_layers=num_layers, dropout=dropout
        )
        self.hops, self.sum_up = hops, sum_up

    def forward(self, x, graph):
        scores = total = self.mlp(x)
        for _ in range(self.hops):
            scores = propagator(graph) @ scores
            total = total + scores
        return total if self.sum_up else scores


depths = (2, 4, 8, 16, 32)
seeds = range(2)
decay = {"first": 5e-4, "rest": 0.0}
shared = {"epochs": 80, "eval_every": 2}
families = {
    "GCN": (
        GCN,
        lambda depth: {"num_layers": depth, "hidden_channels": 16, "dropout": 0.0},
        Recipe(lr=0.01, weight_decay=decay, **shared),
    ),
    "last hop alone": (
        Hops,
        lambda depth: {"hops": depth, "num_layers": 1, "sum_up": False},
        Recipe(lr=0.2, weight_decay=1e-5, **shared),
    ),
    "sum of hops": (
        Hops,
        lambda depth: {"hops": depth, "num_layers": 2, "sum_up": True},
        Recipe(lr=0.01, weight_decay=5e-4, **shared),
    ),
    "DAGNN": (
        DAGNN,
        lambda depth: {"K": depth, "hidden_channels": 32, "return_logits": True},
        Recipe(lr=0.01, weight_decay=5e-4, **shared),
    ),
}


def train(name, depth, seed):
    """Return a trained model, its test accuracy, the smoothness of its scores."""
    model_class, options, recipe = families[name]
    model = build_model(
        model_class, {**task.model_kwargs(problem), **options(depth)}, seed
    )
    fitted = Trainer().fit(model, task, problem, recipe=recipe, seed=seed)
    with torch.inference_mode():
        scores = model.eval()(x, graph)
    alike = smoothness(scores, sample=100_000)  # pairs of nodes; error below 0.001
    return model, fitted.metrics["test"]["acc"], alike


found = {}
for name in families:
    rows = [[train(name, depth, seed)[1:] for depth in depths] for seed in seeds]
    found[name] = np.array(rows)  # (seeds, depths, 2)
    means = 100 * found[name][:, :, 0].mean(axis=0)
    shown = ", ".join(
        f"{depth}: {a:.1f}" for depth, a in zip(depths, means, strict=True)
    )
    print(f"{name:15s} accuracy in % by depth: {shown}")

# %%
# The line is the mean over the seeds, the band reaches from the lower to the higher
# of the two.

fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.4))
for name, values in found.items():
    for ax, part in zip(axes, (100 * values[:, :, 0], values[:, :, 1]), strict=True):
        (line,) = ax.plot(depths, part.mean(axis=0), marker="o", label=name)
        low, high = part.min(axis=0), part.max(axis=0)
        ax.fill_between(depths, low, high, alpha=0.25, color=line.get_color(), lw=0)
test_labels = problem.test.target
chance = 100 * torch.bincount(test_labels).max().item() / len(test_labels)
axes[0].axhline(chance, color="0.4", ls=":", lw=1)
axes[0].annotate("largest class", (2, chance - 6), fontsize=8, color="0.3")
axes[0].set(title="Test accuracy", ylabel="accuracy in %", ylim=(0, 100))
axes[1].set(title="Smoothness of the scores", ylabel="smoothness value (0: all alike)")
axes[1].set_ylim(bottom=0)
for ax in axes:
    ax.set_xscale("log", base=2)
    ax.set_xticks(depths, [str(depth) for depth in depths])
    ax.set_xlabel("hops (layers)")
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
# sphinx_gallery_start_ignore
told = (
    f"{name} " + ", ".join(f"{100 * values[:, i, 0].mean():.0f}" for i in (0, 2, 4))
    for name, values in found.items()
)
fig.set_label(
    "Test accuracy (left) and smoothness value of the scores (right) against the number of hops, 2 "
    "to 32, mean and range over two seeds. Accuracy in percent at 2, 8 and 32 hops: "
    + "; ".join(told)
)
# sphinx_gallery_end_ignore

# %%
# Read the two panels together.
#
# - *The last hop alone* loses accuracy slowly. Averaging over 32 hops does cost, but
#   it leaves much of what a classifier needs: over-smoothing is real, and gradual.
# - The *GCN* falls long before. Whatever hurts it at eight layers, it is not the
#   averaging, since the line above it averages as far: it is averaging and
#   transforming in turn, which is also hard to train. (It is trained without dropout,
#   which would make the deep ones harder still to train.)
# - *Smooth scores are not bad scores*: up to eight hops DAGNN's are the smoothest of
#   all four, at an accuracy that no other beats by much. The measure also sees what
#   all nodes share, such as a common offset, and no classifier minds that.
# - *DAGNN* holds most of its accuracy, and so does the plain *sum of hops*. What
#   protects both is that the near hops stay in the sum.
#
# Do not read more into it than that: one graph, one split, 80 epochs, two seeds.
# There are other cures for deep GCNs, such as residual connections, which are not in
# this picture.
#
# Inside the gates
# ----------------
#
# If the plain sum does so well, what do the gates do? DAGNN weighs hop k of node i by
# a gate between 0 and 1, computed from the scores of node i after k hops. Here are
# the gates of a trained model, class by class.

model, accuracy, _ = train("DAGNN", 16, seed=0)
gates = model.gates(x, graph)  # (n, K + 1)
hops = np.arange(gates.shape[1])
classes = torch.bincount(data.graph.y).argsort(descending=True)
print(f"mean gate {gates.mean():.3f}, nine of ten lie above {gates.quantile(0.1):.3f}")

fig, axes = plt.subplots(3, 4, figsize=(7.2, 5.2), sharex=True, sharey=True)
for ax, label in zip(axes.flat, classes.tolist(), strict=True):
    own = gates[data.graph.y == label]
    mean, deviation = own.mean(dim=0), own.std(dim=0)
    ax.plot(hops, mean, color="C0")
    ax.fill_between(
        hops, mean - deviation, mean + deviation, alpha=0.3, color="C0", lw=0
    )
    ax.set_title(f"{data.class_names[label]} ({len(own)})")
axes[0, 0].set(ylim=(0, 1.05), xticks=(0, 4, 8, 12, 16), yticks=(0, 0.5, 1))
fig.supxlabel("hop", fontsize=9.5)
fig.supylabel("gate: mean and deviation over nodes", fontsize=9.5)
# sphinx_gallery_start_ignore
fig.set_label(
    "Gate of a trained DAGNN against the hop, 0 to 16, one panel a class: mean over the nodes of "
    "the class with a band of one standard deviation. Over all nodes the mean gate is "
    f"{gates[:, 0].mean():.2f} at hop 0 and {gates[:, -1].mean():.2f} at hop 16."
)
# sphinx_gallery_end_ignore

# %%
# The lines are nearly flat: in no class do the gates prefer near hops to far ones by
# much, and all are well open. What they have learnt is a height for the whole sum
# rather than a choice of hops.
#
# That does not mean that all nodes or all hops count alike. The scores themselves
# shrink and flatten on their way through the graph, and they do so differently for a
# package with one neighbour and for one with fifty. The next picture shows the gate
# of each node and hop on the left, and on the right the share of the hop in the
# node's answer, :math:`g_{ik} \lVert \mathbf h_i^{(k)} \rVert` divided by its sum
# over k. One row is one package, the one with the fewest neighbours at the top.

caught = []
hook = model.prop.register_forward_pre_hook(
    lambda module, inputs: caught.append(inputs[0])
)
model.gates(x, graph)
hook.remove()
scores = [caught[0]]  # what enters the propagation: hop 0
for _ in hops[1:]:
    scores.append(average @ scores[-1])
weight = gates * torch.stack([hop.norm(dim=1) for hop in scores], dim=1)
share = (weight / weight.sum(dim=1, keepdim=True)).detach()

degree = graph.degree()
order = degree.argsort(stable=True)
marks = [int((degree[order] < least).sum()) for least in (1, 2, 3, 5, 10)]
fig, axes = plt.subplots(1, 2, figsize=(7.2, 4.4), sharey=True)
low = float(gates.flatten().kthvalue(gates.numel() // 200).values)
pictures = (
    ("Gate", gates, {"vmin": low, "vmax": 1}, "min"),
    (
        "Share in the answer",
        share,
        {"vmin": 0, "vmax": float(share[:, 1:].max())},
        "max",
    ),
)
for ax, (title, values, limits, beyond) in zip(axes, pictures, strict=True):
    shown = ax.imshow(values[order], aspect="auto", interpolation="nearest", **limits)
    fig.colorbar(
        shown, ax=ax, extend=beyond, orientation="horizontal", label=title.lower()
    )
    ax.set(title=title, xlabel="hop", xticks=(0, 4, 8, 12, 16))
    ax.grid(visible=False)
axes[0].set_yticks(marks, ["1", "2", "3", "5", "10"])
axes[0].set_ylabel("neighbours of the node (nodes sorted)")
few, many = share[degree == 1].mean(dim=0), share[degree >= 10].mean(dim=0)
# sphinx_gallery_start_ignore
fig.set_label(
    "Two heat maps of 4,488 packages, sorted by number of neighbours, against the hop, 0 to 16: "
    "the gate, and the share of the hop in the node's answer. Hop 0 has a mean share of "
    f"{few[0]:.2f} for packages with one neighbour and {many[0]:.2f} for those with ten or more."
)
# sphinx_gallery_end_ignore
print(
    f"share of hop 0: {few[0]:.2f} with one neighbour, {many[0]:.2f} with ten or more"
)

# %%
# Seventeen equal shares would be 0.06 each. A package with few neighbours takes more
# than that from hop 0, its own words; a package with many takes less from there, and
# its gates are the most open at all further hops. How far a node listens does depend
# on where it stands, although no gate was told its number of neighbours.
#
# Exercise
# --------
#
# Does the picture of the gates depend on the recipe? Train DAGNN with
# ``weight_decay=0.005``, the value of its authors for Cora, and with
# ``weight_decay=0``, and draw the gates again. Then try another graph:
# ``load("cora")``, if you have its files. Are there graphs on which the gates choose,
# and does the plain sum of hops fall behind on them?
