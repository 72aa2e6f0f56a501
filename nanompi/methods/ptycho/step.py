"""The step `ptycho`: object and probe from prepared frames."""

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nanompi.errors import JobError
from nanompi.methods.ptycho import background, flux
from nanompi.methods.ptycho.balance import Balance
from nanompi.methods.ptycho.engines.engine import run_chain
from nanompi.methods.ptycho.engines.state import of_presolve
from nanompi.methods.ptycho.heldout import held_out, put_last
from nanompi.methods.ptycho.judged import FIGURES, HISTORY
from nanompi.methods.ptycho.modes import extra_modes
from nanompi.methods.ptycho.overlap import check_overlap
from nanompi.methods.ptycho.positions import Places, check_span, place
from nanompi.methods.ptycho.problem import Problem
from nanompi.methods.ptycho.refine import GRID, Refinement, RefinePositions
from nanompi.methods.ptycho.scan import scan_of
from nanompi.methods.ptycho.share import open_share
from nanompi.methods.ptycho.start import (
    StartObject,
    StartProbe,
    check_start,
    probe_kind,
    start_object,
    start_probe,
)
from nanompi.methods.ptycho.view import view
from nanompi.optics.frc import half_bit
from nanompi.optics.geometry import Geometry
from nanompi.optics.propagate import propagator
from nanompi.step import METHODS, param, step

if TYPE_CHECKING:
    from nanompi.methods.ptycho.halves import Halves


@dataclass
class Reconstruction:
    """What the step gives, as run.made["ptycho"].

    O, weight : (H, W) complex and real, sum |P|^2 over all frames: where the object was seen, and how well;
        on rank 0, None elsewhere
    P       : (M, h, w) complex, equal on all ranks
    history : list of dicts, one per iteration
    halves  : what two images of half of the scan each have in common; on rank 0, None where none were made
    held    : {frame, deviance, expected}, of the frames left out before they were taken in
    variation : how the probe differs from frame to frame (`vary.Varied.result`), {} where it does not
    flux    : (n,) relative brightness of the beam in each frame, on rank 0; None where it was not refined
    background : counts of each pixel that do not come through the object
    presolve : like `history`, of the iterations at half resolution; [] where there were none
    """

    O: np.ndarray | None
    P: np.ndarray
    weight: np.ndarray | None
    places: Places
    geometry: Geometry
    history: list[dict[str, Any]]
    halves: "Halves | None" = None
    held: dict[str, list] = field(default_factory=dict)
    variation: dict[str, np.ndarray] = field(default_factory=dict)
    flux: np.ndarray | None = None
    background: float = 0.0
    presolve: list[dict[str, Any]] = field(default_factory=list)


