"""Two solutions of one pattern brought together: a pattern tells neither place, nor phase, nor twin.

The image moved by any vector, times any phase, and its conjugate turned about a point have the same pattern.
In Fourier space the last is the conjugate, and a move is a ramp of phase: all is done there.
"""

from dataclasses import dataclass

import numpy as np

ROUNDS = 8  # of Newton's method


@dataclass
class Fit:
    """How an image was brought onto a reference.

    image : complex64, as the reference, moved and turned in phase, not scaled
    shift : px along each axis by which it was moved; twin : was it the conjugate, turned about
    agreement : |<image, reference>| / (|image| |reference|), 1 = the same
    """

    image: np.ndarray
    shift: np.ndarray
    twin: bool
    agreement: float


def align(image: np.ndarray, reference: np.ndarray, threads: int = 1) -> Fit:
    """Bring an image onto a reference, to a fraction of a pixel; any number of axes, periodic.

    The correlation has its peak where both lie on each other: the whole pixel by a transform, the rest by
    Newton's method on its square.
    """
    from scipy.fft import fftn, ifftn

    F, R = (fftn(a, workers=threads) for a in (image, reference))
    tries = [_peak(R * other.conj(), ifftn, threads) for other in (F, F.conj())]
    twin = tries[1][0] > tries[0][0] * (1 + 1e-9)
    if twin:
        np.conjugate(F, out=F)
    product = R * F.conj()
    shift = _finer(product, np.array(tries[twin][1], float))
    height = _sum(product, shift)
    turn = np.exp(1j * np.angle(height)).astype(F.dtype)
    for axis, s in enumerate(shift):
        F *= _ramp(F.shape, axis, -s).astype(F.dtype)
    norm = float(np.linalg.norm(F)) * float(np.linalg.norm(R))
    agreement = float(abs(height)) / norm if norm else 0.0
    return Fit(ifftn(F * turn, workers=threads), shift, bool(twin), agreement)


def moved(image: np.ndarray, by: tuple[float, ...]) -> np.ndarray:
    """complex64, the image moved by parts of a pixel along each axis, over its edges."""
    from scipy.fft import fftn, ifftn

    F = fftn(image.astype(np.complex64))
    for axis, s in enumerate(by):
        F *= _ramp(F.shape, axis, -s)
    return ifftn(F)


def _peak(product, ifftn, threads) -> tuple[float, tuple[int, ...]]:
    """(height, place) of the largest correlation, places from -n / 2 to n / 2"""
    height = np.abs(ifftn(product, workers=threads))
    at = np.unravel_index(np.argmax(height), height.shape)
    return float(height[at]), tuple(int(k - n * (k > n // 2)) for k, n in zip(at, height.shape))


def _finer(product, shift) -> np.ndarray:
    """The shift nearby where |sum_k product exp(2 pi i k s)|^2 has its top."""
    for _ in range(ROUNDS):
        gradient, curvature = _derivatives(product, shift)
        try:
            step = -np.linalg.solve(curvature, gradient)
        except np.linalg.LinAlgError:
            return shift
        if not np.isfinite(step).all() or np.linalg.eigvalsh(curvature).max() >= 0:
            return shift
        step = np.clip(step, -0.5, 0.5)
        shift = shift + step
        if np.abs(step).max() < 1e-6:
            break
    return shift


def _derivatives(product, shift) -> tuple[np.ndarray, np.ndarray]:
    """Gradient (n,) and curvature (n, n) of |C|^2, C the correlation at a shift"""
    axes = range(product.ndim)
    moved = product
    for axis in axes:
        moved = moved * _ramp(product.shape, axis, shift[axis])
    k = [2j * np.pi * _frequency(product.shape, axis) for axis in axes]
    C = moved.sum(dtype=complex)
    first = np.array([(moved * k[a]).sum(dtype=complex) for a in axes])
    second = np.array([[(moved * k[a] * k[b]).sum(dtype=complex) for b in axes] for a in axes])
    gradient = 2 * (C.conj() * first).real
    return gradient, 2 * (np.outer(first.conj(), first) + C.conj() * second).real


def _sum(product, shift) -> complex:
    for axis, s in enumerate(shift):
        product = product * _ramp(product.shape, axis, s)
    return complex(product.sum(dtype=complex))


def _ramp(shape, axis: int, s: float) -> np.ndarray:
    """exp(2 pi i k s) along an axis; of the frequency without a sign the real part, exact for whole pixels"""
    ramp = np.exp(2j * np.pi * s * _frequency(shape, axis))
    if shape[axis] % 2 == 0:
        ramp[tuple(shape[axis] // 2 if a == axis else 0 for a in range(len(shape)))] = np.cos(np.pi * s)
    return ramp.astype(np.complex64)


def _frequency(shape, axis: int) -> np.ndarray:
    n, k = shape[axis], np.fft.fftfreq(shape[axis])
    if n % 2 == 0:
        k[n // 2] = 0
    return k.reshape([-1 if a == axis else 1 for a in range(len(shape))]).astype(np.float32)
