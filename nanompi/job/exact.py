"""Values that are of the very type and within the limits: pydantic, whose import takes half as long as
that of NumPy, is not asked. Whatever leaves a doubt is for pydantic to judge (`nanompi.job.leaf`)."""

import math
import operator
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

UNSURE = object()
WHOLE = 2**53  # whole numbers below are the same as floats
_WITHIN = {"ge": operator.ge, "gt": operator.gt, "le": operator.le, "lt": operator.lt}
_SIMPLE = (bool, int, float, str, NoneType)


def exact(value: Any, hint, limits: dict) -> Any:
    """The value as pydantic, strict, would return it; UNSURE where that is not plain, or where it is wrong.

    limits : {"ge": 1, ...} of each number
    """
    if hint is Any:
        return value
    kinds = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    if isinstance(value, list):
        return _listed(value, [m for m in kinds if get_origin(m) in (list, tuple)], limits)
    words = [word for m in kinds if get_origin(m) is Literal for word in get_args(m)]
    if not all(type(word) is str for word in words):
        return UNSURE
    if type(value) is str:
        return value if value in words or str in kinds else UNSURE
    if type(value) not in _SIMPLE:
        return UNSURE
    if type(value) is int and int not in kinds and float in kinds and abs(value) < WHOLE:
        value = float(value)
    return value if type(value) in kinds and _within(value, limits) else UNSURE


def _within(value, limits: dict) -> bool:
    """Is a number within the limits? What is no number has none."""
    if type(value) not in (int, float):
        return True
    return not math.isnan(value) and all(_WITHIN[sign](value, limit) for sign, limit in limits.items())


def _listed(value: list, kinds: list, limits: dict) -> Any:
    """The same for a list, where just one list or tuple is allowed."""
    if len(kinds) != 1:
        return UNSURE
    origin, inner = get_origin(kinds[0]), get_args(kinds[0])
    each = inner[:1] * len(value) if origin is list or inner[-1] is ... else inner
    if len(each) != len(value):
        return UNSURE
    found = [exact(one, hint, limits) for one, hint in zip(value, each)]
    return UNSURE if any(one is UNSURE for one in found) else origin(found)
