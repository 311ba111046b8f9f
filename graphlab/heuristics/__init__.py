"""Heuristic link scores: common neighbours, Katz, personalized PageRank, shortest paths."""

from graphlab.heuristics.katz import katz_scores
from graphlab.heuristics.overlap import overlap_scores, ra_rows
from graphlab.heuristics.pagerank import ppr_rows, ppr_scores
from graphlab.heuristics.paths import shortest_path_scores
from graphlab.heuristics.scores import LINK_METHODS, link_scores

__all__ = [
    "LINK_METHODS",
    "katz_scores",
    "link_scores",
    "overlap_scores",
    "ppr_rows",
    "ppr_scores",
    "ra_rows",
    "shortest_path_scores",
]
