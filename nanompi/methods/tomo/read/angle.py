"""Angles of projections from files: in radians, whatever the file has them in."""

import numpy as np

from nanompi.errors import DataError
from nanompi.io.hdf5 import real
from nanompi.io.quantities import scale_of

TURNS = (0.9 * np.pi, 2.1 * np.pi)  # from a half to a full turn: numbers over this range look like radians


def radians(values, unit: str, where: str, notes: list[str]) -> np.ndarray:
    """(n,) float64 rad from angles in `unit`; "" = not said: degrees, unless the numbers look like radians.

    What was guessed, or is odd, is noted. Errors: DataError for what is no number, a unit of no angle.
    """
    angles = real(values, where).ravel()
    bad = np.flatnonzero(~np.isfinite(angles))
    if len(bad):
        raise DataError(
            f"{where}: {len(bad)} of {len(angles)} angles are no numbers, the first is number {bad[0]} "
            f"({angles[bad[0]]:g}); mend the file, or give `span: 180 deg` in the input section"
        )
    span = float(np.ptp(angles)) if len(angles) else 0.0
    turn = TURNS[0] <= span <= TURNS[1]
    if not unit:
        unit = "rad" if turn else "deg"
        notes.append(f"{where} has no unit; its range of {span:g} is read as {unit}")
    scale = scale_of(unit, "rad", where)
    if turn and scale < 0.1:
        notes.append(
            f"warning: {where} is in {unit} and covers {span:.4g}: if these are radians, write "
            "`units: {angle: rad}` in the input section"
        )
    return angles * scale


def evenly(span: float, n: int) -> np.ndarray:
    """(n,) rad: from 0 in equal steps over `span`, whose end would be the next one."""
    return np.arange(n) * (span / max(n, 1))
