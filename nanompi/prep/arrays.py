"""One frame (a mask, a dark image) from a file that the job names."""

from pathlib import Path

import numpy as np

from nanompi.errors import DataError


def frame(name: str, shape: tuple[int, int], what: str) -> np.ndarray:
    """The array in "file.npy", "file.npz:name" or "file.h5:/path/in/file": (rows, columns) as stored.

    shape : of the detector frames, which the array must have (leading axes of length 1 are dropped).
    Errors: DataError naming the file and what is wrong with it.
    """
    file, inner = _parted(name)
    if not file.is_file():
        raise DataError(f"{what}: there is no file {file}")
    try:
        found = _READ.get(file.suffix.lower(), _hdf5)(file, inner)
    except (OSError, ValueError, KeyError) as e:
        raise DataError(f"{what}: {file} cannot be read: {e}") from None
    found = np.asarray(found)
    found = found.reshape(found.shape[-2:]) if found.size == np.prod(found.shape[-2:]) else found
    if found.shape != tuple(shape):
        raise DataError(f"{what}: {name} has the shape {found.shape}, the frames have {tuple(shape)}")
    return found


def _parted(name):
    """File and the path inside it, split at the last colon that follows an existing file's name."""
    head, colon, tail = name.rpartition(":")
    return (Path(head), tail) if colon and not Path(name).exists() else (Path(name), "")


def _npz(file, inner):
    with np.load(file) as npz:
        if inner and inner not in npz.files:
            raise KeyError(f'no array "{inner}"; there are {", ".join(npz.files)}')
        return npz[inner or npz.files[0]]


def _hdf5(file, inner):
    import h5py

    if not inner:
        raise ValueError("say which array is meant, as file.h5:/path/in/file")
    with h5py.File(file) as h5:
        if inner not in h5:
            raise KeyError(f"no dataset {inner}")
        return h5[inner][()]


_READ = {".npy": lambda file, inner: np.load(file), ".npz": _npz}
