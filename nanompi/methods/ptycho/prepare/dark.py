"""The dark image (or a constant background): subtracted, and what falls below zero is zero."""

import numpy as np

from nanompi.errors import DataError
from nanompi.methods.ptycho.prepare.arrays import frame
from nanompi.step import param, section


@section
class Dark:
    """A dark image from a file."""

    file: str = param(kind="file", help="npy, npz or HDF5 file")
    path: str = param("", help="which array of it, for npz and HDF5")


def dark(given, stored, shape) -> np.ndarray | None:
    """(rows, columns) float32 in the order of the stored frames, or None where there is nothing to subtract.

    given  : a number, a Dark, or "auto" = `stored`, the dark image of the scan file, if it has one
    Errors: DataError.
    """
    if given == "auto":
        found = stored
    elif isinstance(given, Dark):
        found = frame(given.file, given.path, shape, "dark")
    else:
        found = given or None
    if found is None:
        return None
    found = np.broadcast_to(np.asarray(found, np.float32), shape)
    if not np.all(np.isfinite(found)):
        raise DataError(
            "dark: the dark image holds values that are not numbers; give them 0 and mask those pixels"
        )
    return np.ascontiguousarray(found) if found.any() else None


def subtract(block: np.ndarray, image: np.ndarray | None) -> np.ndarray:
    """(k, h, w) counts minus the image, at least 0; float32."""
    return block if image is None else np.maximum(block - image, np.float32(0)).astype(np.float32, copy=False)
