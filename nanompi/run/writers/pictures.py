"""What a run looks at beside its data, as its result keeps it to be drawn later: /entry_1/pictures/NAME."""

from dataclasses import replace

import numpy as np

from nanompi.data.data import Data
from nanompi.data.planes import MAP, planes
from nanompi.optics.blocks import angle_means, block_means
from nanompi.run.result import Result, Signal
from nanompi.units import DIMENSIONS

SIDE = 1024  # px along each side of an image at most: more are not drawn of it
AVERAGED = ("image", "map", "angle", "frame")


def to_keep(result: Result) -> dict[str, Signal]:
    """The pictures of a result, those of large frames smaller; one that has the name of data has
    `NAME_picture`."""
    taken = {f"{name}{mark}" for name, data in result.data.items() for mark, _ in planes(data.axes)}
    taken |= set(result.data)
    apart = {name: f"{name}_picture" if name in taken else name for name in result.pictures}
    return {apart[name]: small(signal) for name, signal in result.pictures.items()}


def small(signal: Signal, side: int = SIDE) -> Signal:
    """An image of at most `side` px along each axis: means of blocks, NaN where less than half of one is
    known. Its axes are the middles of the blocks, so that marks stay where they are. Others as they are."""
    shape = np.shape(signal.data)
    if signal.show not in AVERAGED or len(shape) != 2 or max(shape) <= side:
        return signal
    blocks = tuple(-(-n // side) for n in shape)
    averaged = angle_means if signal.show == "angle" else block_means
    named = list(signal.axes.items())[-2:]
    if len(named) < 2:
        named = [(name, (np.arange(n), "px")) for name, n in zip(("row", "column"), shape)]
    axes = {name: (_middles(values, k), unit) for (name, (values, unit)), k in zip(named, blocks)}
    seen = None if signal.seen is None else block_means(np.asarray(signal.seen, np.float32), *blocks)
    data = averaged(np.asarray(signal.data), *blocks, 0.5)
    return replace(signal, data=data, axes=axes, seen=seen, errors=None)


def _middles(values, k: int) -> np.ndarray:
    """Of blocks of k values of an axis; the last as far from the others as they are from each other"""
    values = np.asarray(values)
    if values.dtype.kind not in "iuf":
        return values[::k]
    at = np.arange(0, len(values), k) + (k - 1) / 2
    inside = np.interp(at, np.arange(len(values)), values)
    step = (values[-1] - values[0]) / max(1, len(values) - 1)
    return inside + np.maximum(at - (len(values) - 1), 0) * step


def geometry_of(data: dict[str, Data]) -> dict:
    """{"energy": J, "pixel": [m along y, m along x]} of maps and slices, as far as all of them agree: what a
    result says where no step has said more."""
    energies = {float(one.facts["energy"]) for one in data.values() if _number(one.facts.get("energy"))}
    pixels = {pixel for one in data.values() if (pixel := _pixel(one))}
    out = {"energy": energies.pop()} if len(energies) == 1 else {}
    return out | ({"pixel": list(pixels.pop())} if len(pixels) == 1 else {})


def _number(value) -> bool:
    return np.ndim(value) == 0 and isinstance(value, int | float | np.number) and 0 < value < np.inf


def _pixel(data: Data) -> tuple[float, ...]:
    """(y, x) m of data with these axes, whose places are evenly apart; () of others"""
    steps = [_step(*data.coords[axis]) for axis in MAP if axis in data.axes and axis in data.coords]
    return tuple(steps) if len(steps) == 2 and all(steps) else ()


def _step(values, unit: str) -> float:
    """m, to six digits; 0 where the values are no lengths, or unevenly apart"""
    values, metre = np.asarray(values), DIMENSIONS["m"].get(unit)
    if metre is None or values.ndim != 1 or len(values) < 2 or values.dtype.kind not in "iuf":
        return 0.0
    steps = np.diff(values.astype(float)) * metre
    mean = abs(float(steps.mean()))
    even = np.isfinite(mean) and np.abs(np.abs(steps) - mean).max() < 0.05 * mean
    return float(f"{mean:.6g}") if even else 0.0
