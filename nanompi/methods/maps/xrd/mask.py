"""Which pixels of diffraction frames count, and the images that correct them."""

from typing import Literal

import numpy as np

from nanompi.data.data import Data
from nanompi.errors import DataError
from nanompi.methods.ptycho.prepare.arrays import frame
from nanompi.step import param, section


@section
class Image:
    """One image of the shape of the frames, in a file."""

    file: str = param("", kind="file", help="npy, npz or HDF5")
    path: str = param("", help="which array of it, for npz and HDF5")

    def read(self, shape, what: str) -> np.ndarray | None:
        """(rows, columns), None where no file is named. Errors: DataError."""
        return frame(self.file, self.path, shape, what) if self.file else None


@section
class Mask(Image):
    """Pixels that count: those of the scan's own mask; of these, values from 0 to below `saturated`."""

    invert: bool = param(False, help="the mask file has non-zero = bad")
    saturated: float | Literal["auto"] = param(
        "auto", help="values from here on are not measured; auto = the largest value of an integer type"
    )
    hot: float | None = param(
        None, gt=0, help="leave out pixels of a frame so many sigma above the median of their ring"
    )

    def good(self, data: Data) -> np.ndarray:
        """(rows, columns) bool. Errors: DataError for the file."""
        shape = data.shape[-2:]
        good = np.broadcast_to(np.asarray(data.beside.get("mask", True), bool), shape)
        own = self.read(shape, "mask.file")
        return good if own is None else good & ((own != 0) != self.invert) & (own == own)

    def top(self, dtype: np.dtype) -> float:
        """The value from which on nothing was measured."""
        most = float(np.iinfo(dtype).max) if dtype.kind in "iu" else np.inf
        return most if self.saturated == "auto" else min(most, float(self.saturated))


def dark_and_flat(dark: Image, flat: Image, data: Data) -> tuple[np.ndarray, np.ndarray]:
    """(P,) float32 counts without a beam, and response of each pixel. Errors: DataError."""
    shape = data.shape[-2:]
    d, f = dark.read(shape, "dark.file"), flat.read(shape, "flat.file")
    d = np.zeros(shape) if d is None else d
    f = np.ones(shape) if f is None else f / f[f > 0].mean() if (f > 0).any() else f
    if not np.isfinite(d).all() or not (f > 0).any():
        raise DataError("dark.file must hold finite numbers, flat.file some above 0")
    return d.ravel().astype(np.float32), f.ravel().astype(np.float32)
