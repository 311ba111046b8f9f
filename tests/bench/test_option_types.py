"""Values against the annotations of constructors."""

from __future__ import annotations

import math

import pytest

from graphlab.bench.option_types import OptionError, coerce, describe, range_problem


@pytest.mark.parametrize(
    ("annotation", "value", "result"),
    [
        ("int", 3, 3),
        ("float", 1, 1.0),
        ("float", 0.5, 0.5),
        ("int | float", 1, 1),
        ("float | int", 1, 1),
        ("bool", True, True),
        ("str", "none", "none"),
        ("int | None", None, None),
        ("int | None", "none", None),
        ("Literal['a', 'b'] | None", "None", None),
        ("Literal['fast', 'low']", "low", "low"),
        ("Literal[1, 2]", 2, 2),
        ("typing.Literal['x']", "x", "x"),
        ("Optional[float]", 2, 2.0),
        ("Union[int, str]", "x", "x"),
        ("float | dict[str, float]", {"a": 1}, {"a": 1.0}),
        ("tuple[int, ...]", [1, 2], [1, 2]),
        ("tuple[int, float]", [1, 2], [1, 2.0]),
        ("list[float]", [1], [1.0]),
        ("Sequence[str]", ["a"], ["a"]),
        ("Backend", "anything", "anything"),
        ("'int'", 4, 4),
        ("", 4, 4),
        ("not an annotation", 4, 4),
    ],
)
def test_a_fitting_value_is_returned_in_its_type(annotation, value, result):
    found = coerce(annotation, value)
    assert found == result
    assert type(found) is type(result)


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        ("int", True, "an integer"),
        ("int", 1.0, "an integer"),
        ("int", "1", "an integer"),
        ("float", True, "a number"),
        ("bool", 1, "true or false"),
        ("str", 1, "a text"),
        ("int", None, "an integer"),
        ("int", "none", "an integer"),
        ("Literal['a', 'b']", "c", "'a' or 'b'"),
        ("Literal[1]", True, "1"),
        ("float | dict[str, float]", {"a": "x"}, "a number or a table with a number for each name"),
        ("tuple[int, ...]", [1, "x"], "a list of an integer"),
        ("tuple[int, int]", [1], "a list of an integer and an integer"),
        ("list[int] | None", 3, "a list of an integer or none"),
    ],
)
def test_a_value_of_another_type_is_refused_in_words(annotation, value, expected):
    with pytest.raises(OptionError) as caught:
        coerce(annotation, value)
    assert str(caught.value) == expected == describe(annotation)


def test_a_closed_set_names_its_choices():
    with pytest.raises(OptionError) as caught:
        coerce("Literal['fast', 'low'] | None", "lo")
    assert caught.value.choices == ("fast", "low")


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("dropout", 1.5, "must lie in [0, 1]"),
        ("input_dropout", -0.1, "must lie in [0, 1]"),
        ("hidden_channels", 0, "must be at least 1"),
        ("hidden_channels", 10**9, "must be at most 1,000,000"),
        ("num_layers", -2, "must be at least 1"),
        ("K", -1, "must be at least 0"),
        ("K", 10**9, "must be at most 1,000,000"),
        ("alpha", math.nan, "must be a finite number"),
        ("alpha", math.inf, "must be a finite number"),
        ("sizes", [4, 10**9], "must be at most 1,000,000"),
    ],
)
def test_sizes_out_of_range_are_named(name, value, problem):
    assert range_problem(name, value) == problem


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dropout", 0),
        ("dropout", 1.0),
        ("K", 0),
        ("hidden_channels", 10**6),
        ("bias", True),
        ("alpha", -3.0),
        ("memory", "low"),
        ("clip", None),
        ("sizes", [1, 2]),
    ],
)
def test_sizes_in_range_are_left_alone(name, value):
    assert range_problem(name, value) is None
