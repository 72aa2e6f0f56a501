"""Part of a scan, by its numbers or by places on the sample."""

import numpy as np

from nanompi.data.select import MIDDLE, MISSING, Select, left_out, rest, slice_of
from nanompi.errors import JobError
from nanompi.methods.ptycho.read.stage import without_place
from nanompi.methods.ptycho.scan import Scan


def select(scan: Scan, given: Select | str) -> Scan:
    """The part of a scan that is named, of the frames that have a place.

    Frames and positions are cut alike, so that lists of unequal length can fit. Errors: JobError.
    """
    given = given if isinstance(given, Select) else Select.from_value(given)
    scan.gaps = MISSING in given.without
    nothing = not given.keep and given.without in ([], [MISSING])
    if nothing and not scan.lag:
        return scan
    every, near = scan.source.shape[0], MIDDLE.match(given.keep)
    left = ~left_out(given, every) & ~without_place(scan)
    if near:
        numbers = _middle(scan.positions, int(near[1]), left)
        part = scan.some(numbers)
    else:
        cut = slice_of(given.keep) if given.keep else slice(None)
        places = np.ones(len(scan.positions), bool)
        places[:every] = left[: len(places)]
        numbers = rest(left, cut)
        part = scan.some(numbers, rest(places, cut))
    if len(numbers) == 0:
        raise JobError(f"input.select: {given} leaves none of the {every} frames")
    if not nothing:
        part.notes = [*scan.notes, f"selected {given}: {len(numbers)} of {every} frames"]
    return part


def _middle(positions: np.ndarray, count: int, left: np.ndarray) -> np.ndarray:
    """The numbers of the `count` frames nearest to the middle of the scan, rising."""
    far = ((positions - np.median(positions, axis=0)) ** 2).sum(1)
    near = np.argsort(far, kind="stable")
    return np.sort(near[left[near]][:count] if len(left) == len(far) else near[:count])
