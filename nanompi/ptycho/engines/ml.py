"""Maximum likelihood by preconditioned conjugate gradients on object and probe together.

    L(O, P) = sum over frames and pixels of -log p(I | a),  a = |F(P O_j)|^2
    gO = sum_j P* dL/dpsi_j,  gP = sum_j O_j* dL/dpsi_j,  dL/dpsi = F^-1[L'(a) F(psi)]
    s  = -(gO / wO, gP / wP),  wO = sum |P|^2, wP = sum |O|^2            preconditioned steepest descent
    d  = s + beta d,  beta = max(0, <s - s_old, s>_w / <s_old, s_old>_w)  Polak-Ribiere
    step = -slope / curvature of L along d: one transform of P dO + dP O_j gives both exactly

Thibault & Guizar-Sicairos, doi:10.1088/1367-2630/14/6/063004, sections 2-3. The waves F of the iterate are kept, so an
iteration needs three transforms per frame.
"""

from typing import Literal

import numpy as np

from nanompi.device.kernels.likelihood import EPS
from nanompi.ptycho.engines.engine import When, clip
from nanompi.step import engine, param

NOISE = {"poisson": 0, "gaussian": 1, "euclidean": 2}


@engine("ML")
class ML:
    """Maximum likelihood by conjugate gradients: the best image from a good start."""

    iterations: int = param(100, ge=0, help="number of iterations")
    noise: Literal["poisson", "gaussian", "euclidean"] = param("poisson", help="noise model of the counts")
    probe: When = param(When(), help="when the probe is updated")
    bounds: tuple[float, float] | None = param(None, help="lowest and highest amplitude of the object")
    smooth: float = param(0.0, ge=0, help="weight of the smoothness prior, sum |grad O|^2, relative to the likelihood")

    def start(self, p):
        """No memory of an earlier direction."""
        p.make_waves()
        p.state["ml"] = None

    def iterate(self, p, i: int) -> dict[str, float]:
        """One iteration; error = L per pixel before the step"""
        L, gO, gP, wO, wP = self.gradient(p)
        if not self.probe.now(i):
            gP[...] = 0
        dO, dP = direction(p, gO, gP, wO, wP)
        step = self.step(p, dO, dP, gO)
        p.O += p.O.real.dtype.type(step) * dO
        p.P += p.O.real.dtype.type(step) * dP
        clip(p.O, self.bounds)
        return {"error": L / (len(p.places.at) * p.mask.size), "step": step}

    def gradient(self, p):
        """L, its gradient in O and P, and the weights sum |P|^2 and sum |O|^2, over all ranks"""
        k, P, F, noise = p.k, p.shifts.library(p.P), p.waves, NOISE[self.noise]
        gO, gP, wP, L = p.zeros(p.O), p.zeros(P), p.xp.zeros((len(P), *P.shape[-2:]), p.device.real), 0.0
        blocks = p.blocks()
        dpsi = p.device.scratch((blocks[0].stop, *p.P.shape), p.P.dtype, slot=9)

        def slopes(f, into):
            a, log_a = p.scratch_real(f), p.scratch_real(f, 1)
            k.exit_waves(p.O, P, p.at[f], F[f])
            F[f] = p.optics.forward(F[f])
            k.intensity(F[f], p.gain[f], a)
            if noise == 0:
                p.xp.log(p.xp.add(a, p.device.real(EPS), out=log_a), out=log_a)
            z = p.scratch(f)
            value = k.gradient(F[f], a, log_a, p.I[f], p.mask, p.gain[f], noise, z)
            dpsi[f.start - into : f.stop - into] = p.optics.backward(z)
            return value

        for block in blocks:
            L += sum(p.each(lambda f, into=block.start: slopes(f, into), block))
            now = dpsi[: block.stop - block.start]
            p.device.rows(k.object_sums, now, P, p.at[block], gO)
            p.probe_sums(now, p.at[block], gP, wP)
        gP, wP = p.shifts.adjoint(gP), wP.sum(0)
        p.sum(gO, gP, wP)
        (L,) = p.team.total(L)
        wO = p.object_weights(P)
        power = (abs(p.P) ** 2).sum(0).max()
        return float(L), gO, gP, wO + 0.05 * power, wP + 1

    def step(self, p, dO, dP, gO) -> float:
        """-slope / curvature of L along (dO, dP)"""
        k, P, Q = p.k, p.shifts.library(p.P), p.shifts.library(dP)

        def along(f):
            z = p.scratch(f)
            k.tangent(p.O, P, dO, Q, p.at[f], z)
            return k.line(p.waves[f], p.optics.forward(z), p.I[f], p.mask, p.gain[f], NOISE[self.noise])

        total = np.zeros(3)
        for block in p.blocks():
            total += np.sum(p.each(along, block), axis=0)
        slope, gauss, rest = p.team.total(*total)
        curve = gauss + rest if gauss + rest > 0.1 * gauss else gauss
        return float(-slope / curve) if curve > 0 else 0.0


def direction(p, gO, gP, wO, wP):
    """The conjugate direction (dO, dP); keeps itself in p.state["ml"]"""
    sO, sP = -gO / wO, -gP / wP
    size = inner(sO, wO, sO) + inner(sP, wP, sP)
    old = p.state["ml"]
    beta = 0.0
    if old:
        beta = max(0.0, (size - inner(sO, wO, old["sO"]) - inner(sP, wP, old["sP"])) / old["size"])
    dO, dP = (sO + sO.real.dtype.type(beta) * old["dO"], sP + sO.real.dtype.type(beta) * old["dP"]) if old else (sO, sP)
    p.state["ml"] = {"sO": sO, "sP": sP, "size": size, "dO": dO, "dP": dP}
    return dO, dP


def inner(a, w, b) -> float:
    """Re <a, w b>, in double"""
    return float(((a.conj() * b).real * w).sum(dtype=np.float64))
