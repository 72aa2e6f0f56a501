"""A job that is cancelled, and a node that dies: how the job ends, and that no process is left."""

import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.usefixtures("installed")
LONG = "job.yaml --set steps.ptycho.engines=DM*1000000"


def iterating(slurm, words: str, nodes: int = 2) -> int:
    """A job of two ranks that iterates."""
    job = slurm.sbatch(f"--nodes={nodes} --ntasks=2 {words} {LONG}")
    status = slurm.folder / f"runs/nanompi/job-{job}/status.json"
    slurm.until(lambda: status.exists() and any(s in status.read_text() for s in ("iterating", "failed")))
    assert "iterating" in status.read_text(), slurm.logs()
    return job


@pytest.fixture
def dies(slurm):
    """`dies(job)`: the last node of a job dies, until the test ends; its name and those of the others."""
    dead = []

    def dies(job) -> tuple[str, list[str]]:
        names = slurm.facts(job)["NodeList"]  # whichever were idle: an earlier job may still be leaving one
        *others, last = slurm.shell(f"scontrol show hostnames {names}").split()
        dead.append(last)
        slurm.cluster.node_dies(last)
        return last, others

    yield dies
    slurm.shell("scancel --user=root; scancel --user=root --signal=KILL; true")
    for node in dead:
        slurm.cluster.node_up(node)


@pytest.mark.parametrize(
    "nodes, file", [(2, "run.sbatch"), (2, "run-mpirun.sbatch"), (1, "run-mpirun.sbatch")]
)
def test_scancel_leaves_no_process(slurm, nodes, file):
    job = iterating(slurm, f"{ROOT}/slurm/{file}", nodes)
    assert len(slurm.left(job)) >= 2
    slurm.shell(f"scancel {job}")
    assert slurm.ended(job)[0] == "CANCELLED"
    slurm.until(lambda: not slurm.left(job), 10)
    time.sleep(1)
    facts = slurm.facts(job)  # a checkpoint in time does not bring back what somebody has cancelled
    assert (facts["JobState"], facts["Restarts"]) == ("CANCELLED", "0"), slurm.logs()
    told = slurm.shell("nanompi watch", code=None)  # TERM before the first checkpoint, or after one
    assert "stopped (143)" in told or ("stopped (75)" in told and "stopped by SIGTERM after" in told), told


def test_a_node_that_dies_ends_the_job_with_4_and_the_reason(slurm, dies):
    job = iterating(slurm, f"--no-requeue {ROOT}/slurm/run.sbatch")
    node, (other,) = dies(job)
    how = slurm.ended(job)
    slurm.until(lambda: not slurm.left(job), 10)
    said = slurm.logs()
    assert "Traceback" not in said
    if how[0] == "NODE_FAIL":  # Slurm has seen it before the other rank
        assert f"Node failure on {node}" in said
        return
    assert how == ("FAILED", "4:0"), said
    status, broke = slurm.shell("nanompi status"), "the connection to other ranks broke"
    assert "failed (4)" in status and broke in status
    # Where MPICH takes the error for fatal it has the rank killed, mostly after it has spoken.
    assert f"rank 0 on {other}: {broke}" in said or "Fatal error in internal_" in said, said


def test_a_job_whose_node_is_set_down_goes_on_with_another(slurm, dies):
    """It iterates until it has gone on, and is then asked for its result"""
    job = slurm.sbatch(f"--nodes=2 --ntasks=2 {ROOT}/slurm/run.sbatch {LONG} --set 'run.checkpoint=1 s'")
    run = slurm.folder / f"runs/nanompi/job-{job}"
    slurm.until(lambda: list(run.glob("checkpoint-*")), 60)
    node, _ = dies(job)
    slurm.shell(f"scontrol update nodename={node} state=down reason=test")
    slurm.until(lambda: slurm.facts(job)["Restarts"] == "1", 10)
    slurm.until(lambda: "resumed after iteration" in slurm.logs(), 90)
    (run / "stop").touch()
    assert slurm.ended(job, 90) == ("COMPLETED", "0:0"), slurm.logs()
    assert slurm.logs().count("resumed after iteration") == 1 and (run / "result.h5").exists()
    assert not slurm.left(job)
