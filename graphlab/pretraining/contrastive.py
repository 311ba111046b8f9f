"""GraphCL: an encoder of whole graphs that is trained without labels (You et al., NeurIPS 2020)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graphlab.errors import InputError, NonFiniteError
from graphlab.models._inputs import positive
from graphlab.pretraining.augmentation import drop_edges, drop_nodes
from graphlab.pretraining.graph_encoder import GraphEncoder, as_collection, embed_graphs
from graphlab.seeding import derive_seed, numpy_generator, preserve_rng, torch_generator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np

__all__ = ["ContrastivePretraining", "contrastive_loss", "pretrain_contrastive"]


def contrastive_loss(first: Tensor, second: Tensor, temperature: float = 0.2) -> Tensor:
    r"""Tell which view of a batch belongs to a view: InfoNCE, both ways.

    .. math:: L = -\frac{1}{2B} \sum_i \Bigl[ \ln \frac{e^{s_{ii} / \tau}}{\sum_j e^{s_{ij} / \tau}}
        + \ln \frac{e^{s_{ii} / \tau}}{\sum_j e^{s_{ji} / \tau}} \Bigr], \qquad
        s_{ij} = \cos(\mathbf a_i, \mathbf b_j)

    [you2020]_ leave the pair itself out of the sum below, so that their loss may fall below zero,
    and go one way; here it is a cross entropy of B choices, ln B for views that tell nothing.

    Args:
        first: One view of each graph a, (B, d).
        second: The other view b, (B, d).
        temperature: :math:`\tau` > 0; 0.2 as in the authors' code.

    Raises:
        InputError: Shapes that differ, no rows, a temperature that is not above 0.

    Example:
        >>> round(contrastive_loss(torch.ones(4, 2), torch.ones(4, 2)).item(), 4)  # ln 4
        1.3863
    """
    if first.shape != second.shape or first.dim() != 2 or not len(first):
        raise InputError(
            f"first has shape {tuple(first.shape)}, second {tuple(second.shape)}; expected two "
            "views (B, d) of the same B >= 1 graphs."
        )
    _check_positive("temperature", temperature)
    scores = F.normalize(first, dim=1) @ F.normalize(second, dim=1).t() / temperature
    own = torch.arange(len(first), device=first.device)
    return (F.cross_entropy(scores, own) + F.cross_entropy(scores.t(), own)) / 2


@dataclass(frozen=True)
class ContrastivePretraining:
    """What :func:`pretrain_contrastive` gives.

    Attributes:
        encoder: The trained encoder, in evaluation mode.
        history: Mean loss of each epoch; ln(batch size) is chance.
        settings: What the training was called with.
    """

    encoder: nn.Module = field(repr=False)
    history: tuple[float, ...]
    settings: Mapping[str, Any]  # numbers and the device's name

    def embed(self, graphs: Any, *, batch_size: int = 256) -> Tensor:  # noqa: ANN401  (any graphs)
        """Return what the frozen encoder makes of graphs: :func:`embed_graphs`."""
        return embed_graphs(self.encoder, graphs, batch_size=batch_size)


def pretrain_contrastive(
    graphs: Any,  # noqa: ANN401  (any collection of graphs)
    encoder: nn.Module | None = None,
    *,
    epochs: int = 25,
    batch_size: int = 64,
    lr: float = 1e-3,
    temperature: float = 0.2,
    edge_drop: float = 0.15,
    node_drop: float = 0.15,
    seed: int = 0,
    device: str | torch.device = "cpu",
) -> ContrastivePretraining:
    """Train an encoder of graphs without labels: two views of a graph shall be alike [you2020]_.

    A view lacks some of the edges and then some of the nodes (:func:`drop_edges`,
    :func:`drop_nodes`). A perceptron of two layers between embedding and loss is trained as well
    and dropped at the end. The authors draw one of four kinds of views a batch and drop 20 %; both
    kinds at 15 % are ours, since structure is all that every graph has.

    Args:
        graphs: A :class:`graphlab.collection.GraphCollection`, or a list of graphs as
            :func:`graphlab.graph.as_graph` reads them; undirected, loops and weights left out.
        encoder: Module from a ``GraphBatch`` to (B, ``out_channels``), trained in place; None: a
            new :class:`GraphEncoder` without features.
        epochs: Passes over the graphs; 0 leaves the encoder as it is.
        batch_size: Graphs that are told apart at a time, at least 2; a rest of one graph joins
            the batch before it.
        lr: Rate of Adam.
        temperature: Of :func:`contrastive_loss`.
        edge_drop: Share of edges that a view lacks.
        node_drop: Share of nodes that a view lacks.
        seed: Decides weights of a new encoder, order and views; global random states stay.
        device: Where to train.

    Returns:
        Encoder, losses, and ``embed``.

    Raises:
        InputError: Fewer than two graphs, one that cannot be read (with its number), an
            impossible setting, an encoder without ``out_channels``.
        NonFiniteError: The loss is not a number; says the epoch.

    Cost: time O(epochs L (m d + n d^2)); two views of a batch in memory at a time.

    Example:
        >>> rings = [torch.tensor([[*range(n)], [*range(1, n), 0]]) for n in range(4, 12)]
        >>> found = pretrain_contrastive(rings, epochs=2, batch_size=4)
        >>> len(found.history), found.embed(rings).shape
        (2, torch.Size([8, 96]))
    """
    _check_settings(epochs, batch_size, lr, temperature, {"edge": edge_drop, "node": node_drop})
    collection = as_collection(graphs).to(device)
    if len(collection) < 2:
        raise InputError("graphs has 1 graph, expected at least 2: there is nothing to tell apart.")
    with preserve_rng():
        torch.manual_seed(derive_seed(seed, "contrastive-init"))
        encoder = GraphEncoder() if encoder is None else encoder
        head = _head(encoder)
    encoder.to(device).train()
    head.to(device)
    optimizer = torch.optim.Adam([*encoder.parameters(), *head.parameters()], lr)
    history = []
    for epoch in range(epochs):
        draws = torch_generator(seed, f"contrastive-views-{epoch}")
        losses = []
        for chosen in _batches(len(collection), batch_size, seed, epoch):
            batch = collection.batch(chosen)
            views = [
                drop_nodes(
                    drop_edges(batch, edge_drop, generator=draws), node_drop, generator=draws
                )
                for _ in range(2)
            ]
            first, second = (head(encoder(view)) for view in views)
            loss = contrastive_loss(first, second, temperature)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch's own
            optimizer.step()
            losses.append(loss.item() * len(chosen))
        history.append(sum(losses) / len(collection))
        if not math.isfinite(history[-1]):
            raise NonFiniteError(
                f"The contrastive loss is {history[-1]} in epoch {epoch + 1}. Lower lr ({lr})."
            )
    settings = {
        "epochs": epochs,
        "batch_size": batch_size,
        "lr": lr,
        "temperature": temperature,
        "edge_drop": edge_drop,
        "node_drop": node_drop,
        "seed": seed,
        "device": str(device),
    }
    return ContrastivePretraining(encoder.eval(), tuple(history), settings)


# -- private --------------------------------------------------------------------------------------


def _head(encoder: nn.Module) -> nn.Sequential:
    width = getattr(encoder, "out_channels", None)
    if not isinstance(width, int):
        raise InputError(
            f"encoder is a {type(encoder).__name__} without out_channels; expected a module from a "
            "GraphBatch to (B, out_channels), as GraphEncoder."
        )
    return nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))


def _batches(count: int, size: int, seed: int, epoch: int) -> Iterator[np.ndarray[Any, Any]]:
    order = numpy_generator(seed, f"contrastive-order-{epoch}").permutation(count)
    bounds = [*range(0, count, size), count]
    if count - bounds[-2] == 1 and len(bounds) > 2:
        del bounds[-2]  # one graph alone has nothing to be told from
    for start, end in pairwise(bounds):
        yield order[start:end]


def _check_settings(
    epochs: int, batch_size: int, lr: float, temperature: float, drops: Mapping[str, float]
) -> None:
    positive("epochs", epochs, least=0)
    positive("batch_size", batch_size, least=2)
    _check_positive("lr", lr)
    _check_positive("temperature", temperature)
    for name, rate in drops.items():
        number = isinstance(rate, int | float) and not isinstance(rate, bool)
        if not number or not 0 <= rate < 1:
            raise InputError(f"{name}_drop is {rate!r}, expected a share from 0 to below 1.")


def _check_positive(name: str, value: float) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value <= 0:
        raise InputError(f"{name} is {value!r}, expected a number above 0.")
