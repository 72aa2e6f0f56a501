"""One frame (a mask, a dark image) from a file that the job names."""

from pathlib import Path

import numpy as np

from nanompi.errors import DataError


def frame(name: str, inner: str, shape: tuple[int, int], what: str) -> np.ndarray:
    """The array in file.npy, of file.npz (`inner` = its name) or of an HDF5 file (`inner` = path).

    shape : (rows, columns) of the detector frames, as the array must have; leading axes of length 1 go
    Errors: DataError naming the file and what is wrong with it.
    """
    file = Path(name)
    if not file.is_file():
        raise DataError(f"{what}: there is no file {file}")
    try:
        found = np.asarray(_READ.get(file.suffix.lower(), _hdf5)(file, inner))
    except (OSError, ValueError, KeyError) as e:
        raise DataError(f"{what}: {file} cannot be read: {e}") from None
    found = found.reshape(found.shape[-2:]) if found.size == np.prod(found.shape[-2:]) else found
    if found.shape != tuple(shape):
        where = f"{file} {inner}".strip()
        raise DataError(f"{what}: {where} has the shape {found.shape}, the frames have {tuple(shape)}")
    return found


def _npz(file, inner):
    with np.load(file) as npz:
        if inner and inner not in npz.files:
            raise KeyError(f'no array "{inner}"; there are {", ".join(npz.files)}')
        return npz[inner or npz.files[0]]


def _hdf5(file, inner):
    import h5py

    if not inner:
        raise ValueError("say which array is meant, as path: /entry/name")
    with h5py.File(file) as h5:
        if inner not in h5:
            raise KeyError(f"no dataset {inner}")
        return h5[inner][()]


_READ = {".npy": lambda file, inner: np.load(file), ".npz": _npz}
