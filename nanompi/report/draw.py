"""Draws pictures as arrays: gray values, colours of complex numbers, text, scale bars, curves, arrows."""

import math

import numpy as np

from nanompi.report.font import text
from nanompi.units import show

PAPER, INK, LINE, NOTHING = (250, 250, 248), (30, 30, 34), (20, 90, 170), (208, 212, 214)
# From dark to bright, evenly for the eye and for those who see no colours: a path of rising lightness (L* of
# CIE 1976 from 6 to 95) over violet, red and orange.
HEAT = np.array([(8, 6, 20), (52, 16, 96), (118, 28, 109), (184, 50, 92), (232, 96, 70), (250, 162, 66),
                 (246, 216, 110), (252, 248, 204)], float)  # fmt: skip


def gray(image: np.ndarray, low: float, high: float) -> np.ndarray:
    """(h, w, 3) uint8: `low` black, `high` white; not finite is black."""
    level = np.nan_to_num((image - low) / max(high - low, 1e-30), nan=0, posinf=1, neginf=0)
    return np.repeat((255 * np.clip(level, 0, 1) + 0.5).astype(np.uint8)[..., None], 3, -1)


def heat(image: np.ndarray, low: float, high: float) -> np.ndarray:
    """(h, w, 3) uint8: from `low` to `high` along HEAT; what is no number has the colour of NOTHING."""
    level = np.clip((image - low) / max(high - low, 1e-30), 0, 1)
    steps = np.linspace(0, 1, len(HEAT))
    out = np.stack([np.interp(np.nan_to_num(level), steps, band) for band in HEAT.T], -1)
    out[np.isnan(image)] = NOTHING
    return (out + 0.5).astype(np.uint8)


def with_bar(picture: np.ndarray, low: float, high: float, wide: int = 118) -> np.ndarray:
    """A picture of `heat` with its colours to the right of it, and three numbers that say what they mean."""
    h, w = picture.shape[:2]
    out = canvas(h, w + wide)
    paste(out, picture, 0, 0)
    out[:, w + 10 : w + 28] = heat(np.linspace(high, low, h)[:, None], low, high)
    for part, value in ((0, high), (0.5, (low + high) / 2), (1, low)):
        write_text(out, f"{value:.3g}", round(part * (h - 16)), w + 36)
    return out


def colours(field: np.ndarray) -> np.ndarray:
    """(h, w, 3) uint8 of a complex array: hue = phase (0 is red), brightness = amplitude / largest."""
    bright = np.abs(field) / max(np.abs(field).max(), 1e-30)
    sixth = np.angle(field) * 3 / np.pi
    k = (np.array([5.0, 3.0, 1.0]) + sixth[..., None]) % 6
    return (255 * bright[..., None] * (1 - np.clip(np.minimum(k, 4 - k), 0, 1)) + 0.5).astype(np.uint8)


