"""A probe that is another one for each frame: P_j = P + sum_l c_jl E_l, a few shapes E, equal on all ranks.

The light of a real beam drifts over a lens, and what falls onto the sample changes slowly, or from shot to
shot. The frames share the shapes and differ by L complex numbers (orthogonal probe relaxation: Odstrcil et
al., Opt. Express 24, 8360, 2016, doi:10.1364/OE.24.008360).

Shapes and numbers are further unknowns of maximum likelihood, with their own conjugate direction and the step
of all. With g_j, the slope of the likelihood by the probe of frame j, moved back by its rest, and w, the
mean of |O_j|^2:

    slopes      gE_l = sum_j c_jl* g_j,  gc_jl = <E_l, g_j>
    steepest    sE_l = -gE_l / (w sum_j |c_jl|^2),  sc_jl = -gc_jl / <E_l, w E_l>
    along       dP_j = dP + sum_l c_jl dE_l + dc_jl E_l

so that a change of P_j is one of its steepest descent, projected onto what the shapes can make of it. The
ranks sum gE, an array of L x (M, h, w), once an iteration; no matrix of frames by frames is made. The shapes
begin as those into which the slopes of all frames want to move most: subspace iteration on g_j from the probe
times Hermite polynomials, one such sum a round.

To the kernels the library of shifted probes holds one for each frame, and `at[:, 2]` is the number of the
frame. This takes memory: the probes and their changes, the slopes, and half as much for weights are 3.5 times
the waves.
"""

import numpy as np

from nanompi.methods.ptycho.modes import times_hermite

ROUNDS = 4  # of subspace iteration
AFTER = 5  # iterations of ML with one probe for all come first: after DM the slopes are those of its noise
EVERY = 10  # iterations after which the shapes are made orthogonal
NEWTON, DAMP, SOFT = 3, 1e-6, 0.05  # steps for frames left out; of their curvature; photons in a dark pixel
TINY = 1e-12  # of numbers and of light: nothing there is nothing to divide by


def begin(p, many: int):
    """From here the probe of a problem varies in so many shapes; the first gradient finds them."""
    E = p.xp.zeros((3, many, *p.P.shape), p.P.dtype)
    E[0] = p.device.array(orthonormal(times_hermite(p.device.host(p.P), many + 1)[1:]), p.P.dtype)
    p.varied = p.shifts = Varied(p, E, np.zeros((len(p.every), 3, many), np.complex128))


def resume(p, E, c: np.ndarray, size: float, turns: int):
    """The variation of a checkpoint. E, c, size, turns : as `Varied` has them"""
    p.varied = p.shifts = Varied(p, E, c, size, turns)


def prepare(p, i: int):
    """Before iteration i of ML: the variation begins after some, and is put in order now and then."""
    if p.varies and not p.varied and i >= AFTER:
        begin(p, p.varies)
    elif p.varied and p.varied.turns and p.varied.turns % EVERY == 0 and p.varied.size:
        p.varied.tidy(p)


