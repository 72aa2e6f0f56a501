"""The step `cdi`: an object from one diffraction pattern, by many starts spread over the ranks."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np

from nanompi.errors import NumbersError, common
from nanompi.methods.cdi import result
from nanompi.methods.cdi.judge import AGREED, judge
from nanompi.methods.cdi.pattern import Pattern
from nanompi.methods.cdi.phase import FIGURES, Phasing
from nanompi.methods.cdi.prepare import checked, prepare, shared
from nanompi.methods.cdi.prtf import Curve, prtf
from nanompi.methods.cdi.refine import Refine, Refined
from nanompi.methods.cdi.solutions import Combined, best_of, centred, combine, extent, score
from nanompi.methods.cdi.starts import Starts
from nanompi.methods.cdi.support import Support, from_autocorrelation, from_file
from nanompi.optics.geometry import PLANCK_C, Geometry
from nanompi.run.figures import Figure
from nanompi.step import param, step


@dataclass
class Found:
    """What the step gives, as run.made["cdi"]; on rank 0, None elsewhere.

    pattern : as it was used; figures : {number of a start: its figures}; order : of these, the best first
    by      : the name of the figure that ranks
    image   : complex64, in natural order, its middle at n // 2; support : bool, the same
    refined : of this image, None where it is the average itself; history : of the best start
    box     : the part of it that is shown; curve : PRTF; pixel : m of the object along each axis, or ()
    """

    pattern: Pattern
    figures: dict[int, dict]
    order: list[int]
    by: str
    combined: Combined
    image: np.ndarray
    support: np.ndarray
    box: tuple[slice, ...]
    curve: Curve
    pixel: tuple[float, ...]
    positive: bool
    geometry: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    truth: np.ndarray | None = None
    refined: Refined | None = None
    history: list[dict] = field(default_factory=list)


@step("cdi", needs=["data"], gives=["cdi"])
class Cdi:
    r"""Coherent diffraction imaging: the object from one pattern, in two or three dimensions.

    .. math::

        I_k \approx \frac{1}{N} | F \psi |^2_k, \qquad \psi = 0 \text{ outside of its support}

    Each start begins with random phases of its own, and goes through the chain of projections while the
    support follows the object. The best starts are laid on each other (place, phase, and the twin image) and
    averaged. The average is placed within its pixels, where the fewest counts are missed, gets a support of
    its own, and is iterated on (`refine`). The answer does not depend on the number of ranks.

    Unit: the image has the root of counts, its phase is in rad; lengths in m where energy, distance and pixel
    are known.

    Source: that of each projection; support doi:10.1103/PhysRevB.68.140101; PRTF
    doi:10.1364/JOSAA.23.001179

    Example::

        - use: cdi
          starts: 50
          chain: HIO*300 RAAR*300 ER*100
          support: {threshold: 0.15}
    """

    explains = FIGURES

    starts: int = param(20, ge=1, le=100_000, level="basic", help="how many starts from random phases")
    chain: list | str = param(
        "RAAR*600 ER*200",
        kind="projection",
        level="basic",
        help="projections from left to right with their iterations: HIO, RAAR, ER",
    )
    support: Support = param(Support(), level="basic", help="where the object may be")
    positive: bool = param(False, level="basic", help="the object is real and not negative")
    average: int | Literal["auto"] = param(
        "auto",
        ge=1,
        help="how many of the best starts are averaged; auto = those within 20 % of the best, or within 5 % "
        "of its llk, at most half",
    )
    refine: bool = param(
        True, help="the average is placed within its pixels and iterated on, in a new support"
    )
    heldout: float = param(
        0.02,
        ge=0,
        le=0.3,
        help="part of the pixels that the iterations do not see, to rank the starts by; 0 = by the error",
    )
    rho: float = param(
        0.0,
        ge=0,
        le=10,
        help="trust in the wave against the noise of the counts, 0 = as counted; 0.1 where most counts are "
        "single ones",
    )
    centre: tuple[float, float] | tuple[float, float, float] | Literal["auto"] = param(
        "auto",
        unit="px",
        level="basic",
        help="row and column of the centre of the pattern (of a volume plane, row, column), counted from 0; "
        "auto = of its symmetry",
    )
    stop: float = param(
        0.0, ge=0, unit="px", help="radius of a beam stop about the centre that no mask of the file covers"
    )
    size: int | None = param(
        None, ge=16, unit="px", help="sides of the window about the centre, at most; all if not given"
    )
    saturated: float | None = param(None, gt=0, help="counts from here on are not known")
    seed: int = param(1, ge=0, help="another number gives other starts")

    gives_figures = {
        "free": Figure(score="free", instead="error", usual=True),
        "error": Figure(score="error"),
        "llk": Figure(score="llk", best=1.0, instead="error"),
        "truth_error": Figure(score="truth", instead="error"),
        "resolution_px": Figure(score="resolution", instead="error"),
        "first_mode": Figure(score="agreement", best=1.0, instead="error"),
    }

    def summary(self, run, folder) -> dict[str, float]:
        """Figures of the best start, resolution, and the error where the truth is known (rank 0)."""
        own = run.result.notes.get("cdi", {})
        return {name: own[name] for name in self.gives_figures if own.get(name) is not None}

    @staticmethod
    def compares(path: str) -> bool:
        """Is it a result of this step?"""
        from nanompi.methods.cdi.compare import is_result

        return is_result(path)

    @staticmethod
    def compare(a: str, b: str, show: dict | None = None) -> dict:
        """Two images in numbers, or an image and its truth (`cdi.compare`). Errors: DataError."""
        from nanompi.methods.cdi.compare import compare

        return compare(a, b, show)

    def foresee(self, job, threads: int):
        """Memory and time of a job, before it runs: a `nanompi.methods.cdi.foresee.Forecast`."""
        from nanompi.methods.cdi.foresee import Forecast

        return Forecast(job, self, threads)

    def check(self, data) -> list[str]:
        """Errors: DataError where the data are no pattern, or the support does not fit it."""
        checked(data)
        if self.support.file:
            shape = data.shape if data.axes[0] == "plane" else data.shape[1:]
            from_file(self.support.file, self.support.path, shape)
        return []

    def run(self, run):
        data, team = run.data["data"], run.team
        made = [None, None, None]

        def first():
            checked(data)
            made[:2] = prepare(data, self, run.device.threads)
            made[2] = self.first_support(made[0])

        with run.clock.phase("prepare"):
            team.on_root(first)
            pattern = shared(team, made[0])
            S0 = team.bcast_array(made[2])
        run.say(self.words(pattern, S0))
        phasing = Phasing(
            run.device, pattern, self.chain, self.support, S0, self.positive, self.rho, self.seed
        )
        starts = Starts(run, phasing, self.starts)
        if run.control:
            run.control.view = partial(starts.view, object_pixel(data, pattern.shape)[0], self.positive)
        figures = starts.all()
        _finite(figures)
        best = best_of(figures, self.average)
        images, support = starts.fetch(best)
        history = starts.history(best[0], figures[best[0]])
        run.made["cdi"] = None
        if team.root:
            with run.clock.phase("finish"):
                run.made["cdi"] = self.finish(
                    run, phasing, made[1], figures, (best, images, support, history)
                )

    def first_support(self, pattern: Pattern) -> np.ndarray:
        """bool, FFT order. Errors: DataError."""
        if self.support.file:
            return from_file(self.support.file, self.support.path, pattern.shape, pattern.notes)
        return from_autocorrelation(pattern, self.support.start)

    def words(self, pattern: Pattern, S0) -> str:
        """What the log says before the first start."""
        size, notes = " x ".join(map(str, pattern.shape)), pattern.notes
        at = ", ".join(f"{c:g}" for c in pattern.centre)
        order = "cdi: the pattern is in FFT order, brightest about pixel 0; it was shifted to its middle\n"
        told = order if notes.get("fft_order") else ""
        told += f"cdi: {notes['support_file']}\n" if "support_file" in notes else ""
        return told + (
            f"cdi: {size} pixels about the centre ({at}), {notes['counts']:.4g} counts, {notes['masked']} "
            f"pixels not measured, {notes['held_out']} held out; {self.starts} starts; the first support has "
            f"{int(S0.sum())} pixels"
        )

    def finish(self, run, phasing: Phasing, symmetry, figures, best) -> Found:
        """Average, image, curve, figures, result and verdict (rank 0). best : (numbers, images, support of
        the first, its history)"""
        numbers, images, S, history = best
        threads, data, pattern = run.device.threads, run.data["data"], phasing.pattern
        combined = combine(numbers, images, threads)
        refined = self.refined(run, phasing, combined, S, [figures[n] for n in numbers])
        image, S = (refined.image, refined.support) if refined else (combined.average, S)
        move = centred(combined.average)
        axes = tuple(range(len(move)))
        for name in ("images", "modes"):
            setattr(combined, name, np.roll(getattr(combined, name), move, tuple(a + 1 for a in axes)))
        combined.average, image, S = (np.roll(a, move, axes) for a in (combined.average, image, S))
        combined.average *= _level(combined.average)
        image = result.natural(image * _level(image)).astype(np.complex64)
        support = result.natural(S != 0)
        curve = prtf(combined.images, pattern, threads)
        order = sorted(figures, key=lambda n: (score(figures[n]), n))
        pixel, geometry = object_pixel(data, pattern.shape)
        by = "free" if "free" in figures[order[0]] else "error"
        found = Found(pattern, figures, order, by, combined, image, support, result.box_of(support), curve,
                      pixel, self.positive, geometry, truth=data.beside.get("truth"), refined=refined,
                      history=history)  # fmt: skip
        found.facts = self.facts(found, threads)
        run.say(result.lines(figures, order, set(numbers)))
        run.say(_words(found))
        result.fill(run, found)
        last = refined.figures if refined else figures[order[0]]
        judge(run, found.facts | {"figures": last, "amiss": pattern.notes.get("amiss", []),
                                  "weights": combined.weights,
                                  "extent": extent(support), "shape": pattern.shape, "symmetry": symmetry,
                                  "centre": pattern.centre, "starts": len(figures),
                                  "threshold": self.support.threshold,
                                  "fixed": bool(self.support.file)})  # fmt: skip
        return found

    def refined(self, run, phasing: Phasing, combined: Combined, S, figures: list[dict]) -> Refined | None:
        """The image from the average, None where that is left as it is"""
        if not self.refine:
            return None
        if len(combined.numbers) > 1 and combined.weights[0] < AGREED:
            run.say("cdi: the average is not iterated on: the starts that it is made of disagree")
            return None
        found = Refine(phasing, run.clock.tick)(combined.images, S != 0)
        if found.better(figures):
            return found
        run.say("cdi: the average is left as it is: iterated on, it came no nearer to the counts")
        return None

    def facts(self, found: Found, threads: int) -> dict[str, Any]:
        """Figures for the notes: of the best start, and of all together"""
        from nanompi.methods.cdi.compare import error_of

        best, curve = found.figures[found.order[0]], found.curve
        q = curve.crossing
        out = {k: v for k, v in best.items() if k != "support"}
        out |= {
            "best": found.order[0],
            "chosen": len(found.combined.numbers),
            "support_px": int(found.support.sum()),
            "sampling": found.pattern.counts.size / max(1, int(found.support.sum())),
            "first_mode": float(found.combined.weights[0]),
            "prtf_crossing": q,
            "resolution_px": 0.5 / q if q else 1.0,
        }
        if found.refined:
            out |= {f"image_{name}": found.refined.figures[name] for name in ("error", "llk", "free")
                    if name in found.refined.figures}  # fmt: skip
            out["image_moved"] = list(found.refined.moved)
        if found.pixel:
            out["resolution"] = out["resolution_px"] * max(found.pixel)
        if found.truth is not None and found.truth.shape == found.image.shape:
            out["truth_error"] = error_of(found.image, found.truth, threads)
        return out


def _finite(figures: dict[int, dict]):
    """Errors: NumbersError where no start has an error that is a number."""
    if not any(np.isfinite(score(one)) for one in figures.values()):
        raise common(NumbersError(
            f"cdi: none of {len(figures)} starts has a finite error; look at the pattern (`nanompi "
            "inspect`), at its mask, and at cdi.support"
        ))  # fmt: skip


def _level(image) -> np.complex64:
    """The factor that makes the mean phase of what is bright zero."""
    total = complex((image * np.abs(image)).sum(dtype=complex))
    return np.complex64(np.conj(total) / abs(total)) if total else np.complex64(1)


def _words(found: Found) -> str:
    facts = found.facts
    length = f", {facts['resolution'] * 1e9:.4g} nm" if "resolution" in facts else ""
    falls = f"falls below 1/e at a half period of {facts['resolution_px']:.3g} px{length}"
    falls = falls if facts["prtf_crossing"] else f"never falls below 1/e: the pixel decides{length}"
    moved = ", ".join(f"{s:.2f}" for s in facts.get("image_moved", ()))
    image = f"; moved by ({moved}) px and iterated on to llk {facts.get('image_llk', 0):.4f}" if moved else ""
    alone = "is of one start alone and says nothing" if facts["chosen"] == 1 else falls
    truth = f"; error against the truth {facts['truth_error']:.4f}" if "truth_error" in facts else ""
    return (
        f"cdi: {facts['chosen']} starts averaged, {100 * facts['first_mode']:.1f} % of their power in one "
        f"image{image}; oversampling {facts['sampling']:.2f}; the PRTF {alone}{truth}"
    )


def object_pixel(data, shape) -> tuple[tuple[float, ...], dict[str, Any]]:
    """(m along each axis of the object, or (), what result files say of the geometry)."""
    names = ("energy", "distance", "pixel")
    known = {name: data.facts.get(name, getattr(data, name, None)) for name in names}
    wavelength = getattr(data, "wavelength", None)
    if wavelength is None and isinstance(known["energy"], float):
        wavelength = PLANCK_C / known["energy"]
    pixel = known["pixel"] if isinstance(known["pixel"], tuple) else (known["pixel"],) * 2
    numbers = [wavelength, known["distance"], *pixel]
    if not all(isinstance(v, float | int) and np.isfinite(v) for v in numbers):
        return (), {}
    g = Geometry(float(wavelength), float(known["distance"]), tuple(map(float, pixel)), shape[-2:])
    plane = () if len(shape) == 2 else (g.wavelength * g.distance / (shape[0] * g.detector[0]),)
    about = {"wavelength": g.wavelength, "energy": PLANCK_C / g.wavelength, "distance": g.distance,
             "detector_pixel": list(g.detector)}  # fmt: skip
    return (*plane, *g.pixel), about
