"""Predictions of a trained model on any graph, with features prepared as they were in training."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from graphlab.errors import InputError, NonFiniteError
from graphlab.graph import as_graph
from graphlab.transforms.features import (
    ADDED_FEATURES,
    append_features,
    check_added_features,
    row_normalize,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from graphlab.graph import Graph

__all__ = ["Notes", "attach", "check_preprocessing", "notes", "predict"]

_FEATURE_NORMS = ("none", "row")


@dataclass(frozen=True)
class Notes:
    """What a model carries besides its weights, so that it can be used on new data.

    Args:
        feature_norm: How feature rows were normalised in training: ``"none"`` or ``"row"``.
        class_names: Name of each output column, or None.
        add_features: What was computed of the graph and appended.
    """

    feature_norm: str = "none"
    class_names: tuple[str, ...] | None = None
    add_features: tuple[str, ...] = ()

    @property
    def preprocessing(self) -> dict[str, Any]:
        """As :func:`check_preprocessing` writes it out."""
        added = {"add_features": list(self.add_features)} if self.add_features else {}
        return {"feature_norm": self.feature_norm, **added}


def predict(
    model: nn.Module,
    graph: Any,  # noqa: ANN401  (whatever as_graph accepts)
    x: Any = None,  # noqa: ANN401  (tensor, array or scipy sparse)
    *,
    edge_weight: Any = None,  # noqa: ANN401
) -> Tensor:
    """Return class probabilities of all nodes, on any graph with features of the same width.

    Runs in evaluation mode without gradients; the model's modes and the global random state are
    left as they were. Raw features are prepared as noted on the model (see :func:`attach`).

    Args:
        model: A node model: trained, or from :func:`graphlab.models.load`.
        graph: Whatever :func:`graphlab.graph.as_graph` takes.
        x: Raw features (n, F): tensor, numpy array or scipy sparse. None: those of ``graph``.
        edge_weight: Weights of the edges, in the order of ``graph``'s entries.

    Returns:
        Probabilities (n, C) on the model's device; rows sum to 1.

    Raises:
        InputError: No features, another width, NaN or infinity in them, a wrong graph, or a
            link model.
        NonFiniteError: The model returned NaN or infinity.

    Example:
        >>> from graphlab.models import GCN
        >>> predict(GCN(3, 2), [[0, 1], [1, 0]], torch.ones(4, 3)).shape
        torch.Size([4, 2])
    """
    if is_link_model(model):
        raise InputError(
            f"{type(model).__name__} is a link model: it scores pairs of nodes. For new links of a "
            "node call graphlab.models.recommend(model, graph, nodes, k); for pairs of your own "
            "model.score(model.encode(x, graph), graph, pairs)."
        )
    like = next((p for p in model.parameters() if p.is_floating_point()), torch.empty(0))
    given = None if x is None else feature_tensor(x)
    rows = None if given is None or given.dim() != 2 else given.shape[0]
    found = as_graph(graph, rows, edge_weight=edge_weight).to(like.device)
    ready = prepare_features(model, found.features if given is None else given, like, found)
    with evaluating(model), torch.inference_mode():
        scores = model(ready, found)
    if not isinstance(scores, Tensor) or scores.dim() != 2 or scores.shape[0] != found.num_nodes:
        shape = tuple(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
        raise InputError(
            f"{type(model).__name__} returned {shape}, expected ({found.num_nodes}, C): predict "
            "is for node models."
        )
    # a copy made outside inference mode is an ordinary tensor; logits and log-probabilities
    # both become probabilities
    result = torch.softmax(scores.clone(), dim=1)
    bad = int((~torch.isfinite(result)).any(1).sum())
    if bad:
        raise NonFiniteError(
            f"{type(model).__name__} returned NaN or infinity for {bad} of {len(result)} nodes."
        )
    return result


def attach(
    model: nn.Module,
    *,
    preprocessing: Mapping[str, Any] | None = None,
    class_names: Sequence[str] | None = None,
) -> None:
    """Note on a model how its features were prepared and what its classes are called.

    :func:`predict` prepares new features the same way; :func:`graphlab.models.save` stores both.

    Args:
        model: Any module.
        preprocessing: ``{"feature_norm": "none" | "row"}``, and ``"add_features"`` with a list of
            names where features of the graph were added; None leaves an earlier note alone.
        class_names: Name of each output column; None leaves an earlier note alone.

    Raises:
        InputError: Unknown preprocessing.
    """
    now = notes(model)
    if preprocessing is not None:
        steps = check_preprocessing(preprocessing)
        added = tuple(steps.get("add_features", ()))
        now = replace(now, feature_norm=steps["feature_norm"], add_features=added)
    if class_names is not None:
        now = replace(now, class_names=tuple(map(str, class_names)))
    vars(model)["_graphlab_notes"] = now


def notes(model: nn.Module) -> Notes:
    """Return what is noted on a model; empty notes when nothing is."""
    found: Notes = vars(model).get("_graphlab_notes", Notes())
    return found


def check_preprocessing(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return preprocessing written out in full; ``add_features`` is there if there are some.

    Raises:
        InputError: A step or value that is not known.

    Example:
        >>> check_preprocessing({})
        {'feature_norm': 'none'}
    """
    steps = dict(given)
    norm = steps.pop("feature_norm", "none")
    added = list(check_added_features(steps.pop("add_features", ())))
    if steps or norm not in _FEATURE_NORMS:
        raise InputError(
            f"preprocessing is {dict(given)!r}, expected {{'feature_norm': 'none' or 'row'}}."
        )
    return {"feature_norm": norm, **({"add_features": added} if added else {})}


