"""Rank 0 reads frames and sends them to the ranks; reading, packing, sending, preparing overlap.

A message is a head of 8 bytes, its kind in the first, and then:
CHUNKS : the chunks of the file as they are (pickled `take`): the receivers decompress
PLAIN  : the counts
PACKED : the counts, by Blosc2
"""

import pickle
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from nanompi.io.compression import pack, unpack
from nanompi.io.prefetch import through

CHUNKS, PLAIN, PACKED = range(3)
HEAD = 8
LOOKS = 4  # blocks of each kind after which rank 0 decides whether to pack
GAIN = 1.1  # packing must promise this much
LESS = 0.9  # chunks are forwarded when they have less bytes than this part of the frames


def blocks(parts, rank: int, every: list[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
    """[(global indices of a block, rows of a rank in it, in that order)]: known to all without asking."""
    order = np.argsort(parts[rank], kind="stable")
    mine = parts[rank][order]
    cuts = [np.searchsorted(mine, (b[0], b[-1] + 1)) for b in every]
    return [(b, order[i:j]) for b, (i, j) in zip(every, cuts)]


def owners(parts) -> np.ndarray:
    """The rank of each frame."""
    owner = np.empty(np.concatenate(parts).max() + 1, np.int32)
    for rank, part in enumerate(parts):
        owner[part] = rank
    return owner


class Wire:
    """How the counts of a file travel whose chunks cannot be forwarded, and what was measured.

    inside : all ranks are on one node, where the memory is faster than any packing
    """

    def __init__(self, threads: int, inside: bool):
        self.threads, self.kind, self.made = max(1, threads), PLAIN if inside else None, 0
        self.sent = {PLAIN: [0, 0.0], PACKED: [0, 0.0]}  # bytes of the message, seconds on the way
        self.packed = [0, 0.0, 0]  # bytes before, seconds, bytes after
        self.about = "uncompressed inside one node" if inside else "compressed by Blosc2 on a slow link"

    def next(self) -> int:
        """The kind of the next message; plain and packed take turns until both were measured."""
        self.made += 1
        return self.made % 2 + PLAIN if self.kind is None else self.kind

    def pack(self, raw: np.ndarray, mine: np.ndarray) -> np.ndarray:
        """A message of some frames of a block. mine: bool, which."""
        if self.next() == PLAIN:
            shape = int(mine.sum()), *raw.shape[1:]
            out = empty(PLAIN, int(np.prod(shape)) * raw.itemsize)
            np.compress(mine, raw, axis=0, out=out[HEAD:].view(raw.dtype).reshape(shape))
            return out
        t, counts = time.perf_counter(), raw[mine]
        out = message(PACKED, np.frombuffer(pack(counts), np.uint8))
        seen = counts.nbytes, time.perf_counter() - t, out.nbytes
        self.packed = [a + b for a, b in zip(self.packed, seen)]
        return out

    def note(self, data: np.ndarray, seconds: float, say) -> None:
        """A message took so long; decide when enough were seen, and say so."""
        if self.kind is not None or data[0] == CHUNKS:
            return
        seen = self.sent[int(data[0])]
        seen[0], seen[1] = seen[0] + data.nbytes, seen[1] + seconds
        if self.made >= 2 * LOOKS and self.packed[2] and all(s[0] for s in self.sent.values()):
            self.kind, why = self._choose()
            say(f"loading: frames are sent {why}")

    def _choose(self):
        """(kind, what to say): what is slower, packing or sending, sets the pace of packed frames."""
        link = sum(s[0] for s in self.sent.values()) / max(sum(s[1] for s in self.sent.values()), 1e-9)
        codec = self.packed[0] / max(self.packed[1], 1e-9) * self.threads
        ratio = self.packed[0] / self.packed[2]
        good = min(codec, ratio * link) > GAIN * link
        figures = f"link {link / 1e9:.2g} GB/s, Blosc2 {codec / 1e9:.2g} GB/s at {ratio:.2g} : 1"
        return (PACKED, f"compressed by Blosc2 ({figures})") if good else (PLAIN, f"uncompressed ({figures})")


def message(kind: int, body: np.ndarray) -> np.ndarray:
    """Head and body (uint8) in one buffer."""
    out = empty(kind, body.nbytes)
    out[HEAD:] = body
    return out


def empty(kind: int, nbytes: int) -> np.ndarray:
    """A message with its head, to be filled."""
    out = np.empty(HEAD + nbytes, np.uint8)
    out[:HEAD] = kind, *[0] * (HEAD - 1)
    return out


def opened(data: np.ndarray, shape, dtype) -> np.ndarray:
    """The frames (k, H, W) in a message, decompressed. Errors: DataError for a damaged chunk."""
    kind, body = data[0], data[HEAD:]
    if kind == CHUNKS:
        return join(pickle.loads(body), dtype)
    return body.view(dtype).reshape(shape) if kind == PLAIN else unpack(body, np.empty(shape, dtype))


def join(chunks: list, dtype) -> np.ndarray:
    """The frames of some chunks one after another: (n, rows, columns) of `dtype`; one chunk is not copied."""
    if len(chunks) == 1:
        return chunks[0].frames().astype(dtype, copy=False)
    return np.concatenate([c.frames() for c in chunks], dtype=dtype)


def send(team, source, plan, owner, threads: int, wire: Wire, finish, say) -> Iterator:
    """Rank 0: read block after block in threads, send each rank its frames, finish its own.

    plan   : of `blocks`; owner: of `owners`; finish(where, raw, seconds): store frames of this rank
    Yields what `finish` gives.
    """
    under_way = deque()

    def one(block):
        wanted, where = block
        t = time.perf_counter()
        out, own = messages(source, wanted, owner[wanted], wire)
        return out, finish(where, own, time.perf_counter() - t) if len(where) else None

    for out, done in through(threads, one, plan):
        for rank, data in out:
            under_way.append((team.isend(data, rank), data, time.perf_counter()))
        while len(under_way) > len(out):
            _sent(team, under_way, wire, say)
        if done is not None:
            yield done
    while under_way:
        _sent(team, under_way, wire, say)


def _sent(team, under_way, wire, say):
    requests, data, begun = under_way.popleft()
    team.wait(requests)
    wire.note(data, time.perf_counter() - begun, say)


def messages(source, wanted, owner, wire: Wire) -> tuple[list[tuple[int, np.ndarray]], np.ndarray | None]:
    """([(rank, message)], frames of rank 0) for a block of frames with these owners.

    The chunks are forwarded where that is less to send than the frames, although a chunk whose frames belong
    to several ranks goes to each of them.
    """
    chunks = source.take(wanted)
    ranks = np.unique(owner).tolist()
    if chunks is not None:
        share = {rank: _share(chunks, owner == rank) for rank in ranks}
        frame = int(np.prod(source.shape[1:])) * np.dtype(source.dtype).itemsize
        if sum(len(c.raw) for r in ranks if r for c in share[r]) < LESS * frame * int((owner > 0).sum()):
            out = [(r, message(CHUNKS, np.frombuffer(pickle.dumps(share[r]), np.uint8))) for r in ranks if r]
            return out, join(share[0], source.dtype) if 0 in share else None
    raw = source.read(wanted) if chunks is None else join(chunks, source.dtype)
    out = [(r, wire.pack(raw, owner == r)) for r in ranks if r]
    return out, raw[owner == 0] if 0 in ranks else None


def _share(chunks, mine):
    """The chunks with frames of one rank, and of them these frames only. mine: bool over all frames."""
    at = np.cumsum([0, *map(len, chunks)])
    cut = [(c, mine[a:b]) for c, a, b in zip(chunks, at, at[1:])]
    return [replace(c, pick=c.pick[m]) for c, m in cut if m.any()]


def receive(team, source, plan, threads: int, finish) -> Iterator:
    """Another rank: messages come while threads open earlier ones. Yields what `finish` gives."""

    def come():
        for _, where in plan:
            if len(where):
                yield where, team.recv(0)

    def one(piece):
        where, data = piece
        t = time.perf_counter()
        raw = opened(data, (len(where), *source.shape[1:]), source.dtype)
        return finish(where, raw, time.perf_counter() - t)

    yield from through(threads, one, come())
