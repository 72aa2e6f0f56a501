"""Maximum likelihood by preconditioned conjugate gradients on object and probe together.

    L(O, P) = sum over frames and pixels of -log p(I | a),  a = |F(P O_j)|^2
    gO = sum_j P* dL/dpsi_j,  gP = sum_j O_j* dL/dpsi_j,  dL/dpsi = F^-1[L'(a) F(psi)]
    s  = -(gO / wO, gP / wP),  wO = sum |P|^2, wP = sum |O|^2            preconditioned steepest descent
    d  = s + beta d,  beta = max(0, <s - s_old, s>_w / <s_old, s_old>_w)  Polak-Ribiere
    step = -slope / expected curvature of L along d: one transform of P dO + dP O_j gives both (Gauss-Newton)

Thibault & Guizar-Sicairos, doi:10.1088/1367-2630/14/6/063004; unlike there the preconditioner is the sum of
|P|^2 and of |O|^2, and the curvature is the expected one, which is never negative. The waves F of the iterate
are kept, so an iteration needs three transforms per frame. L is known before each step: where it rose, half
of the last step is taken back and the next direction is that of steepest descent, so L cannot run away; where
that does not help RISES times over, the run ends. Where the flux was refined since then L says less: a
direction that is still being halved when it is refined again is forgotten.
"""

from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from nanompi.device.kernels.likelihood import EPS, EUCLIDEAN, GAUSSIAN, POISSON
from nanompi.errors import NumbersError, common
from nanompi.methods.ptycho import flux, vary
from nanompi.methods.ptycho.engines.engine import ADVICE, When, clip
from nanompi.step import engine, param

NOISE = {"poisson": POISSON, "gaussian": GAUSSIAN, "euclidean": EUCLIDEAN}
RISE = 1e-2  # of L: a step that raises it by more is halved
RISES = 8  # halvings in a row: from a flat object four are usual, and 1/256 of a step downhill must go down


