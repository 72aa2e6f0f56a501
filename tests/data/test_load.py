"""Loading on one rank: dtype, order, blocks. What needs several ranks is in tests/mpi/test_mpi_split.py."""

import numpy as np
import pytest

from nanompi import timing
from nanompi.data import load as split
from nanompi.data import scatter
from nanompi.errors import DataError
from nanompi.methods.ptycho.prepare.values import tight
from nanompi.mpi.team import Team
from nanompi.timing import Clock
from tests.false_time import FalseTime
from tests.memory import Memory


def load(frames, order, **given):
    return split.load(Team(), Memory(frames), [order], lambda b, i: tight(b), say=lambda t: None, **given)


@pytest.fixture
def counts():
    return np.random.default_rng(0).integers(0, 1000, (23, 6, 5), dtype=np.uint16)


@pytest.mark.parametrize("how", ["auto", "read", "scatter"])
@pytest.mark.parametrize("block", [1, 150, 1 << 20])
def test_rows_are_in_the_order_of_the_part(counts, how, block):
    order = np.random.default_rng(1).permutation(23)[:17]
    got = load(counts, order, how=how, block=block)
    assert got.dtype == np.uint16 and np.array_equal(got, counts[order])


def test_blocks_are_read_in_the_order_of_the_file(counts):
    seen = []

    class Watch(Memory):
        def read(self, index, threads=1):
            seen.extend(index)
            return super().read(index, threads)

    order = np.random.default_rng(1).permutation(23)
    split.load(Team(), Watch(counts), [order], lambda b, i: b, block=200, say=lambda t: None)
    assert seen == list(range(23))


def test_each_block_tells_the_watchdog_that_work_goes_on(counts):
    clock = Clock()
    load(counts, np.arange(23), block=counts[0].nbytes, clock=clock)
    assert clock.ticks >= 23


