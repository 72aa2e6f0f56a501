"""From sinograms to slices, and what there is to say of them."""

from dataclasses import fields
from functools import partial
from typing import Literal

import numpy as np

from nanompi.errors import DataError
from nanompi.methods.tomo.angles import weights
from nanompi.methods.tomo.field import field_of
from nanompi.methods.tomo.judge import SUMS, Judge
from nanompi.methods.tomo.nxtomoproc import describe
from nanompi.methods.tomo.rays import Rays
from nanompi.methods.tomo.recon.fbp import FBP
from nanompi.methods.tomo.recon.fourier import Fourier
from nanompi.methods.tomo.recon.joseph import Mlem, Os, Sirt
from nanompi.methods.tomo.recon.toeplitz import Cgls
from nanompi.methods.tomo.recon.tv import Tv
from nanompi.methods.tomo.said import unheard
from nanompi.run.figures import Figure
from nanompi.run.result import result_holds
from nanompi.step import item, param, step

METHODS = {"fourier": Fourier, "fbp": FBP, "cgls": Cgls, "tv": Tv, "sirt": Sirt, "os": Os, "mlem": Mlem}
COVERED = 170.0  # degrees of the half turn; with less, directions are missing in the slice
OPTIONS = set().union(*(kind.takes for kind in METHODS.values()))
LEAST = 10.0  # degrees; with less there is no slice to be had


