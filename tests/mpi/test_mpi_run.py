"""The whole program on 1, 2 and 3 ranks: the same result file, whichever way frames are split and loaded."""

import json
import os

import h5py
import numpy as np
import pytest

SCAN = """
nanompi: 1
input: {simulate: {frames: 40, size: 32, photons: 1e5}}
steps: [{use: ptycho}]
"""
JOB = """
nanompi: 1
name: x
input: {file: FILE}
steps:
  - {use: ptycho.prepare, split: stripes}
  - use: ptycho
    engines: DM*3 ML*2
run: {precision: double}
"""
LOADED = {"read": "each rank reads its frames", "scatter": "rank 0 reads the frames and sends them"}
WAYS = [  # ranks, split, frames
    (2, "kmeans", "scatter"),
    (3, "stripes", "read"),
]


def nanompi(mpirun, n, *argv, **how):
    return mpirun(n, ["-m", "nanompi", *map(str, argv)], **how)


def arrays(folder) -> dict[str, np.ndarray]:
    """What the run in a folder found."""
    names = ("object/data", "probe/data", "object/weight", "history/error", "history/R", "history/llk")
    with h5py.File(folder / "x/latest/result.h5") as f:
        return {name: f["entry_1"][name][()] for name in names}


@pytest.fixture
def scan(mpirun, tmp_path, monkeypatch):
    """A folder with a measured (well, simulated and saved) scan and its job."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scan.yaml").write_text(SCAN)
    (tmp_path / "job.yaml").write_text(JOB.replace("FILE", "scan.cxi"))
    nanompi(mpirun, 1, "simulate", "scan.yaml", "-o", "scan.cxi")
    return tmp_path


@pytest.mark.slow
def test_the_result_file_is_the_same(mpirun, scan):
    nanompi(mpirun, 1, "run", "job.yaml", "--out", "one")
    want = arrays(scan / "one")
    assert want["object/data"].dtype == np.complex128 and 0.1 < np.nanmin(want["history/R"]) < 0.2
    for n, split, frames in WAYS:
        edit = [
            "--set",
            f"steps.ptycho.prepare.split={split}",
            "--set",
            f"steps.ptycho.prepare.frames={frames}",
        ]
        said = nanompi(mpirun, n, "run", "job.yaml", "--out", f"{n}{split}", *edit).stdout
        assert (
            LOADED[frames] in said and f"partition: {split}" in said and "start probe from the data" in said
        )
        for name, got in arrays(scan / f"{n}{split}").items():
            error = np.nanmax(abs(got - want[name])) / np.nanmax(abs(want[name]))
            assert error <= (1e-6 if got.dtype == np.float32 else 1e-9), (n, split, frames, name, error)


EMPTY = [5, 6, 7, 30]


@pytest.mark.slow
def test_frames_without_counts_are_left_out_alike(mpirun, scan):
    """Measured: object and probe differ by 5e-15 after DM*2, 5e-12 after DM*20, 2e-9 after DM*40 ML*5, with
    empty frames and without any: rounding that DM lets grow tenfold in six iterations, and nothing else."""
    with h5py.File(scan / "scan.cxi", "r+") as f:
        data = f["entry_1/instrument_1/detector_1/data"]
        data[...] = np.where(np.isin(np.arange(40), EMPTY)[:, None, None], 0, data[()])
    nanompi(mpirun, 1, "run", "job.yaml", "--out", "one")
    want = arrays(scan / "one")
    for n in (2, 3):
        said = nanompi(mpirun, n, "run", "job.yaml", "--out", f"{n}").stdout
        assert "4 of 40 frames have no counts" in said and "left out: 5:8, 30" in said
        for name, got in arrays(scan / f"{n}").items():
            error = np.nanmax(abs(got - want[name])) / np.nanmax(abs(want[name]))
            limit = 1e-6 if got.dtype == np.float32 else 1e-9 if name.startswith("history") else 1e-11
            assert error <= limit, (n, name, error)


# A file that only rank 0 sees: each rank has its own current folder, and the file's path leads through it.
ALONE = """
import os, sys
rank = os.environ.get("PMI_RANK") or os.environ["OMPI_COMM_WORLD_RANK"]
if rank != "0":
    os.makedirs("elsewhere", exist_ok=True)
    os.chdir("elsewhere")
from nanompi.cli import main
sys.exit(main(["run", *sys.argv[1:]]))
"""


@pytest.mark.every_mpi
@pytest.mark.slow
def test_a_file_that_one_rank_does_not_see(mpirun, scan):
    job = scan / "job.yaml"
    job.write_text(JOB.replace("FILE", "/proc/self/cwd/scan.cxi").replace("DM*3 ML*2", "DM*1"))
    done = mpirun(
        2, ALONE, job, "--out", scan / "runs", "--set", "steps.ptycho.prepare.frames=read", code=3, seconds=40
    )
    assert "rank 1 on" in done.stderr and "/proc/self/cwd/scan.cxi" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    done = mpirun(2, ALONE, job, "--out", scan / "runs")
    assert LOADED["scatter"] in done.stdout and "1 of 2 ranks cannot open the file" in done.stdout
    facts = json.loads((scan / "runs/x/latest/environment.json").read_text())
    assert facts["ranks"] == 2 and sum(facts["hosts"].values()) == 2 and facts["folder"] == os.getcwd()
    assert {"numpy", "h5py", "mpi4py"} <= set(facts["packages"]) and str(job) in facts["command"]
