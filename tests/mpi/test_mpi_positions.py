"""Frames that move: the same answer from any number of ranks, and from a run that was stopped."""

from pathlib import Path

import h5py
import numpy as np
import pytest

PROGRAM = Path(__file__).parent / "positions_program.py"
JOB = """
nanompi: 1
name: x
input: {simulate: {frames: 49, size: 32, photons: 1e5, misplaced: 0.5 px}}
steps:
  - use: ptycho
    probe: {start: aperture, aperture: 40 um, focal: 100 mm, defocus: 1 mm}
    engines: DM*6 ML*10
    positions: {reach: 3 px}
run: {device: cpu, threads: 1, checkpoint: 0}
"""
# Of errors of 2.5 px three frames and more are lost with each rounding; of 1.5 px on some processors none.
LOST = JOB.replace("0.5 px", "2.5 px").replace("ML*10", "ML*42").replace("{reach: 3 px}", "true")


@pytest.fixture(scope="module")
def outcomes(mpirun, tmp_path_factory) -> dict:
    """What 1, 2 and 3 ranks give, where each holds the whole object, and where each holds a part."""
    folder, out = tmp_path_factory.mktemp("positions"), {}
    for n, combine in (1, "allreduce"), (2, "allreduce"), (3, "overlap"), (2, "overlap"):
        mpirun(n, PROGRAM, folder / f"{n}.npz", combine)
        out[n, combine] = dict(np.load(folder / f"{n}.npz"))
    return out


@pytest.mark.slow
@pytest.mark.parametrize("n, combine", [(2, "allreduce"), (2, "overlap"), (3, "overlap")])
def test_frames_move_alike_on_any_number_of_ranks(outcomes, n, combine):
    one, many = outcomes[1, "allreduce"], outcomes[n, combine]
    assert np.abs(one["far/moved"]).max() > 0.5 and np.abs(one["near/moved"]).max() > 0.2
    for key, want in one.items():
        if not key.endswith("held"):
            assert abs(many[key] - want).max() <= 1e-9 * abs(want).max(), key
    assert combine == "allreduce" or many["far/held"] < 0.9


@pytest.mark.slow
def test_lost_frames_are_found_alike_on_any_number_of_ranks(mpirun, tmp_path):
    """the places are the same to the bit; of the image rounding has changed 1e-10 after 48 iterations"""
    out = {}
    for n, combine in (1, "allreduce"), (2, "overlap"), (3, "overlap"):
        mpirun(n, PROGRAM, tmp_path / f"{n}.npz", combine, "lost")
        out[n] = dict(np.load(tmp_path / f"{n}.npz"))
    assert out[1]["lost/found"] > 1
    for many in out[2], out[3]:
        assert out[1]["lost/found"] == many["lost/found"]
        assert np.array_equal(out[1]["lost/moved"], many["lost/moved"])
        assert abs(out[1]["lost/O"] - many["lost/O"]).max() <= 1e-9 * abs(out[1]["lost/O"]).max()


@pytest.mark.slow
@pytest.mark.parametrize("job, after", [("JOB", 11), ("LOST", 29)])
def test_a_run_that_was_stopped_moves_them_on(mpirun, tmp_path, monkeypatch, job, after):
    """after the fifth iteration of ML, or while lost frames are left out, on two ranks: the same bits as in
    one go"""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.yaml").write_text({"JOB": JOB, "LOST": LOST}[job])
    program = PROGRAM.parent / "restart_program.py"
    mpirun(2, program, "--", "run", "job.yaml", "--set", "name=whole")
    stops = f"USR1@{after}@1", "--", "run", "job.yaml", "--set", "name=parts", "--set", "run.checkpoint=1 us"
    mpirun(2, program, *stops, code=75)
    mpirun(2, program, "--", "resume", "runs/parts/latest")
    results = [h5py.File(f"runs/{name}/latest/result.h5") for name in ("whole", "parts")]
    whole, parts = ([r[f"entry_1/{name}"][()] for name in NAMES] for r in results)
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(whole, parts, strict=True))
    assert np.abs(whole[0] - whole[1]).max() > 0
    log = "".join(path.read_text() for path in (tmp_path / "runs/whole/latest/logs").iterdir())
    assert ("lost frames were set" in log) == (job == "LOST")


NAMES = ("positions/refined", "positions/measured", "object/data", "history/error")
