"""The frames about the middle of a scan, as problems of a rank alone."""

from types import SimpleNamespace

import numpy as np
import pytest

from nanompi.device.cpu import Cpu
from nanompi.methods.ptycho import subset as module
from nanompi.methods.ptycho.scan import Frames
from nanompi.methods.ptycho.subset import apart, nearest_to_middle, subset, taken
from nanompi.mpi.team import Team
from nanompi.optics.geometry import Geometry

SIDE, SHAPE = 7, (16, 12)


@pytest.fixture
def run():
    """A scan of 7 x 7 points, a pixel apart; the frame of each point holds its number in all pixels."""
    positions = np.stack(np.divmod(np.arange(SIDE**2), SIDE), 1) * np.array(GEOMETRY.pixel)
    counts = np.broadcast_to(np.arange(SIDE**2, dtype=np.uint16)[:, None, None], (SIDE**2, *SHAPE))
    index = np.arange(SIDE**2)
    mask = np.ones(SHAPE, bool)
    mask[0, 0] = False
    frames = Frames(values=counts, index=index, mask=mask, corner=True, pixel=GEOMETRY.detector)
    data = {"data": SimpleNamespace(positions=positions), "frames": frames}
    return SimpleNamespace(team=Team(), device=Cpu("double", 1), data=data)


GEOMETRY = Geometry(1e-10, 1.0, (50e-6, 50e-6), SHAPE)
MIDDLE = SIDE**2 // 2


def test_the_nearest_to_the_middle_are_taken_with_their_counts(run):
    some = subset(run, GEOMETRY, 5)
    assert some.chosen[0] == MIDDLE
    assert sorted(some.chosen) == [MIDDLE - SIDE, MIDDLE - 1, MIDDLE, MIDDLE + 1, MIDDLE + SIDE]
    assert (some.counts[:, 3, 3] == some.chosen).all()
    assert not some.frames.mask[0, 0] and some.frames.mask.sum() == np.prod(SHAPE) - 1


def test_a_window_makes_the_object_pixel_larger(run):
    cut = np.ix_(np.arange(8), np.arange(12))
    some = taken(run, GEOMETRY, np.array([3, 1, 40]), cut)
    assert some.counts.shape == (3, 8, 12)
    assert some.geometry.pixel == pytest.approx((2 * GEOMETRY.pixel[0], GEOMETRY.pixel[1]))
    assert (some.counts[:, 0, 0] == [3, 1, 40]).all()


def test_frames_left_out_judge_the_same_object_and_probe(run):
    some = subset(run, GEOMETRY, 20)
    out = apart(some.positions, 4)
    seen, unseen = some.problems(out)
    assert len(seen.at) == 16 and len(unseen.at) == 4
    assert seen.O is unseen.O and seen.P is unseen.P
    assert sorted([*seen.I[:, 2, 2], *unseen.I[:, 2, 2]]) == sorted(some.chosen)
    assert some.problems(np.zeros(20, bool))[1] is None


def test_frames_left_out_lie_inside_and_apart(run):
    some = subset(run, GEOMETRY, 40)
    out = some.positions[apart(some.positions, 4)] / GEOMETRY.pixel
    away = np.hypot(*(out[:, None] - out[None]).T)[~np.eye(4, dtype=bool)]
    assert away.min() >= 2  # no two are neighbours
    assert np.abs(out - 3).max() <= 3 and np.hypot(*(out - 3).T).max() < 3.2  # of the inner half


def test_memory_bounds_the_number_of_frames(run, monkeypatch):
    monkeypatch.setattr(module, "MEMORY", 4 * np.prod(SHAPE) * 6)
    assert len(subset(run, GEOMETRY, 40).chosen) == 6
    assert len(nearest_to_middle(run.data["data"].positions, 40)) == 40
