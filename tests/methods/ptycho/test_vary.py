"""A probe that is another one for each frame: slopes, order, what it makes of a beam that walks."""

import numpy as np
import pytest

from nanompi.methods.ptycho import vary
from nanompi.methods.ptycho.engines.engine import run_chain
from nanompi.methods.ptycho.engines.ml import ML
from nanompi.methods.ptycho.engines.projections import DM
from nanompi.methods.ptycho.quality import figures
from nanompi.methods.ptycho.read.flaws import Flaws
from tests.scene import phase_error, problem

CASES = {"plain": {}, "modes": {"modes": 2, "subpixel": 4}, "near": {"near": True, "subpixel": 4}}


def quiet(text):
    """No log."""


def varied(**how):
    """A problem whose probes differ, numbers and shapes drawn; in double precision"""
    p, _, _ = problem("double", frames=9, **how)
    vary.begin(p, 2)
    rng, v = np.random.default_rng(0), p.varied
    wave = lambda a: rng.standard_normal(a.shape) + 1j * rng.standard_normal(a.shape)  # noqa: E731
    v.turns = 1  # the shapes are known
    v.c[:, 0] = 20 * wave(v.c[:, 0])
    v.E[1], v.c[:, 1] = 0.1 * wave(v.E[1]), wave(v.c[:, 1])
    p.make_waves()
    return p


@pytest.mark.parametrize("case", CASES)
def test_slopes_of_shapes_and_numbers_are_those_of_the_likelihood(case):
    """<g, d> against a central difference along a drawn direction"""
    p, t, L = varied(**CASES[case]), 1e-5, []
    ML().gradient(p)
    gE, gc = (g.copy() for g in p.varied.slopes)
    want = 2 * (np.vdot(gE, p.varied.E[1]).real + np.vdot(gc, p.varied.c[:, 1]).real)
    for step in (t, -2 * t):
        p.varied.move(step)
        L.append(ML().gradient(p)[0])
    assert want == pytest.approx((L[0] - L[1]) / (2 * t), rel=1e-5)


@pytest.mark.parametrize("case", CASES)
def test_in_order_they_make_the_same_probes(case):
    p = varied(**CASES[case])
    v, before = p.varied, p.shifts.library(p.P)
    v.tidy(p)
    assert abs(p.shifts.library(p.P) - before).max() < 1e-12 * abs(before).max()
    E, c = v.E[0].reshape(2, -1), v.c[:, 0]
    gram = c.conj().T @ c
    assert np.allclose(E.conj() @ E.T, np.eye(2), atol=1e-12) and abs(c.mean(0)).max() < 1e-12
    assert gram[0, 0].real >= gram[1, 1].real and abs(gram[0, 1]) < 1e-9 * gram[1, 1].real


def test_it_takes_back_a_step():
    p = varied()
    E, c = p.varied.E.copy(), p.varied.c.copy()
    p.varied.move(0.3)
    p.varied.move(-0.3)
    assert np.allclose(p.varied.E, E, atol=1e-14) and np.allclose(p.varied.c, c, atol=1e-12)


def walked(walk: float, precision="single"):
    """121 frames whose beam walks over its lens; (problem, true object). Frames that follow each other lie
    apart: else slow phases of the object would do what the beam does."""
    p, O, P = problem(precision, frames=121, subpixel=4)
    flaws, n = Flaws(walk=walk), len(p.at)
    for j in range(n):
        Pj = flaws.probe(P.astype(np.complex64), 37 * j % n / n)[None]
        z = np.empty((1, *P.shape), p.P.dtype)
        p.k.exit_waves(O.astype(p.O.dtype), np.tile(Pj, (len(p.places.rests), 1, 1, 1)), p.at[j : j + 1], z)
        a = p.gain[j] * (abs(p.optics.forward(z, p.at[j : j + 1])) ** 2).sum((0, 1))
        p.I[j] = np.random.default_rng([5, j]).poisson(a)
    return p, O


def reached(walk: float, shapes: int) -> tuple[float, float]:
    """(phase error, llk)"""
    p, O = walked(walk)
    p.varies = shapes
    run_chain([DM(iterations=20), ML(iterations=40)], p, 60, quiet)
    return phase_error(p, O), figures(p)["llk"]


def test_a_beam_that_walks():
    (one, llk), (many, better) = reached(0.15, 0), reached(0.15, 2)
    assert llk > 3 and better < 1.3 and many < 0.6 * one  # 4.15, 1.18; 0.118 and 0.058 rad


@pytest.mark.slow
def test_a_beam_that_stays_loses_nothing():
    (one, _), (many, _) = reached(0.0, 0), reached(0.0, 2)
    assert many < 1.1 * one
