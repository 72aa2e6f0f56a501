"""Moves rows of arrays over the frames to other ranks, each straight from its old rank to its new one."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

BLOCK = 4 << 20  # bytes of a message
TAG = 71


@dataclass
class Routes:
    """Which rows of this rank go where.

    n     : rows of this rank afterwards
    leave : {rank: (k,) rows here} of all that are here now, also those that stay
    come  : {rank: (k,) rows here afterwards}, in the order in which that rank sends them
    """

    rank: int
    n: int
    leave: dict[int, np.ndarray]
    come: dict[int, np.ndarray]

    @property
    def gone(self) -> int:
        """How many rows leave this rank."""
        return sum(len(rows) for to, rows in self.leave.items() if to != self.rank)


def routes(old: list[np.ndarray], new: list[np.ndarray], rank: int) -> Routes:
    """Routes of a rank. old, new : lists over ranks of global indices of frames, the same frames in both."""
    frames = 1 + max(int(part.max()) for part in new if len(part))
    owner, place = np.full(frames, -1, np.int32), np.zeros(frames, np.int64)
    for r, part in enumerate(new):
        owner[part], place[part] = r, np.arange(len(part))
    to = owner[old[rank]]
    leave = {int(r): np.flatnonzero(to == r) for r in np.unique(to)}
    mine = {r: place[part[owner[part] == rank]] for r, part in enumerate(old)}
    return Routes(rank, len(new[rank]), leave, {r: rows for r, rows in mine.items() if len(rows)})


def moved(team, ways: Routes, take: Callable, shape, dtype, block: int = BLOCK) -> np.ndarray:
    """This rank's rows of an array afterwards: (ways.n, *shape) on the host (collective).

    take  : take(slice) -> rows that are here now, on the host
    shape, dtype : of one row, the same on all ranks

    In each round a block goes to every rank that gets rows, then one comes from each that gives some. No
    rank waits for another to send before it has sent its own. Memory beside the old array: the new one,
    and two blocks for each rank that gets rows from this one.
    """
    out = np.empty((ways.n, *shape), dtype)
    step = max(1, block // max(1, int(np.prod(shape)) * out.itemsize))
    _stay(out, ways, take, step)
    sent, longest = [], max(len(rows) for way in (ways.leave, ways.come) for rows in way.values())
    for i in range(0, longest, step):
        team.wait(sent)
        sent = []
        for to, rows in _others(ways.leave, ways.rank, i, step):
            sent += team.isend(_taken(take, rows, shape, dtype), to, TAG)
        for source, rows in _others(ways.come, ways.rank, i, step):
            out[rows] = team.recv(source, TAG).view(dtype).reshape(len(rows), *shape)
    team.wait(sent)
    return out


def _stay(out, ways, take, step):
    """Copy what stays"""
    rows, places = (way.get(ways.rank, np.empty(0, np.int64)) for way in (ways.leave, ways.come))
    for i in range(0, len(rows), step):
        out[places[i : i + step]] = _taken(take, rows[i : i + step], out.shape[1:], out.dtype)


def _others(way, rank, i, step):
    """(other rank, its rows of this round), where there are some"""
    cut = ((r, rows[i : i + step]) for r, rows in way.items() if r != rank)
    return [(r, rows) for r, rows in cut if len(rows)]


def _taken(take, rows, shape, dtype):
    """Rows, rising, in a new array: those that follow one another at once"""
    out = np.empty((len(rows), *shape), dtype)
    ends = [*(np.flatnonzero(np.diff(rows) != 1) + 1), len(rows)]
    for i, j in zip([0, *ends], ends):
        out[i:j] = take(slice(int(rows[i]), int(rows[j - 1]) + 1))
    return out


def free_memory() -> float:
    """Bytes that the processes of this node may still take, as system and cgroup tell; inf where they do
    not."""
    free = [float("inf")]
    with suppress(OSError, ValueError, IndexError):
        lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        free.append(1024 * int(lines["MemAvailable"].split()[0]))
    with suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/self/cgroup").read_text().splitlines()
        own = next(line[3:] for line in lines if line.startswith("0::")).lstrip("/")
        folder = Path("/sys/fs/cgroup", own)
        most, used = (int((folder / f"memory.{name}").read_text()) for name in ("max", "current"))
        free.append(most - used)
    return max(0.0, min(free))
