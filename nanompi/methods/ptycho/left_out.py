"""Leaves frames without data out of a scan; their numbers stand in log and result."""

import numpy as np

from nanompi.errors import DataError
from nanompi.methods.ptycho.scan import Scan

LIMIT = 0.2  # part of the frames; where more are without data, the user must say that it is known
SHOWN = 12


def leave_out(scan: Scan, lost: np.ndarray, kind: str, words: str) -> Scan:
    """The scan without the frames `lost`, which its notes and `left_out` name; itself where none is lost.

    lost  : (n,) bool
    kind  : "missing" or "empty", key of `left_out`; words: what is said of them ("were never written")
    Errors: DataError where none remains, or more than LIMIT are without data and the job does not say that
    this is known.
    """
    if not lost.any():
        return scan
    numbers = np.flatnonzero(lost) if scan.numbers is None else scan.numbers[lost]
    before = sum(map(len, scan.left_out.values()))
    count, every = before + len(numbers), before + len(lost)
    if lost.all():
        raise DataError(f"{name_of(scan)}: all {len(lost)} frames {words}; is this the right dataset?")
    if not scan.gaps and count > LIMIT * every:
        raise DataError(
            f"{name_of(scan)}: {count} of {every} frames hold no data: frames {shown(numbers)} {words}. "
            f"Where that is known, write `select: {{without: missing}}` in the input section (or name them: "
            "`without: [...]`); the others are then reconstructed"
        )
    known = np.union1d(scan.left_out.get(kind, numbers), numbers).astype(np.int64)
    out = scan.some(np.flatnonzero(~lost))
    out.left_out = {**scan.left_out, kind: known}
    out.notes = [*scan.notes, f"{len(numbers)} of {every} frames {words} and are left out: {shown(numbers)}"]
    return out


def name_of(scan: Scan) -> str:
    """File and dataset of the frames, for messages."""
    return scan.source.where or scan.file or "the frames"


def shown(numbers: np.ndarray, most: int = SHOWN) -> str:
    """Rising numbers as `select` reads them: "3, 10:16, 30:40:2"; ... where they are many."""
    out, i, n = [], 0, len(numbers)
    while i < n and len(out) <= most:
        step, j = int(numbers[min(i + 1, n - 1)] - numbers[i]), i + 1
        while j < n and numbers[j] - numbers[j - 1] == step:
            j += 1
        j = j if j - i >= (2 if step == 1 else 3) else i + 1
        more = f":{numbers[j - 1] + 1}" + f":{step}" * (step > 1)
        out.append(f"{numbers[i]}" + more * (j - i > 1))
        i = j
    return ", ".join(out[:most]) + (" ..." if len(out) > most else "")
