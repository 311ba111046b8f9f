"""Sequences on disk: one ``.npz`` a graph and tokenizer, with a checksum of its content."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor

from graphlab.errors import CheckpointError, UnsafeFileError
from graphlab.io import atomic_open, canonical_json, safe_load
from graphlab.tokenizers._input import read
from graphlab.tokenizers.base import TokenSequences

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

    from graphlab.tokenizers.base import Kind, Tokenizer

__all__ = ["cached_batch", "load_tokens", "save_tokens", "tokens_key"]

_LOG = logging.getLogger("graphlab")
_FORMAT = 1
_TABLES = ("index", "mask", "owner", "graph", "x", "pe", "level")
_DIGITS = 16  # of the key in a file's name


def tokens_key(tokenizer: Tokenizer, data: Any) -> str:  # noqa: ANN401  (a graph)
    """Return a hash of all that decides the sequences: structure, features, options.

    Args:
        tokenizer: One of this package.
        data: A graph or batch.

    Returns:
        64 hexadecimal digits. The order of the columns of ``edge_index`` counts too, since weights
        and attributes of edges follow it.

    Cost: one pass over structure and features.
    """
    reading = read(data)
    digest = hashlib.sha256(canonical_json([_FORMAT, _options(tokenizer)]).encode())
    graph = reading.graph
    for part in (
        graph.indptr,
        graph.indices,
        graph.perm,
        reading.ptr,
        reading.x,
        reading.edge_attr,
        getattr(data, "pe", None),
    ):
        digest.update(_fingerprint(part).encode())
    return digest.hexdigest()


def cached_batch(
    tokenizer: Tokenizer,
    data: Any,  # noqa: ANN401  (a graph)
    folder: str | os.PathLike[str],
) -> TokenSequences:
    """Return ``tokenizer.batch(data)``, from a file of an earlier call if there is one.

    Args:
        tokenizer: One of this package.
        data: A graph or batch.
        folder: Where files are kept; made if it is missing. A damaged file is made anew.

    Example:
        >>> import tempfile
        >>> from graphlab.tokenizers import HAC
        >>> folder = tempfile.mkdtemp()
        >>> first, again = (cached_batch(HAC(), [[0, 1], [1, 2]], folder) for _ in range(2))
        >>> torch.equal(first.index, again.index), len(list(Path(folder).iterdir()))
        (True, 1)
    """
    key = tokens_key(tokenizer, data)
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    file = target / f"{getattr(tokenizer, 'name', 'tokens')}-{key[:_DIGITS]}.npz"
    if file.exists():
        try:
            return load_tokens(file, key=key).to(read(data).graph.device)
        except (CheckpointError, UnsafeFileError) as error:
            _LOG.warning("tokens are made anew: %s", error)
    tokens = tokenizer.batch(data)
    save_tokens(file, tokens, key=key)
    return tokens


def save_tokens(path: str | os.PathLike[str], tokens: TokenSequences, *, key: str = "") -> None:
    """Write sequences as ``.npz``, whole or not at all.

    Args:
        path: Target, ending in ``.npz``; its folder must exist.
        tokens: The sequences.
        key: What :func:`load_tokens` may ask for.
    """
    arrays: dict[str, NDArray[Any]] = {}
    for name in _TABLES:
        value: Tensor | None = getattr(tokens, name)
        if value is not None:
            arrays[name] = np.ascontiguousarray(value.detach().cpu().numpy())
    if tokens.members is not None:
        ptr, nodes = tokens.members
        arrays |= {"members_ptr": ptr.cpu().numpy(), "members": nodes.cpu().numpy()}
    arrays |= {"kind": np.array(tokens.kind), "key": np.array(key)}
    arrays["checksum"] = np.array(_checksum(arrays))
    with atomic_open(path) as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # its stubs take a name for a flag


def load_tokens(path: str | os.PathLike[str], *, key: str | None = None) -> TokenSequences:
    """Read sequences that :func:`save_tokens` wrote; no code in the file can run.

    Args:
        path: The file.
        key: The key it must have; None takes any.

    Raises:
        CheckpointError: The file is missing or damaged, is none of these, or has another key.
        UnsafeFileError: It holds more than arrays.
    """
    found = safe_load(path)
    needed = {"index", "mask", "owner", "graph", "kind", "key", "checksum"}
    if not isinstance(found, dict) or not needed <= set(found):
        raise CheckpointError(f"{path} holds no token sequences.")
    expected, actual = str(found.pop("checksum")), _checksum(found)
    if expected != actual:
        raise CheckpointError(
            f"{path} is damaged: sha256 {actual[:12]}..., expected {expected[:12]}.... Delete it."
        )
    if key is not None and str(found["key"]) != key:
        raise CheckpointError(
            f"{path} was made of another graph or with other options: key "
            f"{str(found['key'])[:12]}..., expected {key[:12]}...."
        )
    tables: dict[str, Any] = {n: torch.from_numpy(found[n]) for n in _TABLES if n in found}
    if "members" in found:
        tables["members"] = tuple(torch.from_numpy(found[n]) for n in ("members_ptr", "members"))
    return TokenSequences(kind=cast("Kind", str(found["kind"])), **tables)


def _checksum(arrays: dict[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {arrays[name].shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _fingerprint(value: Any) -> str:  # noqa: ANN401  (a tensor, or what an option may be)
    if not isinstance(value, Tensor):
        return repr(value)
    dense = value.detach().cpu()
    dense = dense.to_dense() if dense.layout != torch.strided else dense
    content = dense.contiguous().flatten().view(torch.uint8).numpy().tobytes()
    return f"{value.dtype} {tuple(value.shape)} {hashlib.sha256(content).hexdigest()}"


def _options(tokenizer: Any) -> list[Any]:  # noqa: ANN401  (a dataclass)
    options: list[Any] = [type(tokenizer).__name__]
    for field in fields(tokenizer):
        value = getattr(tokenizer, field.name)
        nested = hasattr(value, "__dataclass_fields__")
        options.append([field.name, _options(value) if nested else _fingerprint(value)])
    return options
