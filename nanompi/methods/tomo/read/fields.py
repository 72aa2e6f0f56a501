"""Angles, pixel and energy of a tomogram from the datasets of a file; what the job says comes first."""

from collections.abc import Iterable

import numpy as np

from nanompi.data.stored import Hdf5Frames
from nanompi.errors import DataError, JobError, nearest
from nanompi.io.hdf5 import at, dataset, hdf5, unit
from nanompi.io.quantities import joules, one, scale_of
from nanompi.io.unwritten import complete
from nanompi.methods.tomo.read.angle import evenly, radians

QUANTITIES = ("angle", "pixel", "energy", "distance")  # whose unit the job may give


def check_units(units: dict[str, str]) -> None:
    """JobError when a unit is given for what has none."""
    for name in units:
        if name not in QUANTITIES:
            raise JobError(
                f'input.units: "{name}" is not one of {", ".join(QUANTITIES)}{nearest(name, QUANTITIES)}'
            )


def first_of(opened, paths: Iterable[str]) -> str:
    """The first of these that is a dataset, "" where none is."""
    return next((p for p in paths if isinstance(at(opened, p), hdf5().Dataset)), "")


def images(opened, path: str) -> Hdf5Frames | None:
    """The frames of a dataset (frames, rows, columns); None where there is no such dataset, or an empty one.

    Errors: DataError for other dimensions.
    """
    if not path or not first_of(opened, [path]):
        return None
    data, where = dataset(opened, path), f"{opened.filename}: {path}"
    if not data.size:
        return None
    if data.ndim not in (2, 3):
        raise DataError(f"{where} has the shape {data.shape}; (frames, rows, columns) is needed")
    return Hdf5Frames.of(opened, path)


def angles(opened, paths: Iterable[str], n: int, given, notes: list[str]) -> np.ndarray:
    """(n,) rad: evenly over the `span` of the job, else those of the first dataset that is there.

    n : frames over which a span goes; given : a reader with its parameters `span` and `units`
    Errors: DataError where there are none.
    """
    if given.span is not None:
        return evenly(given.span, n)
    path = first_of(opened, paths)
    if not path:
        raise DataError(
            f"{opened.filename} has no angles ({' or '.join(paths)}); where the steps are equal, give "
            "`span: 180 deg` in the input section"
        )
    data, where = dataset(opened, path), f"{opened.filename}: {path}"
    return radians(complete(data, where), given.units.get("angle", unit(data)), where, notes)


def facts(opened, places: dict[str, tuple[str, ...]], given, notes: list[str]) -> dict[str, float]:
    """{"pixel": m, "energy": J, "distance": m} as far as the file has them; places: where each may stand."""
    known = {}
    for name, paths in places.items():
        if path := first_of(opened, paths):
            data, where = dataset(opened, path), f"{opened.filename}: {path}"
            own = given.units.get(name, unit(data))
            value = _fact(name, one(complete(data, where), where), own, where, notes)
            if value is not None:
                known[name] = value
    return known


def _fact(name: str, value: float, own: str, where: str, notes: list[str]) -> float | None:
    """In SI; None, which is noted, where the number cannot be right: a slice does not need it."""
    try:
        if name == "energy":
            return joules(value, own, where, notes)
        scale = scale_of(own or "m", "m", where)
    except DataError as error:
        notes.append(f"warning: {error}; the {name} is not used")
        return None
    if value * scale > 0 and np.isfinite(value):
        return value * scale
    notes.append(f"warning: {where} = {value:g} is no {name}; it is not used")
    return None
