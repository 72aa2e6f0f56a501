"""The part of a scan that is there, of a file that still grows: `input: {live: true}`."""

import numpy as np

from nanompi.errors import DataError
from nanompi.methods.ptycho.left_out import name_of
from nanompi.methods.ptycho.scan import Scan


def so_far(scan: Scan) -> Scan:
    """The scan with the frames that are there, and have their positions; itself where that is all.

    Of a file that grows, where several frames are stored together, the last of these chunks may be half
    written: it is left for the next time. Errors: DataError where there are none.
    """
    every, places = scan.source.shape[0], np.asarray(scan.positions)
    n = min([every, len(places), *([] if scan.monitor is None else [len(scan.monitor)])])
    there = ~scan.source.holes().frames[:n] & np.isfinite(places[:n]).all(1)
    numbers = np.flatnonzero(there)
    chunk = scan.source.chunk
    if chunk > 1 and getattr(scan.source, "grows", False) and len(numbers):
        numbers = numbers[numbers < numbers[-1] // chunk * chunk]
    if len(numbers) == every == len(places):
        return scan
    if not len(numbers):
        raise DataError(f"{name_of(scan)}: no frame has been written with its position so far; wait for some")
    part = scan.some(numbers)
    part.notes = [*scan.notes, f"live: {len(numbers)} frames so far, of {every} and {len(places)} positions"]
    return part
