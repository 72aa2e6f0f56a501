"""Frames without data: how many may be, what is said of them, and their numbers in the file."""

import numpy as np
import pytest

from nanompi.data.combined import JoinedFrames
from nanompi.data.source import SelectedFrames
from nanompi.errors import DataError
from nanompi.methods.ptycho.left_out import leave_out, name_of, shown
from tests.memory import Memory, scan_of

WORDS = ("missing", "were never written")


def scan(n):
    """n frames of counts, 1 um apart"""
    return scan_of(np.ones((n, 16, 16), np.uint16))


@pytest.mark.parametrize("lost, good", [(1, True), (2, True), (3, False)])
def test_a_fifth_of_the_frames_may_be_missing(lost, good):
    one, gone = scan(10), np.arange(10) < lost
    if not good:
        with pytest.raises(DataError, match="3 of 10 frames hold no data: frames 0:3"):
            leave_out(one, gone, "missing", "were never written")
        one.gaps = True  # known: the job says so
    left = leave_out(one, gone, "missing", "were never written")
    assert left.source.shape[0] == 10 - lost and left.left_out["missing"].tolist() == list(range(lost))


@pytest.mark.parametrize(
    "numbers, text",
    [
        ([3], "3"),
        ([3, 4], "3:5"),
        ([3, 5], "3, 5"),
        ([3, 5, 7], "3:8:2"),
        ([1, 2, 3, 10, 20, 30, 31], "1:4, 10:31:10, 31"),
        ([0, 1, 4, 9, 16, 25], "0:2, 4, 9, 16, 25"),
        ([], ""),
    ],
)
def test_numbers_are_shown_as_select_reads_them(numbers, text):
    assert shown(np.array(numbers, int)) == text


def test_many_numbers_are_cut_short():
    assert (
        shown(np.arange(40) ** 2, most=3) == "0:2, 4, 9 ..." and shown(np.arange(3) ** 2, most=2) == "0:2, 4"
    )


@pytest.mark.parametrize(
    "numbers, most, text",
    [
        ([3, 4, 6, 8, 9], 12, "3:5, 6, 8:10"),
        ([0, 2, 4, 5, 6], 12, "0:5:2, 5:7"),
        ([1, 2], 1, "1:3"),
        ([1, 3], 1, "1 ..."),
        ([*range(0, 130, 10), 131], 12, "0:121:10, 131"),
    ],
)
def test_runs_of_numbers(numbers, most, text):
    assert shown(np.array(numbers), most) == text
    squares = np.arange(2, 15) ** 2  # thirteen: one more than is shown
    assert shown(squares[:-1]) == ", ".join(map(str, squares[:-1]))
    assert shown(squares) == ", ".join(map(str, squares[:-1])) + " ..."


def test_a_second_reason_counts_the_first_ones_too():
    """2 of 20 were never written, 2 more are empty: 4 of 20, a fifth; one more is too many"""
    first = leave_out(scan(20), np.arange(20) < 2, *WORDS)
    assert first.notes == ["2 of 20 frames were never written and are left out: 0:2"]
    for count in (2, 3):
        lost = np.arange(18) >= 18 - count
        if count == 3:
            with pytest.raises(DataError, match="5 of 20 frames hold no data: frames 17:20 have no counts"):
                leave_out(first, lost, "empty", "have no counts")
            continue
        second = leave_out(first, lost, "empty", "have no counts")
        assert second.notes[-1] == "2 of 20 frames have no counts and are left out: 18:20"
        assert {k: v.tolist() for k, v in second.left_out.items()} == {"missing": [0, 1], "empty": [18, 19]}
        assert second.numbers.tolist() == list(range(2, 18)) and first.left_out.keys() == {"missing"}
        second.gaps = True
        again = leave_out(second, np.arange(16) == 15, "empty", "have no counts")
        assert again.left_out["empty"].tolist() == [17, 18, 19]


def test_none_and_all():
    one = scan(5)
    assert leave_out(one, np.zeros(5, bool), *WORDS) is one
    one.gaps = True
    with pytest.raises(DataError, match="all 5 frames were never written; is this the right dataset"):
        leave_out(one, np.ones(5, bool), *WORDS)


def test_the_name_is_that_of_the_innermost_source():
    one = scan(5)
    assert name_of(one) == "the frames"
    one.file = "job.h5"
    assert name_of(one) == "job.h5"
    inner = Memory(one.source.frames)
    inner.where = "f.h5: /d"
    joined = JoinedFrames.of([inner, one.source], "")
    one.source = SelectedFrames(joined, np.arange(3))
    assert name_of(one) == "f.h5: /d"
