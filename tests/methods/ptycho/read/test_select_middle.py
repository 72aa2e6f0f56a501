"""`select: "middle:N"`: the frames nearest to the middle of the scan."""

import numpy as np
import pytest

from nanompi.errors import JobError
from nanompi.methods.ptycho.read.select import select
from tests.memory import scan_of


def test_the_frames_in_the_middle_with_their_positions():
    frames = np.arange(9)[:, None, None] * np.ones((1, 4, 4), np.uint16)
    scan = scan_of(frames.astype(np.uint16), truth={"corners": np.arange(18).reshape(9, 2)})
    cut = select(scan, "middle:3")
    assert np.array_equal(cut.positions, scan.positions[3:6]) and cut.source.shape == (3, 4, 4)
    assert cut.source.read(np.array([2, 0]))[:, 0, 0].tolist() == [5, 3]
    assert cut.truth["corners"].tolist() == [[6, 7], [8, 9], [10, 11]]


def test_none_and_more_than_all():
    scan = scan_of(np.zeros((4, 2, 2), np.uint16))
    assert select(scan, "middle:99").source.shape[0] == 4
    with pytest.raises(JobError, match="leaves none of the 4 frames"):
        select(scan, "middle:0")
    with pytest.raises(JobError, match="middle:N"):
        select(scan, "midle:3")
