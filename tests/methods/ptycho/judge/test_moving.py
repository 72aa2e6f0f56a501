"""Frames that are elsewhere meet unseen ones better where they move; others do not."""

import pytest

from nanompi.methods.ptycho.judge.moving import moves
from tests.methods.ptycho.scenes import displaced, draw, geometry_of, make, problem, run_of


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
