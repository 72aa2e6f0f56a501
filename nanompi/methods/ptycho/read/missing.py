"""Leaves out of a scan the frames and pixels that were never written."""

from nanompi.methods.ptycho.left_out import leave_out
from nanompi.methods.ptycho.scan import Scan


def leave_missing_out(scan: Scan) -> Scan:
    """The scan without frames that were never written, and without pixels that no frame has.

    Errors: DataError.
    """
    n, found = scan.source.shape[0], scan.source.holes()
    if found.pixels is not None and found.pixels.shape == tuple(scan.source.shape[1:]):
        scan.mask = ~found.pixels if scan.mask is None else scan.mask & ~found.pixels
        scan.notes.append(f"{int(found.pixels.sum())} pixels were never written in any frame: masked")
    if len(scan.positions) != n:
        return scan  # refused by `guard`, which says more
    return leave_out(scan, found.frames, "missing", "were never written")
