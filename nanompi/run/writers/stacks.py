"""Stacks of a finished result in formats of other programs, each rank its own slices: TIFF, and OME-Zarr."""

import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nanompi.data.data import PATTERNS, even
from nanompi.data.scaling import Scaling, sampled, scaling_of
from nanompi.io.atomic import complaint, remove
from nanompi.io.newtiff import write_tiff


@dataclass
class Stack:
    """One stack of images of a result, as one rank sees it.

    values  : (n, h, w) dataset of the open file
    pixel   : sizes along its axes, and their unit ("um" or what the axes have)
    scaling : of integers, where it is stored so
    """

    name: str
    axes: list[str]
    values: Any
    pixel: list[float]
    unit: str
    scaling: Scaling | None


def write_stacks(run, output) -> None:
    """What the section `output` asks for beside the result file (collective). Errors: ResourceError.

    The slices are read from the finished file; where not all ranks see it, rank 0 writes all.
    """
    if output.tiff == "off" and not output.zarr:
        return
    import h5py

    path = run.store.folder / "result.h5"
    names = [name for name, data in run.result.data.items() if _is_stack(data)]
    alone = not run.store.shared()
    with h5py.File(path) if run.team.root or not alone else nothing() as file:
        for name in names:
            stack = file and _stack(file["entry_1"][name], name)
            if output.tiff != "off":
                _tiff(run, stack, name, output.tiff, alone)
            if output.zarr:
                from nanompi.run.writers.omezarr import write_omezarr

                write_omezarr(run, stack, name, alone)


@contextmanager
def nothing():
    """In place of a file that this rank does not see."""
    yield None


def _is_stack(data) -> bool:
    return len(data.axes) == 3 and data.axes[1:] in PATTERNS["frame"] and data.dtype.kind in "biuf"


def _stack(group, name: str) -> Stack:
    axes = [str(axis) for axis in group.attrs["axes"]]
    places = [group[axis] for axis in axes if axis in group]
    known = [float(np.diff(place[:2])[0]) if len(place) > 1 else 1.0 for place in places]
    unit = str(places[-1].attrs.get("units", "")) if places else ""
    own = group["data"].attrs
    scaling = Scaling(float(own["scaling"]), float(own["offset"])) if "scaling" in own else None
    return Stack(name, axes, group["data"], known if len(known) == 3 else [1.0] * 3, unit, scaling)


def shares_of(team, n: int, alone: bool, unit: int = 1) -> np.ndarray:
    """Which of n slices this rank writes, in whole units."""
    if alone:
        return np.arange(n if team.root else 0)
    units = even(-(-n // unit), team.size)[team.rank]
    return np.arange(units[0] * unit, min(n, (units[-1] + 1) * unit)) if len(units) else np.arange(0)


@contextmanager
def new_folder(run, path: Path):
    """`with new_folder(run, path) as part:` a folder appears when all ranks have filled it (collective).

    Errors: ResourceError.
    """
    part = path.with_name(f".{path.name}.part")

    def make():
        remove(part)
        with _blamed(path):
            part.mkdir(parents=True)

    def name():
        with _blamed(path):
            remove(path)
            os.replace(part, path)

    run.team.on_root(make)
    with _blamed(path):
        yield part
    run.team.rest()
    run.team.on_root(name)


@contextmanager
def _blamed(path: Path):
    try:
        yield
    except OSError as error:
        raise complaint(path, 0, error) from error


# ---- TIFF -------------------------------------------------------------------------------------------------


def _tiff(run, stack: Stack | None, name: str, bits: int, alone: bool) -> None:
    """RUN/tiff/NAME/NAME_0000.tif ..., a slice each (collective)."""
    n = run.result.data[name].shape[0]
    own = shares_of(run.team, n, alone)
    scaling = _scaling(run.team, stack, own, n, bits)
    with new_folder(run, run.store.folder / "tiff" / name) as part:
        for i in own:
            pixel = stack.pixel[-1] if stack.unit == "um" else 0.0
            image = _image(stack, int(i), bits, scaling)
            write_tiff(part / f"{name}_{i:0{len(str(n - 1))}d}.tif", image, pixel, _words(scaling, bits))
            run.clock.tick()


def _scaling(team, stack: Stack | None, own: np.ndarray, n: int, bits: int) -> Scaling | None:
    """How values become integers: from 0.2 to 99.8 % of them, as found from some slices (collective)."""
    stored = team.bcast(stack and (stack.scaling or (stack.values.dtype.kind in "biu")))
    if bits == 32 or stored is True:
        return None
    if stored:
        return stored
    some = [stack.values[int(i)] for i in sampled(n) if i in own]
    return scaling_of(team, np.array(some, np.float32) if some else np.empty(0, np.float32))


def _image(stack: Stack, i: int, bits: int, scaling: Scaling | None) -> np.ndarray:
    """A slice as it is stored in a TIFF file."""
    values = stack.values[i]
    if bits == 32:
        return stack.scaling.values(values) if stack.scaling else values.astype(np.float32)
    if scaling and not stack.scaling:
        values = scaling.stored(values)
    return values.astype(np.uint16) if bits == 16 else (values.astype(np.uint16) >> 8).astype(np.uint8)


def _words(scaling: Scaling | None, bits: int) -> str:
    """What ImageJ wants to know of real values: c0 + c1 * stored."""
    if scaling is None or bits == 32:
        return ""
    scale = scaling.scale * (256 if bits == 8 else 1)
    return f"cf=0\nc0={scaling.offset!r}\nc1={scale!r}\nvunit=value\n"
