"""Registration of two complex images of one sample: shift, phase ramp, complex scale.

These three are what ptychography leaves open, so they are removed before two results are compared.
"""

from dataclasses import dataclass, field

import numpy as np

from nanompi.optics.ramp import find_ramp, top, without_ramp


@dataclass
class Alignment:
    """How `image` was brought onto the reference.

    image : (H, W) complex128, aligned and scaled
    shift : (2,) px by which it was moved (row, column)
    ramp  : (2,) rad per px that was removed (row, column)
    scale : complex factor
    affine: (2, 2) by how much it was stretched and turned: what stood at r stands at r + affine (r - middle)
    """

    image: np.ndarray
    shift: np.ndarray
    ramp: np.ndarray
    scale: complex
    affine: np.ndarray = field(default_factory=lambda: np.zeros((2, 2)))


def shifted(image: np.ndarray, shift) -> np.ndarray:
    """The image moved by a fractional number of pixels (row, column), by the Fourier shift theorem."""
    y, x = (np.exp(-2j * np.pi * np.fft.fftfreq(n) * s) for n, s in zip(image.shape, shift))
    return np.fft.ifft2(np.fft.fft2(image) * y[:, None] * x)


def placed(image: np.ndarray, shape: tuple[int, int], corner: tuple[int, int], fill=1.0) -> np.ndarray:
    """`image` on a grid of `shape` with its [0, 0] at `corner` (may be negative), else `fill`."""
    out = np.full(shape, fill, image.dtype)
    here = [slice(max(0, c), min(n, c + m)) for c, n, m in zip(corner, shape, image.shape)]
    if all(s.stop > s.start for s in here):
        out[tuple(here)] = image[tuple(slice(s.start - c, s.stop - c) for s, c in zip(here, corner))]
    return out


def well_lit(weight: np.ndarray, frac: float = 0.3, rim: int = 6) -> np.ndarray:
    """(H, W) bool: the largest connected area where the sample was lit well, without holes and rim.

    weight : (H, W) illumination; lit well is above `frac` of the 95th percentile of what is lit at all
    rim    : px taken off at the edge, where neither position nor overlap are as good
    """
    from scipy import ndimage

    mask = weight > frac * np.percentile(weight[weight > 0.05 * weight.max()], 95)
    mask = ndimage.binary_fill_holes(ndimage.binary_closing(mask, iterations=3))
    mask = ndimage.binary_erosion(mask, iterations=rim)
    label, n = ndimage.label(mask)
    return label == 1 + np.argmax(ndimage.sum(mask, label, range(1, n + 1))) if n > 1 else mask


def align(image: np.ndarray, reference: np.ndarray, mask: np.ndarray, reach: float = 12.0) -> Alignment:
    """Bring `image` onto `reference` as they agree inside `mask`.

    image, reference : (H, W) complex on one grid, not more than `reach` px apart
    mask             : (H, W) bool
    First ramp and shift in turns (peak of the FFT of image conj(reference); peak of the correlation of
    gradients), then all six real parameters together by Gauss-Newton on sum w |reference - c moved(image)|².
    """
    from scipy import ndimage

    weight = ndimage.gaussian_filter(mask.astype(float), 4) * mask
    calm, soft = _calm(image, mask), _taper(mask)
    ramp, shift = np.zeros(2), np.zeros(2)
    for _ in range(6):
        more = find_ramp(_moved(calm, ramp, shift, soft) * reference.conj(), weight)
        ramp += more
        move = _correlation_peak(_moved(calm, ramp, shift, soft), reference, weight, reach)
        shift += move
        if np.abs(move).max() < 0.02 and np.abs(more).max() < 1e-4:
            break
    ramp, shift = _refined(calm, reference, weight, soft, (ramp, shift))
    now = _moved(calm, ramp, shift, soft)
    scale = complex((reference * now.conj())[mask].sum() / (np.abs(now[mask]) ** 2).sum())
    return Alignment(now * scale, shift, ramp, scale)


def stretched(found: Alignment, reference: np.ndarray, mask: np.ndarray, rounds: int = 6) -> Alignment:
    """An alignment with four more numbers: scale, rotation, stretch and shear about the middle of the mask.

    Positions with independent errors contain such a part by chance, which the data do not tell: the image
    is then stretched as they are. All ten real parameters together by Gauss-Newton, as in `align`.
    """
    from scipy import ndimage

    weight = ndimage.gaussian_filter(mask.astype(float), 4) * mask
    soft, inside = _taper(mask), np.nonzero(weight)
    root, image = np.sqrt(weight[inside]), _calm(found.image, mask)
    middle = np.array([i.mean() for i in inside])
    y, x = (i - m for i, m in zip(inside, middle))
    size = np.array([max(1, np.ptp(i)) for i in inside])
    matrix, shift, ramp = np.zeros((2, 2)), np.zeros(2), np.zeros(2)
    for _ in range(rounds):
        a = _moved(_warped(image, matrix, middle), ramp, shift, soft)
        dy, dx = (g[inside] for g in _gradient(a))
        a, b = a[inside], reference[inside]
        c = np.vdot(a * root, b * root) / np.vdot(a * root, a * root)
        bent = [-d * r / n for d in (dy, dx) for r, n in ((y, size[0]), (x, size[1]))]
        parts = (-dy, -dx, -1j * y / size[0] * a, -1j * x / size[1] * a, *bent, a, 1j * a)
        step = _least_squares([v * c * root for v in parts], (b - c * a) * root)
        shift, ramp = shift + np.clip(step[:2], -1, 1), ramp + step[2:4] / size
        matrix = matrix + np.clip(step[4:8].reshape(2, 2), -2, 2) / size
    now = _moved(_warped(image, matrix, middle), ramp, shift, soft)
    scale = complex((reference * now.conj())[mask].sum() / (np.abs(now[mask]) ** 2).sum())
    return Alignment(now * scale, found.shift + shift, found.ramp + ramp, found.scale * scale, matrix)


