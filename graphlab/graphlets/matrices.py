"""The orbit adjacency matrices of a graph, as a mapping that can be kept on disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from graphlab.errors import InputError
from graphlab.graphlets._folder import FolderWriter, read_folder
from graphlab.graphlets._keys import ORBIT_PAIRS, PER_NODE, Key, check_graphlet, select_keys

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray
    from scipy.sparse import csr_array

__all__ = ["OrbitAdjacency", "UnknownOrbits"]


class UnknownOrbits(InputError, KeyError):
    """No matrix of this key is here."""


class OrbitAdjacency(Mapping[Key, "csr_array"]):
    """Orbit adjacency matrices of one graph: a read-only mapping from keys (h, i, j).

    Entry [u, v] of matrix (h, i, j) is the number of connected induced subgraphs on two to four
    nodes in which u is at orbit i, v at orbit j, and the two are h steps apart inside it. Made by
    :func:`graphlab.graphlets.orbit_adjacency`; keys come in the order of ``ORBIT_PAIRS``. A pair
    (i, j) is accepted where h is unique.

    Args:
        matrices: Sparse matrices (n, n) with sorted columns and without stored zeros.
        num_nodes: Number of nodes n.
        top_k: Entries that were kept of each row two and three steps apart, None for all. Kept
            parts are no longer symmetric.

    Example:
        >>> from graphlab.graphlets import orbit_adjacency
        >>> path = orbit_adjacency([[0, 1, 2], [1, 2, 3]])
        >>> path[3, 4, 4].toarray().tolist()
        [[0, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]]
    """

    def __init__(
        self, matrices: Mapping[Key, csr_array], num_nodes: int, *, top_k: int | None = None
    ) -> None:
        self._matrices = {key: matrices[key] for key in ORBIT_PAIRS if key in matrices}
        self.num_nodes, self.top_k = num_nodes, top_k

    def __getitem__(self, key: tuple[int, ...]) -> csr_array:
        """Return the matrix of a key (h, i, j), or of orbits (i, j) where h is unique.

        Raises:
            UnknownOrbits: (a ``KeyError``) No such key, or one that was not asked for.
        """
        try:
            (whole,) = select_keys([key])
        except InputError as error:
            raise UnknownOrbits(str(error)) from None
        if whole not in self._matrices:
            here = ", ".join(map(str, self._matrices))
            raise UnknownOrbits(f"The matrix {whole} was not asked for; here are {here}.")
        return self._matrices[whole]

    def __iter__(self) -> Iterator[Key]:
        """Iterate over the keys, in the order of ``ORBIT_PAIRS``."""
        return iter(self._matrices)

    def __len__(self) -> int:
        """Return the number of matrices."""
        return len(self._matrices)

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return sum(m.data.nbytes + m.indices.nbytes + m.indptr.nbytes for m in self.values())

    def counts(self) -> NDArray[np.int64]:
        """Return the orbit counts that follow from the row sums, (n, 15) int64.

        Columns of orbits that no matrix here begins with are -1, as are those of which ``top_k``
        has cut entries off.
        """
        counts = np.full((self.num_nodes, 15), -1, np.int64)
        for key, matrix in self.items():
            if counts[:, key[1]].min(initial=0) < 0 and (self.top_k is None or key[0] == 1):
                counts[:, key[1]] = _row_sums(matrix) // PER_NODE[key]
        return counts

    def graphlet(self, k: int) -> csr_array:
        """Return how often each two nodes are together in graphlet k, 0 to 8; symmetric.

        Raises:
            InputError: No such graphlet, matrices that it is the sum of are not here, or ``top_k``
                has cut entries off.
        """
        check_graphlet(k)
        keys = select_keys(graphlet=k)
        missing = [key for key in keys if key not in self._matrices]
        if missing:
            raise InputError(
                f"Graphlet {k} is the sum of {len(keys)} matrices, of which "
                f"{', '.join(map(str, missing))} are not here; ask for graphlet={k}."
            )
        if self.top_k is not None and any(key[0] > 1 for key in keys):
            raise InputError(
                f"Only the {self.top_k} largest entries of each row are here (top_k), so that "
                "their sum is not the adjacency of the graphlet."
            )
        total = self._matrices[keys[0]].copy()
        for key in keys[1:]:
            total = total + self._matrices[key]
        return total

    def edge_index(self, key: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        """Return a matrix as ``edge_index`` (2, m) int64 and its entries (m,) as they are."""
        matrix = self[key]
        row = np.repeat(np.arange(self.num_nodes), np.diff(matrix.indptr))
        index = np.stack([row, matrix.indices.astype(np.int64)])
        return torch.from_numpy(index), torch.from_numpy(np.array(matrix.data))

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the matrices to a folder of plain ``.npy`` files, three a key.

        A folder of an earlier call is replaced; one with other files in it is an error.

        Raises:
            InputError: ``folder`` is a file, or holds something else.
        """
        writer = FolderWriter(Path(folder), self.num_nodes, tuple(self), self.top_k)
        writer.append(self._matrices)
        writer.close()

    @classmethod
    def load(cls, folder: str | os.PathLike[str], *, mmap: bool = True) -> OrbitAdjacency:
        """Read what :meth:`save` wrote; no code in it can run.

        Args:
            folder: The folder.
            mmap: Leave the entries on disk, to be read when they are used.

        Raises:
            InputError: There is no such folder, or its writing was not finished.
            DatasetCorrupt: A file is damaged: sizes or indices do not fit.

        Cost: all indices are read once, to be checked.
        """
        matrices, num_nodes, top_k = read_folder(Path(folder), mmap=mmap)
        return cls(matrices, num_nodes, top_k=top_k)

    def __repr__(self) -> str:
        """Return the number of entries of each matrix."""
        head = f"OrbitAdjacency(num_nodes={self.num_nodes}, nbytes={self.nbytes}"
        if self.top_k is not None:
            head += f", top_k={self.top_k}"
        return head + "".join(f"\n  {key}: {m.nnz} entries" for key, m in self.items()) + ")"


def _row_sums(matrix: csr_array) -> NDArray[np.int64]:
    done = np.zeros(matrix.data.size + 1, np.int64)
    np.cumsum(matrix.data, out=done[1:], dtype=np.int64)
    sums: NDArray[np.int64] = done[matrix.indptr[1:]] - done[matrix.indptr[:-1]]
    return sums
