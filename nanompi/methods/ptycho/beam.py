"""The beam of a scan as the detector shows it: the mean frame, the part of it that holds the light, and the
wave at the sample that follows for a quadratic phase, by its width.

wave : (h, w) amplitude on the detector, the zero frequency at [0, 0]; pixel : (2,) m of the sample
"""

import numpy as np

LIGHT, LEAST, SIDE = 0.999, 64, 16  # of the counts in the window; its sides, at least and in multiples
FAST = 2 * 3 * 5 * 7  # primes of a fast transform
PARTS = (
    0.8,
    0.64,
    0.51,
    0.41,
)  # radii of discs: what an object of 6 rad scatters makes a lens 2.4 times wider
SOFT = 0.1  # of its radius: the edge of a disc


def mean_frame(p) -> np.ndarray:
    """(h, w) float64, mean counts over all frames of all ranks without the background; 0 where masked"""
    return np.maximum(moment(p) - p.background, 0) * p.device.host(p.mask)


def moment(p, power: int = 1) -> np.ndarray:
    """(h, w) float64, mean over all frames of all ranks of the counts to this power (collective)"""
    total = p.xp.zeros(p.mask.shape)

    def raised(b):
        counts = p.xp.maximum(b.I, 0)
        return counts if power == 1 else counts.astype(np.float64) ** power

    for block in p.blocks(read=["I"]):  # added up at once: all sums together may exceed the frames
        for part in p.each(lambda b: raised(b).sum(0, dtype=np.float64), block):
            total += part
    total = p.device.host(total)
    p.team.sum(total)
    return total / p.frames


def filling(wave) -> float:
    """rms radius of |wave|^2 on the detector in parts of a frame: far-field patterns leave the rim dark."""
    return float(np.sqrt((wave**2 * _k2(wave, (1.0, 1.0))).sum() / (wave**2).sum()))


def spread(wave, pixel) -> float:
    """rms radius of |wave|^2 about its centre, in cycles per frame (zero frequency at [0, 0]).

    pixel : (2,) m of the sample; "frame": the shorter side of what a frame sees
    """
    return float(np.sqrt((wave**2 * _k2(wave, pixel)).sum() / (wave**2).sum()) * _side(wave, pixel))


def window(wave, part: float | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Index of the rows and columns about the zero frequency that hold this part of the light; LIGHT."""
    light, edges = wave**2 / (wave**2).sum(), []
    for axis, n in enumerate(wave.shape):
        far, line = abs(np.fft.fftfreq(n, 1 / n)), light.sum(1 - axis)
        fast = (m for m in range(LEAST, n, SIDE) if pow(FAST, 30, m) == 0)
        sizes = (m for m in fast if line[far < m / 2].sum() > (part or LIGHT))
        half = next(sizes, n) / 2
        edges.append(np.flatnonzero((far < half) | (np.fft.fftfreq(n, 1 / n) == -half)))
    return np.ix_(*edges)


def discs(wave, pixel) -> list[np.ndarray]:
    """Amplitudes of even round lenses, smaller by `PARTS` than the one with the rms radius of |wave|^2, with
    as many photons: what the mean frame may come from where the object scatters light out of the lens."""
    k2, light = _k2(wave, pixel), (wave**2).sum()
    radius = np.sqrt(2 * (wave**2 * k2).sum() / light)
    steps = [0.5 - 0.5 * np.tanh((np.sqrt(k2) / (part * radius) - 1) / SOFT) for part in PARTS]
    return [a * np.sqrt(light / (a**2).sum()) for a in steps]


def defocused(wave, width, pixel) -> np.ndarray:
    """The beam whose rms radius is `width` of the frame, (h, w) complex64."""
    return at_sample(bent(wave, width, pixel))


def bent(wave, width, pixel) -> np.ndarray:
    """wave exp(i pi g k^2), g such that the rms radius at the sample is `width` of the frame.

    A phase pi g k^2 (k in cycles per metre) moves what has frequency k by g k metres.
    """
    k2 = _k2(wave, pixel)
    g = width * _side(wave, pixel) / np.sqrt((wave**2 * k2).sum() / (wave**2).sum())
    return wave * np.exp(1j * np.pi * g * k2)


def at_sample(wave) -> np.ndarray:
    """F^-1[wave], in the middle of the frame, complex64"""
    return np.fft.fftshift(np.fft.ifft2(wave)).astype(np.complex64)


def _side(wave, pixel) -> float:
    """The shorter side of what a frame sees, m"""
    return min(n * d for n, d in zip(wave.shape, pixel))


def _k2(wave, pixel):
    """Squared distance from the centre of |wave|^2, in (cycles per metre)^2: a lens is round in these, not in
    cycles per pixel"""
    I = wave**2 / (wave**2).sum()
    ky, kx = (np.fft.fftfreq(n, d) for n, d in zip(wave.shape, pixel))
    return ((ky - I.sum(1) @ ky) ** 2)[:, None] + (kx - I.sum(0) @ kx) ** 2


def counting_misfit(mean) -> float:
    """sqrt(sum (sqrt k - sqrt a)^2 / sum a) to be expected for k from Poisson laws of mean a (h, w)"""
    from scipy.special import gammaln, xlogy

    a, k = (np.arange(129) / 32)[:, None] ** 2, np.arange(80)  # above a = 16 the expectation is 1/4
    square = (np.exp(xlogy(k, a) - a - gammaln(k + 1)) * (np.sqrt(k) - np.sqrt(a)) ** 2).sum(1)
    return float(np.sqrt(np.interp(np.sqrt(mean), np.arange(129) / 32, square).sum() / mean.sum()))
