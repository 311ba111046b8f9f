"""Graph-sequence models: tokens of graphs, encoded locally and then as sequences."""

from graphlab.models.gsm.local import LOCAL_ENCODERS, LocalEncoder
from graphlab.models.gsm.mixture import TokenRouter
from graphlab.models.gsm.model import GSM, Encoded
from graphlab.models.gsm.plus import GSM_PRESETS, GSMPlusPlus

__all__ = [
    "GSM",
    "GSM_PRESETS",
    "LOCAL_ENCODERS",
    "Encoded",
    "GSMPlusPlus",
    "LocalEncoder",
    "TokenRouter",
]
