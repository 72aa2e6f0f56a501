"""What all engines share: parameters of the updates, schedules, and the loop over a chain of engines."""

from functools import partial
from typing import Any

import numpy as np

from nanompi.errors import NumbersError, common
from nanompi.methods.ptycho import heldout
from nanompi.methods.ptycho.engines.state import chain_state, restore_chain
from nanompi.methods.ptycho.quality import figures
from nanompi.run.foreign import foreign
from nanompi.run.status import quiet
from nanompi.step import param, section


@section
class When:
    """Iterations in which something is done: `{after: 2, every: 1, until: 80}`, or a number: after it."""

    after: int = param(0, ge=0, help="not in the first iterations")
    until: int | None = param(None, ge=0, help="not after this iteration")
    every: int = param(1, ge=1, help="only each so many iterations")

    @classmethod
    def from_value(cls, value: int) -> "When":
        """`probe: 2` means `probe: {after: 2}`"""
        return cls(after=value)

    def now(self, i: int) -> bool:
        """Is it done in iteration i (counted from 0 within its engine)?"""
        return (
            i >= self.after and (self.until is None or i < self.until) and (i - self.after) % self.every == 0
        )


def run_chain(engines: list[Any], p, every: int, say, note=quiet, control=None, balance=None) -> list[dict]:
    """Run engines one after the other on a problem; returns the history: a dict per iteration.

    every  : figures of quality (R, llk, photons) each so many iterations and at the end of each engine
    note   : hears of each iteration (`nanompi.run.status.Status`)
    control: nanompi.run.control.Control, which keeps the state and may end the iterations; None = neither
    balance: nanompi.methods.ptycho.balance.Balance, which may move frames between the ranks; None = never
    Errors: NumbersError naming engine, iteration and bad frames when the error stops to be finite; Stopped.
    """
    saved, given = control.first() if control else None, len(engines)
    engines = [*engines, *heldout.more(engines, p)]
    if saved and saved.facts["engine"] >= given:
        p.take_in()
    e, i, history = restore_chain(p, engines, saved) if saved else (0, 0, [])
    if saved:
        control.back(saved.facts["number"])
    whole, patient = sum(engine.iterations for engine in engines), p.clock.patient
    note("iterating", iteration=p.iteration, iterations=whole)
    while e < len(engines):
        p.clock.patient = patient or foreign(engines[e])
        if e == given:
            _take_in(p, engines[e], say)
        if not saved:
            engines[e].start(p)
        saved = None
        if control:
            _whether_saved(engines[e], say)
        if p.waves is not None and (left := p.device.left_on_host(p.waves)):
            say(left)
        while i < engines[e].iterations:
            history.append(row := _iterate(engines[e], p, i))
            note("iterating", iterations=whole, **{key: row[key] for key in ("iteration", "engine", "error")})
            i += 1
            if i % every == 0 or i == engines[e].iterations:
                _judge(history[-1], p, say, end=i == engines[e].iterations)
                note("iterating", **{key: row[key] for key in SHOWN if key in row})
                if hasattr(engines[e], "heed") and i < engines[e].iterations:
                    engines[e].heed(p, history[-1], say)
            if control and _turn(control, p, partial(chain_state, p, engines[e], e, i, history)):
                return _ended(history, p, say)
            if balance and hasattr(engines[e], "keeps"):  # else nobody knows what it holds for its frames
                balance.turn(p, engines[e], whole - p.iteration)
        e, i = e + 1, 0
    heldout.carry_over(history)
    _sound(history, p)
    p.clock.patient = patient
    return history


def _whether_saved(engine, say):
    """Say where a checkpoint cannot hold what an engine remembers."""
    if foreign(engine) and not (hasattr(engine, "keeps") or hasattr(engine, "restore")):
        say(
            f"{engine.name}: checkpoints hold object and probe alone, since it has neither `keeps` nor "
            "`restore`; a run that is resumed calls its `start` again"
        )


def _turn(control, p, kept) -> bool:
    """Keep the state where it is time; True = end the iterations early"""
    with p.clock.phase("checkpoint"):
        return control.turn(kept)


def _iterate(engine, p, i) -> dict:
    """One iteration: its row of the history"""
    begun = p.clock.alone()
    with p.clock.phase("iterate"):
        row = {"iteration": p.iteration + 1, "engine": engine.name, **(engine.iterate(p, i) or {})}
        if foreign(engine):
            row["error"] = _agreed(row, p)
    p.iteration, p.worked = p.iteration + 1, p.clock.alone() - begun
    _finite(row, p)
    return row