class Varied:
    """What stands in for `Problem.shifts` once the probe varies: the same verbs over the frames of this rank.

    base : nanompi.methods.ptycho.positions.Shifts
    order : (n,) int, the frames sorted by their sub-pixel shifts: row i of a library is frame order[i], so
        that those of a shift lie together; rest : (n,) int, the shift of each row; groups : (shift, its rows)
    E    : (3, L, M, h, w) complex, shapes, their conjugate and their last steepest direction
    c    : (n, 3, L) complex, the same of the numbers of each frame; those of frames left out come last
    size : length squared of the last steepest direction, 0 = none; turns : directions so far
    """

    trivial = False

    def __init__(self, p, E, c, size: float = 0.0, turns: int = 0):
        self.device, self.xp, self.sum = p.device, p.device.xp, p.sum
        self.base = getattr(p.shifts, "base", p.shifts)
        self.E, self.size, self.turns, self.slopes = E, size, turns, None
        self.settle(p, c)

    def settle(self, p, c: np.ndarray):
        """The frames are those that the problem holds now. c : their numbers"""
        d, n = self.device, len(p.at)
        self.c = d.array(c, d.complex)
        at = np.concatenate([d.host(a) for a in ((p.at, p.held.at) if p.held else (p.at,))])
        order = np.argsort(at[:, 2], kind="stable")
        self.rest, self.order, self.made = at[order, 2].copy(), d.array(order), None
        known, first, many = np.unique(self.rest, return_index=True, return_counts=True)
        self.groups = [(int(s), slice(a, a + n)) for s, a, n in zip(known, first.tolist(), many.tolist())]
        at[order, 2] = np.arange(len(at))
        p.at = d.array(at[:n], np.int32)
        if p.held:
            p.held.at = d.array(at[n:], np.int32)
        p.optics = Rested.of(p.optics, d.array(self.rest, np.int32))

    def foresee(self, p):
        """The numbers of frames left out: from between those of the frames before and after them to where
        they meet each frame best, object and shapes fixed. A few numbers a frame say nothing of these, and
        without them the figures would be those of the beam (collective)."""
        if not p.held:
            return
        index, c = self._everyone(p)
        own = [np.interp(p.held.index, index, part) for part in (*c.T.real, *c.T.imag)]
        L, many = self.E.shape[1], len(p.held.index)
        both = np.reshape(own, (2, L, many))
        self.c[len(p.at) :, 0] = self.device.array((both[0] + 1j * both[1]).T, self.c.dtype)
        for _ in range(NEWTON):
            self._meet(p)

    def _meet(self, p):
        """A Newton step of the numbers of frames left out."""
        P, E, xp = self.library(p.P), self._shifted(self.E[0]), self.xp
        for f in p.left_out():
            still = f.at.copy()
            still[:, 2] = xp.asarray(self.rest)[f.at[:, 2]]
            F, D = self._wave(p, P, f.at, f), [self._wave(p, E[:, k], still, f) for k in range(E.shape[1])]
            g = f.gain[:, None, None]
            a, I = g * (abs(F) ** 2).sum(1) + p.background, f.I.astype(g.dtype)
            known = (p.mask > 0) & (I >= 0)
            b = [2 * g * (F.conj() * turn * d).real.sum(1) for d in D for turn in (1, 1j)]
            J = known / (a + SOFT)
            slope = np.stack([self._total((a - I) * J * z) for z in b], 1)
            curve = np.stack([np.stack([self._total(J * y * z) for z in b], 1) for y in b], 1)
            curve += DAMP * np.trace(curve, axis1=1, axis2=2)[:, None, None] * np.eye(len(b))
            step = -np.linalg.solve(curve, slope[..., None])[..., 0]
            frames = self.order[f.at[:, 2]]
            self.c[frames, 0] += self.device.array(step[:, ::2] + 1j * step[:, 1::2], self.c.dtype)

    def _total(self, z) -> np.ndarray:
        """(n,) sum of each frame, on the host"""
        return self.device.host(z.sum((1, 2), dtype=np.float64))

    @staticmethod
    def _wave(p, P, at, f):
        """(n, M, h, w) waves of some frames on the detector, with the probes at[:, 2] of P"""
        z = p.xp.empty((len(at), *P.shape[1:]), P.dtype)
        p.k.exit_waves(p.O, p.xp.ascontiguousarray(P), at, z)
        return p.optics.forward(z, f.at)

    def _everyone(self, p):
        """(index, numbers) of the frames in use on all ranks, in the order of the scan"""
        own = p.index, self.device.host(self.c[: len(p.at), 0])
        index, c = (np.concatenate(part) for part in zip(*p.team.allgather(own)))
        order = np.argsort(index)
        return index[order], c[order]

    # ---- the verbs of Shifts

    def library(self, P):
        """P : (M, h, w) -> (n, M, h, w), the probe of each frame, moved by its rest"""
        self.made = self._together(P, self.E[0])
        return self._summed_up([(self.made, self._one(self.c[:, 0]))])

    def tangent(self, dP):
        """The change of `library` along the direction: (n, M, h, w)"""
        if not self.size:
            return self._summed_up([(self._together(dP), self._one())], kept=True)
        parts = (self._together(dP, self.E[1]), self._one(self.c[:, 0])), (self.shapes, self.c[:, 1])
        return self._summed_up(parts, kept=True)

    @property
    def shapes(self):
        """(S, L, M, h, w), the shapes at all shifts: those of the last library, or made anew"""
        return self._shifted(self.E[0]) if self.made is None else self.made[:, 1:]

    def adjoint(self, num):
        """num : (n, M, h, w) -> (M, h, w), sum over frames of the sums moved back.

        Where they are slopes, those of shapes and numbers are kept for `direct`.
        """
        if not self.turns:
            self._seek(num)
        E, shape = self.shapes, (1 + self.E.shape[1], *num.shape[1:])
        sums = self.xp.zeros((len(self.base), *shape), num.dtype)
        c, gc = self._one(self.c[:, 0])[self.order].conj(), self.xp.zeros_like(self.c[:, 0])
        for s, g in self.groups:
            own = num[g].reshape(g.stop - g.start, -1)
            self.xp.matmul(c[g].T, own, out=sums[s].reshape(shape[0], -1))
            gc[self.order[g]] = own @ E[s].reshape(shape[0] - 1, -1).conj().T
        back = self._back(sums)
        self.slopes = back[1:], gc
        return self.xp.ascontiguousarray(back[0])

    def powers(self, p):
        """(S, h, w) real, sum over modes of |P_j|^2 at all shifts, on the mean over all frames, for numbers
        that are not correlated (collective)."""
        c2 = self._summed(p, (abs(self.c[: len(p.at), 0]) ** 2).sum(0, dtype=np.float64)) / p.frames
        waves = self._together(p.P, self.E[0]) if self.made is None else self.made
        light = self.xp.square(waves.real) + self.xp.square(waves.imag)
        light = light.sum(2)
        return light[:, 0] + self.xp.einsum("k,skhw->shw", self.device.array(c2, light.dtype), light[:, 1:])

    def _one(self, c=None):
        """(n, 1 + L): one for the probe of all, and the numbers of the shapes"""
        one = self.xp.ones((len(self.c), 1), self.c.dtype)
        return one if c is None else self.xp.concatenate([one, c], axis=1)

    def _together(self, P, *E):
        """(S, 1 + L, M, h, w), the probe and shapes at all shifts"""
        return self._shifted(self.xp.concatenate([P[None], *E]))

    def _shifted(self, E):
        """(L, M, h, w) -> (S, L, M, h, w)"""
        flat = self.base.library(E.reshape(-1, *E.shape[-2:]))
        return flat.reshape(len(flat), *E.shape)

    def _back(self, gE):
        """(S, L, M, h, w) -> (L, M, h, w)"""
        flat = gE.reshape(len(gE), -1, *gE.shape[-2:])
        return self.base.adjoint(flat).reshape(gE.shape[1:])

    def _summed_up(self, parts, kept: bool = False):
        """(n, M, h, w), sum of waves (S, k, M, h, w) times numbers (n, k) of each frame. kept : in an array
        that the next such call takes again"""
        shape, dtype = (len(self.c), *self.E.shape[2:]), self.E.dtype
        out = self.device.scratch(shape, dtype, "tangent") if kept else self.xp.empty(shape, dtype)
        for i, (waves, c) in enumerate(parts):
            c = c[self.order]
            for s, g in self.groups:
                flat, own = waves[s].reshape(waves.shape[1], -1), out[g].reshape(g.stop - g.start, -1)
                if i:
                    own += c[g] @ flat
                else:
                    self.xp.matmul(c[g], flat, out=own)
        return out

    def _seek(self, num):
        """The shapes into which the slopes of the frames want to move most (collective)."""
        for _ in range(ROUNDS):
            E, self.made = self._shifted(self.E[0]), None
            new = self.xp.zeros_like(E)
            for s, g in self.groups:
                own, flat = num[g].reshape(g.stop - g.start, -1), E[s].reshape(len(E[s]), -1)
                new[s] = ((own @ flat.conj().T).conj().T @ own).reshape(new.shape[1:])
            new = self.xp.ascontiguousarray(self._back(new))
            self.sum(new)
            self.E[0] = self.device.array(orthonormal(self.device.host(new)), self.E.dtype)

    # ---- what ML asks for

    def direct(self, p, wP, fresh: bool):
        """The direction of shapes and numbers from the slopes of the last gradient (collective).

        wP : (h, w) sum of |O_j|^2 over all frames; fresh : of steepest descent
        """
        (gE, gc), w, one = self.slopes, wP / p.device.real(p.frames), p.device.real(1)
        gE = self.xp.ascontiguousarray(gE)
        p.sum(gE)
        c2 = self._summed(p, (abs(self.c[: len(p.at), 0]) ** 2).sum(0, dtype=np.float64)) + TINY
        wE = w * self.xp.asarray(c2, w.dtype)[:, None, None, None]
        wc = (abs(self.E[0]) ** 2 * w).sum((1, 2, 3)) + one * TINY
        sE, sc = -gE / wE, -gc / wc
        size, along = self._inner(p, (sE, sc), wE, wc)
        beta = 0.0 if fresh or not self.size else max(0.0, size - along) / self.size
        self.E[1], self.E[2] = one * beta * self.E[1] + sE, sE
        self.c[:, 1], self.c[:, 2] = one * beta * self.c[:, 1] + sc, sc
        self.size, self.turns = size, self.turns + 1

    def _inner(self, p, s, wE, wc):
        """<s, s>_w and <s, s_old>_w over shapes and numbers of all ranks"""
        (sE, sc), product = s, lambda a, w, b: ((a.conj() * b).real * w).sum(dtype=np.float64)
        c = self._summed(p, self.xp.stack([product(sc, wc, sc), product(sc, wc, self.c[:, 2])]))
        E = self.xp.stack([product(sE, wE, sE), product(sE, wE, self.E[2])])
        return tuple(float(v) for v in c + self.device.host(E))

    def _summed(self, p, a) -> np.ndarray:
        """A few real numbers, summed over the ranks in double precision, on the host"""
        return p.team.total(*np.ravel(self.device.host(a))).reshape(a.shape)

    def move(self, step: float):
        """Shapes and numbers go so far along their direction."""
        step, self.made = self.device.real(step), None
        self.E[0] += step * self.E[1]
        self.c[:, 0] += step * self.c[:, 1]

    def tidy(self, p):
        """Shapes orthogonal and of length 1, strongest first, and numbers without a mean, which goes into the
        probe; the probes of the frames stay as they are (collective)."""
        host, n, self.made = self.device.host, len(p.at), None
        c, flat = host(self.c[:, 0]).astype(np.complex128), host(self.E[0]).astype(np.complex128)
        mean = self._of_all(p, c[:n].sum(0)) / p.frames
        p.P += self.xp.asarray((mean @ flat.reshape(len(flat), -1)).reshape(p.P.shape), p.P.dtype)
        c -= mean
        gram, E = self._of_all(p, c[:n].conj().T @ c[:n]), flat.reshape(len(flat), -1)
        mix = _principal(gram, E.conj() @ E.T)
        self.c[:, 0] = self.device.array(c, self.c.dtype)
        if mix is not None:
            there, back = (self.device.array(a, self.E.dtype) for a in mix)
            self.E = (there @ self.E.reshape(3, len(flat), -1)).reshape(self.E.shape)
            self.c = self.c @ back
        self.size = 0.0

    def _of_all(self, p, a):
        """A small complex array of each rank, summed"""
        return self._summed(p, a.real) + 1j * self._summed(p, a.imag)

    # ---- what is kept

    def result(self, p) -> dict[str, np.ndarray]:
        """{variation: (L, M, h, w) shapes of length 1, strongest first; coefficients: (N, L) of all frames
        of the scan, NaN for those left out}, after `tidy` (collective)."""
        index, c = self._everyone(p)
        out = np.full((len(p.places.at), c.shape[1]), np.nan, np.complex64)
        out[index] = c
        return {"variation": self.device.host(self.E[0]), "coefficients": out}


