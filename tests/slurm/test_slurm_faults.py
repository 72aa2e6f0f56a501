"""A job that is cancelled, and a node that dies: how the job ends, and that no process is left."""

import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LONG = "job.yaml --set steps.ptycho.engines=DM*1000000"


def iterating(slurm, words: str) -> int:
    """A job that iterates, on two nodes."""
    job = slurm.sbatch(f"--nodes=2 --ntasks=2 {words} {LONG}")
    status = slurm.folder / f"runs/nanompi/job-{job}/status.json"
    slurm.until(lambda: status.exists() and any(s in status.read_text() for s in ("iterating", "failed")))
    assert "iterating" in status.read_text(), slurm.logs()
    return job


@pytest.fixture
def node2(slurm):
    """A node that comes back afterwards."""
    yield "node2"
    slurm.shell("scancel --user=root; scancel --user=root --signal=KILL; true")
    slurm.cluster.node_up("node2")


@pytest.mark.parametrize("file", ["run.sbatch", "run-mpirun.sbatch"])
def test_scancel_leaves_no_process(slurm, file):
    job = iterating(slurm, f"{ROOT}/slurm/{file}")
    assert len(slurm.left(job)) >= 2
    t = time.monotonic()
    slurm.shell(f"scancel {job}")
    assert slurm.ended(job)[0] == "CANCELLED"
    slurm.until(lambda: not slurm.left(job), 10)
    assert time.monotonic() - t < 10
    told = slurm.shell("nanompi watch", code=143)
    assert "stopped (143)" in told and "ended by signal 15\n" in told


def test_a_node_that_dies_ends_the_job_with_4_and_the_reason(slurm, node2):
    job = iterating(slurm, f"--no-requeue {ROOT}/slurm/run.sbatch")
    slurm.cluster.node_dies(node2)
    assert slurm.ended(job) == ("FAILED", "4:0"), slurm.logs()
    slurm.until(lambda: not slurm.left(job), 10)
    said = slurm.logs()
    assert "rank 0 on node1: the connection to other ranks broke" in said and "Traceback" not in said
    assert "failed (4)" in slurm.shell("nanompi status")


def test_a_job_whose_node_is_set_down_starts_again_on_another(slurm, node2):
    program = slurm.folder / "program"  # what stands in for `nanompi resume` tells its ranks
    program.write_text('#!/bin/sh\n[ "$1" != resume ] || { echo "$@"; set -- doctor; }\nexec nanompi "$@"\n')
    program.chmod(0o755)
    slurm.environ["NANOMPI"] = str(program)
    job = iterating(slurm, f"{ROOT}/slurm/run.sbatch")
    slurm.cluster.node_dies(node2)
    slurm.shell(f"scontrol update nodename={node2} state=down reason=test")
    slurm.until(lambda: slurm.facts(job)["Restarts"] == "1", 10)
    assert slurm.ended(job) == ("COMPLETED", "0:0"), slurm.logs()
    log = slurm.logs()
    assert log.count(f"resume runs/nanompi/job-{job}\n") == 2 and "\n              1     node" in log
    assert not slurm.left(job)
