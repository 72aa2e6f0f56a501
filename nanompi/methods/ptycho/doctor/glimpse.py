"""A few frames of a scan, prepared as the job says, before all are loaded.

For `nanompi geometry`, and for what a job leaves to the frames (`orientation: auto`, `input.distance: auto`).
"""

from dataclasses import replace
from typing import Any

import numpy as np

from nanompi.methods.ptycho.doctor.candidate import after
from nanompi.methods.ptycho.doctor.finding import (
    Finding,
    about,
    examine,
    middle_points,
    with_neighbours,
)
from nanompi.methods.ptycho.doctor.words import length, paste, place, table, words
from nanompi.methods.ptycho.paste import placed
from nanompi.methods.ptycho.prepare.orientation import AUTO, number, orientation
from nanompi.methods.ptycho.scan import Frames, scan_of
from nanompi.optics.geometry import Geometry


def look(run, step, background: float = 0.0) -> Finding | None:
    """What the frames about the middle say of the geometry of a job (collective). step : ptycho.prepare;
    background : counts of each pixel that do not come through the object"""
    scan, start = scan_of(run), 0 if step.orientation == AUTO else step.orientation
    with run.clock.phase("geometry"):
        frames = few_frames(run, scan, replace(step, orientation=start))
        frames = replace(frames, background=background)
        shape = frames.mask.shape
        geometry = Geometry(scan.wavelength, scan.distance, frames.pixel, shape, scan.focus)
        one = replace(run, data={**run.data, "frames": frames})
        return examine(one, geometry, about(scan, number(orientation(start))))


def few_frames(run, scan, step) -> Frames:
    """The frames about the middle and their neighbours in time, all of them on rank 0 (collective)."""
    from nanompi.methods.ptycho.prepare.step import make_plan

    index = with_neighbours(*middle_points(scan))
    plan = run.team.on_root(lambda: make_plan(step, scan, run.device.threads))
    counts = np.zeros((0, *plan.good.shape), np.float32)
    if run.team.root:
        counts = plan.apply(scan.source.read(index, run.device.threads)).astype(np.float32)
    else:
        index = index[:0]
    return Frames(
        values=counts,
        index=index,
        mask=plan.good,
        corner=plan.corner,
        pixel=plan.pixel,
        scale=None if plan.scale is None else plan.scale[index],
        gain=plan.gain,
        noise=plan.noise,
        fano=plan.fano,
        preparation=plan.notes,
    )


def report(run, step, background: float = 0.0) -> list[str]:
    """Lines for `nanompi geometry` (collective). step, background : as `look` has them"""
    found = look(run, step, background)
    if found is None:
        return [words(found)]
    lines = [*table(found), "", *words(found).split(". ")]
    return [*lines, *(f"paste: {placed(line)}" for line in paste(found))]


def asked(step, scan) -> bool:
    """Does the job leave something of the geometry to the frames?"""
    return step.orientation == AUTO or scan.distance_sought


def settled(run, step) -> tuple[Any, Any]:
    """(step, scan) with what the job leaves to the frames settled by them, the same after a restart
    (collective). What cannot be told stays as stored, and is said."""
    scan = scan_of(run)
    kept = run.control.notes if run.control else {}
    if "geometry" not in kept:
        kept["geometry"] = _settle(run, step, scan)
    own = kept["geometry"]
    run.say(f"geometry: {own['words']}")
    if step.orientation == AUTO:
        step = replace(step, orientation=own["orientation"])
    lengths = {name: own[name] for name in ("distance", "focus") if name in own}  # an old run has no focus
    return step, replace(scan, **lengths) if scan.distance_sought else scan


def _settle(run, step, scan) -> dict[str, Any]:
    found = look(run, step)
    start = 0 if step.orientation == AUTO else number(orientation(step.orientation))
    lengths = {"distance": scan.distance, "focus": scan.focus}
    if found is None:
        return {"orientation": start, "words": words(found)} | lengths
    turn = after(start, found.turn) if step.orientation == AUTO else start
    sought = place(found)  # in the near field it is the focus that the frames tell
    if scan.distance_sought and found.far_off:
        lengths[sought] *= found.far.value
    taken = [f"orientation {turn}"] * (step.orientation == AUTO)
    taken += [f"{sought} {length(lengths[sought])}"] * scan.distance_sought
    return {"orientation": turn, "words": f"{', '.join(taken)} taken: {words(found)}"} | lengths
