"""The step `ptycho.prepare`: stored frames become counts on each rank.

Order of work: dark, counts = value / gain, mask, orientation, window around the centre, rebin, FFT order (far
field). Rank 0 looks at a few frames to find gain, mask, centre and window; then each rank's frames are loaded
and prepared block by block.
"""

from typing import Literal

import numpy as np

from nanompi.data import load
from nanompi.methods.ptycho.parts import parts_of
from nanompi.methods.ptycho.prepare import centre as beam
from nanompi.methods.ptycho.prepare import (
    crop,
    dark,
    faulty,
    health,
    mask,
    monitor,
    noise,
    orientation,
    sample,
    values,
    zingers,
)
from nanompi.methods.ptycho.prepare.arrays import frame
from nanompi.methods.ptycho.prepare.dark import Dark
from nanompi.methods.ptycho.prepare.empty import brightest, improbable, leave_empty_out
from nanompi.methods.ptycho.prepare.mask import Mask
from nanompi.methods.ptycho.prepare.orientation import AUTO
from nanompi.methods.ptycho.prepare.plan import Plan
from nanompi.methods.ptycho.prepare.prepared_cache import PreparedCache
from nanompi.methods.ptycho.scan import AXES, Frames, Scan, as_scan, scan_of
from nanompi.step import param, step


@step("ptycho.prepare", needs=["data"], gives={"frames": " ".join(AXES)})
class Prepare:
    r"""Load the frames, mask, crop and orient them.

    .. math::

        I = \frac{y - D}{g}

    y are stored values, D is the dark image, g the gain. Then: mask, orientation, window around the
    centre, rebin.

    Unit: counts.

    Source: no paper; what is looked for is told in the log.

    Example::

        - {use: ptycho.prepare, size: 128, orientation: 4}
        - ptycho
    """

    as_stored = {"data": ("ptycho.prepare", "frames", "ptycho")}

    size: int | tuple[int, int] | Literal["auto"] = param(
        "auto",
        unit="px",
        ge=2,
        level="basic",
        help="window around the centre in detector pixels, n or [rows, columns]; auto = whole",
    )
    centre: Literal["auto", "middle"] | tuple[float, float] = param(
        "auto",
        help="where the beam hits the stored frame: [row, column], middle, or auto = found (far field)",
    )
    mask: Mask = param(Mask(), level="basic", help="which detector pixels count")
    dark: Dark | float | Literal["auto"] = param(
        "auto", ge=0, help="subtracted: a number, {file: ...}, or auto = the dark image of the scan file"
    )
    rebin: int = param(1, ge=1, le=32, help="sum this many pixels along rows and along columns")
    orientation: int | list[bool] | Literal["auto"] = param(
        0,
        ge=0,
        le=7,
        level="basic",
        help="4 * transpose + 2 * flipud + fliplr of the stored frames, or [transpose, flipud, fliplr]; auto "
        "= found from some frames",
    )
    normalise: bool = param(False, help="follow the incident intensity measured by the monitor")
    split: str = param(
        "kmeans",
        kind="partition",
        same_answer=True,
        help="how the scan positions are split over the ranks",
    )
    frames: Literal["auto", "read", "scatter"] = param(
        "auto", same_answer=True, help="each rank reads its frames, or rank 0 sends them"
    )

    def run(self, run):
        """Give run.data["frames"]. Errors: JobError (parameters), DataError (files, frames)."""
        from nanompi.methods.ptycho.doctor.glimpse import asked, settled

        if asked(self, scan_of(run)):
            known, run.data["data"] = settled(run, self)
            return known.load(run)
        return self.load(run)

    def geometry(self, run, steps) -> list[str]:
        """Lines that tell how the geometry of the scan stands among its neighbours (`nanompi geometry`).

        steps : all of the job; the background of its ptycho is taken into account where it is a number
        """
        from nanompi.methods.ptycho.doctor.glimpse import report

        given = next((step.background for step in steps if step.name == "ptycho"), 0.0)
        return report(run, self, 0.0 if given == "auto" else given)

    def load(self, run):
        """The frames, all that the job leaves open settled."""
        scan = self._split(run)
        threads = run.device.threads
        kept = PreparedCache.of(run, self)
        plan, counts = kept.read(threads) if kept else (None, None)
        if counts is None:
            plan, counts = self._load(run, threads)
            if kept:
                kept.write(plan, counts, threads)
        else:
            scan.source.close()  # it may hold all frames of a compressed file
            run.say(f"prepare: {describe(plan, scan.source.shape)}")
        counts = leave_empty_out(run, plan, counts, self.split)
        scan = run.data["data"]  # it knows no more of frames that were empty
        own = scan.parts[run.team.rank]
        scale = None if plan.scale is None else plan.scale[own]
        if about := plan.notes["noise"]["about"]:
            run.say(f"intensities: {about}")
        run.data["frames"] = Frames(
            values=counts,
            parts=scan.parts,
            coords=scan.coords,
            facts=scan.facts | {"pixel": plan.pixel} | ({"beam": (0.0, 0.0)} if plan.corner else {}),
            beside={"mask": plan.good},
            index=own,
            mask=plan.good,
            corner=plan.corner,
            pixel=plan.pixel,
            scale=scale,
            gain=plan.gain,
            noise=plan.noise,
            fano=plan.fano,
            split=self.split,
            preparation=plan.notes,
        )

    def check(self, scan):
        """Can the files that are named be used with the frames of the scan? Errors: DataError, JobError."""
        shape = tuple(as_scan(scan).source.shape[1:])
        dark.dark(self.dark, scan.dark, shape)
        if self.mask.file:
            frame(self.mask.file, self.mask.path, shape, "mask.file")
        if self.orientation != AUTO:
            orientation.orientation(self.orientation)

    def _split(self, run) -> Scan:
        """Decide which rank has which frames of the scan (collective)."""
        scan = scan_of(run)
        with run.clock.phase("split"):
            parts = run.team.on_root(lambda: parts_of(run, self.split))
        sizes = [len(part) for part in parts]
        each = f"{min(sizes)} to {max(sizes)}" if min(sizes) < max(sizes) else max(sizes)
        ranks = f"each of {len(sizes)} ranks" if len(sizes) > 1 else "one rank"
        run.say(f"partition: {self.split}, {each} frames on {ranks}")
        run.data["data"] = scan.split(parts)
        return run.data["data"]

    def _load(self, run, threads: int):
        """(what is done to the frames, those of this rank)."""
        scan = run.data["data"]
        with run.clock.phase("load"):
            plan = run.team.on_root(lambda: make_plan(self, scan, threads))
        run.say(f"prepare: {describe(plan, scan.source.shape)}")
        counts = load.load(
            run.team,
            scan.source,
            scan.parts,
            plan.apply,
            how=self.frames,
            threads=threads,
            clock=run.clock,
            say=run.say,
        )
        if strays := int(run.team.total(sum(plan.strays))[0]):
            plan.notes["zingers"] = strays
            run.say(f"prepare: {strays} zingers (single pixels of single frames) count as not measured")
        plan.dark_ones = sorted(j for part in run.team.allgather(plan.dark_ones) for j in part)
        return plan, counts


