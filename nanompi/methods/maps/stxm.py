"""The step `map.stxm`: transmission, dark field and phase from the frames of ptychography, not reconstructed.

The centre of a frame follows the slope of the phase: a ramp exp(i g r) in the sample moves the pattern by
g wavelength distance / (2 pi) on the detector, the shift theorem of the Fraunhofer integral that
`nanompi.optics.propagate` uses. The slope is integrated to a phase (differential phase contrast, DPC).
"""

from typing import ClassVar

import numpy as np

from nanompi.data.data import Data
from nanompi.data.exact import ExactSum
from nanompi.data.respread import fitting
from nanompi.errors import DataError
from nanompi.methods.maps.centres import of_centre
from nanompi.methods.maps.gradient import curl, grid_of, integrated, on_grid, turned
from nanompi.run.verdict import give
from nanompi.step import item, param, step

SAMPLE = 256  # frames all over the scan from which the bright field is found
FEW = 16  # of these that are added up at once
BRIGHT = 0.95  # part of the counts of their mean that stands in the bright field
MOMENTS = ("bright", "dark", "slope_y", "slope_x", "top")
CLEARLY, FREE = 0.3, 0.3  # of what is clearly better; part of slopes that may be no image's (noise: 0.45)
TOLD = 0.3  # correlation of phase and absorption that tells one half turn from the other
SMALLEST = 8  # rows and columns of a map that can tell
IMAGES = {  # name: unit and title of each image
    "transmission": ("", "counts of the frame over those of the brightest"),
    "dark_field": ("", "part of the counts outside of the bright field"),
    "slope_y": ("rad/m", "slope of the phase along rows"),
    "slope_x": ("rad/m", "slope of the phase along columns"),
    "dpc_phase": ("rad", "phase whose slope comes nearest to the measured one"),
}


@step("map.stxm", gives={"moments": item("moment")}, each="frame", takes="frames", gpu=True)
class Stxm:
    r"""Images of transmission, dark field and phase (integrated DPC) from the frames of a scan.

    The phase is the sample's where the beam is in focus, or the sample absorbs evenly: else its slope holds
    the curvature of the beam as well, weighed by what is absorbed on one side of it.

    .. math::

        T_j = \sum_k I_{jk}, \qquad
        \nabla \varphi(r_j) = \frac{2 \pi}{\lambda z} \frac{\sum_k k\, I_{jk}}{\sum_k I_{jk}}

    k is the place on the detector from the centre of the beam, z its distance; the slope is integrated by
    Fourier transforms.

    Unit: transmission and dark field in parts of the brightest, phase in rad.

    Source: doi:10.1109/34.3909

    Example::

        - {use: map.stxm, bright_field: 0.05}
    """

    loads: ClassVar = ("scipy.spatial", "scipy.interpolate")

    bright_field: float | None = param(
        None, unit="px", gt=0, help="radius on the detector; else that which holds 95 % of the mean frame"
    )

    def sources(self) -> list:
        """Where the papers are named that stand behind these parameters (`nanompi.papers`)."""
        return [integrated]

    def start(self, run, data):
        """Places of the pixels, and which of them stand in the bright field; the same on all ranks.

        Errors: DataError where it is not known where the beam hits a frame (near field).
        """
        if "beam" not in data.facts:
            raise DataError(f"{self.name} needs frames of a far field, in which the beam has one place")
        mask = data.beside.get("mask", np.ones(data.shape[1:], bool))
        self.good, self.y, self.x = of_centre(mask, data.facts["beam"])
        radius = np.hypot(self.y[:, None], self.x)
        if self.bright_field is None:
            self.bright_field = _radius(_mean(run.team, data) * self.good, radius)
        self.bright = self.good & (radius <= self.bright_field)
        moved = np.array(data.facts["pixel"]) / (data.facts["wavelength"] * data.facts["distance"])
        self.slope = 2 * np.pi * moved

    def block(self, block, info):
        """(k, row, column) counts -> moments (k, 5) float64; the slope of an empty frame is NaN."""
        xp, array = info.xp, info.device.array
        out, places = xp.empty((len(block), 5)), (self.good, self.bright, self.y, self.x)
        info.kernels.moments(block, *map(array, places), out)
        counts = out[:, 0] + out[:, 1]
        out[:, 2:4] *= array(self.slope) / xp.where(counts > 0, counts, xp.nan)[:, None]
        return {"moments": out}

    def finish(self, run):
        """The images, on a grid over the points of the scan: `IMAGES`, on every rank."""
        data = run.data["moments"]
        data.coords["moment"] = (list(MOMENTS), "")
        positions, unit = data.coords["point"]
        rows, columns = grid_of(positions)
        every = fitting(run.team, data, data.axes).values  # all of them on rank 0
        images = run.team.on_root(lambda: _images(every, positions, rows, columns))
        coords = {"y": (rows, unit), "x": (columns, unit)}
        for (name, (unit, title)), image in zip(IMAGES.items(), images):
            run.data[name] = Data(axes=("y", "x"), values=image, coords=coords, unit=unit, title=title)
            run.given[name] = None
        if run.team.on_root(lambda: not np.isfinite(images[-1]).any()):
            words = f"there is no phase: {len(rows)} x {len(columns)} points are too few, or have no light"
            give(run, self.name, "doubtful", words)
        else:
            self._judge(run, *run.team.on_root(lambda: turns(images[0], images[2:4], rows, columns)))
        size = f"{len(rows)} x {len(columns)}"
        run.say(f"{self.name}: bright field of {self.bright_field:.1f} px, images of {size} points")

    def _judge(self, run, now: float, best: float, turn: int) -> None:
        """Is the measured slope that of an image, as the frames stand, or only where they are turned?

        now, best : part of the slopes that is of no image (`curl`), as it is and with frames turned
        """
        words, figures = f"{100 * now:.0f} % of the slopes of the phase are those of no image", {"curl": now}
        if best < CLEARLY * now and best < FREE:
            words += f", {100 * best:.0f} % with the frames turned: rows, columns are not those of the scan"
            give(run, self.name, "wrong", words, f"orientation: {turn}", best=best, **figures)
        elif now < FREE:
            give(run, self.name, "good", words, **figures)
        else:
            words += ": noise, a beam out of focus, or orientation or order of the frames"
            give(run, self.name, "doubtful", words, **figures)


