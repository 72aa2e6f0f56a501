"""The step `map.align`: images of a stack brought onto one another, as far as all pairs of them agree."""

from functools import partial
from typing import Literal

import numpy as np

from nanompi.data.data import Data
from nanompi.data.respread import fitting, respread
from nanompi.data.source import Source
from nanompi.data.walk import loaded
from nanompi.errors import DataError, JobError
from nanompi.optics.shifts import Path, Way, path, shift, spectrum, window
from nanompi.run.result import Marks, Signal
from nanompi.run.verdict import give
from nanompi.step import param, step

ORDER = ("energy", "y", "x")
WAYS = tuple(Way(px) for px in (0.0, 0.5, 0.75, 1.0, 1.5))
AGREE = 0.5  # px: pairs that miss by more do not know where the images are
STILL = 0.1  # px: a stack that moves less is left as it is
SPIKE = 8.0  # times the usual distance from the median of its neighbours
LEAST = 8  # rows and columns that must be left
LAGS = [1, 2, 3, 5, 8, 13, 21, 34]


@step("map.align", gives={"data": "energy y x"})
class Align:
    r"""Each image of a stack is moved to where it lies over the first, by cubic splines.

    Pairs of images some energies apart are correlated by phase; the path of the sample is that which fits all
    pairs, those that do not agree with the others count little. Images are smoothed for that no more than it
    takes for the pairs to agree to half a pixel. The field that all images have in common is kept.

    .. math::

        s = \arg\max_s | F^{-1} \frac{\hat a\, \hat b^*}{|\hat a\, \hat b^*|} |(s)

    a and b are the images of a pair. The highest place is looked for once more with weights by which
    frequencies that are noise count little: those of large structures would else be few among many.

    Unit: px; the images as before.

    Source: doi:10.1364/OL.33.000156; weights doi:10.1109/TASSP.1976.1162830; agreement of
    pairs doi:10.1080/03610927708827533

    Example::

        - {use: map.align, pairs: [1, 2, 3]}
    """

    explains = {"residual_px": "rms by which pairs miss the path", "range_px": "how far the sample moved"}

    by: str = param("self", help="name of another stack of the same scan that shows the sample better")
    pairs: list[int] = param(LAGS, ge=1, help="how many energies the images of pairs stand apart")
    upsample: int = param(50, ge=1, le=1000, help="parts of a pixel to which a pair is found")
    smooth: float | Literal["auto"] = param(
        "auto", unit="px", ge=0, help="width of a Gaussian over the images"
    )
    crop: bool = param(True, help="keep the common field; otherwise NaN stands where an image saw nothing")

    def sources(self) -> list:
        """Where the papers are named that stand behind these parameters (`nanompi.papers`)."""
        return [shift, path]

    def check(self, data):
        """Errors: DataError where the data are no stack."""
        if set(data.axes) != set(ORDER):
            raise DataError(f"{self.name}: needs a stack (energy, y, x); the data have {data}")

    def maps_after(self, data, known: list[str]) -> list[str]:
        """None more."""
        return known

    def run(self, run):
        """Moves the images of run.data["data"] (collective). Errors: DataError, JobError."""
        if self.by != "self" and self.by not in run.data:
            known = ", ".join(name for name, one in run.data.items() if set(one.axes) == set(ORDER))
            raise JobError(f'{self.name}: by: "{self.by}" is no stack of this run; there is {known}')
        self.check(run.data["data"])
        data = by_energy(run, "data")
        shown = data if self.by == "self" else by_energy(run, self.by)
        if shown.shape != data.shape:
            raise JobError(f"{self.name}: {self.by} has {shown}, the data {data}")
        with run.clock.phase(self.name):
            found, way = self._path(run, shown)
            still = bool(np.abs(found.places).max() < STILL)
            run.data["data"] = data if still else moved(run, data, found.places, self.crop)
            run.given["data"] = None
            self._report(run, data, found, way, still)

    def _path(self, run, data: Data) -> tuple[Path, Way]:
        """Where each image stands, and how that was found (collective): the least smoothing will do."""
        n = data.size("energy")
        lags = sorted({lag for lag in self.pairs if lag < n})
        if n < 2 or not lags:
            raise DataError(f"{self.name}: {n} images have no pairs {self.pairs} energies apart")
        ways = WAYS if self.smooth == "auto" else (Way(self.smooth),)
        near = ahead(run.team, data, max(lags))
        best = None
        for way in ways:
            told = self._shifts(run, near, lags, way)
            found = run.team.on_root(partial(path, n, *told))
            best = min(best or (found, way), (found, way), key=lambda one: one[0].rms)
            if found.rms < AGREE:
                return found, way
        return best

    def _shifts(self, run, near: Data, lags: list[int], way: Way) -> tuple[np.ndarray, np.ndarray]:
        """(p, 2) pairs and (p, 2) px, of all ranks (collective). Each does those whose first image it has."""
        shape, own = near.shape[1:], near.parts[run.team.rank]
        place, kept, told = {int(k): j for j, k in enumerate(own)}, {}, []
        soft = window(shape)
        for i in near.facts["first"][run.team.rank]:
            for k in [k for k in kept if k < i]:
                del kept[k]
            for j in (int(i), *(int(i) + lag for lag in lags if int(i) + lag in place)):
                if j not in kept:
                    kept[j] = spectrum(calm(near.values, place[j]), soft)
                if j > i:
                    told.append((i, j, *shift(kept[int(i)], kept[j], shape, way, self.upsample)))
            run.clock.tick()
        rows = np.array(sorted(row for rank in run.team.allgather(told) for row in rank)).reshape(-1, 4)
        return rows[:, :2].astype(int), rows[:, 2:]

    def _report(self, run, data: Data, found: Path, way: Way, still: bool):
        """Log, result, picture and verdict."""
        energies = np.asarray(data.coords["energy"][0], float)
        apart = float(np.ptp(found.places, axis=0).max())
        own = {"residual_px": found.rms, "range_px": apart, "way": str(way), "moved": not still}
        if "drift" in data.beside:
            off = found.places - data.beside["drift"]
            own["error_px"] = float(np.sqrt(((off - off.mean(0)) ** 2).mean()))
        run.result.notes.setdefault("maps", {})["align"] = own
        error = f"; {own['error_px']:.3f} px from the truth" if "error_px" in own else ""
        what = "the images lie on one another already" if still else f"moved over {apart:.2f} px"
        run.say(f"{self.name}: {what}, by {way}; pairs miss the path by {found.rms:.3f} px{error}")
        bad = np.flatnonzero(found.residual > AGREE)
        words = ""
        if len(bad) or found.rms > AGREE:
            some = ", ".join(f"{energies[k]:.2f}" for k in bad[:5]) + (", ..." if len(bad) > 5 else "")
            words = f"{len(bad)} of {len(energies)} images miss the others by more than {AGREE} px"
            words += f": at {some} eV" if len(bad) else f" ({found.rms:.2f} px on the mean)"
            run.team.on_root(lambda: run.warn(f"{self.name}: {words}"))
        paste = "map.align: {smooth: 2}" if words and self.smooth == "auto" else ""
        give(run, self.name, "doubtful" if words else "good", words, paste, residual_px=found.rms)
        if run.team.root:
            marks = {"units": "px", "long_name": "down and to the right, against the first image"}
            run.result.arrays |= {
                "alignment/shifts": (found.places, marks),
                "alignment/residual": (found.residual, {"units": "px"}),
                "alignment/energy": (energies, {"units": "eV"}),
            }
            axes = {"energy": (energies, "eV")}
            names = Marks(("down", "right"), "moved")
            title = "place of each image"
            run.result.pictures["shifts"] = Signal(found.places.T, axes, "px", title, "curve", marks=names)


