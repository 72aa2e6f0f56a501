"""Projection engines: DM, AP and RAAR as one iteration with five coefficients.

    z   = a P O + b psi
    psi <- c psi + d P O + e Pi_F(z)
    O   <- sum_j P* psi_j / sum_j |P|^2,  then  P <- sum_j O* psi_j / sum_j |O|^2  from the same psi

DM    Thibault et al., doi:10.1016/j.ultramic.2008.12.011:                  a, b = 2, -1;  c, d, e = 1, -1, 1
AP    alternating projections, Marchesini et al., doi:10.1088/0266-5611/29/11/115009:  1, 0;  0, 0, 1
RAAR  Luke, doi:10.1088/0266-5611/21/1/004:                               2, -1;  beta, 1 - 2 beta, beta

Pi_F gives each detector pixel the amplitude that its counts make likely (kernel `project`): with rho = 0
the measured one; with rho = 0.5 DM no longer wanders with the counting noise, and ends nearer to the truth.
Weak counts need more (trust.py).
"""

from typing import Literal

from nanompi.methods.ptycho.engines import trust
from nanompi.methods.ptycho.engines.engine import When, clip
from nanompi.step import engine, param, section

LEAST = 1e-12  # of the inertia: what no frame sees stays as it is


@section
class Projections:
    """The iteration; a subclass gives its coefficients (a, b, c, d, e)."""

    iterations: int = param(100, ge=0, level="basic", help="number of iterations")
    probe: When = param(When(), help="when the probe is updated")
    object_inertia: float = param(
        1e-2, ge=0, help="part of the old object kept, relative to the largest illumination"
    )
    probe_inertia: float = param(
        1e-6, ge=0, help="part of the old probe kept, relative to the largest sum of |O|^2"
    )
    rho: float | Literal["auto"] = param(
        "auto",
        ge=0,
        help="trust in the wave against the noise of the counts, 0 = as counted; auto = 0.5 (AP: 0), more "
        "where the counts are weak",
    )
    bounds: tuple[float, float] | None = param(None, help="lowest and highest amplitude of the object")

    keeps = ("waves",)  # psi of a reflection is more than P O
    least = 0.5  # rho of bright scans

    def start(self, p):
        """psi = P O, which the first iteration takes for known: nobody has to write it before"""
        p.state |= {"trust": trust.begin(p, self.rho, self.least), "unwritten": True}
        p.make_waves()

    def heed(self, p, row: dict, say):
        """After each figure of quality: may begin anew with another rho"""
        trust.heed(p, self, row, say)

    def state(self, p) -> dict:
        """What rho is, and why"""
        return trust.saved(p)

    def restore(self, p, state: dict):
        """The opposite of `state`"""
        p.make_waves()
        trust.restore(p, state)

    def iterate(self, p, i: int) -> dict[str, float]:
        """One iteration; error = sqrt(sum (|F(z)| - sqrt(I))^2 / sum I)"""
        a, b, c, d, e = (p.device.real(v) for v in self._now(p.state.pop("unwritten", False)))
        rho, onto = p.device.real(p.state["trust"].rho), (a, b, c, d, e) == (1, 0, 0, 0, 1)  # AP: Pi_F(P O)
        k, O, P, sweep = p.k, p.O, p.shifts.library(p.P), p.optics.sweep
        # Begun before the frames, while the ranks are together: none has to wait for all between two sweeps.
        den = p.object_weights(P)
        largest = p.share.begin_largest(den)
        num, misfit = p.zeros(O), p.sums()
        added = sweep and sweep.adds

        def project(f):
            if sweep:
                how = p.unit, p.back_fitted, rho, a, b, c, d, e
                return sweep(O, P, f.at, f.waves, f.I, p.mask, f.gain, how, num)
            z = f.waves if onto else p.scratch(f)
            if onto:
                k.exit_waves(O, P, f.at, z)
            else:
                k.mix(O, P, f.at, f.waves, a, b, z)
            F = p.optics.forward(z, f.at)
            distance = k.project(F, f.I, p.mask, f.gain, p.unit, p.back_fitted, rho)
            z = p.optics.backward(F, f.at)
            if not onto:
                k.follow(O, P, f.at, f.waves, z, c, d, e)
            return distance

        object_sum = p.share.open(num)
        for block in p.blocks(read=["I"] if onto else ["I", "waves"], write=["waves"]):
            misfit.each(project, block)
            if not added:
                p.object_sums(block.waves, P, block.at, num)
            object_sum.add(block)
        object_sum.close()
        k.divide(O, num, den, max(self.object_inertia, LEAST) * largest())
        clip(O, self.bounds)
        if self.probe.now(i):
            update_probe(p, P, self.probe_inertia)
        return {"error": float((misfit.total()[0] / p.counts) ** 0.5)}

    def _now(self, unwritten: bool) -> tuple[float, ...]:
        """The coefficients; where no waves are written yet, so that psi = P O need not be read"""
        a, b, c, d, e = self.coefficients()
        return (a + b, 0, 0, c + d, e) if unwritten else (a, b, c, d, e)


