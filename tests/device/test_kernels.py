"""Every kernel: the numba text against the NumPy contract, and the adjoints."""

import numpy as np
import pytest

from nanompi.device.checks.scene import DTYPES, THEMES, Scene, sums, update
from nanompi.device.kernels import load
from tests.device.same import same

CONTRACT, NUMBA = load(""), load("_cpu")


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("counts", ["uint16", "float32"])
@pytest.mark.parametrize("precision", DTYPES)
def test_numba_equals_contract(theme, counts, precision):
    s = Scene(precision, counts)
    want, got = theme(CONTRACT, s), theme(NUMBA, s)
    same(want, got, s.tolerance, theme.__name__)
    assert [g.dtype for g in got] == [w.dtype for w in want]


@pytest.mark.parametrize("precision", DTYPES)
def test_updates_have_the_bits_of_the_contract(precision):
    """Whatever the order of the passes: an answer of an engine does not depend on the text"""
    s = Scene(precision, modes=3, size=(33, 17))
    for one, other in zip(update(CONTRACT, s), update(NUMBA, s), strict=True):
        assert np.array_equal(one, other)


def test_inner_products_are_summed_in_double():
    """300 rows of 1e4 and then of 1: beside the sum so far, in single precision these would vanish"""
    a = np.ones((600, 70), np.complex64)
    a[:300] = 1e4
    w = np.ones((600, 70), np.float32)
    assert CONTRACT.inner(a, w, a, 1j * a) == (300 * 70 * (1e8 + 1), 0.0)
    assert CONTRACT.inner(a[None], w, a[None], a[None])[1] == 300 * 70 * (1e8 + 1)


@pytest.mark.parametrize("K", [CONTRACT, NUMBA], ids=["contract", "numba"])
def test_rows_in_parts_give_the_same_sum(K):
    s = Scene("double")
    for one, three in zip(sums(K, s), sums(K, s, parts=3)):
        assert np.array_equal(one, three)


@pytest.mark.parametrize("K", [CONTRACT, NUMBA], ids=["contract", "numba"])
def test_adjoint_of_the_overlap_model(K):
    """<P dO + dP O, psi> = <dO, sum P* psi> + <dP, sum O* psi>"""
    s = Scene("double")
    z = np.empty_like(s.psi)
    K.tangent(s.O, s.P, s.dO, s.dP, s.at, z)
    num, _, pnum, _ = sums(K, s)  # on top of dO and dP
    right = np.vdot(s.dO, num - s.dO) + np.vdot(s.dP, pnum - s.dP)
    assert np.vdot(z, s.psi) == pytest.approx(right, rel=1e-12)


@pytest.mark.parametrize("noise", range(3))
@pytest.mark.parametrize("back", [0.0, 0.7])
def test_gradient_and_line_are_derivatives(noise, back):
    """slope and gradient against a central difference of L"""
    s = Scene("double", "float32")

    def L(t):
        work, z = np.empty((2, s.n, s.h, s.w)), np.empty_like(s.F)
        return NUMBA.gradient(s.F + t * s.D, s.I, s.mask, s.gain, noise, back, work, z), z

    eps = 1e-4
    slope, curve = NUMBA.line(s.F, s.D, s.I, s.mask, s.gain, noise, back)
    assert slope == pytest.approx((L(eps)[0] - L(-eps)[0]) / (2 * eps), rel=1e-6)
    assert curve > 0
    assert slope == pytest.approx(2 * np.vdot(L(0)[1], s.D).real, rel=1e-11)


def test_projection_meets_the_counts():
    """After the projection the model amplitude is the measured one at good pixels, untouched elsewhere"""
    s = Scene("double", "float32")
    f = s.F.copy()
    NUMBA.project(f, s.I, s.mask, s.gain, s.r(1), s.r(0), s.r(0))
    a = s.gain[:, None, None] * (abs(f) ** 2).sum(1)
    good = (s.mask > 0) & (s.I >= 0)
    assert np.allclose(a[good], s.I[good], atol=1e-6)
    bad = np.broadcast_to(~good[:, None], f.shape)
    assert np.array_equal(f[bad], s.F[bad])


@pytest.mark.parametrize("rho", [0.0, 0.5, 2.0])
def test_proximal_amplitude_is_the_minimum(rho):
    """t minimises t^2 - I log t^2 + rho (t - A)^2, by scanning t"""
    A, t = 1.7, np.linspace(0.01, 6, 60_000)
    for I in (0, 1, 4, 9):
        F, one = np.full((1, 1, 1, 1), A + 0j), np.ones(1)
        NUMBA.project(F, np.full((1, 1, 1), I, np.uint16), np.ones((1, 1)), one, 1.0, 0.0, rho)
        cost = t**2 - I * np.log(t**2) + rho * (t - A) ** 2
        assert abs(F[0, 0, 0, 0]) == pytest.approx(t[cost.argmin()] if I or rho else 0, abs=0.011)
