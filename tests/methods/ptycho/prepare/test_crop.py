"""A Cut is the same as transposing, flipping, padding and shifting one after the other."""

import numpy as np
import pytest

from nanompi.errors import JobError
from nanompi.methods.ptycho.prepare.crop import cut, good_sizes, runs, size_of, start_of


@pytest.mark.parametrize("corner", [(False, False), (False, True), (True, False), (True, True)])
@pytest.mark.parametrize("number", range(8))
@pytest.mark.parametrize(
    "start, size", [((0, 0), (10, 13)), ((-3, 2), (9, 14)), ((4, -1), (12, 5)), ((2, 3), (1, 2))]
)
def test_one_pass_equals_many(corner, number, start, size):
    block = np.arange(1, 2 * 10 * 13 + 1, dtype=np.uint16).reshape(2, 10, 13)
    o = (bool(number & 4), bool(number & 2), bool(number & 1))
    x = np.fft.fftshift(block, axes=(1, 2)) if corner[0] else block
    x = x.swapaxes(1, 2) if o[0] else x
    x = x[:, ::-1] if o[1] else x
    x = x[:, :, ::-1] if o[2] else x
    x = np.pad(x, ((0, 0), (20, 20), (20, 20)))
    x = x[:, 20 + start[0] : 20 + start[0] + size[0], 20 + start[1] : 20 + start[1] + size[1]]
    x = np.fft.ifftshift(x, axes=(1, 2)) if corner[1] else x
    got = cut((10, 13), o, start, size, *corner)(block)
    assert got.dtype == np.uint16 and np.array_equal(got, x)


def test_nothing_is_copied_where_nothing_changes():
    block = np.zeros((2, 5, 6))
    assert cut((5, 6), (False, False, False), (0, 0), (5, 6), False, False)(block) is block


def test_runs_are_few():
    assert runs(np.array([5, 6, 7, -1, -1, 2, 1, 0])) == [
        (slice(0, 3), slice(5, 8, 1)),
        (slice(5, 8), slice(2, None, -1)),
    ]


def test_good_sizes():
    assert good_sizes(30) == [2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 24, 28, 30]


def test_sizes_that_an_fft_likes_up_to_the_limit_itself():
    assert good_sizes(1) == [] and good_sizes(2) == good_sizes(3) == [2]
    assert [n for n in range(2, 101, 2) if n not in good_sizes(100)] == [
        *(22, 26, 34, 38, 44, 46, 52, 58, 62, 66, 68, 74, 76, 78, 82, 86, 88, 92, 94)
    ]


SIZES = [  # given, shape, centre, rebin, far: rows and columns
    (16, (40, 48), (0, 0), 1, True, (16, 16)),
    (2, (40, 48), (0, 0), 1, True, (2, 2)),
    ([8, 12], (40, 48), (0, 0), 4, True, (8, 12)),
    ("auto", (40, 48), (20, 24), 1, True, (40, 48)),
    ("auto", (45, 53), (20, 24), 1, False, (42, 50)),
    ("auto", (67, 67), (33, 20), 1, True, (42, 42)),  # 20 / (1/2 - 1/16) = 45.7
    ("auto", (67, 67), (46, 33), 1, True, (48, 48)),  # 21 to the nearer side: 48
    ("auto", (66, 68), (33, 20), 1, True, (64, 42)),  # not square: each axis by itself
    ("auto", (67, 67), (33, 20), 1, False, (64, 64)),
    ("auto", (67, 67), (33, 33), 3, True, (60, 60)),
    ("auto", (64, 64), (1, 32), 1, True, (2, 2)),
    ("auto", (64, 64), (0, 32), 1, True, (2, 2)),
    ("auto", (5, 64), (2, 32), 4, True, (4, 64)),
]


@pytest.mark.parametrize("given, shape, centre, rebin, far, want", SIZES)
def test_the_window_has_this_size(given, shape, centre, rebin, far, want):
    assert size_of(given, shape, centre, rebin, far) == want