@pytest.mark.parametrize("chunk", [1, 4, 10, 40])
def test_no_chunk_of_the_file_is_read_twice(chunk):
    order = np.random.default_rng(1).permutation(23)[:19]
    blocks = split.cuts(np.sort(order), 6, chunk)
    numbers = np.concatenate([np.unique(b // chunk) for b in blocks])
    assert np.array_equal(np.concatenate(blocks), np.sort(order)) and len(np.unique(numbers)) == len(numbers)
    assert all(0 < len(b) <= max(6, chunk) for b in blocks)


def test_prepare_is_told_the_global_indices(counts):
    order = np.array([20, 3, 11])
    got = split.load(
        Team(), Memory(counts), [order], lambda b, i: i[:, None, None] + 0 * b, say=lambda t: None
    )
    assert got[:, 0, 0].tolist() == [20, 3, 11]


def test_whole_numbers_of_any_dtype_become_uint16(counts):
    for dtype in (np.int32, np.int64, np.float32, np.uint8):
        got = load(counts.astype(np.uint8).astype(dtype), np.arange(23))
        assert got.dtype == np.uint16 and np.array_equal(got, counts.astype(np.uint8))


@pytest.mark.parametrize("value", [65536, -1, 0.5])
def test_one_value_that_does_not_fit_makes_all_float32(counts, value):
    frames = counts.astype(np.float64 if value == 0.5 else np.int32)
    frames[:, 1, 1] = np.where(np.arange(23) == 15, value, frames[:, 1, 1])
    got = load(frames, np.arange(23), block=200)
    assert got.dtype == np.float32 and np.array_equal(got, frames.astype(np.float32))


def test_a_rank_without_frames_has_an_empty_array(counts):
    got = load(counts, np.empty(0, np.int64))
    assert got.shape == (0, 6, 5) and got.dtype == np.uint16


def test_auto_says_when_nobody_can_open_the_file(counts):
    class Alone(Team):
        size = 1

    source = Memory(counts, can_open=False)
    with pytest.raises(DataError, match="rank 0 cannot open"):
        split.load(Alone(), source, [np.arange(23)], lambda b, i: b, say=lambda t: None)


def test_packed_counts_come_back(counts):
    packed = np.frombuffer(scatter.pack(counts), np.uint8)
    assert np.array_equal(scatter.unpack(packed, np.empty_like(counts)), counts)


@pytest.mark.parametrize(
    ("shape", "dtype", "block", "frames"),
    [
        ((9, 3, 5), "u2", 300, 10),
        ((9, 3, 5), "u2", 299, 9),
        ((9, 3, 5), "u2", 1, 1),
        ((9, 3, 5), "u1", 300, 20),
        ((9, 0, 5), "u2", 300, 300),
    ],
)
def test_a_block_is_so_many_whole_frames(shape, dtype, block, frames):
    assert split.frames_of(Memory(np.zeros(shape, dtype)), block) == frames


def test_blocks_end_where_chunks_end():
    found = [b.tolist() for b in split.cuts(np.array([0, 1, 2, 4, 5, 8, 9, 10, 11]), 4, 3)]
    assert found == [[0, 1, 2], [4, 5, 8], [9, 10, 11]]
    assert [len(b) for b in split.cuts(np.arange(9), 2, 4)] == [4, 4, 1]  # a chunk larger than a block
    assert [len(b) for b in split.cuts(np.arange(8), 4, 1)] == [4, 4] and split.cuts(np.arange(0), 4, 1) == []


class Two:
    """The first of two ranks, on `places` of which this node has"""

    rank, size, root, host = 0, 2, True, "here"

    def __init__(self, places=2, others=True):
        self.places, self.others = places, others

    def allgather(self, value):
        return [value, "" if self.others else "there"]

    def on_root(self, call):
        return call()


WIRES = [(2, "uncompressed inside one node"), (1, "compressed by Blosc2 on a slow link")]


@pytest.mark.parametrize("places, how", WIRES)
def test_what_is_scattered_is_said_and_cut_into_blocks(counts, places, how, monkeypatch):
    said, parts, every = [], [np.arange(12), np.arange(12, 23)], []
    monkeypatch.setattr(scatter, "blocks", lambda parts, rank, cut: every.extend(cut))
    split._scattered(Two(places), Memory(counts), parts, (1, 200, None), said.append, "as asked")
    assert said == [f"loading: rank 0 reads the frames and sends them, {how} (as asked)"]
    assert [len(b) for b in every] == [3] * 7 + [2]  # 60 bytes of a frame, 200 of a block


def test_who_reads_is_decided_by_who_can_and_said(counts):
    source = Memory(counts)
    assert split._choose(Two(), source, "auto") == ("read", "every rank can open the file")
    how, why = split._choose(Two(others=False), source, "auto")
    assert how == "scatter" and why == "1 of 2 ranks cannot open the file, the first on there"
    source.whole = True
    assert split._choose(Two(), source, "auto")[0] == "scatter"
    assert split._choose(Two(), source, "read") == ("read", "as asked")
    with pytest.raises(ValueError, match="allowed: auto, read, scatter"):
        split._choose(Two(), source, "none")


@pytest.fixture
def clock(monkeypatch):
    """What loading takes for the time."""
    clock = FalseTime()
    for module in (split, timing):
        monkeypatch.setattr(module, "time", clock)
    return clock


class Slow(Memory):
    """To read takes 2 s for each call."""

    def __init__(self, frames, clock):
        super().__init__(frames)
        self.clock, self.closed = clock, False

    def read(self, index, threads=1):
        self.clock.spend(2)
        return super().read(index, threads)

    def close(self):
        self.closed = True


@pytest.mark.parametrize("whole", [True, False])
def test_one_rank_says_nothing_measures_and_closes_what_holds_all(counts, whole, clock):
    """8 blocks, each read in 2 s and prepared in half a second"""
    source, said, seconds = Slow(counts, clock), [], Clock()
    source.whole = whole

    def prepare(raw, index):
        clock.spend(0.5)
        return tight(raw)

    split.load(Team(), source, [np.arange(23)], prepare, clock=seconds, block=200, say=said.append)
    assert said == [] and source.closed is whole and source.most == 3  # 60 bytes of a frame, 200 of a block
    assert seconds.bytes == {"load": 23 * 60} and seconds.seconds == {"load": 16.0, "prepare": 4.0}


def test_a_block_has_4_mib_where_nothing_else_is_asked():
    source = Memory(np.zeros((5, 1024, 512), np.uint16))  # 1 MiB each
    split.load(Team(), source, [np.arange(5)], lambda b, i: b[:, :1, :1], say=print)
    assert source.most == 4


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_the_seconds_of_reading_are_told(counts, threads, clock):
    own, source = np.array([20, 3, 11]), Slow(counts, clock)
    came = list(split._read(source, own, threads, 1, lambda where, raw, seconds: (where, seconds)))
    assert [(int(where[0]), seconds) for where, seconds in came] == [(1, 2.0), (2, 2.0), (0, 2.0)]
