"""What is wrong with the data as a sample of frames shows it: figures, and for each the key that changes it.

What is masked or left out already is not blamed, and nothing is said where nothing is wrong.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from nanompi.methods.ptycho.background import levels
from nanompi.methods.ptycho.brightness import brightness, fluctuation
from nanompi.methods.ptycho.left_out import shown
from nanompi.methods.ptycho.prepare.dark import subtract
from nanompi.methods.ptycho.prepare.faulty import MANY, SIGMA, around, beam
from nanompi.methods.ptycho.prepare.sample import sample_of
from nanompi.methods.ptycho.read.guard import object_pixel
from nanompi.step import METHODS

ODD = 2.0  # times above, or below, all neighbours but two: what no sampled pattern has in a sum of frames
NEAR = 3  # px about the middle of the light in which no pixel is blamed
FLOOR = 0.5  # counts a pixel that are told
SPECKLE = 0.3  # variance beyond counting noise, of the mean squared: of speckles it is 1
WEAK = 0.2  # of the median of the frame sums
DRIFT, SURE = 0.05, 5.0  # of the sums over the scan, and in standard errors
BESIDE, MEMORY = 40, 64 << 20  # frames next to each other, bytes of them
APART = 0.1  # part of the variance of the time that places do not explain
LEAST = 16  # frames from which a drift is told
SAME = 20  # values that are all the largest one, and more than just below: clipped
NOISE = 0.08  # rad
CORNERS, EACH = 0.5, 0.05  # part of the light in the four corners together, and in each of them


@dataclass
class Counts:
    """The counts of a sample without the dark image.

    mean : (H, W) of a frame; good : (H, W) bool, what is not masked; both with the beam in the middle
    sums : (k,) of the frames `index` of the scan; looked : in so many frames; frames : some, as stored
    """

    scan: Any
    mean: np.ndarray
    good: np.ndarray
    sums: np.ndarray
    index: np.ndarray
    looked: int
    frames: np.ndarray

    @classmethod
    def of(cls, sample, good, dark, scan) -> "Counts":
        """dark : (H, W) counts, or None"""
        mean = np.where(good, subtract(sample.mean, dark), 0)
        some = sample.some
        if scan.corner:
            mean, good, some = (np.fft.fftshift(a, axes=(-2, -1)) for a in (mean, good, some))
        sums = sample.sums if dark is None else np.maximum(sample.sums - dark.sum(), 0)
        index = sample_of(scan.source.shape[0])
        return cls(scan, mean, good, sums, index, max(1, sample.frames), some)


def figures(counts: Counts, top, poisson: bool) -> dict:
    """{name: number or numbers}, also of what is in order.

    top : values from here on are not measured, or None; poisson : the unit of the counts is a photon
    """
    total, far = counts.mean * counts.looked, counts.scan.focus is None
    none = {"hot": [], "dim": []}  # a beam in the near field may itself have the structure of pixels
    out = {name: odd(total, counts.good, name == "hot") for name in none} if far else none
    out |= {"floor": floor(counts) if far and poisson else 0.0, "weak": weak(counts)}
    out |= {"corners": corners(counts.mean) if far else 0.0, "corner": corner_key(counts.scan)}
    out |= drift(counts) | {"clipped": clipped(counts.frames, top)}
    return out | (photons(counts) if poisson else {"per_pixel": 0.0, "noise": 0.0})


def odd(total, good, above: bool) -> list[list[int]]:
    """[row, column] of pixels that count ODD times more (less) than all but two of their neighbours do, by
    far more than counting noise; none where they are so many that it is the light. The middle of the light is
    left alone: there is the beam itself, or the shadow of its stop.
    """
    part = total / max(total.sum(), 1e-30)
    centre = [round(float(part.sum(1 - axis) @ np.arange(n))) for axis, n in enumerate(part.shape)]
    inner = good.copy()
    for row, column in (beam(total.astype(np.float32)), centre):
        inner[max(0, row - NEAR) : row + NEAR + 1, max(0, column - NEAR) : column + NEAR + 1] = False
    at = np.argwhere(inner & (total > SIGMA**2) if above else inner)
    near = np.where(around(good, at), around(total, at), 0.0 if above else -1.0)
    ring = np.sort(near, axis=-1)[:, -3 if above else 2]
    own, low = total[tuple(at.T)], np.maximum(ring, 0)
    more, less = (own, low) if above else (low, own)
    strange = at[(more > ODD * less) & (more - less > SIGMA * np.sqrt(more + less + 1))]
    return strange.tolist() if len(strange) < MANY * good.sum() else []


def corners(mean) -> float:
    """Part of the light in the four corners of a frame, each a quarter as high and wide as the frame is.

    0 where it is no sign of a zero frequency at [0, 0]: not all four have light, or the middle has more.
    """
    (h, w), total = mean.shape, max(float(mean.sum()), 1e-30)
    high, wide = h // 4, w // 4
    if not high or not wide:
        return 0.0
    parts = [
        mean[y, x].sum() / total
        for y in (slice(high), slice(-high, None))
        for x in (slice(wide), slice(-wide, None))
    ]
    middle = mean[h // 2 - high : h // 2 + high, w // 2 - wide : w // 2 + wide].sum() / total
    there = float(sum(parts))
    return there if there > max(CORNERS, 2 * middle) and min(parts) > EACH else 0.0


def corner_key(scan) -> str:
    """What in a job says the other order of the frames"""
    own = METHODS["reader"].facts("fields").get(scan.format, ())
    key = f"`input: {{corner: {str(not scan.corner).lower()}}}`"
    return key if "corner" in own else f"{key} with `format: hdf5` and `paths:`"


def floor(counts: Counts) -> float:
    """Counts that lie in every pixel, smoothed over some: of 1 % of the pixels. 0 where it is no background.

    A background is even: a tenth of the pixels have nearly as little, and from frame to frame they vary by
    counting noise alone. Speckles that an object scatters vary by as much as their mean.
    """
    mean, good = counts.mean, counts.good
    level = levels(mean, good)
    if not level.even or len(counts.frames) < LEAST:
        return 0.0
    low = good & (level.smooth <= level.low)
    dark = counts.frames[:, low].astype(np.float64)
    unit = dark.mean() / max(mean[low].mean(), 1e-30)  # stored values of a count
    excess = (dark.var(0, ddof=1) / unit**2 - dark.mean(0) / unit).mean()
    return level.even if excess < SPECKLE * level.even**2 else 0.0


def weak(counts: Counts) -> list[int]:
    """Numbers, as the file has them, of frames with some counts but far fewer than most."""
    few = counts.index[(counts.sums > 0) & (counts.sums < WEAK * np.median(counts.sums))]
    return (few if counts.scan.numbers is None else counts.scan.numbers[few]).tolist()


def drift(counts: Counts) -> dict[str, float]:
    """{drift: change of the sums from the first frame to the last, relative; drift_error; counting: relative
    noise of a sum}, beside what depends on the place: log sums = t d + a quadratic in (y, x), least squares.

    0 where the time goes along with the place, as in a raster or a spiral from the middle: there the object
    could do the same.
    """
    use = counts.sums > 0
    counting = float(np.sqrt(np.mean(1 / np.maximum(counts.sums, 1))))
    out = {"drift": 0.0, "drift_error": 0.0, "counting": counting}
    if use.sum() < LEAST:
        return out
    places = counts.scan.positions[counts.index[use]]
    y, x = ((places - places.mean(0)) / max(np.ptp(places), 1e-30)).T
    t, values = counts.index[use] / max(counts.index[-1], 1), np.log(counts.sums[use])
    place = np.stack([np.ones_like(t), y, x, y * y, x * y, x * x], 1)
    own, rest = (a - place @ np.linalg.lstsq(place, a, rcond=1e-6)[0] for a in (t, values))
    if own @ own < APART * len(t) * t.var():
        return out
    d = own @ rest / (own @ own)
    noise = np.sum((rest - d * own) ** 2) / (len(t) - place.shape[1] - 1)
    return out | {"drift": float(np.expm1(d)), "drift_error": float(np.sqrt(noise / (own @ own)))}


def clipped(some, top) -> float:
    """The largest value of these frames below `top`, where it is met too often to be counted; else 0."""
    known = some[some < top] if top is not None else some.ravel()
    largest = float(known.max()) if known.size else 0.0
    near = ((known < largest) & (known > 0.95 * largest)).sum()
    return largest if largest > 50 and (known == largest).sum() > max(SAME, near) else 0.0


def photons(counts: Counts) -> dict[str, float]:
    """{per_pixel: photons by which a pixel of the object is seen, were they even over the scan; noise: rad
    that counting leaves then, 1 / (2 sqrt(per_pixel))}"""
    scan = counts.scan
    area = np.prod(np.ptp(scan.positions, axis=0) / object_pixel(scan) + 1)
    each = float(counts.mean.sum() * scan.source.shape[0] / area)
    return {"per_pixel": each, "noise": float(0.5 / np.sqrt(max(each, 1e-12)))}


def lines(figures: dict) -> list[str]:
    """What these figures ask to be told, one line each."""
    said = []
    if part := figures.get("corners"):
        where = f"{100 * part:.0f} % of the light lies in the four corners of the frame"
        said.append(f"{where}, as of a zero frequency that is stored there: {figures['corner']}")
    if n := len(figures["hot"]):
        said.append(f"{n} pixels count {ODD:g} x more than those around them: `mask: {{hot: 12}}`")
    if n := len(figures["dim"]):
        first = tuple(figures["dim"][0])
        said.append(
            f"{n} pixels count less than half of those around them, first {first}: `mask: {{file: ...}}`"
        )
    if figures["floor"] > FLOOR:
        where = f"{figures['floor']:.2g} counts or more lie in every pixel"
        said.append(f"{where}, background or scatter: `background: auto`")
    if few := figures["weak"]:
        which = f"frames with less than {100 * WEAK:g} % of the usual counts: {shown(np.array(few))}"
        said.append(f"{which}: `select: {{without: [...]}}`")
    return said + _of_the_sums(figures)


def _of_the_sums(figures: dict) -> list[str]:
    said = []
    if abs(figures["drift"]) > max(DRIFT, SURE * figures["drift_error"]):
        counting = f"counting noise {100 * figures['counting']:.2g} %"
        said.append(f"frame sums drift by {100 * figures['drift']:+.0f} % ({counting}), which `flux` follows")
    if top := figures["clipped"]:
        which = f"the largest value, {top:g}, is met too often to be counted"
        said.append(f"{which}: `mask: {{saturated: {top:g}}}`, if the detector clips there")
    if figures["noise"] > NOISE:
        leave = (
            f"{figures['per_pixel']:.2g} for a pixel of the object leave {figures['noise']:.2g} rad of noise"
        )
        said.append(f"few photons: {leave}: more counts, more frames, or `rebin`")
    return said


def beam_lines(scan) -> list[str]:
    """What the sums of some frames next to each other tell of beam and shutter; nothing where all is well."""
    from nanompi.methods.ptycho.subset import nearest_to_middle

    each = int(np.prod(scan.source.shape[1:])) * np.dtype(scan.source.dtype).itemsize
    near = np.sort(nearest_to_middle(scan.positions, max(1, min(BESIDE, MEMORY // each))))
    frames = scan.source.read(near)
    good = np.ones(frames.shape[1:], bool) if scan.mask is None else scan.mask
    sums = np.where(good & np.isfinite(frames) & (frames > 0), frames, 0).sum((1, 2), dtype=np.float64)
    lit, said = sums > 0, []
    if not lit.all():
        few = f"{(~lit).sum()} of {len(near)} frames looked at"
        said.append(f"{few} have no counts; `ptycho.prepare` leaves such frames out")
    positions, sums = scan.positions[near][lit], sums[lit]
    if len(sums) >= LEAST and (brightness(positions, sums) != 1).any():
        vary = f"frame sums vary by {100 * fluctuation(positions, sums)[0]:.0f} % between neighbours"
        said.append(f"{vary}, as of a beam that fluctuates; `flux`, on by default, follows it")
    return said
