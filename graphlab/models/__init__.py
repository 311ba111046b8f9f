"""Models: plain ``torch.nn.Module`` classes, one file a paper; saving, loading, predicting.

PyG's models are in :mod:`graphlab.models.pyg`, which imports PyG only when one is built.
"""

from graphlab.models.bundle import load, save
from graphlab.models.dagnn import DAGNN
from graphlab.models.gae import GAE
from graphlab.models.gae_cn import GAECN
from graphlab.models.gcn import GCN
from graphlab.models.gsm import GSM, GSMPlusPlus
from graphlab.models.heuristics import (
    AdamicAdar,
    CommonNeighbors,
    Jaccard,
    Katz,
    PersonalizedPageRank,
    PreferentialAttachment,
    ResourceAllocation,
    ShortestPath,
)
from graphlab.models.inference import predict
from graphlab.models.lightgcn import LightGCN
from graphlab.models.mlp import MLP
from graphlab.models.ncn import NCN
from graphlab.models.ncn_variants import NCN2, NCNdiff
from graphlab.models.ncnc import NCNC
from graphlab.models.orbit_embedding import (
    OrbitCountsClassifier,
    OrbitEmbeddingClassifier,
    WalkEmbeddingClassifier,
)
from graphlab.models.recommendation import Recommendations, recommend
from graphlab.models.tc_link import TCGCN, TCSAGE

__all__ = [
    "DAGNN",
    "GAE",
    "GAECN",
    "GCN",
    "GSM",
    "MLP",
    "NCN",
    "NCN2",
    "NCNC",
    "TCGCN",
    "TCSAGE",
    "AdamicAdar",
    "CommonNeighbors",
    "GSMPlusPlus",
    "Jaccard",
    "Katz",
    "LightGCN",
    "NCNdiff",
    "OrbitCountsClassifier",
    "OrbitEmbeddingClassifier",
    "PersonalizedPageRank",
    "PreferentialAttachment",
    "Recommendations",
    "ResourceAllocation",
    "ShortestPath",
    "WalkEmbeddingClassifier",
    "load",
    "predict",
    "recommend",
    "save",
]
