"""The step `xrf.deblur`: maps on the grid of the probe, by the probe that ptychography has found.

Each point of a scan counts what lies under the whole beam: counts_j = sum_r |P(r - r_j)|^2 c(r). The c of the
greatest likelihood is sought by the steps of Richardson and Lucy (Richardson 1972,
doi:10.1364/JOSA.62.000055), which must be stopped before they fit the noise: a part of the counts is held
back by binomial thinning, Poisson's both of them, and tells when.
"""

from dataclasses import dataclass

import numpy as np

from nanompi.data.data import Data
from nanompi.data.respread import fitting
from nanompi.errors import DataError
from nanompi.methods.maps.xrf.model import OTHERS
from nanompi.methods.ptycho.wave import Wave, known_pixel, on_grid, read_wave
from nanompi.step import param, step

KEPT = 0.9  # part of the counts that is fitted where the others tell when to stop
PATIENCE = 10  # steps after the best one that are tried
WHOLE = 0.999  # part of the probe's light that its window holds
EVEN = 0.02  # of a step, by which the points of a scan may stand off its grid
LEAST = 1e-6  # of the usual sensitivity, below which nothing is known of a place


@dataclass
class Blur:
    """From an image on a fine grid to the counts of the points, and back.

    window : (h, w) |P|^2 on the fine grid, of the sum 1, its middle at h // 2, w // 2
    shape  : (rows, columns) of the scan; finer : (fine pixels in a step of the rows, of the columns)
    """

    window: np.ndarray
    shape: tuple[int, int]
    finer: tuple[int, int]

    def __post_init__(self):
        self.before = tuple(n // 2 for n in self.window.shape)  # pixels of the image before the first point
        scan = tuple((n - 1) * f + 1 for n, f in zip(self.shape, self.finer))
        self.size = tuple(a + b for a, b in zip(scan, self.window.shape))
        self.spectrum = np.fft.rfft2(self.window, self.size)

    def forward(self, image: np.ndarray) -> np.ndarray:
        """(size) -> (rows, columns): sum over the window about each point"""
        both = np.fft.irfft2(np.fft.rfft2(image) * self.spectrum.conj(), self.size)
        return np.ascontiguousarray(self._points(both))

    def back(self, counts: np.ndarray) -> np.ndarray:
        """Its adjoint: (rows, columns) -> (size)"""
        image = np.zeros(self.size)
        self._points(image)[:] = counts
        return np.fft.irfft2(np.fft.rfft2(image) * self.spectrum, self.size)

    def _points(self, image):
        """The corners of the windows of all points"""
        ends = ((n - 1) * f + 1 for n, f in zip(self.shape, self.finer))
        rows, columns = (slice(0, end, f) for end, f in zip(ends, self.finer))
        return image[rows, columns]

    def scanned(self, image: np.ndarray) -> np.ndarray:
        """What of an image lies between the first and the last point of the scan"""
        ends = (b + (n - 1) * f + 1 for b, n, f in zip(self.before, self.shape, self.finer))
        return image[tuple(slice(b, end) for b, end in zip(self.before, ends))]


def richardson_lucy(blur: Blur, counts: np.ndarray, steps: int, each=lambda k, image: True) -> np.ndarray:
    """c <- c A'(m / A c) / A'1, from an even image; NaN counts were not measured.

    each(k, image) is asked before step k, and ends it by False
    """
    there = np.isfinite(counts)
    known, image = np.where(there, counts, 0), np.full(blur.size, max(float(counts[there].mean()), 1e-9))
    seen = blur.back(there.astype(float))
    sure = seen > LEAST * seen.max()
    for k in range(steps):
        if not each(k, image):
            break
        ratio = known / np.maximum(blur.forward(image), 1e-9)
        image = np.where(sure, np.maximum(image * blur.back(ratio) / np.where(sure, seen, 1), 0), image)
    return image


def steps_by_held_out(blur: Blur, counts: np.ndarray, most: int, seed: int = 0) -> int:
    """How many steps describe best what was held back. counts : whole numbers, NaN where not measured"""
    there = np.isfinite(counts)
    whole = np.where(there, counts, 0).astype(np.int64)
    fitted = np.random.default_rng(seed).binomial(whole, KEPT)
    held, scores = (whole - fitted)[there], []

    def score(k, image):
        mu = np.maximum(blur.forward(image)[there] * (1 - KEPT), 1e-9)
        scores.append(float((mu - held * np.log(mu)).sum()))
        return k - int(np.argmin(scores)) < PATIENCE

    richardson_lucy(blur, np.where(there, fitted / KEPT, np.nan), most, score)
    return int(np.argmin(scores))


@step("xrf.deblur")
class Deblur:
    r"""Maps of elements sharpened by the probe of a ptychographic reconstruction: NAME_sharp.

    Amplitudes are taken for counts with the mean of their errors: divided by the ratio of variance and mean.

    .. math::

        c \leftarrow \frac{c}{\sum_j h_j} \sum_j h_j \frac{y_j}{\sum_r h_j(r)\, c(r)}, \qquad
        h_j(r) = |P(r - r_j)|^2

    y are the counts of the points, P is the probe.

    Unit: counts.

    Source: doi:10.1364/JOSA.62.000055

    Example::

        - xrf.fit
        - {use: xrf.deblur, probe: runs/ptycho/latest}
    """

    works_on = "maps of elements that xrf.fit gives"
    probe: str = param(kind="file", help="run folder or result of ptychography, or of other programs")
    pixel: float | None = param(
        None, unit="m", gt=0, help="of the maps; half the smaller of step and width of the probe if not given"
    )
    iterations: int | None = param(
        None, ge=1, help="steps of all maps; found for each by counts held back if not given"
    )
    most: int = param(300, ge=1, help="steps that are tried")

    def check(self, data):
        """Errors: DataError where the probe cannot be read, or the points stand on no grid."""
        known_pixel(read_wave(self.probe, "probe"))
        if {"y", "x"} <= set(data.axes):
            for axis in ("y", "x"):
                _even(data.coords.get(axis), axis)

    def run(self, run):
        """A map NAME_sharp beside each element's. Errors: DataError."""
        names = [n for n in run.given if n not in OTHERS and f"{n}_errors" in run.given]
        names = [n for n in names if run.data[n].axes == ("y", "x")]
        if not names:
            raise DataError(
                f"{self.name}: no step before it gave maps of elements on a grid; xrf.fit does, and map.grid"
            )
        places = [_even(run.data[names[0]].coords.get(axis), axis) for axis in ("y", "x")]
        blur, pixel = run.team.on_root(lambda: self._blur(places))
        coords = {
            axis: (own[0] + p * np.arange(n), "m")
            for axis, own, p, n in zip("yx", places, pixel, blur.scanned(np.empty(blur.size)).shape)
        }
        for name in names:
            maps = [fitting(run.team, run.data[n], ("y", "x")).values for n in (name, f"{name}_errors")]
            image, steps = run.team.on_root(lambda maps=maps: self._sharp(blur, *maps))
            title = f"{name.replace('_', ' ')}, {steps} steps of Richardson and Lucy"
            run.data[f"{name}_sharp"] = Data(
                axes=("y", "x"), values=image, coords=coords, unit=run.data[name].unit, title=title
            )
            run.given[f"{name}_sharp"] = None
            run.say(f"{self.name}: {name}: {steps} steps")

    def _blur(self, places) -> tuple[Blur, list[float]]:
        """Of the probe, and the fine pixel along rows and columns, m"""
        wave = read_wave(self.probe, "probe")
        steps = [float(own[1] - own[0]) for own in places]
        fine = self.pixel or min(*steps, _width(wave)) / 2
        finer = tuple(max(1, int(np.ceil(one / fine - 1e-6))) for one in steps)
        pixel = [one / f for one, f in zip(steps, finer)]
        return Blur(window_of(wave, pixel), tuple(map(len, places)), finer), pixel

    def _sharp(self, blur: Blur, counts, errors) -> tuple[np.ndarray, int]:
        there = np.isfinite(counts)
        ratio = max(float((errors[there] ** 2).sum() / max(counts[there].sum(), 1e-9)), 1)
        own = np.where(there, np.maximum(counts, 0) / ratio, np.nan)
        steps = self.iterations or steps_by_held_out(blur, np.rint(own), self.most)
        return blur.scanned(richardson_lucy(blur, own, steps)) * ratio, steps


def _even(known, axis: str) -> np.ndarray:
    """Places along an axis of a map, in m. Errors: DataError where they are unknown, or not on a grid"""
    values, unit = known or (np.zeros(0), "")
    steps = np.diff(values)
    if unit != "m" or not len(steps) or abs(steps - steps.mean()).max() > EVEN * abs(steps.mean()):
        raise DataError(
            f"xrf.deblur: the places of the map along {axis} are not known, or stand on no grid; put map.grid"
            " before it"
        )
    if steps.mean() < 0:
        raise DataError(f"xrf.deblur: {axis} of the map falls; it should rise")
    return values[0] + steps.mean() * np.arange(len(values))


def _width(wave: Wave) -> float:
    """m, the diameter of a disc as large as the probe is: (sum |P|^2)^2 / sum |P|^4 pixels"""
    light = (np.abs(wave.data) ** 2).sum(0)
    area = light.sum() ** 2 / (light**2).sum() * float(np.prod(known_pixel(wave)))
    return 2 * float(np.sqrt(area / np.pi))


def window_of(wave: Wave, pixel) -> np.ndarray:
    """(h, w) odd, |P|^2 of all modes on another pixel, of the sum 1, as small as holds its light"""
    sides = [
        int(np.ceil(n * own / p)) | 1 for n, own, p in zip(wave.data.shape[-2:], known_pixel(wave), pixel)
    ]
    light = (np.abs(on_grid(wave, pixel, sides)) ** 2).sum(0)
    middle = tuple(n // 2 for n in light.shape)
    for half in range(1, max(middle) + 1):
        part = light[tuple(slice(max(0, c - half), c + half + 1) for c in middle)]
        if part.sum() >= WHOLE * light.sum():
            break
    return part / part.sum()