@step("ptycho", needs=["frames"], gives=["ptycho"])
class Ptycho:
    r"""Ptychographic reconstruction of object and probe modes by a chain of engines.

    .. math::

        I_{jk} \approx a_{jk} = \sum_m | F(P_m(r)\, O(r + r_j)) |^2_k

    O is the object, P_m are the modes of the probe, r_j the positions; F is a Fourier transform in the
    far field, the angular spectrum in the Fresnel-scaled geometry with `input.focus`.

    `presolve` is a chain of its own that runs before `engines`, on the middle half of the detector: there the
    pixels of the object are twice as large, an iteration costs a third, and the engines find a strong object
    more easily. Object, probe and flux are the start of `engines`. Far field
    alone, frames of 32 x 32 or more.

    Unit: the object is a complex transmission without unit, its phase in rad; the probe has the root of
    counts.

    Source: that of each engine; probe modes doi:10.1038/nature11806

    Example::

        - use: ptycho
          probe: {modes: 2}
          engines: DM*50 ML*100
    """

    followed_by = "ptycho.finish"
    as_stored = {"data": ("ptycho.prepare", "frames", "ptycho")}
    explains = FIGURES
    logs = {name: meaning for name, (_, meaning) in HISTORY.items()}

    engines: list | str = param(
        "DM*100 ML*100", kind="engine", level="basic", help="engines from left to right with their iterations"
    )
    presolve: list | str | None = param(
        None,
        kind="engine",
        help="engines that run before those at half resolution, on the middle half of the detector, such as "
        "DM*50 before `engines: DM*40 ML*50`: for objects of several rad; far field",
    )
    probe: StartProbe = param(StartProbe(), level="basic", help="the probe at the start, and its modes")
    object: StartObject = param(StartObject(), help="the object at the start")
    subpixel: int | Literal["auto"] = param(
        "auto", ge=1, le=64, help="positions are rounded to 1/subpixel of a pixel"
    )
    positions: RefinePositions | None = param(
        None,
        level="basic",
        help="true: the frames are moved, too, in ML, to where they fit object and probe best; errors of "
        "2 px rms are mostly found, of 3 px often not",
    )
    figures: int = param(10, ge=1, help="R-factor, likelihood and photons each so many iterations")
    heldout: float | Literal["auto"] = param(
        "auto",
        ge=0,
        lt=0.5,
        help="part of the frames left out until the last iterations, to judge the result by them; auto = "
        "0.05 of scans of at least 100 frames",
    )
    flux: bool = param(True, help="the brightness of the beam in each frame is refined with the image")
    background: float | Literal["auto"] = param(
        0.0,
        ge=0,
        help="counts in each pixel of each frame that do not come through the object; auto = the floor of "
        "the mean frame less the light in it, 0 where that is not even",
    )
    frc: Literal["off", "halves"] = param(
        "off",
        level="basic",
        help="halves: what the scan resolves, by two more images, each of half of what was measured",
    )
    combine: Literal["auto", "allreduce", "overlap"] = param(
        "auto",
        same_answer=True,
        help="each rank holds all of the object and the sums go to all, or each holds its region and only "
        "what ranks share is exchanged; auto takes the second where it sends less than half",
    )
    balance: Literal["auto", "off"] = param(
        "auto",
        same_answer=True,
        help="ranks that are 10 % slower than the mean give frames to others: other sums, the same answer to "
        "rounding; off = the same bits in every run",
    )
    atomics: bool = param(
        False,
        same_answer=True,
        help="object sums on cards by atomic adds: not the same bits in every run",
    )

    def sources(self) -> list:
        """Where the papers are named that stand behind these parameters (`nanompi.papers`)."""
        return [half_bit] if self.frc == "halves" else []

    def run(self, run):
        run.device.atomics = self.atomics
        run.data["frames"] = run.data["frames"].for_engines()
        scan = scan_of(run)
        out = held_out(scan.positions, self.heldout)
        if out is not None:
            put_last(run.data["frames"], out, run.team.rank)
        p, geometry = self.problem(run, out)
        balance = None if self.balance == "off" else balanced(run)
        if run.control:
            run.control.view = partial(view, p, geometry.pixel)
        self.at_half_resolution(run, p, geometry)
        history = run_chain(self.engines, p, self.figures, run.say, run.note, run.control, balance)
        for line in flux.words(p):
            run.say(line)
        planned = sum(engine.iterations for engine in self.engines)
        if history:
            from nanompi.methods.ptycho.judge import verdict

            verdict(run, p, geometry, history, planned)
        variation = self.variation(p)
        if p.refinement:
            run.say(p.refinement.words())
        weight = p.object_weights(p.shifts.library(p.P))
        O, weight = p.whole(), p.share.on_root(weight)
        P, halves = p.device.host(p.P), None
        if self.frc == "halves":
            halves = self.halves(run, p, geometry, planned)
        held, presolve = p.state.get("held") or {}, p.state.get("presolve") or []
        known = halves, held, variation, flux.whole(p), p.background, presolve
        run.made["ptycho"] = Reconstruction(O, P, weight, p.places, geometry, history, *known)

    def halves(self, run, p, geometry, planned: int) -> "Halves | None":
        """What two images of half of the scan have in common (collective). planned : iterations of the whole
        run"""
        from nanompi.methods.ptycho.halves import Chain, compare_halves, not_made

        if p.iteration < planned:
            return not_made(run, "iterations were skipped")
        chain = Chain(self.engines, self.figures, self.sums(), self.presolve or [])
        return compare_halves(run, p, chain, geometry)

    def at_half_resolution(self, run, p, geometry):
        """The start from engines on the middle half of the detector, where the job asks for it and the run
        does not go on from a later state (collective)."""
        if self.presolve and not saved_state(run):
            from nanompi.methods.ptycho.presolve import presolve

            presolve(p, geometry, self.presolve, self.figures, run.say, run.control)

    def modes(self, run, p, P, geometry) -> int:
        """How many modes the probe has; no fewer than at the start (collective)"""
        p.state["modes"] = self.probe.modes
        if self.probe.modes != "auto":
            return max(self.probe.modes, len(P))
        if len(P) > 1 or saved_state(run):
            return len(P)
        from nanompi.methods.ptycho.count_modes import count_modes

        counted = count_modes(run, p, P, geometry)
        run.say(counted.words())
        return counted.modes

    def variation(self, p) -> dict[str, np.ndarray]:
        """How the probe differs from frame to frame, by name; {} where it does not (collective)"""
        if not p.varied:
            return {}
        p.varied.tidy(p)
        return p.varied.result(p)

    def __post_init__(self):
        if not isinstance(self.engines, str):  # else it is not made by a job
            self.check_positions()
            self.sums()

    def check(self, scan):
        """Can the start values be had, as far as scan and files tell? Errors: DataError, JobError."""
        check_start(self.probe, self.object, scan)
        shape = scan.source.shape[1:] if scan.source else None
        self.check_presolve(scan.focus, *([shape] if shape else []))
        if shape and not scan.distance_sought:
            pixel = Geometry(scan.wavelength, scan.distance, scan.pixel, shape, scan.focus).pixel
            check_span(scan.positions, pixel)

    def foresee(self, job, threads: int):
        """What a job needs, said before it runs: a `nanompi.methods.ptycho.scaling.forecast.Forecast`."""
        from nanompi.methods.ptycho.scaling.forecast import Forecast

        return Forecast(job, threads)

    def problem(self, run, out=None) -> tuple[Problem, Geometry]:
        """Start values and frames of this rank; the same object and probe on all ranks. out : as `held_out`
        has it"""
        scan, frames, d = run.data["data"], run.data["frames"], run.device
        shape = frames.counts.shape[1:]
        saved = saved_state(run)
        geometry = Geometry(scan.wavelength, scan.distance, frames.pixel, shape, scan.focus)
        self.check_presolve(scan.focus, shape)
        places = run.team.on_root(lambda: self.place(scan, geometry))
        optics = propagator(d, geometry, places.rests)
        share, told = open_share(self.sums(), run.team, d, places, frames.index, shape, out)
        O = np.broadcast_to(1, places.shape) if saved else start_object(self.object, run, places, geometry)
        p = Problem.of(run.team, d, frames, places, optics, share, out)
        p.O, p.unseen = d.array(share.part(O), d.complex), self.unseen(run, share, saved, O)
        p.varies = self.probe.varies
        p.refinement = self.refinement(places)
        p.background = background.floor(p) if self.background == "auto" else self.background
        if self.background == "auto":
            run.say(background.words(p.background))
        if self.flux:
            flux.begin(p, monitored=frames.scale is not None)
        with run.clock.phase("start"):
            shown = flux.as_scale(run, p)
            P = saved.array("P") if saved else start_probe(self.probe, shown, p, geometry)
            p.P = d.array(extra_modes(P, self.modes(shown, p, P, geometry)), d.complex)
        run.say("\n".join(filter(None, (_sizes(p, geometry), told))))
        guessed = probe_kind(self.probe, scan) == "data"
        about = (places, geometry.pixel, guessed, run.say, scan.numbers)
        run.team.on_root(lambda: check_overlap(d.host(p.P), *about))
        return p, geometry

    def refinement(self, places) -> Refinement | None:
        """What moves the frames. Errors: JobError where it cannot be with what else is asked for."""
        self.check_positions()
        return Refinement.of(self.positions, places) if self.positions else None

    def check_positions(self):
        """Can frames move with what else is asked for? Errors: JobError."""
        if not self.positions:
            return
        if self.probe.varies:
            raise JobError(
                f"ptycho.positions: frames do not move with `probe: {{varies: {self.probe.varies}}}`, which "
                "gives each a probe for its place; take one of the two out"
            )
        if not any(
            self.positions.due(i) for e in self.engines if e.name == "ML" for i in range(e.iterations)
        ):
            raise JobError(
                "ptycho.positions: ML alone moves frames, and no iteration of ML is one in which they move "
                f"(after: {self.positions.after}, until: {self.positions.until}); give `engines` more of ML, "
                "such as DM*50 ML*50"
            )

    def check_presolve(self, *of_scan):
        """Can the presolve be had with the scan? of_scan : focus, shape of a frame. Errors: JobError."""
        if self.presolve:
            from nanompi.methods.ptycho.presolve import check_presolve

            check_presolve(self.presolve, self.engines, *of_scan)

    def unseen(self, run, share, saved, O):
        """What no rank holds, where no frame looks (rank 0): what the object had at the start"""
        flat = self.object.start == "flat" and not self.presolve
        if share.way == "allreduce" or flat or not run.team.root:
            return 1
        return saved.array("O") if saved else O

    def sums(self) -> str:
        """`combine`, as the engines allow it. Errors: JobError where one needs the whole object."""
        needs = [e.name for e in [*self.engines, *(self.presolve or [])] if getattr(e, "needs_whole", False)]
        if self.combine == "overlap" and needs:
            raise JobError(
                f"ptycho.combine: overlap, but {needs[0]} with these parameters needs the whole object on "
                "every rank; use combine: allreduce or auto"
            )
        return "allreduce" if needs else self.combine

    def place(self, scan, geometry) -> Places:
        """Places with the finest grid worth having: whole pixels when the positions are whole"""
        if self.positions:
            q = GRID if self.subpixel == "auto" else self.subpixel
            return place(scan.positions, geometry.pixel, geometry.shape, q, self.positions.reach)
        whole = place(scan.positions, geometry.pixel, geometry.shape)
        if self.subpixel != "auto":
            return place(scan.positions, geometry.pixel, geometry.shape, self.subpixel)
        rest = np.abs(whole.corners - whole.at[:, :2]).max()
        return whole if rest < 0.02 else place(scan.positions, geometry.pixel, geometry.shape, SUBPIXEL)


SUBPIXEL = 8


def saved_state(run):
    """The checkpoint from which the engines at full resolution go on; None where there is none."""
    saved = run.control.saved() if run.control else None
    return None if of_presolve(saved) else saved


def balanced(run) -> Balance | None:
    """What moves frames between the ranks of a run, where it may"""
    if run.team.size == 1:
        return None
    frames, positions = run.data["frames"], run.data["data"].positions
    return Balance(METHODS["partition"][frames.split](), positions, run.say, frames, frames.parts)


def _sizes(p, geometry) -> str:
    (H, W), (M, h, w), (dy, dx) = p.places.shape, p.P.shape, geometry.pixel
    return (
        f"ptycho: object {H} x {W} pixels of {dy * 1e9:.4g} x {dx * 1e9:.4g} nm, "
        f"{M} probe mode{'s' * (M > 1)} of {h} x {w}, "
        f"{len(p.places.rests)} sub-pixel shift{'s' * (len(p.places.rests) > 1)}, "
        f"transforms by {p.device.transforms((h, w))}"
    )
