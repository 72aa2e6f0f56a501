"""Large results of block steps: written in place by all ranks, stopped, killed, and gone on with."""

import json
import re
from pathlib import Path

import h5py
import numpy as np
import pytest

PROGRAM = Path(__file__).parent / "store_program.py"
ROWS = 40
JOB = """
nanompi: 1
name: x
input: {format: tomo.simulate, simulate: {angles: 12, size: 32, rows: 40}}
steps: [tomo.flat, test.stack]
"""
EACH = ("--set", "run.checkpoint=1 us")  # a checkpoint after each block


@pytest.fixture
def nanompi(mpirun, tmp_path, monkeypatch):
    """`nanompi(ranks, events, *arguments)` in a folder with job.yaml"""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.yaml").write_text(JOB)
    return lambda n, events, *argv, **how: mpirun(n, PROGRAM, *events.split(), "--", *argv, **how)


def arrays(run) -> dict[str, np.ndarray]:
    with h5py.File(Path(run) / "result.h5") as f:
        return {name: f[f"entry_1/{name}/data"][()] for name in ("data", "mean", "sum")}


def same_bits(run, other):
    a, b = arrays(run), arrays(other)
    assert a["data"].shape == (ROWS, 200, 200) and a["data"].any(axis=(1, 2)).all()
    assert {k: v.tobytes() for k, v in a.items()} == {k: v.tobytes() for k, v in b.items()}


def noted(run) -> dict:
    with h5py.File(Path(run) / "result.h5") as f:
        return json.loads(f["entry_1/process_1/tomo/data"][()])


def volume(run) -> bytes:
    """The bytes of the file up to the end of the stack"""
    path = Path(run) / "result.h5"
    with h5py.File(path) as f:
        data = f["entry_1/data/data"]
        assert data.chunks is None and data.id.get_offset() == 4096
        return path.read_bytes()[4096 : 4096 + data.nbytes]


@pytest.mark.slow
def test_one_two_and_three_ranks_write_the_same_file(nanompi):
    """In place, and through rank 0 where the others do not see its folder"""
    for n in (1, 2, 3):
        said = nanompi(n, "", "run", "job.yaml", "--out", str(n), NANOMPI_PICTURES="no" if n < 3 else "yes")
        assert "through rank 0" not in said.stdout and not list(Path(f"{n}/x/run-0001").glob(".result*"))
        assert (Path(f"{n}/x/run-0001/previews/data.png")).exists() == (n == 3)
    assert volume("1/x/latest") == volume("2/x/latest") == volume("3/x/latest")
    assert "large results go through rank 0" in nanompi(3, "blind", "run", "job.yaml").stdout
    for other in ("2/x/latest", "3/x/latest", "runs/x/latest"):
        same_bits("1/x/latest", other)


@pytest.mark.slow
def test_stopped_and_killed_it_does_the_other_rows_on_any_number_of_ranks(nanompi):
    nanompi(1, "", "run", "job.yaml", "--out", "whole")
    said = nanompi(2, "USR1@2@1", "run", "job.yaml", code=75)
    assert re.search(r"stopped by SIGUSR1 after block \d; go on with: nanompi resume -n 2 /", said.stderr)
    run = Path("runs/x/latest")
    assert not (run / "result.h5").exists() and len(list(run.glob(".result.h5.*.part"))) == 1
    nanompi(3, "KILL@5@2", "resume", "x", *EACH, code=None)
    assert not (run / "result.h5").exists()
    (run / "stop").touch()
    said = nanompi(1, "", "resume", "x", code=75)
    assert re.search(r"resumed after block . from \S+, written by 3 ranks: on 1 the same bits", said.stdout)
    assert "stopped by the file stop after block" in said.stderr
    assert "resumed after block" in nanompi(2, "", "resume", "x").stdout
    same_bits("whole/x/latest", run)
    assert volume("whole/x/latest") == volume(run)
    assert noted("whole/x/latest") == noted(run) and noted(run)["flat"]["values"] == 12 * 32 * ROWS
    assert not [p.name for p in run.iterdir() if "checkpoint" in p.name or p.name.endswith(".part")]


@pytest.mark.slow
def test_what_steps_before_have_found_and_drawn_is_there_again(nanompi):
    """The axis is found in a pass of its own; the flats are looked at again for the rows that are left"""
    steps = "steps: [tomo.flat, tomo.stripes, tomo.centre, test.stack]"
    Path("job.yaml").write_text(JOB.replace("steps: [tomo.flat, test.stack]", steps).replace("12,", "32,"))
    nanompi(1, "", "run", "job.yaml", "--out", "whole")
    said = nanompi(2, "USR1@2@1", "run", "job.yaml", code=75).stdout
    assert "tomo.stripes: auto" in said and "tomo.centre: column" in said
    said = nanompi(2, "USR1@4@0", "resume", "x", code=75).stdout
    assert "resumed after block" in said
    said = nanompi(1, "", "resume", "x").stdout
    assert "tomo.stripes" not in said.split("where the time went")[0] and "tomo.centre: column" not in said
    same_bits("whole/x/latest", "runs/x/latest")
    whole, got = noted("whole/x/latest"), noted("runs/x/latest")
    assert whole == got and got["flat"]["values"] == 32 * 32 * ROWS and got["stripes"]["none"] == ROWS
    assert drawn("whole/x/latest") == drawn("runs/x/latest") != {}


def drawn(run) -> dict:
    """All that stands below the pictures of a result"""
    with h5py.File(Path(run) / "result.h5") as f:
        found = {}
        f["entry_1/pictures"].visititems(lambda name, one: found.update({name: one}))
        values = {name: one[()].tobytes() for name, one in found.items() if isinstance(one, h5py.Dataset)}
        return values | {f"{name}@": sorted(map(str, one.attrs.items())) for name, one in found.items()}


@pytest.mark.slow
def test_a_disk_that_is_too_small_is_code_4(nanompi):
    said = nanompi(2, "full", "run", "job.yaml", code=4)
    assert "cannot be written" in said.stderr and "6.4" in said.stderr and "Traceback" not in said.stderr
    assert not [p.name for p in Path("runs/x/run-0001").iterdir() if "result" in p.name]
