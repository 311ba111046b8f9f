"""
5. Orbits, and what random walks miss
=====================================

Many embeddings of graphs are made of random walks: two nodes are near each other if a walker who
starts at one often arrives at the other. All that such a walk remembers is where it began and
where it ended. Whether the two ends are leaves of one star, or whether one of them is in the
middle of a path and the other at its tip, it cannot tell.

*Graphlets* can. They are the small patterns of which a graph consists, *orbits* are the places in
them, and *orbit adjacency* counts how often two nodes hold two places together. This tutorial
counts all of it in a plain loop, then with the library; shows which of the 28 pairs of places a
walk of three steps sees; and asks whether the other 17 help to classify nodes.
"""

# sphinx_gallery_thumbnail_number = 1

from itertools import combinations
from pathlib import Path

import matplotlib.pyplot as plt
import networkx as nx
import numpy as np
import pandas as pd
from scipy.sparse import diags_array
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import scale

from graphlab.datasets import load
from graphlab.graphlets import (
    GRAPHLETS,
    ORBIT_PAIRS,
    SEEN_BY_WALKS,
    OrbitEmbedding,
    WalkEmbedding,
    orbit_adjacency,
    orbit_counts,
)

# %%
# Nine graphlets, fifteen places
# ------------------------------
#
# There are nine connected graphs on two, three and four nodes, G0 to G8. Nodes of one
# colour and number can change places without changing the pattern: they are one orbit,
# numbered from 0 to 14 as in :cite:t:`przulj2007`.

square = [(0, 0), (1, 0), (1, 1), (0, 1)]
corner = [(0, 0), (0.5, 1), (1, 0)]
fork = [(0.5, 0.45), (0, 0), (1, 0), (0.5, 1.15)]
kite = [(0, 0), (1, 0), (0.5, 0.65), (0.5, 1.3)]
shapes = {  # positions, edges, orbit of each node
    "G0: edge": ([(0, 0.5), (1, 0.5)], "01", (0, 0)),
    "G1: path of 3": (corner, "01 12", (1, 2, 1)),
    "G2: triangle": (corner, "01 12 02", (3, 3, 3)),
    "G3: path of 4": (square, "03 01 12", (5, 5, 4, 4)),
    "G4: star": (fork, "01 02 03", (7, 6, 6, 6)),
    "G5: cycle": (square, "01 12 23 03", (8, 8, 8, 8)),
    "G6: paw": (kite, "01 02 12 23", (10, 10, 11, 9)),
    "G7: diamond": (square, "01 12 23 03 02", (13, 12, 13, 12)),
    "G8: clique": (square, "01 12 23 03 02 13", (14, 14, 14, 14)),
}


def draw(ax, positions, edges, colors, labels):
    """Draw a small graph with numbers in its nodes."""
    for a, b in edges.split():
        ends = zip(positions[int(a)], positions[int(b)], strict=True)
        ax.plot(*ends, color="0.55", lw=1.6, zorder=1)
    ax.scatter(*zip(*positions, strict=True), s=270, c=colors, zorder=2)
    for (x, y), label in zip(positions, labels, strict=True):
        ax.text(
            x, y, label, color="w", ha="center", va="center_baseline", weight="bold"
        )
    ax.set(xlim=(-0.35, 1.35), ylim=(-0.35, 1.6), aspect="equal")
    ax.axis("off")


fig, axes = plt.subplots(2, 5, figsize=(7.2, 3.6))
for ax, name in zip(axes.flat, shapes, strict=False):
    positions, edges, orbits = shapes[name]
    colors = [f"C{sorted(set(orbits)).index(orbit)}" for orbit in orbits]
    draw(ax, positions, edges, colors, orbits)
    ax.set_title(name)