def is_link_model(model: nn.Module) -> bool:
    """Whether a model scores pairs of nodes: it has ``encode`` and ``score``."""
    return all(callable(getattr(model, name, None)) for name in ("encode", "score"))


def feature_tensor(x: Any) -> Tensor:  # noqa: ANN401
    """Return features as a tensor, sparse ones as torch sparse CSR.

    Raises:
        InputError: Not a tensor, array or scipy sparse.
    """
    if type(x).__module__.partition(".")[0] == "scipy":
        csr = x.tocsr()
        with warnings.catch_warnings():  # torch calls its sparse CSR layout a beta feature
            warnings.simplefilter("ignore", UserWarning)
            return torch.sparse_csr_tensor(
                torch.as_tensor(csr.indptr, dtype=torch.int64),
                torch.as_tensor(csr.indices, dtype=torch.int64),
                torch.as_tensor(csr.data.copy()),
                csr.shape,
                check_invariants=False,  # scipy keeps them
            )
    try:
        return x if isinstance(x, Tensor) else torch.as_tensor(x)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(
            f"x is a {type(x).__name__}, expected a tensor, numpy array or scipy sparse (n, F)."
        ) from error


def prepare_features(model: nn.Module, x: Tensor | None, like: Tensor, graph: Graph) -> Tensor:
    """Bring features into the form the model was trained on; check width and values.

    Args:
        model: Says by its constructor's arguments and notes what it wants.
        x: Raw features (n, F).
        like: A tensor of the wanted device and type.
        graph: Features that were added in training are computed of it.

    Raises:
        InputError: No features, another width, NaN or infinity in them.
    """
    noted = notes(model)
    width = vars(model).get("_graphlab_config", {}).get("in_channels")
    if isinstance(width, int):
        width -= sum(ADDED_FEATURES[name] for name in noted.add_features)
    reads_features = getattr(type(model), "reads_features", True)
    if x is None and (not reads_features or (noted.add_features and width == 0)):
        x = like.new_empty((graph.num_nodes, 0))
    if x is None:
        raise InputError("x is missing: the graph carries no node features. Pass x (n, F).")
    if x.dim() != 2 or (isinstance(width, int) and x.shape[1] != width):
        raise InputError(
            f"x has shape {tuple(x.shape)}, expected (n, {'F' if width is None else width}): "
            "new data needs the features the model was trained on, in the same order."
        )
    if x.layout == torch.sparse_coo:
        x = x.to_sparse_csr()
    x = x.detach().to(device=like.device, dtype=like.dtype)
    values = x.values() if x.layout == torch.sparse_csr else x
    if not bool(torch.isfinite(values).all()):
        raise InputError("x holds NaN or infinity; clean the features first.")
    if x.layout != torch.strided and not getattr(type(model), "sparse_input", False):
        x = x.to_dense()
    if noted.feature_norm == "row":
        x = row_normalize(x)
    return append_features(x, graph, noted.add_features)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode within the block; then every sub-module's own mode is restored."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
