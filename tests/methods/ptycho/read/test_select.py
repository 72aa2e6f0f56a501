"""`select:` on scans in memory: lists of unequal length, frames that were never measured, the middle."""

import numpy as np
import pytest

from nanompi.data.select import MISSING, Select, slice_of
from nanompi.errors import JobError
from nanompi.methods.ptycho.read.select import select
from tests.memory import scan_of


def scan(frames=6, positions=6):
    """Frames and positions filled with their numbers"""
    one = scan_of(np.arange(frames, dtype=np.uint16)[:, None, None] * np.ones((1, 2, 2), np.uint16))
    one.positions = np.repeat(np.arange(float(positions))[:, None], 2, 1)
    return one


@pytest.mark.parametrize(
    "given, frames, positions, left, places",
    [
        (Select(keep="0:4"), 6, 9, [0, 1, 2, 3], [0, 1, 2, 3]),
        (Select(keep="4:"), 6, 9, [4, 5], [4, 5, 6, 7, 8]),
        (Select(keep="1:"), 6, 4, [1, 2, 3, 4, 5], [1, 2, 3]),
        (Select(without=[1]), 6, 9, [0, 2, 3, 4, 5], [0, 2, 3, 4, 5, 6, 7, 8]),
        (Select(without=[1, 5]), 6, 4, [0, 2, 3, 4], [0, 2, 3]),
        (Select(keep="::2", without=[2]), 6, 6, [0, 4], [0, 4]),
        (Select(keep="-2:"), 6, 6, [4, 5], [4, 5]),
        (Select(keep="middle:3", without=["0:2"]), 6, 6, [2, 3, 4], [2, 3, 4]),
        (Select(keep="middle:1"), 7, 7, [3], [3]),
        (Select(keep="middle:2", without=[MISSING, 3]), 7, 7, [2, 4], [2, 4]),
        (Select(keep=":3", without=MISSING), 6, 6, [0, 1, 2], [0, 1, 2]),
        (Select(without=["1:-1", -1]), 6, 6, [0], [0]),
    ],
)
def test_frames_and_positions_are_cut_alike(given, frames, positions, left, places):
    one = scan(frames, positions)
    out = select(one, given)
    assert out.source.read(np.arange(len(left)))[:, 0, 0].tolist() == left == out.numbers.tolist()
    assert out.positions[:, 0].tolist() == places
    assert out.gaps == (MISSING in given.without)
    assert out.notes == [f"selected {given}: {len(left)} of {frames} frames"]


def test_the_middle_of_a_list_of_another_length_is_looked_for_among_all():
    assert select(scan(9, 7), Select(keep="middle:3", without=[3])).positions[:, 0].tolist() == [2, 3, 4]


@pytest.mark.parametrize("given", [Select(), Select(without=MISSING)])
def test_nothing_to_cut(given):
    one = scan()
    assert select(one, given) is one and one.gaps == bool(given.without) and one.notes == []
    assert given.whole != bool(given.without)


@pytest.mark.parametrize(
    "text, want",
    [
        ("1:", slice(1, None)),
        (" 1 : 5 : 2 ", slice(1, 5, 2)),
        ("1:5:", slice(1, 5)),
        (":-3", slice(None, -3)),
        ("7", slice(7, 8)),
        ("0", slice(0, 1)),
        ("-1", slice(-1, None)),
        ("-2", slice(-2, -1)),
        ("1:5:0", None),
        ("1::5:", None),
        ("", None),
        ("1:2:-1", None),
    ],
)
def test_texts(text, want):
    if want is None:
        with pytest.raises(JobError, match="is not 17"):
            slice_of(text, "without", "17")
    else:
        assert slice_of(text, "without", "17") == want


@pytest.mark.parametrize("keep", ["5", "midle:3", "middle:", "a:b", "::0"])
def test_a_wrong_keep_is_told_when_the_job_is_read(keep):
    with pytest.raises(JobError, match=r'input.select: ".*" is not start:stop'):
        Select(keep=keep)


@pytest.mark.parametrize("value", [17, None, ["0:5"]])
def test_the_short_form_is_a_text(value):
    with pytest.raises(JobError, match="does not fit here"):
        Select.from_value(value)
    assert Select.from_value("2:").keep == "2:"
