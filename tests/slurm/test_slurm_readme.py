"""The commands for a cluster in README.md and slurm/README.md, word for word."""

import re
import shutil
from pathlib import Path

import pytest

from tests.readmes import CLUSTER

ROOT = Path(__file__).parents[2]


def commands(readme: str, mark: str = CLUSTER[0]) -> list[str]:
    """The block behind a mark, line by line, without comments."""
    block = re.search(rf"{mark}\n```sh\n(.*?)```", (ROOT / readme).read_text(), re.S)[1]
    return [text for line in block.splitlines() if (text := line.split("#")[0].strip())]


@pytest.fixture
def user(slurm):
    """At the login node, with the folders `jobs` and `slurm`."""
    for name in ("jobs", "slurm"):
        shutil.copytree(ROOT / name, slurm.folder / name)
    small(slurm.folder / "jobs" / "siemens-star.yaml")
    return slurm


@pytest.mark.usefixtures("installed")
def test_the_first_page(user):
    said = [user.shell(line) for line in commands("README.md")]
    assert len(said) == 6
    assert said[0].startswith("#!/bin/bash") and said[1].startswith("job ")
    assert user.ended(int(said[2].split()[-1])) == ("COMPLETED", "0:0"), user.logs()
    assert re.search(r"siemens-star/run-0001 +done, doubtful +4/4", said[3])
    assert "run-0001 is finished" in said[5]


def test_the_page_of_slurm(user):
    said = [user.shell(line) for line in commands("slurm/README.md")]
    assert len(said) == 8
    assert said[0].startswith("#!/bin/bash") and said[1].startswith("job ")
    assert "siemens-star/run-0001" in said[2] and re.search(r"run-0001 +done, doubtful +4/4", said[3])
    assert "srun --mpi=none: 2 singletons instead of 2 ranks" in said[6]
    assert "srun --mpi=pmi2: 2 ranks\n" in said[6] and "SLURM_NTASKS=4" in said[7]
    jobs = [int(said[4].split()[-1]), *(f"{said[5].split()[-1]}_{i}" for i in (1, 2, 3))]
    assert {user.ended(job) for job in jobs} == {("COMPLETED", "0:0")}, user.logs()
    for job in jobs:
        folder = user.folder / f"runs/nanompi/job-{job}"
        modes = str(job).partition("_")[2] or "2"
        assert (folder / "result.h5").exists()
        assert f"modes: {modes}\n" in (folder / "job.resolved.yaml").read_text()


def test_the_page_of_slurm_about_workflows(user):
    """Eight angles of small scans in place of 24"""
    job = user.folder / "jobs/ptycho-tomography.yaml"
    text = job.read_text()
    for old, new in (("count: 24", "count: 8"), ("frames: 100", "frames: 25"), ("DM*30 ML*20", "DM*2 ML*2")):
        assert old in text
        text = text.replace(old, new)
    job.write_text(text + "run: {threads: 1}\n")
    lines = commands("slurm/README.md", CLUSTER[1])
    dry, _, watched = [user.shell(line) for line in lines[:3]]
    user.until(lambda: not user.shell("squeue --me --noheader"), 60)  # the last job ends after its items
    again, page = [user.shell(line) for line in lines[3:]]
    assert "stage volume" in dry and "--dependency=afterany:" in dry
    assert "8/8" in watched and "1/1" in watched, user.logs()
    assert "all items are there, nothing was submitted" in again and "workflow-0001/report.html" in page


def small(job: Path):
    """The main job with fewer frames and iterations: what is tested are the commands."""
    text = job.read_text().replace("frames: 400, size: 128", "frames: 9, size: 32")
    text = text.replace(
        "DM*50 ML*50", "DM*2 ML*2\n    probe: {start: aperture, aperture: 200um, focal: 500mm}"
    )
    assert "frames: 9" in text and "DM*2" in text
    job.write_text(text + "run: {threads: 1}\nset: {steps.ptycho.prepare.split: stripes}\n")
