"""The displacements of projections as a table: shifts.csv of a run, which another run may take."""

import csv
import io
from pathlib import Path

import numpy as np

from nanompi.errors import DataError
from nanompi.io.hdf5 import must_exist
from nanompi.methods.tomo.align.reproject import Places

HEAD = ("angle_deg", "down_px", "right_px", "residual", "used")


def text_of(places: Places) -> str:
    """CSV, one line a projection, in their order."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(HEAD)
    for angle, down, right, residual, used in zip(
        np.rad2deg(places.angles), places.down, places.right, places.residual, places.used
    ):
        rows.writerow([f"{angle:.6f}", f"{down:.5f}", f"{right:.5f}", f"{residual:.6g}", int(used)])
    return out.getvalue()


def read(file: str, angles: np.ndarray) -> Places:
    """The places of a table, for projections at these angles (rad). Errors: DataError."""
    must_exist(file)
    rows = list(csv.reader(io.StringIO(Path(file).read_text(encoding="utf-8", errors="replace"))))
    if not rows or tuple(rows[0]) != HEAD:
        raise DataError(f"{file}: the first line of shifts is {','.join(HEAD)}")
    try:
        values = np.array([[float(value) for value in row] for row in rows[1:]]).reshape(-1, len(HEAD))
    except ValueError:
        raise DataError(f"{file}: each line needs {len(HEAD)} numbers, as {','.join(HEAD)}") from None
    if len(values) != len(angles):
        raise DataError(f"{file} has shifts of {len(values)} projections; the data have {len(angles)}")
    if not np.isfinite(values).all():
        raise DataError(
            f"{file}: line {2 + np.argwhere(~np.isfinite(values))[0][0]} has a value that is no number"
        )
    off = np.abs(values[:, 0] - np.rad2deg(angles))
    if off.max() > 1e-3:
        k = int(off.argmax())
        raise DataError(
            f"{file}: projection {k} is at {values[k, 0]:g} degrees there, at {np.rad2deg(angles[k]):g} in "
            "the data"
        )
    return Places(angles, *values[:, 1:4].T.copy(), values[:, 4] > 0)
