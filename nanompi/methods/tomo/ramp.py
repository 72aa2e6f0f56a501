"""The ramp filter of filtered back-projection, band-limited in real space: its mean is right.

    h(0) = 1/4,   h(m) = -1 / (pi m)^2 for odd m,   h(m) = 0 for other even m     (in px^-2)

Kak & Slaney, Principles of Computerized Tomographic Imaging, chapter 3, equation 61, with one column as unit
(doi:10.1137/1.9780898719277). |q| itself, sampled at the frequencies of a discrete transform, lacks what h
has at q = 0, and lowers the whole slice: a disc of 1 becomes 0.96 at 128 columns.
"""

import numpy as np

WINDOWS = {  # of u, the frequency in parts of the highest that is left
    "ramp": np.ones_like,
    "shepp": lambda u: np.sinc(u / 2),
    "cosine": lambda u: np.cos(np.pi * u / 2),
    "hann": lambda u: (1 + np.cos(np.pi * u)) / 2,
    "parzen": lambda u: np.where(u <= 0.5, 1 - 6 * u**2 * (1 - u), 2 * (1 - u) ** 3),
}


def ramp(columns: int, size: int = 0, window: str = "ramp", cutoff: float = 1.0) -> np.ndarray:
    """(size // 2 + 1,) float64: the transform of h for rows padded to `size` >= 2 * columns, even.

    size   : 0 = the next that is transformed fast
    window : one of `WINDOWS`, which damps high frequencies
    cutoff : the highest frequency that is left, in parts of Nyquist's
    """
    from scipy.fft import next_fast_len

    size = size or 2 * next_fast_len(columns, real=True)
    m = np.minimum(np.arange(size), size - np.arange(size))
    odd = m % 2 == 1
    h = np.zeros(size)
    h[0], h[odd] = 0.25, -1 / (np.pi * m[odd]) ** 2
    u = np.arange(size // 2 + 1) / (size / 2 * cutoff)
    return np.fft.rfft(h).real * np.where(u <= 1, WINDOWS[window](np.minimum(u, 1)), 0)
