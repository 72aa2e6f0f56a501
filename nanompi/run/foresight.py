"""What a run will write, as far as it can be known before anything is read."""

import importlib.util
import os

import numpy as np

from nanompi.data.ahead import must_fit
from nanompi.data.data import Data, count
from nanompi.data.walk import made_axes
from nanompi.errors import JobError
from nanompi.io.atomic import complaint
from nanompi.io.growing import fits
from nanompi.step import idle

BYTES = {"off": 0, 8: 1, 16: 2, 32: 4}  # of a pixel of a TIFF file


def foresee(run, job, left: list) -> None:
    """Is there all that the section `output` needs, and all that the steps that are left need (collective)?

    What their `check(data)` raises is raised now, before anything is loaded, not when their turn comes.
    Errors: those; JobError where a package is missing, ResourceError where the disk is too small for the
    stacks.
    """
    run.team.on_root(lambda: _foreseen(run, job, left))


def _foreseen(run, job, left) -> None:
    if job.output.zarr and importlib.util.find_spec("zarr") is None:
        raise JobError("output.zarr: the package zarr is not installed: pip install 'nanompi[zarr]'")
    must_fit(left, {name: data.axes for name, data in run.data.items()})
    for step in left if "data" in run.data else ():
        ahead = hasattr(step, "check") and not getattr(step, "start_checks", False)
        if ahead and not idle(step, run.data["data"]):
            step.check(run.data["data"])
    if run.folder is None:
        return
    values = expected(job.steps, run.data["data"]) if "data" in run.data else 0
    pixel = 2 if job.output.type == "uint16" else np.dtype(run.device.real).itemsize
    size = values * (pixel * (1 + job.output.zarr) + BYTES[job.output.tiff])
    path = run.folder / "result.h5"
    try:
        fits(os.path.realpath(run.folder), size)
    except OSError as error:
        raise complaint(path, size, error) from error


def expected(steps: list, data: Data) -> int:
    """How many values the data will have after all steps, where these say it; 0 where they do not.

    A step that makes other axes may have sizes({axis: length}) -> {axis: length of what it makes}.
    """
    axes, known, told = data.axes, dict(zip(data.axes, data.shape)), False
    for step in steps:
        if getattr(step, "each", "") and step.takes == "data":
            axes = made_axes(step, axes)
            if hasattr(step, "sizes"):
                known, told = known | step.sizes(known), True
    return count(known[axis] for axis in axes) if told and set(axes) <= known.keys() else 0
