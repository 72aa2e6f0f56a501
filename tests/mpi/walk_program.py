"""Block steps over the ranks: results are written to a file, whose bits the test compares."""

import itertools
import sys
import tracemalloc
from pathlib import Path

import numpy as np

from nanompi.data.data import Data, even, on_rank_0
from nanompi.data.respread import fitting, respread
from nanompi.data.walk import walk
from nanompi.mpi.team import Team
from nanompi.run.result import Result
from nanompi.run.store import Store
from nanompi.run.writers import nexus
from nanompi.run.writers.images import images_of
from nanompi.step import item, step, total
from tests import walking as scene

RNG = np.random.default_rng(8)
STACK = (RNG.normal(size=(11, 5, 6)) * 10.0 ** RNG.integers(-6, 6, (11, 5, 6))).astype(np.float32)
SCAN = RNG.integers(0, 60000, (4, 5, 3, 7)).astype(np.uint16)
ANGLES = {"angle": (np.linspace(0, 3, 11), "rad")}


def made(cls, **marks):
    return step(f"test.{cls.__name__}", **marks)(type(cls.__name__, (cls,), dict(vars(cls))))()


class Peaks:
    """Of each spectrum."""

    def block(self, block, info):
        return {"peak": block.max(1), "sum": block * np.float32(0.1), "at": block.argmax(1)}


PEAKS = {"peak": item(), "sum": total("channel"), "at": item()}


def bits(team, folder):
    """Chains of steps, from memory and from a source, spread over every axis."""
    out, doubled = {}, made(scene.Doubled, each="frame")
    figures = made(scene.Figures, each="frame", gives=scene.FIGURES)
    turned = made(scene.Turned, each="sinogram", makes=("y", "x"))
    for along in ("angle", "row", "column", "disk"):
        given = scene.on_disk(team, STACK, "angle row column", coords=ANGLES)
        if along != "disk":
            given = scene.spread(team, STACK, "angle row column", along, coords=ANGLES)
        run = scene.run_of(team, data=given)
        for steps in ([doubled, figures], [turned]) if along == "disk" else ([doubled], [figures], [turned]):
            walk(run, steps)
        out |= {f"{along}.{name}": scene.whole(team, data) for name, data in run.data.items()}
    for along in ("y", "x", "channel", "row"):
        run = scene.run_of(team, data=scene.spread(team, SCAN, "y x channel row", along))
        walk(run, [made(Peaks, each="spectrum", gives=PEAKS)])
        out |= {f"scan.{along}.{name}": scene.whole(team, data) for name, data in run.data.items()}
    if team.root:
        np.savez(Path(folder) / f"{team.size}.npz", **out)


def right(team, folder):
    """The same numbers whatever axis the data came along."""
    bits(team, folder)
    if team.root:
        with np.load(Path(folder) / f"{team.size}.npz") as file:
            out = dict(file)
        for name in ("data", "pairs", "number", "mean", "seen"):
            for along in ("row", "column", "disk"):
                assert np.array_equal(out[f"{along}.{name}"], out[f"angle.{name}"]), (along, name)
        assert np.array_equal(out["angle.number"], np.arange(11)) and out["angle.seen"] == 11
        sum_ = (2 * STACK).astype(float).sum(0)
        assert np.allclose(out["angle.mean"], sum_, rtol=0, atol=1e-9 * np.abs(STACK).max())
        peaks = SCAN.max(2)
        assert all(np.array_equal(out[f"scan.{a}.peak"], peaks) for a in ("y", "x", "channel", "row"))


def moved(team, folder):
    """From every axis to every other one and to rank 0, in runs and mixed, also with empty parts."""
    values, axes = np.arange(2 * 7 * 3 * 4, dtype=np.int32).reshape(2, 7, 3, 4), "y x row column"
    for old, new in itertools.product(axes.split(), repeat=2):
        n, m = (values.shape[axes.split().index(a)] for a in (old, new))
        mixed = np.array_split(np.random.default_rng(5).permutation(n), team.size)
        for parts, wanted in itertools.product(
            (even(n, team.size), mixed), (even(m, team.size), on_rank_0(m, team.size))
        ):
            data = scene.spread(team, values, axes, old, parts)
            got = respread(team, data, new, wanted)
            k = axes.split().index(new)
            assert np.array_equal(got.values, np.take(values, wanted[team.rank], axis=k)), (old, new)
            assert got.spread == new and got.shape == values.shape
    data = scene.spread(team, values, axes, "x")
    assert fitting(team, data, ("row", "column")) is data  # nothing moves that need not
    assert fitting(team, data, ("x", "row", "column")).spread == "y"
    alone = fitting(team, data, tuple(axes.split()))
    assert alone.values.shape == ((2 if team.root else 0), 7, 3, 4) and alone.spread == "y"


