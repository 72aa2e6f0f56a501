"""What is decided before frames are sent; the sending is in tests/mpi/test_mpi_split.py."""

from dataclasses import dataclass

import numpy as np
import pytest

from nanompi import scatter
from nanompi.scatter import PACKED, PLAIN, Wire


def measured(link, codec, counts):
    """The kind after messages over a link of `link` bytes/s and a codec of `codec` bytes/s; what was said."""
    wire, log = Wire(1, False), []
    for _ in range(2 * scatter.LOOKS):
        data = wire.pack(counts, np.full(len(counts), True))
        wire.packed = [wire.packed[0], wire.packed[0] / codec, wire.packed[2]]
        wire.note(data, data.nbytes / link, log.append)
    return wire.kind, log


@pytest.mark.parametrize(
    ("link", "codec", "kind"), [(1e9, 2e9, PACKED), (4e9, 2e9, PLAIN), (1e8, 2e9, PACKED)]
)
def test_frames_are_packed_only_where_the_link_is_slower_than_the_codec(link, codec, kind):
    found, log = measured(link, codec, np.zeros((4, 64, 64), np.uint16))
    assert found == kind and len(log) == 1
    assert ("unpacked" in log[0]) == (kind == PLAIN) and f"link {link / 1e9:.2g} GB/s" in log[0]


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


def test_it_is_decided_after_enough_messages_of_both_kinds_and_not_before():
    counts, wire, log = np.zeros((4, 64, 64), np.uint16), Wire(1, False), []
    every = np.full(4, True)
    for n in range(1, 2 * scatter.LOOKS + 1):
        assert wire.kind is None
        data = wire.pack(counts, every)
        wire.note(data, 1e-3, log.append)
        assert (wire.kind is not None) == bool(log) == (n == 2 * scatter.LOOKS)
    late = Wire(1, False)
    data = [late.pack(counts, every) for _ in range(2 * scatter.LOOKS + 2)]
    late.note(next(d for d in data if d[0] == PLAIN), 1e-3, log.append)
    assert late.kind is None  # nobody knows yet how long a packed one takes
    late.note(next(d for d in data if d[0] == PACKED), 1e-3, log.append)
    assert late.kind is not None


def test_blocks_and_owners_of_a_split():
    parts = [np.array([5, 0, 7]), np.array([1, 2]), np.array([6, 3, 4])]
    assert scatter.owners(parts).tolist() == [0, 1, 1, 2, 2, 0, 2, 0]
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


class Chunks:
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
