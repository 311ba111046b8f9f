from __future__ import annotations

import pytest

from graphlab import errors


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_is_of_the_family_and_shows_its_plain_message(name):
    error = getattr(errors, name)("K is -1, expected >= 0.")
    assert isinstance(error, errors.GraphlabError)
    assert str(error) == "K is -1, expected >= 0."


def test_children_can_be_caught_as_the_builtin_they_stand_for():
    pairs = [
        (errors.InputError, ValueError),
        (errors.UnknownDataset, KeyError),
        (errors.DatasetNotFound, FileNotFoundError),
        (errors.DatasetNotWritable, PermissionError),
        (errors.DatasetTooLarge, MemoryError),
        (errors.MissingDependency, ImportError),
        (errors.NonFiniteError, ArithmeticError),
        (errors.ResourceError, MemoryError),
        (errors.UnknownModel, errors.ConfigError),
    ]
    for child, builtin in pairs:
        with pytest.raises(builtin):
            raise child("x")


def test_config_error_keeps_every_problem():
    error = errors.ConfigError(["one", "two"])
    assert error.problems == ("one", "two")
    assert str(error) == "one\ntwo"