axes.flat[-1].axis("off")
# sphinx_gallery_start_ignore
fig.set_label(
    "The nine graphlets with the number of its orbit in each node: edge (0, 0); path of three, "
    "ends 1 and middle 2; triangle, 3; path of four, ends 4 and inner nodes 5; star, leaves 6 "
    "and centre 7; cycle of four, 8; paw, tail 9, the triangle's node at the tail 11 and its other "
    "two 10; diamond, ends of the chord 13 and the others 12; clique of four, 14."
)
# sphinx_gallery_end_ignore

# %%
# By hand
# -------
#
# Take every set of two to four members of a karate club :cite:p:`zachary1977`, look at
# the friendships *inside* the set, and write down who is where. No search for
# isomorphisms is needed: among connected graphs this small the degrees tell the
# pattern, and inside a pattern the degree of a node tells its orbit. What is not in the
# dictionary is not connected.

ORBIT = {  # degrees inside the set, ascending: orbit of a node, by its own degree
    (1, 1): {1: 0},
    (1, 1, 2): {1: 1, 2: 2},
    (2, 2, 2): {2: 3},
    (1, 1, 2, 2): {1: 4, 2: 5},
    (1, 1, 1, 3): {1: 6, 3: 7},
    (2, 2, 2, 2): {2: 8},
    (1, 2, 2, 3): {1: 9, 2: 10, 3: 11},
    (2, 2, 3, 3): {2: 12, 3: 13},
    (3, 3, 3, 3): {3: 14},
}

club = nx.karate_club_graph()
W = nx.to_numpy_array(club, weight=None, dtype=int)
n = len(W)
counts = np.zeros((n, 15), dtype=int)
together = {key: np.zeros((n, n), dtype=int) for key in ORBIT_PAIRS}

for size in (2, 3, 4):
    for nodes in combinations(range(n), size):
        inside = W[np.ix_(nodes, nodes)]
        degrees = inside.sum(axis=0).tolist()
        place = ORBIT.get(tuple(sorted(degrees)))
        if place is None:
            continue
        orbits = [place[degree] for degree in degrees]
        counts[nodes, orbits] += 1
        apart = np.argwhere(inside + np.eye(size) == 0)  # two or three steps
        for a, b in apart:
            steps = 2 if inside[a] @ inside[b] else 3
            together[steps, orbits[a], orbits[b]][nodes[a], nodes[b]] += 1
        for a, b in np.argwhere(inside):
            together[1, orbits[a], orbits[b]][nodes[a], nodes[b]] += 1

# %%
# ``counts`` has a row of 15 numbers for each member. ``together`` is the finer count, of
# *pairs*: in how many patterns is *u* at orbit *i*, *v* at orbit *j*, and the two are
# *h* steps apart? There are 28 triples (*h*, *i*, *j*) that can occur, so 28 matrices.
# The library makes both, exactly:

club_edges = np.array(club.edges)  # (78, 2)
exact = orbit_adjacency(club_edges)
print("counts equal:  ", (counts == orbit_counts(club_edges)).all())
same = [(together[key] == exact[key].toarray()).all() for key in ORBIT_PAIRS]
print("matrices equal:", sum(same), "of", len(same))
print("members 0 (the instructor) and 16:")
print(counts[[0, 16]])

# %%
# Each row of a matrix sums up to an orbit count, times the number of partners that a
# pattern has to offer: the centre of a star has three leaves, so the row of (1, 7, 6)
# sums to three times count 7.
#
# Mind what *h* is not. It is the distance inside the pattern. The ends of a path of
# four are three steps apart *there*, yet may well have a common neighbour elsewhere:

print("row sums:", (exact[1, 7, 6].sum(axis=1) == 3 * counts[:, 7]).all())
ends = exact[3, 4, 4].toarray() > 0
print(f"{ends.sum() // 2} pairs are ends of an induced path of four;")
print(f"{(ends & (W @ W > 0)).sum() // 2} of them have a common neighbour in the club")

# %%
# A real graph
# ------------
#
# The loop has looked at all 46,376 sets of four out of 34 people. Among the 4,488
# packages of ``debdeps`` there are 17 million million. The library never looks at a
# set: all numbers follow from five sums over common neighbours
# (:doc:`../../methods/graphlets`), and come out in a moment.
#
# Three packages that each have twelve dependencies, in either direction. Degree says
# that they are alike; orbits say otherwise.

