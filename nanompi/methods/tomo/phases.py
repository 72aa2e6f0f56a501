"""Line integrals of one projection from its wrapped phase: continuous, and 0 in the air beside the sample.

The differences d between neighbours, wrapped to -pi ... pi, are what a phase is known by. The surface p whose
differences meet them best,

    sum (p(y, x + 1) - p(y, x) - d_x)^2 + sum (p(y + 1, x) - p(y, x) - d_y)^2 -> least,

is found by one cosine transform: Ghiglia & Romero, J. Opt. Soc. Am. A 11, 107 (1994),
doi:10.1364/JOSAA.11.000107. It depends linearly on the differences, and one that is wrong (a slope of more
than pi in a pixel) spoils its neighbourhood alone; summed along a row, as the Hilbert transform of the
derivative does it, it would spoil all pixels behind it. Then each pixel gets the multiple of 2 pi that brings
its own phase closest to this surface.
"""

import numpy as np

EDGE = 20  # the outer 1/20 of what was seen of a row, at each end, is taken as air
LEAST = 3  # px of it, at least
WIDE = 0.7  # of the widest row: shorter ones, at the ends of a round field, may begin within the sample
BAD = 4.0  # standard deviations: farther from the plane of the air is none


def wrapped(phase):
    """The same modulo 2 pi, -pi ... pi."""
    return phase - 2 * np.pi * np.rint(phase / (2 * np.pi))


def phase_lines(image: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """(rows, columns) float64 rad, from a complex image; seen : (rows, columns) bool, pixels that count.

    Pixels that were not seen go on as their neighbours end. A plane, of which the phase of a
    ptychographic image has any, is taken off so that the air is 0.
    """
    phase, beside = np.angle(image), air(seen)
    across, down = (_differences(phase, seen, beside, axis) for axis in (1, 0))
    ramp = down[1] * np.arange(len(phase))[:, None] + across[1] * np.arange(phase.shape[1])
    phase = phase - ramp
    lines = surface(down[0], across[0])
    level = np.angle(np.sum(np.exp(1j * (phase - lines)), where=seen))
    lines = np.where(seen, lines + level + wrapped(phase - lines - level), lines + level)
    return lines - plane(lines, beside)


def attenuation_lines(image: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """(rows, columns) float64: -log of the transmission |image|^2, that of the air beside the sample 1."""
    size = np.abs(image)
    usual = np.median(size[air(seen)])
    return np.where(seen, -2 * np.log(np.maximum(size / usual, 1e-3)), 0.0)


def air(seen: np.ndarray) -> np.ndarray:
    """(rows, columns) bool: the two ends of what was seen of each row; rows that are short do not count."""
    column, n = np.arange(seen.shape[1]), seen.sum(1)
    first, last = seen.argmax(1)[:, None], seen.shape[1] - 1 - seen[:, ::-1].argmax(1)[:, None]
    edge = max(LEAST, int(n.max()) // EDGE)
    return seen & ((column < first + edge) | (column > last - edge)) & (n >= WIDE * n.max())[:, None]


def _differences(phase, seen, beside, axis: int) -> tuple[np.ndarray, float]:
    """Wrapped differences along an axis without their ramp, 0 where a pixel was not seen; and the ramp."""
    steps = wrapped(np.diff(phase, axis=axis))
    known, outer = (_pairs(which, axis) for which in (seen, beside))
    ramp = float(np.angle(np.exp(1j * steps[outer]).sum())) if outer.any() else 0.0
    return np.where(known, wrapped(steps - ramp), 0.0), ramp


def _pairs(which: np.ndarray, axis: int) -> np.ndarray:
    """Where a pixel and its neighbour both are."""
    return which[1:] & which[:-1] if axis == 0 else which[:, 1:] & which[:, :-1]


def surface(down: np.ndarray, across: np.ndarray) -> np.ndarray:
    """(rows, columns) with mean 0 whose differences meet these best.

    down, across : (rows - 1, columns) and (rows, columns - 1), from a pixel to that below, to the right
    """
    from scipy.fft import dctn, idctn

    rows, columns = len(across), down.shape[1]
    flow = np.zeros((rows, columns))
    flow[:-1] += down
    flow[1:] -= down
    flow[:, :-1] += across
    flow[:, 1:] -= across
    y, x = (2 * np.cos(np.pi * np.arange(n) / n) - 2 for n in (rows, columns))
    scale = y[:, None] + x
    scale[0, 0] = 1
    terms = dctn(flow) / scale
    terms[0, 0] = 0
    return idctn(terms)


def plane(lines: np.ndarray, beside: np.ndarray) -> np.ndarray:
    """(rows, columns): the plane through the pixels of `beside`, without those far from it."""
    h, w = lines.shape
    y, x = (np.arange(n) / n - 0.5 for n in (h, w))
    at, across = np.nonzero(beside)
    terms, values = np.stack([np.ones(len(at)), y[at], x[across]], 1), lines[beside]
    good = np.ones(len(values), bool)
    for _ in range(5):
        level, down, right = np.linalg.lstsq(terms[good], values[good], rcond=None)[0]
        off = np.abs(values - terms @ (level, down, right))
        good = off <= BAD * 1.4826 * np.median(off) + 1e-9
    return level + down * y[:, None] + right * x
