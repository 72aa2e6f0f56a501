"""What is decided before frames are sent; the sending is in tests/mpi/test_mpi_split.py."""

from dataclasses import dataclass

import numpy as np
import pytest

from nanompi.data import scatter
from nanompi.data.scatter import PACKED, PLAIN, Wire
from nanompi.data.source import Source
from tests.false_time import FalseTime
from tests.memory import Memory


def measured(link, codec, counts, threads=1):
    """The kind after messages over a link of `link` bytes/s and a codec of `codec` bytes/s; what was said."""
    wire, log = Wire(threads, False), []
    for _ in range(2 * scatter.LOOKS):
        data = wire.pack(counts, np.full(len(counts), True))
        wire.packed = [wire.packed[0], wire.packed[0] / codec, wire.packed[2]]
        wire.note(data, data.nbytes / link, log.append)
    return wire.kind, log


@pytest.mark.parametrize(
    ("link", "codec", "threads", "kind"),
    [(1e9, 2e9, 1, PACKED), (4e9, 2e9, 1, PLAIN), (1e8, 2e9, 1, PACKED), (4e9, 2e9, 3, PACKED)],
)
def test_frames_are_packed_only_where_the_link_is_slower_than_the_codec(link, codec, threads, kind):
    found, log = measured(link, codec, np.zeros((4, 64, 64), np.uint16), threads)
    assert found == kind and len(log) == 1
    assert ("uncompressed" in log[0]) == (kind == PLAIN) and f"link {link / 1e9:.2g} GB/s" in log[0]


def test_counts_that_do_not_compress_are_not_packed():
    noise = np.random.default_rng(0).integers(0, 65536, (4, 64, 64), dtype=np.uint16)
    assert measured(1e8, 2e9, noise)[0] == PLAIN


def test_inside_a_node_nothing_is_packed_nor_measured():
    wire = Wire(2, True)
    assert [int(wire.pack(np.zeros((1, 8, 8), np.uint16), np.array([True]))[0]) for _ in range(20)] == [
        PLAIN
    ] * 20


def test_both_kinds_of_message_give_the_counts():
    counts, wire = np.arange(600, dtype=np.uint16).reshape(6, 10, 10), Wire(1, False)
    kinds = set()
    for _ in range(4):
        data = wire.pack(counts, np.full(len(counts), True))
        kinds.add(int(data[0]))
        assert np.array_equal(scatter.opened(data, counts.shape, counts.dtype), counts)
    assert kinds == {PLAIN, PACKED}


@pytest.mark.parametrize("seconds", [1e-3, 0.0])
def test_it_is_decided_after_four_messages_of_each_kind_and_not_before(seconds):
    counts, wire, log = np.zeros((4, 64, 64), np.uint16), Wire(1, False), []
    every = np.full(4, True)
    for n in range(1, 9):
        assert wire.kind is None
        data = wire.pack(counts, every)
        assert data[0] == (PACKED if n % 2 else PLAIN)
        wire.note(data, seconds, log.append)
        assert (wire.kind is not None) == bool(log) == (n == 8)
    late = Wire(1, False)
    data = [late.pack(counts, every) for _ in range(2 * scatter.LOOKS + 2)]
    late.note(next(d for d in data if d[0] == PLAIN), 1e-3, log.append)
    assert late.kind is None  # nobody knows yet how long a packed one takes
    late.note(next(d for d in data if d[0] == PACKED), 1e-3, log.append)
    assert late.kind is not None


@pytest.fixture
def clock(monkeypatch):
    """What sending takes for the time; to pack a block takes 3 s."""
    clock, pack = FalseTime(), scatter.pack
    monkeypatch.setattr(scatter, "time", clock)
    monkeypatch.setattr(scatter, "pack", lambda counts: clock.spend(3) or pack(counts))
    return clock


def test_what_was_measured_is_what_was_sent(clock):
    wire, counts = Wire(0, False), np.arange(4 * 64, dtype=np.uint16).reshape(4, 8, 8)
    packed, plain = (wire.pack(counts, np.arange(4) > 1) for _ in range(2))
    assert wire.threads == 1 and wire.packed == [256, 3.0, packed.nbytes]
    for data, seconds in ((packed, 2.0), (plain, 1.0), (plain, 0.5)):
        wire.note(data, seconds, print)
    wire.note(scatter.message(scatter.CHUNKS, packed), 9.0, print)  # says nothing about counts
    assert wire.sent == {PLAIN: [2 * 264, 1.5], PACKED: [packed.nbytes, 2.0]} and wire.kind is None
    inside = Wire(1, True)
    inside.note(plain, 1.0, print)
    assert inside.sent[PLAIN] == [0, 0.0]


def test_a_message_is_8_bytes_of_head_and_a_body():
    data = scatter.message(PACKED, np.array([7, 8, 9], np.uint8))
    assert data.tolist() == [PACKED, 0, 0, 0, 0, 0, 0, 0, 7, 8, 9]