def _principal(gram, lengths):
    """(A, A^-1) that turn shapes E into A E, orthonormal, strongest first, and numbers c into c A^-1, with no
    correlation among them; None where there is less than that to turn.

    gram : sum_j c_jk* c_jl; lengths : <E_k, E_l> = sum E_k* E_l
    """
    value, vector = np.linalg.eigh(gram)
    if value[0] <= 1e-12 * value[-1] or value[-1] <= 0:
        return None
    root = np.sqrt(value)[:, None] * vector.conj().T  # gram = root^H root
    power, turn = np.linalg.eigh(root.conj() @ lengths @ root.T)
    if power[0] <= 1e-12 * power[-1]:
        return None
    power, turn = np.sqrt(power[::-1])[:, None], turn[:, ::-1]
    there = (turn.T @ root) / power
    return there, np.linalg.inv(there)


class Rested:
    """The near field's optics for frames whose `at[:, 2]` is their own number, not that of their shift."""

    def __init__(self, optics, rest):
        self.optics, self.rest = optics, rest
        self.gain, self.unit, self.sweep = optics.gain, optics.unit, optics.sweep

    @classmethod
    def of(cls, optics, rest):
        """For the far field, which does not look at the shift, the optics themselves."""
        optics = without(optics)
        return cls(optics, rest) if hasattr(optics, "H") else optics

    def forward(self, z, at):
        return self.optics.forward(z, self._at(at))

    def backward(self, z, at):
        return self.optics.backward(z, self._at(at))

    def times(self, factor) -> "Rested":
        """As that of the near field (`optics.propagate`)"""
        return Rested(self.optics.times(factor), self.rest)

    def _at(self, at):
        at = at.copy()
        at[:, 2] = self.rest[at[:, 2]]
        return at


def without(optics):
    """The optics of frames whose `at[:, 2]` is the number of their shift"""
    return getattr(optics, "optics", optics)


def orthonormal(E: np.ndarray) -> np.ndarray:
    """Shapes (L, ...) that span the same, orthogonal and of length 1; in double precision"""
    q = np.linalg.qr(E.reshape(len(E), -1).astype(np.complex128).T)[0]
    return q.T.reshape(E.shape)