def update_probe(p, P, inertia):
    """P <- P + sum_j T_j^H O_j* (psi_j - P_j O_j) / (sum_j |O_j|^2 + eps), T_j the sub-pixel shift of frame j

    Without shifts this is (sum O* psi + eps P) / (sum |O|^2 + eps).
    """
    num, den = p.zeros(P), p.xp.zeros((len(P), *P.shape[-2:]), p.device.real)
    for block in p.blocks(read=["waves"], once=True):
        p.probe_sums(block.waves, block.at, num, den)
    num -= den[:, None] * P
    num, den = p.shifts.adjoint(num), den.sum(0)
    p.sum(num, den)
    p.P += num / (den + max(inertia, LEAST) * den.max())


@engine("DM")
class DM(Projections):
    r"""Difference map: robust from a poor start.

    .. math::

        \psi_j \leftarrow \psi_j + \Pi_F((1 + \alpha) P O_j - \alpha \psi_j) - P O_j, \qquad
        O \leftarrow \frac{\sum_j P^* \psi_j}{\sum_j |P|^2}, \quad
        P \leftarrow \frac{\sum_j O_j^* \psi_j}{\sum_j |O_j|^2}

    Unit: `error` is the distance of the amplitudes over their norm, without unit.

    Source: doi:10.1016/j.ultramic.2008.12.011

    Example::

        - {use: ptycho, engines: DM*50 ML*50}
    """

    alpha: float = param(1.0, gt=0, le=1, help="strength of the reflection, 1 = difference map")

    def coefficients(self):
        """z = (1 + alpha) PO - alpha psi; psi + Pi_F(z) - PO"""
        return 1 + self.alpha, -self.alpha, 1, -1, 1


@engine("AP")
class AP(Projections):
    r"""Alternating projections (error reduction): descends, may stand still in a poor minimum.

    .. math::

        \psi_j \leftarrow \Pi_F(P O_j), \qquad
        O \leftarrow \frac{\sum_j P^* \psi_j}{\sum_j |P|^2}, \quad
        P \leftarrow \frac{\sum_j O_j^* \psi_j}{\sum_j |O_j|^2}

    Unit: `error` as of DM.

    Source: doi:10.1088/0266-5611/29/11/115009

    Example::

        - {use: ptycho, engines: DM*50 AP*50}
    """

    keeps = ()  # psi is made anew in each iteration
    least = 0.0

    def coefficients(self):
        """z = PO; psi = Pi_F(z)"""
        return 1, 0, 0, 0, 1


@engine("RAAR")
class RAAR(Projections):
    r"""Relaxed averaged alternating reflections: between DM (beta = 1) and AP.

    .. math::

        \psi_j \leftarrow \beta (\psi_j + \Pi_F(2 P O_j - \psi_j)) + (1 - 2\beta) P O_j

    Object and probe follow from the waves as in DM.

    Unit: `error` as of DM.

    Source: doi:10.1088/0266-5611/21/1/004

    Example::

        - use: ptycho
          engines: [{RAAR: 100, beta: 0.8}, ML*50]
    """

    beta: float = param(0.9, gt=0, le=1, help="relaxation")

    def coefficients(self):
        """beta Pi_F(2 PO - psi) + beta psi + (1 - 2 beta) PO"""
        return 2, -1, self.beta, 1 - 2 * self.beta, self.beta
