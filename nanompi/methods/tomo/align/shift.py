"""Images moved by parts of a pixel, exactly, and without what leaves at one end coming in at the other."""

import numpy as np


def moved(image: np.ndarray, down: float, right: float) -> np.ndarray:
    """(rows, columns) real: what stands `down` rows below and `right` columns beside comes to each pixel.

    So it takes away the displacement of an object that stands too low by `down`, too far right by `right`.
    Between the pixels by Fourier's interpolation; beyond an edge the image goes on as its mirror image.
    """
    return along(along(image, down, 0), right, 1)


def along(image: np.ndarray, by: float, axis: int) -> np.ndarray:
    """The same along the last axis, or the one before it (0 of an image)."""
    from scipy.fft import irfft, rfft

    if by == 0:
        return image
    n = image.shape[axis]
    twice = np.concatenate([image, np.flip(image, axis)], axis)
    turn = np.exp(2j * np.pi * np.arange(n + 1) / (2 * n) * by).astype(np.result_type(image.dtype, 1j))
    turn[-1] = turn[-1].real  # the highest frequency of a real image is real
    waves = rfft(twice, axis=axis)
    waves *= turn[:, None] if axis == 0 and image.ndim > 1 else turn
    return np.take(irfft(waves, 2 * n, axis=axis, overwrite_x=True), np.arange(n), axis)
