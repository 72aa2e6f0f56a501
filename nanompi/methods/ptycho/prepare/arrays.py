"""One frame (a mask, a dark image) from a file that the job names."""

from pathlib import Path

import numpy as np

from nanompi.errors import DataError, nearest
from nanompi.io.hdf5 import dataset, foreign, must_exist, open_hdf5
from nanompi.io.unwritten import complete


def frame(name: str, inner: str, shape: tuple[int, int], what: str) -> np.ndarray:
    """The array in file.npy, of file.npz (`inner` = its name) or of an HDF5 file (`inner` = path).

    shape : (rows, columns) of the detector frames, as the array must have; leading axes of length 1 go
    Errors: DataError naming the file and what is wrong with it.
    """
    file, where = Path(name), f"{what}: {name} {inner}".strip()
    with foreign(where):
        must_exist(str(file))
        found = np.asarray(_READ.get(file.suffix.lower(), _hdf5)(file, inner))
        if found.dtype.kind not in "biuf":
            raise DataError(f"{where} holds values of type {found.dtype}; real numbers are needed")
        while found.ndim > 2 and found.shape[0] == 1:
            found = found[0]
    if found.shape != tuple(shape):
        raise DataError(
            f"{where} has the shape {found.shape}, the frames have {tuple(shape)}; they must agree"
        )
    return found


def _npy(file, inner):
    return np.load(file, allow_pickle=False)


def _npz(file, inner):
    with np.load(file, allow_pickle=False) as npz:
        keys = npz.files
        if not keys or (inner and inner not in keys):
            raise DataError(
                f'{file}: no array "{inner}"{nearest(inner, keys)}; there are {", ".join(keys) or "none"}'
            )
        return npz[inner or keys[0]]


def _hdf5(file, inner):
    with open_hdf5(str(file)) as h5:
        if not inner:
            raise DataError(f"{file}: say which array is meant, as `path: /entry/name`")
        return complete(dataset(h5, inner), f"{file}: {inner}")


_READ = {".npy": _npy, ".npz": _npz}