def resized(image: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The image (2-D, real or complex) in another size: a new pixel is the mean of the area it covers."""
    for axis, n in enumerate(shape):
        image = _blocks(
            image, axis, image.shape[axis] // n
        )  # cheap; what is left is less than a factor of two
    if image.shape == tuple(shape):
        return image
    rows, columns = (_cover(n, m) for n, m in zip(shape, image.shape))
    return rows @ image @ columns.T


def resized_known(image: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The same of an image with gaps: means of what is known; NaN where that is less than half."""
    known = np.isfinite(image)
    part = resized(known.astype(np.float32), shape)
    total = resized(np.where(known, image, 0).astype(np.float32), shape)
    return np.where(part >= 0.5, total / np.maximum(part, 0.5), np.nan)


def _blocks(image: np.ndarray, axis: int, k: int) -> np.ndarray:
    """Means of k neighbours along an axis; a rest of less than k pixels at the end is left out."""
    if k < 2:
        return image
    n = image.shape[axis] // k
    lines = np.moveaxis(image, axis, 0)[: n * k]
    return np.moveaxis(sum(lines[i::k] for i in range(k)) / k, 0, axis)


def _cover(n: int, m: int) -> np.ndarray:
    """(n, m) float: part of new pixel i (of n) that old pixel j (of m) covers."""
    edge = np.linspace(0, m, n + 1)
    old = np.arange(m)
    over = np.minimum(edge[1:, None], old + 1) - np.maximum(edge[:-1, None], old)
    return (np.clip(over, 0, None) * n / m).astype(np.float32)


def fitted(shape: tuple[int, int], side: int, whole: bool = False) -> tuple[int, int]:
    """Size of an image that fills a square of `side`: by a whole factor up where `whole`, else exactly."""
    factor = side / max(shape)
    if whole and factor > 1:
        factor = math.ceil(side / max(shape))
    return tuple(max(1, round(n * factor)) for n in shape)


def canvas(h: int, w: int) -> np.ndarray:
    """(h, w, 3) uint8 of paper."""
    return np.full((h, w, 3), PAPER, np.uint8)


def paste(onto: np.ndarray, image: np.ndarray, y: int, x: int):
    """Lay an image onto another with its corner at (y, x); what hangs over is cut."""
    h, w = (max(0, min(a, b - c)) for a, b, c in zip(image.shape, onto.shape, (y, x)))
    onto[y : y + h, x : x + w] = image[:h, :w]


def write_text(onto: np.ndarray, words: str, y: int, x: int, colour=INK, scale: int = 2):
    """Write words with the upper left corner at (y, x); what lies outside is cut."""
    ink = text(words, scale)[max(0, -y) :, max(0, -x) :]
    y, x = max(0, y), max(0, x)
    ink = ink[: max(0, onto.shape[0] - y), : max(0, onto.shape[1] - x)]
    onto[y : y + ink.shape[0], x : x + ink.shape[1]][ink] = colour


def nice(value: float) -> float:
    """The largest of 1, 2, 5 times a power of ten that is not above `value`."""
    ten = 10.0 ** math.floor(math.log10(value))
    return max(k * ten for k in (1, 2, 5) if k * ten <= value * (1 + 1e-9))


def scale_bar(onto: np.ndarray, metres: float):
    """A bar of a nice length in the lower left corner with its length; `metres` is the width of the image."""
    if not (metres > 0 and math.isfinite(metres)):
        return
    h, w = onto.shape[:2]
    length = nice(0.28 * metres)
    wide, words = round(length / metres * w), show(length, "m")
    if h < 52 or w < 24 + len(words) * 12:
        return  # the image is too thin for it; the caption tells the size
    y, x = h - 22, 14
    box = max(wide, len(words) * 12) + 16
    corner = onto[max(0, y - 26) : h - 6, x - 8 : x - 8 + box]
    corner[:] = corner // 3  # a dark ground, so that bar and text are seen on any image
    onto[y : y + 6, x : x + wide] = 255
    write_text(onto, words, y - 20, x, (255, 255, 255))


def curve(x: np.ndarray, ys: np.ndarray, shape: tuple[int, int], label: str = "") -> np.ndarray:
    """(h, w, 3) uint8: curves over x in a frame with ticks; logarithmic where they span more than ten times.

    x  : (n,);  ys : (curves, n), NaN where there is no value
    """
    h, w = shape
    out = canvas(h, w)
    top, bottom, left, right = 14, h - 52, 96, w - 18
    good = ys[np.isfinite(ys)]
    if not good.size or len(x) < 2:
        return out
    log = good.min() > 0 and good.max() > 10 * good.min()
    low, high = _limits(good, log)
    f = np.log10 if log else np.asarray

    def row(v):
        return bottom - (f(v) - f(low)) / (f(high) - f(low)) * (bottom - top)

    def column(v):
        return left + (np.asarray(v) - x[0]) / ((x[-1] - x[0]) or 1) * (right - left)

    for v in _ticks(low, high, log):
        out[round(float(row(v))), left:right] = 222
        words = f"{v:.3g}"
        write_text(out, words, round(float(row(v))) - 8, left - 10 - 12 * len(words))
    for v in _ticks(x[0], x[-1], False):
        out[bottom : bottom + 6, round(float(column(v)))] = INK
        write_text(out, f"{v:.6g}", bottom + 12, round(float(column(v))) - 6 * len(f"{v:.6g}"))
    for k, y in enumerate(ys):
        ok = np.isfinite(y) & ((y > 0) if log else True)
        _stroke(out, row(y[ok]), column(x[ok]), LINE if k == 0 else (190, 110, 30))
    out[top:bottom, left - 2 : left] = out[bottom : bottom + 2, left - 2 : right] = INK
    write_text(out, label, bottom + 34, (left + right) // 2 - 6 * len(label))
    return out


def _limits(good: np.ndarray, log: bool) -> tuple[float, float]:
    low, high = float(good.min()), float(good.max())
    if log:
        return low / 1.15, high * 1.15
    room = 0.06 * (high - low) or 0.1 * abs(high) or 1.0
    return low - room, high + room


def _ticks(low: float, high: float, log: bool) -> list[float]:
    """Some three to eight round numbers between the limits."""
    if log:
        tens = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        few = (1, 2, 5) if high < 1000 * low else (1,)
        return [k * 10.0**t for t in tens for k in few if low <= k * 10.0**t <= high]
    if high <= low:
        return [low]
    step = nice((high - low) / 3)
    return [k * step for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def _stroke(onto: np.ndarray, rows: np.ndarray, columns: np.ndarray, colour, width: float = 2.6):
    """A line through points, smooth: its cover falls from 1 to 0 over one pixel around half the width."""
    if len(rows) < 2:
        return
    path = np.concatenate([[0], np.cumsum(np.hypot(np.diff(rows), np.diff(columns)))])
    along = np.linspace(0, path[-1], int(4 * path[-1]) + 2)
    _ink(onto, np.interp(along, path, rows), np.interp(along, path, columns), colour, width)


def arrows(onto: np.ndarray, start: np.ndarray, end: np.ndarray, colour=LINE, head: float = 7.0):
    """Arrows between points (n, 2), row and column. Their heads are `head` pixels long, or half the arrow."""
    way = end - start
    length = np.hypot(*way.T)[:, None]
    back, side = -way, way[:, ::-1] * (1, -1)
    size = np.minimum(head / np.maximum(length, 1e-9), 0.5)
    strokes = [(start, end), *((end, end + size * (0.9 * back + turn * side)) for turn in (0.45, -0.45))]
    steps = np.linspace(0, 1, int(2 * length.max(initial=0)) + 2)[:, None, None]
    y, x = np.concatenate([a + steps * (b - a) for a, b in strokes], 1).reshape(-1, 2).T
    _ink(onto, y, x, colour, 1.8)


def _ink(onto: np.ndarray, y: np.ndarray, x: np.ndarray, colour, width: float):
    """Round dots so dense that they make a line"""
    cover = np.zeros(onto.shape[:2])
    for dy in range(-2, 4):
        for dx in range(-2, 4):
            i, j = np.floor(y).astype(int) + dy, np.floor(x).astype(int) + dx
            inside = (i >= 0) & (j >= 0) & (i < cover.shape[0]) & (j < cover.shape[1])
            near = np.clip(width / 2 + 0.5 - np.hypot(i - y, j - x), 0, 1)
            np.maximum.at(cover, (i[inside], j[inside]), near[inside])
    onto[:] = (onto * (1 - cover[..., None]) + np.array(colour) * cover[..., None] + 0.5).astype(np.uint8)
