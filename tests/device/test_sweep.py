"""A projection engine's step in one pass over each frame, against the kernels one after the other."""

import numpy as np
import pytest

from nanompi.device import Cpu
from nanompi.device.checks.scene import DTYPES, Scene
from nanompi.device.kernels import load
from nanompi.methods import discover
from nanompi.methods.ptycho.engines.engine import run_chain
from nanompi.step import METHODS
from tests.device.same import same
from tests.scene import problem

K = load("")
REFLECTION, PROJECTION = (2, -1, 0.9, -0.8, 0.7), (1, 0, 0, 0, 1)  # RAAR and AP


def one_by_one(s, how, psi, num):
    """What a sweep does, by NumPy"""
    unit, back, rho, a, b, c, d, e = how
    z = np.empty_like(psi)
    K.mix(s.O, s.P, s.at, psi if b else np.zeros_like(psi), a, b, z)
    F = np.fft.fft2(z).astype(s.c)
    misfit = K.project(F, s.I, s.mask, s.gain, unit, back, rho)
    psi[...] = psi if c else 0
    K.follow(s.O, s.P, s.at, psi, np.fft.ifft2(F, norm="forward").astype(s.c), c, d, e)
    K.object_sums(psi, s.P, s.at, num, 0, 1)
    return misfit


def swept(s, how, psi, num):
    return Cpu().sweep((s.h, s.w))(s.O, s.P, s.at, psi, s.I, s.mask, s.gain, how, num)


def numbers(s, engine, rho=0.5, back=0.0):
    return tuple(s.r(x) for x in (1 / (s.h * s.w), back, rho, *engine))


@pytest.mark.parametrize("engine", [REFLECTION, PROJECTION], ids=["reflection", "projection"])
@pytest.mark.parametrize("modes, size", [(1, (48, 32)), (3, (16, 64))])
@pytest.mark.parametrize("counts", ["uint16", "float32"])
@pytest.mark.parametrize("precision", DTYPES)
@pytest.mark.parametrize("back", [0.0, 0.7])
def test_a_sweep_equals_its_kernels(back, precision, counts, modes, size, engine):
    s = Scene(precision, counts, modes=modes, size=size, n=3)
    s.gain /= s.h * s.w
    (want, sums), (psi, num) = ((s.psi.copy(), s.dO.copy()) for _ in range(2))
    if engine is PROJECTION:
        psi[:] = np.nan  # it does not matter what psi holds
    how = numbers(s, engine, back=back)
    misfit = one_by_one(s, how, want, sums)
    assert swept(s, how, psi, num) == pytest.approx(misfit, rel=s.tolerance)
    same([want, sums], [psi, num], s.tolerance)


def test_without_a_sum_the_object_is_left_alone_and_waves_are_the_same():
    s = Scene("single", modes=2, size=(32, 32))
    psi, alone, how = s.psi.copy(), s.psi.copy(), numbers(s, REFLECTION)
    assert swept(s, how, psi, s.dO.copy()) == swept(s, how, alone, None)
    assert np.array_equal(psi, alone)


def test_sums_into_an_array_with_gaps_are_refused():
    """They would be added to a copy, and be lost"""
    s = Scene("single", modes=2, size=(32, 32))
    gaps = np.zeros((*s.O.shape, 2), s.c)[..., 0]
    with pytest.raises(ValueError, match="does not lie in one piece"):
        swept(s, numbers(s, REFLECTION), s.psi.copy(), gaps)
    with pytest.raises(ValueError, match="does not lie in one piece"):
        load("_cpu").object_sums(s.psi, s.P, s.at, gaps, 0, 1)


def test_dark_pixels_and_dark_waves_give_numbers():
    """Counts and amplitudes of 0: no root or quotient of 0 becomes infinite"""
    s = Scene("single", modes=1, size=(32, 32))
    s.I[:], s.P[:] = 0, 0
    psi = np.zeros_like(s.psi)
    assert swept(s, numbers(s, REFLECTION, 0.0), psi, None) < 1e-6 and abs(psi).max() < 1e-9


def test_frames_that_do_not_fill_the_lanes_have_no_sweep():
    assert [Cpu().sweep(shape) is None for shape in ((32, 48), (32, 40), (17, 32), (112, 96))] == [0, 1, 1, 0]


@pytest.mark.parametrize("how", [{}, {"modes": 2}, {"subpixel": 4}, {"threads": 2}], ids=str)
def test_an_engine_with_sweeps_is_the_one_without(how):
    discover()
    outcomes = []
    for sweeps in (True, False):
        p, _, _ = problem(n=32, **how)
        assert p.optics.sweep
        p.optics.sweep = p.optics.sweep if sweeps else None
        chain = [METHODS["engine"][name](iterations=4) for name in ("DM", "RAAR", "AP")]
        history = run_chain(chain, p, 4, lambda text: None)
        outcomes.append([p.O, p.P, np.array([row["error"] for row in history])])
    same(*outcomes, 1e-10)
