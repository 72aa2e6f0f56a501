"""Projections from files of every kind to rows over the ranks, and through steps, to the bit."""

import sys
from pathlib import Path

import h5py
import hdf5plugin
import numpy as np

from nanompi.data import room
from nanompi.data import walk as passes
from nanompi.data.data import Data, even
from nanompi.data.stored import Hdf5Frames
from nanompi.data.walk import next_pass, walk
from nanompi.errors import ResourceError
from nanompi.io.hdf5 import open_hdf5
from nanompi.mpi.team import Team
from nanompi.step import step, total
from tests import walking as scene

ANGLES, ROWS, COLUMNS = 23, 7, 9
RNG = np.random.default_rng(4)
STACK = RNG.integers(90, 60000, (ANGLES, ROWS, COLUMNS)).astype(np.uint16)
DARK = RNG.integers(80, 120, (ROWS, COLUMNS)).astype(np.float32)
WEIGHT = RNG.random(ANGLES).astype(np.float32)
BITS = hdf5plugin.Bitshuffle(cname="lz4")
STORAGES = {
    "contiguous": {},
    "gzip": {"chunks": (1, ROWS, COLUMNS), "compression": "gzip", "shuffle": True},
    "bitshuffle of 4": {"chunks": (4, ROWS, COLUMNS), "compression": BITS},
    "rows apart": {"chunks": (5, 2, COLUMNS), "compression": "gzip"},
}


class Light:
    """Of values by themselves: it needs to know rows and angles of its block."""

    def start(self, run, data):
        self.seen, self.shapes = 0, set()

    def block(self, block, info):
        dark, weight = DARK[: info.data.size("row")], info.part(WEIGHT, "angle")
        self.seen += 0 if info.again else block.size
        self.shapes.add(block.shape[1:])
        return (block - info.part(dark, "row", "column")) * weight

    def finish(self, run):
        self.all = run.team.total(self.seen)[0]


class Less:
    """Takes from each projection its mean."""

    def block(self, block, info):
        return block - block.mean((1, 2), dtype=np.float64)[:, None, None].astype(np.float32)


class Looks:
    """Finds something out of all sinograms that a later step wants to know."""

    ends_pass = True

    def block(self, block, info):
        return {"sum": block.astype(np.float64).sum((1, 2))}

    def finish(self, run):
        run.data["data"].facts["axis"] = float(run.data.pop("sum").values.sum())


class Turned:
    """Sinograms to something else, by what another step has found."""

    def start(self, run, data):
        self.axis = np.float32(data.facts.get("axis", 1.0))

    def block(self, block, info):
        return block.transpose(0, 2, 1) * self.axis


def steps(frames: bool) -> list:
    made = [
        step("test.light", each="pixel")(type("Light", (Light,), dict(vars(Light))))(),
        step("test.looks", each="sinogram", gives={"sum": total()})(Looks)(),
        step("test.turned", each="sinogram", makes=("y", "x"))(Turned)(),
    ]
    return [step("test.less", each="frame")(Less)(), *made] if frames else made


def expected(frames: bool) -> np.ndarray:
    raw = Less().block(STACK, None) if frames else STACK
    lit = ((raw - DARK) * WEIGHT[:, None, None]).transpose(1, 2, 0)
    return lit * np.float32(lit.astype(np.float64).sum())


def write(team, folder: Path) -> None:
    def work():
        with h5py.File(folder / f"scan-{team.size}.h5", "w") as file:
            for name, how in STORAGES.items():
                file.create_dataset(name, data=STACK, **how)

    team.on_root(work)


def run_on(team, source, scratch="", **more):
    parts = even(ANGLES, team.size)
    data = Data(axes=("angle", "row", "column"), source=source, spread="angle", parts=parts)
    run = scene.run_of(team, data=data)
    run.options.scratch = scratch
    run.device.threads = more.get("threads", 1)
    return run


def source_of(folder: Path, team, name: str) -> Hdf5Frames:
    with open_hdf5(str(folder / f"scan-{team.size}.h5")) as file:
        return Hdf5Frames.of(file, name)


