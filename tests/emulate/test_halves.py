"""Halves of a scan on a card, emulated: the same curve as on the CPU."""

import numpy as np
import pytest

from nanompi.methods.ptycho.engines.engine import run_chain
from nanompi.methods.ptycho.engines.ml import ML
from nanompi.methods.ptycho.engines.projections import DM
from nanompi.methods.ptycho.halves import Chain, compare_halves
from tests.methods.ptycho.scenes import draw, geometry_of, make, problem, run_of
from tests.mpi.conftest import mpirun_here  # noqa: F401  (fixtures)

JOB = """
nanompi: 1
name: x
input: {simulate: {frames: 144, size: 32, photons: 1e5, step: 3 px}}
steps:
  - {use: ptycho.prepare, split: stripes, frames: read}
  - use: ptycho
    probe: {start: aperture, aperture: 40 um, focal: 100 mm, defocus: 1 mm}
    engines: DM*3 ML*2
    frc: halves
    balance: off
run: {precision: double}
"""


def halves(scene, device=None):
    p, engines = problem(scene, device=device), [DM(iterations=3), ML(iterations=2)]
    run_chain(engines, p, 10, str)
    return compare_halves(run_of(scene, p), p, Chain(engines, 10, "auto"), geometry_of(scene))


@pytest.mark.slow
@pytest.mark.parametrize("more, way", [({"step": 0.1, "width": 0.4}, "frames"), ({"near": True}, "counts")])
def test_as_on_the_cpu(card, more, way):
    scene = make(draw(4, frames=100, n=32, photons=1e5, **more))
    with card("double") as device:
        got = halves(scene, device)
    want = halves(scene)
    assert got.way == want.way == way
    assert np.allclose(got.curve.value, want.curve.value, atol=1e-7)
    assert got.held == pytest.approx(want.held, rel=1e-8, nan_ok=True)


@pytest.mark.slow
def test_groups_of_cards(mpirun_here, emulated, tmp_path, monkeypatch):  # noqa: F811
    """Two ranks, and a third beside one of them: each group sums by a transport of its own"""
    import h5py

    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.yaml").write_text(JOB)
    curves = []
    for n, device in ((2, "cpu"), (3, "cuda")):
        words = ["-m", "nanompi", "run", "job.yaml", "--out", f"{device}", "--set", f"run.device={device}"]
        mpirun_here(n, words, **(emulated() if device == "cuda" else {}))
        with h5py.File(tmp_path / device / "x/latest/result.h5") as f:
            curves.append(f["entry_1/frc/data"][0])
    assert np.allclose(*curves, atol=1e-6)
