"""Under mpirun: read = scatter = the frames themselves; packed or not; in pieces."""

import sys
import tracemalloc

import numpy as np

import nanompi.team
from nanompi import split
from nanompi.clock import Clock
from nanompi.partition.stripes import Stripes
from nanompi.team import Team
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


def same_everywhere(team, frames, how, packed, block):
    """The counts of `load` by `how`, and all of them on rank 0 again, are those of the frames."""
    parts = parts_of(team, len(frames))
    real = team.places
    team.places = (
        0 if packed else real
    )  # fewer ranks on the node than ranks: the wire between nodes is packed
    clock, log = Clock(), []
    sizes = {"how": how, "block": block, "clock": clock, "say": log.append}
    counts = split.load(team, Memory(frames), parts, prepare, **sizes)
    team.places = real
    kind = np.float32 if frames.dtype.kind == "f" or frames.max() > 65535 else np.uint16
    mine = parts[team.rank]
    assert counts.dtype == kind, (counts.dtype, kind)
    assert np.array_equal(counts, frames[mine, 2:18, 4:20].astype(kind)), how
    assert clock.bytes["load"] == frames[mine].nbytes and set(clock.seconds) == {"load", "prepare"}
    assert team.size == 1 or (how in log[0] and ("packed by" in log[0]) == (packed and how == "scatter")), log


def main(team):
    nanompi.team.PIECE = 1000  # as 1 GiB, but quick: every message travels in many pieces
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
    counts = split.load(team, source, parts, prepare, how="auto", say=log.append)
    assert np.array_equal(counts, frames[parts[team.rank], 2:18, 4:20])
    assert "scatter" in log[0] and f"1 of {team.size} ranks cannot open" in log[0], log
    counts = split.load(team, Memory(frames), parts, prepare, how="auto", say=log.append)
    assert "read" in log[1] and "every rank can open" in log[1], log


class Made:
    """Frames that are made when they are read: nothing of them is in memory before."""

    shape, dtype = (600, 256, 256), np.dtype(np.uint16)

    def read(self, index, threads=1):
        out = np.empty((len(index), 256, 256), np.uint16)
        out[...] = index[:, None, None]
        return out


def memory(team):
    """Scatter of 79 MB: rank 0 keeps its counts (cropped to a sixteenth) and a few blocks of 4 MB."""
    parts = parts_of(team, 600)
    tracemalloc.start()
    counts = split.load(
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
    assert peak < counts.nbytes + 5 * (4 << 20), f"rank {team.rank}: {peak / 1e6:.1f} MB"


def fail(team):
    """The source of rank 1 breaks in the middle."""
    from nanompi.errors import DataError

    class Broken(Memory):
        def read(self, index, threads=1):
            if team.rank == 1:
                raise DataError("scan.h5: frame 7 cannot be read")
            return super().read(index, threads)

    frames = KINDS["uint16"](np.random.default_rng(2))
    split.load(team, Broken(frames), parts_of(team, 61), prepare, how="read", say=lambda t: None)


if __name__ == "__main__":
    with Team() as team:
        {"main": main, "auto": fall_back, "memory": memory, "fail": fail}[sys.argv[1]](team)
