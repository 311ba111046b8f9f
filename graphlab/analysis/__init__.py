"""Looking at what models have learned: pure functions on arrays."""

from graphlab.analysis.degree import (
    degree_bins,
    endpoint_degree,
    link_metrics_by_degree,
    node_metrics_by_degree,
)
from graphlab.analysis.smoothness import SmoothnessEstimate, smoothness

__all__ = [
    "SmoothnessEstimate",
    "degree_bins",
    "endpoint_degree",
    "link_metrics_by_degree",
    "node_metrics_by_degree",
    "smoothness",
]
