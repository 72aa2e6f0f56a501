"""Under mpirun: read = scatter = the frames themselves; packed or not; in pieces."""

import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np

import nanompi.mpi.team
from nanompi.data import load
from nanompi.data.source import SelectedFrames, Source
from nanompi.data.stored import Hdf5Frames
from nanompi.io.hdf5 import open_hdf5
from nanompi.methods.ptycho.partition.stripes import Stripes
from nanompi.mpi.team import Team
from nanompi.timing import Clock
from tests.memory import Memory

KINDS = {
    "uint16": lambda rng: rng.integers(0, 65536, (61, 24, 20), dtype=np.uint16),
    "int32": lambda rng: rng.integers(0, 65536, (61, 24, 20), dtype=np.int32),
    "one too large": lambda rng: np.where(
        np.arange(61)[:, None, None] == 30, 70_000, rng.integers(0, 9, (61, 24, 20))
    ),
    "float32": lambda rng: rng.random((61, 24, 20), np.float32),
}


def prepare(block, index):
    """Crop; uint16 where the counts fit."""
    fits = block.dtype.kind in "ui" and (block.size == 0 or block.max() <= 65535)
    return block[:, 2:18, 4:20].astype(np.uint16 if fits else np.float32)


def parts_of(team, n):
    positions = np.random.default_rng(5).random((n, 2))
    return team.on_root(lambda: Stripes().split(positions, team.size, None))


WORDS = {"read": "each rank reads its frames", "scatter": "rank 0 reads the frames and sends them"}


def same_everywhere(team, frames, how, packed, block):
    """The counts of `load` by `how`, and all of them on rank 0 again, are those of the frames."""
    parts = parts_of(team, len(frames))
    real = team.places
    team.places = (
        0 if packed else real
    )  # fewer ranks on the node than ranks: the wire between nodes is packed
    clock, log = Clock(), []
    sizes = {"how": how, "block": block, "clock": clock, "say": log.append}
    counts = load.load(team, Memory(frames), parts, prepare, **sizes)
    team.places = real
    kind = np.float32 if frames.dtype.kind == "f" or frames.max() > 65535 else np.uint16
    mine = parts[team.rank]
    assert counts.dtype == kind, (counts.dtype, kind)
    assert np.array_equal(counts, frames[mine, 2:18, 4:20].astype(kind)), how
    assert clock.bytes["load"] == frames[mine].nbytes and set(clock.seconds) == {"load", "prepare"}
    if team.size > 1:
        assert WORDS[how] in log[0] and ("compressed by" in log[0]) == (packed and how == "scatter"), log


def main(team):
    nanompi.mpi.team.PIECE = 1000  # as 1 GiB, but quick: every message travels in many pieces
    for kind in KINDS.values():
        frames = kind(np.random.default_rng(1))
        for block in (frames[:1].nbytes, frames[:7].nbytes, frames.nbytes * 2):
            same_everywhere(team, frames, "read", False, block)
            same_everywhere(team, frames, "scatter", False, block)
            same_everywhere(team, frames, "scatter", True, block)


def fall_back(team):
    """The last rank cannot open the file."""
    frames = KINDS["uint16"](np.random.default_rng(2))
    parts, log = parts_of(team, len(frames)), []
    source = Memory(frames, can_open=team.rank < team.size - 1)
    counts = load.load(team, source, parts, prepare, how="auto", say=log.append)
    assert np.array_equal(counts, frames[parts[team.rank], 2:18, 4:20])
    assert WORDS["scatter"] in log[0] and f"1 of {team.size} ranks cannot open" in log[0], log
    counts = load.load(team, Memory(frames), parts, prepare, how="auto", say=log.append)
    assert WORDS["read"] in log[1] and "every rank can open" in log[1], log


class Made(Source):
    """Frames that are made when they are read: nothing of them is in memory before."""

    shape, dtype = (600, 256, 256), np.dtype(np.uint16)

    def read(self, index, threads=1):
        out = np.empty((len(index), 256, 256), np.uint16)
        out[...] = index[:, None, None]
        return out


