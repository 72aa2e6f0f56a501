"""Frames that are elsewhere meet unseen ones better where they move; others do not."""

import numpy as np
import pytest

from nanompi.methods.ptycho import judge
from nanompi.methods.ptycho.judge.moving import moves
from nanompi.methods.ptycho.judge.words import Finding
from tests.methods.ptycho.scenes import displaced, draw, geometry_of, make, problem, run_of, wrong


def of(scene):
    """What moving frames say of a scan"""
    return moves(run_of(scene, problem(scene), print), geometry_of(scene))


@pytest.mark.slow
def test_frames_off_by_two_pixels_meet_better_where_they_move():
    drawn = draw(4, n=32, frames=70, photons=3e5, step=0.12)
    found, right = of(displaced(drawn, 2)), of(make(drawn))
    assert found.by.clear and found.by.size > 0.3 and found.moving < found.still and found.length > 0.5
    assert abs(right.by.size) < 0.1 and right.length < 0.3


def test_few_frames_tell_nothing():
    assert of(make(draw(4, n=32, frames=20, photons=3e5))) is None


def test_trials_have_background_and_flux_of_the_run(monkeypatch):
    """5 counts in each pixel, and every other frame at 0.8 of the light: where both are known to the trials
    unseen frames are met; without a background they were met to 1.45, where all are as bright. The flux is
    that of the frames' sums, whatever an image made of it"""
    scene = wrong("background 5", 4, n=32, frames=40, photons=3e4, step=0.12)
    scene.counts[::2] = np.random.default_rng(0).binomial(scene.counts[::2], 0.8)
    p, seen = problem(scene), {}
    p.background, p.fluctuates = 4.5, True  # the mean of both kinds of frames
    p.set_flux(np.random.default_rng(1).uniform(0.1, 2, 40))

    def decide(f, contrast, moves):
        seen.update(frames=contrast(), moves=moves())
        return Finding("good")

    monkeypatch.setattr(judge, "decide", decide)
    monkeypatch.setattr(judge, "contrast", lambda run, p, geometry: run.data["frames"])
    judge.verdict(run_of(scene, p, print), p, geometry_of(scene), [], 0)
    assert seen["frames"].background == 4.5 and seen["moves"].still < 1.25
    flux = seen["frames"].scale / seen["frames"].scale.mean()
    assert flux == pytest.approx(np.where(np.arange(40) % 2, 1.0, 0.8) / 0.9, abs=0.1)  # the sample absorbs
