"""What a rank of a whole run of a map needs of memory, libraries and pictures included."""

import os
import subprocess
import sys
import time
from pathlib import Path

import h5py
import pytest

from nanompi.run.switches import PICTURES
from tests.patience import patience

JOB = """
nanompi: 1
name: map
input: {format: xrf.simulate, simulate: {rows: 250, columns: 120, detectors: 1, counts: 500, slope: 19.2 eV}}
steps:
  - {use: xrf.calibrate, elements: [Si, Ar, Ca, Ti, Mn, Fe, Co, Cu, Zn]}
  - {use: xrf.fit, method: nnls}
run: {device: cpu, threads: 2}
"""
COUNTS = 250 * 120 * 547 * 2  # bytes, as stored


LIBRARIES = 30e6  # bytes more than here that files of libraries of other versions may take


def memory(pid: int) -> tuple[int, int]:
    """Bytes of a process that are no files, and the most that was resident; 0 where it has ended"""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0, 0
    known = {line.split(":")[0]: 1024 * int(line.split()[1]) for line in lines if line.endswith(" kB")}
    return known.get("RssAnon", 0) + known.get("RssShmem", 0), known.get("VmHWM", 0)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory by its kinds is told by Linux")
def test_a_run_takes_no_more_than_300_mb_beyond_counts_and_maps(tmp_path):
    """Its own memory, which no other process can share and without which a job ends; of files of libraries
    as many pages are resident as the machine has to spare. Libraries, kernels and pictures take 160 MB of it,
    100 more in a run that compiles the kernels; 128 rows of counts in double precision took 131 more.

    With these files it is less, too, where nothing is compiled: scipy.optimize had taken 22 MB."""
    (tmp_path / "map.yaml").write_text(JOB)
    command, end = [sys.executable, "-m", "nanompi", "run", "map.yaml"], time.monotonic() + patience(120)
    own = resident = 0
    with open(tmp_path / "words", "w") as words:
        more = {"cwd": tmp_path, "stdout": words, "stderr": words, "env": os.environ | {PICTURES: "yes"}}
        with subprocess.Popen(command, **more) as run:
            while run.poll() is None and time.monotonic() < end:
                own, resident = map(max, (own, resident), memory(run.pid))
                time.sleep(0.02)
            run.kill()
    assert run.returncode == 0, (tmp_path / "words").read_text()
    with h5py.File(tmp_path / "runs" / "map" / "latest" / "result.h5") as file:
        held = []
        file.visititems(lambda _, node: held.append(getattr(node, "nbytes", 0)))
    assert (tmp_path / "runs" / "map" / "latest" / "previews" / "overview.png").exists()
    allowed = 300e6 + COUNTS + sum(held)
    assert 100e6 + COUNTS < own < allowed
    if "kernels are compiled" not in (tmp_path / "words").read_text():
        assert resident < allowed + LIBRARIES
