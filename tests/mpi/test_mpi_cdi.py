"""CDI under real ranks: the same solutions on any number; stopped and gone on with, on another number."""

from pathlib import Path

import h5py
import numpy as np
import pytest

JOB = """
nanompi: 1
name: x
input: {format: cdi.simulate, simulate: {size: 48, photons: 1e6}}
steps: [{use: cdi, starts: 7, chain: HIO*30 RAAR*50 ER*20, average: 3}]
run: {device: cpu, precision: double, threads: 1, checkpoint: 1 us}
"""
NAMES = ("image_1/data", "solutions/data", "solutions/number", "modes/weight", "prtf/data", "starts/free",
         "starts/error", "starts/chosen", "support/data", "average/data", "history/error",
         "history/support")  # fmt: skip
STOP = """
import os, sys
import nanompi.run.control as control
from nanompi.cli import main
from nanompi.methods.cdi.starts import Starts

do, done = Starts.do, []

def stop(self, numbers):
    do(self, numbers)
    done.extend(numbers)
    if len(done) == 2 and self.run.team.root:
        open(os.path.join(self.run.folder, "stop"), "w").close()

Starts.do = stop
control.LOOK = 0  # after each block: the run has four of them, perhaps all in one second
sys.exit(main(sys.argv[1:]))
"""


def found(folder) -> dict[str, bytes]:
    with h5py.File(Path(folder) / "x" / "latest" / "result.h5") as file:
        return {name: file[f"entry_1/{name}"][()].tobytes() for name in NAMES}


@pytest.mark.slow
def test_one_two_and_three_ranks_find_the_same_solutions(mpirun_here, tmp_path, monkeypatch):
    """To the bit, also a run that was stopped on two ranks and went on with three: no start was done twice"""
    job = tmp_path / "job.yaml"
    job.write_text(JOB)
    run = ["-m", "nanompi", "run", str(job), "--out"]
    for n in (1, 2, 3):
        mpirun_here(n, [*run, str(tmp_path / str(n))])
    one = found(tmp_path / "1")
    assert one == found(tmp_path / "2") == found(tmp_path / "3")
    assert np.frombuffer(one["starts/error"]).shape == (7,) and np.frombuffer(one["image_1/data"]).any()
    program, out = tmp_path / "stop.py", tmp_path / "stopped"
    program.write_text(STOP)
    said = mpirun_here(2, program, "run", str(job), "--out", str(out), code=75)
    assert "stopped by the file stop" in said.stderr
    again = mpirun_here(3, ["-m", "nanompi", "resume", str(out / "x" / "latest")])
    assert "the same bits" in again.stdout and found(out) == one
