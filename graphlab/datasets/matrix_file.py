"""Sparse matrices in files: Matrix Market, and scipy's own format."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any, BinaryIO

from graphlab.errors import CheckpointError, DatasetCorrupt, GraphlabError, InputError
from graphlab.io import safe_load

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["check_square", "opened", "read_matrix_market", "read_saved_matrix"]

_LINE = re.compile(r"Line (\d+): (.*)")


def read_matrix_market(file: Path, content: bytes | None) -> Any:  # noqa: ANN401  (scipy or numpy)
    """Read a matrix whose stated size fits the file's: no space is taken on its word alone.

    Raises:
        InputError: Damaged, or not square; with the line where scipy tells it.
    """
    from scipy import io as scipy_io

    size = file.stat().st_size if content is None else len(content)
    try:
        with opened(file, content) as stream:
            rows, columns, count, layout, *_ = scipy_io.mminfo(stream)
        check_square(file, (rows, columns))
        # "1 1\n" for an entry; "0\n" for each of an array, half of them when it is symmetric
        least = 4 * count if layout == "coordinate" else rows * (rows - 1)
        if least > size + 2:
            raise InputError(
                f"{file} states {count} entries, more than its {size} bytes can hold; it is "
                "damaged or cut off."
            )
        with opened(file, content) as stream:
            return scipy_io.mmread(stream)
    except InputError:
        raise
    except (ValueError, OverflowError) as error:
        place = _LINE.fullmatch(str(error))
        where, what = (f":{place[1]}", place[2]) if place else ("", str(error))
        raise InputError(f"{file}{where}: not a whole Matrix Market file. {what}") from error


def read_saved_matrix(file: Path) -> Any:  # noqa: ANN401  (scipy)
    """Read a matrix of ``scipy.sparse.save_npz``; its indices are checked.

    Raises:
        InputError: Parts that do not make a matrix.
        UnsafeFileError: It holds a pickled object.
        DatasetCorrupt: A damaged file.
    """
    from scipy import sparse

    try:
        safe_load(file)  # says what is wrong with a file that is damaged or holds a pickle
        matrix = sparse.load_npz(file)
        if hasattr(matrix, "check_format"):
            matrix.check_format(full_check=True)
    except CheckpointError as error:
        raise DatasetCorrupt(str(error)) from error
    except (ValueError, TypeError, KeyError, IndexError, NotImplementedError) as error:
        if isinstance(error, GraphlabError):
            raise
        raise InputError(f"{file} is no whole matrix of scipy.sparse.save_npz: {error}.") from error
    return matrix


def check_square(file: Path, shape: tuple[int, ...]) -> None:
    """Refuse a matrix that is no graph's."""
    if len(shape) != 2 or shape[0] != shape[1]:
        raise InputError(f"{file}: the matrix has shape {tuple(shape)}, expected (n, n).")


def opened(file: Path, content: bytes | None) -> BinaryIO:
    """Return a stream of the file, or of what was unpacked from it."""
    return file.open("rb") if content is None else io.BytesIO(content)