def _agreed(row, p) -> float:
    """The error that a foreign engine tells, the largest of all ranks; the R-factor where it tells none."""
    errors = p.team.allgather(row.get("error"))
    if None in errors:
        return figures(p)["R"]
    return float(np.max(np.array(errors, float)))


def _judge(row, p, say, end: bool):
    """The figures of quality, into the row and the log. end : of an engine: those of frames left out, too"""
    with p.clock.phase("quality"):
        row.update(figures(p))
        say(line(row))
    if end and p.held:
        _judge_unseen(row, p, say)


def _judge_unseen(row, p, say):
    """The figures of the frames left out, into the row and the log"""
    with p.clock.phase("quality"):
        row.update(heldout.judge(p))
        say(heldout.words(row, len(p.places.at) - p.frames, p.fano))


def _take_in(p, engine, say):
    """All frames from here, once"""
    if p.held:
        many = f"{engine.iterations} more iteration{'s' * (engine.iterations > 1)}"
        say(f"the frames left out are taken in for {many} of {engine.name}")
        p.take_in()


def _ended(history, p, say) -> list[dict]:
    """The history of a chain that was stopped early: its last row has figures, too, those of frames left out
    by the image as it is now"""
    row = history[-1]
    if "R" not in row:
        _judge(row, p, say, end=True)
    elif p.held and not row.keys() & set(heldout.FIGURES):
        _judge_unseen(row, p, say)
    heldout.carry_over(history)
    _sound(history, p)
    return history


def line(row: dict) -> str:
    """One line of the log."""
    figure = "llk" if "llk" in row else "r2"
    photons = "photons" if "llk" in row else "intensity"
    return (
        f"{row['engine']:>5} {row['iteration']:4d}   error {row['error']:.4f}   R {row['R']:.4f}   "
        f"{figure} {row[figure]:.4f}   {photons} {row['photons']:.4g}"
    )


def _sound(history, p):
    """The end must resemble the data: an R of 1 is that of no model at all. Few counts alone may give more.

    Errors: NumbersError.
    """
    row = history[-1] if history else {}
    if row.get("R", 0) <= 1 or row.get("llk", LOST) < LOST:
        return
    useless = NumbersError(
        f"{row['engine']}: at the end R is {row['R']:.3g}, no better than no image at all: the "
        f"reconstruction diverged or never came near. {ADVICE}"
    )
    raise common(useless)


def _finite(row, p):
    if np.isfinite(row["error"]):
        return
    bad = [text for text in p.team.allgather(_bad_frames(p)) if text]
    not_finite = NumbersError(
        f"{row['engine']}: the error is {row['error']} at iteration {row['iteration']}: "
        + ("; ".join(bad[:5]) + ". Mask these pixels or leave the frames out." if bad else DIVERGED)
    )
    raise common(not_finite)


SHOWN = ("R", "llk", "held", "held_error", "eps_held", "photons")  # in status and history
LOST = 3.0  # llk of a model that is far from the counts whatever R says
ADVICE = (
    "Use a better start (DM before ML, another start probe), a higher inertia, or look for bad frames; check "
    "geometry and positions (`nanompi inspect`), and input.gain where the intensities are not counts."
)
DIVERGED = f"the iteration diverged, and all counts are finite. {ADVICE}"


def _bad_frames(p) -> str:
    """Frames of this rank whose counts or gain are not finite, with the name of the rank; '' for none"""
    finite = p.over(lambda b: p.xp.isfinite(b.I).all((1, 2)) & p.xp.isfinite(b.gain), read=["I"])
    rows = np.flatnonzero(~np.concatenate([p.device.host(f) for f in finite] or [[True]]))
    numbers = ", ".join(str(p.index[n]) for n in rows[:10])
    many = f" and {len(rows) - 10} more" if len(rows) > 10 else ""
    return (
        f"not finite are frames {numbers}{many} of rank {p.team.rank} on {p.team.host}" if len(rows) else ""
    )


def clip(O, bounds):
    """Keep the amplitude of the object within bounds; bounds : (low, high) or None. In place."""
    if bounds is not None:
        amplitude = abs(O)
        O *= np.clip(amplitude, *bounds) / (amplitude + 1e-30)
