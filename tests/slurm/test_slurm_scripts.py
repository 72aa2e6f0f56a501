"""The scripts by hand: ranks, nodes, exit codes. (An array: test_slurm_readme.py.)"""

import json
from pathlib import Path

import pytest

from nanompi.cluster.site import Site
from nanompi.cluster.slurm import HAND, script

ROOT = Path(__file__).parents[2]
RUN, MPIRUN = ROOT / "slurm/run.sbatch", ROOT / "slurm/run-mpirun.sbatch"
DOUBLES = ROOT / "tests" / "cli" / "doubles"  # a program that does little, and fails on its last rank
BOTH = pytest.mark.parametrize("file", [RUN, MPIRUN], ids=lambda f: f.stem)


@BOTH
@pytest.mark.usefixtures("installed")
def test_three_ranks_on_two_of_four_nodes(slurm, file):
    job = slurm.sbatch(f"--nodes=2 --ntasks=3 {file} job.yaml --set name=by-hand")
    assert slurm.ended(job) == ("COMPLETED", "0:0"), slurm.logs()
    folder = slurm.folder / f"runs/nanompi/job-{job}"
    assert (folder / "result.h5").exists()
    log = (slurm.folder / f"nanompi-{job}.log").read_text()
    assert "by-hand: 3 ranks, MPI: MPICH" in log and "ranks: 0-1 on node1, 2 on node2\n" in log
    facts = json.loads((folder / "environment.json").read_text())
    assert facts["hosts"] == {"node1": 2, "node2": 1} and facts["slurm"]["SLURM_JOB_ID"] == str(job)


SAYS = """\
#!/bin/bash
say='echo "place $SLURMD_NODENAME ${MPI_LOCALRANKID:-$SLURM_LOCALID} sees $CUDA_VISIBLE_DEVICES"'
case "$*" in *" -n "*) exec mpiexec -n "$SLURM_NTASKS" bash -c "$say" ;; *) eval "$say" ;; esac
"""


@BOTH
@pytest.mark.parametrize(
    "asked", ["--gpus-per-node=2", "--gpus-per-task=1", "--gpus-per-node=2 --gpu-bind=single:1"]
)
def test_each_rank_sees_all_cards_that_the_job_has_on_its_node(slurm, file, asked):
    """Cards that see each other can exchange data; place % cards gives each rank its own"""
    (slurm.folder / "says").write_text(SAYS)
    (slurm.folder / "says").chmod(0o755)
    slurm.environ["NANOMPI"] = str(slurm.folder / "says")
    job = slurm.sbatch(f"--nodes=2 --ntasks=4 --ntasks-per-node=2 {asked} {file} job.yaml")
    assert slurm.ended(job) == ("COMPLETED", "0:0"), slurm.logs()
    places = sorted(line for line in slurm.logs().splitlines() if line.startswith("place "))
    assert places == [f"place node{n} {place} sees 0,1" for n in (1, 2) for place in (0, 1)], slurm.logs()


def test_a_site_with_cards_places_its_ranks_evenly(slurm):
    """Seven ranks on nodes of four cards: four and three, each of which sees the cards of its node"""
    (slurm.folder / "says").write_text(SAYS)
    (slurm.folder / "says").chmod(0o755)
    slurm.environ["NANOMPI"] = str(slurm.folder / "says")
    (slurm.folder / "run.sbatch").write_text(script(HAND, Site(ranks=7, gpus=4)))
    job = slurm.sbatch("run.sbatch job.yaml")
    assert slurm.ended(job) == ("COMPLETED", "0:0"), slurm.logs()
    places = [line.split()[1:] for line in slurm.logs().splitlines() if line.startswith("place ")]
    assert {sees for _, _, _, sees in places} == {"0,1,2,3"}
    assert sorted([node for node, *_ in places].count(f"node{n}") for n in (1, 2)) == [3, 4]


@BOTH
def test_the_exit_code_of_a_bad_job_file_is_that_of_the_slurm_job(slurm, file):
    job = slurm.sbatch(f"--ntasks=2 {file} job.yaml --set run.threads=0")
    assert slurm.ended(job) == ("FAILED", "2:0"), slurm.logs()
    log = slurm.logs()
    assert log.count("run.threads: 0 does not fit here") == 1 and "Traceback" not in log


@BOTH
@pytest.mark.usefixtures("installed")
def test_the_exit_code_of_an_error_on_one_rank_is_that_of_the_slurm_job(slurm, file):
    (slurm.folder / "a.scan").touch()
    (slurm.folder / "job.yaml").write_text("nanompi: 1\ninput: {file: a.scan, energy: 8}\nsteps: [ptycho]\n")
    slurm.environ |= {"PYTHONPATH": str(DOUBLES), "NANOMPI_TEST_ROOT": str(ROOT)}
    slurm.environ["NANOMPI_TEST_PERFORM"] = "fail"
    job = slurm.sbatch(f"--nodes=2 --ntasks=2 {file} job.yaml")
    assert slurm.ended(job) == ("FAILED", "5:0"), slurm.logs()
    assert "rank 1 on node2: not a number" in slurm.logs()
    told = slurm.shell("nanompi status nanompi")
    assert "failed (5)" in told and "\n    rank 1 on node2: not a number\n" in told


def test_ranks_that_do_not_see_each_other_are_refused_with_the_reason(slurm):
    told = slurm.shell("srun --ntasks=2 --mpi=none nanompi run job.yaml", code=4)
    assert "MPI (MPICH" in told and "sees only one: each would do the whole job alone" in told
    assert "srun with the matching --mpi=TYPE" in told and not (slurm.folder / "runs").exists()


def test_the_scripts_are_what_submit_renders():
    assert RUN.read_text() == script(HAND, Site())
    assert MPIRUN.read_text() == script(HAND, Site(launcher="mpirun"))
