"""
8. Graphs as sequences
======================

Transformers and state-space models read sequences. A graph is none: its nodes have no first and no
last. To use such models all the same, one cuts the graph into *tokens* and puts them into an
order; :cite:t:`behrouz2025` show that most graph Transformers are one choice of three parts:

1. a *tokenizer* makes sequences of tokens,
2. a *local encoder* gives each token a vector,
3. a *global encoder* reads the sequences.

Their own model, GSM++, takes the tokens from a hierarchical clustering. This tutorial looks at its
tree, at the order that comes of it, at what each token sees, and in the end trains it.
"""

# sphinx_gallery_thumbnail_number = 1

import matplotlib.pyplot as plt
import networkx as nx
import numpy as np
import torch

from graphlab.datasets import load
from graphlab.models import GSM, GSMPlusPlus
from graphlab.tasks import NodeClassification
from graphlab.tokenizers import HAC, RandomWalk
from graphlab.train import Recipe, Trainer, build_model

torch.set_num_threads(1)

# %%
# The tree
# --------
#
# Zachary's karate club: 34 members, an edge for each two who met outside the club. In each
# round every cluster takes its best edge to another one, and what the taken edges join becomes one
# cluster. Best is the edge whose ends are most alike: alike in their features if the graph
# has some, or else, as here, in the neighbours they share.

club = load("karate").graph
tree = HAC(weight="jaccard").fit(club)
print("clusters of each level, nodes first:", tree.num_clusters.tolist())

# %%
# Clusters merge in heaps, not in pairs, so a few rounds suffice: at most the logarithm of the
# number of nodes. The tree below has its leaves where they stand in the *leaf order*: whoever
# walks through the tree from left to right meets them so.

PALETTE = plt.rcParams["axes.prop_cycle"].by_key()["color"]
rank, level = tree.rank.numpy(), tree.token_level.numpy()
colour = [PALETTE[c % len(PALETTE)] for c in tree.assign[-2].tolist()]
network = nx.Graph(club.edge_index.t().tolist())
place = nx.kamada_kawai_layout(network)
x = np.array(
    [
        rank[tree.assign[level[c]] == c - tree.offset[level[c]]].mean()
        for c in range(len(level))
    ]
)


def draw(ax, nodes=(), colours="0.8", size=60):
    """Draw the club; ``nodes`` stand out."""
    for a, b in network.edges:
        ax.plot(*np.transpose([place[a], place[b]]), color="0.75", lw=0.7, zorder=1)
    dots = np.array([place[v] for v in range(club.num_nodes)])
    ax.scatter(*dots.T, s=size, c=colours, zorder=2)
    if len(nodes):
        ax.scatter(*dots[list(nodes)].T, s=size, c=PALETTE[0], zorder=3)
    ax.axis("off")


fig, (left, right) = plt.subplots(1, 2, width_ratios=(2, 3), figsize=(7.2, 3.4))
draw(left, colours=colour)
for c, above in enumerate(tree.parent.tolist()):
    if above >= 0:
        right.plot(
            [x[c], x[above]], [level[c], level[above]], color="0.7", lw=1, zorder=1
        )
right.scatter(x, level, s=8 + 3 * tree.size.numpy(), color="0.5", zorder=2)
right.scatter(rank, np.zeros(len(rank)), s=24, c=colour, zorder=3)
for v in range(club.num_nodes):
    right.text(
        rank[v], -0.22 - 0.16 * (rank[v] % 2), v, ha="center", va="center", size=7
    )
right.set(yticks=range(tree.num_levels), ylabel="level", ylim=(-0.5, None))
right.set(xticks=[], xlabel="members in leaf order")
right.grid(visible=False)
left.set(title="Clusters below the root")
right.set(title="The tree they belong to")
# sphinx_gallery_start_ignore
fig.set_label(
    "The karate club, coloured by the clusters below the root, and the tree of clusters over its "
    f"34 members; from the members to the root its levels have {tree.num_clusters.tolist()} "
    "clusters."
)
# sphinx_gallery_end_ignore

# %%
# The order
# ---------
#
# A recurrent model remembers what came shortly before better than what came long ago. So it
# matters whether neighbours in the graph are near each other in the sequence.

row, col = club.edge_index.numpy()
shuffled = np.random.default_rng(0).permutation(club.num_nodes)
orders = {
    "random order": shuffled,
    "by number": np.arange(club.num_nodes),
    "leaf order": rank,
}
fig, axes = plt.subplots(1, 3, figsize=(7.2, 2.7))
apart = {}
for ax, (name, at) in zip(axes, orders.items(), strict=True):
    apart[name] = np.abs(at[row] - at[col]).mean()
    ax.scatter(at[row], at[col], s=5, marker="s")
    ax.set(title=name, aspect="equal", xlabel="place of one end")
    ax.invert_yaxis()
    ax.grid(visible=False)
axes[0].set(ylabel="place of the other")
for name, steps in apart.items():
    print(f"{name:12} ends of an edge are {steps:.1f} places apart")
# sphinx_gallery_start_ignore
fig.set_label(
    "Edges of the karate club as points, by the places of their ends in three orders; mean "
    "distance of the ends: "
    + ", ".join(f"{name} {steps:.1f}" for name, steps in apart.items())
    + "."
)
# sphinx_gallery_end_ignore

