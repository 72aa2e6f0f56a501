"""The sample of frames that `prepare` looks at first: its sums, whatever the blocks it is read in."""

import numpy as np
import pytest

from nanompi.prep import sample
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
