"""Random scans: the same by seed, as the program reads them, met by their truth, spoilt by faults."""

import numpy as np
import pytest

from nanompi.methods.ptycho.engines.engine import run_chain
from nanompi.methods.ptycho.engines.ml import ML
from nanompi.methods.ptycho.engines.projections import DM
from nanompi.methods.ptycho.quality import figures
from nanompi.methods.ptycho.read.nexus import Nexus
from nanompi.run.reading import Input
from tests.methods.ptycho.scenes import FAULTS, draw, make, phase_error, problem, write, wrong

SMALL = {"frames": 60, "n": 32, "photons": 1e5}


def at_truth(scene, **how):
    """The problem at its own truth"""
    p = problem(scene, **how)
    corner = np.rint(np.median(scene.true - p.places.corners, axis=0)).astype(int)
    (y, x), (H, W) = corner, p.places.shape
    p.O[...] = scene.O[y : y + H, x : x + W]
    p.P = p.device.array(scene.P, p.device.complex)
    return p


@pytest.mark.parametrize("more", [{}, {"subpixel": True}, {"near": True}, {"modes": (0.6, 0.3, 0.1)}])
def test_the_truth_meets_the_counts(more):
    """To their noise: 60 frames of 32^2 tell it to 1 %; positions in eighths of a pixel cost 0.02"""
    assert figures(at_truth(make(draw(4, **SMALL, **more))))["llk"] == pytest.approx(1, abs=0.03)


def test_a_seed_is_a_scan():
    one, two = make(draw(5, frames=10)), make(draw(5, frames=10))
    assert np.array_equal(one.counts, two.counts) and np.array_equal(one.O, two.O)
    assert not np.array_equal(one.O[:50, :50], make(draw(6, frames=10)).O[:50, :50])


def test_matter_retards():
    """Phase and amplitude fall together"""
    for seed in range(4):
        O = make(draw(seed, frames=4)).O
        assert np.corrcoef(np.log(abs(O)).ravel(), np.angle(O).ravel())[0, 1] > 0.5


@pytest.mark.parametrize("more", [{}, {"near": True}])
def test_the_program_reads_it(tmp_path, more):
    scene = make(draw(3, frames=9, **more))
    write(scene, tmp_path / "scan.cxi")
    scan = Nexus().open(str(tmp_path / "scan.cxi"), Input())
    assert np.array_equal(scan.source.read(np.arange(9)), scene.counts)
    assert scan.positions == pytest.approx(scene.positions) and scan.distance == scene.distance
    assert np.array_equal(scan.truth["object"], scene.O) and scan.truth["pixel_size"].shape == (2,)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_changes_the_scan(name):
    good, bad = wrong("good", 3, frames=40), wrong(name, 3, frames=40)
    same = [np.array_equal(getattr(good, k), getattr(bad, k)) for k in ("counts", "corners")]
    assert (all(same) and (good.distance, good.wavelength) == (bad.distance, bad.wavelength)) == (
        name == "good"
    )


def test_a_good_scan_is_reconstructed_and_a_late_one_is_not():
    """60 frames of 32^2: 0.006 and 0.06 rad were reached"""
    errors = {}
    for name in ("good", "late"):
        scene = wrong(name, 4, **SMALL)
        p = problem(scene)
        run_chain([DM(iterations=15), ML(iterations=15)], p, 15, lambda text: None)
        errors[name] = phase_error(p, scene)
    assert errors["good"] < 0.012 and errors["late"] > 4 * errors["good"], errors