@pytest.mark.parametrize("given", [1, (1, 8), (8, 1), (8,), (8, 8, 8), (8, 9), 9])
def test_sizes_that_are_none(given):
    with pytest.raises(JobError, match="size"):
        size_of(given, (40, 48), (20, 24), 2, True)


STARTS = [  # centre, size, shape, rebin, far: first row and column
    ((20, 24), (40, 48), (40, 48), 1, True, (0, 0)),
    ((18, 25), (16, 16), (40, 48), 1, True, (10, 17)),
    ((18.4, 25.6), (16, 17), (40, 48), 1, True, (10, 18)),
    ((5, 46), (20, 20), (40, 48), 1, True, (-5, 36)),  # sticks out: the beam stays where it is
    ((19.5, 23.5), (40, 48), (40, 48), 1, False, (0, 0)),
    ((10, 10), (5, 4), (40, 48), 1, False, (8, 8)),
    ((14.5, 18.5), (16, 16), (32, 32), 2, True, (6, 10)),  # the middle of two pixels
    ((20, 24), (40, 48), (40, 48), 2, True, (0, 0)),
    ((21, 24), (40, 48), (40, 48), 2, True, (0, 0)),  # a pixel is given up to stay on the detector
    ((19, 23), (40, 48), (40, 48), 2, True, (-2, -2)),  # but not two
    ((23.5, 18.5), (40, 48), (40, 48), 4, True, (0, -7)),  # two of four, not more
    ((24.5, 26.5), (40, 48), (40, 48), 4, True, (3, 0)),
    ((2, 2), (6, 6), (4, 4), 1, True, (-1, -1)),  # larger than the detector
]


@pytest.mark.parametrize("centre, size, shape, rebin, far, want", STARTS)
def test_the_window_starts_here(centre, size, shape, rebin, far, want):
    assert start_of(centre, size, shape, rebin, far) == want


RUNS = [
    ([], []),
    ([-1, -1], []),
    ([3], [(slice(0, 1), slice(3, 4, 1))]),
    ([0], [(slice(0, 1), slice(0, 1, 1))]),
    ([1, 0], [(slice(0, 2), slice(1, None, -1))]),
    ([0, 1, -1], [(slice(0, 2), slice(0, 2, 1))]),
    ([5, -1, 0], [(slice(0, 1), slice(5, 6, 1)), (slice(2, 3), slice(0, 1, 1))]),
    ([2, 4], [(slice(0, 1), slice(2, 3, 1)), (slice(1, 2), slice(4, 5, 1))]),
    ([3, 4, 3], [(slice(0, 2), slice(3, 5, 1)), (slice(2, 3), slice(3, 4, 1))]),
    ([4, 3, 2, 7, 8], [(slice(0, 3), slice(4, 1, -1)), (slice(3, 5), slice(7, 9, 1))]),
]


@pytest.mark.parametrize("index, want", RUNS)
def test_stretches(index, want):
    assert runs(np.array(index, int)) == want


def test_what_changes_is_copied():
    block = np.arange(60).reshape(2, 5, 6)
    for given in ((False, True, False), (0, 0), (5, 6)), ((False, False, True), (0, 0), (5, 6)):
        assert cut((5, 6), *given, False, False)(block) is not block
    whole = cut((5, 6), (False, False, False), (0, 0), (5, 6), False, False)
    assert np.array_equal(whole.one(block[1]), block[1])
    square = np.arange(50).reshape(2, 5, 5)
    assert np.array_equal(
        cut((5, 5), (True, False, False), (0, 0), (5, 5), False, False)(square)[0], square[0].T
    )
    outside = cut((5, 6), (False, False, False), (0, -1), (5, 6), False, False)
    assert outside(block)[:, :, 0].tolist() == [[0] * 5] * 2
