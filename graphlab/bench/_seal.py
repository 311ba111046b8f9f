"""The seal of a record: a checksum inside ``run.json`` that finds whatever was edited later."""

from __future__ import annotations

import json
from typing import Any, Final, Literal

from graphlab.io import canonical_json, sha256_bytes

__all__ = ["SEAL", "Seal", "check_seal", "decode_record", "seal_holds", "sealed"]

Seal = Literal["intact", "altered", "unsealed"]
SEAL: Final = "seal"
#: Records of an earlier schema have none.
_FIRST_SEALED: Final = 2


def sealed(payload: dict[str, Any]) -> dict[str, Any]:
    """Return a record's JSON values with their seal.

    The seal is a checksum without a secret: it finds what was changed by accident or by hand, not
    a forger who computes a new one. ``graphlab-bench verify`` finds that one too.

    Args:
        payload: The eight groups, of ``RunRecord.to_json()``.

    Raises:
        ValueError: A value is NaN or infinite, which JSON cannot hold.

    Example:
        >>> whole = sealed({"identity": {"seed": 1}})
        >>> check_seal(whole), check_seal({**whole, "identity": {"seed": 2}})
        ('intact', 'altered')
    """
    # as read back: a key that is a number becomes a text and sorts as one
    groups = json.loads(json.dumps(payload, allow_nan=False))
    groups.pop(SEAL, None)
    return {**groups, SEAL: _digest(groups)}


def check_seal(payload: object) -> Seal:
    """Tell whether a decoded ``run.json`` is as it was written.

    Args:
        payload: The decoded file, seal included.

    Returns:
        ``"unsealed"`` for one without a seal: usual up to schema 1; a later one has lost it
        (:func:`decode_record` then says ``"altered"``).

    Cost: about 50 microseconds.
    """
    if not isinstance(payload, dict) or SEAL not in payload:
        return "unsealed"
    groups = {key: value for key, value in payload.items() if key != SEAL}
    try:
        return "intact" if payload[SEAL] == _digest(groups) else "altered"
    except (ValueError, TypeError):  # NaN, say: never written
        return "altered"


def decode_record(content: bytes) -> tuple[Any, Seal]:
    """Decode the bytes of a ``run.json`` and check its seal.

    Stricter than :func:`check_seal` of the decoded values: a digit beyond the precision of a
    number counts too, as do a name given twice and a lost seal of a schema that has one.

    Raises:
        ValueError: The bytes are no JSON.
    """
    odd = False

    def number(text: str) -> float:
        nonlocal odd
        value = float(text)
        odd |= repr(value) != text
        return value

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal odd
        made = dict(found)
        odd |= len(made) < len(found)
        return made

    try:
        payload = json.loads(content, parse_float=number, object_pairs_hook=pairs)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    seal = check_seal(payload)
    if not seal_holds(payload) or (seal == "intact" and odd):
        return payload, "altered"
    return payload, seal


def seal_holds(payload: object) -> bool:
    """Whether a decoded ``run.json`` has an intact seal, or is of a schema that had none."""
    seal = check_seal(payload)
    if seal != "unsealed" or not isinstance(payload, dict):
        return seal == "intact"
    identity = payload.get("identity")
    version = identity.get("schema") if isinstance(identity, dict) else None
    return isinstance(version, int) and version < _FIRST_SEALED


def _digest(groups: dict[str, Any]) -> str:
    return sha256_bytes(canonical_json(groups).encode("ascii"))
