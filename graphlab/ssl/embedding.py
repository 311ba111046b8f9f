"""The hidden units of any node model, for heads beside its own classifier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from graphlab.errors import InputError
from graphlab.models.inference import evaluating
from graphlab.seeding import preserve_rng
from graphlab.ssl.attribute_tasks import zero_rows

if TYPE_CHECKING:
    from torch.utils.hooks import RemovableHandle

    from graphlab.graph import Graph

__all__ = ["EmbeddingChoice", "EmbeddingReader"]

EmbeddingChoice = Literal["auto", "hidden", "output"]


@dataclass
class _Call:
    """One module at work: what it read and what it wrote."""

    module: nn.Module
    read: Tensor | None
    written: Tensor | None = None


class EmbeddingReader:
    """Finds where the hidden units of a model are, and reads them while it is trained.

    The layer that makes classes turns a row a node, not the features, into a row of C numbers;
    what it reads are the hidden units. Of several such layers, a network and its parts, it is the
    first that reads what depends on the neighbours of a node; in a model that first classifies and
    then propagates (DAGNN, APPNP) no layer does, and the first is taken. A model without hidden
    units gives its output. The search runs the model twice in
    evaluation mode, and needs nothing of its class.

    Args:
        model: Any node model.
        x: Features (n, F), dense or torch sparse CSR.
        graph: The graph.
        num_classes: Width of the model's output.
        choice: ``"hidden"``, ``"output"``, or ``"auto"``: hidden units where there are some.

    Attributes:
        kind: ``"hidden"`` or ``"output"``.
        width: Width of the embeddings.
        reads_before_dropout: Whether units before dropout were found; else those after it serve.

    Raises:
        InputError: ``"hidden"`` of a model that has no hidden units.

    Example:
        >>> from graphlab.graph import as_graph
        >>> from graphlab.models import DAGNN, GCN
        >>> graph, x = as_graph([[0, 1], [1, 2]]).simple(), torch.rand(3, 5)
        >>> EmbeddingReader(GCN(5, 2, 16), x, graph, 2)
        EmbeddingReader(kind='hidden', width=16)
        >>> EmbeddingReader(DAGNN(5, 16, 2), x, graph, 2)
        EmbeddingReader(kind='hidden', width=16)
    """

    def __init__(
        self,
        model: nn.Module,
        x: Tensor,
        graph: Graph,
        num_classes: int,
        *,
        choice: EmbeddingChoice = "auto",
    ) -> None:
        if choice not in ("auto", "hidden", "output"):
            raise InputError(f"embedding is {choice!r}; expected 'auto', 'hidden' or 'output'.")
        self._model = model
        self._layer, self._source, self._relu = None, None, False
        self._handles: list[RemovableHandle] = []
        self._seen: dict[str, Tensor] = {}
        self.kind: Literal["hidden", "output"] = "output"
        self.width, self.reads_before_dropout = num_classes, True
        if choice == "output":
            return
        calls, output = _calls(model, x, graph)
        layer = _classifier(model, calls, output, x, graph)
        if layer is None and choice == "hidden":
            raise InputError(
                f"{type(model).__name__} has no hidden units that a layer turns into "
                f"{num_classes} classes. Use embedding = 'output'."
            )
        if layer is None:
            return
        assert layer.read is not None  # noqa: S101  (_classifier asked)
        self.kind, self.width, self._layer = "hidden", layer.read.shape[1], layer.module
        for call in reversed(calls):
            out = call.written
            if out is None or out.shape != layer.read.shape or call.module is layer.module:
                continue
            for relu in (False, True):
                if torch.equal(out.relu() if relu else out, layer.read):
                    self._source, self._relu = call.module, relu
                    return
        self.reads_before_dropout = False

    def start(self) -> None:
        """Read from now on, whenever the model is called in training mode."""
        self.stop()
        if self.kind == "output":
            self._handles = [self._model.register_forward_hook(self._keep_output)]
            return
        assert self._layer is not None  # noqa: S101  (hidden units have a layer)
        self._handles = [self._layer.register_forward_pre_hook(self._keep_read)]
        if self._source is not None:
            self._handles.append(self._source.register_forward_hook(self._keep_written))

    def stop(self) -> None:
        """Read no more, and forget what was read."""
        for handle in self._handles:
            handle.remove()
        self._handles = []
        self._seen = {}

    def take(self, *, before_dropout: bool = False) -> Tensor:
        """Return the embeddings (n, h) of the latest call; they take gradients.

        Args:
            before_dropout: Before the dropout that the classifier reads through, where it was
                found.

        Raises:
            InputError: The model was not called since ``start``.
        """
        if not self._seen:
            raise InputError("there is no embedding: the model was not called in training mode.")
        if before_dropout and "before" in self._seen:
            found = self._seen["before"]
            return found.relu() if self._relu else found
        return self._seen["after"]

    def _keep_output(self, module: nn.Module, args: Any, output: Any) -> None:  # noqa: ANN401
        if module.training:
            self._seen = {"after": output}

    def _keep_read(self, module: nn.Module, args: Any) -> None:  # noqa: ANN401
        if module.training:
            self._seen["after"] = args[0]

    def _keep_written(self, module: nn.Module, args: Any, output: Any) -> None:  # noqa: ANN401
        if module.training:
            self._seen["before"] = output

    def __repr__(self) -> str:
        return f"EmbeddingReader(kind={self.kind!r}, width={self.width})"


def _calls(model: nn.Module, x: Tensor, graph: Graph) -> tuple[list[_Call], Tensor]:
    """Run a model in evaluation mode; return the calls of its modules in the order they began."""
    calls: list[_Call] = []
    open_calls: list[_Call] = []

    def begin(module: nn.Module, args: tuple[Any, ...]) -> None:
        call = _Call(module, _rows(args[0] if args else None, x.shape[0]))
        calls.append(call)
        open_calls.append(call)

    def end(module: nn.Module, args: Any, output: Any) -> None:  # noqa: ANN401
        open_calls.pop().written = _rows(output, x.shape[0])

    handles: list[RemovableHandle] = []
    try:
        for module in model.modules():
            if module is not model:
                handles.append(module.register_forward_pre_hook(begin))
                handles.append(module.register_forward_hook(end))
        with torch.no_grad(), preserve_rng(), evaluating(model):
            output: Tensor = model(x, graph)
    finally:
        for handle in handles:
            handle.remove()
    return calls, output


def _rows(value: object, n: int) -> Tensor | None:
    fits = isinstance(value, Tensor) and value.layout == torch.strided and value.dim() == 2
    return value if fits and value.shape[0] == n else None  # type: ignore[attr-defined,return-value]


def _classifier(
    model: nn.Module, calls: list[_Call], output: Tensor, x: Tensor, graph: Graph
) -> _Call | None:
    """Return the call that makes classes of hidden units.

    It reads anything but the features. Of several, that is of a network and its parts, the first
    that reads what depends on the neighbours of a node.
    """
    classes = output.shape[1]
    fits = [
        number
        for number, call in enumerate(calls)
        if call.read is not None
        and call.written is not None
        and call.written.shape[1] == classes
        and not _is_input(call.read, x)
    ]
    narrowing = [k for k in fits if _width(calls[k]) != classes]
    fits = narrowing or fits[-1:]
    if not fits:
        return None
    degree = graph.degree()
    if len(fits) == 1 or not degree.numel() or int(degree.max()) == 0:
        return calls[fits[0]]
    changed = degree.argmax().reshape(1)
    others = torch.arange(x.shape[0], device=x.device) != changed
    again, _ = _calls(model, zero_rows(x, changed), graph)
    for number in fits:
        before, now = calls[number].read, again[number].read
        if before is not None and now is not None and not torch.equal(before[others], now[others]):
            return calls[number]
    return calls[fits[0]]


def _width(call: _Call) -> int:
    return 0 if call.read is None else call.read.shape[1]


def _is_input(read: Tensor, x: Tensor) -> bool:
    if read.shape != x.shape:
        return False
    return torch.equal(read, (x if x.layout == torch.strided else x.to_dense()).to(read.dtype))
