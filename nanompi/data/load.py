"""Loads the frames of each rank from a file, and prepares them on the way.

`parts` is a list over ranks of global indices; row k of a rank's array belongs to frame `parts[rank][k]`.
Nowhere does a rank hold more than its own rows and a few blocks under way.
"""

import time
from collections.abc import Callable

import numpy as np

from nanompi.data import scatter
from nanompi.data.buffer import FrameBuffer
from nanompi.data.source import Source
from nanompi.errors import DataError
from nanompi.io.prefetch import through
from nanompi.mpi.team import Team
from nanompi.timing import Clock

BLOCK = 4 << 20  # bytes of raw frames worked on at once: prepared while they are in the cache
HOWS = ("auto", "read", "scatter")


def load(
    team: Team,
    source: Source,
    parts: list[np.ndarray],
    prepare: Callable,
    *,
    how: str = "auto",
    threads: int = 1,
    clock: Clock | None = None,
    block: int = BLOCK,
    say: Callable = print,
) -> np.ndarray:
    """Prepared rows of this rank: (n_local, ...) of any shape, of one dtype on all ranks (collective).

    prepare : (k, ...) raw, (k,) global indices -> (k, ...) prepared; called by several threads at once. One
        block of another dtype, such as float32 among uint16 where a count does not fit, makes those of all
        ranks of a dtype that holds both.
    how     : "read" = each rank opens the file; "scatter" = rank 0 reads and sends; "auto" = read where
        all can, and need not read all of it
    threads : of each rank. Each reads, decompresses and prepares a block, while others do the next ones.
    block   : bytes of raw frames read at once
    Errors: DataError from the source.
    """
    clock, own = clock or Clock(), parts[team.rank]
    how, why = _choose(team, source, how)
    rows, spent = FrameBuffer(len(own)), np.zeros(2)

    def finish(where, raw, seconds):
        t = time.perf_counter()
        rows.put(where, prepare(raw, own[where]))
        return raw.nbytes, seconds, time.perf_counter() - t

    with clock.phase("load"):
        begun = time.perf_counter()
        if how == "scatter" and team.size > 1:
            finished = _scattered(team, source, parts, (threads, block, finish), say, why)
        else:
            if team.size > 1:
                say(f"loading: each rank reads its frames ({why})")
            finished = _read(source, own, threads, block, finish)
        for nbytes, *seconds in finished:
            clock.count("load", nbytes)
            clock.tick()
            spent += seconds
        wall = time.perf_counter() - begun
    if source.whole:
        source.close()  # else all frames of the file would stay in memory beside the prepared ones
    clock.move(wall * spent[1] / max(spent.sum(), 1e-9), "load", "prepare")
    out = rows.all(team)
    return np.empty((0, *source.shape[1:]), source.dtype) if out is None else out


def _choose(team, source, how):
    """("read" or "scatter", the reason), equal on all ranks."""
    if how not in HOWS:
        raise ValueError(f"frames: {how!r}; allowed: {', '.join(HOWS)}")
    if how != "auto":
        return how, "as asked"
    blind = [host for host in team.allgather("" if source.reachable() else team.host) if host]
    if blind and not team.on_root(source.reachable):
        raise DataError("rank 0 cannot open the file with the frames")
    if blind:
        return "scatter", f"{len(blind)} of {team.size} ranks cannot open the file, the first on {blind[0]}"
    if source.whole:
        return "scatter", "whoever reads the file must read all of it"
    return "read", "every rank can open the file"


def frames_of(source: Source, block: int) -> int:
    """How many frames make a block of so many bytes."""
    frame = int(np.prod(source.shape[1:])) * np.dtype(source.dtype).itemsize
    return int(max(1, block // max(1, frame)))


def _read(source, own, threads, block, finish):
    """Each rank its own frames, in the order of the file, so that each chunk is read once."""
    order = np.argsort(own, kind="stable")
    pieces = cuts(own[order], frames_of(source, block), source.chunk)
    starts = np.cumsum([0, *map(len, pieces)])

    def one(piece):
        wanted, start = piece
        t = time.perf_counter()
        raw = source.read(wanted)
        return finish(order[start : start + len(wanted)], raw, time.perf_counter() - t)

    return through(threads if threads > 1 else 0, one, zip(pieces, starts))


def cuts(rising: np.ndarray, step: int, chunk: int) -> list[np.ndarray]:
    """Pieces of a rising index, about `step` long, that end where chunks of frames of the file end."""
    number, start, out = rising // chunk, 0, []
    while start < len(rising):
        end = start + step
        if end < len(rising):
            end = int(np.searchsorted(number, number[end]))  # back to where this chunk begins
            end = end if end > start else int(np.searchsorted(number, number[start], "right"))
        out.append(rising[start:end])
        start = end
    return out


def _scattered(team, source, parts, how, say, why):
    """The same blocks, read by rank 0 through the whole file and sent to where they belong."""
    threads, block, finish = how
    every = cuts(np.sort(np.concatenate(parts)), frames_of(source, block), source.chunk)
    plan = scatter.blocks(parts, team.rank, every)
    wire = scatter.Wire(threads, team.places == team.size)
    as_stored = team.root and source.take(every[0][:1]) is not None
    kinds = f"{'as the chunks of the file or ' if as_stored else ''}{wire.about}"
    say(f"loading: rank 0 reads the frames and sends them, {kinds} ({why})")
    if team.root:
        return scatter.send(team, source, plan, scatter.owners(parts), threads, wire, finish, say)
    return scatter.receive(team, source, plan, threads, finish)
