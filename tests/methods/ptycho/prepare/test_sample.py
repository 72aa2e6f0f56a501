"""The sample of frames that `prepare` looks at first: its sums, whatever the blocks it is read in."""

import numpy as np
import pytest

from nanompi.methods.ptycho.prepare import sample
from tests.memory import Memory


@pytest.fixture
def frames():
    """40 frames of 8 x 10; pixel (2, 3) is saturated in 30 of them, frame 7 was lost, frame 9 is dark"""
    out = np.random.default_rng(2).poisson(5, (40, 8, 10)).astype(np.uint16)
    out[:30, 2, 3], out[7], out[9] = 65535, 65535, 0
    return out


@pytest.mark.parametrize("block", [1, 160, 170, 1 << 20])
def test_sums_are_those_of_the_values_that_were_measured(frames, block, monkeypatch):
    monkeypatch.setattr(sample, "BLOCK", block)
    source = Memory(frames)
    found = sample.look(source, 65535.0)
    assert source.most == {1: 1, 160: 1, 170: 1, 1 << 20: 40}[block]
    good = frames != 65535
    known = np.where(good, frames, 0)
    assert found.frames == 39 and np.array_equal(found.seen, good.sum(0))
    assert (
        found.total == pytest.approx(known.sum(0)) and found.lit.tolist() == (known > 0).sum((1, 2)).tolist()
    )
    assert found.mean[0, 0] == pytest.approx(known[:, 0, 0].sum() / 39) and found.lit[7] == found.lit[9] == 0
    assert not found.often[2, 3] and found.often.sum() == 79


def test_some_frames_are_kept_as_they_are_but_no_empty_ones(frames):
    found = sample.look(Memory(frames), 65535.0)
    kept = {frame.tobytes() for frame in found.some}
    assert 0 < len(kept) == len(found.some) <= 38
    assert kept <= {frame.tobytes() for frame in frames} - {frames[7].tobytes(), frames[9].tobytes()}


SAMPLES = [
    (0, 64, []),
    (1, 64, [0]),
    (3, 64, [0, 1, 2]),
    (10, 5, [0, 3, 4, 7, 8]),  # 2 frames each: of them the (0.618 j mod 1)-th part
    (100, 4, [0, 25 + 15, 50 + 5, 75 + 21]),
    (7, 3, [0, 2 + 1, 4 + 0]),
]


@pytest.mark.parametrize("n, most, want", SAMPLES)
def test_which_frames_are_looked_at(n, most, want):
    assert sample.sample_of(n, most).tolist() == want


def test_pixels_measured_in_half_of_the_frames():
    seen = np.array([[0, 4, 5, 9]])
    found = sample.Sample(9, np.array([[0.0, 8.0, 5.0, 0.0]]), seen, np.zeros(9, int))
    assert found.often.tolist() == [[False, False, True, True]] and found.mean.tolist() == [[0, 2, 1, 0]]
    assert sample.Sample(8, found.total, seen, found.lit).often.tolist() == [[False, False, True, True]]


KEPT = [  # bytes that may be held, of frames of 160: which of 40
    (1 << 20, range(40)),
    (40 * 160, range(40)),
    (39 * 160, range(0, 40, 2)),
    (14 * 160, range(0, 40, 3)),
    (13 * 160, range(0, 40, 4)),
    (1, range(0, 40, 5)),  # at least 8
]


@pytest.mark.parametrize("held, want", KEPT)
@pytest.mark.parametrize("block", [1, 7 * 160, 1 << 20])
def test_how_many_frames_are_kept(held, want, block, monkeypatch):
    monkeypatch.setattr(sample, "SOME", held)
    monkeypatch.setattr(sample, "BLOCK", block)
    frames = np.random.default_rng(2).poisson(5, (40, 8, 10)).astype(np.uint16)
    found = sample.look(Memory(frames), 65535.0)
    assert np.array_equal(found.some, frames[list(want)]) and found.frames == 40
    assert found.noise.taken == 40 and found.noise.total == pytest.approx(frames.sum(0))
    assert (found.seen == 40).all()


def test_a_look_at_nothing_but_dark_frames():
    found = sample.look(Memory(np.zeros((3, 8, 10), np.uint16)), None)
    assert found.some.shape == (0, 8, 10) and found.some.dtype == np.uint16 and found.frames == 3