def test_blocks_and_owners_of_a_split():
    parts = [np.array([5, 0, 7]), np.array([1, 2]), np.array([6, 3, 4])]
    assert scatter.owners(parts).tolist() == [0, 1, 1, 2, 2, 0, 2, 0]
    assert scatter.owners([np.array([0]), np.arange(0)]).tolist() == [0]
    every = [np.arange(0, 4), np.arange(4, 8)]
    found = [[where.tolist() for _, where in scatter.blocks(parts, rank, every)] for rank in range(3)]
    assert found == [[[1], [0, 2]], [[0, 1], []], [[1], [2, 0]]]


@dataclass
class Chunk:
    """Two frames of a file, of which some are wanted; `raw` are its bytes there."""

    stored: np.ndarray
    pick: np.ndarray
    raw: bytes

    def __len__(self):
        return len(self.pick)

    def frames(self):
        return self.stored[self.pick]


class Chunks(Source):
    """Six frames of 4 x 5 in three chunks of `size` bytes each."""

    shape, dtype = (6, 4, 5), np.dtype(np.uint16)

    def __init__(self, size: int):
        self.frames, self.size = np.arange(120, dtype=np.uint16).reshape(6, 4, 5), size

    def take(self, index):
        return [Chunk(self.frames[i : i + 2], np.arange(2), bytes(self.size)) for i in (0, 2, 4)]


OWNER = np.array([0, 1, 1, 1, 2, 2])  # the first chunk belongs to two ranks


@pytest.mark.parametrize("size, forwarded", [(59, True), (60, False)])
def test_chunks_are_forwarded_where_that_is_less_to_send(size, forwarded):
    """Three chunks go to ranks 1, 1, 2; 5 frames of 40 bytes, of which 0.9 is 180"""
    source = Chunks(size)
    out, own = scatter.messages(source, np.arange(6), OWNER, Wire(1, True))
    assert [rank for rank, _ in out] == [1, 2] and np.array_equal(own, source.frames[:1])
    assert [int(data[0]) for _, data in out] == [scatter.CHUNKS if forwarded else PLAIN] * 2
    for rank, data in out:
        mine = source.frames[OWNER == rank]
        assert np.array_equal(scatter.opened(data, mine.shape, mine.dtype), mine)


def test_what_rank_0_does_not_hold_is_not_kept_there():
    out, own = scatter.messages(Chunks(1), np.arange(6), OWNER + 1, Wire(1, True))
    assert own is None and [rank for rank, _ in out] == [1, 2, 3]


def test_one_chunk_is_not_copied():
    frames = np.ones((2, 4, 5), np.uint16)
    chunk = Chunk(frames, slice(None), b"")
    assert np.shares_memory(scatter.join([chunk], np.uint16), frames)
    assert scatter.join([chunk, chunk], np.uint32).shape == (4, 4, 5)


class Line:
    """Rank 0 and the others as queues; what happens in order. To wait for a message takes 2 s."""

    def __init__(self, clock):
        self.happened, self.lines, self.clock = [], {1: [], 2: []}, clock

    def isend(self, data, rank):
        self.happened.append(f"send {rank}")
        self.lines[rank].append(data)
        return [f"sent {rank}"]

    def wait(self, requests):
        self.clock.spend(2)
        self.happened += requests

    def recv(self, source):
        assert source == 0
        return self.lines[1].pop(0)


class Noting(Wire):
    """Keeps the seconds of each message."""

    def __init__(self):
        super().__init__(1, False)
        self.took = []

    def note(self, data, seconds, say):
        self.took.append(seconds)
        super().note(data, seconds, say)


def test_rank_0_sends_block_after_block_and_waits_for_those_before(clock):
    """Four blocks of three frames; rank 0 has none of the last one"""
    parts = [np.array([6, 0, 3]), np.array([1, 9, 4, 7, 11]), np.array([2, 5, 8, 10])]
    frames = np.arange(12 * 20, dtype=np.uint16).reshape(12, 4, 5)
    every, source, team, wire = np.split(np.arange(12), 4), Memory(frames), Line(clock), Noting()
    spent = []

    def finish(where, raw, seconds):
        spent.append(seconds)
        return where, raw

    def rows(came, rank):
        out = np.zeros((len(parts[rank]), 4, 5), np.uint16)
        for where, raw in came:
            out[where] = raw
        return np.array_equal(out, frames[parts[rank]])

    plan = scatter.blocks(parts, 0, every)
    own = list(scatter.send(team, source, plan, scatter.owners(parts), 1, wire, finish, print))
    sent, waited = ["send 1", "send 2"], ["sent 1", "sent 2"]
    assert team.happened == sent + 3 * [*sent, *waited] + waited and len(own) == 3 and rows(own, 0)
    assert spent == [3.0] * 3  # one of the two messages of a block is packed
    assert wire.took == [2, 4, 6, 8, 6, 8, 6, 8]  # those of a block wait for those of the one before
    plan = [*scatter.blocks(parts, 1, every), (np.arange(12, 13), np.arange(0))]  # nothing comes for no row
    assert rows(scatter.receive(team, source, plan, 1, finish), 1)
