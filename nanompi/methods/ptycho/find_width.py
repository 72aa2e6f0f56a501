"""A start probe from the data where frames lie beside their places.

Errors of the positions flatten what a few iterations tell of the beam's width (find_probe): with no width
does the object become sharp. So each width is judged after DM and ML in which frames move, on frames about
the middle of the scan, by how well they are met then. The frames are cut to their inner half where it holds
most of the light: its pixels are twice as large, errors half of them, and few frames are lost. With errors
of 3 px the mirror image is met 1.2 to 2 times worse (benchmarks/results/positions.md). A narrow beam, with
which frames hardly overlap, meets any frames and is not taken.
"""

from dataclasses import dataclass, replace

import numpy as np

from nanompi.methods.ptycho.beam import defocused, mean_frame
from nanompi.methods.ptycho.engines.ml import ML
from nanompi.methods.ptycho.engines.projections import DM
from nanompi.methods.ptycho.find_probe import Trial, attempt, evened, find_probe, searched, with_disc
from nanompi.methods.ptycho.overlap import HARDLY
from nanompi.methods.ptycho.quality import figures
from nanompi.methods.ptycho.refine import GRID, Refinement
from nanompi.methods.ptycho.scale import seen
from nanompi.methods.ptycho.subset import WHOLE, subset

FRAMES, LIGHT = 100, 0.9
LOOSE, MOVING = 20, 14  # iterations of DM and of ML
HALVINGS = 2


@dataclass
class MovingTrial(Trial):
    """Frames that move while a width is tried. at : where they were measured, a `Places`; how : they move"""

    how: object = None
    at: object = None

    def misfits(self, width: float, iterations: int) -> tuple[float, float]:
        """sqrt(sum (|F| - sqrt I)^2 / sum I) after so many iterations of DM, and ML with moves, from this
        probe, a flat object, and the places as measured; 1"""
        p, P = self.seen, self.beam(width)
        p.refinement = Refinement.of(self.how, self.at)
        p.refinement.rescue.over = True
        p.move(self.at)
        p.O[...] = 1
        P = P * np.sqrt(p.counts / len(p.at) / seen(p, P[None]))
        p.P[0] = p.device.array(P, p.P.dtype)
        for engine in DM(iterations=iterations), ML(iterations=MOVING):
            engine.start(p)
            for i in range(engine.iterations):
                engine.iterate(p, i)
        return figures(p)["r2"], 1.0


def find_width(run, p, geometry) -> np.ndarray:
    """(1, h, w) complex, equal on all ranks: as `find_probe`, for a problem whose frames move. Errors:
    DataError."""
    if geometry.focus is not None:
        return find_probe(run, p, geometry)
    usual = with_disc(run, searched(run, geometry, np.sqrt(mean_frame(p))))
    trial, step = moving_trial(run, p, geometry, usual.trial.wave), usual.step
    tried = attempt(run, trial, [abs(usual.best), *usual.widths], LOOSE)
    for _ in range(HALVINGS):
        step, best = step / 2, abs(choice(trial, tried))
        tried |= attempt(run, trial, [f for f in (best + step, best - step) if f not in tried], LOOSE)
    best = choice(trial, tried)
    run.say(words(tried, best))
    return defocused(trial.wave, best, geometry.pixel)[None]


def moving_trial(run, p, geometry, wave) -> MovingTrial:
    """The frames in the middle of the scan, cut to their inner half (collective)."""
    cut = inner_half(wave)
    some = evened(subset(run, geometry, FRAMES, cut))
    finer = max(m / n for m, n in zip(some.geometry.shape, geometry.shape))
    how = replace(p.refinement.how, reach=p.refinement.how.reach * finer)
    q, _ = some.problems(np.zeros(len(some.chosen), bool), GRID, reach=how.reach)
    return MovingTrial(q, None, wave, cut, geometry.pixel, how=how, at=q.places)


def inner_half(wave):
    """Index of the inner half of the rows and columns about the zero frequency of a frame, or of all where
    that holds too little of the light."""
    rows, columns = (np.flatnonzero(abs(np.fft.fftfreq(n) + 1e-9) < 0.25) for n in wave.shape)
    cut = np.ix_(rows, columns)
    return cut if (wave[cut] ** 2).sum() > LIGHT * (wave**2).sum() else WHOLE


def choice(trial, tried) -> float:
    """The width that meets the frames best, of those with which they overlap, where there are any."""
    wide = [f for f in tried if trial.overlap(f).part >= HARDLY]
    return min(wide or tried, key=lambda f: tried[f][0])


def words(tried, best) -> str:
    """One line for the log"""
    return (
        f"start probe from the data, with frames that move: rms radius {abs(best):.3f} of the frame, "
        f"curvature of the sign {'+-'[best < 0]} (misfit {tried[best][0]:.3f}, of the other sign "
        f"{tried[-best][0]:.3f}; {len(tried)} tried)"
    )