def _warped(image: np.ndarray, matrix: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """The image with what stands at r - matrix (r - middle) at r, by splines of fifth order."""
    from scipy import ndimage

    back = np.eye(2) - matrix
    how = {"matrix": back, "offset": middle - back @ middle, "order": 5, "mode": "nearest"}
    real, imag = (ndimage.affine_transform(part, **how) for part in (image.real, image.imag))
    return real + 1j * imag


def _moved(image: np.ndarray, ramp, shift, soft: np.ndarray) -> np.ndarray:
    """The image less its ramp, moved: whole pixels by rolling, the rest by Fourier on a soft window."""
    whole = np.rint(shift).astype(int)
    flat = np.roll(without_ramp(image, ramp), whole, (0, 1))
    return shifted(flat * soft, shift - whole)


def _taper(mask: np.ndarray, near: int = 4, far: int = 20) -> np.ndarray:
    """1 in the mask and `near` px around it, 0 beyond `far` px: edges would ring when shifted."""
    from scipy import ndimage

    away = ndimage.distance_transform_edt(~mask)
    return 0.5 + 0.5 * np.cos(np.pi * np.clip((away - near) / (far - near), 0, 1))


def _calm(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Amplitudes cut at four times the median: unlit pixels may be wild and would ring when shifted."""
    size = np.abs(image)
    limit = 4 * np.median(size[mask])
    return np.where(size > limit, limit * image / np.maximum(size, 1e-30), image).astype(complex)


def edge_correlation(image, reference, reach: float) -> np.ndarray:
    """(H, W) complex: how well gradients agree when the image is moved by as many px as an index says (as in
    `fftfreq`); 0 beyond `reach`. image, reference : gradients (2 of (H, W)) along rows and columns
    """
    total = 0
    for a, b in zip(image, reference):
        total = total + np.fft.fft2(b) * np.fft.fft2(a).conj()
    height = np.fft.ifft2(total)
    y, x = (np.abs(np.fft.fftfreq(n) * n) > reach for n in height.shape)
    height[y], height[:, x] = 0, 0
    return height


def _correlation_peak(image, reference, weight, reach) -> np.ndarray:
    """Shift (2,) px, within `reach`, with the highest correlation of gradients: edges count, not levels."""
    box = tuple(slice(int(i.min()), int(i.max()) + 1) for i in np.nonzero(weight))
    edges = ([(g * weight)[box] for g in np.gradient(v)] for v in (image, reference))
    height = np.abs(edge_correlation(*edges, reach))
    y, x = (np.fft.fftfreq(n) * n for n in height.shape)
    i, j = np.unravel_index(np.argmax(height), height.shape)
    column, row = height[np.arange(i - 1, i + 2) % len(y), j], height[i, np.arange(j - 1, j + 2) % len(x)]
    return np.array([y[i] + top(column), x[j] + top(row)])


def _refined(image, reference, weight, soft, start, rounds: int = 8):
    """Gauss-Newton on ramp and shift, the complex scale free: 6 real unknowns, linear in each round.

    moved by d more: a - d . grad a;   ramp less by q: a - i q . r a
    """
    ramp, shift = start
    inside = np.nonzero(weight)
    root = np.sqrt(weight[inside])
    size = np.array([max(1, np.ptp(i)) for i in inside])
    y, x = ((i - i.mean()) / n for i, n in zip(inside, size))
    for _ in range(rounds):
        a = _moved(image, ramp, shift, soft)
        dy, dx = (g[inside] for g in _gradient(a))
        a, b = a[inside], reference[inside]
        c = np.vdot(a * root, b * root) / np.vdot(a * root, a * root)
        columns = [v * c * root for v in (-dy, -dx, -1j * y * a, -1j * x * a, a, 1j * a)]
        step = _least_squares(columns, (b - c * a) * root)
        move, turn = np.clip(step[:2], -1, 1), step[2:4]
        shift, ramp = shift + move, ramp + turn / size
        if np.abs(move).max() < 1e-4 and np.abs(turn).max() < 1e-5:
            break
    return ramp, shift


def _gradient(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Exact derivatives of the band-limited image along rows and columns, per pixel."""
    y, x = (2j * np.pi * np.fft.fftfreq(n) for n in image.shape)
    spectrum = np.fft.fft2(image)
    return np.fft.ifft2(spectrum * y[:, None]), np.fft.ifft2(spectrum * x)


def _least_squares(columns: list[np.ndarray], right: np.ndarray) -> np.ndarray:
    """Real x that minimises |sum_k x_k columns_k - right|², by the normal equations (well scaled)."""
    normal = np.array([[np.vdot(u, v).real for v in columns] for u in columns])
    return np.linalg.lstsq(normal, np.array([np.vdot(u, right).real for u in columns]), rcond=1e-12)[0]
