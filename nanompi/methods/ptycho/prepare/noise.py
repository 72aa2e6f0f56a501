"""Gain and noise: how many stored units make one count, and is there counting noise at all; from some frames.

A frame of a scan is smooth from pixel to pixel: its Fourier transform vanishes beyond twice the width of the
beam, so that what is left behind a filter which only passes the fastest changes is noise. Of counts its
variance is proportional to the mean,

    F = <(K * I)^2> / (K^2 * <I>) = gain,    K = k k^T / 70,  k = (1, -4, 6, -4, 1),

over several octaves of intensity; smooth intensities leave F that grows with the mean. The pixels are sorted
into octaves of their mean. Where the stored values have a common step (whole numbers, or whole numbers times
a factor), one step is a count, unless the noise says that a count is many steps (a camera).
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from nanompi.errors import DataError
from nanompi.optics.windows import joined, weighted

KERNEL = np.array([1, -4, 6, -4, 1.0])
EDGE, NORM = 2, float(KERNEL @ KERNEL)
PIXELS = 1 << 21  # looked at, in a few whole frames
VALUES = 1 << 16  # from which a common step is found
STEPS = 1e5  # most steps in a value: beyond, the step may be one of the floating-point format
LEVEL = 1000.0  # mean of intensities without counting noise: far above all small constants of the kernels
SURE = 0.15  # largest relative error of F
ALIKE = 1.3  # octaves with F within this factor show one gain
CAMERA = 3.0  # a count of more steps than this is not one step
HIDDEN = 0.1  # counting noise below this part of what whole numbers as counts had to show is none


@dataclass
class Noise:
    """What a stored value means: counts = value / gain.

    model : "counts" = Poisson; "smooth" = whole numbers with less noise than counts must have; "none" = no
        counting noise is seen, and the gain only sets a scale
    whole : the counts are whole numbers but for rounding; about : a sentence for the log
    fano  : variance of the counts over their mean, at least 1; 0 without noise
    """

    gain: float = 1.0
    model: Literal["counts", "smooth", "none"] = "counts"
    whole: bool = True
    about: str = ""
    fano: float = 1.0


@dataclass
class Moments:
    """Sums over some whole frames as stored; rank 0 fills them while it looks at its sample.

    dark    : (H, W) is subtracted, or None
    most    : frames of which to take a share; taken : how many were
    total, square : (H, W) and (H - 4, W - 4) float64, sums of I and of (K * I)^2
    lost    : (H, W) bool, in some of these frames not measured
    values  : stored values above zero, some of each frame
    """

    shape: tuple[int, int]
    dark: np.ndarray | None = None
    taken: int = 0
    values: list = field(default_factory=list)

    def __post_init__(self):
        h, w = self.shape
        self.most = max(2, PIXELS // (h * w))
        self.total, self.lost = np.zeros(self.shape), np.zeros(self.shape, bool)
        self.square = np.zeros((max(0, h - 2 * EDGE), max(0, w - 2 * EDGE)))

    def add(self, raw: np.ndarray, gone: np.ndarray | None, share: int):
        """Some frames of a block. raw : (k, H, W); gone : bool like raw; share : of so many frames in all"""
        for j in range(0, len(raw), max(1, -(-share // self.most))):
            frame, bad = raw[j], None if gone is None else gone[j]
            if bad is not None:
                self.lost |= bad
                frame = np.where(bad, 0, frame)
            self._one(frame)

    def _one(self, frame):
        some = frame.ravel()[:: max(1, frame.size * self.most // VALUES)]
        self.values.append(some[some > 0])
        x = frame.astype(np.float32) if self.dark is None else frame - self.dark
        self.total += x
        for axis in (1, 0):
            x = np.diff(x, len(KERNEL) - 1, axis=axis)
        self.square += x * x
        self.taken += 1

    def octaves(self, good: np.ndarray) -> list[tuple[float, float, float]]:
        """[(mean, F, relative error of F)] of the octaves of intensity that have enough pixels, rising.

        good : (H, W) bool, the pixels that count
        """
        if not self.taken or not self.square.size:
            return []
        ok = joined(good & ~self.lost, len(KERNEL), np.logical_and)
        mean = weighted(self.total, KERNEL**2 / NORM)
        ok &= mean > 0
        mean, square = mean[ok] / self.taken, self.square[ok] / (self.taken * NORM**2)
        octave = np.floor(np.log2(mean)).astype(int)
        return [
            one
            for k in np.unique(octave)
            if (one := _octave(mean[octave == k], square[octave == k]))[2] < SURE
        ]


def _octave(mean, square) -> tuple[float, float, float]:
    """(mean, F, its relative error) of some pixels; what K makes of noise is alike in about 7 neighbours"""
    a, v = float(mean.mean()), float(square.mean())
    if len(mean) < 10:
        return a, v / a, np.inf
    return a, v / a, float(np.std(square - v / a * mean) * np.sqrt(7 / len(mean)) / v) if v else 0.0


def gain_seen(octaves) -> float | None:
    """The gain that counting noise shows, or None: the longest run of octaves with one F, and in none less.

    Where there is none, the lowest octave may be the noise of a read-out, as large as its mean; it is taken
    away.

    Three octaves do where a pixel has few counts, so that its noise is as large as itself; else five.
    """
    if len(octaves) < 3:
        return None
    a, F, error = np.array(octaves).T
    v = a * F
    found = _run(a, F, error)
    if found or v[0] < 0.2 * a[0] ** 2:
        return found
    clear = (a > 1.5 * a[0]) & (v > 2 * v[0])
    a_clear, v_clear = (a - a[0])[clear], (v - v[0])[clear]
    return _run(a_clear, v_clear / a_clear, error[clear])


def _run(a, F, error) -> float | None:
    best = 0.0, None
    for i in range(len(a)):
        for j in range(i + 3, len(a) + 1):
            part, span = F[i:j], a[j - 1] / a[i]
            if part.min() <= 0 or part.max() > ALIKE * part.min():
                break
            g = float(np.average(part, weights=1 / np.maximum(error[i:j], 0.01) ** 2))
            certain = a[i] < 3 * g or span > 15
            if certain and g < 1.4 * F.min() and span > 1.01 * best[0]:
                best = span, g
    return best[1]


def peaked(values: np.ndarray, gain: float) -> float | None:
    """A sharper gain where single counts stand out in the values, as peaks at its multiples; else None."""
    low = values[(values > 0.3 * gain) & (values < 8.5 * gain)][:5000].astype(np.float64)
    if len(low) < 100:
        return None
    tried = gain * np.linspace(0.75, 1.2, 226)
    peaks = np.abs(np.exp(2j * np.pi * low / tried[:, None]).mean(1))
    best = int(peaks.argmax())
    return float(tried[best]) if peaks[best] > 0.5 and 0 < best < len(tried) - 1 else None


def step_of(values: np.ndarray) -> float | None:
    """The largest number of which all these values (above zero) are whole multiples, or None."""
    u = np.unique(values)
    if u.dtype.kind == "f" and len(u) and float(u[-1]) < 1 << 24 and np.array_equal(u, np.rint(u)):
        u = u.astype(np.int64)
    if u.dtype.kind in "ui" or not len(u):
        return float(np.gcd.reduce(u)) if len(u) > 2 else 1.0
    u = u.astype(np.float64)
    gaps = np.diff(u, prepend=0.0)
    gaps = gaps[gaps > 1e-6 * u]  # the same number of counts, rounded in two ways
    step = gaps.min() if len(gaps) > 2 else np.inf
    for reach in (30, 1000, STEPS):  # the step, found from small values, is known well enough for larger ones
        near = u[u < reach * step]
        whole = np.rint(near / step)
        if len(near) > 1 and np.abs(near / step - whole).max() > 0.05:
            return None
        step = float(near @ whole / (whole @ whole)) if len(near) > 1 else step
    return step if (u < STEPS * step).mean() > 0.9 and step < 1.5 * u[0] else None


TRANSFORMS = {
    "square roots of counts (amplitudes)": np.square,
    "log(1 + counts) or log(counts)": np.expm1,  # both are logarithms of whole numbers
    "log10(1 + counts) or log10(counts)": lambda v: np.expm1(v * np.log(10)),
}


def transformed(values: np.ndarray) -> str:
    """What the values are when they are not intensities but a function of whole counts; '' where not."""
    u = np.unique(values.astype(np.float64)) if values.dtype.kind == "f" else values[:0]
    for name, back in TRANSFORMS.items():
        with np.errstate(over="ignore"):
            counts = back(u)
        low = counts[(counts > 0.5) & (counts < 1000)]
        whole = np.rint(low)
        if len(set(whole)) >= 5 and len(low) < 3 * len(set(whole)) and np.abs(low - whole).max() < 0.02:
            return name
    return ""


def find(moments: Moments, good: np.ndarray, scan) -> Noise:
    """Gain and model of the noise. good : (H, W) bool, the pixels that count; scan : its `gain` wins.

    Errors: DataError where the values are a function of counts and not proportional to them.
    """
    values = np.concatenate(moments.values) if moments.values else np.zeros(0)
    octaves = moments.octaves(good)
    step, seen = step_of(values), gain_seen(octaves)
    if scan.gain is not None:
        return _given(scan.gain, step, seen, octaves)
    if step is None and (kind := transformed(values)):
        raise DataError(
            f"{scan.file}: the frames hold {kind}, not intensities. Store the counts themselves: the "
            "reconstruction needs values proportional to the photons in each pixel"
        )
    if seen is not None and (step is None or seen > CAMERA * step):
        seen = peaked(values, seen) or seen
    level = float(moments.total[good].mean() / max(moments.taken, 1)) if good.any() else 0.0
    return _of(step, seen, octaves, level)


def _given(gain, step, seen, octaves) -> Noise:
    whole = step is not None and abs(step / gain - round(step / gain)) < 1e-3 * step / gain
    odd = seen is not None and not 0.5 < seen / gain < 2
    hint = f"; their noise looks like that of counts with {seen:.4g} each" if odd else ""
    return Noise(
        gain,
        "counts",
        whole,
        f"counts = stored value / {gain:.6g}, as input.gain says{hint}",
        _fano(gain, seen, octaves),
    )


def _of(step, seen, octaves, level) -> Noise:
    """The decision. level : mean of the stored values"""
    least = min((F for _, F, _ in octaves), default=None)
    if step is not None and not (seen is not None and seen > CAMERA * step):
        hidden = seen is None and least is not None and least < HIDDEN * step
        return (
            Noise(step, "smooth", True, _smooth(step))
            if hidden
            else Noise(step, about=_stepped(step), fano=_fano(step, seen, octaves))
        )
    if seen is not None:
        gain = 1.0 if step is None and 0.75 < seen < 1.33 else seen
        return Noise(
            gain,
            whole=False,
            about=f"their noise is that of counts with {gain:.4g} stored units each: counts = stored value / "
            f"{gain:.4g} (input.gain, where you know it better)",
        )
    gain = level / LEVEL if level > 0 else 1.0
    return Noise(
        gain,
        "none",
        False,
        f"they show no counting noise: the Euclidean model is used, {NO_LLK}; intensity = stored value / "
        f"{gain:.4g} (if they are counts times a factor, give input.gain)",
        0.0,
    )


def _fano(gain, seen, octaves) -> float:
    """Variance of the counts over their mean; 1 unless every octave that shows it has more than that, by two
    standard errors: structure of the frames adds to the variance, and not in all octaves."""
    alike = [F * (1 - 2 * error) for _, F, error in octaves if seen and seen / ALIKE <= F <= seen * ALIKE]
    if seen is None or min(alike, default=seen) <= gain:
        return 1.0
    return seen / gain


NO_LLK = "and results are ranked by R, since llk would mean nothing"


def _stepped(step) -> str:
    if step == 1:
        return ""
    return f"they are multiples of {step:.6g}: counts = stored value / {step:.6g}"


def _smooth(step) -> str:
    return (
        f"they are multiples of {step:.6g}, but vary less from pixel to pixel than counts must (without "
        f"noise, smoothed, or photons shared by pixels): counts = stored value / {step:.6g}, {NO_LLK}"
    )