def by_energy(run, name: str) -> Data:
    """A stack with the axes energy, y, x, loaded and spread over the energies (collective)."""
    data = fitting(run.team, loaded(run, name), ORDER[1:])
    values = np.ascontiguousarray(data.values.transpose([data.axes.index(axis) for axis in ORDER]))
    out = data.holding(values, data.spread, data.parts)
    out.axes, out.source = ORDER, None
    return out


def ahead(team, data: Data, reach: int) -> Data:
    """The same stack, where each rank has one image before its own, some and one more behind (collective).

    facts["first"] : of each rank, numbers of its own"""
    n = data.size("energy")
    parts = [np.arange(max(0, p[0] - 1), min(n, p[-1] + 2 + reach)) if len(p) else p for p in data.parts]
    out = respread(team, data, "energy", parts)
    out.facts = out.facts | {"first": data.parts}
    return out


def calm(images: np.ndarray, k: int) -> np.ndarray:
    """(y, x) float32, image k of some: medians of their neighbours in place of spikes and lost values."""
    filled, lost = _filled(images[k])
    others = [_filled(images[j])[0] for j in (k - 1, k + 1) if 0 <= j < len(images)]
    return np.where(lost | spikes(filled, others), _odd(filled)[0], filled)


def _filled(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """An image in float32 with the median where it has no number, and (y, x) bool, where that is"""
    lost = ~np.isfinite(image)
    if lost.all():
        return np.zeros(image.shape, np.float32), lost
    filled = image.astype(np.float32)
    filled[lost] = np.median(filled[~lost])
    return filled, lost


def _odd(image: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Medians of 3 x 3 pixels, what an image has above them, and how much that usually is"""
    from scipy.ndimage import median_filter

    middle = median_filter(image, 3, mode="nearest")
    off = image - middle
    return middle, off, 1.48 * float(np.median(np.abs(off))) + 1e-30


def spikes(image: np.ndarray, others: list[np.ndarray]) -> np.ndarray:
    """(y, x) bool: what stands out of its neighbours, and does not in the images before and behind."""
    from scipy.ndimage import maximum_filter

    _, off, usual = _odd(image)
    odd = np.abs(off) > SPIKE * usual
    for other in others if odd.any() else ():
        _, same, often = _odd(other)
        odd &= maximum_filter(np.abs(same), 3, mode="nearest") < SPIKE / 2 * often
    return odd


def common(places: np.ndarray, shape: tuple[int, int]) -> tuple[slice, slice]:
    """Rows and columns that all images have. Errors: DataError where next to nothing is left."""
    low = np.ceil(np.maximum(0, -places.min(0))).astype(int)
    high = np.floor(np.array(shape) - 1 - np.maximum(0, places.max(0))).astype(int) + 1
    if (high - low < LEAST).any():
        (h, w), (down, right) = shape, np.ptp(places, axis=0)
        raise DataError(
            f"map.align: the sample moves by {down:.1f} px down and {right:.1f} px to the right; "
            f"of {h} x {w} px less than {LEAST} are in all images: select fewer energies"
        )
    return tuple(slice(int(a), int(b)) for a, b in zip(low, high))


def moved(run, data: Data, places: np.ndarray, crop: bool) -> Data:
    """The stack with all images over the first (collective)."""
    team, shape = run.team, data.shape[1:]
    box = common(places, shape)
    box = box if crop else (slice(0, shape[0]), slice(0, shape[1]))
    around = ahead(team, data, 0)
    where = {int(k): j for j, k in enumerate(around.parts[team.rank])}
    values, odd = [], 0
    for k in data.parts[team.rank]:
        others = [_filled(around.values[where[j]])[0] for j in (int(k) - 1, int(k) + 1) if j in where]
        image, count = over_the_first(around.values[where[int(k)]], places[k], others, crop)
        values.append(image[box])
        odd += count
        run.clock.tick()
    (odd,) = team.total(odd)
    if odd:
        run.say(f"map.align: {odd:.0f} spikes of single images were taken out before these were moved")
    size = [s.stop - s.start for s in box]
    values = np.stack(values) if values else np.empty((0, *size), data.dtype)
    out = data.holding(values, data.spread, data.parts)
    out.coords = dict(data.coords)
    for axis, part in zip("yx", box):
        if axis in out.coords:
            out.coords[axis] = (np.asarray(out.coords[axis][0])[part], out.coords[axis][1])
    images = {name for name, value in data.beside.items() if isinstance(value, Source)}  # nobody moves these
    out.beside = {k: _cut(value, shape, box) for k, value in data.beside.items() if k not in images}
    if crop:
        run.say(f"map.align: {size[0]} x {size[1]} of {shape[0]} x {shape[1]} px are in all images")
    return out


def _cut(value, shape, box):
    """What of something beside the data has rows and columns belongs to the box"""
    if isinstance(value, dict):
        return {name: _cut(own, shape, box) for name, own in value.items()}
    return value[(..., *box)] if np.shape(value)[-2:] == tuple(shape) else value


def over_the_first(image: np.ndarray, place, others: list[np.ndarray], crop: bool) -> tuple[np.ndarray, int]:
    """An image that stands `place` px further down and to the right, moved back; and how many spikes it had.

    Cubic splines would carry spikes and what is no number into their neighbours: they go before. A pixel more
    than a quarter of which comes from such is NaN.
    """
    from scipy.ndimage import shift as interpolated

    if not np.any(place):
        return image, 0
    filled, lost = _filled(image)
    middle, _, _ = _odd(filled)
    odd = spikes(filled, others) & ~lost
    filled = np.where(odd | lost, middle, filled)
    out = interpolated(filled.astype(np.float64), -place, order=3, mode="nearest")
    if lost.any():
        out[interpolated(lost.astype(np.float32), -place, order=1, mode="nearest") > 0.25] = np.nan
    if not crop:
        for axis, by in enumerate(place):
            at = np.arange(image.shape[axis]) + by
            np.moveaxis(out, axis, 0)[(at < 0) | (at > image.shape[axis] - 1)] = np.nan
    return out.astype(image.dtype), int(odd.sum())
