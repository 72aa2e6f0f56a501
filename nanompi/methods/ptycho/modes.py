"""Probe modes of partial coherence (Thibault & Menzel, doi:10.1038/nature11806): start and order."""

import numpy as np


def extra_modes(P: np.ndarray, modes: int) -> np.ndarray:
    """Modes from one probe: P times Hermite polynomials over its own width, made orthogonal.

    P : (1, h, w) complex -> (modes, h, w) complex with the power of P, each mode with half of that before it

    The powers of a partly coherent beam fall geometrically (Gaussian Schell model: Starikov and Wolf,
    doi:10.1364/JOSA.72.000923). A mode that is too strong at the start fades; one that is too weak takes
    hundreds of iterations to grow.
    """
    if modes <= len(P):
        return P[:modes]
    shapes = times_hermite(P[:1], modes)[:, 0]
    weight = 2.0 ** -np.arange(modes)
    weight *= power(P).sum() / weight.sum()
    return (_orthonormal(shapes) * np.sqrt(weight)[:, None, None]).astype(P.dtype)


def times_hermite(P: np.ndarray, many: int) -> np.ndarray:
    """The modes of a probe times the first Hermite polynomials over the width of its first one.

    P : (M, h, w) -> (many, M, h, w); the first polynomial is 1
    """
    x, y = (_centred(np.abs(P[0]) ** 2, axis) for axis in (1, 0))
    orders = [(a, d - a) for d in range(many) for a in range(d + 1)][:many]
    return np.array([P * np.outer(_hermite(y, a), _hermite(x, b)) for a, b in orders])


def orthogonalise(P: np.ndarray) -> np.ndarray:
    """The same mixed state in orthogonal modes, strongest first: P = U S V, the modes S V. (M, h, w)"""
    _, s, v = np.linalg.svd(P.reshape(len(P), -1), full_matrices=False)
    order = (s[:, None] * v).reshape(P.shape)
    phase = np.exp(-1j * np.angle(order.sum((1, 2), keepdims=True)))
    return (order * phase if len(P) > 1 else P).astype(P.dtype)


def power(P: np.ndarray) -> np.ndarray:
    """sum |P_m|^2 of each mode, (M,)"""
    return (np.abs(P) ** 2).sum((-2, -1), dtype=np.float64)


def _centred(weight, axis):
    """Pixel coordinates along an axis about the centre of the weight, in units of its width"""
    along = weight.sum(1 - axis)
    x = np.arange(len(along)) - np.average(np.arange(len(along)), weights=along)
    return x / np.sqrt(np.average(x**2, weights=along))


def _hermite(x, n):
    return np.polynomial.hermite_e.hermeval(x, np.eye(n + 1)[n])


def _orthonormal(shapes):
    """Gram-Schmidt in order, by QR"""
    q = np.linalg.qr(shapes.reshape(len(shapes), -1).T)[0].T.reshape(shapes.shape)
    sign = np.exp(1j * np.angle((q.conj() * shapes).sum((1, 2), keepdims=True)))
    return q * sign
