"""What the image itself tells: the sign of its phase, and the noise that its photons leave."""

import numpy as np

INNER = 4  # pixels of the rim of the lit area that are not looked at
WIDE = 6.0  # px: what varies more slowly is left out
LIT = 0.3  # of a usual bright place
SIDE = 16  # pixels of a square over which the scatter of the correlation is taken


def lit_area(weight: np.ndarray) -> np.ndarray:
    """(H, W) bool: pixels that got LIT of the usual illumination; weight : sum |P|^2, photons"""
    some = weight > 0.05 * weight.max()
    return weight > LIT * np.quantile(weight[some], 0.95)


def noise(counts: float, lit: np.ndarray) -> dict[str, float]:
    """Photons per pixel of the object, and the phase noise to be expected of them, 1 / (2 sqrt(photons)): a
    pixel's amplitude is the root of a count, whose error is a half on either axis of the complex plane."""
    photons = float(counts / max(1, lit.sum()))
    return {"photons_per_pixel": photons, "noise": float(0.5 / np.sqrt(max(photons, 1e-300)))}


def sign(O: np.ndarray, lit: np.ndarray) -> dict[str, float]:
    """Correlation of phase and log of the amplitude, of fine structures in the lit area, and its error.

    Matter retards X-rays, so that the phase of exp(i k z) falls where light is absorbed: the correlation is
    positive. It turns with the sign of the phase, which the counts alone do not tell: O(r)* under frames that
    are turned by half a turn meets them as well.
    """
    from scipy.ndimage import binary_erosion

    inner = binary_erosion(lit, iterations=INNER)
    if inner.sum() < 4 * SIDE**2:
        return {"sign": 0.0, "sign_error": 1.0}
    phase, log = (a[inner] - a[inner].mean() for a in fine(O, lit))
    product = phase * log / max(np.sqrt((phase**2).sum() * (log**2).sum()), 1e-300)
    y, x = np.nonzero(inner)
    _, square = np.unique((y // SIDE) * O.shape[1] + x // SIDE, return_inverse=True)
    parts, areas = np.bincount(square, product), np.bincount(square) / len(square)
    value = product.sum()
    return {"sign": float(value), "sign_error": float(np.sqrt(((parts - areas * value) ** 2).sum()))}


def steepness(O: np.ndarray, lit: np.ndarray) -> float:
    """Difference of the phase from one lit pixel to the next, the largest but for one of a hundred, in rad"""
    pairs = [(np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])]
    steps = [np.abs(np.angle(O[a] * O[b].conj()))[lit[a] & lit[b]] for a, b in pairs]
    steps = np.concatenate(steps)
    return float(np.quantile(steps, 0.99)) if len(steps) else 0.0


def fine(O: np.ndarray, lit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Phase against that of WIDE pixels about, log of the amplitude against its mean there; both (H, W). No
    phase need be unwrapped, and a ramp of it does not matter."""
    from scipy.ndimage import gaussian_filter

    weight = gaussian_filter(lit + 1e-9, WIDE)
    unit = np.where(lit, O / (np.abs(O) + 1e-30), 0)
    around = gaussian_filter(unit.real, WIDE) + 1j * gaussian_filter(unit.imag, WIDE)
    log = np.where(lit, np.log(np.abs(O) + 1e-6), 0)
    return np.angle(unit * around.conj()), log - gaussian_filter(log, WIDE) / weight
