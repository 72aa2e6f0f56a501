"""Prepared frames kept in a folder for later runs, whatever the number of their ranks.

    FOLDER/KEY/index       facts and arrays of the caller, order of the frames
    FOLDER/KEY/part-0000   frames of the writer's rank 0, rising, in blocks of 1 MiB packed by Blosc2

Each file tells torn from whole, and each part names the writing that it belongs to. All of it is written
under another name and renamed when the last rank is done, so that runs at the same time do no harm: the first
one keeps its frames, and those of the others would have been the same. Nothing here ends a run.
"""

import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nanompi.arrayfile import ArrayFile, Torn, Writer, block, open_arrays
from nanompi.lanes import through

BLOCK = 1 << 20  # bytes of frames packed together: little is unpacked in vain by another partition
OLD = 86_400  # s after which what a killed run has left is removed
WRONG = (Torn, OSError, ValueError, RuntimeError, KeyError)  # what reading and writing may raise


@dataclass
class Index:
    """What is kept under a key.

    order : (n,) int64, the frames part by part; sizes: frames of each part
    facts, arrays : what the caller gave `write`
    """

    path: Path
    token: str
    shape: tuple[int, int]
    dtype: np.dtype
    order: np.ndarray
    sizes: list[int]
    facts: dict[str, Any]
    arrays: dict[str, np.ndarray]


def find(team, folder: Path, key: str) -> tuple[Index | None, str]:
    """(what is kept under a key, "") or (None, what is wrong with it: "" = nothing there) (collective)."""
    return team.on_root(lambda: _found(folder / key))


def _found(path):
    try:
        return (_index(path), "") if path.exists() else (None, "")
    except WRONG as error:
        return None, str(error)


def _index(path):
    file = open_arrays(path / "index")
    arrays = {name: file.whole(name) for name in file.arrays}
    told = file.facts
    order, shape = arrays.pop("order"), tuple(told["shape"])
    return Index(
        path, told["token"], shape, np.dtype(told["dtype"]), order, told["sizes"], told["own"], arrays
    )


def read(team, found: Index, own: np.ndarray, threads: int = 1) -> tuple[np.ndarray | None, str]:
    """(frames `own` of this rank, "") or (None, what is wrong on some rank) (collective).

    (len(own), h, w) of the dtype that was kept.
    """
    try:
        counts, wrong = _own(found, own, threads), ""
    except WRONG as error:
        counts, wrong = None, f"rank {team.rank}: {error}"
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


def _part(found, k, rows, where, counts, threads):
    """Rows of a part, rising, into the rows `where` of `counts`; threads unpack block after block."""
    told = open_arrays(found.path / _name(k))
    if told.facts["token"] != found.token:
        raise Torn(f"{_name(k)} is of another writing than its index")
    with open(told.path, "rb") as file:

        def one(piece):
            number, n, inside, to = piece
            if len(inside) == n and to[-1] - to[0] + 1 == n and np.all(np.diff(to) == 1):
                told.block(file, "counts", number, counts[to[0] : to[-1] + 1])
            else:
                counts[to] = told.block(file, "counts", number)[inside]

        for _ in through(threads if threads > 1 else 0, one, _pieces(told, rows, where)):
            pass


def _pieces(told: ArrayFile, rows, where) -> Iterator[tuple]:
    """(block, its rows, which of them are wanted, where they go) for each block with wanted rows."""
    sizes = [b[0] for b in told.arrays["counts"]["blocks"]]
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
    token = team.on_root(lambda: uuid.uuid4().hex[:12])
    beside = folder / f".{key}.{token}.tmp"
    wrong = team.on_root(lambda: _tried(lambda: _room(folder, key, beside)))
    if not wrong:
        order = np.argsort(parts[team.rank], kind="stable")
        wrong = _tried(lambda: _write_part(beside / _name(team.rank), token, counts, order, threads))
    wrongs = [w for w in team.allgather(wrong) if w]
    return team.on_root(lambda: _end(wrongs, folder / key, beside, (token, counts, parts, more)))


def _tried(work) -> str:
    """What went wrong, "" if nothing did."""
    try:
        work()
    except WRONG as error:
        return str(error)
    return ""


def _room(folder, key, beside):
    """An empty folder to write into; what runs have left that were killed long ago is removed."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(f".{key}.*.tmp"):
        with suppress(OSError):
            if time.time() - old.stat().st_mtime > OLD:
                shutil.rmtree(old, ignore_errors=True)
    beside.mkdir()


def _write_part(path, token, counts, order, threads):
    step = max(1, BLOCK // max(1, counts[:1].nbytes))
    cuts = (order[i : i + step] for i in range(0, len(order), step))
    with open(path, "wb", buffering=0) as file:
        writer = Writer(file)
        made = through(threads if threads > 1 else 0, lambda rows: block(counts[rows], True), cuts)
        writer.made("counts", counts.shape, counts.dtype, made)
        writer.close({"token": token})


def _end(wrongs, path, beside, what) -> str:
    """Rank 0: the index, and the name that counts; or nothing is left."""
    wrong = wrongs[0] if wrongs else _tried(lambda: _finish(path, beside, *what))
    for left in path.parent.glob(f"{beside.name}*"):
        shutil.rmtree(left, ignore_errors=True)
    return wrong


def _finish(path, beside, token, counts, parts, more):
    facts, arrays = more
    told = {"token": token, "shape": counts.shape[1:], "dtype": counts.dtype.str, "own": facts}
    with open(beside / "index", "wb", buffering=0) as file:
        writer = Writer(file)
        writer.whole("order", np.concatenate([np.sort(p) for p in parts]).astype(np.int64))
        for name, array in arrays.items():
            writer.whole(name, array)
        writer.close({**told, "sizes": [len(p) for p in parts]})
    if path.exists() and not whole(path):
        path.rename(f"{beside}.tmp")  # goes with it
    with suppress(FileExistsError):
        _rename(beside, path)


def _rename(beside, path):
    """As a folder: where another run was first, FileExistsError."""
    try:
        beside.rename(path)
    except OSError:
        if path.exists():
            raise FileExistsError(path) from None
        raise


def whole(path: Path) -> bool:
    """Can all of what is kept in a folder FOLDER/KEY be read?"""
    try:
        found = _index(path)
        for k in range(len(found.sizes)):
            part = open_arrays(path / _name(k))
            part.verify()
            if part.facts["token"] != found.token:
                return False
    except WRONG:
        return False
    return True


def _name(rank: int) -> str:
    return f"part-{rank:04d}"
