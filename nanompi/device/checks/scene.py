"""Random arrays of a small problem for the kernels, calls of all of them, and what comes out compared."""

from functools import partial
from types import SimpleNamespace

import numpy as np

from nanompi.device.kernels.scores import FRAME_SUMS, PIXEL_SUMS

SCENES = {  # each value of each axis, not all combinations
    "small": dict(modes=2, n=5, size=(12, 10)),
    "square": dict(modes=1, n=5, size=(32, 32), shifts=1),
    "odd": dict(modes=3, n=5, size=(33, 17), shifts=4),
    "wide": dict(modes=5, n=3, size=(70, 64), shifts=2),
    "across": dict(modes=4, n=2, size=(9, 70), shifts=1),
    "one": dict(modes=2, n=1, size=(12, 10)),
    "many": dict(modes=1, n=70, size=(12, 10)),
    "shifted": dict(modes=2, n=40, size=(9, 34), shifts=21),
    "none": dict(modes=2, n=0, size=(12, 10)),
}
DTYPES = {"single": (np.complex64, np.float32, 3e-5), "double": (np.complex128, np.float64, 1e-11)}


class Scene:
    """Random arrays; the same for the same seed. The first and the last frame lie in opposite corners of O.

    counts : "uint16", or "float32" with some counts of -1; size : (h, w) of a frame; shifts : S
    """

    def __init__(self, precision, counts="uint16", modes=2, seed=1, n=5, size=(12, 10), shifts=3):
        self.c, self.r, self.tolerance = DTYPES[precision]
        self.rng = rng = np.random.default_rng(seed)
        self.n, self.M, (self.h, self.w), self.S = n, modes, size, shifts
        h, w, room = *size, 30
        self.O, self.dO = self.waves(h + room, w + room + 3), self.waves(h + room, w + room + 3)
        self.P, self.dP = self.waves(shifts, modes, h, w), self.waves(shifts, modes, h, w)
        self.H = self.waves(shifts, h, w)
        self.psi, self.z, self.F, self.D = (self.waves(n, modes, h, w) for _ in range(4))
        corners = rng.integers(0, room, (n, 2))
        self.at = np.column_stack([corners, rng.integers(0, shifts, n)]).astype(np.int32)
        self.at[:1, :2], self.at[-1:, :2] = 0, (room, room + 3)
        missing = 0 if counts == "uint16" else 1  # some counts of -1: not measured
        self.I = (rng.poisson(3, (n, h, w)) - missing).astype(counts)
        self.mask = (rng.random((h, w)) > 0.1).astype(self.r)
        self.gain = (rng.random(n) + 0.5).astype(self.r)
        self.back = self.r(0.7)

    def waves(self, *shape):
        return (self.rng.standard_normal(shape) + 1j * self.rng.standard_normal(shape)).astype(self.c)


def overlap(K, s):
    """All kernels of overlap.py over frames, each result an array."""
    out, real = [], s.r
    for name, args in (("exit_waves", (s.O, s.P, s.at)), ("tangent", (s.O, s.P, s.dO, s.dP, s.at))):
        t = s.z.copy()
        getattr(K, name)(*args, t)
        out.append(t)
    for a, b, c, d, e in ((2, -1, 0.9, -0.8, 0.7), (1, 0, 0, 0, 1)):
        t, q = s.z.copy(), s.psi.copy()
        K.mix(s.O, s.P, s.at, s.psi, real(a), real(b), t)
        K.follow(s.O, s.P, s.at, q, s.z, real(c), real(d), real(e))
        out += [t, q]
    light = np.empty((len(s.P), s.h, s.w), s.r)
    K.powers(s.P, light)
    return [*out, light]


def sums(K, s, parts=1):
    """The adjoint sums, done in `parts` calls, on top of what is there."""
    num, den = s.dO.copy(), s.O.real.copy()
    pnum, pden = s.dP.copy(), s.dP[:, 0].imag.copy()
    for part in range(parts):
        K.object_sums(s.psi, s.P, s.at, num, part, parts)
        K.object_weights((abs(s.P) ** 2).sum(1), s.at, den, part, parts)
        K.probe_sums(s.psi, s.O, s.at, pnum, pden, part, parts)
    return [num, den, pnum, pden]


