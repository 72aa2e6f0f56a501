"""Prepared frames kept in a folder for later runs, whatever the number of their ranks.

    FOLDER/KEY/index       facts and arrays of the caller, order of the frames
    FOLDER/KEY/part-0000   frames of the writer's rank 0, rising, in blocks of 1 MiB packed by Blosc2

Each file tells torn from whole, and the index holds the seal of each part (a hash over its checksums). The
folder may be shared: only files that this user (or root) has made and nobody else can write are read, through
no link, and under no other name than they were written for. All of it is written under another name and
renamed when the last rank is done, so that runs at the same time do no harm: the first one keeps its frames,
and those of the others would have been the same. Nothing here ends a run.
"""

import os
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nanompi.io.arrayfile import ArrayFile, Torn, Writer, block, open_arrays
from nanompi.io.atomic import of_this_user, remove, trusted
from nanompi.io.prefetch import through

BLOCK = 1 << 20  # bytes of frames packed together: little is unpacked in vain by another partition
DTYPES = ("<u2", "<f4")  # of counts
OLD = 86_400  # s after which what a killed run has left is removed
WRONG = (Torn, OSError, ValueError, RuntimeError, MemoryError)  # what reading and writing may raise


@dataclass
class Index:
    """What is kept under a key.

    order : (n,) int64, the frames part by part; sizes: frames of each part; seals: of each part
    facts, arrays : what the caller gave `write`
    """

    path: Path
    shape: tuple[int, int]
    dtype: np.dtype
    order: np.ndarray
    sizes: list[int]
    seals: list[str]
    facts: dict[str, Any]
    arrays: dict[str, np.ndarray]


def find(team, folder: Path, key: str) -> tuple[Index | None, str]:
    """(what is kept under a key, "") or (None, what is wrong with it: "" = nothing there) (collective)."""
    return team.on_root(lambda: _found(folder / key))


def _found(path):
    try:
        return (_index(path), "") if os.path.lexists(path) else (None, "")
    except WRONG as error:
        return None, _words(error)


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__


def _index(path: Path) -> Index:
    """The index of FOLDER/KEY, if all that it says fits. Errors: WRONG."""
    status = os.lstat(path)
    if not stat.S_ISDIR(status.st_mode):
        raise Torn(f"{path.name} is no folder")
    of_this_user(status, path)
    file = open_arrays(path / "index", trusted)
    facts = {name: file.facts.get(name) for name in ("key", "shape", "dtype", "sizes", "seals", "own")}
    key, shape, dtype, sizes, seals, own = facts.values()
    arrays = {name: file.whole(name) for name in file.arrays}
    order = arrays.pop("order", None)
    if key != path.name:
        raise Torn(f"index: it was written for {key!r:.40}, not for {path.name}")
    if order is None or not _adds_up(order, sizes) or not _counts(shape, 2) or not _counts(sizes, len(sizes)):
        raise Torn("index: its parts do not make up the frames")
    if (
        dtype not in DTYPES
        or not isinstance(seals, list)
        or len(seals) != len(sizes)
        or type(own) is not dict
    ):
        raise Torn("index: it does not say what the parts hold")
    return Index(path, tuple(shape), np.dtype(dtype), order, sizes, seals, own, arrays)


def _counts(numbers, n: int) -> bool:
    """Are these n whole numbers from 1 on?"""
    return isinstance(numbers, list) and len(numbers) == n and all(type(v) is int and v > 0 for v in numbers)


def _adds_up(order: np.ndarray, sizes) -> bool:
    """Is each of the frames 0, 1, ... in one part?"""
    whole = isinstance(sizes, list) and _counts(sizes, len(sizes)) and sum(sizes) == order.size
    return whole and order.dtype == np.int64 and np.array_equal(np.sort(order), np.arange(sum(sizes)))


def read(team, found: Index, own: np.ndarray, threads: int = 1) -> tuple[np.ndarray | None, str]:
    """(frames `own` of this rank, "") or (None, what is wrong on some rank) (collective).

    (len(own), h, w) of the dtype that was kept.
    """
    try:
        counts, wrong = _own(found, own, threads), ""
    except WRONG as error:
        counts, wrong = None, f"rank {team.rank}: {_words(error)}"
    wrongs = [w for w in team.allgather(wrong) if w]
    return (None, wrongs[0]) if wrongs else (counts, "")


def _own(found, own, threads):
    counts = np.empty((len(own), *found.shape), found.dtype)
    place = np.empty(len(found.order), np.int64)
    place[found.order] = np.arange(len(found.order))
    place, edges = place[own], np.cumsum([0, *found.sizes])
    part = np.searchsorted(edges, place, "right") - 1
    for k in np.unique(part).tolist():
        where = np.flatnonzero(part == k)
        where = where[np.argsort(place[where])]
        _part(found, k, place[where] - edges[k], where, counts, threads)
    return counts


