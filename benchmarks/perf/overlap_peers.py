"""Other ways to the same lists: the yardsticks of ``test_overlap.py``.

Rows of a sparse matrix selected and multiplied elementwise, in scipy (compiled C++) and in torch;
a merge of sorted rows in two passes, count and fill, as one writes it first; an edge list that is
rebuilt and sorted to remove edges.
"""

# ruff: noqa: PLR0912, PLR0917  (kernels take arrays and many numbers, and branch)

from __future__ import annotations

import numba
import numpy as np
import torch


def scipy_common(matrix, src, dst):
    """``A[src] * A[dst]``: (indptr, indices)."""
    both = matrix[src].multiply(matrix[dst])
    return both.indptr, both.indices


def scipy_overlap(matrix, src, dst):
    """The product, and what either side has besides it."""
    left, right = matrix[src], matrix[dst]
    both = left.multiply(right).tocsr()
    parts = [both]
    for side in (left, right):
        rest = side - both  # entries of the product become stored zeros
        rest.eliminate_zeros()
        parts.append(rest)
    return [array for part in parts for array in (part.indptr, part.indices)]


def torch_common(matrix, src, dst):
    """The same with torch's sparse COO tensors: (pair, node) of each common neighbour."""
    left, right = (matrix.index_select(0, end).coalesce() for end in (src, dst))
    return (left * right).coalesce().indices()


@numba.njit(nogil=True)
def _count(indptr, columns, src, dst, counts):
    for p in range(src.size):
        i, i_end = indptr[src[p]], indptr[src[p] + 1]
        j, j_end = indptr[dst[p]], indptr[dst[p] + 1]
        if i_end - i > j_end - j:
            i, i_end, j, j_end = j, j_end, i, i_end
        k = 0
        if 32 * (i_end - i) < j_end - j:
            while i < i_end:
                low, high = j, j_end
                while low < high:
                    middle = (low + high) >> 1
                    if columns[middle] < columns[i]:
                        low = middle + 1
                    else:
                        high = middle
                j = low
                if low < j_end and columns[low] == columns[i]:
                    k += 1
                i += 1
        else:
            while i < i_end and j < j_end:
                if columns[i] < columns[j]:
                    i += 1
                elif columns[i] > columns[j]:
                    j += 1
                else:
                    k += 1
                    i += 1
                    j += 1
        counts[p + 1] = k


@numba.njit(nogil=True)
def _fill(indptr, columns, src, dst, ptr, nodes):
    for p in range(src.size):
        i, i_end = indptr[src[p]], indptr[src[p] + 1]
        j, j_end = indptr[dst[p]], indptr[dst[p] + 1]
        if i_end - i > j_end - j:
            i, i_end, j, j_end = j, j_end, i, i_end
        k = ptr[p]
        if 32 * (i_end - i) < j_end - j:
            while i < i_end:
                low, high = j, j_end
                while low < high:
                    middle = (low + high) >> 1
                    if columns[middle] < columns[i]:
                        low = middle + 1
                    else:
                        high = middle
                j = low
                if low < j_end and columns[low] == columns[i]:
                    nodes[k] = columns[i]
                    k += 1
                i += 1
        else:
            while i < i_end and j < j_end:
                if columns[i] < columns[j]:
                    i += 1
                elif columns[i] > columns[j]:
                    j += 1
                else:
                    nodes[k] = columns[i]
                    k += 1
                    i += 1
                    j += 1


@numba.njit(nogil=True)
def _fill_rest(indptr, columns, one, other, ptr, nodes):
    for p in range(one.size):
        i, i_end = indptr[one[p]], indptr[one[p] + 1]
        j, j_end = indptr[other[p]], indptr[other[p] + 1]
        k = ptr[p]
        while i < i_end:
            while j < j_end and columns[j] < columns[i]:
                j += 1
            if j == j_end or columns[j] != columns[i]:
                nodes[k] = columns[i]
                k += 1
            i += 1


def merge_common(indptr, columns, src, dst):
    """Count and fill: (ptr, nodes), int64."""
    ptr = np.zeros(src.size + 1, np.int64)
    _count(indptr, columns, src, dst, ptr)
    np.cumsum(ptr, out=ptr)
    nodes = np.empty(ptr[-1], np.int64)
    _fill(indptr, columns, src, dst, ptr, nodes)
    return torch.from_numpy(ptr), torch.from_numpy(nodes)


def merge_overlap(indptr, columns, src, dst):
    """Count and fill of all three lists."""
    ptr, nodes = merge_common(indptr, columns, src, dst)
    parts, shared, degree = [ptr, nodes], np.diff(ptr.numpy()), np.diff(indptr)
    for one, other in ((src, dst), (dst, src)):
        ends = np.zeros(src.size + 1, np.int64)
        np.cumsum(degree[one] - shared, out=ends[1:])
        rest = np.empty(ends[-1], np.int64)
        _fill_rest(indptr, columns, one, other, ends, rest)
        parts += [torch.from_numpy(ends), torch.from_numpy(rest)]
    return parts


def rebuilt(edge_index, num_nodes, pairs):
    """Edges without the pairs in either direction, sorted anew: (2, m)."""
    key = edge_index[0] * num_nodes + edge_index[1]
    gone = torch.cat([pairs[0] * num_nodes + pairs[1], pairs[1] * num_nodes + pairs[0]])
    left = edge_index[:, ~torch.isin(key, gone)]
    order = torch.argsort(left[0] * num_nodes + left[1])
    return left[:, order]


def searched(keys, num_nodes, pairs):
    """The same on sorted keys: a search and a mask, then the rows are read back; (2, m)."""
    gone = torch.cat([pairs[0] * num_nodes + pairs[1], pairs[1] * num_nodes + pairs[0]])
    at = torch.searchsorted(keys, gone).clamp(max=keys.numel() - 1)
    keep = torch.ones(keys.numel(), dtype=torch.bool)
    keep[at[keys[at] == gone]] = False
    left = keys[keep]
    return torch.stack([left // num_nodes, left % num_nodes])
