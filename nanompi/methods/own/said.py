"""What a program says of the data that it gives: coordinates along axes, places, facts, their units."""

from typing import Any

import numpy as np

from nanompi.errors import JobError, StepError
from nanompi.io.hdf5 import text as as_text
from nanompi.units import DIMENSIONS, factor

PLACES = "positions"  # the dataset with places (y, x) of a scan
UNITS = {"angle": "rad", "energy": "eV", "point": "m", "y": "m", "x": "m"}  # where the data before have none
POSITIVE = ("energy", "wavelength", "distance", "pixel", "gain")


def coordinates(f, axes: tuple, shape: tuple, before: dict) -> dict[str, tuple[np.ndarray, str]]:
    """{axis: (values, unit)} in an open file. before : those of the data before. Errors: StepError."""
    out = {}
    for axis, n in zip(axes, shape):
        if axis in f and axis != "data":
            out[axis] = _along(f, axis, (n,), axis, before)
    if PLACES in f and PLACES not in axes:
        axis = _axis_of_places(f, axes, before)
        out[axis] = _along(f, PLACES, (shape[axes.index(axis)], 2), axis, before)
    return out


def _axis_of_places(f, axes: tuple, before: dict) -> str:
    named = as_text(f[PLACES].attrs.get("axis", ""))
    known = [axis for axis, (values, _) in before.items() if np.ndim(values) == 2]
    for axis in (named, *known, "point"):
        if axis in axes:
            return axis
    raise StepError(
        f'{PLACES} in {{out}}: along which axis? Name it by the attribute "axis", one of {", ".join(axes)}'
    )


def _along(f, name: str, shape: tuple, axis: str, before: dict) -> tuple[np.ndarray, str]:
    one = f[name]
    wanted = f"numbers of the shape {shape} are needed".replace(",)", ")")
    if getattr(one, "shape", None) is None or one.dtype.kind not in "biuf":
        kind = getattr(one, "dtype", "a group")
        raise StepError(f"{name} in {{out}} holds {kind}; {wanted}")
    if one.shape != shape:
        has = " x ".join(map(str, one.shape)) or "one value"
        raise StepError(f"{name} in {{out}} has the shape {has}; {wanted}")
    values = one[()]
    bad = int((~np.isfinite(values)).sum())
    if bad and not (axis in before and _same(values, before[axis][0])):
        raise StepError(f"{name} in {{out}}: {bad} of {values.size} values are NaN or infinite")
    into = before[axis][1] if axis in before else UNITS.get(axis, "")
    unit = as_text(one.attrs["units"]) if "units" in one.attrs else into
    by, unit = _by(name, unit, into, axis in before)
    return (values if by == 1 else values * by), unit


def _by(name: str, unit: str, into: str, held: bool) -> tuple[float, str]:
    """What to multiply by, and the unit then. held : data before have `into`, which stays"""
    known = [table for table in DIMENSIONS.values() if into in table]
    if unit == into or not known:
        return 1.0, unit
    if not held and into == "m" and unit in DIMENSIONS["px"]:
        return 1.0, unit
    try:
        return factor(unit, into), into
    except JobError as error:
        raise StepError(f"{name} in {{out}}, its units: {error}") from None


def facts(given: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """Facts that can be. given : as in the file; before : those of the data before. Errors: StepError."""
    for name, value in given.items():
        if name not in before or not _same(value, before[name]):
            _check_fact(name, value, before.get(name))
    return given


def _same(a, b) -> bool:
    a, b = np.asarray(a), np.asarray(b)
    return np.array_equal(a, b, equal_nan=a.dtype.kind == b.dtype.kind == "f")


def _check_fact(name: str, value, before):
    numbers, where = np.asarray(value), f"facts in {{out}}: {name} = {value!r}"
    known = name in POSITIVE or (before is not None and np.asarray(before).dtype.kind in "biuf")
    if numbers.dtype.kind not in "biuf":
        if known or numbers.dtype.kind != "U":
            raise StepError(f"{where}; a number is needed, in SI units")
        return
    if not np.isfinite(numbers).all() or not numbers.size:
        raise StepError(f"{where}; a finite number is needed")
    most = 2 if name == "pixel" else 1
    if name in POSITIVE and (numbers.size > most or (numbers <= 0).any()):
        raise StepError(f"{where}; a number above 0 is needed, in SI units")
