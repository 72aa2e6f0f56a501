"""The chapter "On a cluster" of the README, word for word."""

import re
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]
COMMANDS = re.search(r"<!-- cluster -->\n```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.S)[1]


def test_the_commands_of_the_readme_in_their_order(slurm):
    for name in ("jobs", "slurm"):
        shutil.copytree(ROOT / name, slurm.folder / name)
    small(slurm.folder / "jobs" / "siemens-star.yaml")
    told = {line.split("#")[0].strip(): slurm.shell(line) for line in COMMANDS.splitlines()}
    assert len(told) == 8
    said = list(told.values())
    assert said[0].startswith("#!/bin/bash") and said[1].startswith("job ")
    assert "siemens-star/run-0001" in said[2] and re.search(r"run-0001 +done +4/4", said[3])
    assert "srun --mpi=none: 2 singletons instead of 2 ranks" in said[6]
    assert "srun --mpi=pmi2: 2 ranks\n" in said[6] and "SLURM_NTASKS=4" in said[7]
    jobs = [int(said[4].split()[-1]), *(f"{said[5].split()[-1]}_{i}" for i in (1, 2, 3))]
    assert {slurm.ended(job) for job in jobs} == {("COMPLETED", "0:0")}, slurm.logs()
    for job in jobs:
        folder = slurm.folder / f"runs/nanompi/job-{job}"
        modes = str(job).partition("_")[2] or "2"
        assert (folder / "result.h5").exists()
        assert f"modes: {modes}\n" in (folder / "job.resolved.yaml").read_text()


def small(job: Path):
    """The main job with fewer frames and iterations: what is tested are the commands."""
    text = job.read_text().replace("frames: 400, size: 128", "frames: 9, size: 32")
    text = text.replace(
        "DM*50 ML*50", "DM*2 ML*2\n    probe: {start: aperture, aperture: 200um, focal: 500mm}"
    )
    assert "frames: 9" in text and "DM*2" in text
    job.write_text(text + "run: {split: stripes, threads: 1}\n")
