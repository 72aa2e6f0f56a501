"""What passes without pydantic is what pydantic would return, for every parameter of every part."""

import math
from typing import Literal

import pytest
from pydantic import ValidationError

from nanompi.job.exact import UNSURE, exact
from nanompi.job.leaf import about, adapter, leaf
from nanompi.job.model import parameters
from nanompi.methods import discover
from nanompi.step import METHODS

VALUES = [
    None, True, False, 0, 1, 3, -2, 2**60, 0.0, 0.5, -1.5, 1e4, math.nan, math.inf, "", "auto", "a", "3",
    [], [1], [1, 2], [0.5, 2], [1, 2, 3], ["a", "auto"], [[1, 2], [3, 4]], [True, 1], {"a": 1}, {"a": "b"},
]  # fmt: skip
HINTS = [
    (int, {"ge": 1, "lt": 4}), (float, {"gt": 0}), (bool, {}), (str, {}), (float | None, {"le": 2}),
    (int | float, {}), (int | Literal["auto"], {"gt": 0}), (str | list[str], {}), (Literal[1, "a"], {}),
    (list[float] | float, {"ge": 0}), (tuple[float, float] | Literal["auto"], {}), (tuple[int, ...], {}),
    (list[list[int]], {}), (dict[str, int], {}), (list[int] | tuple[int, int], {}),
]  # fmt: skip


def agreed(hint, limits: dict) -> int:
    """How many values pass without pydantic; each is what pydantic returns, in type, too."""
    passed = 0
    for value in VALUES:
        found = exact(value, hint, limits)
        if found is not UNSURE:
            judged = adapter(hint, tuple(limits.items())).validate_python(value)
            assert judged == found and repr(judged) == repr(found), (value, hint, limits)
            passed += 1
    return passed


def test_values_that_pass_are_those_of_pydantic():
    for hint, limits in HINTS:
        agreed(hint, limits)
    assert agreed(int, {"ge": 1, "lt": 4}) == 2 and agreed(float | None, {"le": 2}) == 7


@pytest.mark.slow
def test_so_are_those_of_every_parameter_of_every_part():
    discover()
    known = [(hint, about(field)["limits"]) for table in METHODS.values() for cls in table.values()
             for field, hint in parameters(cls).values()]  # fmt: skip
    plain = 0
    for hint, limits in known:
        try:
            plain += agreed(hint, limits) > 0
        except ValidationError as e:
            raise AssertionError(f"{hint} {limits}: pydantic refuses what passed") from e
    assert plain > len(known) / 2  # else a start pays for pydantic again


@pytest.mark.parametrize("value, hint", [(3, float), ("auto", int | Literal["auto"]), ([1, 2], list[int])])
def test_a_value_that_is_plain_is_not_given_to_pydantic(value, hint, monkeypatch):
    monkeypatch.setattr("nanompi.job.leaf.adapter", None)
    assert leaf(value, hint, {"kind": "", "unit": "", "limits": {}, "help": ""}) == value
