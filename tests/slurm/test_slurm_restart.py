"""Jobs that are told to stop and come back, and sweeps as arrays."""

import csv
import re
from pathlib import Path

import h5py
import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
JOB = (
    "job.yaml --set steps.ptycho.engines=DM*{} --set steps.ptycho.figures=200 --set steps.ptycho.balance=off"
)


def image(run) -> np.ndarray:
    """The object of a run and its errors"""
    with h5py.File(run / "result.h5") as f:
        return f["entry_1/object/data"][()], f["entry_1/history/error"][()]


@pytest.mark.usefixtures("installed")
def test_stopped_and_requeued_twice_gives_the_bits_of_an_undisturbed_run(slurm):
    """USR1, code 75, requeue, resume, twice, then `touch stop`: so many iterations in one go give the same.

    `balance: off`, since frames that move by measured times change the order of sums, and so the last bits.
    """
    job = slurm.sbatch(f"--nodes=2 --ntasks=2 {ROOT}/slurm/run.sbatch {JOB.format(1_000_000)}")
    run = slurm.folder / f"runs/nanompi/job-{job}"
    for restarts in (1, 2):
        slurm.until(lambda: "   DM " in slurm.logs().rpartition("resumed after")[2], 60)
        slurm.shell(f"scancel --signal=USR1 {job}")
        slurm.until(lambda n=restarts: slurm.facts(job)["Restarts"] == str(n), 30)
        slurm.until(lambda n=restarts: slurm.logs().count("resumed after iteration") == n, 60)
    (run / "stop").touch()
    assert slurm.ended(job, 90) == ("COMPLETED", "0:0"), slurm.logs()
    log = slurm.logs()
    assert log.count("stopped by SIGUSR1 after iteration") >= 2 and "Traceback" not in log
    got = image(run)
    slurm.shell(f"nanompi run -n 2 {JOB.format(len(got[1]))} --out whole", seconds=120)
    for one, other in zip(got, image(slurm.folder / "whole/small/latest")):
        assert np.array_equal(one, other)
    assert not slurm.left(job) and not list(run.glob("checkpoint-*"))


def test_a_sweep_as_an_array_is_collected(slurm):
    """One task for each setting, then the job that waits for all of them and makes the table"""
    sets = "--set steps.ptycho.probe.modes='{sweep: [1, 2, 3]}'"
    told = slurm.shell(f"nanompi sweep job.yaml {sets} --submit -n 1 --time 10min")
    collector, folder = re.search(r"array \d+, collected by (\d+); (\S+)", told).groups()
    assert slurm.ended(collector, 120) == ("COMPLETED", "0:0"), slurm.logs()
    with open(slurm.folder / folder / "table.csv") as file:
        rows = list(csv.DictReader(file))
    assert [r["steps.ptycho.probe.modes"] for r in rows] == ["1", "2", "3"]
    assert {r["code"] for r in rows} == {"0"} and (slurm.folder / folder / "sweep.h5").exists()
