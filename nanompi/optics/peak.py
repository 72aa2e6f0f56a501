"""The profile of a peak on a straight line, and what changes it.

y(x) = area (eta L(x) + (1 - eta) G(x)) + base + slope (x - m), m in the middle of x; L and G are a Lorentz
and a Gauss function of area 1 and full width fwhm at half maximum about the centre (pseudo-Voigt: Wertheim,
Butler, West, Buchanan, Rev. Sci. Instrum. 45, 1369 (1974)).
"""

import numpy as np

LN2 = 0.6931471805599453
PI = 3.141592653589793


def profile(x: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n, m) the model at x (m,), and (n, m, 6) its derivatives by the parameters.

    p : (n, 6) area, centre, fwhm, eta, base, slope
    """
    area, centre, width, eta, base, slope = (a[:, None] for a in p.T)
    u = 2 * (x - centre) / width
    G = 2 * np.sqrt(LN2 / PI) / width * np.exp(-LN2 * u * u)
    L = 2 / (PI * width) / (1 + u * u)
    own, along = eta * L + (1 - eta) * G, x - (x[0] + x[-1]) / 2
    moved = area / width * ((1 - eta) * G * 4 * LN2 * u + eta * L * 4 * u / (1 + u * u))
    grown = (1 - eta) * G * (2 * LN2 * u * u - 1) + eta * L * (2 * u * u / (1 + u * u) - 1)
    one = np.ones_like(own)
    J = np.stack([own, moved, area / width * grown, area * (L - G), one, one * along], -1)
    return area * own + base + slope * along, J
