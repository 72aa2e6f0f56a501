"""Opens HDF5 files of others: one guard around every access; no locks, links followed, filters loaded."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import numpy as np

from nanompi.errors import DataError, NanompiError, ResourceError, nearest
from nanompi.io.fingerprint import note
from nanompi.io.heaps import check_heaps
from nanompi.io.links import check_sources, check_way, must_be_regular

FILTERS = {1: "gzip", 2: "shuffle", 3: "fletcher32", 4: "szip", 5: "nbit", 6: "scaleoffset", 32000: "LZF",
           32001: "Blosc", 32004: "LZ4", 32008: "bitshuffle", 32013: "ZFP", 32015: "Zstandard", 32017: "SZ",
           32018: "FCIDECOMP", 32022: "JPEG",
           32024: "SZ3", 32026: "Blosc2", 32028: "SPERR", 307: "bzip2"}  # fmt: skip
SIGNATURE = b"\x89HDF\r\n\x1a\n"
_growing: set[str] = set()
MOST_NAMES, MOST_SEEN, DEEPEST = 2000, 20_000, 50  # of a file, when its datasets are listed


@contextmanager
def foreign(where: str) -> Iterator[None]:
    """The guard around every access to a file of others: `with foreign("scan.h5: /entry/data"): ...`

    A damaged or odd file makes libraries raise anything. Errors: our own pass; ResourceError where memory is
    not enough; for any other exception DataError with `where` and what the library said, chained to it.
    """
    try:
        yield
    except NanompiError:
        raise
    except MemoryError as error:
        raise ResourceError(
            f"{where} does not fit into memory ({reason(error)}); is its size right?"
        ) from error
    except Exception as error:
        raise DataError(
            f"{where} cannot be read ({reason(error)}); it is damaged, or not what this program expects there"
        ) from error


def reason(error: BaseException) -> str:
    """What a library said, in one line of at most 200 characters."""
    text = " ".join(str(error).split()) or type(error).__name__
    inner = text[text.find("(") + 1 : text.rfind(")")] if text.endswith(")") and "(" in text else text
    text = inner or text
    return text if len(text) <= 200 else text[:197] + "..."


def hdf5():
    """The module h5py, with file locks off: many ranks read one file, often where locks do not work.

    HDF5 reads the variable when it is loaded. Locks are not turned off per file, because HDF5 refuses to
    open a file twice in one process with two settings.
    """
    os.environ.setdefault("HDF5_USE_FILE_LOCKING", "FALSE")
    import h5py

    return h5py


def is_hdf5(path: str) -> bool:
    """Does the file begin like HDF5 (at 0, 512, 1024 or 2048 bytes)? False when it cannot be read."""
    try:
        if not os.path.isfile(path):
            return False
        with open(path, "rb") as file:
            head = file.read(2048 + 8)
    except (OSError, ValueError):
        return False
    return any(head[at : at + 8] == SIGNATURE for at in (0, 512, 1024, 2048))


def must_exist(path: str) -> None:
    """DataError when `path` is no readable file, with the nearest name in its folder."""
    with foreign(short(path)):
        if os.path.isdir(path):
            raise DataError(f"{path} is a folder; name the file in it")
        must_be_regular(path)
        if os.path.isfile(path) and os.access(path, os.R_OK):
            note(path)
            return
        if os.path.exists(path):
            raise DataError(f"{path} cannot be read: no permission")
        if os.path.islink(path):
            raise DataError(f"{path} is a link to {os.readlink(path)}, which does not lead to a file")
        folder = Path(path).parent
        if not folder.is_dir():
            raise DataError(
                f"{short(path)} does not exist, nor does its folder; the working folder is {os.getcwd()}"
            )
        raise DataError(f"{short(path)} does not exist{nearest(Path(path).name, os.listdir(folder))}")


def short(text: str) -> str:
    """A name for a message: its beginning when it is longer than 200 characters."""
    return text if len(text) <= 200 else text[:197] + "..."


def let_grow(path: str) -> None:
    """From now on this file may be read while its writer adds to it for readers (SWMR), in this process."""
    _growing.add(os.path.abspath(path))


def open_hdf5(path: str):
    """An h5py.File for reading; its `swmr_mode` is True for one that grows (`let_grow`).

    Errors: DataError with the size and the likely reason.
    """
    must_exist(path)
    with foreign(path):
        check_heaps(path)
    try:
        return _opened(path)
    except Exception as error:
        size = os.path.getsize(path)
        if not is_hdf5(path):
            raise DataError(f"{path} ({size} bytes) is not an HDF5 file") from None
        raise DataError(
            f"{path} ({size} bytes) begins like HDF5 but cannot be opened ({reason(error)}); {_advice(error)}"
        ) from error


def _opened(path: str):
    h5py = hdf5()
    try:
        return h5py.File(path, "r")
    except OSError:
        if os.path.abspath(path) not in _growing:
            raise
        return h5py.File(path, "r", swmr=True, libver="latest")


def _advice(error: Exception) -> str:
    if "lock file" in str(error):
        return "another process holds it: wait until it is closed, or set HDF5_USE_FILE_LOCKING=FALSE"
    if "open for write" in str(error):
        return (
            "it is still being written (`live: true` in the input section takes what is there so far, where "
            "its writer allows that), or its writer crashed: then `h5clear -s` on a copy of it may help"
        )
    return (
        "it is truncated, damaged or still being written: compare its size with the original, copy it again"
    )


def at(file, path: str):
    """The group or dataset at `path` of an open file, its links followed with care; None where nothing is.

    Errors: DataError.
    """
    with foreign(f"{file.filename}: {short(path)}"):
        check_way(file, path)
        return file.get(path)


def dataset(file, path: str, checked: bool = False):
    """The dataset at `path` of an open file, its links followed with care, filters loaded.

    checked : rank 0 has followed the links and the virtual sources before
    Errors: DataError with the nearest name, ResourceError.
    """
    with foreign(f"{file.filename}: {short(path)}"):
        if not checked:
            check_way(file, path)
        found = _found(file, path)
        need_filters(found)
        check_sources(found, deep=not checked)
        return found


def _found(file, path: str):
    try:
        found = file[path]
    except Exception as error:
        raise DataError(_missing(file, path)) from error
    if isinstance(found, hdf5().Dataset):
        return found
    some = ", ".join(islice(found, 12)) if isinstance(found, hdf5().Group) else ""
    raise DataError(f"{file.filename}: {path} is a group with {some or 'nothing'}; name a dataset")


def _missing(file, path: str) -> str:
    """Why `path` cannot be had: a broken link, or no such name (with the nearest)."""
    h5py = hdf5()
    try:
        link = file.get(path, getlink=True)
    except Exception:
        link = None
    where = f"{file.filename}: {short(path)}"
    if isinstance(link, h5py.ExternalLink):
        return f"{where} links to {link.path} in {link.filename}, which cannot be opened"
    if isinstance(link, h5py.SoftLink):
        return f"{where} links to {link.path}, which does not exist"
    if link is not None:
        return f"{where} is there but cannot be opened; the file is damaged: copy it again"
    known = names(file)
    some = ", ".join(known[:12]) + (" ..." if len(known) > 12 else "")
    return (
        f"{file.filename}: no dataset {short(path)}{nearest(short(path), known)}; the file has "
        f"{some or 'no dataset'}"
    )


def names(file) -> list[str]:
    """Paths of the datasets of an open file, those of each group together; links are not followed.

    At most MOST_NAMES of them, of at most MOST_SEEN members, DEEPEST groups deep, without what is damaged.
    """
    return [path for path, thing in walk(file) if isinstance(thing, hdf5().Dataset)][:MOST_NAMES]


def walk(file) -> Iterator[tuple[str, object]]:
    """(path, group or dataset) of an open file, upper ones first; bounded as `names`, each object once."""
    h5py, seen, left = hdf5(), set(), MOST_SEEN
    waiting = [("", file["/"])]
    while waiting and left > 0:
        path, group = waiting.pop(0)
        for name in islice(_members(group), left):
            left -= 1
            thing = _own(group, name, seen)
            if thing is None:
                continue
            below = f"{path}/{name}"
            yield below, thing
            if isinstance(thing, h5py.Group) and below.count("/") < DEEPEST:
                waiting.append((below, thing))


def _members(group) -> Iterator[str]:
    try:
        yield from group
    except Exception:
        return


def _own(group, name: str, seen: set):
    """The member of a group that stands there itself and was not met before, else None."""
    h5py = hdf5()
    try:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            return None
        thing = group[name]
        mark = h5py.h5o.get_info(thing.id).addr
    except Exception:
        return None
    return None if mark in seen else seen.add(mark) or thing


def whole(data, where: str = "") -> np.ndarray:
    """All values of a small dataset (or array). Errors: DataError, ResourceError naming file and dataset."""
    where = where or f"{data.file.filename}: {data.name}"
    with foreign(where):
        if data.shape is None:
            raise DataError(f"{where} is empty: a dataset without values")
        return np.asarray(data[()])


def real(values, where: str) -> np.ndarray:
    """Numbers as float64, of any shape. Errors: DataError for text, complex numbers, records."""
    values = np.asarray(values)
    if values.dtype.kind in "biuf":
        return values.astype(np.float64)
    what = (
        f'text ("{short(text(values.ravel()))}")'
        if values.dtype.kind in "SUO"
        else f"values of type {values.dtype}"
    )
    raise DataError(f"{where} holds {what} where numbers are needed; name another dataset by `paths:`")


def filters(data) -> list[int]:
    """Numbers of the filters of a dataset, in the order in which they were applied."""
    plan = data.id.get_create_plist()
    return [plan.get_filter(i)[0] for i in range(plan.get_nfilters())]


def need_filters(data) -> None:
    """Load the plug-ins which the dataset needs. ResourceError naming the filter when there is none."""
    h5py = hdf5()
    missing = [f for f in filters(data) if not h5py.h5z.filter_avail(f)]
    if not missing:
        return
    import hdf5plugin  # noqa: F401  registers its filters

    missing = [f for f in missing if not h5py.h5z.filter_avail(f)]
    if missing:
        called = ", ".join(f"{FILTERS.get(f, 'unknown')} ({f})" for f in missing)
        raise ResourceError(
            f"{data.file.filename}: {data.name} is compressed by the HDF5 filter {called}, which hdf5plugin "
            "does not have; set HDF5_PLUGIN_PATH to its plug-in, or repack the file"
        )


def unit(data) -> str:
    """The `units` attribute of a dataset as text, "" when there is none. Errors: DataError."""
    with foreign(f"{data.file.filename}: the unit of {data.name}"):
        value = data.attrs.get("units", data.attrs.get("unit", ""))
        return text(value).strip()


def text(value) -> str:
    """A stored text, or the first of a list of them; "" for nothing."""
    if getattr(value, "shape", ()) != ():  # a list, or h5py.Empty (None)
        value = next(iter(np.ravel(value)), "") if value.shape else ""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
