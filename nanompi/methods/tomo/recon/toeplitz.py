"""Least squares where an iteration costs two Fourier transforms, and never looks at the projections again.

A takes of a slice the line integrals of its band-limited pixels. A* A is then a convolution with

    h(x, y) = sum_a D(x cos a + y sin a),   D(t) = sum_m exp(2 pi i m t / M) / M over the |m| < M / 2

so that the normal equations A* A f = A* p need A* p once, and h: Fessler et al., doi:10.1109/TSP.2005.853152,
where the samples of the frequency plane lie on other paths. Both come by gridding (`fourier`).
"""

from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np

from nanompi.methods.tomo.rays import Method
from nanompi.methods.tomo.recon.fourier import Fourier
from nanompi.methods.tomo.recon.history import History
from nanompi.methods.tomo.recon.noise import noise
from nanompi.methods.tomo.recon.reach import circle, sides

ALONE = 1 << 40  # bytes "of a frame": a thread of a CPU takes one slice after the other
BEYOND = 0.5  # of the columns: so many are added on each side where projections end in the sample
PLAIN = SimpleNamespace(window="ramp", cutoff=1.0, pad="zero", circle=np.inf)


class Convolution:
    """A* A of slices (n, n), between transforms of real images packed as complex ones (`kernels.convolve`).

    largest : of its eigenvalues, at most
    """

    def __init__(self, device, h):
        """h : (2 n - 1, 2 n - 1), offset 0 in the middle"""
        self.device, self.n = device, len(h) // 2 + 1
        side = 4 * fast(-(-len(h) // 4))
        offsets = np.arange(1 - self.n, self.n) % side
        whole = np.zeros((side, side))
        whole[np.ix_(offsets, offsets)] = h
        H = np.fft.fft2(whole).real  # here and there below 0; the convolution of what is n wide never is
        self.largest, self.shape = float(H.max()), (side, side // 2)
        unscaled = side * side // 2  # what both transforms of the packed image multiply it with
        self.own, self.mirror = (device.array(a, device.real) for a in _packed(H / unscaled))

    def __call__(self, f):
        """(k, n, n) real -> the same"""
        packed = self.device.xp.zeros((len(f), *self.shape), self.device.complex)
        inner = packed.view(f.dtype)[:, : self.n, : self.n]
        inner[...] = f
        self.device.fft(packed)
        self.device.kernels.convolve(packed, self.own, self.mirror)
        self.device.ifft(packed)
        return inner


def _packed(H):
    """`own` and `mirror` of kernels.convolve, of a transform (2 m, 2 m)"""
    m = len(H) // 2
    low, high, turn = H[:, :m], H[:, m:], np.pi * np.arange(m) / m
    half, rest = (low + high) / 2, (low - high) / 2
    return half - rest * np.sin(turn), rest * np.cos(turn)


def fast(n: int) -> int:
    """The least length from n on without a prime factor above 7."""
    rest = n
    for prime in (2, 3, 5, 7):
        while rest % prime == 0:
            rest //= prime
    return n if rest == 1 else fast(n + 1)


class Normal:
    """A* p, and A* A, of slices as wide as the sample: `beyond` columns more on each side."""

    def __init__(self, rays, device, beyond: int):
        self.beyond, self.xp, self.device = beyond, device.xp, device
        wide = replace(rays, columns=rays.columns + 2 * beyond, size=rays.size + 2 * beyond)
        self.adjoint = plain(wide, device)
        self.convolution = Convolution(device, response(wide, device))
        self.inside = device.array(circle(wide.size), device.real)

    def right(self, sinograms, axes):
        """(k, A, wide columns) -> (k, n, n): A* p, of what `widened` gave"""
        return self.adjoint.slices(sinograms, axes + self.beyond) * self.inside

    def widened(self, sinograms):
        """(k, A, columns) -> (k, A, wide columns): beyond the detector projections go to 0 smoothly"""
        more, (k, A, K) = self.beyond, sinograms.shape
        if not more:
            return sinograms
        out = self.xp.empty((k, A, K + 2 * more), sinograms.dtype)
        fall = np.cos(np.pi / 2 * np.arange(1, more + 1) / more) ** 2
        right, left = (self.device.array(side, sinograms.dtype) for side in (fall, fall[::-1]))
        out[..., more:-more] = sinograms
        out[..., :more], out[..., -more:] = sinograms[..., :1] * left, sinograms[..., -1:] * right
        return out

    def product(self, f):
        """(k, n, n) -> A* A f, 0 outside the circle"""
        return self.convolution(f) * self.inside


class Exact(Fourier):
    """With a wider window: 1e-3 of A* p, which the narrow one leaves, counts as noise does in residuals."""

    width = 8


def response(rays, device) -> np.ndarray:
    """(2 size - 1, 2 size - 1) float64: h, which is A* of projections that are 1 on the axis"""
    middle = (rays.columns - 1) // 2
    one = device.xp.zeros((1, len(rays.angles), rays.columns), device.real)
    one[..., middle] = 1
    made = plain(replace(rays, size=2 * rays.size - 1), device).slices(one, np.array([float(middle)]))
    return device.host(made)[0].astype(np.float64)


def plain(rays, device) -> Fourier:
    """A*: what adds up the rays as they are, without a filter, each with a weight of 1."""
    own = Exact(replace(rays, share=np.ones(len(rays.angles))), PLAIN, device)
    own.transfer = np.ones(own.L)
    return own


@dataclass
class Task:
    """Some slices to be solved for.

    b        : (k, n, n) A* p of the device; energy : (k,) squares of their projections
    sigma    : (k,) noise of a value; enough : (k,) squares of a residual that is noise
    """

    normal: Normal
    b: np.ndarray
    energy: np.ndarray
    sigma: np.ndarray
    enough: np.ndarray

    def part(self, some: slice) -> "Task":
        """Of some of the slices."""
        return Task(self.normal, *(getattr(self, name)[some] for name in ("b", "energy", "sigma", "enough")))

    def dot(self, a, b) -> np.ndarray:
        """(k,) float64 on the host: inner products of slices"""
        return self.normal.device.host((a * b).reshape(len(a), -1).sum(1, dtype=np.float64))

    def scaled(self, factors, a):
        """a (k, n, n), each slice times its factor"""
        return self.normal.device.array(factors, a.dtype)[:, None, None] * a


class Cgls(Method):
    """Conjugate gradients of the least squares, from 0 on: as CGLS, on the normal equations."""

    lanes, usual, takes = Fourier.lanes, 20, ("iterations", "halves")

    def __init__(self, rays, options, device):
        self.rays, self.options, self.device, self.xp = rays, options, device, device.xp
        self.history, self.normals = History(options.iterations, self.usual), {}

    def slices(self, sinograms, axes):
        """(k, A, columns) -> (k, size, size), each by itself"""
        size = self.rays.size
        out = self.xp.empty((len(axes), size, size), sinograms.dtype)
        wide = np.array(sides(self.rays, sinograms, axes), int) > size
        for beyond in np.unique(wide):
            rows = np.flatnonzero(wide == beyond)
            where = self.xp.asarray(rows)
            out[where] = self._same_side(sinograms[where], axes[rows], bool(beyond))
        return out * self.device.array(circle(size), out.dtype)

    def tallies(self) -> dict[str, np.ndarray]:
        """Of its iterations."""
        return self.history.tallies()

    def notes(self, team) -> dict:
        """Residuals of the iterations over all slices, but where values have shares; collective."""
        own = self.history.notes(team)
        if own and self.rays.weighted:
            return {"said": f"{own['iterations']:.4g} iterations", "iterations": own["iterations"]}
        return own

    def _same_side(self, sinograms, axes, wide: bool):
        more = round(BEYOND * self.rays.columns) if wide else 0
        if more not in self.normals:
            self.normals[more] = Normal(self.rays, self.device, more)
        task = self._task(self.normals[more], sinograms, axes)
        f = self.xp.empty_like(task.b)

        def solve(some):
            part = task.part(some)
            f[some], *said = self._solved(part)
            self.tell(len(part.b))
            return said, part.energy

        for (rest, done), energy in self.device.each(solve, len(f), ALONE):
            self.history.add(rest, energy, done)
        return f[:, more : more + self.rays.size, more : more + self.rays.size]

    def _task(self, normal, sinograms, axes) -> Task:
        sigma, (_, A, K) = noise(sinograms, self.xp), sinograms.shape
        enough = self.history.enough(sigma, A * K) * (not self.rays.weighted)
        wide = normal.widened(sinograms)
        energy = np.array([float((p * p).sum(dtype=np.float64)) for p in wide])
        return Task(normal, normal.right(wide, axes), energy, sigma, enough)

    def _solved(self, task: Task):
        """(slices, residuals before each iteration, iterations of all of them together)"""
        f, r = self.xp.zeros_like(task.b), task.b.copy()
        d, rr, rest, done = r.copy(), task.dot(r, r), [task.energy], 0
        going = task.energy > task.enough
        while going.any() and len(rest) <= self.history.iterations:
            q = task.normal.product(d)
            dq = task.dot(d, q)
            step = np.where(going & (dq > 0), rr / np.where(dq > 0, dq, 1), 0)
            f += task.scaled(step, d)
            r -= task.scaled(step, q)
            done += int(going.sum())
            before, rr = rr, task.dot(r, r)
            rest.append(task.energy - task.dot(f, task.b + r))
            going &= (rest[-1] > task.enough) & (rr > 0)
            d = r + task.scaled(np.where(before > 0, rr / np.where(before > 0, before, 1), 0), d)
        return f, rest[: self.history.iterations], done