def turns(transmission, slopes, rows, columns) -> tuple[float, float, int]:
    """(part of the slopes that is of no image, the same with the frames turned best, that orientation).

    Of an orientation and its half turn, which no curl tells, the sample tells: in its denser parts phase and
    transmission fall together.
    """
    gy, gx = slopes
    if min(gy.shape) < SMALLEST:
        return 0.0, 0.0, 0
    pixel = rows[1] - rows[0]
    ways = turned(gy, gx)
    parts = {turn: curl(*way, pixel) for turn, way in ways.items()}
    best = min(parts, key=parts.get)
    a, b = ways[best]
    phase = integrated(a - a.mean(), b - b.mean(), pixel)
    with np.errstate(invalid="ignore"):  # of a sample that absorbs nothing: NaN, which tells nothing
        together = np.corrcoef(phase.ravel(), np.ravel(transmission))[0, 1]
    return parts[0], parts[best], best ^ 3 if together < -TOLD else best


def _images(moments, positions, rows, columns) -> list[np.ndarray]:
    """The images of `IMAGES` in float32."""
    bright, dark, *_ = moments.T
    counts = bright + dark
    slopes = np.where(np.isnan(moments[:, 2:4]), np.nanmean(moments[:, 2:4], axis=0), moments[:, 2:4])
    flat = np.column_stack([counts / max(counts.max(), 1), dark / np.maximum(counts, 1), slopes])
    images = np.moveaxis(on_grid(flat, positions, rows, columns), -1, 0)
    pixel = rows[1] - rows[0] if len(rows) > 1 else columns[-1] - columns[0]
    level = images[2:] - images[2:].mean((1, 2), keepdims=True)  # a plane of the phase is the beam's own
    return [a.astype(np.float32) for a in (*images, integrated(*level, pixel))]


def _mean(team, data) -> np.ndarray:
    """(h, w) sum of some frames all over the scan, the same bits on any number of ranks (collective)."""
    n = data.shape[0]
    some = np.unique(np.linspace(0, n - 1, min(n, SAMPLE)).round().astype(int))
    total = ExactSum()
    held = np.flatnonzero(np.isin(data.parts[team.rank], some))
    for k in range(0, len(held), FEW):
        total.add(np.maximum(data.values[held[k : k + FEW]], 0))
    return total.total(team)


def _radius(mean: np.ndarray, radius: np.ndarray) -> float:
    """px, radius of the disc about the beam that holds the part BRIGHT of the counts"""
    order = np.argsort(radius, axis=None)
    sums = np.cumsum(mean.ravel()[order])
    return float(radius.ravel()[order][np.searchsorted(sums, BRIGHT * sums[-1])])
