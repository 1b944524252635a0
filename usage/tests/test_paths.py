"""Paths into an event's data."""

import pytest

from usage.paths import PathError, keys, resolve


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("$.tokens", ("tokens",)),
        ("$.usage.input", ("usage", "input")),
        ('$.usage["input-tokens"]', ("usage", "input-tokens")),
        ('$["a.b"].c', ("a.b", "c")),
        ('$["Größe"]', ("Größe",)),
    ],
)
def test_it_names_the_members_to_follow(path, names):
    assert keys(path) == names


@pytest.mark.parametrize(
    "path", ["", "$", "tokens", "$.", "$..a", "$.a[0]", "$.a.0", '$["7"]', "$.a b", "$.*", '$["a"', "$.a\n", '$[""]']
)
def test_it_refuses_what_is_no_path(path):
    with pytest.raises(PathError):
        keys(path)


def test_it_finds_the_value_at_the_end():
    assert resolve({"usage": {"input": 7}}, ("usage", "input")) == 7


@pytest.mark.parametrize("data", [{}, {"usage": None}, {"usage": 7}, {"usage": [{"input": 7}]}, None])
def test_it_finds_nothing_where_a_step_is_missing(data):
    assert resolve(data, ("usage", "input")) is None
