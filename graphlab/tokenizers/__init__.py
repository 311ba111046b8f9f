"""Tokenizers: graphs as sequences of nodes, edges, clusters, hops, walks or patches."""

from graphlab.tokenizers.base import Tokenizer, Tokens, TokenSequences
from graphlab.tokenizers.cache import cached_batch, load_tokens, save_tokens, tokens_key
from graphlab.tokenizers.edge import Edge, EdgeTokens, NodeLocality, node_locality
from graphlab.tokenizers.hac import HAC
from graphlab.tokenizers.khop import HopTokens, KHop
from graphlab.tokenizers.mixture import (
    Mixed,
    MixtureOfTokenization,
    balance_loss,
    mix_encodings,
    pick_tokenizations,
)
from graphlab.tokenizers.names import TOKENIZERS, make_tokenizer
from graphlab.tokenizers.node import Node, NodeTokens
from graphlab.tokenizers.patch import Patch, PatchTokens
from graphlab.tokenizers.random_walk import RandomWalk, WalkTokens
from graphlab.tokenizers.tree import HACTree

__all__ = [
    "HAC",
    "TOKENIZERS",
    "Edge",
    "EdgeTokens",
    "HACTree",
    "HopTokens",
    "KHop",
    "Mixed",
    "MixtureOfTokenization",
    "Node",
    "NodeLocality",
    "NodeTokens",
    "Patch",
    "PatchTokens",
    "RandomWalk",
    "TokenSequences",
    "Tokenizer",
    "Tokens",
    "WalkTokens",
    "balance_loss",
    "cached_batch",
    "load_tokens",
    "make_tokenizer",
    "mix_encodings",
    "node_locality",
    "pick_tokenizations",
    "save_tokens",
    "tokens_key",
]
