"""Regularised PIE over batches of frames, with several updates of object and probe in an iteration.

    psi'_j = Pi_F(P O_j),  for the frames j of a batch on all ranks
    O <- O + sum_j P* (psi'_j - P O_j) / ((1 - alpha) wO + alpha max wO),  wO = sum_j |P|^2
    P <- P + sum_j O_j* (psi'_j - P O_j) / ((1 - alpha) wP + alpha max wP),  wP = sum_j |O_j|^2

Maiden, Johnson and Li, doi:10.1364/OPTICA.4.000736, whose batch is one frame. Both updates come from the same
waves, the probe's moved back by the sub-pixel shift of each frame. A batch lies evenly over the scan and is
the same on any number of ranks (`Problem.batches`).

What it is good for: few iterations from a poor start. On three simulated scans of 200 frames ten of them in
16 batches come as far as twenty of DM or farther. But one takes 2.7 times the processor time of one of DM
(2.0 times with 4 batches), which goes over each frame in one sweep, so that by seconds it gains nothing on
a CPU; each batch costs two exchanges of the object's sums and one of the probe's, where DM has one in a
whole iteration; it needs ten frames or more in a batch; and it does not end better: alone it stays at twice
the error of ML, as each batch has its own noise, and with ML behind it nobody sees what came first
(benchmarks/results/modes.md).
"""

from nanompi.methods.ptycho.engines.engine import When, clip
from nanompi.step import engine, param


@engine("rPIE")
class RPIE:
    r"""Regularised PIE in batches over all ranks: a start in few iterations, to be followed by ML.

    .. math::

        O \leftarrow O + \frac{\sum_j P^* (\Pi_F(P O_j) - P O_j)}{(1 - \alpha) w + \alpha \max w}, \qquad
        w = \sum_j |P|^2

    The sums go over the frames j of a batch; the probe likewise, with O and P exchanged.

    Unit: `error` as of DM, each frame before its update.

    Source: doi:10.1364/OPTICA.4.000736

    Example::

        - {use: ptycho, engines: rPIE*20 ML*50}
    """

    iterations: int = param(10, ge=0, level="basic", help="number of iterations")
    batches: int = param(16, ge=1, help="updates in an iteration, each from its own frames")
    alpha: float = param(0.1, gt=0, le=1, help="how much weakly lit pixels are held back, 1 = most")
    rho: float = param(0.5, ge=0, help="trust in the wave against the noise of the counts, 0 = as counted")
    probe: When = param(When(after=1), help="when the probe is updated")
    bounds: tuple[float, float] | None = param(None, help="lowest and highest amplitude of the object")

    keeps = ()  # object and probe are all that it knows

    def start(self, p):
        """Nothing is remembered."""

    def state(self, p) -> dict:
        """Nothing"""
        return {}

    def restore(self, p, state: dict):
        """Nothing"""

    def iterate(self, p, i: int) -> dict[str, float]:
        """One iteration; error = sqrt(sum (|F(P O)| - sqrt(I))^2 / sum I), each frame before its update"""
        misfit = p.sums()
        for batch in p.batches(self.batches):
            self.update(p, batch, misfit, self.probe.now(i))
        return {"error": float((misfit.total()[0] / p.counts) ** 0.5)}

    def update(self, p, batch, misfit, of_probe: bool):
        """Object and probe from the frames of a batch (collective)."""
        P, real = p.shifts.library(p.P), p.device.real
        num, places = p.zeros(p.O), [p.at[:0]]
        nP, dP = p.zeros(P), p.xp.zeros((len(P), *P.shape[-2:]), real)
        for block in batch:
            misfit.each(lambda f: self.change(p, P, f), block)
            p.object_sums(block.waves, P, block.at, num)
            places.append(block.at)
            if of_probe:
                p.probe_sums(block.waves, block.at, nP, dP)
        p.join(num)
        den = p.weights_of(P, p.xp.concatenate(places))
        top = p.share.largest(den)
        p.O += num / (real(1 - self.alpha) * den + real(self.alpha) * top)
        clip(p.O, self.bounds)
        if of_probe:
            nP, dP = p.shifts.adjoint(nP), dP.sum(0)
            p.sum(nP, dP)
            p.P += nP / (real(1 - self.alpha) * dP + real(self.alpha) * dP.max())

    def change(self, p, P, f) -> float:
        """The waves of some frames become psi' - P O; returns what the counts miss."""
        z, (nothing, one) = p.scratch(f), (p.device.real(v) for v in (0, 1))
        p.k.exit_waves(p.O, P, f.at, z)
        F = p.optics.forward(z, f.at)
        distance = p.k.project(F, f.I, p.mask, f.gain, p.unit, p.back_fitted, p.device.real(self.rho))
        z = p.optics.backward(F, f.at)
        p.k.follow(p.O, P, f.at, f.waves, z, nothing, -one, one)
        return distance
