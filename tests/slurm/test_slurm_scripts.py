"""The scripts by hand: ranks, nodes, devices, exit codes, arrays."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUN, MPIRUN = ROOT / "slurm/run.sbatch", ROOT / "slurm/run-mpirun.sbatch"


def environment(folder: Path) -> dict:
    return json.loads((folder / "environment.json").read_text())


@pytest.mark.parametrize("file", [RUN, MPIRUN], ids=lambda f: f.stem)
def test_three_ranks_on_two_of_four_nodes(slurm, file):
    job = slurm.sbatch(f"--nodes=2 --ntasks=3 {file} job.yaml --set name=by-hand")
    assert slurm.ended(job) == ("COMPLETED", "0:0"), slurm.logs()
    folder = slurm.folder / f"runs/nanompi/job-{job}"
    assert (folder / "result.h5").exists() and (folder / "previews/overview.png").exists()
    facts = environment(folder)
    assert facts["ranks"] == 3 and facts["slurm"]["SLURM_JOB_NUM_NODES"] == "2"
    log = (slurm.folder / f"nanompi-{job}.log").read_text()
    assert "by-hand: 3 ranks, MPI: MPICH" in log
    print(log)
    print((folder / "status.json").read_text())
    print((folder / "events.jsonl").read_text())
    assert 0


def test_doc(slurm):
    print(slurm.shell("srun -n4 -N2 --ntasks-per-node=2 --mpi=pmi2 --gpus-per-task=1 nanompi doctor"))
    print(slurm.shell("srun -n4 -N2 --ntasks-per-node=2 --mpi=none --gpus-per-task=1 nanompi doctor", 4))
    print(slurm.shell("time salloc -n4 -N2 --ntasks-per-node=2 nanompi doctor"))
    assert 0
