"""Part of data without places on a sample."""

import pytest

from nanompi.data.select import Select
from nanompi.errors import JobError


def test_some_are_taken_evenly_over_all_that_are_left():
    """The middle of projections would leave out directions."""
    assert Select(keep="some:4").numbers(8).tolist() == [0, 2, 4, 6]
    assert Select(keep="some:3", without=["0:2"]).numbers(8).tolist() == [2, 4, 6]
    assert Select(keep="some:99").numbers(3).tolist() == [0, 1, 2]
    with pytest.raises(JobError, match="leaves none of 3"):
        Select(keep="some:0").numbers(3)


def test_the_middle_needs_places():
    with pytest.raises(JobError, match="needs positions on the sample"):
        Select(keep="middle:4").numbers(8)
