"""Maps too small to be written in place: stopped, killed, and gone on with from their blocks."""

import re
from pathlib import Path

import h5py
import pytest

PROGRAM = Path(__file__).parent / "small_map_program.py"
PIXELS = 16 * 16
EACH = ("--set", "run.checkpoint=1 us")  # a checkpoint after each block
JOB = """
nanompi: 1
name: x
input:
  format: xanes.simulate
  simulate: {energies: 40, size: 16, species: 2, counts: 3e4, drift: 0}
steps:
  - xanes.absorbance
  - xanes.normalise
  - xanes.lcf
  - {use: xanes.peaks, windows: [[7115, 7135]], names: [white]}
  - {use: map.components, method: pca, number: 2}
"""


@pytest.fixture
def nanompi(mpirun, tmp_path, monkeypatch):
    """`nanompi(ranks, "STEP EVENTS", *arguments)` in a folder with job.yaml: (output, items of that step)"""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.yaml").write_text(JOB)

    def run(n, events, *argv, **how):
        Path("items.txt").write_text("")
        said = mpirun(n, PROGRAM, *events.split(), "--", *argv, NANOMPI_PICTURES="no", **how)
        return said, sum(map(int, Path("items.txt").read_text().split()))

    return run


def maps(run) -> dict[str, bytes]:
    """All numbers that steps have made"""
    found = {}
    with h5py.File(Path(run) / "result.h5") as file:
        for name, group in file["entry_1"].items():
            for key in ("data", "data_errors") if isinstance(group, h5py.Group) else ():
                if isinstance(group.get(key), h5py.Dataset):
                    found[f"{name}/{key}"] = group[key][()].tobytes()
    return found


def peaks(said) -> str:
    return re.search(r"xanes.peaks: \d+ of \d+ peaks fitted.*", said.stdout)[0]


@pytest.mark.slow
def test_killed_and_stopped_it_does_the_other_pixels_on_any_number_of_ranks(nanompi):
    """Of amounts, then of peaks; what the peaks have counted is that of all pixels"""
    whole, items = nanompi(1, "xanes.lcf", "run", "job.yaml", "--out", "whole")
    assert items == PIXELS
    run = Path("runs/x/latest")
    nanompi(2, "xanes.lcf KILL@6@1", "run", "job.yaml", *EACH, code=None)
    assert not (run / "result.h5").exists() and list(run.glob("checkpoint-*"))
    said, _ = nanompi(1, "xanes.peaks USR1@2@0", "resume", "x", code=75)
    assert re.search(r"resumed after block \d+ from \S+, written by 2 ranks: on 1 the same bits", said.stdout)
    assert "stopped by SIGUSR1 after block" in said.stderr
    said, items = nanompi(3, "xanes.peaks", "resume", "x")
    assert "resumed after block" in said.stdout and 0 < items < PIXELS
    one, other = maps("whole/x/latest"), maps(run)
    assert one == other and len(one) > 8
    assert peaks(said) == peaks(whole)
    assert not [p.name for p in run.iterdir() if "checkpoint" in p.name or p.name.endswith(".part")]
