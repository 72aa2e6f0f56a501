"""Few counts, alone or shared by neighbouring pixels: the projection engines hold by themselves."""

import numpy as np
import pytest

from nanompi.methods.ptycho.engines import trust
from nanompi.methods.ptycho.engines.engine import run_chain
from nanompi.methods.ptycho.engines.projections import AP, DM, RAAR
from nanompi.methods.ptycho.quality import figures
from tests.scene import phase_error, problem

SHARE = 0.7  # of a photon's chance to count also in each of four neighbours: they are correlated by 0.37


def weak(mean, shared=False, amplified=1):
    """(problem with so many photons a pixel, true object)"""
    p, O, _ = problem("single", frames=64, photons=mean * 32**2)
    rng, I = np.random.default_rng(0), p.I.astype(int)
    if shared:
        I = sharing(I, rng)
    p.I = rng.poisson(amplified * I).astype(np.uint16) if amplified > 1 else I.astype(np.uint16)
    before, (p.counts, p.bright) = p.counts, p._measured()
    p.P *= np.float32(np.sqrt(p.counts / before))
    return p, O


def sharing(I, rng):
    """Each photon counts where it is, and by chance in each of its four neighbours"""
    out = I.copy()
    for step in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        out += np.roll(rng.binomial(I, SHARE), step, (1, 2))
    return out


def test_shared_photons_correlate_neighbours():
    rng = np.random.default_rng(1)
    I = sharing(rng.poisson(7, (200, 32, 32)), rng)
    d = I - I.mean(0)
    assert (d[:, 1:] * d[:, :-1]).mean() / (d**2).mean() == pytest.approx(0.37, abs=0.01)


# So few photons allow 0.10 rad (rho 8 and 30 iterations); with the rho of bright scans DM ends at 0.16, at
# 0.25 photons it loses the image and four fifths of the photons. The start is at 0.12 to 0.13.
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("engine", [DM, RAAR, AP])
def test_half_a_photon_a_pixel(engine, shared):
    p, O = weak(0.5, shared)
    run_chain([engine(iterations=30)], p, 30, print)
    assert phase_error(p, O) < 0.12
    assert figures(p)["photons"] == pytest.approx(p.counts / 64, rel=0.12)


def test_the_rho_of_bright_scans_spoils_half_a_photon():
    p, O = weak(0.5)
    run_chain([DM(iterations=16, rho=0.5)], p, 16, print)
    found = figures(p)
    assert found["llk"] > 2.5 and found["photons"] < 0.7 * p.counts / 64 and phase_error(p, O) > 0.13


def test_seven_counts_shared_by_neighbours():
    """The llk of DM does not rise; rho is that of bright scans nearly"""
    p, O = weak(7, shared=True)
    history = run_chain([DM(iterations=30)], p, 10, print)
    llk = [row["llk"] for row in history if "llk" in row]
    assert llk[-1] < 1.1 * llk[0] and phase_error(p, O) < 0.06


def test_a_bright_scan_has_the_rho_that_it_always_had():
    p, _, _ = problem("single")
    for engine, rho in ((DM, 0.5), (RAAR, 0.5), (AP, 0.0)):
        assert trust.begin(p, engine().rho, engine.least) == trust.Trust(rho)  # and nothing is watched
    assert trust.begin(p, 2, 0.5).rho == 2


def test_rho_follows_the_noise():
    p, _ = weak(0.5)
    once = trust.begin(p, "auto", 0.5).rho
    p.fano = 1.3
    assert trust.begin(p, "auto", 0.5).rho > 1.3 * once > 1.3
    p.fano = 0.0
    assert trust.begin(p, "auto", 0.5).rho == 0.5  # without noise nothing runs away
    p.fano = p.bright
    assert trust.begin(p, "auto", 0.5).rho == trust.MOST


def test_it_begins_anew_where_the_fit_gets_worse_three_times():
    """Amplified counts whose noise nobody told: back to the start with four times the rho, until it holds"""
    p, _ = weak(0.25, amplified=3)
    rho, said = trust.begin(p, "auto", 0.5).rho, []
    history = run_chain([DM(iterations=40)], p, 4, said.append)
    assert p.state["trust"].rho > 3.9 * rho
    assert any("the fit got worse" in line and "rho is" in line for line in said)
    q, _ = weak(0.25, amplified=3)
    without = run_chain([DM(iterations=40, rho=rho)], q, 4, print)
    assert without[-1]["llk"] > 1.5 * history[-1]["llk"]


def test_a_given_rho_is_kept():
    p, _ = weak(0.5, amplified=3)
    run_chain([DM(iterations=16, rho=0.6)], p, 4, print)
    assert p.state["trust"].rho == 0.6


def test_trust_survives_a_checkpoint():
    p, _ = weak(0.5)
    engine = DM(iterations=4)
    engine.start(p)
    p.state["trust"].figures = [1.0, 2.0]
    known, before = engine.state(p), p.state.pop("trust")
    engine.restore(p, known)
    after = p.state["trust"]
    assert (after.rho, after.figures) == (before.rho, before.figures)
    assert np.array_equal(after.O, before.O) and np.array_equal(after.P, before.P)