def done(team, run, frames: bool, values: int = STACK.size) -> np.ndarray:
    chain = steps(frames)
    way = next_pass(run, chain)
    assert (way.loading, way.axis, way.after) == (int(frames), "row", 2), way
    walk(run, chain)
    light = chain[-3]
    assert light.all == values, light.all
    assert light.shapes <= {(ANGLES, COLUMNS)}
    assert run.data["data"].axes == ("row", "y", "x") and run.data["data"].spread == "row"
    return scene.whole(team, run.data["data"])


def files(team, folder: Path):
    """Of every kind of file, with and without a step that wants whole projections first."""
    write(team, folder)
    for name in STORAGES:
        for frames in (False, True):
            run = run_on(team, source_of(folder, team, name), threads=2)
            got, want = done(team, run, frames), expected(frames)
            assert got.dtype == np.float32 and np.allclose(got, want, rtol=1e-4, atol=0)
            if team.root:
                np.save(folder / f"{name} {frames} {team.size}.npy", got)
            alone = any("reads its own rows" in line for line in run.lines)
            apart = name in ("contiguous", "rows apart") and ROWS // team.size >= (name != "contiguous") + 1
            assert alone == (team.size > 1 and not frames and apart), (name, run.lines)


def once(team, folder: Path):
    """Each projection is read by one rank alone, whole chunks of the file; rows travel as they are stored."""
    source = scene.Stored(STACK)
    source.chunk, before = 4, team.clock.bytes.get("exchange", 0)
    run = run_on(team, source)
    walk(run, steps(False))
    read = sum(team.allgather(source.read_rows))
    assert read.tolist() == [1] * ANGLES, read
    mine = np.flatnonzero(source.read_rows)
    assert not len(mine) or (mine[0] % 4 == 0 and (mine[-1] % 4 == 3 or mine[-1] == ANGLES - 1))
    rows = [len(part) for part in even(ROWS, team.size)]
    away = 2 * len(mine) * COLUMNS * (ROWS - rows[team.rank])
    assert team.clock.bytes.get("exchange", 0) - before == away


def blind(team, folder: Path):
    """A file that rank 0 alone can open, and one that all but the last can."""
    for seeing in {1, team.size - 1}:
        source = scene.Stored(STACK)
        source.reachable = lambda n=seeing: team.rank < n
        got = done(team, run_on(team, source), True)
        assert np.allclose(got, expected(True), rtol=1e-4, atol=0)
        assert source.read_rows.any() == (team.rank < seeing)
        if team.root:
            np.save(folder / f"blind {seeing} True {team.size}.npy", got)


def few(team, folder: Path):
    """Two rows: on three ranks one has none. The others are as they are without it."""
    few = STACK[:, :2]
    got = done(team, run_on(team, scene.Stored(few)), False, few.size)
    lit = ((few - DARK[:2]) * WEIGHT[:, None, None]).transpose(1, 2, 0)
    assert np.allclose(got, lit * np.float32(lit.astype(np.float64).sum()), rtol=1e-4, atol=0)
    if team.root:
        np.save(folder / f"few {team.size}.npy", got)


def little(team, folder: Path):
    """No room for real numbers: made again. None for counts: in a file, or refused."""
    counts, free, rows = 2 * STACK.size, room.free_memory, passes.ROUND
    passes.ROUND = 0
    scratch = folder / "scratch"
    try:
        for name, much, where in (("again", 2.2, ""), ("scratch", 0.5, str(scratch))):
            room.free_memory = lambda much=much: much * counts
            run = run_on(team, scene.Stored(STACK), where)
            got = done(team, run, False)
            assert any("made again when needed" in line for line in run.lines), run.lines
            assert any("they lie in" in line for line in run.lines) == (name == "scratch"), run.lines
            if team.root:
                np.save(folder / f"{name} False {team.size}.npy", got)
        assert list(scratch.iterdir()) == []
        try:
            done(team, run_on(team, scene.Stored(STACK)), False)
        except ResourceError as error:
            assert "a node lacks" in str(error) and "run: {scratch: /tmp}" in str(error) and error.common
        else:
            raise AssertionError("not refused")
    finally:
        room.free_memory, passes.ROUND = free, rows


if __name__ == "__main__":
    with Team() as team:
        for work in (files, once, blind, few, little):
            if work is not blind or team.size > 1:
                work(team, Path(sys.argv[1]))