def make_plan(p: Prepare, scan, threads: int = 1) -> Plan:
    """Mask, centre and window from a look at some frames (rank 0). Errors: JobError, DataError."""
    far, shape = scan.focus is None, tuple(scan.source.shape[1:])
    o = orientation.orientation(0 if p.orientation == AUTO else p.orientation)  # auto: before it is found
    image = dark.dark(p.dark, scan.dark, shape)
    seen, found, top = _look(p, scan, image, threads)
    good, why = mask.mask(p.mask, scan.mask, shape, seen)
    bare = None if image is None else image / found.gain
    data = health.figures(health.Counts.of(seen, good, bare, scan), top, found.model == "counts")
    seen.some = None
    at = _centre(
        p.centre,
        scan,
        dark.subtract(seen.mean, bare),
        good & ~mask.dead(seen.total, good),
    )
    place, turn = orientation.moved(at, shape, o), orientation.turned(shape, o)
    size = crop.size_of(p.size, turn, place, p.rebin, far)
    start = crop.start_of(place, size, turn, p.rebin, far)
    exact = crop.cut(shape, o, start, size, scan.corner, far and p.rebin == 1)
    plan = Plan(
        window=exact,
        mask=exact.one(good),
        dark=None if image is None else exact.one(image),
        top=top,
        rebin=p.rebin,
        corner=far,
        pixel=tuple(float(x) * p.rebin for x in orientation.turned(scan.pixel, o)),
        scale=monitor.scale(scan.monitor, scan.source.shape[0]) if p.normalise else None,
        gain=found.gain,
        whole=found.whole and image is None,
        noise=found.model,
        fano=found.fano,
        notes={
            "centre": list(at),
            "window": [int(n) for n in size],
            "orientation": orientation.number(o),
            "rebin": p.rebin,
            "mask": why,
            "lit": mask.left_of(seen, good),
            "dark": 0.0 if image is None else float(image.mean()),
            "replaced": replaced(p, image, scan.dark),
            "saturated": top,
            "data": data,
            "noise": {"gain": found.gain, "model": found.model, "fano": found.fano, "about": found.about},
        },
    )
    lit = exact.one(np.where(good, seen.total, 0))
    plan.limit = None if seen.limit is None else exact.one(seen.limit)
    plan.bright = brightest(plan.summed(lit[None])[0])
    plan.sure = improbable(seen, _part(lit, seen.total), scan.source.shape[0])
    return plan


