"""Resamples an image to another pixel and a sub-pixel origin: band-limited interpolation, axis by axis."""

import numpy as np

HALF = 12  # zero crossings of the kernel on each side: 1e-4 at 0.85 of the band
SHAPE = 8.0  # of the Kaiser window


def resampled(image: np.ndarray, start, step, shape: tuple[int, int]) -> np.ndarray:
    """out[k, l] = image at (start + step * (k, l)), band-limited: what the new grid cannot hold is filtered.

    image : (..., H, W) real or complex; mirrored at its edges
    start, step : (2,) in pixels of `image`
    Returns (..., *shape) of the same kind in double precision. A whole start and a step of 1 copy.
    """
    for axis, (a, d, n) in enumerate(zip(start, step, shape), -2):
        image = np.moveaxis(_along(np.moveaxis(image, axis, 0), a, d, n), 0, axis)
    return image


def _along(image, start, step, n) -> np.ndarray:
    """The first axis, by a sparse matrix of a Kaiser-windowed sinc, cut off at the coarser of both grids."""
    from scipy.sparse import csr_matrix

    m, wide = len(image), max(1.0, float(step))
    at = start + step * np.arange(n)
    taps = np.arange(-np.ceil(HALF * wide), np.ceil(HALF * wide) + 1)
    column = np.floor(at)[:, None] + taps
    x = (at[:, None] - column) / wide
    window = np.i0(SHAPE * np.sqrt(np.clip(1 - (x / HALF) ** 2, 0, None))) * (np.abs(x) < HALF)
    weight = np.sinc(x) * window
    weight /= weight.sum(1, keepdims=True)
    column = column.astype(int) % (2 * m)
    column = np.where(column < m, column, 2 * m - 1 - column)
    row = np.repeat(np.arange(n), len(taps))
    matrix = csr_matrix((weight.ravel(), (row, column.ravel())), (n, m))
    return (matrix @ image.reshape(m, -1)).reshape(n, *image.shape[1:])
