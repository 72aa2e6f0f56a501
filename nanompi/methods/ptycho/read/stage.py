"""What a job says of the stage: its axes are turned against the detector or have different scales, or its
positions and the frames are not counted alike.

    input: {lag: 1, rotate: 5 deg}

lag    : frame i of the file was taken at position i - lag. 1 = the frames are late by one: the first of them
    has no position, the last position no frame, and both are dropped; -1 = they are early by one. The monitor
    stays with its frame.
rotate : the positions are turned by this angle about their middle, from rows (down) to columns (right), which
    is against the clock as the image is looked at. All of the file are, before some are selected: what stays
    does not move.
stretch: before that they are stretched about their middle, by half of this part from row to row, and by as
    much the other way from column to column.
"""

from dataclasses import replace

import numpy as np

from nanompi.errors import JobError
from nanompi.methods.ptycho.positions import rotated, stretched
from nanompi.methods.ptycho.scan import Scan


def staged(scan: Scan, lag: int, rotate: float, stretch: float = 0.0) -> Scan:
    """The scan with its positions as the job says: stretched, turned, and in the order of the frames.

    Frames without a position have one that is not theirs, or none: `without_place` knows them, and `select`
    drops them. Errors: JobError where no frame has one.
    """
    if not (lag or rotate or stretch) or not _possible(scan.positions):
        return scan  # refused by `guard`, which says more
    frames = scan.source.shape[0]
    if abs(lag) >= frames:
        raise JobError(
            f"input.lag: {lag} leaves none of {frames} frames; allowed: -{frames - 1} to {frames - 1}"
        )
    positions, truth, notes = scan.positions, dict(scan.truth), [*scan.notes]
    if stretch:
        positions = stretched(positions, stretch)
        notes.append(
            f"positions stretched by {100 * stretch:.4g} % from row to row against columns, as the job says"
        )
    if rotate:
        positions = rotated(positions, rotate)
        notes.append(f"positions turned by {np.rad2deg(rotate):.4g} deg about their middle, as the job says")
    if lag:
        positions = _late(positions, lag, frames)
        if "corners" in truth:
            truth["corners"] = _late(np.asarray(truth["corners"]), lag, frames)
    stage = {"lag": lag, "rotate": rotate, "stretch": stretch}
    out = replace(scan, positions=positions, truth=truth, notes=notes, **stage)
    if lag:
        left = int(without_place(out).sum())
        notes.append(f"lag {lag}: frame i is that of position i {-lag:+d}, as the job says; {left} have none")
    return out


def _possible(positions: np.ndarray) -> bool:
    """Are there places at all?"""
    return positions.ndim == 2 and positions.shape[1] == 2 and np.isfinite(positions).all(1).any()


def _late(rows: np.ndarray, lag: int, frames: int) -> np.ndarray:
    """Row i - lag for each frame i; lists that differ in length by more than the lag still do"""
    if lag < 0:
        return rows[-lag:]
    rows = np.concatenate([np.repeat(rows[:1], lag, 0), rows])
    return rows[: max(frames, len(rows) - lag)]


def without_place(scan: Scan) -> np.ndarray:
    """(frames of the file,) bool: those at an end whose position the lag has taken away."""
    frames, lag = scan.source.shape[0], scan.lag
    number = np.arange(frames)
    last = max(len(scan.positions), frames + lag) if lag < 0 else frames
    return (number < lag) | (number >= last)
