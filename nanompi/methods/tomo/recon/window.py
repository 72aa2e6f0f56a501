"""The Kaiser-Bessel window of gridding, and its Fourier transform.

    w(u) = I0(beta sqrt(1 - (2 u / W)^2)) / W,   |u| <= W/2, in points of the grid
    integral of w(u) exp(2 pi i u x) du = sinh(z) / z,   z = sqrt(beta^2 - (pi W x)^2)

with beta = pi sqrt((W / s)^2 (s - 1/2)^2 - 0.8) for a grid s times as wide as the image: Beatty, Nishimura &
Pauly, doi:10.1109/TMI.2005.848376.
"""

import numpy as np

DEGREE = 10  # of the polynomials between two points: good to 1e-9 for four points


def shape(width: int, wider: float) -> float:
    """beta for a window of `width` points, of a grid so many times as wide as the image."""
    return np.pi * np.sqrt((width / wider * (wider - 0.5)) ** 2 - 0.8)


def polynomials(width: int, beta: float) -> np.ndarray:
    """(DEGREE + 1, width) float64: the window at the points around a place, as `kernels.gridding` has it."""
    from scipy.special import i0

    def at(f, j):
        u = j - (width // 2 - 1) - f
        return i0(beta * np.sqrt(np.maximum(1 - (2 * u / width) ** 2, 0))) / width

    made = (np.polynomial.Chebyshev.interpolate(at, DEGREE, [0, 1], (j,)) for j in range(width))
    columns = [one.convert(kind=np.polynomial.Polynomial, domain=[-1, 1]).coef for one in made]
    return np.stack([np.pad(c, (0, DEGREE + 1 - len(c))) for c in columns], 1)


def taper(x: np.ndarray, width: int, beta: float) -> np.ndarray:
    """1 / the transform of the window at x, in parts of the grid's width, from the middle of the image."""
    z = np.sqrt((beta**2 - (np.pi * width * x) ** 2).astype(complex))
    return (z / np.sinh(z)).real