@step(
    "tomo",
    each="sinogram",
    gives={"data": item("y", "x")} | SUMS,
    gpu=True,
)
class Tomo:
    r"""Slices of parallel rays, x to the right, y down, the rotation axis in the middle.

    .. math::

        p(s, \theta) = \int f(s \cos\theta - t \sin\theta,\; s \sin\theta + t \cos\theta)\, dt, \qquad
        \hat p(\nu, \theta) = \hat f(\nu \cos\theta, \nu \sin\theta)

    p are the line integrals, f is the slice; `fourier` and `fbp` use the second equation, the others fit
    the first.

    Unit: 1/m where the pixel size is known, else per pixel.

    Source: doi:10.1137/1.9780898719277; gridding doi:10.1109/TMI.1985.4307723; `tv`
    doi:10.1137/080716542; `sirt` doi:10.1109/TMI.2008.923696; `os` doi:10.1109/TIP.2003.815295; `mlem`
    doi:10.1109/TMI.1982.4307558; `cgls` doi:10.1109/TSP.2005.853152

    Example::

        - {use: tomo, method: tv, halves: 0}
    """

    preceded_by = ("tomo.flat", "tomo.stripes", "tomo.centre")

    method: Literal["fourier", "fbp", "cgls", "tv", "sirt", "os", "mlem"] = param(
        "fourier",
        level="basic",
        help="fourier: by Fourier transforms and gridding, the fastest and most exact; fbp: filtered "
        "back-projection with linear interpolation, which damps high frequencies. By iterations, for few or "
        "noisy projections and those that end in the sample: tv (flat areas with sharp borders, as smooth as "
        "the noise asks for), cgls (least squares, the fastest of these), os (OS-SART, ordered subsets of at "
        "least 12 projections), sirt (one subset, slow), mlem (Poisson numbers, as counts of fluorescence)",
    )

    window: Literal["ramp", "shepp", "cosine", "hann", "parzen"] = param(
        "ramp",
        help="of fourier and fbp: damps high frequencies, and noise with them, ever more in this order",
    )

    cutoff: float = param(
        1.0, gt=0, le=1, help="of fourier and fbp: the highest frequency that is left, in parts of Nyquist's"
    )

    pad: Literal["edge", "zero"] = param(
        "edge",
        help="of fourier and fbp: how projections go on beyond the detector; edge, with their last value, "
        "leaves no bright rim where the sample is wider",
    )

    circle: float = param(
        1.0, gt=0, help="of fourier and fbp: radius of what is kept, in parts of what all projections see"
    )

    iterations: int | None = param(
        None,
        ge=1,
        help="of a method that iterates; if not given a slice ends where what is left of its projections is "
        "their noise, at most after: cgls 20, mlem 100, sirt 200, os 200 / subsets; of tv always 100",
    )

    smooth: float = param(
        1.0, gt=0, help="of tv: times the weight that is found from the noise; more = flatter, fewer details"
    )

    positive: Literal["auto"] | bool = param(
        "auto",
        help="of tv, os and sirt: slices are never negative; auto: where they are attenuation, not of phases",
    )

    halves: int = param(
        16,
        ge=0,
        help="of all but tv: rows of which halves of the projections are compared, for the resolution; 0 = "
        "none. What tv smooths agrees however little the projections resolve",
    )

    def sources(self) -> list:
        """Where the papers are named that stand behind these parameters (`nanompi.papers`)."""
        return [METHODS[self.method]]

    gives_figures = {
        "residual": Figure(score="residual", instead="negative", usual=True),
        "negative": Figure(score="negative"),
        "error": Figure(score="truth", instead="negative"),
        "resolution_px": Figure(score="resolution", instead="negative"),
    }

    def summary(self, run, folder) -> dict[str, float]:
        """Negative values, resolution, and the error where the truth is known (rank 0)."""
        own = run.result.notes.get("tomo", {}).get("tomo", {})
        return {name: own[name] for name in self.gives_figures if name in own}

    @staticmethod
    def compares(path: str) -> bool:
        """Is it a result of this program with a volume?"""
        return result_holds(path, "data/data", "reconstruction")

    @staticmethod
    def compare(a: str, b: str, show: dict | None = None) -> dict:
        """Two volumes, or one and its truth, in numbers (`tomo.compare`). Errors: DataError."""
        from nanompi.methods.tomo.compare import compare

        return compare(a, b, show)

    def sizes(self, known: dict[str, int]) -> dict[str, int]:
        """Sides of a slice where no double field of view makes them longer, for `run.foresight`."""
        return {"y": known["column"], "x": known["column"]}

    def check(self, data) -> list[str]:
        """What of the input `start` would refuse; the options that it would warn of. Errors: DataError."""
        if "column" in data.axes:
            checked_angles(data, unheard)
        return self._without_effect()

    def _without_effect(self) -> list[str]:
        """What there is to say of parameters that were given and that the method does not take"""
        own = {f.name: f.default for f in fields(self) if f.name in OPTIONS}
        idle = [k for k in own if k not in METHODS[self.method].takes and getattr(self, k) != own[k]]
        said = ((k, ", ".join(name for name, kind in METHODS.items() if k in kind.takes)) for k in idle)
        return [f"tomo: {k} changes nothing with {self.method}: it is of {those}" for k, those in said]

    def foresee(self, job, threads: int = 1):
        """What a job needs, said before it runs: a `nanompi.methods.tomo.foresee.Forecast`."""
        from nanompi.methods.tomo.foresee import Forecast

        return Forecast(job, threads)

    def start(self, run, data):
        """The rays and what makes slices of them. Errors: DataError where there are next to no angles."""
        n, team = data.size("column"), run.team
        for line in self._without_effect() if team.root else ():
            run.warn(line)
        self.doubts: list[str] = []  # rank 0
        angles, share = team.on_root(lambda: checked_angles(data, self._doubt(run)))
        self.nonnegative = self.positive is True or (self.positive == "auto" and data.unit != "rad")
        self.axis = data.facts.get("axis", ((n - 1) / 2, 0.0))
        self.field = team.on_root(lambda: field_of(angles, n, self.axis[0], self._doubt(run)))
        method, size = METHODS[self.method], self.field.size if self.field else n
        self.widens = bool(self.field) and not method.as_measured
        if self.field:
            run.say(f"tomo: double field of view, slices of {size} x {size}")
        rays = Rays(angles, share, size if self.widens else n, size, self.widens)
        make = partial(method, options=self, device=run.device)
        height = data.size("row") if "row" in data.axes else 1
        measured = Rays(angles, share, n, size)
        halves = self.halves if "halves" in method.takes else 0
        self.method_of, self.judge = make(rays), Judge(run.device, make, rays, measured, height, halves)
        self.judge.knows(_truth(data, size))
        self.phases, self.made_in = data.unit == "rad", unit_of(data)
        self.middle, self.pixel = (height - 1) / 2, data.facts.get("pixel", 1.0)

    @property
    def lanes(self) -> int:
        """Slices side by side, once it has started."""
        return self.method_of.lanes

    def _doubt(self, run):
        """A warning that the verdict has for a reason, too."""

        def doubt(line: str) -> None:
            run.warn(line)
            self.doubts.append(line.removeprefix("tomo: "))

        return doubt

    def block(self, block, info):
        """(k, angle, column) line integrals -> (k, y, x) attenuation, 0 where rays miss the detector"""
        column, slope = self.axis
        self.method_of.tell = info.tell
        rows = info.places.get("row", np.zeros(len(block), int))
        used = measured = block, column + slope * (rows - self.middle)
        if self.widens:
            used = self.field.widened(*measured, info.xp), measured[1] + self.field.left
        slices = self.method_of.slices(*used)
        made = slices / slices.dtype.type(self.pixel)  # line integrals have no unit: attenuation per metre
        return {"data": made} | self.judge.sums(rows, measured, used, slices, made)

    def block_pictures(self):
        """What is kept to be drawn, on the rank that has it."""
        return self.judge.pictures()

    def block_tallies(self):
        """Of the iterations of the slices of this rank."""
        return self.method_of.tallies()

    def block_regain(self, tallies):
        """With those of slices that were made before."""
        for name, own in self.method_of.tallies().items():
            own += tallies[name]

    def finish(self, run):
        """Slices are numbered along z, the axes carry their places; figures, curve and verdict."""
        volume = run.data[self.takes]
        self._iterated(run)
        if self.doubts:
            doubt = {"verdict": "doubtful", "reason": "; ".join(self.doubts)}
            run.result.notes.setdefault("tomo", {})["rays"] = doubt
        self.judge.finish(run, volume, self.window == "ramp" and self.cutoff == self.circle == 1)
        pixel = volume.facts.get("pixel")
        size, unit = (pixel, "m") if pixel else (1.0, "px")
        volume.axes = tuple("z" if axis == "row" else axis for axis in volume.axes)
        volume.spread = "z" if volume.spread == "row" else volume.spread
        for axis in {"z", "y", "x"} & set(volume.axes):
            n = volume.size(axis)
            volume.coords[axis] = (np.arange(n) - (n - 1) / 2) * size, unit
        describe(run.result, getattr(run, "name", ""), self, volume)
        if run.team.root:
            run.result.arrays |= self.judge.true_slices(self.made_in)
        volume.unit, volume.title = self.made_in, "phase" if self.phases else "attenuation"

    def _iterated(self, run):
        """What the method says of its iterations."""
        own = self.method_of.notes(run.team)
        if own:
            run.result.notes.setdefault("tomo", {})["iterations"] = own
            run.say(f"tomo: {self.method}: {own['said']}")
        if "warning" in own:
            run.warn(f"tomo: {self.method}: {own['warning']}")