data = load("debdeps")
graph, y = data.graph, data.graph.y.numpy()
counts = orbit_counts(graph)
names = np.load(Path(data.info["folder"]) / "debdeps.npz")["node_names"].tolist()
chosen = ["fping", "libcap-ng", "icinga-php-library"]
columns = ["neighbours", "triangles", "centre of a star", "tail of a paw"]
columns += ["paw, at the tail", "clique of four"]
rows = counts[[names.index(name) for name in chosen]][:, [0, 3, 7, 9, 11, 14]]
pd.DataFrame(rows, index=chosen, columns=columns)

# %%
# All of *fping*'s neighbours are strangers to each other; those of
# *icinga-php-library* form a knot.
#
# What walks of three steps see
# -----------------------------
#
# Entry [*u*, *v*] of :math:`W^l` is the number of walks of *l* steps from *u* to *v*.
# Two steps lead back, or to a node with a common neighbour, adjacent (a triangle) or not
# (a path of three). Three steps lead along any pattern that holds a way of three steps
# between the two. Written with orbit adjacency:
#
# .. math::
#
#    W^2 &= \mathrm{diag}(d) + A_{2,1,1} + A_{1,3,3} \\
#    W^3 &= \mathrm{diag}(2T) + W \circ (d_u + d_v - 1) + A_{3,4,4} + A_{1,8,8} + A_{2,9,10} \\
#        &+ A_{2,10,9} + 2 A_{2,12,12} + A_{1,12,13} + A_{1,13,12} + 2 A_{1,14,14}
#
# with degrees *d* and triangles *T*. That can be checked, entry by entry:

A = orbit_adjacency(graph)
W = A[1, 0, 0].astype(np.int64)
degree, triangles = counts[:, 0], counts[:, 3]
d, closed = diags_array(degree, dtype=int), diags_array(2 * triangles, dtype=int)
two_steps = d + A[2, 1, 1] + A[1, 3, 3]
three_steps = closed + d @ W + W @ d - W
in_three = {
    **dict.fromkeys([(3, 4, 4), (1, 8, 8), (2, 9, 10), (2, 10, 9)], 1),
    **dict.fromkeys([(1, 12, 13), (1, 13, 12)], 1),
    **dict.fromkeys([(2, 12, 12), (1, 14, 14)], 2),
}
for key, times in in_three.items():
    three_steps = three_steps + times * A[key]
print("two steps:  ", abs(W @ W - two_steps).max() == 0)
print("three steps:", abs(W @ W @ W - three_steps).max() == 0)

# %%
# Eleven of the 28 appear, and always in this one mixture: from the number at a pair that
# is not adjacent nobody can tell paths of four from paws and diamonds. The other
# seventeen do not appear at all.

unseen = [key for key in ORBIT_PAIRS if key not in SEEN_BY_WALKS]


def listed(keys):
    """Keys in short form, h-i-j."""
    return ", ".join("-".join(map(str, key)) for key in keys)


seen = [listed(k for k in keys if k in SEEN_BY_WALKS) for keys in GRAPHLETS.values()]
missed = [listed(k for k in keys if k in unseen) for keys in GRAPHLETS.values()]
print(len(SEEN_BY_WALKS), "seen,", len(unseen), "unseen")
told = {"in walks of up to three steps": seen, "in none": missed}
pd.DataFrame(told, index=list(shapes))

# %%
# "Not seen" has a narrow meaning. A walker does arrive at such a pair: any two nodes that
# are two steps apart in some pattern have a common neighbour, and are in
# :math:`W^2`. What is lost is *how* they are together. Here are five pairs of nodes, in
# colour. For the first three, walks of one, two and three steps from one to the other
# number 0, 1 and 0; for the last two 1, 0 and 3. The keys that hold the pair differ. (Of
# (*h*, *i*, *j*) and (*h*, *j*, *i*) one is written.)

