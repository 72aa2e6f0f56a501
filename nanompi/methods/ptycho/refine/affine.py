"""The part of displacements that is affine: what a stage that is turned or stretched does to all frames."""

import numpy as np

ROUNDS = 5  # of least squares, in each of which frames far off count less
FAR = 2.0  # rms distances from which on they do


def affine(corners: np.ndarray, displacements: np.ndarray) -> np.ndarray:
    """(6,) the affine part of displacements: scale, rotation, stretch of rows against columns, shear
    (dimensionless, rad), and a shift in px along each axis.

    d_y = s y - r x + t y + h x + shift,   d_x = s x + r y - t x + h y + shift about the middle of the scan
    corners, displacements : (N, 2) px
    """
    basis = _basis(corners)
    weight = np.ones(len(corners))
    for _ in range(ROUNDS):
        normal = np.einsum("nik,n,nil->kl", basis, weight, basis)
        right = np.einsum("nik,n,ni->k", basis, weight, displacements)
        found = np.linalg.pinv(normal) @ right
        rest = displacements - basis @ found
        length = np.hypot(*rest.T)
        scale = FAR * np.sqrt((weight * length**2).sum() / max(weight.sum(), 1e-30))
        weight = np.minimum(1, scale / np.maximum(length, 1e-9))
    return found


def without(corners: np.ndarray, displacements: np.ndarray) -> np.ndarray:
    """(N, 2) displacements less their affine part."""
    return displacements - _basis(corners) @ affine(corners, displacements)


def _basis(corners) -> np.ndarray:
    """(N, 2, 6): what each part does to each frame"""
    y, x = (corners - corners.mean(0)).T
    one, zero = np.ones_like(y), np.zeros_like(y)
    return np.stack([np.stack([y, -x, y, x, one, zero], 1), np.stack([x, y, -x, y, zero, one], 1)], 1)