def checked_angles(data, warn) -> tuple[np.ndarray, np.ndarray]:
    """(A,) angles and (A,) weights, both in rad; a warning where directions are missing.

    Errors: DataError where there are no angles, or next to no directions.
    """
    if "angle" not in data.coords:
        raise DataError("tomo needs the angles of the projections; the data have none")
    angles = np.asarray(data.coords["angle"][0], np.float64)
    share = weights(angles)
    n, degrees = len(angles), float(np.rad2deg(share.sum()))
    if degrees < LEAST:
        raise DataError(
            f"tomo: {n} projections cover {degrees:.3g} degrees; a slice needs 180. If the angles are in "
            "radians, say so in the input section: `units: {angle: rad}`"
        )
    if degrees < COVERED:
        warn(
            f"tomo: the projections cover {degrees:.4g} of 180 degrees; edges along the missing "
            "directions are blurred, and values are too low"
        )
    return angles, share


def unit_of(data) -> str:
    """The unit of the slices that are made of projections: of phases in rad, of attenuation else."""
    return f"{'rad' if data.unit == 'rad' else '1'}/{'m' if data.facts.get('pixel') else 'px'}"


def _truth(data, size: int):
    """The source of true slices, `size` wide; None where there is none such."""
    truth = data.beside.get("truth")
    if truth is None or truth.shape[-1] == size:
        return truth
    return truth.of_size(size) if hasattr(truth, "of_size") else None
