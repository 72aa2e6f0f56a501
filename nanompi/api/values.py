"""Values of a Python program as a job file has them: plain values, quantities as texts with units."""

import os
from typing import Any

import numpy as np

from nanompi.errors import JobError


def is_array(one: Any) -> bool:
    """Does it hold several numbers: an array, a quantity of these, (array, unit)?"""
    if isinstance(one, tuple) and len(one) == 2 and isinstance(one[1], str):
        one = one[0]
    return len(getattr(one, "shape", ())) > 0


def quantity(one: Any) -> tuple[Any, str]:
    """(number or array, unit) of (8, "keV"), of a quantity of astropy or pint; "" where there is no unit."""
    if isinstance(one, tuple) and len(one) == 2 and isinstance(one[1], str):
        return one
    unit = getattr(one, "unit", None) or getattr(one, "units", None)
    if unit is None or isinstance(one, dict):
        return one, ""
    text = f"{unit:~}" if type(unit).__module__.startswith("pint") else str(unit)
    return getattr(one, "magnitude", getattr(one, "value", one)), text


def written(one: Any) -> Any:
    """Plain values, as YAML has them. Errors: JobError for what no job file can hold."""
    one, unit = quantity(one)
    if unit:
        return f"{written(one)} {unit}"
    if isinstance(one, dict):
        return {str(key): written(value) for key, value in one.items()}
    if isinstance(one, np.ndarray | np.generic):
        return one.tolist()
    if isinstance(one, list | tuple):
        return [written(value) for value in one]
    if isinstance(one, os.PathLike):
        return os.fspath(one)
    if one is None or isinstance(one, str | bool | int | float):
        return one
    raise JobError(f"{type(one).__name__} does not fit here; allowed: a number, a text, a list, a mapping")
