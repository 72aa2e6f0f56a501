"""The linear phase ramp of a complex image (ptychography leaves it open), and the scanned area."""

import numpy as np

ROWS = 64  # of an image that are worked on at once, while they are in the cache
ROUNDS, GOOD = 20, 1e-6  # Newton steps, and the rad of ramp over half an image with which they end


def remove_ramp(image: np.ndarray, weight: np.ndarray, threads: int = 1) -> tuple[np.ndarray, tuple]:
    """The image without linear phase ramp and constant phase, and the ramp (row, column) in rad per pixel.

    image  : (H, W) complex
    weight : (H, W) float, 0 where the image means nothing
    The ramp is the plane wave which carries most of the weighted image; phase wraps do not disturb it.
    """
    ramp = find_ramp(image, weight, threads)
    flat = without_ramp(image, ramp)
    total = sum(np.vdot(weight[f], flat[f]) for f in _bands(len(flat)))
    flat *= np.conj(total) / abs(total) if total else 1.0
    return flat, ramp


def find_ramp(image: np.ndarray, weight: np.ndarray, threads: int = 1) -> tuple[float, float]:
    """Ramp (row, column) in rad per pixel: argmax over k of |sum w image exp(-i k r)|.

    Start: mean gradient, the angle of the summed products of neighbours; then the highest peak of the FFT;
    then Newton steps on the logarithm of that sum. Good to 1e-8 rad per pixel on a clean image.
    """
    rough = mean_gradient(image, weight)
    seen = without_ramp(image, rough)
    seen *= weight
    k, half = _peak(seen, threads), np.array(seen.shape) / 2
    for _ in range(ROUNDS):
        step = _newton(_moments(seen, k))
        k = k + step / half
        if max(abs(step)) < GOOD:
            break
    k = np.angle(np.exp(1j * (k + rough)))  # into -pi..pi
    return float(k[0]), float(k[1])


def mean_gradient(image: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Mean phase gradient (row, column) in rad per px, safe with wraps: arg sum w I(r+1) I(r)*."""
    rows = columns = 0j
    for f in _bands(len(image)):
        I, w, below = image[f], weight[f], slice(f.start + 1, f.stop + 1)
        n = len(image[below])
        rows += np.vdot(I[:n] * np.minimum(weight[below], w[:n]), image[below])
        columns += np.vdot(I[:, :-1] * np.minimum(w[:, 1:], w[:, :-1]), I[:, 1:])
    return float(np.angle(rows)), float(np.angle(columns))


def without_ramp(image: np.ndarray, ramp: tuple[float, float]) -> np.ndarray:
    """image * exp(-i ramp . r), r in pixels from [0, 0]; in its own precision."""
    y, x = (np.exp(-1j * k * np.arange(n)).astype(image.dtype) for k, n in zip(ramp, image.shape))
    out = image * x
    out *= y[:, None]
    return out


def _bands(rows: int) -> list[slice]:
    return [slice(i, min(i + ROWS, rows)) for i in range(0, rows, ROWS)]


def _peak(seen: np.ndarray, threads: int) -> np.ndarray:
    """Place of the highest peak of the spectrum on a grid of half bins, in rad per pixel.

    The spectrum of an image padded to twice its size is that of the image at whole and at half bins of each
    axis: four transforms of a quarter of the memory.
    """
    from scipy.fft import fft2, next_fast_len

    shape = [next_fast_len(n) for n in seen.shape]
    best, place = -1.0, np.zeros(2)
    for half in ((0, 0), (0, 0.5), (0.5, 0), (0.5, 0.5)):
        turned = without_ramp(seen, 2 * np.pi * np.divide(half, shape))
        height = abs(fft2(turned, shape, overwrite_x=True, workers=threads))
        p = np.unravel_index(height.argmax(), height.shape)
        if height[p] > best:
            best, place = height[p], np.add(p, half)
    return 2 * np.pi * place / shape


def _moments(seen: np.ndarray, k: np.ndarray) -> np.ndarray:
    """sum seen exp(-i k r) y^a x^b for a, b = 0, 1, 2: (3, 3) complex128; y, x from -1 to 1 over the image"""
    powers = []
    for c, n in zip(k, seen.shape):
        r = np.arange(n) - (n - 1) / 2
        powers.append((np.exp(-1j * c * r) * (2 * r / n) ** np.arange(3)[:, None]).astype(seen.dtype))
    return powers[0] @ seen @ powers[1].T.astype(np.complex128)


def _newton(M: np.ndarray) -> np.ndarray:
    """From the moments at a ramp: step (row, column) in rad over half the image towards the top of log |S|.

    S(c) = sum s exp(-i c (y, x)):  d log S = -i M_a / M,  d2 log S = M_a M_b / M^2 - M_ab / M. Where log |S|
    is not bent downwards the step goes uphill all the same; it is not longer than a quarter of a bin.
    """
    if not M[0, 0]:
        return np.zeros(2)
    M = M / M[0, 0]
    first = np.array([M[1, 0], M[0, 1]])
    second = np.array([[M[2, 0], M[1, 1]], [M[1, 1], M[0, 2]]])
    bend, axes = np.linalg.eigh((np.outer(first, first) - second).real)
    step = axes @ (axes.T @ first.imag / np.maximum(abs(bend), 1e-9))
    return np.clip(step, -np.pi / 4, np.pi / 4)


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
