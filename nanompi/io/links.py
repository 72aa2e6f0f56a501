"""Links between files: external links, virtual and external datasets, followed here before HDF5 follows them.

HDF5 opens whatever a link names: a FIFO stops the program for ever, a virtual dataset that names itself ends
it by a segmentation fault. So each file behind a link must be a regular one, found by HDF5's own rules
(H5Lcreate_external, H5Pset_virtual, H5Pset_external in its reference manual), and no way may lead back to
where it began.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from nanompi.errors import DataError
from nanompi.io.fingerprint import note

LONGEST = 16  # links one after another: HDF5 follows no more, either
ORIGIN = "${ORIGIN}"
LINKED, VIRTUAL, EXTERNAL = "HDF5_EXT_PREFIX", "HDF5_VDS_PREFIX", "HDF5_EXTFILE_PREFIX"  # of the environment


@dataclass(frozen=True)
class LinkedSource:
    """Where values of a virtual or external dataset stand.

    written : the name of the file as the dataset has it; file: its path here, "" when it is missing
    path    : of the dataset in it; "" for the bytes of an external file
    """

    written: str
    file: str
    path: str = ""


def must_be_regular(path: str) -> None:
    """DataError for folders, FIFOs, sockets, devices: to open one may wait for ever. Links are followed."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return  # no file at all: whoever opens it says so
    if not stat.S_ISREG(mode):
        kinds = {stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket", stat.S_IFDIR: "a folder"}
        kind = kinds.get(stat.S_IFMT(mode), "a device")
        raise DataError(f"{path} is {kind}, not a file with data")


def places(written: str, owner: str, variable: str) -> list[str]:
    """Where HDF5 looks for the file that a link or a virtual dataset of the file `owner` names, in its order.

    variable : of the environment, folders with ":" between them; VIRTUAL may begin with ${ORIGIN} instead
    """
    out = [written] if os.path.isabs(written) else []
    name = os.path.basename(written) if out else written
    folder = os.path.dirname(os.path.abspath(owner))
    prefix = os.environ.get(variable, "")
    folders = [f for f in prefix.split(":") if f]
    if variable == VIRTUAL and prefix.startswith(ORIGIN):
        folders = [prefix.replace(ORIGIN, folder, 1)]
    folders += [folder, "", os.path.dirname(os.path.realpath(owner))]
    return list(dict.fromkeys([*out, *(os.path.join(f, name) for f in folders)]))


def place(written: str, owner: str, variable: str) -> str:
    """The first of these that exists, "" where none does. Errors: DataError when it is no regular file."""
    where = places(written, owner, variable)
    path = next((p for p in where if _exists(p)), "")
    must_be_regular(path)
    if not path:
        note(*where)  # when it comes, the values are others
    return path


def _exists(path: str) -> bool:
    return "\0" not in path and os.path.exists(path)


def raw_place(written: str, owner: str) -> str:
    """The external file (bytes without HDF5) of a dataset of the file `owner`, "" where it is missing.

    HDF5 looks in the working folder, or in HDF5_EXTFILE_PREFIX. Errors: DataError when it is no regular file.
    """
    prefix = os.environ.get(EXTERNAL, "")
    if prefix.startswith(ORIGIN):
        prefix = prefix.replace(ORIGIN, os.path.dirname(os.path.abspath(owner)), 1)
    path = os.path.join("" if prefix == "." else prefix, written)
    must_be_regular(path)
    note(path)
    return path if _exists(path) else ""


def sources(data) -> Iterator[LinkedSource]:
    """The sources that an open dataset names itself, each once. Errors: DataError for what is no file."""
    owner = data.file.filename
    for name in dict.fromkeys(name for name, *_ in data.external or ()):
        yield LinkedSource(name, raw_place(name, owner))
    named = (
        dict.fromkeys((s.file_name, s.dset_name) for s in data.virtual_sources()) if data.is_virtual else ()
    )
    found: dict[str, str] = {".": owner}
    for written, path in named:
        for one in _numbered(written, owner) if "%" in written else [written]:
            if one not in found:
                found[one] = place(one, owner, VIRTUAL)
            yield LinkedSource(one, found[one], path)


def _numbered(written: str, owner: str) -> list[str]:
    """The files of a name with %b, from 0 up to the first that is missing."""
    if "%b" not in written.replace("%%", ""):
        return [written.replace("%%", "%")]
    names = (written.replace("%b", str(i)).replace("%%", "%") for i in count())
    out = []
    for name in names:
        if not place(name, owner, VIRTUAL):
            return out
        out.append(name)


def check_way(file, path: str, left: int = LONGEST) -> None:
    """Follow `path` in an open file over all links, so that HDF5 may do it.

    Errors: DataError when a link leads to what is no regular file, or in a circle; what HDF5 raises.
    """
    from nanompi.io.hdf5 import hdf5

    h5py, here = hdf5(), file
    for part in [p for p in path.split("/") if p not in ("", ".")]:
        link = here.get(part, getlink=True) if isinstance(here, h5py.Group) else None
        if link is None:
            return  # whoever opens it says what is missing
        if isinstance(link, h5py.SoftLink | h5py.ExternalLink):
            if left == 0:
                raise DataError(
                    f"{file.filename}: {path} leads over more than {LONGEST} links, perhaps in a circle"
                )
            left -= 1
        if isinstance(link, h5py.SoftLink):
            check_way(here.file if link.path.startswith("/") else here, link.path, left)
        elif isinstance(link, h5py.ExternalLink):
            _check_other(here.file.filename, link, left)
        here = here.get(part)


def _check_other(owner: str, link, left: int) -> None:
    from nanompi.io.hdf5 import is_hdf5, open_hdf5

    for path in places(link.filename, owner, LINKED):
        if not _exists(path):
            continue
        must_be_regular(path)
        if is_hdf5(path):
            with open_hdf5(path) as other:
                return check_way(other, link.path, left)


def check_sources(data, path: tuple = (), deep: bool = True) -> None:
    """Every file behind a virtual or external dataset is a regular one, and none leads back to the dataset.

    deep : open the files and follow what they name, too
    Errors: DataError when files are missing (HDF5 would read zeros in silence), are no files, or in a circle.
    """
    if not data.is_virtual and not data.external:
        return
    where = f"{data.file.filename}: {data.name}"
    here = (os.path.realpath(data.file.filename), data.name)
    if here in path or len(path) >= LONGEST:
        raise DataError(f"{where} is a virtual dataset that names itself; build it anew")
    named = list(sources(data))
    lost = sorted({s.written for s in named if not s.file})
    if lost:
        every = len({s.written for s in named})
        kind, variable = ("virtual", VIRTUAL) if data.is_virtual else ("stored in external files", EXTERNAL)
        raise DataError(
            f"{where} is {kind} and {len(lost)} of its {every} files are missing, first {lost[0]}; put them "
            f"where they were, or name their folder in {variable}"
        )
    if deep:
        _check_below(named, (*path, here))


def _check_below(named: list[LinkedSource], way: tuple) -> None:
    """The datasets that a virtual one is made of, each file opened once."""
    from nanompi.io.hdf5 import hdf5, is_hdf5, open_hdf5

    below: dict[str, list[str]] = {}
    for source in named:
        if source.path:
            below.setdefault(source.file, []).append(source.path)
    for file, paths in below.items():
        if not is_hdf5(file):
            continue  # nothing to follow
        with open_hdf5(file) as other:
            for path in paths:
                check_way(other, path)
                found = other.get(path)
                if isinstance(found, hdf5().Dataset):
                    check_sources(found, way)