@engine("ML")
class ML:
    r"""Maximum likelihood by conjugate gradients: the best image from a good start.

    .. math::

        L(O, P) = -\sum_{j,k} \log p(I_{jk} \mid a_{jk}), \qquad a_{jk} = \sum_m |F(P_m O_j)|^2_k

    d follows Polak and Ribiere from the gradients over :math:`\sum |P|^2` and :math:`\sum |O|^2`; the
    step is the slope over the expected curvature along d.

    Unit: object and probe as those of the start; L in counts, told per pixel as `llk`.

    Source: doi:10.1088/1367-2630/14/6/063004

    Example::

        - {use: ptycho, engines: DM*50 ML*100}
    """

    iterations: int = param(100, ge=0, level="basic", help="number of iterations")
    noise: Literal["auto", "poisson", "gaussian", "euclidean"] = param(
        "auto", help="noise model of the counts; auto = poisson, or euclidean where no counting noise is seen"
    )
    probe: When = param(When(), help="when the probe is updated")
    bounds: tuple[float, float] | None = param(None, help="lowest and highest amplitude of the object")
    smooth: float = param(
        0.0, ge=0, help="weight of the smoothness prior sum |grad O|^2, in photons per pixel"
    )

    keeps = ()  # the waves follow from object and probe

    @property
    def needs_whole(self) -> bool:
        """The prior looks at neighbouring pixels, of which another rank may have the newest"""
        return self.smooth > 0

    def model(self, p) -> int:
        """The noise model for the kernels"""
        auto = "euclidean" if p.noise == "none" else "poisson"
        return NOISE[auto if self.noise == "auto" else self.noise]

    def start(self, p):
        """No earlier direction is known; L is counted from that of a perfect model."""
        p.make_waves()
        p.state.pop("ml.flux", None)
        p.state["ml"], p.state["ml.perfect"] = None, perfect(p) if self.model(p) == POISSON else 0.0

    def state(self, p) -> dict:
        """The last direction, and L of a perfect model; the waves follow from object and probe"""
        old = p.state["ml"]
        known = dict(vars(old)) if old else {}
        known |= {name: p.share.on_root(known[name]) for name in Direction.over_object if old}
        return {"perfect": p.state["ml.perfect"], "flux": list(p.state.get("ml.flux", ()))} | known

    def restore(self, p, state: dict):
        """The opposite of `state`"""
        p.make_waves()
        p.state["ml.perfect"], p.state["ml.flux"] = state.pop("perfect"), state.pop("flux")
        for name in Direction.over_object:
            if name in state:
                state[name] = p.share.part(state[name])
        own = {k: p.device.array(v, p.O.dtype) if isinstance(v, np.ndarray) else v for k, v in state.items()}
        p.state["ml"] = Direction(**own) if own else None

    def iterate(self, p, i: int) -> dict[str, float]:
        """One iteration; error = L per pixel of the iterate, less that of a perfect model"""
        vary.prepare(p, i)
        if flux.settle(p, i):
            p.state.pop("ml.flux", None)
            p.state["ml"] = None  # L is another one
        refines = flux.now(p, i)
        if self.probe.now(i) and refines:
            flux.level(p, p.state.pop("ml.flux", ()))
        with self.lost_apart(p, i):
            moving = p.refinement and p.refinement.due(i)
            measured = p.refinement.measure(p, self.model(p)) if moving else None
            L, gO, gP, wO, wP, P = self.gradient(p, refines, measured)
            if self.smooth:
                L += smoothness(p, self.prior(p), gO)
            old, pixels = p.state["ml"], p.frames * p.mask.size
            if old and old.turned and not old.rises and refines and p.fluctuates:
                old = None  # it is no step that keeps L above what it was, but another flux since then
            if old and not L <= old.L:  # L rose, or is not finite: back by half the step, and downhill then
                self.rose(p, L, old)
                old.step, old.turned = old.step / 2, True
                old.move(p, -old.step)
                if p.refinement:
                    p.refinement.half_back(p)
                return {"error": (old.L - p.state["ml.perfect"]) / pixels, "step": -old.step}
            if not self.probe.now(i):
                gP[...] = 0
            if p.varied:
                p.varied.direct(p, wP, fresh=old is None or old.turned)
            now = direction(p.share, L, gO, gP, wO, wP, old)
            now.step = self.step(p, P, now, measured)
            now.move(p, now.step)
            if measured:
                p.refinement.step(p, measured)
            p.state["ml"] = now
            clip(p.O, self.bounds)
            return {"error": (L - p.state["ml.perfect"]) / pixels, "step": now.step}

    @contextmanager
    def lost_apart(self, p, i: int):
        """Frames that are lost to refined positions are left out meanwhile."""
        if not p.refinement:
            yield
            return
        others = p.refinement.rescue.turn(p, self.iterations - i)
        with p.refinement.rescue.apart(p):
            if others:
                self.start(p)
            yield

    def rose(self, p, L, old):
        """Count the steps that raise L by more than rounding. Errors: NumbersError after RISES in a row."""
        old.rises += not L - old.L <= RISE * abs(old.L - p.state["ml.perfect"]) + 1e-6 * abs(old.L)
        if old.rises < RISES:
            return
        diverged = NumbersError(
            f"ML: {RISES} steps in a row, each half the one before, made the likelihood worse, the last at "
            f"iteration {p.iteration + 1}: it diverges from here. {ADVICE}"
        )
        raise common(diverged)

    def gradient(self, p, refines: bool = True, measured=None):
        """L, its gradient in O and P, and the weights sum |P|^2 and sum |O|^2, over all ranks; the probe at
        all shifts. measured : what else is measured of the frames meanwhile"""
        k, P, noise, L, back = p.k, p.shifts.library(p.P), self.model(p), p.sums(), p.back_fitted
        gO, gP = p.zeros(p.O), p.zeros(P)
        one = p.varied or p.device.one_weight
        wP = p.xp.zeros((1 if one else len(P), *P.shape[-2:]), p.device.real)

        def slopes(f):
            k.exit_waves(p.O, P, f.at, f.waves)
            F = p.optics.forward(f.waves, f.at)
            if refines:
                flux.refine(p, F, f)
            value = k.gradient(F, f.I, p.mask, f.gain, noise, back, p.scratch_real(f, 2), f.z)
            p.optics.backward(f.z, f.at)
            if measured and not measured.curved:
                measured.slope(f, P)
            return value

        object_sum = p.share.open(gO)
        for block in p.blocks(read=["I"], write=["waves"]):
            block.z = p.scratch(block, slot=9)
            L.each(slopes, block)
            p.object_sums(block.z, P, block.at, gO)
            object_sum.add(block)
            p.probe_sums(block.z, block.at, gP, wP)
        gP, wP = p.shifts.adjoint(gP), wP.sum(0)
        object_sum.close()
        p.sum(gP, wP)
        wO = p.object_weights(P)
        largest = p.share.begin_largest(wO)
        L, *total = L.total(*flux.sums(p, refines)).tolist()
        if refines:
            p.state["ml.flux"] = total
        weak = p.device.real(0.2)  # keeps the rim of the scan, which few photons saw, from running away
        return L, gO, gP, wO + weak * largest(), wP + 1e-3 * wP.max(), P

    def prior(self, p) -> float:
        """Weight of the smoothness prior: `smooth` in units of the photons per object pixel"""
        return self.smooth * p.counts / np.prod(p.places.shape)

    def step(self, p, P, way: "Direction", measured=None) -> float:
        """-slope / curvature of L along a direction. P, measured : of this iterate, as in `gradient`"""
        k, dO, Q, noise = p.k, way.dO, p.shifts.tangent(way.dP), self.model(p)

        def along(f):
            z = p.scratch(f)
            k.tangent(p.O, P, dO, Q, f.at, z)
            D = p.optics.forward(z, f.at)
            if measured and measured.curved:
                measured.curve(f, P)
            return k.line(f.waves, D, f.I, p.mask, f.gain, noise, p.back_fitted)

        slope, curve = p.summed(along, read=["I", "waves"], many=2)
        if self.smooth:
            slope += 2 * self.prior(p) * product(p, negative_laplacian(p.O), dO)
            curve += 2 * self.prior(p) * product(p, negative_laplacian(dO), dO)
        return float(-slope / curve) if curve > 0 else 0.0


