"""Is the result right? One pass over the frames at the end of a run, figures, and a verdict in words.

The figures (`nanompi.methods.ptycho.judged`) stand in the result, process_1/verdict/steps/ptycho.
"""

from functools import cache

import numpy as np

from nanompi.methods.ptycho import background, flux, image
from nanompi.methods.ptycho.doctor import contrast
from nanompi.methods.ptycho.judge.evidence import Evidence, collect
from nanompi.methods.ptycho.judge.moving import moves
from nanompi.methods.ptycho.judge.rules import decide
from nanompi.methods.ptycho.judge.shares import shares
from nanompi.methods.ptycho.left_out import shown
from nanompi.methods.ptycho.overlap import overlap
from nanompi.methods.ptycho.paste import placed
from nanompi.methods.ptycho.pictures import of_frames
from nanompi.run.verdict import give

STILL = dict.fromkeys(("share_positions", "share_affine", "affine_sigmas"), 0.0)
HELD = ("held", "held_error", "eps_held")


def verdict(run, p, geometry, history, planned: int):
    """What the step `ptycho` says of its result (collective).

    p : the problem after its last engine; history : rows of the iterations, of which the last with `held` and
        its like tells of unseen frames; planned : iterations that the engines should have made
    """
    with p.clock.phase("verdict"):
        figures = measure(run, p, geometry, history) | {"skipped": float(max(0, planned - p.iteration))}
        begun = cache(lambda: flux.as_begun(run, p))  # of doubtful scans alone
        finding = decide(figures, lambda: contrast(begun(), p, geometry), lambda: moves(begun(), geometry))
    lines = "\n".join(map(placed, finding.paste.splitlines()))
    told = {name: value for name, value in figures.items() if isinstance(value, float)}
    give(run, "ptycho", finding.grade, finding.words, lines, cause=finding.cause, **told)


def measure(run, p, geometry, history) -> dict:
    """All figures, equal on all ranks: floats, and some facts that the rules need (collective)."""
    evidence, weight = collect(p), p.share.on_root(p.object_weights(p.shifts.library(p.P)))
    O, auto = p.whole(), background.floor(p) if p.background else 0.0
    return p.team.on_root(
        lambda: _figures(run, p, geometry, history, (evidence, O, weight)) | {"background_auto": auto}
    )


def _figures(run, p, geometry, history, seen: tuple[Evidence, np.ndarray, np.ndarray]) -> dict:
    """The figures on rank 0. seen : the evidence, object and weights as a whole"""
    evidence, O, weight = seen
    centred = run.data["frames"].corner
    places = run.data["data"].positions
    run.result.pictures |= of_frames(evidence, places, geometry.pixel, centred)
    fano = {"none": 0.0}.get(p.noise, p.fano)
    lit = image.lit_area(weight)
    f = shares(evidence, fano, p.background) | image.noise(evidence["counts"].sum(), lit) | image.sign(O, lit)
    f["steep"] = image.steepness(O, lit)
    f |= unseen(history) | {"fano": fano or 1.0}
    f |= STILL if p.varied else {}  # a probe of its own takes up the move of each frame
    f["fall"], f["iterations"] = fall(history), float(p.iteration)
    f["unseen"] = 1 - (f.get("held", f["misfit"]) - f["fano"]) / max(f["mean_frame"] - f["fano"], 1e-9)
    if p.noise == "none":
        f["unseen"] = 1 - f["misfit"] / max(f["mean_frame"], 1e-300)
    f["overlap"] = float(overlap(p.device.host(p.P), p.places, geometry.pixel).part) if len(O) else 0.0
    numbers = run.data["data"].numbers
    dark = evidence.index[evidence.empty()]
    about = {"empty_frames": shown(dark if numbers is None else numbers[dark]), "frames": len(evidence.rows)}
    if p.refinement:
        f |= p.refinement.figures()
    prepared = run.data["frames"].preparation.get("orientation", 0)
    about |= {"counting": p.noise != "none", "modes": len(p.P), "orientation": prepared}
    return f | about | {"modes_counted": p.state.get("modes") == "auto"}


def unseen(history) -> dict[str, float]:
    """The last figures of frames left out, as the log has them; {} where there are none."""
    row = next((row for row in reversed(history) if "held" in row), {})
    return {name: float(row[name]) for name in HELD if row}


def fall(history) -> float:
    """How much of llk the last ten iterations took away"""
    rows = [row for row in history if "llk" in row]
    for old in reversed(rows[:-1]):
        steps = rows[-1]["iteration"] - old["iteration"]
        if steps >= 5:
            return float((old["llk"] / rows[-1]["llk"] - 1) * 10 / steps)
    return 0.0