zigzag = [(0, 0), (0.1, 0.9), (0.9, 0.9), (1, 0)]
pairs = [
    (corner, "01 12", (0, 2)),
    (zigzag, "01 12 23", (0, 2)),
    (fork, "01 02 03", (1, 2)),
    (zigzag, "01 12 23", (1, 2)),
    (fork, "01 02 03", (0, 3)),
]
fig, axes = plt.subplots(1, 5, figsize=(7.2, 2.4))
told = []
for ax, (positions, edges, pair) in zip(axes, pairs, strict=True):
    ends = np.array([[int(a), int(b)] for a, b in edges.split()]).T  # (2, edges)
    small = orbit_adjacency(ends)
    step = small[1, 0, 0].toarray()
    walks = [int(np.linalg.matrix_power(step, k)[pair]) for k in (1, 2, 3)]
    both = {key: small[key] + small[key].T for key in ORBIT_PAIRS}
    keys = [key for key in ORBIT_PAIRS if both[key].toarray()[pair]]
    keys = [key for key in keys if key[1] <= key[2]]  # one of (i, j) and (j, i)
    colors = ["C1" if node in pair else "0.7" for node in range(len(positions))]
    letters = ["uv"[pair.index(k)] if k in pair else "" for k in range(len(colors))]
    draw(ax, positions, edges, colors, letters)
    ax.set_title("walks " + ", ".join(map(str, walks)), fontsize=9)
    ax.text(0.5, -0.55, "\n".join(map(str, keys)), ha="center", va="top", fontsize=8.5)
    told.append(f"walks {walks}, keys {keys}")
# sphinx_gallery_start_ignore
fig.set_label(
    "Five small graphs with two nodes u and v in colour, the walks of one, two and three steps "
    "between them, and the keys of orbit adjacency that hold the pair. Ends of a path of three; "
    "tip and third node of a path of four; two leaves of a star; middle edge of a path of four; "
    "edge of a star: " + "; ".join(told) + "."
)
# sphinx_gallery_end_ignore

# %%
# Does it help?
# -------------
#
# Now to the question that :cite:t:`windels2024` ask: are these pairs worth anything for
# telling the class of a node? Each matrix of counts becomes an embedding in the same way:
# positive pointwise mutual information, then the 64 largest singular vectors. For walks
# the counts are those that DeepWalk would meet in a window of three steps
# :cite:p:`qiu2018`. Logistic regression, which sees nothing but these 64 columns,
# learns the archive section of half of the packages and tells that of the other half;
# five random halves, the same for all.

embeddings = {"walks of 3 steps": WalkEmbedding(), "all 28 summed": OrbitEmbedding()}
embeddings["the 11 seen"] = OrbitEmbedding(SEEN_BY_WALKS)
embeddings["the 17 unseen"] = OrbitEmbedding(unseen)
single = [(1, 0, 0), (2, 1, 1), (3, 4, 4), (2, 9, 10)]
single += [(2, 4, 5), (1, 4, 5), (2, 6, 6), (1, 6, 7), (1, 5, 5)]
for key in single:
    embeddings[str(key)] = OrbitEmbedding([key])

inputs = {name: made.fit_transform(graph) for name, made in embeddings.items()}
inputs["15 orbit counts"] = scale(np.log1p(counts))
walks = inputs["walks of 3 steps"]
inputs["walks + 17 unseen"] = np.hstack([walks, inputs["the 17 unseen"]])
inputs["walks, 128 columns"] = WalkEmbedding(dim=128).fit_transform(graph)