def few(team, folder):
    """Two slices for three ranks: who has none learns shape and dtype from the others."""
    run = scene.run_of(
        team, data=scene.spread(team, STACK[:, :2], "angle row column", "angle", coords=ANGLES)
    )
    walk(run, [made(scene.Turned, each="sinogram", makes=("y", "x"))])
    data = run.data["data"]
    assert data.values.shape[1:] == (6, 11) and data.dtype == np.float32 and data.shape == (2, 6, 11)
    walk(run, [made(scene.Figures, each="frame", gives=scene.FIGURES)])
    assert run.data["seen"].values == 2 and run.data["pairs"].shape == (2, 2)
    walk(run, [made(One, each="whole", gives={"all": item(), "first": item("y", "x")})])
    assert run.data["all"].values == whole_sum(team, run.data["data"])
    assert run.data["first"].shape == (6, 11)


class One:
    """All in one item."""

    def block(self, block, info):
        return {"all": block.sum((1, 2, 3)), "first": block[:, 0]}


def whole_sum(team, data):
    return scene.whole(team, data).sum()


def fail(team, folder):
    """A step fails on the last rank alone."""

    class Fails:
        def block(self, block, info):
            return block if info.index[0] < 6 else 1 / 0

    run = scene.run_of(team, data=scene.spread(team, STACK, "angle row column", "angle"))
    walk(run, [made(Fails, each="frame")])


def written(team, folder):
    """Data of every kind in one file, from parts in runs and in any order, along each axis."""
    coords = {"x": (np.arange(7) * 1e-6, "m"), "line": (["Ca", "Fe", "Cu"], ""), "y": (np.arange(2), "")}
    mixed = np.array_split(np.random.default_rng(5).permutation(7), team.size)
    values = np.arange(2 * 7 * 3, dtype=np.float32).reshape(2, 7, 3)
    about = {"coords": coords, "unit": "counts", "title": "maps of lines"}
    maps = {a: scene.spread(team, values, "y x line", a, **about) for a in ("y", "x", "line")}
    maps["mixed"] = scene.spread(team, values, "y x line", "x", mixed, **about)
    volume = np.arange(5 * 40 * 600, dtype=np.float32).reshape(5, 40, 600)
    places = {"point": (np.arange(14.0).reshape(7, 2), "m")}
    data = maps | {
        "volume": scene.spread(team, volume, "row y x", "row"),
        "turned": scene.spread(team, volume, "row y x", "y"),
        "points": scene.spread(team, values[0], "point line", "point", coords=places),
        "number": Data(axes=(), values=np.array(3)),
    }
    result = Result(data=data)
    run = run_of(team, result, folder)
    nexus.write_result(run)
    images = {}
    for name, one in data.items():
        images |= images_of(team, one, name)
    if team.root:
        check_file(Path(folder) / "result.h5", values, volume)
        lines = {f"{name} {line}": k for name in maps for k, line in enumerate(coords["line"][0])}
        assert images.keys() == {*lines, "volume", "turned"}
        assert all(np.array_equal(images[name].data, values[..., k]) for name, k in lines.items())
        assert all(np.array_equal(images[name].data, volume[2]) for name in ("volume", "turned"))


def run_of(team, result, folder):
    """What writes a result."""
    run = scene.run_of(team)
    run.result, run.folder, run.control = result, Path(folder), None
    run.store = Store(run)
    return run


def check_file(path, values, volume):
    import h5py

    with h5py.File(path) as file:
        entry = file["entry_1"]
        assert entry.attrs["default"] == "y"
        for name in ("y", "x", "line", "mixed"):
            group = entry[name]
            assert np.array_equal(group["data"], values) and group.attrs["axes"].tolist() == ["y", "x", "."]
            assert np.array_equal(group["x"], np.arange(7)) and group["x"].attrs["units"] == "um"
            assert group["line"].asstr()[()].tolist() == ["Ca", "Fe", "Cu"]
            assert group["data"].attrs["units"] == "counts" and group.attrs["title"] == "maps of lines"
        assert np.array_equal(entry["volume/data"], volume) and np.array_equal(entry["turned/data"], volume)
        assert entry["volume/data"].compression == "gzip" and entry["volume"].attrs["axes"][0] == "row"
        assert np.array_equal(entry["points/point_x"], np.arange(1.0, 14, 2) * 1e6)
        assert entry["points"].attrs["point_y_indices"] == 0 and entry["number/data"][()] == 3


def large(team, folder):
    """No rank holds more than its own part and some blocks while 96 MB are written."""
    own = np.zeros((96 // team.size, 1 << 18), np.float32)
    parts = even(len(own) * team.size, team.size)
    data = Data(axes=("row", "x"), values=own, spread="row", parts=parts)
    run = run_of(team, Result(data={"data": data}), folder)
    tracemalloc.start()
    nexus.write_result(run)
    peak = tracemalloc.get_traced_memory()[1]
    assert peak < 3 * (16 << 20), f"rank {team.rank}: {peak / 1e6:.1f} MB"


if __name__ == "__main__":
    with Team() as team:
        {work.__name__: work for work in (right, moved, few, fail, written, large)}[sys.argv[1]](
            team, sys.argv[2]
        )
