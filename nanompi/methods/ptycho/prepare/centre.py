"""Where the beam hits the detector: the point about which the mean frame is most nearly symmetric."""

import numpy as np

from nanompi.errors import JobError
from nanompi.optics.windows import fast_length


def symmetric(mean: np.ndarray, good: np.ndarray) -> tuple[float, float] | None:
    """(row, column) of the centre in pixels, to half a pixel; None for a frame without counts.

    mean : (H, W) mean frame, natural order; good : (H, W) bool
    With f = sqrt(mean), w = good (1 or 0) and c the centre sought, the sum over pairs of good pixels x, 2c
    - x

        R(c) = sum f(x) f(2c - x) / sum f(x)^2 w(2c - x)  <= 1

    is 1 only for a symmetric frame; both sums are convolutions at 2c. Gaps and a beam stop take away pairs
    but pull nowhere, unlike a centre of mass. Only points count about which most of the light has a partner.
    """
    f = np.sqrt(np.maximum(np.where(good, mean, 0.0), 0.0))
    if not f.any():
        return None
    f = np.minimum(f, np.percentile(f[f > 0], 99.5))  # a few bright pixels are symmetric to themselves
    shape = [fast_length(2 * n - 1) for n in f.shape]
    F, W, E = (np.fft.rfft2(a, shape) for a in (f, good.astype(float), f * f))
    pairs, light = np.fft.irfft2(F * F, shape), np.fft.irfft2(E * W, shape)
    enough = light > 0.6 * light.max()
    R = np.where(enough, pairs, 0.0) / np.where(enough, light, 1.0)
    R *= (
        np.maximum(light / light.max(), 0) ** 0.05
    )  # nearly no say, but a frame without a beam is taken whole
    R = R[: 2 * f.shape[0] - 1, : 2 * f.shape[1] - 1]
    r, c = np.unravel_index(np.argmax(R), R.shape)
    return float(r) / 2, float(c) / 2


def middle(shape, far: bool) -> tuple[float, float]:
    """The middle of a frame: h // 2, where the zero frequency is (far field), or the very middle (near)."""
    return tuple(float(n // 2) if far else (n - 1) / 2 for n in shape)


def centre(given, mean: np.ndarray, good: np.ndarray, far: bool) -> tuple[float, float]:
    """(row, column) of the centre in a frame in natural order.

    given : (row, column), "middle", or "auto" = found from the mean frame in the far field, the middle in
        the near field. A beam found within a pixel of the middle is taken to be there: the frames were cut
        around it.
    Errors: JobError for a point outside the frame.
    """
    usual = middle(mean.shape, far)
    if given == "middle" or (given == "auto" and not far):
        return usual
    if given == "auto":
        found = symmetric(mean, good)
        near = found is None or all(abs(a - b) <= 1 for a, b in zip(found, usual))
        return usual if near else found
    point = tuple(float(x) for x in given)
    if len(point) != 2 or not all(0 <= x < n for x, n in zip(point, mean.shape)):
        raise JobError(
            f"centre: {list(given)} is not a point of the frame; allowed: [row, column] inside {mean.shape}"
        )
    return point