@dataclass
class Direction:
    """Where an iteration went: L before it, steepest descent (sO, sP), its length², direction, step."""

    L: float
    sO: Any
    sP: Any
    size: float
    dO: Any
    dP: Any
    step: float = 0.0
    turned: bool = False
    rises: int = 0
    over_object = ("sO", "dO")  # the arrays of which a rank holds as much as of O

    def move(self, p, step):
        """O += step dO, P += step dP"""
        p.k.blend(p.O, self.dO, 1, step)
        p.k.blend(p.P, self.dP, 1, step)
        if p.varied:
            p.varied.move(step)


def direction(share, L, gO, gP, wO, wP, old) -> Direction:
    """The preconditioned conjugate direction after `old` (None: steepest descent); uses up gO, gP and old's
    arrays. share : how the ranks share the object"""
    k, sO, sP = share.device.kernels, gO, gP
    k.descend(sO, wO)
    k.descend(sP, wP)
    last = (sO, sP) if old is None else (old.sO, old.sP)
    of_object = share.inner(sO, wO, sO, last[0])
    size, along = of_object + share.device.total([k.inner(sP, wP, sP, last[1])])
    if old is None or old.turned:
        return Direction(L, sO, sP, float(size), sO.copy(), sP.copy())
    beta = max(0.0, size - along) / old.size
    k.blend(old.dO, sO, beta, 1)
    k.blend(old.dP, sP, beta, 1)
    return Direction(L, sO, sP, float(size), old.dO, old.dP)


def smoothness(p, weight: float, gO) -> float:
    """weight * sum |grad O|^2, its gradient added to gO"""
    g = negative_laplacian(p.O)
    p.k.blend(gO, g, 1, weight)
    return float(weight) * product(p, g, p.O)


def product(p, a, b) -> float:
    """Re <a, b> of arrays like the whole object"""
    return float(p.device.total([p.k.inner(a, p.xp.ones(1, p.device.real), b, b)])[0])


def negative_laplacian(O):
    """-div grad O with free edges: sum |grad O|^2 = <O, -lap O>"""
    out = O * 0
    for axis in (0, 1):
        low, high = (slice(None),) * axis + (slice(None, -1),), (slice(None),) * axis + (slice(1, None),)
        step = O[high] - O[low]
        out[high] += step
        out[low] -= step
    return out


def perfect(p) -> float:
    """sum I - I log I over measured pixels of all ranks: L of a model that meets every count; of frames
    without light (a gain of 0) L of what is left, the background"""
    xp, dark = p.xp, p.background + EPS
    pixels = float((p.mask > 0).sum())

    def entropy(f):
        i = xp.maximum(f.I, 0) * (p.mask > 0)
        i = i.astype(np.float64)
        counts = i.sum((1, 2)) if p.refinement else None  # which leaves frames without light
        i -= i * xp.log(xp.maximum(i, 1e-300))
        if counts is None:
            return i.sum()
        return xp.where(f.gain != 0, i.sum((1, 2)), dark * pixels - np.log(dark) * counts).sum()

    return float(p.summed(entropy, read=["I"])[0])
