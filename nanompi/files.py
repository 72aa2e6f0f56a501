"""HDF5 files: opened without file locks, links followed, filters loaded, each failure said in words."""

import os
from pathlib import Path

from nanompi.errors import DataError, ResourceError, nearest

FILTERS = {1: "gzip", 2: "shuffle", 3: "fletcher32", 4: "szip", 5: "nbit", 6: "scaleoffset", 32000: "LZF",
           32001: "Blosc", 32004: "LZ4", 32008: "bitshuffle", 32013: "ZFP", 32015: "Zstandard", 32017: "SZ",
           32018: "FCIDECOMP", 32022: "JPEG",
           32024: "SZ3", 32026: "Blosc2", 32028: "SPERR", 307: "bzip2"}  # fmt: skip
SIGNATURE = b"\x89HDF\r\n\x1a\n"


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
        with open(path, "rb") as file:
            head = file.read(2048 + 8)
    except OSError:
        return False
    return any(head[at : at + 8] == SIGNATURE for at in (0, 512, 1024, 2048))


def must_exist(path: str) -> None:
    """DataError when `path` is no readable file, with the nearest name in its folder."""
    if os.path.isfile(path) and os.access(path, os.R_OK):
        return
    if os.path.isdir(path):
        raise DataError(f"{path} is a folder; name the scan file in it")
    if os.path.exists(path):
        raise DataError(f"{path} cannot be read: no permission")
    folder = Path(path).parent
    if not folder.is_dir():
        raise DataError(f"{path} does not exist, nor does its folder; the working folder is {os.getcwd()}")
    raise DataError(f"{path} does not exist{nearest(Path(path).name, os.listdir(folder))}")


def open_hdf5(path: str):
    """An h5py.File for reading. Errors: DataError with the size and the likely reason."""
    must_exist(path)
    h5py = hdf5()
    try:
        return h5py.File(path, "r")
    except OSError as error:
        size = os.path.getsize(path)
        if not is_hdf5(path):
            raise DataError(f"{path} ({size} bytes) is not an HDF5 file") from None
        raise DataError(
            f"{path} ({size} bytes) begins like HDF5 but cannot be opened ({_reason(error)}); it is "
            "truncated, damaged or still being written: compare its size with the original and copy it "
            "again"
        ) from None


def _reason(error: Exception) -> str:
    text = str(error)
    return text[text.find("(") + 1 : text.rfind(")")] if "(" in text else text


def dataset(file, path: str):
    """The dataset at `path` of an open file, filters loaded.

    Errors: DataError with the nearest name, ResourceError.
    """
    h5py = hdf5()
    try:
        found = file[path]
    except (KeyError, OSError, RuntimeError) as error:
        raise DataError(_missing(file, path, error)) from None
    if not isinstance(found, h5py.Dataset):
        raise DataError(
            f"{file.filename}: {path} is a group with {', '.join(found) or 'nothing'}; name a dataset"
        )
    need_filters(found)
    need_sources(found)
    return found


def _missing(file, path: str, error: Exception) -> str:
    """Why `path` cannot be had: a broken link, or no such name (with the nearest)."""
    h5py = hdf5()
    try:
        link = file.get(path, getlink=True)
    except (KeyError, OSError, RuntimeError):
        link = None
    if isinstance(link, h5py.ExternalLink):
        return f"{file.filename}: {path} links to {link.path} in {link.filename}, which cannot be opened"
    if isinstance(link, h5py.SoftLink):
        return f"{file.filename}: {path} links to {link.path}, which does not exist"
    known = names(file)
    some = ", ".join(known[:12]) + (" ..." if len(known) > 12 else "")
    return f"{file.filename}: no dataset {path}{nearest(path, known)}; the file has {some or 'no dataset'}"


def names(file, most: int = 2000) -> list[str]:
    """Paths of the datasets of an open file (links are not followed), at most `most` of them."""
    h5py = hdf5()
    found: list[str] = []

    def note(name, thing):
        if isinstance(thing, h5py.Dataset):
            found.append("/" + name)
        return True if len(found) >= most else None

    file.visititems(note)
    return found


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


def need_sources(data) -> None:
    """DataError when files of a virtual dataset are missing: HDF5 would read zeros in silence."""
    if not data.is_virtual:
        return
    folder = Path(data.file.filename).parent
    wanted = {s.file_name for s in data.virtual_sources()} - {"."}
    lost = sorted(w for w in wanted if "%" not in w and not (folder / w).exists() and not Path(w).exists())
    if lost:
        raise DataError(
            f"{data.file.filename}: {data.name} is virtual and {len(lost)} of its {len(wanted)} files are "
            f"missing, first {lost[0]}; put them where they were"
        )


def unit(data) -> str:
    """The `units` attribute of a dataset as text, '' when there is none."""
    value = data.attrs.get("units", data.attrs.get("unit", ""))
    value = value[0] if getattr(value, "shape", ()) else value
    return (value.decode() if isinstance(value, bytes) else str(value)).strip()
