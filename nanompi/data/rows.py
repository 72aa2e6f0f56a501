"""Loads rows of all projections to each rank, where a file has projections one after another.

Each rank reads and decompresses a range of the first axis of the file, once, and sends each other rank what
of it is that one's, in rounds: while one round travels, threads read the next. Counts of 16 bits travel and
stay such. A rank holds its own rows and about two rounds.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from nanompi.data.data import Data, even, on_rank_0
from nanompi.data.load import BLOCK, cuts, frames_of
from nanompi.data.respread import run_of, taken
from nanompi.errors import DataError, StepError
from nanompi.io.prefetch import through

ROUND = 64 << 20  # bytes of what a rank has read and not yet given away


@dataclass
class Turn:
    """From one axis of the ranks, the first one of a file, to another.

    old, new : lists over ranks of what each reads along the first axis, and of what it gets along `axis`
    axis     : number of the new axis; shape, dtype : of all, after the steps that come before
    alone    : each rank reads no more than its own rows, and nothing is sent
    """

    old: list[np.ndarray]
    new: list[np.ndarray]
    axis: int
    shape: tuple[int, ...]
    dtype: np.dtype
    alone: bool = False

    @classmethod
    def of(cls, data: Data, axis: str, old: list[np.ndarray], new=None) -> "Turn":
        """Along an axis of data. old : what each rank reads; new : what each gets, equal runs if not given"""
        new = new or even(data.size(axis), len(old))
        return cls(old, new, data.axes.index(axis), data.shape, data.dtype)

    def direct(self) -> "Turn":
        """The same, where each rank reads its own rows itself."""
        return replace(self, old=[np.arange(self.shape[0])] * len(self.new), alone=True)

    def held(self, rank: int, entries: int | None = None) -> tuple[int, ...]:
        """Shape of what a rank gets, the new axis first: of all entries of the first axis, or of some."""
        first, *rest = (n for k, n in enumerate(self.shape) if k != self.axis)
        return (len(self.new[rank]), first if entries is None else entries, *rest)

    def share(self, raw: np.ndarray, rank: int) -> np.ndarray:
        """What of some entries of the first axis is a rank's, the new axis first; a view."""
        own = raw if self.alone else taken(raw, self.axis, self.new[rank])
        return np.moveaxis(own, self.axis, 0)


def reading(team, source) -> tuple[list[np.ndarray], str]:
    """What each rank reads along the first axis, and who reads, for the log (collective).

    Whole chunks of the file, equal runs of them for the ranks that can open it. Errors: DataError.
    """
    able, n = team.allgather(source.reachable()), source.shape[0]
    if not able[0]:
        raise DataError("rank 0 cannot open the file with the frames")
    if source.whole and team.size > 1:
        return on_rank_0(n, team.size), "rank 0 reads and sends them, since whoever reads must read all"
    chunk = max(1, source.chunk)
    runs = iter(even(-(-n // chunk), sum(able)))
    parts = [_entries(next(runs), chunk, n) if yes else np.arange(0) for yes in able]
    if all(able):
        return parts, "each reads a range of the file, and sends the others theirs"
    return parts, f"{sum(able)} of {team.size} can open the file, read it and send the others theirs"


def directly(team, source, turn: Turn) -> bool:
    """Had each rank better read its own rows, since the file gives them without the others (collective)?"""
    runs = all(isinstance(run_of(part), slice) for part in turn.new)
    apart = 0 < source.lines <= min(map(len, turn.new)) and turn.axis == 1 and not source.whole and runs
    return team.all(source.reachable()) and apart and team.size > 1


def _entries(chunks: np.ndarray, chunk: int, n: int) -> np.ndarray:
    return np.arange(chunks[0] * chunk, min(n, (chunks[-1] + 1) * chunk)) if len(chunks) else np.arange(0)


def load_rows(team, source, turn: Turn, prepare: Callable, out: np.ndarray, threads: int = 1) -> None:
    """Fill `out`, (rows of this rank, entries of the first axis, ...), from the file (collective).

    prepare : (k, ...) raw, (k,) numbers -> (k, ...) of the shape and dtype of `turn`; by several threads
    Errors: DataError from the source; StepError where steps give blocks of several types.
    """
    me = team.rank
    mine = source.cropped(_lines(turn, me), slice(None)) if turn.alone else source
    others = [] if turn.alone else [rank for rank in range(team.size) if rank != me]
    frame = math.prod(mine.shape[1:]) * mine.dtype.itemsize
    step = frames_of(source, ROUND // (2 + team.max(threads)))
    rounds = [cuts(part, step, source.chunk) for part in turn.old]

    def read(numbers):
        """Own rows to their places; those of the others as messages."""
        give = {rank: np.empty(turn.held(rank, len(numbers)), turn.dtype) for rank in others}
        for some in cuts(numbers, frames_of(source, BLOCK), source.chunk):
            raw = _of_type(prepare(mine.read(some), some), turn.dtype, some)
            out[:, run_of(some)] = turn.share(raw, me)
            first = int(some[0] - numbers[0])
            for rank, message in give.items():
                message[:, first : first + len(some)] = turn.share(raw, rank)
        return len(numbers) * frame, give

    with team.clock.phase("load"):
        ready = through(threads if threads > 1 else int(bool(others)), read, rounds[me])
        for k in range(max(map(len, rounds if others else [rounds[me]]))):
            nbytes, give = next(ready, (0, {}))
            team.clock.count("load", nbytes)
            team.clock.tick()
            if others:
                _swap(
                    team, turn, give, {rank: rounds[rank][k] for rank in others if k < len(rounds[rank])}, out
                )
    if source.whole:
        source.close()  # else all of the file would stay in memory


def _lines(turn: Turn, rank: int) -> slice:
    own = turn.new[rank]
    return slice(int(own[0]), int(own[-1]) + 1) if len(own) else slice(0, 0)


def _of_type(raw: np.ndarray, dtype, numbers) -> np.ndarray:
    """Errors: StepError for a block of another type than the first one."""
    if raw.dtype != dtype:
        raise StepError(
            f"the steps before rows change ranks give {dtype} for the first block, and {raw.dtype} for block "
            f"{numbers[0]}; they must give one type"
        )
    return raw


def _swap(team, turn: Turn, give: dict, numbers: dict, out: np.ndarray) -> None:
    """One round: messages to the others, and theirs to their places (collective).

    numbers : {rank: which entries of the first axis come from it}
    """
    take = {rank: np.empty(turn.held(team.rank, len(some)), turn.dtype) for rank, some in numbers.items()}
    with team.clock.phase("exchange"):
        team.exchange(give, take)
    for rank, rows in take.items():
        out[:, run_of(numbers[rank])] = rows