def accuracies(x, splits=5):
    """Percent of the packages of one half that are told right, for each split."""
    found = []
    for seed in range(splits):
        order = np.random.default_rng(seed).permutation(len(y))
        train, test = np.split(order, [len(y) // 2])
        model = LogisticRegression(C=10, max_iter=1000).fit(x[train], y[train])
        found.append(100 * (model.predict(x[test]) == y[test]).mean())
    return np.array(found)


found = {name: accuracies(x) for name, x in inputs.items()}
reference = found["walks of 3 steps"]
result = pd.DataFrame(
    {
        "accuracy in %": {name: values.mean() for name, values in found.items()},
        "against walks": {name: (v - reference).mean() for name, v in found.items()},
        "±": {name: (v - reference).std(ddof=1) for name, v in found.items()},
    }
)
result.sort_values("accuracy in %", ascending=False).round(1)

# %%
# An honest answer:
#
# - *The sum of all 28 is about as good as the walks*, half a point below, which is about
#   what the choice of the halves does. It is no win.
# - Unseen does not mean useless. Of the five unseen pairs tried four do as well, alone,
#   as the adjacency matrix (1, 0, 0); none is better than common neighbours, (2, 1, 1).
#   (1, 5, 5) leaves many rows empty: a package with one dependency is inside no path.
# - Nothing is added either. Beside the walks the 17 lose a point, although there are
#   twice as many columns; the same 128 columns filled by walks gain a little.
#   The embedding factorises the matrix as a whole, and what is missing in
#   one entry can be regained from others.
# - The 15 counts alone tell little. They say what *role* a package has, not *where* it
#   is, and the archive section is a question of where.
#
# One graph, one width, one setting of the regression, and five halves that overlap: the
# ± is rather too small. :doc:`../../methods/graphlets` has other graphs, and a suite to
# run on them (``graphlab-bench run orbit-embedding``).

kinds = {"walks": "C0", "orbits that walks see": "C5", "unseen orbits": "C1"}
kinds |= {"both": "C2", "orbit counts of the node": "0.5"}
kind = dict.fromkeys(found, "orbits that walks see")
kind |= dict.fromkeys(["walks of 3 steps", "walks, 128 columns"], "walks")
kind |= dict.fromkeys(
    {"the 17 unseen", *map(str, unseen)} & set(found), "unseen orbits"
)
kind |= dict.fromkeys(["all 28 summed", "walks + 17 unseen"], "both")
kind["15 orbit counts"] = "orbit counts of the node"

fig, ax = plt.subplots(figsize=(7.2, 4.8))
order = sorted(found, key=lambda name: found[name].mean())
for row, name in enumerate(order):
    values, color = found[name], kinds[kind[name]]
    ax.barh(row, values.mean(), height=0.7, color=color, alpha=0.45)
    ax.plot(
        values, row + np.linspace(-0.22, 0.22, len(values)), "o", color=color, ms=3.5
    )
largest = 100 * np.bincount(y).max() / len(y)
ax.axvline(largest, color="0.2", ls="--", lw=1)
ax.set_yticks(range(len(order)), order)
ax.set(xlim=(0, 80), xlabel="archive sections told right, in %")
ax.grid(axis="y", visible=False)
bars = [plt.Rectangle((0, 0), 1, 1, color=color, alpha=0.6) for color in kinds.values()]
fig.legend(bars, kinds, loc="outside lower center", ncols=3)
# sphinx_gallery_start_ignore
fig.set_label(
    "Bars of the accuracy of logistic regression on each input, a dot for each of five splits, "
    "best on top; a dashed line at the share of the largest class, "
    f"{largest:.0f} percent. In percent: "
    + ", ".join(f"{name} {found[name].mean():.0f}" for name in reversed(order))
    + "."
)
# sphinx_gallery_end_ignore

# %%
# The dashed line is the share of the largest section. All inputs come from the edges
# alone; who reads the words of the descriptions too does better
# (:doc:`plot_1_node_classification`).
#
# Exercise
# --------
#
# When is a role worth more than a place? Put two copies of ``debdeps`` side by side as one
# graph of 8,976 nodes (``scipy.sparse.block_diag([W, W])``), make all the inputs of it,
# learn from the packages of the first copy and test on those of the second. Which inputs
# still work, and why are the others lost? Then remove a tenth of the edges of the
# second copy, at random, and see whose loss is larger: that of the patterns on three or
# of those on four nodes.
