"""Every exception that graphlab raises on purpose, as one small family."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "CheckpointError",
    "ConfigError",
    "DatasetCorrupt",
    "DatasetDownloadError",
    "DatasetError",
    "DatasetIncomplete",
    "DatasetNotFound",
    "DatasetNotWritable",
    "DatasetTooLarge",
    "GraphTooLarge",
    "GraphlabError",
    "InputError",
    "MissingDependency",
    "NonFiniteError",
    "ResourceError",
    "UnknownDataset",
    "UnknownModel",
    "UnsafeFileError",
    "UnsupportedGraph",
]


class GraphlabError(Exception):
    """Base of all errors of graphlab.

    A message says what is wrong, with the value; what was expected; what to do.

    Args:
        message: The whole text shown to the user.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        """Return the plain message (``KeyError`` and ``OSError`` would decorate it)."""
        return self.message


class InputError(GraphlabError, ValueError):
    """An argument is wrong: its name, the value received, what was expected."""


class ConfigError(InputError):
    """A suite, an option or a flag is wrong; holds every problem found, not the first alone.

    Args:
        problems: One message, or several.

    Example:
        >>> ConfigError(["a.toml:3: seed is not a key. Did you mean seeds?"]).problems
        ('a.toml:3: seed is not a key. Did you mean seeds?',)
    """

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))


class UnknownModel(ConfigError, KeyError):
    """No registered model has this name."""


class DatasetError(GraphlabError):
    """A data set is unknown, missing, damaged, or cannot be stored."""


class UnknownDataset(DatasetError, KeyError):
    """No catalogued data set has this name."""


class DatasetNotFound(DatasetError, FileNotFoundError):
    """Files of a data set are missing and no download was asked for."""


class DatasetIncomplete(DatasetNotFound):
    """A stopped download left only some of the files of a data set."""


class DatasetCorrupt(DatasetError, ValueError):
    """A file is damaged, or the counts read from it differ from the card."""


class DatasetNotWritable(DatasetError, PermissionError):
    """The data root cannot be written."""


class DatasetDownloadError(DatasetError, ConnectionError):
    """A download that was asked for has failed."""


class DatasetTooLarge(DatasetError, MemoryError):
    """A data set does not fit into memory; raised before it is read."""


class MissingDependency(GraphlabError, ImportError):
    """An optional package is needed: its name, the feature, the install command."""


class CheckpointError(GraphlabError):
    """A checkpoint or a saved model is unreadable or belongs to another configuration."""


class UnsafeFileError(GraphlabError, ValueError):
    """A file could run code or write outside its folder, and was therefore not read."""


class NonFiniteError(GraphlabError, ArithmeticError):
    """NaN or infinity where a number is needed: says where it was first seen."""


class ResourceError(GraphlabError, MemoryError):
    """Not enough memory: the estimate, what is available, the option that lowers it."""


class GraphTooLarge(InputError, OverflowError):
    """A result would pass the largest number of its type: names the part that is too large."""


class UnsupportedGraph(InputError, TypeError):
    """An object that is not one of the accepted descriptions of a graph."""