def memory(team):
    """Scatter of 79 MB: rank 0 keeps its counts (cropped to a sixteenth), some blocks of 4 MB in threads and
    the messages of two."""
    parts = parts_of(team, 600)
    tracemalloc.start()
    counts = load.load(
        team,
        Made(),
        parts,
        lambda b, i: b[:, :64, :64].copy(),
        how="scatter",
        block=4 << 20,
        say=lambda t: None,
    )
    peak = tracemalloc.get_traced_memory()[1]
    assert np.array_equal(counts[:, 3, 5], parts[team.rank])
    assert peak < counts.nbytes + 7 * (4 << 20), f"rank {team.rank}: {peak / 1e6:.1f} MB"


STORAGE = {
    "bitshuffle": lambda h: {"chunks": (7, 24, 20), "compression": h.Bitshuffle(cname="lz4")},
    "blosc2": lambda h: {"chunks": (4, 24, 20), "compression": h.Blosc2(cname="lz4")},
    "gzip": lambda h: {"chunks": (1, 24, 20), "compression": "gzip", "shuffle": True},
    "nothing": lambda h: {"chunks": (5, 24, 20)},
    "contiguous": lambda h: {},
}


def stored(team, folder, frames, how):
    """The source of a file that rank 0 writes; the other ranks look for it where it is not."""
    import h5py
    import hdf5plugin

    path = Path(folder) / f"{how}.h5"

    def write():
        with h5py.File(path, "w") as file:
            file.create_dataset("data", data=frames, **STORAGE[how](hdf5plugin))
        with open_hdf5(str(path)) as file:
            return Hdf5Frames.of(file, "data")

    source = team.on_root(write)
    return source if team.root else replace(source, file=str(path) + ".gone")


def forwarded(team, folder):
    """Chunks of the file go to the ranks as they are, also of a selection, and give the frames themselves."""
    frames = np.minimum(KINDS["uint16"](np.random.default_rng(3)), 3)
    for how in STORAGE:
        source, log = stored(team, folder, frames, how), []
        for cut in (slice(None), slice(5, 50, 3)):
            wanted = frames[cut]
            some = SelectedFrames(source, np.arange(len(frames))[cut])
            parts = parts_of(team, len(wanted))
            for block in (frames[:1].nbytes, frames[:20].nbytes):
                counts = load.load(team, some, parts, prepare, threads=3, block=block, say=log.append)
                assert np.array_equal(counts, wanted[parts[team.rank], 2:18, 4:20]), (how, cut, block)
        stored_as_chunks = how not in ("nothing", "contiguous")
        assert not team.root or ("chunks of the file" in log[0]) == stored_as_chunks, log


def damaged(team, folder):
    """A chunk of the last rank's frames is damaged: rank 0 forwards it, who decompresses it says so."""
    frames = np.minimum(KINDS["uint16"](np.random.default_rng(3)), 3)
    source = stored(team, folder, frames, "bitshuffle")
    if team.root:
        with open_hdf5(source.file) as file:
            info = file["data"].id.get_chunk_info_by_coord((56, 0, 0))
        with open(source.file, "r+b") as file:
            file.seek(info.byte_offset)
            file.write(b"\xff" * info.size)
    parts = list(np.array_split(np.arange(61), team.size))
    load.load(team, source, parts, prepare, how="scatter", say=lambda t: None)


class Whole(Memory):
    """As a compressed NPZ: whoever reads has read all."""

    whole, closed = True, False

    def close(self):
        self.closed = True


def whole(team):
    """Rank 0 alone reads what must be read whole."""
    frames, log = KINDS["uint16"](np.random.default_rng(2)), []
    parts, source = parts_of(team, 61), Whole(frames)
    counts = load.load(team, source, parts, prepare, say=log.append)
    assert np.array_equal(counts, frames[parts[team.rank], 2:18, 4:20])
    assert source.closed and (source.most > 0) == team.root and "must read all" in log[0], log


def fail(team):
    """The source of rank 1 breaks in the middle."""
    from nanompi.errors import DataError

    class Broken(Memory):
        def read(self, index, threads=1):
            if team.rank == 1:
                raise DataError("scan.h5: frame 7 cannot be read")
            return super().read(index, threads)

    frames = KINDS["uint16"](np.random.default_rng(2))
    load.load(team, Broken(frames), parts_of(team, 61), prepare, how="read", say=lambda t: None)


if __name__ == "__main__":
    with Team() as team:
        known = [fall_back, main, memory, fail, forwarded, damaged, whole]
        {work.__name__: work for work in known}[sys.argv[1]](team, *sys.argv[2:])
