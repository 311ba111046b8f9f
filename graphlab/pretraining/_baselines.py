"""Plain differences between two collections, which any distance of graphons has to be held to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphlab.pretraining._packed import Packed

    Floats = NDArray[np.float64]

__all__ = ["differences"]


def differences(sources: Packed, target: Packed) -> dict[str, float]:
    """Return how far two collections are apart in plain statistics; 0 is alike.

    ``density``, ``mean_degree`` and ``size`` (number of nodes): difference of the means over
    graphs; ``degree_distribution``: 1-Wasserstein distance of the degrees of all nodes.
    """
    from scipy.stats import wasserstein_distance

    one, two = _means(sources), _means(target)
    apart = 0.0
    if len(sources.degree) and len(target.degree):
        apart = float(wasserstein_distance(sources.degree, target.degree))
    return {
        "density": abs(one[0] - two[0]),
        "mean_degree": abs(one[1] - two[1]),
        "degree_distribution": apart,
        "size": abs(one[2] - two[2]),
    }


def _means(graphs: Packed) -> tuple[float, float, float]:
    """Means over graphs of density, mean degree and number of nodes."""
    total = np.bincount(graphs.graph_of, graphs.degree, len(graphs))
    mean = total / np.maximum(graphs.sizes, 1)
    density = mean / np.maximum(graphs.sizes - 1, 1)
    return float(density.mean()), float(mean.mean()), float(graphs.sizes.mean())
