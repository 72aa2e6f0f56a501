"""`select: "0:100"`, `"::2"` or `"middle:100"`: a quick look at part of a scan, the same for every reader."""

import re
from dataclasses import replace

import numpy as np

from nanompi.errors import JobError
from nanompi.read.combined import SelectedFrames
from nanompi.scan import Scan

_MIDDLE = re.compile(r"\s*middle\s*:\s*(\d+)\s*$")
_SLICE = re.compile(r"\s*(-?\d+)?\s*:\s*(-?\d+)?\s*(?::\s*(\d+)?\s*)?$")


def slice_of(text: str) -> slice:
    """ "start:stop:step" as a slice, the step positive. Errors: JobError."""
    found = _SLICE.match(text)
    if not found or (found[3] is not None and int(found[3]) == 0):
        raise JobError(
            f'input.select: "{text}" is not start:stop, start:stop:step or middle:N; for example "0:100"'
        )
    return slice(*(None if g is None else int(g) for g in found.groups()))


def select(scan: Scan, text: str) -> Scan:
    """The part of a scan named by `text`.

    Frames and positions are cut alike, so that lists of unequal length can fit.
    """
    every, near = scan.source.shape[0], _MIDDLE.match(text)
    cut = _middle(scan.positions, int(near[1])) if near else slice_of(text)
    numbers = cut if near else np.arange(every)[cut]
    if len(numbers) == 0:
        raise JobError(f'input.select: "{text}" leaves none of the {every} frames')
    truth = dict(scan.truth)
    if "corners" in truth:
        truth["corners"] = truth["corners"][cut]
    return replace(
        scan,
        source=SelectedFrames(scan.source, numbers),
        positions=scan.positions[cut],
        monitor=None if scan.monitor is None else np.asarray(scan.monitor)[cut],
        truth=truth,
        notes=[*scan.notes, f'selected "{text}": {len(numbers)} of {every} frames'],
    )


def _middle(positions: np.ndarray, count: int) -> np.ndarray:
    """The numbers of the `count` frames nearest to the middle of the scan, rising."""
    far = ((positions - np.median(positions, axis=0)) ** 2).sum(1)
    return np.sort(np.argsort(far, kind="stable")[:count])
