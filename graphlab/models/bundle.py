"""Trained models as folders to share: weights (safetensors), a JSON of how to build the model."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

import graphlab
from graphlab import io
from graphlab.errors import CheckpointError, ConfigError, InputError
from graphlab.models.inference import attach, check_preprocessing, notes
from graphlab.registry import find_model
from graphlab.seeding import preserve_rng

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    import torch

__all__ = ["BundleInfo", "describe", "load", "save"]

FORMAT = 1
_JSON = "model.json"
_TYPES: dict[str, type | tuple[type, ...]] = {
    "model": str,
    "options": dict,
    "preprocessing": dict,
    "class_names": (list, type(None)),
    "graphlab": str,
    "weights": str,
    "sha256": str,
    "format": int,
}


@dataclass(frozen=True)
class BundleInfo:
    """What ``model.json`` of a bundle says.

    Args:
        model: Registry name.
        options: Constructor arguments.
        preprocessing: How node features are prepared: ``{"feature_norm": "none" | "row"}``, and
            ``"add_features"`` where features of the graph are added.
        class_names: Name of each output column, or None.
        graphlab: Version that wrote the bundle.
        weights: File name of the weights.
        sha256: Checksum of the weights.
        format: Version of this layout.
    """

    model: str
    options: dict[str, Any]
    preprocessing: dict[str, Any]
    class_names: list[str] | None
    graphlab: str
    weights: str
    sha256: str
    format: int = FORMAT


def save(
    model: nn.Module,
    folder: str | os.PathLike[str],
    *,
    preprocessing: Mapping[str, Any] | None = None,
    class_names: Sequence[str] | None = None,
) -> Path:
    """Write a registered model as a folder that :func:`load` reads.

    The folder holds ``model.json`` and one ``weights-*.safetensors``; nothing in it can run code.
    A bundle that was there before is replaced at once: a crash leaves the old one or the new one.

    Args:
        model: An instance of a class with ``@register_model``.
        folder: Created when missing.
        preprocessing: How features were prepared in training, e.g. ``{"feature_norm": "row"}``;
            :func:`graphlab.models.predict` does the same. None: what is noted on the model (by
            training, :func:`load` or :func:`graphlab.models.inference.attach`), else nothing.
        class_names: Name of each output column. None: what the model carries, else none.

    Returns:
        The folder.

    Raises:
        InputError: The class is not registered, an option is no JSON value, unknown
            preprocessing, or ``folder`` is a file.
        OSError: The folder cannot be written.

    Example:
        >>> import tempfile
        >>> from graphlab.models import MLP
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     same = load(save(MLP(3, 2), folder))
        >>> type(same).__name__
        'MLP'
    """
    from safetensors.torch import save as to_bytes

    name, options = _identity(model)
    noted = notes(model)
    steps = noted.preprocessing if preprocessing is None else preprocessing
    steps = check_preprocessing(steps)
    names = noted.class_names if class_names is None else class_names
    target = Path(folder)
    if target.exists() and not target.is_dir():
        raise InputError(f"folder is {target}, which is a file; name a folder.")
    data = to_bytes(_tensors(model))
    digest = io.sha256_bytes(data)
    # named by content, so that the old model.json keeps its weights until the new one is in place
    weights = f"weights-{digest[:16]}.safetensors"
    listed = None if names is None else [str(name) for name in names]
    info = BundleInfo(name, options, steps, listed, graphlab.__version__, weights, digest)
    target.mkdir(parents=True, exist_ok=True)
    io.atomic_write(target / weights, data)
    content = asdict(info)
    io.write_json(target / _JSON, {**content, "json_sha256": _digest(content)})
    for old in target.glob("weights-*.safetensors"):
        if old.name != weights:
            old.unlink(missing_ok=True)
    return target


def load(
    folder: str | os.PathLike[str],
    *,
    device: str | torch.device = "cpu",
    files: Sequence[str | Path] = (),
) -> nn.Module:
    """Build the model of a bundle and fill in its weights; in evaluation mode.

    The class comes from the registry under the stored name, never from the folder. The global
    random state is left as it was.

    Args:
        folder: Written by :func:`save`.
        device: Where to put the model.
        files: Python files with the class of a private model, as for ``run --file``. Code in
            them runs: pass only files you trust.

    Raises:
        CheckpointError: The folder is no bundle, damaged, of a newer layout, or its model is not
            registered or has other options or shapes now.

    Example:
        >>> load("nowhere")
        Traceback (most recent call last):
        ...
        graphlab.errors.CheckpointError: nowhere holds no model.json. Give a folder that save wrote.
    """
    info = describe(folder)
    weights = _read_weights(Path(folder), info)
    try:
        cls = find_model(info.model, files).load()
    except ConfigError as error:
        raise CheckpointError(
            f"{folder} holds a model named {info.model!r}, which is not registered here. Install "
            "the plug-in that defines it, or pass its source: load(folder, files=['my_model.py'])."
        ) from error
    with preserve_rng():
        try:
            model: nn.Module = cls(**info.options)
            _match_types(model, weights)
            model.load_state_dict(weights)
        except (TypeError, ValueError, RuntimeError) as error:
            raise CheckpointError(
                f"{folder} does not fit {cls.__name__} as it is now (written by graphlab "
                f"{info.graphlab}, this is {graphlab.__version__}): {error}"
            ) from error
    attach(model, preprocessing=info.preprocessing, class_names=info.class_names)
    return model.to(device).eval()


def describe(folder: str | os.PathLike[str]) -> BundleInfo:
    """Read what a bundle says of itself, without building the model.

    Raises:
        CheckpointError: No bundle, damaged, or written by a newer layout.
    """
    path = Path(folder) / _JSON
    if not path.is_file():
        raise CheckpointError(f"{folder} holds no {_JSON}. Give a folder that save wrote.")
    try:
        content = io.read_json(path)
        stated = content.pop("json_sha256", None)
        version = content.get("format")
    except (ValueError, AttributeError, OSError, RecursionError) as error:
        raise CheckpointError(f"{path} is damaged: {error}.") from error
    if not isinstance(version, int) or version > FORMAT:
        raise CheckpointError(
            f"{path} has format {version!r}; this version of graphlab reads up to {FORMAT}. "
            "Update graphlab."
        )
    if stated != _digest(content):
        raise CheckpointError(
            f"{path} is damaged or was edited: sha256 {_digest(content)[:12]}, expected "
            f"{str(stated)[:12]}. Save the model again."
        )
    wrong = [key for key, kinds in _TYPES.items() if not isinstance(content.get(key), kinds)]
    if wrong or len(content) != len(_TYPES):
        raise CheckpointError(f"{path} is not understood: see {', '.join(wrong) or 'its keys'}.")
    try:
        check_preprocessing(content["preprocessing"])
    except InputError as error:
        raise CheckpointError(f"{path} is not understood: {error}") from error
    return BundleInfo(**content)


def _identity(model: nn.Module) -> tuple[str, dict[str, Any]]:
    """Return registry name and constructor arguments of an instance, or say why not."""
    cls = type(model)
    name = vars(cls).get("graphlab_name")
    config = vars(model).get("_graphlab_config")
    if not isinstance(name, str) or not isinstance(config, dict):
        raise InputError(
            f"{cls.__name__} is not a registered model, so it could not be built again. Decorate "
            "the class with @graphlab.registry.register_model."
        )
    for key, value in config.items():
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise InputError(
                f"{key} of {cls.__name__} is a {type(value).__name__}, which JSON cannot hold; "
                "a model to be saved takes numbers, strings, lists and dictionaries."
            ) from error
    return name, json.loads(json.dumps(config))


def _tensors(model: nn.Module) -> dict[str, Tensor]:
    """Return the state as separate CPU tensors (safetensors refuses shared memory)."""
    state = {}
    for name, value in model.state_dict().items():
        if not isinstance(value, Tensor) or nn.parameter.is_lazy(value):
            raise InputError(f"{name} of {type(model).__name__} is no tensor; it cannot be saved.")
        state[name] = value.detach().to("cpu", copy=True).contiguous()
    return state


def _read_weights(folder: Path, info: BundleInfo) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load as from_bytes

    if Path(info.weights).name != info.weights:  # nothing outside the folder is read
        raise CheckpointError(f"{folder / _JSON} names {info.weights!r}, which is no file name.")
    path = folder / info.weights
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from error
    found = io.sha256_bytes(data)
    if found != info.sha256:
        raise CheckpointError(
            f"{path} is damaged: sha256 {found[:12]}, expected {info.sha256[:12]}. "
            "Copy the folder again, or save the model again."
        )
    try:
        weights: dict[str, Tensor] = from_bytes(data)
    except (SafetensorError, ValueError, KeyError) as error:
        raise CheckpointError(f"{path} is no safetensors file: {error}.") from error
    return weights


def _match_types(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Give every tensor of a new model the type of the stored one (a model in double stays so)."""
    for name, value in model.state_dict(keep_vars=True).items():
        if name in weights and value.dtype != weights[name].dtype:
            value.data = value.data.to(weights[name].dtype)


def _digest(content: Mapping[str, Any]) -> str:
    return io.sha256_bytes(io.canonical_json(content).encode())
