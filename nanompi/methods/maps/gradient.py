"""From values at the points of a scan to an image, and from a measured gradient to its potential."""

import numpy as np


def grid_of(positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A regular grid over the points of a scan: (rows (H,), columns (W,)) in m.

    positions : (n, 2) m, row and column. The pixel is the median distance of nearest neighbours.
    """
    from scipy.spatial import cKDTree

    low, size = positions.min(0), np.ptp(positions, axis=0)
    pixel = float(np.median(cKDTree(positions).query(positions, 2)[0][:, 1])) if len(positions) > 1 else 0.0
    pixel = pixel or float(size.max()) or 1.0  # points that were measured twice; or one point
    return tuple(start + pixel * np.arange(round(n / pixel) + 1) for start, n in zip(low, size))


def on_grid(values: np.ndarray, positions: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Values at scattered points as an image: linear between three points, the nearest outside of them.

    values : (n, k); positions : (n, 2); returns (H, W, k) float64
    """
    from scipy.interpolate import LinearNDInterpolator, NearestNDInterpolator
    from scipy.spatial import QhullError

    places = np.stack(np.meshgrid(rows, columns, indexing="ij"), -1)
    nearest = NearestNDInterpolator(positions, values)(places)
    try:
        image = LinearNDInterpolator(positions - positions.mean(0), values)(places - positions.mean(0))
    except QhullError:  # the points lie on one line
        return nearest
    return np.where(np.isnan(image), nearest, image)


def integrated(gy: np.ndarray, gx: np.ndarray, pixel: float) -> np.ndarray:
    """The image whose gradient comes nearest to a measured one (least squares), of mean 0.

    In Fourier space: phi = -i (k_y g_y + k_x g_x) / (k_y^2 + k_x^2), after Frankot & Chellappa (1988, eq.
    21), doi:10.1109/34.3909. The edges are mirrored: the image is even there, so that nothing comes in from
    the other side.

    gy, gx : (H, W) rad/m, along rows and columns; pixel : m
    """
    h, w = gy.shape
    gy, gx, ky, kx = _mirrored(gy, gx, pixel)
    k2 = ky**2 + kx**2
    k2[0, 0] = 1
    phi = -1j * (ky * gy + kx * gx) / k2
    phi[0, 0] = 0
    image = np.fft.ifft2(phi).real[:h, :w]
    return image - image.mean()


def curl(gy: np.ndarray, gx: np.ndarray, pixel: float) -> float:
    """Which part of a measured gradient is that of no image, 0 to 1: |k x g|^2 / (|k|^2 |g|^2), summed.

    gy, gx : (H, W), along rows and columns; 0 where both are zero
    """
    gy, gx, ky, kx = _mirrored(gy - gy.mean(), gx - gx.mean(), pixel)
    k2 = ky**2 + kx**2
    k2[0, 0] = np.inf
    whole = (abs(gy) ** 2 + abs(gx) ** 2).sum()
    return float((abs(ky * gx - kx * gy) ** 2 / k2).sum() / whole) if whole > 0 else 0.0


def turned(gy: np.ndarray, gx: np.ndarray) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Slopes measured by frames as they are and with the frames turned, by the number of the orientation.
    What half a turn changes is the sign of both slopes, which no curl sees: so there are four."""
    return {0: (gy, gx), 1: (gy, -gx), 4: (gx, gy), 5: (gx, -gy)}


def _mirrored(gy, gx, pixel):
    """Transforms of a gradient with mirrored edges, and the frequencies in rad/m: those of an even image"""
    h, w = gy.shape
    gy = np.block([[gy, gy[:, ::-1]], [-gy[::-1], -gy[::-1, ::-1]]])
    gx = np.block([[gx, -gx[:, ::-1]], [gx[::-1], -gx[::-1, ::-1]]])
    ky = 2 * np.pi * np.fft.fftfreq(2 * h, pixel)[:, None]
    kx = 2 * np.pi * np.fft.fftfreq(2 * w, pixel)
    return np.fft.fft2(gy), np.fft.fft2(gx), ky, kx