# %%
# In the leaf order, a cluster is one block on the diagonal. What stays far from it are edges
# between clusters: no order puts all of a graph's neighbours side by side.
#
# What each token sees
# --------------------
#
# GSM++ offers three sequences. ``order`` is the one above, one token a node. ``bfs`` has one
# sequence a level. With ``dfs`` every node gets a sequence of its own, the *path* from the root
# down to itself: its first token sees all nodes, its last only one. For comparison, two other
# tokenizers: ``khop`` has a token for each distance, ``random_walk`` one for what some short
# walks have met, and for their shorter and shorter beginnings.

v = 16
path = tree.path[v].tolist()
ptr, members = (part.tolist() for part in tree.members)
rows = {
    "path": [members[ptr[c] : ptr[c + 1]] for c in path],
    "hops": [
        [
            u
            for u, far in nx.single_source_shortest_path_length(network, v).items()
            if far == k
        ]
        for k in range(len(path))
    ],
}
walks = RandomWalk(num_walks=4, length=len(path) - 1).batch(club, nodes=[v])
ptr, members = (part.tolist() for part in walks.members)
rows["walks"] = [
    members[ptr[t] : ptr[t + 1]] for t in walks.index[0, walks.mask[0]].tolist()
]

fig, axes = plt.subplots(3, len(path), figsize=(7.2, 4.4))
for line, (name, tokens) in zip(axes, rows.items(), strict=True):
    for number, (ax, nodes) in enumerate(zip(line, tokens, strict=True)):
        draw(ax, nodes, size=14)
        ax.scatter(*place[v], s=50, facecolors="none", edgecolors=PALETTE[1], zorder=4)
        ax.set_title(f"{name}, token {number}: {len(nodes)}", size=8)
# sphinx_gallery_start_ignore
fig.set_label(
    f"Nodes that each token of member {v} sees. "
    + " ".join(
        f"{name}: " + ", ".join(str(len(nodes)) for nodes in tokens) + " nodes."
        for name, tokens in rows.items()
    )
)
# sphinx_gallery_end_ignore

# %%
# The tokens of a path are nested, and lie where the clustering decided; hops are around the
# node, whatever the features say. Paths stay short: in a graph like ogbn-arxiv, of 169,343 nodes,
# they have eight tokens. So nodes can be trained in batches, each with its own sequence.
#
# Training
# --------
#
# ``sbm-tiny`` has 400 nodes in four blocks, with noisy features. GSM++ with each of its
# traversals, and the same net without tokens: its local encoder, two layers of GatedGCN, and the
# same head. One recipe for all, three seeds; 25 epochs, so that it takes seconds.

data = load("sbm-tiny")
task = NodeClassification("random-20-30")
recipe = Recipe(
    optimizer="adamw",
    lr=0.005,
    weight_decay=1e-4,
    schedule="cosine",
    warmup_epochs=3,
    clip_norm=1.0,
    epochs=25,
    eval_every=5,
    monitor="metric",
)
systems = {
    "no tokens": (GSM, {"global_encoder": "none"}),
    "paths (dfs)": (GSMPlusPlus, {"traversal": "dfs"}),
    "levels (bfs)": (GSMPlusPlus, {"traversal": "bfs"}),
    "leaf order": (GSMPlusPlus, {"traversal": "order"}),
}
SEEDS = (0, 1, 2)
found = {}
for name, (kind, options) in systems.items():
    found[name] = []
    for seed in SEEDS:
        problem = task.prepare(data, seed)
        model = build_model(
            kind, {**task.model_kwargs(problem), "hidden": 32, **options}, seed
        )
        fit = Trainer().fit(model, task, problem, recipe=recipe, seed=seed)
        found[name].append(100 * fit.metrics["test"]["acc"])
    weights = sum(p.numel() for p in model.parameters())
    print(f"{name:13} {weights:,} weights, accuracy", end=" ")
    print(f"{np.mean(found[name]):.1f} % ± {np.std(found[name], ddof=1):.1f}")

# %%
# Every seed draws another split, the same for all rows, so the lines below join what may be
# compared:

fig, ax = plt.subplots(figsize=(7.2, 3))
for seed in SEEDS:
    ax.plot(
        list(found), [found[name][seed] for name in found], "o-", label=f"seed {seed}"
    )
ax.set(ylabel="test accuracy (%)", title="With and without tokens, three splits")
ax.legend()
# sphinx_gallery_start_ignore
fig.set_label(
    "Test accuracy in percent over three splits. "
    + " ".join(
        f"{name}: " + ", ".join(f"{value:.0f}" for value in values) + "."
        for name, values in found.items()
    )
)
# sphinx_gallery_end_ignore

# %%
# What was shown, and what not
# ----------------------------
#
# Shown: a tree, an order and tokens exist, neighbours are nearer to each other in the order than in
# a random one, and a net made of them learns. Not shown: that sequences are better than
# message passing. Three small splits decide nothing, the rows with tokens have more weights and
# more layers, and the training was cut short, for time. Nor does this set need what sequences
# are meant for, to see far: a block is seen from near by. The suites ask with more care:
#
# - ``graphlab-bench run gsm-synthetic``: counting, cycles, triangles, connectivity,
# - ``graphlab-bench run gsm-node``: single graphs, next to convolutions,
# - ``graphlab-bench run gsm-tokens``: every tokenizer with every global encoder.
#
# One more caution: the clustering breaks ties by the numbers of the nodes. Renumber a graph and
# GSM++ may answer differently; message passing does not.
#
# Exercise
# --------
#
# Give the club's nodes other numbers, cluster again, and count how many pairs of members change
# between "same cluster" and "not". Then take ``weight="unit"``, where ties are all there is.
