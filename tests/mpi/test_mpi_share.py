"""Regions of the object on each rank, and the bands between them, against the whole object on every rank."""

import re
from pathlib import Path

import h5py
import pytest

PROGRAM = Path(__file__).parent / "share_program.py"
STOPS = PROGRAM.with_name("restart_program.py")


@pytest.mark.slow
@pytest.mark.every_mpi
@pytest.mark.parametrize("n", [2, 3, 4])
def test_both_ways_give_the_same(mpirun, n):
    assert f"shared by {n} ranks" in mpirun(n, PROGRAM).stdout


JOB = """
nanompi: 1
name: x
input: {simulate: {frames: FRAMES, size: 32, photons: 1e5}}
steps:
  - {use: ptycho.prepare, split: stripes}
  - use: ptycho
    engines: [{dm: 3}, {ml: 3, SMOOTH}]
    probe: {start: aperture, aperture: 40 um, focal: 100 mm, defocus: 1 mm}
    heldout: HELDOUT
    combine: COMBINE
run: {precision: double, device: cpu}
"""


@pytest.fixture
def run(mpirun_here, tmp_path, monkeypatch):
    """`run(ranks, combine, ...)` of a job; (what it said, its object, its history), or its error"""
    monkeypatch.chdir(tmp_path)

    def call(n, combine, *sets, heldout=0.0, smooth=0.0, frames=120, code=0):
        text = JOB.replace("COMBINE", combine).replace("HELDOUT", str(heldout)).replace("FRAMES", str(frames))
        (tmp_path / "job.yaml").write_text(text.replace("SMOOTH", f"smooth: {smooth}"))
        words = ["run", "--folder", f"{n}{combine}", "job.yaml", *(w for s in sets for w in ("--set", s))]
        done = mpirun_here(n, ["-m", "nanompi", *words], code=code)
        return done.stderr if code else (done.stdout, *found(tmp_path / f"{n}{combine}"))

    return call


def found(folder) -> tuple:
    """Object and history of a run"""
    with h5py.File(folder / "result.h5") as f:
        return f["entry_1/object/data"][()], {name: a[()] for name, a in f["entry_1/history"].items()}


@pytest.mark.slow
def test_frames_left_out_are_judged_wherever_they_lie(run):
    """The frames left out may lie outside of what their rank holds"""
    _, want, one = run(1, "allreduce", heldout=0.1)
    said, got, three = run(3, "overlap", heldout=0.1)
    assert "exchange of overlaps" in said
    assert three["held"][-1] == pytest.approx(one["held"][-1], rel=1e-9)
    assert abs(got - want).max() <= 1e-9 * abs(want).max()


@pytest.mark.slow
def test_a_prior_over_neighbouring_pixels_takes_the_whole_object(run):
    assert "object sums: Allreduce" in run(3, "auto", smooth=0.1)[0]
    said = run(2, "overlap", smooth=0.1, code=2)
    assert "ML with these parameters needs the whole object" in said and "combine: allreduce or auto" in said


@pytest.mark.slow
def test_where_no_frame_looks_the_object_stays_as_it_was_at_the_start(run, mpirun_here, tmp_path):
    """The start is the result of all frames; half of them see less of it, between and beside them"""
    run(1, "allreduce")
    (tmp_path / "1allreduce").rename("earlier")
    sets = "input.select=0:60", "steps.ptycho.object.start=file", "steps.ptycho.object.file=earlier"
    _, want, _ = run(1, "allreduce", *sets)
    said, got, _ = run(3, "overlap", *sets)
    with h5py.File(tmp_path / "3overlap/result.h5") as f:
        unseen = f["entry_1/object/weight"][()] == 0
    assert "exchange of overlaps" in said and (abs(want[unseen] - 1) > 0.01).sum() > 20
    assert abs(got - want).max() <= 1e-9 * abs(want).max()
    words = ["run", "--folder", "stopped", "job.yaml", *(w for s in sets for w in ("--set", s))]
    mpirun_here(3, STOPS, "USR1@2@1", "--", *words, code=75)
    mpirun_here(2, STOPS, "--", "resume", "stopped")
    assert abs(found(tmp_path / "stopped")[0] - want).max() <= 1e-9 * abs(want).max()


@pytest.mark.slow
def test_auto_says_what_it_chose_and_why(run):
    said, got, _ = run(2, "auto", frames=400)
    assert re.search(r"exchange of overlaps, .* with at most 1 other rank \(an Allreduce would be ", said)
    want = run(1, "auto", frames=400)[1]
    assert abs(got - want).max() <= 1e-9 * abs(want).max()
