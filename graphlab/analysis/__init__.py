"""Looking at what models have learned: pure functions on arrays."""

from graphlab.analysis.smoothness import SmoothnessEstimate, smoothness

__all__ = ["SmoothnessEstimate", "smoothness"]
