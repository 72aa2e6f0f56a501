"""Halves of a scan: who gets which frames and counts, and what the two images say of the resolution."""

import numpy as np
import pytest

from nanompi.errors import NumbersError
from nanompi.methods.ptycho import halves as module
from nanompi.methods.ptycho.engines.engine import run_chain
from nanompi.methods.ptycho.engines.ml import ML
from nanompi.methods.ptycho.engines.projections import DM
from nanompi.methods.ptycho.halves import Chain, Halves, apart, chosen, compare_halves, thinned
from nanompi.optics.frc import Curve
from nanompi.run.verdict import worst
from tests.methods.ptycho.scenes import draw, geometry_of, make, problem, run_of

SMALL = {"frames": 120, "n": 32, "step": 0.1, "width": 0.4}
ENGINES = [DM(iterations=10), ML(iterations=10)]


def made(photons=1e5, **more):
    scene = make(draw(4, photons=photons, **(SMALL | more)))
    return scene, problem(scene)


def test_of_two_neighbours_each_half_has_one():
    """Frames that follow each other on a curve through the scan; every one is in a half"""
    _, p = made(frames=61, step=0.08)
    half = apart(p)
    pairs = half[np.argsort(p.places.along())][:60].reshape(30, 2)
    assert (pairs.sum(1) == 1).all() and set(half) == {0, 1} and 0 < pairs[:, 0].sum() < 30
    one, two = (chosen(p, k, half) for k in (0, 1))
    assert len(one.index) + len(two.index) == 61 and np.array_equal(one.index, np.arange(len(one.index)))
    assert one.places.shape == two.places.shape == p.places.shape
    assert np.array_equal(one.places.at[one.index], p.places.at[half == 0])
    assert np.array_equal(two.rows, p.I[half == 1])


def test_counts_go_to_one_of_the_halves():
    """By chance, independent of each other; what was not measured stays so"""
    _, p = made()
    p.I = p.I.astype(np.float32)
    p.I[3, 5] = -1
    one, two = (thinned(p, k).rows for k in (0, 1))
    good = p.I >= 0
    assert (
        np.array_equal((one + two)[good], p.I[good]) and (one[~good] == -1).all() and (two[3, 5] == -1).all()
    )
    d, n = (one - two)[good], p.I[good].sum()
    assert abs(d.sum()) < 4 * np.sqrt(n) and (d**2).sum() / n == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize(
    "more, way", [({}, False), ({"step": 0.13, "width": 0.26}, True), ({"near": True}, True)]
)
def test_counts_are_halved_where_frames_are_few(more, way):
    scene, p = made(**more)
    assert module.by_counts(p, geometry_of(scene)) is way
    p.I = p.I + np.float32(0.5)
    assert not module.by_counts(p, geometry_of(scene))  # no counts any more


def test_a_half_that_diverges_ends_no_run(monkeypatch):
    """No FRC, and the log says why"""
    scene, p = made()

    def diverge(*a, **k):
        raise NumbersError("it diverged")

    monkeypatch.setattr(module, "run_chain", diverge)
    words = []
    run = run_of(scene, p, words.append)
    assert compare_halves(run, p, Chain(ENGINES, 5, "auto"), geometry_of(scene)) is None
    assert "no FRC" in words[-1] and "it diverged" in words[-1]
    assert_told(run, "it diverged")


def assert_told(run, why: str):
    """The verdict, which stands in result and report, says that what was asked for is missing, and why"""
    told = worst(run.result.notes["verdict"]["steps"])
    assert told["grade"] == "doubtful" and "no FRC" in told["words"] and why in told["words"]


@pytest.mark.parametrize("side, why", [(0, "no part of the sample is lit"), (12, "square of 12 px only")])
def test_halves_without_a_common_area_are_told(monkeypatch, side, why):
    """Light on a few pixels alone, or on none"""
    scene, p = made()
    lit = np.zeros(p.places.shape, bool)
    lit[20 : 20 + side, 20 : 20 + side] = True
    monkeypatch.setattr(module, "well_lit", lambda weight: lit)
    run, one = run_of(scene, p, str), [DM(iterations=1)]
    assert compare_halves(run, p, Chain(one, 1, "auto"), geometry_of(scene)) is None
    assert_told(run, why)


@pytest.mark.parametrize("photons, fine", [(3e5, True), (3e3, False)])
def test_few_counts_resolve_less(photons, fine):
    """With 3e5 counts a frame all pixels are known, with 3e3 they are not; frames unseen say what ML
    reached: 1.0 to 1.3"""
    scene, p = made(photons)
    run_chain(ENGINES, p, 10, lambda text: None)
    found = compare_halves(run_of(scene, p), p, Chain(ENGINES, 10, "auto"), geometry_of(scene))
    seventh, half_bit = (v / max(found.pixel) for v in found.resolution().values())
    assert seventh <= half_bit and (seventh < 1.05) == fine, (seventh, half_bit)
    assert 0.9 < found.held < 1.6 and 0 < found.held_error < 0.1


def test_words_and_figures():
    value = np.array([1, 1, 1, 0.9, 0.5, 0.3, 0.1, 0, 0, 0])
    curve = Curve(np.arange(1, 11) / 20, value, np.full(10, 0.4), 20)
    found = Halves("frames", curve, (1e-8, 1e-8), 1.05, 0.01)
    seventh, half_bit = found.resolution().values()
    assert 1e-8 < seventh < half_bit < 2.5e-8
    assert "1/7" in found.words() and "1.050 +- 0.010" in found.words()
    assert found.figures()["halves"] == "frames" and "held" not in Halves("counts", curve, (1, 1)).figures()
