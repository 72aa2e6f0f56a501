"""Are the frames elsewhere, by more than single moves of an image that is spoilt can tell?

About a hundred frames about the middle are reconstructed twice, from the same probe: where the scan says
that they are, and moving (`refine`). Those left out judge both, each at the place near by where it fits
best: so a wrong model, which any frame meets better elsewhere, gains nothing by the moves of the others.
Frames that are elsewhere by some pixels gain, also where the moves do not reach the end.
"""

import dataclasses
from dataclasses import dataclass

import numpy as np

from nanompi.errors import NumbersError
from nanompi.methods.ptycho import heldout
from nanompi.methods.ptycho.doctor.candidate import Candidate
from nanompi.methods.ptycho.doctor.finding import FEWEST, middle_frames
from nanompi.methods.ptycho.doctor.search import Lead, lead
from nanompi.methods.ptycho.doctor.trial import Outcome, begin, iterate, left_out, start
from nanompi.methods.ptycho.engines.ml import ML
from nanompi.methods.ptycho.engines.projections import DM
from nanompi.methods.ptycho.positions import place
from nanompi.methods.ptycho.problem import Problem
from nanompi.methods.ptycho.refine import GRID, Refinement, RefinePositions
from nanompi.methods.ptycho.share import open_share
from nanompi.methods.ptycho.subset import Subset
from nanompi.mpi.team import Team
from nanompi.optics.propagate import propagator

ITERATIONS = 20, 60  # of DM and ML
STILL = RefinePositions(after=ITERATIONS[1])


@dataclass
class Moves:
    """What unseen frames say of both: held as measured and moving, and the lead of the latter; rms of moves
    along each axis, px."""

    still: float
    moving: float
    by: Lead
    length: float


def moves(run, geometry) -> Moves | None:
    """Of a run with its frames (collective; equal on all ranks); None of too few frames, or where counts have
    no noise to judge by."""
    if len(run.data["data"].positions) < FEWEST or run.data["frames"].noise != "counts":
        return None
    some, points, _ = middle_frames(run, geometry)
    view, team, own = Candidate().view(some, points), run.team, {}
    for how in (STILL, RefinePositions())[team.rank :: team.size]:
        own[how is STILL] = tried(view, how)
        run.clock.tick()
    known = {still: one for part in team.allgather(own) for still, one in part.items()}
    (still, _), (moving, length) = known[True], known[False]
    return Moves(still.held, moving.held, lead(moving, still), length)


def tried(some: Subset, how: RefinePositions) -> tuple[Outcome, float]:
    """By this rank alone: outcome, and rms of the moves in px"""
    p = problem(some, how)
    begin(p, start(some, p))
    try:
        with np.errstate(all="ignore"):  # a wrong model may diverge
            for engine, iterations in zip((DM(), ML(iterations=ITERATIONS[1])), ITERATIONS):
                iterate(p, engine, iterations)
            p.refinement.place_left_out(p)
            heldout.judge(p)
    except NumbersError:
        return Outcome(np.array([np.inf]), np.ones(1)), 0.0
    outcome = Outcome(*(np.array(p.state["held"][name]) for name in ("deviance", "expected")))
    return outcome, float(np.sqrt((p.refinement.pixels**2).mean()))


def problem(some: Subset, how: RefinePositions) -> Problem:
    """The frames as a problem of this rank alone, some of them left out, that may move"""
    g, d, team, out = some.geometry, some.device, Team(alone=True), left_out(some)
    places, order = place(some.positions, g.pixel, g.shape, GRID, how.reach), np.argsort(out, kind="stable")
    share, _ = open_share("allreduce", team, d, places, order, g.shape, out)
    values = some.counts[order].astype(some.frames.counts.dtype)
    frames = dataclasses.replace(some.frames, values=values, scale=some.scale[order], index=order)
    p = Problem.of(team, d, frames, places, propagator(d, g, places.rests), share, out)
    p.O, p.P = d.array(np.ones(places.shape), d.complex), d.array(np.ones((1, *g.shape)), d.complex)
    p.refinement = Refinement.of(how, places)
    return p