def _sealed(found: Index, k: int) -> ArrayFile:
    """Part k, which is the one that the index was written for. Errors: Torn, OSError."""
    part = open_arrays(found.path / _name(k), trusted)
    if part.seal != found.seals[k]:
        raise Torn(f"{_name(k)} is of another writing than its index")
    counts = part.arrays.get("counts", {})
    want = [[found.sizes[k], *found.shape], found.dtype.str]
    if [counts.get("shape"), counts.get("dtype")] != want:
        raise Torn(f"{_name(k)} does not hold the frames that its index says")
    return part


def _part(found, k, rows, where, counts, threads):
    """Rows of a part, rising, into the rows `where` of `counts`; threads unpack block after block."""
    part = _sealed(found, k)
    with part.open() as file:

        def one(piece):
            number, n, inside, to = piece
            if len(inside) == n and to[-1] - to[0] + 1 == n and np.all(np.diff(to) == 1):
                part.block(file, "counts", number, counts[to[0] : to[-1] + 1])
            else:
                counts[to] = part.block(file, "counts", number)[inside]

        for _ in through(threads if threads > 1 else 0, one, _pieces(part, rows, where)):
            pass


def _pieces(part: ArrayFile, rows, where) -> Iterator[tuple]:
    """(block, its rows, which of them are wanted, where they go) for each block with wanted rows."""
    sizes = [b[0] for b in part.arrays["counts"]["blocks"]]
    edges = np.cumsum([0, *sizes])
    cuts = np.searchsorted(rows, edges)
    for k in np.flatnonzero(np.diff(cuts)).tolist():
        mine = slice(cuts[k], cuts[k + 1])
        yield k, sizes[k], rows[mine] - edges[k], where[mine]


def write(team, folder: Path, key: str, counts: np.ndarray, parts: list, more, threads: int = 1) -> str:
    """Keep frames under a key (collective). "" or what went wrong; then nothing is kept.

    counts : of this rank, as `parts[team.rank]`; parts: global indices of all ranks
    more   : (facts, arrays) of the caller, of rank 0
    What is there already under the key is replaced only where it is torn.
    """
    temporary = team.on_root(lambda: folder / f".{key}.{secrets.token_hex(6)}.tmp")
    wrong, seal = team.on_root(lambda: _tried(lambda: _room(folder, key, temporary)))
    if not wrong:
        order = np.argsort(parts[team.rank], kind="stable")
        wrong, seal = _tried(lambda: _write_part(temporary / _name(team.rank), counts, order, threads))
    ends = team.allgather((wrong, seal))
    wrong = next((w for w, _ in ends if w), "")
    seals = [s for _, s in ends]
    return team.on_root(lambda: _end(wrong, folder / key, temporary, (seals, counts, parts, more)))


def _tried(work) -> tuple[str, Any]:
    """(what went wrong, None), ("", what `work` gave) if nothing did."""
    try:
        return "", work()
    except WRONG as error:
        return _words(error), None


def _room(folder, key, temporary):
    """An empty folder to write into; what runs have left that were killed long ago is removed."""
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    for old in folder.glob(f".{key}.*.tmp"):
        with suppress(OSError):
            if time.time() - old.stat().st_mtime > OLD:
                shutil.rmtree(old, ignore_errors=True)
    temporary.mkdir(mode=0o755)


def _write_part(path, counts, order, threads) -> str:
    """The seal of the part."""
    step = max(1, BLOCK // max(1, counts[:1].nbytes))
    cuts = (order[i : i + step] for i in range(0, len(order), step))
    with open(path, "xb", buffering=0, opener=trusted) as file:
        writer = Writer(file)
        made = through(threads if threads > 1 else 0, lambda rows: block(counts[rows], True), cuts)
        writer.made("counts", counts.shape, counts.dtype, made)
        return writer.close({"part": path.name})


def _end(wrong: str, path, temporary, what) -> str:
    """Rank 0: the index, and the name that counts; or nothing is left."""
    wrong = wrong or _tried(lambda: _finish(path, temporary, *what))[0]
    for left in path.parent.glob(f"{temporary.name}*"):
        remove(left)
    return wrong


def _finish(path, temporary, seals, counts, parts, more):
    facts, arrays = more
    header = {"key": path.name, "shape": counts.shape[1:], "dtype": counts.dtype.str, "own": facts}
    with open(temporary / "index", "xb", buffering=0, opener=trusted) as file:
        writer = Writer(file)
        writer.whole("order", np.concatenate([np.sort(p) for p in parts]).astype(np.int64))
        for name, array in arrays.items():
            writer.whole(name, array)
        writer.close({**header, "sizes": [len(p) for p in parts], "seals": seals})
    if os.path.lexists(path) and not whole(path):
        path.rename(f"{temporary}.tmp")  # goes with it
    with suppress(FileExistsError):
        _rename(temporary, path)


def _rename(temporary, path):
    """As a folder: where another run was first, FileExistsError."""
    try:
        temporary.rename(path)
    except OSError:
        if os.path.lexists(path):
            raise FileExistsError(path) from None
        raise


def whole(path: Path) -> bool:
    """Can all of what is kept in a folder FOLDER/KEY be read?"""
    try:
        found = _index(path)
        for k in range(len(found.sizes)):
            _sealed(found, k).verify()
    except WRONG:
        return False
    return True


def _name(rank: int) -> str:
    return f"part-{rank:04d}"
