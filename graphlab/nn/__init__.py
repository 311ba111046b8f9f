"""Layers: what models are built from."""

from graphlab.nn.propagation import AdaptivePropagation, SymmetricPropagator, propagator

__all__ = ["AdaptivePropagation", "SymmetricPropagator", "propagator"]
