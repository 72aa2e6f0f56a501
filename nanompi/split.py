"""An array spread over the ranks: frames come from a file onto the ranks, results go back to rank 0.

`parts` is a list over ranks of global indices; row k of a rank's array belongs to frame `parts[rank][k]`.
Nowhere does a rank hold more than its own rows, one block, and (the sender) two blocks under way.
"""

from collections import deque
from collections.abc import Callable

import numpy as np

from nanompi.clock import Clock
from nanompi.errors import DataError
from nanompi.scan import Source
from nanompi.team import Team

BLOCK = (
    16 << 20
)  # bytes of raw frames worked on at once: small enough for a cache's prefetch, large for a file
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
    """Prepared frames of this rank: (n_local, h, w) uint16 or float32, same dtype on all ranks
    (collective).

    prepare : (k, H, W) raw, (k,) global indices -> (k, h, w) uint16, or float32 where a value does not fit.
        One block that does not fit on any rank makes the counts of all ranks float32.
    how     : "read" = each rank opens the file; "scatter" = rank 0 reads and sends; "auto" = read where
        all can
    threads : of each rank, for decompression
    block   : bytes of raw frames read at once
    Errors: DataError from the source.
    """
    clock = clock or Clock()
    how, why = _choose(team, source, how)
    packed = how == "scatter" and team.places < team.size
    wire = "" if how == "read" else ", packed by Blosc2" if packed else ", unpacked inside one node"
    if team.size > 1:
        say(f"frames: {how}{wire} ({why})")
    rows = Rows(len(parts[team.rank]))
    come = _read(source, parts[team.rank], threads, block)
    if how == "scatter" and team.size > 1:
        come = _scatter(team, source, parts, threads, block, packed)
    while True:
        with clock.phase("load"):
            got = next(come, None)
        if got is None:
            break
        where, raw = got
        clock.count("load", raw.nbytes)
        with clock.phase("prepare"):
            rows.put(where, prepare(raw, parts[team.rank][where]))
    return rows.all(team, prepare, source)


class Rows:
    """The prepared frames of a rank: allocated once, when the first block tells shape and dtype."""

    def __init__(self, n: int):
        self.n, self.counts = n, None

    def put(self, where, block):
        """Store a block; counts that do not fit uint16 turn all into float32 (rare, and costs a copy)."""
        if self.counts is None:
            self.counts = np.zeros((self.n, *block.shape[1:]), block.dtype)
        if self.counts.dtype != block.dtype and self.counts.dtype == np.uint16:
            self.counts = self.counts.astype(np.float32)
        self.counts[where] = block

    def all(self, team, prepare, source):
        """The finished array, of one dtype on all ranks (collective)."""
        if self.counts is None:
            none = np.empty((0, *source.shape[1:]), source.dtype)
            self.counts = prepare(none, np.empty(0, np.int64))
        real = team.max(int(self.counts.dtype != np.uint16))
        return self.counts.astype(np.float32, copy=False) if real else self.counts


def _choose(team, source, how):
    """("read" or "scatter", the reason), equal on all ranks."""
    if how not in HOWS:
        raise ValueError(f"frames: {how!r}; allowed: {', '.join(HOWS)}")
    if how != "auto":
        return how, "as asked"
    blind = [host for host in team.allgather("" if source.reachable() else team.host) if host]
    if not blind:
        return "read", "every rank can open the file"
    if not team.on_root(source.reachable):
        raise DataError("rank 0 cannot open the file with the frames")
    return "scatter", f"{len(blind)} of {team.size} ranks cannot open the file, the first on {blind[0]}"


def _step(source, block):
    """How many frames make a block."""
    frame = source.shape[1] * source.shape[2] * np.dtype(source.dtype).itemsize
    return int(max(1, block // max(1, frame)))


def _read(source, own, threads, block):
    """Blocks (rows of this rank, raw frames) in the order of the file, so that each chunk is read once."""
    order = np.argsort(own, kind="stable")
    start = 0
    for wanted in _cut(own[order], _step(source, block), getattr(source, "chunk", 1)):
        yield order[start : start + len(wanted)], source.read(wanted, threads)
        start += len(wanted)


def _cut(rising, step, chunk):
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


def _scatter(team, source, parts, threads, block, packed):
    """The same blocks, read by rank 0 through the whole file and sent to where they belong."""
    plan = _blocks(parts, team.rank, _step(source, block), getattr(source, "chunk", 1))
    if team.root:
        yield from _send(team, source, parts, threads, plan, packed)
        return
    for _, where in plan:
        if len(where):
            yield where, _unpack(team.recv(0), (len(where), *source.shape[1:]), source.dtype, packed)


def _blocks(parts, rank, step, chunk):
    """[(global indices of a block, rows of this rank in it, in that order)]: known to all without asking."""
    blocks = _cut(np.sort(np.concatenate(parts)), step, chunk)
    order = np.argsort(parts[rank], kind="stable")
    mine = parts[rank][order]
    cuts = [np.searchsorted(mine, (b[0], b[-1] + 1)) for b in blocks]
    return [(b, order[i:j]) for b, (i, j) in zip(blocks, cuts)]


def _send(team, source, parts, threads, plan, packed):
    """Rank 0: read block after block, send each rank its frames of it, and yield its own."""
    owner = np.empty(int(max(p.max(initial=0) for p in parts)) + 1, np.int32)
    for rank, part in enumerate(parts):
        owner[part] = rank
    under_way = deque()
    for wanted, where in plan:
        raw = source.read(wanted, threads)
        if len(under_way) == 2:
            team.wait(under_way.popleft())
        under_way.append(_post(team, raw, owner[wanted], packed))
        if len(where):
            yield where, raw[owner[wanted] == 0]
    for requests in under_way:
        team.wait(requests)


def _post(team, raw, owner, packed):
    """Start to send every other rank its frames of a block; returns the requests, which hold the data."""
    requests = []
    for rank in np.unique(owner[owner > 0]):
        mine = raw[owner == rank]
        requests += team.isend(_pack(mine) if packed else mine, int(rank))
    return requests


def _pack(raw):
    """Counts compress best and fastest by LZ4 after a shuffle of bits; one thread costs least CPU in all."""
    import blosc2

    return blosc2.compress2(
        raw,
        typesize=raw.itemsize,
        codec=blosc2.Codec.LZ4,
        clevel=1,
        filters=[blosc2.Filter.BITSHUFFLE],
        filters_meta=[0],
        nthreads=1,
    )


def _unpack(data, shape, dtype, packed):
    if not packed:
        return data.view(dtype).reshape(shape)
    import blosc2

    raw = np.empty(shape, dtype)
    blosc2.decompress2(data, dst=raw, nthreads=1)
    return raw
