r"""What is done between two projections onto the pattern: ER, HIO and RAAR as one step with three numbers.

    z   = Pi_F(psi)                              the measured modulus, kernel `project`
    psi <- z where the constraints hold, c psi + d z elsewhere        kernel `constrain`

                                                c, d                 t
ER    Fienup, doi:10.1364/AO.21.002758          0, 0                 0
HIO   the same                                  1, -beta             0
RAAR  Luke, doi:10.1088/0266-5611/21/1/004      beta, 1 - 2 beta     1

The constraints are the support, and where the object is positive also Re(z + t (z - psi)) >= 0: ER and HIO
ask it of z, RAAR of the reflection 2 z - psi. RAAR there is beta (R_S R_F + 1) / 2 + (1 - beta) P_F, which
is P_F in the support, and beta psi + (1 - 2 beta) z outside.
"""

from nanompi.step import param, projection, section


@section
class Projection:
    """A link of the chain; a subclass gives its coefficients (c, d, t)."""

    iterations: int = param(100, ge=0, level="basic", help="number of iterations")


@projection("ER")
class ErrorReduction(Projection):
    r"""Error reduction: descends, and stands still in the next minimum; for the end of a chain.

    .. math::

        \psi \leftarrow P_S P_F \psi

    Unit: none.

    Source: doi:10.1364/AO.21.002758

    Example::

        - {use: cdi, chain: HIO*300 ER*50}
    """

    def coefficients(self) -> tuple[float, float, float]:
        """Nothing is left outside"""
        return 0.0, 0.0, 0.0


@projection("HIO")
class HybridInputOutput(Projection):
    r"""Hybrid input-output: finds its way out of poor minima, and goes on wandering with noise.

    .. math::

        \psi \leftarrow \begin{cases} P_F \psi & \text{in the support} \\
                                      \psi - \beta P_F \psi & \text{outside} \end{cases}

    Unit: none.

    Source: doi:10.1364/AO.21.002758

    Example::

        - use: cdi
          chain: [{HIO: 300, beta: 0.8}, ER*50]
    """

    beta: float = param(0.9, gt=0, le=1, help="strength of the feedback")

    def coefficients(self) -> tuple[float, float, float]:
        """psi - beta z outside"""
        return 1.0, -self.beta, 0.0


@projection("RAAR")
class RelaxedReflections(Projection):
    r"""Relaxed averaged alternating reflections: as HIO finds its way, and comes to rest in spite of noise.

    .. math::

        \psi \leftarrow \frac{\beta}{2} (R_S R_F + 1) \psi + (1 - \beta) P_F \psi, \qquad R = 2 P - 1

    Unit: none.

    Source: doi:10.1088/0266-5611/21/1/004

    Example::

        - use: cdi
          chain: [{RAAR: 300, beta: 0.85}, ER*50]
    """

    beta: float = param(0.9, gt=0, le=1, help="relaxation; 1 = averaged reflections")

    def coefficients(self) -> tuple[float, float, float]:
        """beta psi + (1 - 2 beta) z outside"""
        return self.beta, 1 - 2 * self.beta, 1.0
