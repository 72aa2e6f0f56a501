"""The support: where the object may be. At the start from the autocorrelation, then it follows the object.

The autocorrelation of an object is twice as wide as the object: its threshold gives a support that is
surely large enough. Now and then the amplitude of the object is blurred, and what is above a part of its
largest value is the next support; the blur narrows from time to time (shrink-wrap, Marchesini et al.,
doi:10.1103/PhysRevB.68.140101, whose blur of 3 px narrows by 1 % each 20 iterations, to 1.5 px; here by 5 %
to 1 px, and by more where the iterations of a start are fewer than that takes: a support that is still wide
when the iterations end holds no image, in three dimensions above all). Only the largest value enters, no sum,
so that a start has the same bits wherever it is done.
"""

import numpy as np

from nanompi.errors import DataError
from nanompi.methods.cdi.pattern import frequency
from nanompi.step import param, section

IN_TIME = 0.75  # of the new supports of a chain: by then the blur is as narrow as it gets


@section
class Support:
    """Where the object may be: `{threshold: 0.15}`, or `{file: support.h5, shrink: false}`."""

    file: str = param(
        "",
        kind="file",
        level="basic",
        help="HDF5 or NumPy file of the first support, not 0 where the object may be; empty = from the "
        "autocorrelation",
    )
    path: str = param("support", help="the dataset in such an HDF5 file")
    start: float = param(
        0.04, gt=0, lt=1, help="of the autocorrelation: what is above this part of its largest value"
    )
    shrink: bool = param(True, level="basic", help="the support follows the object")
    threshold: float = param(
        0.2, gt=0, lt=1, level="basic", help="part of the largest blurred amplitude above which it is object"
    )
    every: int = param(20, ge=1, help="a new support each so many iterations")
    until: float = param(
        0.8, ge=0, le=1, help="no new support after this part of all iterations: the end is at rest"
    )
    blur: float = param(3.0, unit="px", ge=0, help="rms width of the blur at first")
    narrow: float = param(
        0.95,
        gt=0,
        le=1,
        help="by how much the blur narrows each time, by more where the iterations are few; 1 = it stays",
    )
    sharpest: float = param(1.0, unit="px", ge=0, help="rms width of the blur at last")

    def due(self, done: int, planned: int) -> bool:
        """After so many of all iterations?"""
        return self.shrink and done % self.every == 0 and 0 < done <= self.until * planned

    def width(self, done: int, planned: int) -> float:
        """px, of the blur after so many of all iterations: at its least after IN_TIME of the new supports."""
        least, times = min(self.sharpest, self.blur), done // self.every - 1
        if not self.blur or self.narrow == 1:
            return self.blur
        most = max(1.0, IN_TIME * self.until * planned / self.every)
        rate = min(self.narrow, (max(least, 0.5) / self.blur) ** (1 / most))
        return max(self.blur * rate**times, least)


def from_autocorrelation(pattern, threshold: float) -> np.ndarray:
    """bool, in FFT order: where the autocorrelation is above a part of its largest value.

    What was not measured counts as its opposite at -q, else as the mean of what is as far from the centre.
    """
    from scipy.fft import ifftn

    filled = completed(pattern.counts, pattern.good)
    own = np.abs(ifftn(filled))
    return (own > threshold * own.max()).astype(bool)


def completed(counts: np.ndarray, good: np.ndarray) -> np.ndarray:
    """float32 counts with a guess where nothing was measured."""
    mirror = tuple(-np.arange(n) for n in counts.shape)
    other, known = counts[np.ix_(*mirror)], good[np.ix_(*mirror)]
    out = np.where(good, counts, np.where(known, other, 0))
    lacking = ~(good | known)
    if lacking.any():
        ring = np.rint(frequency(counts.shape) * max(counts.shape)).astype(int)
        many = np.bincount(ring[~lacking], minlength=ring.max() + 1)
        sums = np.bincount(ring[~lacking], out[~lacking], ring.max() + 1)
        there = np.flatnonzero(many)
        means = np.exp(np.interp(np.arange(len(many)), there, np.log(sums[there] / many[there] + 1e-6)))
        out[lacking] = means[ring[lacking]]
    return out.astype(np.float32)


def from_file(file: str, path: str, shape: tuple[int, ...], notes: dict | None = None) -> np.ndarray:
    """bool, in FFT order, from a file that has it in natural order, its middle at n // 2.

    A smaller one is put into the middle, which `notes` then says as "support_file".
    Errors: DataError naming the file and what is wrong.
    """
    given = np.squeeze(np.asarray(_read(file, path)))
    if given.ndim != len(shape) or any(a > b for a, b in zip(given.shape, shape)):
        raise DataError(f"{file}: a support of the shape {given.shape} does not fit the pattern's {shape}")
    if given.dtype.kind not in "biufc":
        raise DataError(f"{file}: a support of values of type {given.dtype}; numbers or true and false are")
    if notes is not None and given.shape != tuple(shape):
        small, large = (" x ".join(map(str, sides)) for sides in (given.shape, shape))
        notes["support_file"] = (
            f"{file}: a support of {small} is put into the middle of the window of {large}"
        )
    whole = np.zeros(shape, bool)
    corner = [n // 2 - m // 2 for n, m in zip(shape, given.shape)]
    whole[tuple(slice(c, c + m) for c, m in zip(corner, given.shape))] = np.nan_to_num(given) != 0
    if not whole.any():
        raise DataError(f"{file}: the support is empty: all of it is 0")
    return np.fft.ifftshift(whole)


def _read(file: str, path: str):
    from nanompi.io.hdf5 import dataset, foreign, is_hdf5, must_exist, open_hdf5

    must_exist(file)
    with foreign(file):
        if is_hdf5(file):
            with open_hdf5(file) as opened:
                return dataset(opened, path)[()]
        if not file.endswith(".npy"):
            raise DataError(f"{file}: a support is an HDF5 file or an array of NumPy (.npy)")
        return np.load(file, allow_pickle=False)


class Shrink:
    """New supports on a device, for images or volumes of one shape; planned : iterations of the chain."""

    def __init__(self, device, transform, settings: Support, planned: int):
        self.device, self.transform, self.settings = device, transform, settings
        self.planned = planned
        self.kernels: dict[float, object] = {}

    def __call__(self, psi, S, z, done: int) -> None:
        """S <- where blurred |psi| is above a part of its largest value; z : scratch, like psi."""
        xp, axes = self.device.xp, tuple(range(1, psi.ndim))
        z[...] = xp.sqrt(psi.real * psi.real + psi.imag * psi.imag)
        self.transform.forward(z)
        z *= self._blur(self.settings.width(done, self.planned))
        self.transform.backward(z)
        S[...] = z.real > self.settings.threshold * z.real.max(axes, keepdims=True)

    def _blur(self, width: float):
        """The transform of a Gaussian of this rms width in px."""
        if width not in self.kernels:
            q = frequency(self.transform.shape)
            own = np.exp(-2 * (np.pi * width * q) ** 2)
            self.kernels = {width: self.device.array(own, self.device.real)}
        return self.kernels[width]
