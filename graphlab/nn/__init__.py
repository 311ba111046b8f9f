"""Layers: what models are built from."""

from graphlab.nn.encoders import LinkEncoder
from graphlab.nn.propagation import AdaptivePropagation, SymmetricPropagator, propagator

__all__ = ["AdaptivePropagation", "LinkEncoder", "SymmetricPropagator", "propagator"]