def _look(p: Prepare, scan, image, threads: int):
    """(sample in counts, with the pixels that do not measure; gain and noise; saturated from here on)."""
    top = values.limit(p.mask.saturated, scan.source.dtype, scan.saturated)
    seen = sample.look(scan.source, top, image, threads)
    if top == scan.saturated and values.disproved(seen.some, top):  # copied from the detector, frames summed
        top = values.limit(p.mask.saturated, scan.source.dtype)
        seen = sample.look(scan.source, top, image, threads)
    good, marks = seen.often if scan.mask is None else seen.often & scan.mask, {}
    if p.mask.faulty:
        marks["marked"], marker = faulty.marked(seen.some, good)
        good = good & ~marks["marked"]
        top = min(top or np.inf, marker) if marker and p.mask.saturated == "auto" else top
    found = noise.find(seen.noise, good, scan)
    seen.total /= found.gain
    seen.sums /= found.gain
    if p.mask.faulty:
        bare = values.in_counts(dark.subtract(seen.some, image), found.gain, found.whole)
        total = seen.total if image is None else np.maximum(seen.total - image / found.gain * seen.seen, 0)
        seen.bad = marks | faulty.find(bare, total, good, scan.corner)
        seen.limit = zingers.highest(np.where(good, seen.some, 0), found.gain)
    return seen, found, top


def _part(window, whole) -> float:
    """Of the pixels with counts those that stand in the window and are not masked."""
    return np.count_nonzero(window > 0) / max(1, np.count_nonzero(whole > 0))


def _centre(given, scan, mean, good):
    """Frames in FFT order say themselves where the zero frequency is; else it is given or found.

    good : also without the pixels that never count, so that no beam stop pulls at the centre
    """
    if scan.corner:
        given = "middle" if given == "auto" else given
        mean, good = np.fft.fftshift(mean), np.fft.fftshift(good)
    return beam.centre(given, mean, good, scan.focus is None)


def replaced(p: Prepare, image, stored) -> str:
    """Words for a dark image of the job that stands in place of that of the file; "" where none does."""
    if p.dark == "auto" or stored is None:
        return ""
    own, old = (0.0 if a is None else float(np.mean(a)) for a in (image, stored))
    return f"dark: that of the job (mean {own:.6g}) replaces that of the file (mean {old:.6g})"


def describe(plan: Plan, shape) -> str:
    """One line for the log."""
    note, good = plan.notes, plan.good
    row, column = note["centre"]
    out = f"{shape[0]} frames of {shape[1]} x {shape[2]} -> {good.shape[0]} x {good.shape[1]}"
    out += f" around ({row:g}, {column:g}), {100 * (1 - good.mean()):.2g} % masked"
    out += "".join(f", {n} {why}" for why, n in note["mask"].items())
    out += " (mask.faulty: false keeps what does not measure)" * bool(set(note["mask"]) & set(faulty.KINDS))
    if note.get("lit", 1) < 0.5:
        out += f"\nwarning: the mask leaves {100 * note['lit']:.2g} % of the pixels with counts; "
        out += f"is it the wrong way round ({mask.WAYS})?"
    out += f", orientation {note['orientation']}" if note["orientation"] else ""
    out += "".join(f"\nnote: {line}" for line in health.lines(note["data"]))
    return out + (f"\n{note['replaced']}" if note.get("replaced") else "")
