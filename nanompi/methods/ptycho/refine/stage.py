"""What displacements tell of the stage: the part of them that is affine, told and not fitted.

Frames that all lie on another scale, turned or sheared give nearly the same likelihood once object and probe
have followed (a longer axis is a longer object), so that steps frame by frame do not find it. What they do
find of it is told in words, with the error that independent displacements of the frames leave in it.
"""

import numpy as np

CLEAR = 4.0  # errors from which on a part is told
ROUNDS = 5  # of least squares, in each of which frames far off count less
FAR = 2.0  # rms distances from which on they do


def affine(corners: np.ndarray, displacements: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """((6,) the affine part of displacements, (6,) its errors): scale, rotation, stretch of rows against
    columns, shear (dimensionless, rad), and a shift in px along each axis.

    d_y = s y - r x + t y + h x + shift,   d_x = s x + r y - t x + h y + shift about the middle of the scan
    corners, displacements : (N, 2) px
    """
    basis = _basis(corners)
    weight = np.ones(len(corners))
    for _ in range(ROUNDS):
        normal = np.einsum("nik,n,nil->kl", basis, weight, basis)
        right = np.einsum("nik,n,ni->k", basis, weight, displacements)
        inverse = np.linalg.pinv(normal)
        found = inverse @ right
        rest = displacements - basis @ found
        length = np.hypot(*rest.T)
        scale = FAR * np.sqrt((weight * length**2).sum() / max(weight.sum(), 1e-30))
        weight = np.minimum(1, scale / np.maximum(length, 1e-9))
    spread = (weight[:, None] * rest**2).sum() / max(2 * weight.sum() - 6, 1)
    return found, np.sqrt(spread * np.maximum(np.diag(inverse), 0))


def without(corners: np.ndarray, displacements: np.ndarray) -> np.ndarray:
    """(N, 2) displacements less their affine part."""
    return displacements - _basis(corners) @ affine(corners, displacements)[0]


def stage(corners: np.ndarray, displacements: np.ndarray) -> str:
    """The same in words; "" where nothing is clear."""
    if len(corners) < 10:
        return ""
    found, error = affine(corners, displacements)
    words = (
        ("a scale longer by {:.2f} %", 100),
        ("a rotation of {:.2f} deg", 180 / np.pi),
        ("rows longer than columns by {:.2f} %", 200),
        ("a shear of {:.2f} deg", 360 / np.pi),
    )
    clear = [text.format(v * unit) for (text, unit), v, e in zip(words, found, error) if abs(v) > CLEAR * e]
    return f"the displacements contain {', '.join(clear)}" if clear else ""


def _basis(corners) -> np.ndarray:
    """(N, 2, 6): what each part does to each frame"""
    y, x = (corners - corners.mean(0)).T
    one, zero = np.ones_like(y), np.zeros_like(y)
    return np.stack([np.stack([y, -x, y, x, one, zero], 1), np.stack([x, y, -x, y, zero, one], 1)], 1)
