"""The live view of runs on several ranks: the image that the result will have, and no other result."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from nanompi.report.record import record
from nanompi.report.signals import SignalsInFile

PROGRAM = Path(__file__).parent / "live_program.py"
JOB = """
nanompi: 1
name: x
input: {simulate: {frames: 40, size: 32, photons: 1e5}}
steps:
  - {use: ptycho.prepare, split: SPLIT}
  - {use: ptycho, engines: DM*4 ML*3, combine: COMBINE, balance: off, probe: {modes: 2}}
run: {device: cpu}
"""
NAMES = ("object/data", "probe/data", "history/error", "history/R")
WAYS = [  # ranks, split, combine
    (2, "kmeans", "overlap"),
    pytest.param(3, "stripes", "overlap", marks=pytest.mark.slow),
    pytest.param(3, "kmeans", "allreduce", marks=pytest.mark.slow),
]


@pytest.fixture
def run(mpirun, tmp_path, monkeypatch):
    """run(ranks, name, arguments) in a folder with job.yaml; the folder of the run."""
    monkeypatch.chdir(tmp_path)

    def call(ranks, out, *argv, **how):
        mpirun(ranks, PROGRAM, *argv, "--out", out, **how)
        return tmp_path / out / "x" / "latest"

    return call


def job(split: str, combine: str):
    Path("job.yaml").write_text(JOB.replace("SPLIT", split).replace("COMBINE", combine))


def arrays(folder) -> dict[str, np.ndarray]:
    with h5py.File(folder / "result.h5") as f:
        return {name: f[f"entry_1/{name}"][()] for name in NAMES}


@pytest.mark.slow
@pytest.mark.parametrize("ranks, split, combine", WAYS)
def test_the_last_live_view_is_the_result(run, ranks, split, combine):
    """Phase and amplitude where they are lit, modes, axes; history and engines of every iteration"""
    job(split, combine)
    folder = run(ranks, "with", "run", "job.yaml", KEPT="kept.h5")
    live, final = SignalsInFile(Path("kept.h5")), record(folder).signals()
    assert set(live) == {"phase", "amplitude", "probe"} and not (folder / "live.h5").exists()
    lit = final["phase"].seen > 10
    turned = np.angle(np.exp(1j * (live["phase"].data - final["phase"].data)))
    assert abs(turned[lit]).max() < 1e-5 and abs(live["phase"].seen - final["phase"].seen).max() <= 1
    assert abs(live["amplitude"].data - final["amplitude"].data)[lit].max() < 1e-5
    assert live["probe"].data.dtype == np.complex64 and live["phase"].data.dtype == np.float32
    largest = abs(final["probe"].data).max()
    assert abs(abs(live["probe"].data) - abs(final["probe"].data)).max() < 1e-4 * largest
    for name in ("phase", "probe"):
        for axis, (values, unit) in final[name].axes.items():
            assert np.allclose(live[name].axes[axis][0], values) and live[name].axes[axis][1] == unit
    found = record(folder)
    assert found.history["i"].tolist() == list(range(1, 8)) and np.isfinite(found.history["R"][[3, 6]]).all()
    assert [(e["engine"], e["iteration"]) for e in found.events if e["event"] == "engine"] == [
        ("DM", 1),
        ("ML", 5),
    ]
    told = json.loads(Path("kept.h5.json").read_text())
    assert len(told) == ranks and sum(one["frames"] for one in told) == 40
    assert all(0 <= one["busy"] <= 1 and one["memory"] > 1e7 for one in told)
    spent = json.loads((folder / "metrics.json").read_text())["live"]
    assert spent["times"] == 7 and 0 < spent["share"] < 1


@pytest.mark.slow
@pytest.mark.parametrize("split, combine", [("kmeans", "overlap"), ("stripes", "allreduce")])
def test_no_bit_of_the_result_depends_on_it(run, split, combine):
    job(split, combine)
    without, with_it = run(2, "without", "run", "job.yaml"), run(2, "with", "run", "job.yaml", KEPT="kept.h5")
    for name, values in arrays(without).items():
        assert np.array_equal(arrays(with_it)[name], values, equal_nan=True), name


@pytest.mark.every_mpi
@pytest.mark.slow
def test_a_run_that_is_killed_leaves_what_it_has_shown(run, mpirun):
    """And goes on from its checkpoint to the bits of a run that nobody killed, with one history"""
    job("kmeans", "overlap")
    each = ("--set", "run.checkpoint=1 us")
    whole = run(2, "whole", "run", "job.yaml")
    folder = run(2, "killed", "run", "job.yaml", *each, code=None, KEPT="kept.h5", KILL="5")
    found = record(folder)
    assert found.status["state"] == "lost" and found.signals()["phase"].data.ndim == 2
    mpirun(2, PROGRAM, "resume", str(folder))
    for name, values in arrays(whole).items():
        assert np.array_equal(arrays(folder)[name], values, equal_nan=True), name
    assert record(folder).history["i"].tolist()[-1] == 7


@pytest.mark.slow
def test_squares_of_pixels_are_the_same_whoever_holds_them(run):
    """Object and probe larger than the view may be: three ranks with their parts of it, and with all of it"""
    found = {}
    for combine in ("overlap", "allreduce"):
        job("kmeans", combine)
        run(3, combine, "run", "job.yaml", KEPT=f"{combine}.h5", SIDE="20")
        found[combine] = SignalsInFile(Path(f"{combine}.h5"))
    one, other = found.values()
    assert max(one["phase"].data.shape) <= 20 and one["probe"].data.shape[1:] == (16, 16)
    lit = other["phase"].seen > 30
    assert abs(np.angle(np.exp(1j * (one["phase"].data - other["phase"].data))))[lit].max() < 1e-2
    assert abs(one["phase"].seen - other["phase"].seen.astype(float)).max() <= 1
