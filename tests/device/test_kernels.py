"""Every kernel: the numba text against the NumPy contract, and the adjoints."""

import numpy as np
import pytest

from nanompi.device.kernels import load

CONTRACT, NUMBA = load(""), load("_cpu")
DTYPES = {"single": (np.complex64, np.float32, 3e-5), "double": (np.complex128, np.float64, 1e-11)}


class Scene:
    """Random arrays of a small problem; the same for the same seed."""

    def __init__(self, precision, counts="uint16", modes=2, seed=1):
        self.c, self.r, self.tolerance = DTYPES[precision]
        self.rng = rng = np.random.default_rng(seed)
        self.n, self.M, self.h, self.w, self.S = 5, modes, 12, 10, 3
        n, h, w = self.n, self.h, self.w
        self.O, self.dO = self.waves(40, 44), self.waves(40, 44)
        self.P, self.dP = self.waves(self.S, modes, h, w), self.waves(self.S, modes, h, w)
        self.psi, self.z, self.F, self.D = (self.waves(n, modes, h, w) for _ in range(4))
        corners = rng.integers(0, 28, (n, 2))
        self.at = np.column_stack([corners, rng.integers(0, self.S, n)]).astype(np.int32)
        missing = 0 if counts == "uint16" else 1  # some counts of -1: not measured
        self.I = (rng.poisson(3, (n, h, w)) - missing).astype(counts)
        self.mask = (rng.random((h, w)) > 0.1).astype(self.r)
        self.gain = (rng.random(n) + 0.5).astype(self.r)

    def waves(self, *shape):
        return (self.rng.standard_normal(shape) + 1j * self.rng.standard_normal(shape)).astype(self.c)


def overlap(K, s):
    """All kernels of overlap.py, each result an array."""
    out, real = [], s.r
    for name, args in (("exit_waves", (s.O, s.P, s.at)), ("tangent", (s.O, s.P, s.dO, s.dP, s.at))):
        t = s.z.copy()
        getattr(K, name)(*args, t)
        out.append(t)
    t, q = s.z.copy(), s.psi.copy()
    K.mix(s.O, s.P, s.at, s.psi, real(2), real(-1), t)
    K.follow(s.O, s.P, s.at, q, s.z, real(0.9), real(-0.8), real(0.7))
    return [*out, t, q]


def sums(K, s, parts=1):
    """The adjoint sums, done in `parts` calls."""
    num, den = np.zeros_like(s.O), np.zeros(s.O.shape, s.r)
    pnum, pden = np.zeros_like(s.P), np.zeros((s.S, s.h, s.w), s.r)
    for part in range(parts):
        K.object_sums(s.psi, s.P, s.at, num, part, parts)
        K.object_weights((abs(s.P) ** 2).sum(1), s.at, den, part, parts)
        K.probe_sums(s.psi, s.O, s.at, pnum, pden, part, parts)
    return [num, den, pnum, pden]


def modulus(K, s):
    f, near, back = s.F.copy(), s.F.copy(), s.F.copy()
    misfit = np.array(K.project(f, s.I, s.mask, s.gain, s.r(0.3), s.r(0.5)))
    K.transfer(near, s.P[:, 0], s.at, False)
    K.transfer(back, s.P[:, 0], s.at, True)
    return [misfit, f, near, back]


def likelihood(K, s):
    out, work = [], np.empty((3, s.n, s.h, s.w), s.r)
    for noise in range(3):
        t = s.z.copy()
        out.append(np.array(K.gradient(s.F, s.I, s.mask, s.gain, noise, work[:2], t)))
        out += [t, *map(np.array, K.line(s.F, s.D, s.I, s.mask, s.gain, noise))]
    table = np.linspace(0, 1, 60).astype(s.r)
    return out + [np.array(v) for v in K.figures(s.F, s.I, s.mask, s.gain, table, work)]


@pytest.mark.parametrize("theme", [overlap, sums, modulus, likelihood])
@pytest.mark.parametrize("counts", ["uint16", "float32"])
@pytest.mark.parametrize("precision", DTYPES)
def test_numba_equals_contract(theme, counts, precision):
    s = Scene(precision, counts)
    for k, (want, got) in enumerate(zip(theme(CONTRACT, s), theme(NUMBA, s))):
        assert got.dtype == want.dtype
        assert abs(got - want).max() <= s.tolerance * max(abs(want).max(), 1e-9), f"{theme.__name__}[{k}]"


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
    num, _, pnum, _ = sums(K, s)
    assert np.vdot(z, s.psi) == pytest.approx(np.vdot(s.dO, num) + np.vdot(s.dP, pnum), rel=1e-12)


@pytest.mark.parametrize("noise", range(3))
def test_gradient_and_line_are_derivatives(noise):
    """slope and gradient against a central difference of L"""
    s = Scene("double", "float32")

    def L(t):
        work, z = np.empty((2, s.n, s.h, s.w)), np.empty_like(s.F)
        return NUMBA.gradient(s.F + t * s.D, s.I, s.mask, s.gain, noise, work, z), z

    eps = 1e-4
    slope, curve = NUMBA.line(s.F, s.D, s.I, s.mask, s.gain, noise)
    assert slope == pytest.approx((L(eps)[0] - L(-eps)[0]) / (2 * eps), rel=1e-6)
    assert curve > 0
    assert slope == pytest.approx(2 * np.vdot(L(0)[1], s.D).real, rel=1e-11)


def test_projection_meets_the_counts():
    """After the projection the model amplitude is the measured one at good pixels, untouched elsewhere"""
    s = Scene("double", "float32")
    f = s.F.copy()
    NUMBA.project(f, s.I, s.mask, s.gain, s.r(1), s.r(0))
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
        NUMBA.project(F, np.full((1, 1, 1), I, np.uint16), np.ones((1, 1)), one, 1.0, rho)
        cost = t**2 - I * np.log(t**2) + rho * (t - A) ** 2
        assert abs(F[0, 0, 0, 0]) == pytest.approx(t[cost.argmin()] if I or rho else 0, abs=0.011)
