"""Looking at what models have learned: pure functions on arrays."""

from graphlab.analysis._intervals import Estimate
from graphlab.analysis.degree import (
    degree_bins,
    endpoint_degree,
    link_metrics_by_degree,
    node_metrics_by_degree,
)
from graphlab.analysis.diagnosis import Diagnosis, SplitPerformance, diagnose
from graphlab.analysis.smoothness import SmoothnessEstimate, smoothness
from graphlab.analysis.topology import (
    cold_start,
    concentration_shift,
    node_values,
    performance_by_concentration,
    performance_by_degree,
)

__all__ = [
    "Diagnosis",
    "Estimate",
    "SmoothnessEstimate",
    "SplitPerformance",
    "cold_start",
    "concentration_shift",
    "degree_bins",
    "diagnose",
    "endpoint_degree",
    "link_metrics_by_degree",
    "node_metrics_by_degree",
    "node_values",
    "performance_by_concentration",
    "performance_by_degree",
    "smoothness",
]
