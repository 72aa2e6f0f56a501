"""The step `xrd.integrate`: from frames to patterns over angle, with errors, while they are loaded."""

from threading import Lock
from typing import Literal

import numpy as np

from nanompi.data.nexus import Definition
from nanompi.errors import DataError, JobError
from nanompi.methods.maps.truth import keep_truth
from nanompi.methods.maps.xrd.geometry import UNITS, Geometry, fits, read_poni
from nanompi.methods.maps.xrd.mask import Image, Mask, dark_and_flat
from nanompi.methods.maps.xrd.matrix import Bins, Matrix, limits, matrix, shared
from nanompi.methods.maps.xrd.picture import radial_name
from nanompi.methods.maps.xrd.scan import on_scan
from nanompi.optics.geometry import PLANCK_C
from nanompi.run.result import Signal
from nanompi.step import item, param, step, total

AXES = {1: ("radial",), 2: ("azimuth", "radial")}  # of a pattern, of a cake
CLIPPED = 1.4826  # a standard deviation, in median distances of a normal distribution
MOST_LOST = 1e-3  # part of the values that were not measured: more is said


@step("xrd.integrate", each="frame", gives={"pattern": item("radial"), "pattern_errors": item("radial")})
class Integrate:
    r"""Diffraction patterns: each frame over 2 theta or q, and over sectors of the azimuth.

    I = sum w (y - dark) / sum w n, with the share w that a pixel has in a bin by its bounding box, and n
    = solid angle x polarisation x flat; errors from counting, sum w^2 y. Neighbouring bins share pixels:
    a fit over them takes 1 / sum w n as the variance of I = 1, which holds for what is wider than a pixel;
    `xrd.peaks` takes into account what narrow peaks gain. Frames are integrated by CPUs, on cards, too: while
    a frame is loaded and decompressed, so that a map larger than memory goes through; a card would have all
    of them loaded first, and its frames take about as long to send as a few threads take to integrate them.

    .. math::

        I_b = \frac{\sum_p w_{bp} (y_p - D_p)}{\sum_p w_{bp} n_p}, \qquad
        \sigma_b^2 = \frac{\sum_p w_{bp}^2\, y_p}{(\sum_p w_{bp} n_p)^2}

    Unit: counts of a pixel on the axis; the radial axis as `unit` says.

    Source: no paper; geometry and corrections are those of PONI files.

    Example::

        - {use: xrd.integrate, poni: scan.poni, unit: q_nm^-1, sectors: 36}
    """

    least = 2  # frames of one pass over the shares of all pixels

    poni: str = param(
        "", kind="file", level="basic", help="PONI file of version 1, 2 or 2.1 with the place of the detector"
    )
    unit: Literal["2th_deg", "2th_rad", "q_nm^-1", "q_A^-1"] = param(
        "2th_deg", level="basic", help="of the radial axis"
    )
    bins: int = param(1000, ge=2, level="basic", help="how many along the radial axis")
    range: list[float] = param([], help="lowest and highest radial value; all that the pixels cover")
    sectors: int = param(
        1,
        ge=1,
        le=3600,
        level="basic",
        help="of the azimuth, from -180 to 180 deg; 1 = a pattern of one axis",
    )
    polarisation: float | None = param(
        0.99,
        ge=-1,
        le=1,
        help="of the beam, 1 = in the plane of the columns; a synchrotron has 0.99; null = none",
    )
    mask: Mask = param(Mask(), help="which pixels count")
    dark: Image = param(Image(), help="counts without a beam")
    flat: Image = param(Image(), help="response of the pixels, of any mean")

    def __post_init__(self):
        if self.range and not (len(self.range) == 2 and self.range[0] < self.range[1]):
            raise JobError(f"range: two rising numbers are needed, not {self.range}")
        axes = AXES[min(self.sectors, 2)]
        self.gives = {
            "pattern": item(*axes, title="azimuthally integrated intensity"),
            "pattern_errors": item(*axes, title="standard error of counting"),
        }
        if self.sectors > 1:
            self.gives |= {"_cake_sum": total(*axes), "_cake_frames": total(*axes)}

    def check(self, data) -> list[str]:
        """For `nanompi check`. Errors: DataError, JobError."""
        geometry = self._geometry(data)
        self._said(geometry)
        if not self.range:
            return [f"{self.name}: over all angles that the pixels cover"]
        low, high = limits(geometry, data.shape[-2:], self.mask.good(data), self.unit)
        if self.range[1] < low or self.range[0] > high:
            raise self._nowhere(low, high)
        return []

    def start(self, run, data):
        """Shares of all pixels, made by rank 0 for all (collective). Errors: DataError, JobError."""
        own: dict = {}
        self.geometry, self.bounds = run.team.on_root(lambda: self._made(own, data))
        arrays = [
            run.team.bcast_array(own.get(k))
            for k in ("first", "bin", "share", "norm", "dark", "f", "p", "shared")
        ]
        *entries, norm, self.dark_counts, ring_first, ring_pixel, self.shared = arrays
        self.matrix = Matrix(*entries, norm, (ring_first, ring_pixel))
        self.top, self.cells = self.mask.top(data.dtype), self.bins * self.sectors
        self.hot, self.lost, self.all, self.lock = 0, 0.0, 0.0, Lock()
        self._of_one()
        run.made["xrd"] = self.geometry, self.bounds
        true = data.beside.get("truth", {})
        keep_truth(run, {name: one for name, one in true.items() if np.shape(one) == data.shape[:-2]})
        run.made["xrd.integrate"] = self
        run.say(self._said(self.geometry))

    def block(self, block, info):
        """(k, row, column) -> (k, radial) or (k, azimuth, radial) float32, and errors."""
        frames = block.reshape(len(block), -1)
        if self.mask.hot:
            frames = self._clipped(frames, info)
        sums = self._sums(info.kernels, frames)
        good = self.evenly[:, 0] - sums[..., 2]
        good = np.where(good > 1e-6 * self.evenly[:, 0].max(), good, np.nan)
        pattern, errors = (sums[..., 0] - self.without) / good, np.sqrt(sums[..., 1]) / good
        pattern[self._absent(info)] = np.nan
        shape = (len(block), *([self.sectors] * (self.sectors > 1)), self.bins)
        self._count(sums, info)
        own = {
            "pattern": pattern.reshape(shape).astype(np.float32),
            "pattern_errors": errors.reshape(shape).astype(np.float32),
        }
        if self.sectors > 1:
            seen = np.isfinite(own["pattern"])
            own |= {"_cake_sum": np.where(seen, own["pattern"], 0), "_cake_frames": seen}
        return own

    def finish(self, run):
        """Axes, and what fits need of the errors; maps of a grid get its axes (collective)."""
        b = self.bounds
        with np.errstate(divide="ignore", invalid="ignore"):
            counting, overlap = 1 / self.evenly[:, 0], self.evenly[:, 1] / self.evenly[:, 0]
        shape = (self.sectors, self.bins) if self.sectors > 1 else (self.bins,)
        for name in ("pattern", "pattern_errors"):
            data = on_scan(run.team, run.data[name], run.data["data"])
            data.coords = data.coords | {
                "radial": (b.centres, UNITS[self.unit]),
                "azimuth": (b.azimuths, "deg"),
            }
            data.coords = {axis: known for axis, known in data.coords.items() if axis in data.axes}
            data.beside = {"counting": counting.reshape(shape), "overlap": overlap.reshape(shape)}
            data.beside["shared"] = self.shared
            data.nexus = self._definition()
            run.data[name] = data
        if self.sectors > 1:
            self._picture(run)
        lost, values, hot = run.team.total(self.lost, self.all, float(self.hot))
        if self.mask.hot:
            run.say(f"{self.name}: {int(hot)} values of hot pixels left out")
        if lost > MOST_LOST * values:
            part = f"{100 * lost / values:.2g} % of what good pixels see"
            run.say(f"{self.name}: {part} was not measured (negative, saturated or missing), and is left out")

    def _picture(self, run) -> None:
        """The mean of all frames, over both angles."""
        sums, frames = (run.data.pop(f"_cake_{name}").values for name in ("sum", "frames"))
        if not run.team.root:
            return
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = (sums / frames).astype(np.float32)
        b = self.bounds
        unit = UNITS[self.unit]
        axes = {"azimuth": (b.azimuths, "deg"), radial_name(unit): (b.centres, unit)}
        run.result.pictures["cake"] = Signal(mean, axes, "counts", "cake: mean of all frames", "frame")

    # ---- how it is made

    def _geometry(self, data) -> Geometry:
        """Of the PONI file, or as the data have it. Errors: DataError, JobError."""
        if not self.poni and "geometry" not in data.beside:
            raise JobError(
                f"{self.name}: it is not known where the detector stands; name its PONI file (`poni:`)"
            )
        geometry = read_poni(self.poni) if self.poni else data.beside["geometry"]
        pixel = data.facts.get("pixel")
        pixel = None if pixel is None else tuple(np.broadcast_to(pixel, 2).astype(float))
        values = {"pixel": pixel} if not all(geometry.pixel) and pixel else {}
        if geometry.wavelength is None:
            values["wavelength"] = data.facts.get("wavelength") or (
                PLANCK_C / data.facts["energy"] if "energy" in data.facts else None
            )
        geometry = Geometry(**{**vars(geometry), **values})
        if geometry.wavelength is None:
            raise DataError(
                f"{geometry.file}: the wavelength is missing, there and in the data; write `energy:` or "
                "`wavelength:` in the input section"
            )
        if not all(geometry.pixel):
            raise DataError(
                f"{geometry.file}: the size of the pixels is missing; write `pixel:` in the input section"
            )
        fits(geometry, data.shape[-2:], pixel)
        return geometry

    def _made(self, own: dict, data) -> tuple[Geometry, Bins]:
        """The arrays of rank 0 into `own`. Errors: DataError, JobError."""
        geometry, shape = self._geometry(data), data.shape[-2:]
        own["dark"], flat = dark_and_flat(self.dark, self.flat, data)
        good = self.mask.good(data) & (flat.reshape(shape) > 0)
        low, high = limits(geometry, shape, good, self.unit)
        bounds = Bins(self.unit, self.bins, *(self.range or (low, high)), self.sectors)
        made = matrix(geometry, shape, good, bounds, self.polarisation)
        if not len(made.bin):
            raise self._nowhere(low, high)
        own |= {"first": made.first, "bin": made.bin, "share": made.share, "norm": made.norm * flat}
        own |= {"f": made.rings[0], "p": made.rings[1], "shared": shared(made, bounds)}
        return geometry, bounds

    def _nowhere(self, low: float, high: float) -> DataError:
        there = f"{low:.4g} to {high:.4g} {UNITS[self.unit]}"
        return DataError(f"{self.name}.range: no pixel is there; they cover {there}")

    def _said(self, geometry: Geometry) -> str:
        light = "no polarisation" if self.polarisation is None else f"polarisation {self.polarisation:g}"
        return (
            f"{self.name}: {self.bins} bins of {self.unit} in {self.sectors} sectors, wavelength "
            f"{geometry.wavelength * 1e10:.5g} A, distance {geometry.distance:.5g} m, {light}"
        )

    def _of_one(self) -> None:
        """Sums of frames that are evenly lit, and that see no beam."""
        from nanompi.device import Cpu

        kernels = Cpu().kernels
        self.evenly = np.zeros((self.cells, 2))
        top, self.top = self.top, np.inf
        self.evenly[...] = self._sums(kernels, self.matrix.norm[None])[0, :, :2]
        self.without = self._sums(kernels, self.dark_counts[None])[0, :, 0]
        self.top = top

    def _sums(self, kernels, frames) -> np.ndarray:
        """(k, cells, 3) float64"""
        m, sums = self.matrix, np.empty((len(frames), self.cells, 3))
        kernels.integrate_frames(
            frames, m.norm, self.dark_counts, self.top, (m.first, m.bin, m.share), None, sums
        )
        return sums

    def _absent(self, info) -> np.ndarray:
        """Which items of a block were never measured"""
        absent = info.data.per_row.get("absent")
        return np.zeros(len(info.index), bool) if absent is None else np.asarray(absent).ravel()[info.index]

    def _count(self, sums, info) -> None:
        """What good pixels did not measure, of all"""
        if not info.again:
            with self.lock:
                self.lost += float(sums[..., 2].sum())
                self.all += float(self.evenly[:, 0].sum()) * len(sums)

    def above_rings(self, frames, kernels, sigma: float) -> tuple[np.ndarray, np.ndarray]:
        """What stands above the median of its ring by sigma times its spread, or what counting makes.

        frames : (k, P); gives (k, P) bool, and (k, P) float32 counts above the ring
        """
        first, pixel = self.matrix.rings
        middle, spread = (np.empty((len(frames), self.bins), np.float32) for _ in range(2))
        kernels.ring_middles(frames, self.matrix.norm, self.top, self.matrix.rings, middle, spread)
        ring, norm = np.repeat(np.arange(self.bins), np.diff(first)), self.matrix.norm[pixel]
        above, value = np.zeros(frames.shape, bool), np.zeros(frames.shape, np.float32)
        for j in range(len(frames)):
            over = frames[j, pixel] - middle[j, ring] * norm
            counted = np.sqrt(np.maximum(middle[j, ring] * norm, 0) + 1)
            with np.errstate(invalid="ignore"):
                own = over > sigma * np.maximum(CLIPPED * spread[j, ring] * norm, counted)
                own &= frames[j, pixel] < self.top
            above[j, pixel], value[j, pixel[own]] = own, over[own]
        return above, value

    def places(self, rows, columns, shape) -> tuple[np.ndarray, np.ndarray]:
        """Radial value and azimuth in deg of places on the frames, counted in pixels from the first one's
        middle."""
        t1, t2, t3, _ = self.geometry.lab(rows + 0.5, columns + 0.5, shape)
        radial = self.geometry.radial(np.arctan2(np.hypot(t1, t2), t3), self.unit)
        return radial, np.rad2deg(np.arctan2(t1, t2))

    def _clipped(self, frames, info):
        """The frames with hot pixels marked as not measured."""
        above, _ = self.above_rings(frames, info.kernels, self.mask.hot)
        if not info.again:
            with self.lock:
                self.hot += int(above.sum())
        mark = -1 if frames.dtype.kind != "u" else np.iinfo(frames.dtype).max
        return np.where(above, frames.dtype.type(mark), frames)

    def _definition(self) -> Definition:
        """As the application definitions NXazint1d and NXazint2d have it."""
        long_name = "2theta" if self.unit.startswith("2th") else "q"
        axes = {"radial": ("radial_axis", long_name), "azimuth": ("azimuthal_axis", "eta")}
        flags = {"solid_angle_applied": True, "polarization_applied": self.polarisation is not None}
        edges = {"radial_axis_edges": (self.bounds.edges, UNITS[self.unit], f"{long_name} bin edges")}
        return Definition(
            f"NXazint{1 + (self.sectors > 1)}d", "I", axes, edges, {**flags, "normalization_applied": True}
        )
