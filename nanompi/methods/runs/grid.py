"""The grid that images of unlike pixels and places have in common."""

from dataclasses import dataclass

import numpy as np

from nanompi.errors import DataError
from nanompi.methods.runs.image import Image, Loaded
from nanompi.optics.resample import resampled

SAME = 1e-4  # of the pixel: less is no other one
NEAR = 0.02  # px: an image that stands off by less is not moved
LEAST = 2  # rows and columns that must be left
OVERLAP = 0.5  # of the smallest image: what places must leave for all, or they are not believed


@dataclass(frozen=True)
class Grid:
    """pixel : (2,) m; shape : rows, columns; corner : (2,) m, the middle of its first pixel

    starts, steps : (n, 2) of the grid in pixels of each image; placed : by the places of the images, so that
        `corner` is one of these; else their middles lie on one another, and are 0
    """

    pixel: np.ndarray
    shape: tuple[int, int]
    corner: np.ndarray
    starts: np.ndarray
    steps: np.ndarray
    placed: bool

    def on(self, k: int, own: Loaded) -> Loaded:
        """Image k on the grid: copied where it fits, else by band-limited interpolation; what lies beyond it
        was not seen."""
        start, step = self.starts[k], self.steps[k]
        near = [np.rint(a + d * np.arange(n)).astype(int) for a, d, n in zip(start, step, self.shape)]
        there = [(at >= 0) & (at < m) for at, m in zip(near, own.seen.shape)]
        pick = np.ix_(*(np.clip(at, 0, m - 1) for at, m in zip(near, own.seen.shape)))
        inside = there[0][:, None] & there[1]
        return Loaded(self._values(own, pick, start, step), own.seen[pick] & inside)

    def _values(self, own: Loaded, pick, start, step) -> np.ndarray:
        if self._fits(start, step):
            return own.values[pick]
        values = np.where(own.seen, own.values, np.median(own.values[own.seen].real))
        return resampled(values, start, step, self.shape).astype(own.values.dtype)

    def _fits(self, start, step) -> bool:
        """Do pixels lie on pixels?"""
        last = start + step * np.array(self.shape)
        off = max(np.abs(start - np.rint(start)).max(), np.abs(last - np.rint(last)).max())
        return bool(np.abs(step - 1).max() < SAME and off < NEAR)


def common_grid(images: list[Image], place: str, field: str, pixel: float | None) -> Grid:
    """The grid of some images. Errors: DataError where they have nothing in common.

    place : "position", "middle", or "auto": by position where that leaves half of the smallest image
    field : "common" to all, or "all" that any saw; pixel : m, None = the largest of theirs
    """
    if any(one.pixel is None for one in images):
        return _of_pixels(images)
    own = np.array([one.pixel for one in images])
    size = np.full(2, pixel) if pixel else own.max(0)
    size = np.full(2, size.max()) if np.ptp(size) < SAME * size.max() else size
    extent = np.array([np.array(one.shape) - 1 for one in images]) * own
    known = all(one.corner is not None for one in images)
    if place == "position" and not known:
        raise DataError(f"{images[0].file}: where its image stands is not known; use `place: middle`")
    if known and place != "middle":
        low, high = _field(np.array([one.corner for one in images]), extent, "common")
        if place == "position" or ((high - low) >= OVERLAP * extent.min(0)).all():
            return _grid(images, np.array([one.corner for one in images]), (own, size), field, True)
    return _grid(images, -extent / 2, (own, size), field, False)


def _field(corners, extent, field: str):
    """(low, high) (2,) m of what all, or any, of the images saw"""
    ends = corners + extent
    return (corners.max(0), ends.min(0)) if field == "common" else (corners.min(0), ends.max(0))


def _grid(images, corners, pixels, field: str, placed: bool) -> Grid:
    own, size = pixels
    low, high = _field(corners, (np.array([one.shape for one in images]) - 1) * own, field)
    shape = np.floor((high - low) / size + 1e-6).astype(int) + 1
    if (shape < LEAST).any() or not (high > low).all():
        words = ", ".join(f"{one.file} at {c[0]:.4g}, {c[1]:.4g} m" for one, c in zip(images[:3], corners))
        raise DataError(f"the images have no field in common ({words} ...); use `place: middle`")
    return Grid(size, tuple(shape.tolist()), low, (low - corners) / own, size / own, placed)


def _of_pixels(images: list[Image]) -> Grid:
    """Of maps that do not say where they stand: those of one shape. Errors: DataError."""
    shapes = {one.shape for one in images}
    if len(shapes) > 1:
        raise DataError(
            f"{images[0].file}: its map does not say its pixel, and the shapes differ: "
            f"{', '.join(f'{h} x {w}' for h, w in sorted(shapes))}"
        )
    n = len(images)
    return Grid(np.ones(2), images[0].shape, np.zeros(2), np.zeros((n, 2)), np.ones((n, 2)), False)
