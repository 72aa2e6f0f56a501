"""One flat image of several, and how the light changed from projection to projection."""

import numpy as np

from nanompi.errors import DataError
from nanompi.methods.tomo.light import Light

STEADY = 3.0  # times: currents that differ by more are not those of one ring
READ = 16  # images that are read at a time


def image_of(images, how: str, scale=None) -> np.ndarray:
    """(rows, columns) float64: the mean or the median of a source of images.

    scale : (n,) by which each is divided. The mean has a few images in memory at a time, the median all.
    """
    n, total = images.shape[0], 0
    if how == "median":
        return np.median(_scaled(images, np.arange(n), scale), axis=0)
    for i in range(0, n, READ):
        total = total + _scaled(images, np.arange(i, min(i + READ, n)), scale).sum(0, dtype=np.float64)
    return total / n


def _scaled(images, some, scale) -> np.ndarray:
    """Some images, each at the same light"""
    own = images.read(some)
    return own if scale is None else own / scale[some][:, None, None]


def light_of(data, how: str, dark: str, real) -> Light:
    """The light of a scan. how : "mean", "median", "linear" or "none"; dark : "mean", "median" or "none"

    Errors: DataError where images or times are missing, or flats are no brighter than darks.
    """
    rows, columns = (data.size(axis) for axis in ("row", "column"))
    none = np.zeros((rows, columns))
    black = none if dark == "none" else image_of(_images(data, "dark"), dark)
    if how == "none":
        return Light.of(black + 1, black, real)
    flats, current = _images(data, "flat"), currents(data)
    lit = None if current is None else current[1]
    if how == "linear":
        light = _linear(data, flats, black, lit, real)
    else:
        light = Light.of(black + _beam(flats, how, black, lit), black, real)
    if current is not None:
        light.scale = current[0].astype(real)
    return light


def currents(data) -> tuple[np.ndarray, np.ndarray] | None:
    """(A,) and (flats,) how bright the beam was, in units of their mean; None where nobody says it."""
    known = [data.per_row.get("current"), data.beside.get("per_flat", {}).get("current")]
    if any(one is None or not len(one) for one in known):
        return None
    both = np.concatenate(known).astype(float)
    if not np.isfinite(both).all() or both.min() <= 0 or both.max() > STEADY * both.min():
        return None
    return known[0] / both.mean(), known[1] / both.mean()


def _beam(flats, how: str, black, lit, which=None) -> np.ndarray:
    """(rows, columns) flat less dark, of flats at the same light. which : those that count"""
    from nanompi.data.source import SelectedFrames

    if which is not None:
        flats, lit = SelectedFrames(flats, which), None if lit is None else lit[which]
    if lit is None:
        return image_of(flats, how) - black
    return image_of(flats, how, lit) - black * np.mean(1 / lit)


def _linear(data, flats, black, lit, real) -> Light:
    """The beam between two sets of flats, linear in time; the sets are parted by the longest pause."""
    times, own = data.beside.get("per_flat", {}).get("time"), data.per_row.get("time")
    if times is None or own is None or len(times) < 2 or np.ptp(times) <= 0:
        raise DataError(
            "tomo.flat.flat: linear needs times of flats before and after the projections, and the input has "
            "none; write `flat: mean`"
        )
    order = np.argsort(times, kind="stable")
    cut = int(np.argmax(np.diff(times[order]))) + 1
    sets = np.sort(order[:cut]), np.sort(order[cut:])
    first, last = (_beam(flats, "mean", black, lit, one) for one in sets)
    begin, end = (float(np.mean(times[one])) for one in sets)
    light = Light.of(black + first, black, real, last=black + last)
    light.time = np.clip((np.asarray(own, float) - begin) / (end - begin), 0, 1).astype(real)
    return light


def _images(data, name: str):
    """The source of the images `name` beside the data. Errors: DataError."""
    if name in data.beside:
        return data.beside[name]
    words = {"flat": "without the sample", "dark": "without the beam"}[name]
    raise DataError(
        f"tomo.flat needs {name} images ({words}), and the input has none; where the projections need none, "
        f"write `{{use: tomo.flat, {name}: none}}`"
    )
