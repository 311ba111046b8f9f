"""Many graphs as one: packed arrays with offsets, and batches that are gathered from them."""

from __future__ import annotations

from graphlab.collection.batch import GraphBatch
from graphlab.collection.packed import GraphCollection

__all__ = ["GraphBatch", "GraphCollection"]