def halo(K, s):
    """Pixels gathered, and shares added up: none, one or many for a pixel, with and without its own"""
    rng, a, n, most = np.random.default_rng(7), s.O.copy().reshape(-1), 60 * s.n, max(60 * s.n, 1)
    pixels, out = np.sort(rng.permutation(a.size)[:n]), np.empty(n, s.c)
    K.gather_halo(a, rng.integers(0, a.size, n), out)
    first = np.concatenate([[0], np.sort(rng.integers(0, most, len(pixels)))]).astype(np.int32)
    K.add_halo(a, pixels, first, (rng.permutation(n) - n // 4).astype(np.int32), s.z.reshape(-1)[:n].copy())
    return [a, out]


def modulus(K, s):
    f, z, y = s.F.copy(), s.z.copy(), s.z.copy()
    K.transfer(z, s.H, s.at, False)
    K.transfer(y, s.H, s.at, True)
    misfit, plain, none = K.project(f, s.I, s.mask, s.gain, s.r(0.3), s.back, s.r(0.5)), s.F.copy(), s.r(0)
    other = K.project(plain, s.I, s.mask, s.gain, s.r(1), none, none)
    return [z, y, figure(misfit), f, figure(other), plain]


def likelihood(K, s):
    out, work, light = [], np.empty((3, s.n, s.h, s.w), s.r), np.zeros((s.n, 2))
    for back in s.r(0), s.back:
        K.photons(s.F, s.I, s.mask, s.gain, s.gain / 2, back, light)
        out += [*light.T.copy()]
    for noise in range(3):
        t, back = s.z.copy(), noise * s.back
        out.append(figure(K.gradient(s.F, s.I, s.mask, s.gain, noise, back, work[:2], t)))
        both = K.line(s.F, s.D, s.I, s.mask, s.gain, noise, back)  # compared together: a slope may be near 0
        out += [t, figure(both)]
    table = np.linspace(0, 1, 60).astype(s.r)
    return [*out, *figure(K.figures(s.F, s.I, s.mask, s.gain, table, s.back, work))]


def scores(K, s):
    """Frame by frame, and pixel by pixel on top of what is there; with a background"""
    work, table = np.empty((3, s.n, s.h, s.w), s.r), np.linspace(0, 1, 60).astype(s.r)
    out = []
    for far in (True, False):
        rows, maps = np.empty((s.n, FRAME_SUMS)), np.ones((PIXEL_SUMS, s.h, s.w))
        K.scores(s.F, s.D, s.psi, s.I, s.mask, s.gain, 0.25, far, table, rows, maps, work)
        out += [*rows.T, *maps]
    return out


def displacement(K, s):
    """Slopes and curvature of each frame for each noise model, with and without light behind the wave; slopes
    from a gradient at the sample and derivatives of the object"""
    slopes, Oy, Ox = np.zeros((s.n, 2)), s.dO.copy(), s.dO.copy()
    K.derivatives(s.O, Oy, Ox)
    K.position_slopes(s.z, s.P, Oy, Ox, s.at, slopes)
    out = [Oy, Ox, slopes]
    for noise in range(3):
        sums = np.zeros((s.n, 5))
        K.position_sums(s.F, s.D, s.z, s.I, s.mask, s.gain, noise * 0.75, noise, sums)
        out.append(sums)
    return out


def ramps(K, s):
    """The probe at all shifts, and the sum moved back"""
    y, x, out, back = s.H[:, :, 0].copy(), s.H[:, 0].copy(), s.P.copy(), s.P[0].copy()
    K.ramps(s.P[0], y, x, out)
    K.ramps_adjoint(s.dP, y, x, back)
    return [out, back]


def update(K, s):
    """Of an object, and of probes whose modes share their weights"""
    O, y, g, weights = s.O.copy(), s.P[0].copy(), s.dP[0].copy(), 1 + abs(s.P[0, 0])
    K.divide(O, s.dO, 1 + abs(s.dO), s.r(0.3))
    K.blend(y, s.dP[0], s.r(-0.4), s.r(1.5))
    K.descend(g, weights)
    products = [K.inner(s.dP[0], weights, g, s.P[0]), K.inner(s.O, np.ones(1, s.r), s.O, s.dO)]
    return [O, y, g, *map(figure, products)]


def figure(sums):
    """What a kernel returned, as an array (k,)"""
    return np.atleast_1d(sums)


THEMES = (overlap, sums, halo, modulus, likelihood, displacement, scores, ramps, update)


def apart(want, got) -> float:
    """The largest difference of two arrays over the largest value; inf where shape or a number is wrong."""
    if np.shape(want) != np.shape(got):
        return np.inf
    if not np.size(want):
        return 0.0
    error = abs(got - want).max()
    return float(error / max(abs(want).max(), 1e-9)) if np.isfinite(error) else np.inf


def on(device) -> SimpleNamespace:
    """A device's kernels as functions of arrays of the host, which come back changed; sums added up."""

    def call(kernel, *args):
        moved = [device.array(a) if isinstance(a, np.ndarray) else a for a in args]
        got = kernel(*moved)
        for a, m in zip(args, moved):
            if isinstance(a, np.ndarray):
                a[...] = device.host(m)
        return got if got is None else device.total([got])

    return SimpleNamespace(**{name: partial(call, kernel) for name, kernel in vars(device.kernels).items()})
