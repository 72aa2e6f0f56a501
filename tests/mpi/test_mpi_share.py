"""Regions of the object on each rank, and the bands between them, against the whole object on every rank."""

from pathlib import Path

import h5py
import pytest

PROGRAM = Path(__file__).parent / "share_program.py"


@pytest.mark.parametrize("n", [2, 3, 4])
def test_both_ways_give_the_same(mpirun, n):
    assert f"shared by {n} ranks" in mpirun(n, PROGRAM).stdout


JOB = """
nanompi: 1
name: x
input: {simulate: {frames: FRAMES, size: 32, photons: 1e5}}
steps:
  - use: ptycho
    engines: [{dm: 3}, {ml: 3, SMOOTH}]
    probe: {start: aperture, aperture: 40 um, focal: 100 mm, defocus: 1 mm}
    heldout: HELDOUT
run: {precision: double, device: cpu, combine: COMBINE}
"""


@pytest.fixture
def run(mpirun_here, tmp_path, monkeypatch):
    """`run(ranks, combine, ...)` of a job; (what it said, its object, its history), or its error"""
    monkeypatch.chdir(tmp_path)

    def call(n, combine, heldout=0.0, smooth=0.0, frames=120, code=0):
        text = JOB.replace("COMBINE", combine).replace("HELDOUT", str(heldout)).replace("FRAMES", str(frames))
        (tmp_path / "job.yaml").write_text(text.replace("SMOOTH", f"smooth: {smooth}"))
        done = mpirun_here(n, ["-m", "nanompi", "run", "--folder", f"{n}{combine}", "job.yaml"], code=code)
        if code:
            return done.stderr
        with h5py.File(tmp_path / f"{n}{combine}/result.h5") as f:
            history = {name: a[()] for name, a in f["entry_1/history"].items()}
            return done.stdout, f["entry_1/object/data"][()], history

    return call


def test_frames_left_out_are_judged_wherever_they_lie(run):
    """The frames left out may lie outside of what their rank holds"""
    _, want, one = run(1, "allreduce", heldout=0.1)
    said, got, three = run(3, "overlap", heldout=0.1)
    assert "combine: overlap" in said
    assert three["llk_heldout"][-1] == pytest.approx(one["llk_heldout"][-1], rel=1e-9)
    assert abs(got - want).max() <= 1e-9 * abs(want).max()


def test_a_prior_over_neighbouring_pixels_takes_the_whole_object(run):
    assert "combine: allreduce" in run(3, "auto", smooth=0.1)[0]
    said = run(2, "overlap", smooth=0.1, code=2)
    assert "ML with these parameters needs the whole object" in said and "combine: allreduce or auto" in said


def test_auto_says_what_it_chose_and_why(run):
    said, got, _ = run(2, "auto", frames=400)
    assert "combine: overlap (the bands that a rank shares with at most 1 others are " in said
    want = run(1, "auto", frames=400)[1]
    assert abs(got - want).max() <= 1e-9 * abs(want).max()
