"""What an image has more than another of the same thing, of which it may show another part."""

from dataclasses import replace

import numpy as np

from nanompi.optics.align import edge_correlation
from nanompi.report.frames import Frame

REACH, ALIKE = 12, 0.3  # px; the correlation from which on two images are taken to show the same


def difference(one: Frame, first: Frame, title: str) -> Frame | None:
    """one - first on the pixels of the first, NaN where either has none; None where pixels differ in size.

    Images are moved by whole pixels, up to REACH, to where they agree best; of phases their difference as a
    whole is taken off, since it means nothing.
    """
    if one.angle is not None or not np.allclose(_pixel(one), _pixel(first), rtol=1e-3):
        return None
    moved = _placed(one.values, first.values.shape, (0, 0))
    shift = _shift(moved, first.values)
    values = _placed(one.values, first.values.shape, shift) - first.values
    if one.unit == "rad":
        values = np.angle(np.exp(1j * (values - np.nanmedian(values)))).astype(np.float32)
    size = np.abs(values[np.isfinite(values)])
    most = (float(np.percentile(size, 99.5)) if size.size else 0.0) or 1.0
    by = f", moved by {shift[0]}, {shift[1]} px" * bool(any(shift))
    shown = {"low": -most, "high": most, "map": "blue-red", "log": False, "axes": first.axes}
    unit = "decades" if one.log else one.unit
    return replace(one, name=f"{title} {one.name}", title=title + by, values=values, unit=unit, **shown)


def _pixel(frame: Frame) -> list[float]:
    """Size of a pixel along y and x"""
    ends = [frame.axes[name] for name in "yx"]
    return [abs(last - first) / max(1, n - 1) for (first, last, _), n in zip(ends, frame.values.shape)]


def _placed(image: np.ndarray, shape: tuple[int, int], shift: tuple[int, int]) -> np.ndarray:
    """The image on a grid of `shape`, its [0, 0] at `shift`; NaN elsewhere"""
    out = np.full(shape, np.nan, np.float32)
    here = [slice(max(0, s), min(n, s + m)) for s, n, m in zip(shift, shape, image.shape)]
    if all(part.stop > part.start for part in here):
        out[tuple(here)] = image[tuple(slice(p.start - s, p.stop - s) for p, s in zip(here, shift))]
    return out


def _shift(image: np.ndarray, reference: np.ndarray) -> tuple[int, int]:
    """By how many pixels the image agrees best; none where the two are not alike anyhow"""
    if min(image.shape) < 2:
        return 0, 0  # a line has no edges
    a, b = ([np.nan_to_num(edge) for edge in np.gradient(v.astype(float))] for v in (image, reference))
    norm = np.sqrt(np.square(a).sum() * np.square(b).sum())
    both = edge_correlation(a, b, REACH).real
    best = np.unravel_index(np.argmax(both), both.shape)
    if not norm or both[best] < ALIKE * norm:
        return 0, 0
    return tuple(int(k) - n * (k > n // 2) for k, n in zip(best, both.shape))
