"""`select: "0:100"` or `"::2"`: a quick look at part of a scan, the same for every reader."""

import re
from dataclasses import replace

import numpy as np

from nanompi.errors import JobError
from nanompi.read.frames import SelectedFrames
from nanompi.scan import Scan

_SLICE = re.compile(r"\s*(-?\d+)?\s*:\s*(-?\d+)?\s*(?::\s*(\d+)?\s*)?$")


def slice_of(text: str) -> slice:
    """ "start:stop:step" as a slice, the step positive. Errors: JobError."""
    found = _SLICE.match(text)
    if not found or (found[3] is not None and int(found[3]) == 0):
        raise JobError(
            f'input.select: "{text}" is not start:stop or start:stop:step; for example "0:100" or "::2"'
        )
    return slice(*(None if g is None else int(g) for g in found.groups()))


def select(scan: Scan, text: str) -> Scan:
    """The part of a scan named by `text`.

    Frames and positions are cut alike, so that lists of unequal length can fit.
    """
    cut = slice_of(text)
    source = scan.source
    start, stop, step = cut.indices(source.shape[0])
    left = len(range(start, stop, step))
    if left == 0:
        raise JobError(f'input.select: "{text}" leaves none of the {source.shape[0]} frames')
    truth = dict(scan.truth)
    if "corners" in truth:
        truth["corners"] = truth["corners"][cut]
    return replace(
        scan,
        source=SelectedFrames(source, start, step, (left, *source.shape[1:])),
        positions=scan.positions[cut],
        monitor=None if scan.monitor is None else np.asarray(scan.monitor)[cut],
        truth=truth,
        notes=[*scan.notes, f'selected "{text}": {left} of {source.shape[0]} frames'],
    )
