"""The linear phase ramp of a complex image (ptychography leaves it open), and the scanned area."""

import numpy as np


def remove_ramp(image: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, tuple[float, float]]:
    """The image without linear phase ramp and constant phase, and the ramp (row, column) in rad per pixel.

    image  : (H, W) complex
    weight : (H, W) float, 0 where the image means nothing
    The ramp is the plane wave which carries most of the weighted image; phase wraps do not disturb it.
    """
    ramp = find_ramp(image, weight)
    flat = without_ramp(image, ramp)
    total = np.vdot(weight, flat)
    turn = np.conj(total) / abs(total) if total else 1.0
    return (flat * turn).astype(image.dtype), ramp


def find_ramp(image: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Ramp (row, column) in rad per pixel: argmax over k of |sum w image exp(-i k r)|.

    Start: mean gradient, the angle of the summed products of neighbours; then the highest peak of the padded
    FFT; then the same sum on ever finer grids. Good to 1e-7 rad per pixel on a clean image.
    """
    rough = mean_gradient(image, weight)
    seen = without_ramp(image, rough) * weight
    shape = [2 * n for n in seen.shape]
    peak = np.unravel_index(np.argmax(np.abs(np.fft.fft2(seen, shape))), shape)
    k = np.array([2 * np.pi * np.fft.fftfreq(n)[p] for n, p in zip(shape, peak)])
    step = np.array([2 * np.pi / n for n in shape])
    while max(step * seen.shape) > 1e-5:
        k, step = k + step * _summit(seen, k, step), step / 4
    k = np.angle(np.exp(1j * (k + rough)))  # into -pi..pi
    return float(k[0]), float(k[1])


def mean_gradient(image: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Mean phase gradient (row, column) in rad per px, safe with wraps: arg sum w I(r+1) I(r)*."""
    rows = np.sum(image[1:] * image[:-1].conj() * np.minimum(weight[1:], weight[:-1]))
    columns = np.sum(image[:, 1:] * image[:, :-1].conj() * np.minimum(weight[:, 1:], weight[:, :-1]))
    return float(np.angle(rows)), float(np.angle(columns))


def without_ramp(image: np.ndarray, ramp: tuple[float, float]) -> np.ndarray:
    """image * exp(-i ramp . r), r in pixels from [0, 0]; complex128."""
    y, x = (np.exp(-1j * k * np.arange(n)) for k, n in zip(ramp, image.shape))
    return image * y[:, None] * x


def _summit(seen: np.ndarray, k: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Tops of the parabolas through |sum seen exp(-i q r)| at q = k - step, k, k + step; in steps, +-1."""
    three = np.arange(-1, 2)
    y, x = (np.exp(-1j * np.outer(c + s * three, np.arange(n))) for c, s, n in zip(k, step, seen.shape))
    height = np.abs(y @ seen @ x.T)
    return np.array([top(height[:, 1]), top(height[1])])


def top(v: np.ndarray) -> float:
    """Abscissa of the top of the parabola through (-1, v0), (0, v1), (1, v2), not beyond its ends."""
    bend = v[0] - 2 * v[1] + v[2]
    if bend >= 0:
        return float(np.sign(v[2] - v[0]))
    return float(np.clip(0.5 * (v[0] - v[2]) / bend, -1, 1))


def usual_light(weight: np.ndarray) -> float:
    """The 95th percentile of the pixels above 5 % of the maximum; 0.0 where nothing was lit. (H, W) weight"""
    lit = weight > 0.05 * weight.max()
    return np.percentile(weight[lit], 95) if lit.any() else 0.0


def scanned_area(weight: np.ndarray, frac: float = 0.1) -> tuple[np.ndarray, tuple[slice, slice]]:
    """Where the sample was lit: mask (H, W) bool, and the slices of its bounding box.

    weight : (H, W) illumination summed over the scan; lit is what exceeds `frac` of the usual light, so that
        one hot pixel moves nothing.
    """
    usual = usual_light(weight)
    if not usual:
        return np.ones(weight.shape, bool), (slice(0, weight.shape[0]), slice(0, weight.shape[1]))
    mask = weight > frac * usual
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return mask, (slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1))
