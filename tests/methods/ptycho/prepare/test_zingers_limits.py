"""From which value on a pixel of one frame is a zinger."""

import numpy as np
import pytest

from nanompi.methods.ptycho.prepare.faulty import RING
from nanompi.methods.ptycho.prepare.zingers import highest, zingers

SHAPE = (9, 11)


def seen(*values, frames=6, dtype=np.uint32):
    """Frames that hold these values at (4, 5), one each."""
    stack = np.zeros((frames, *SHAPE), dtype)
    stack[: len(values), 4, 5] = values
    return stack


REACH = [
    (1.0, 50 + 12 * np.sqrt(11.0), 12.0),
    (4.0, 50 + 12 * np.sqrt(4 * 14.0), 48.0),
    (0.25, 50 + 12 * np.sqrt(0.25 * 10.25), 3.0),
]


@pytest.mark.parametrize("gain, near, far", REACH)
@pytest.mark.parametrize("values", [(1000, 10), (10, 1000), (3, 10, 1000, 10), (10, 10)])
def test_light_reaches_two_pixels_and_its_second_largest_value(gain, near, far, values):
    """5 x 10 and 12 sigma, with a variance of gain (10 + gain); that of no count is one count's"""
    found = highest(seen(*values, dtype=np.float32), gain)
    want = np.full(SHAPE, far)
    want[2:7, 3:8] = near
    assert found == pytest.approx(want, rel=1e-5)
    whole = highest(seen(*values), gain)
    assert whole.dtype == np.uint32 and np.array_equal(whole, np.floor(want + 1e-4))


def test_few_frames_say_nothing_and_what_was_not_measured_does_not_count():
    assert highest(seen(10, 10, frames=5), 1.0) is None
    assert highest(seen(np.nan, np.nan, 10, np.inf, np.inf, dtype=np.float32), 1.0).max() == 12
    assert highest(seen(-1, -1, -1, -1, -1, -1, dtype=np.int32), 1.0).max() == 12
    assert highest(seen(100, 100, dtype=np.uint8), 1.0).max() == 255  # not 620 - 512
    assert highest(seen(2**60, 2**60, dtype=np.int64), 1.0).max() == 2**53


def struck(value, beside=0, around=0, at=(4, 5)):
    x = np.zeros((3, *SHAPE))
    for row, column in RING[:beside]:
        x[1, (at[0] + row) % 9, (at[1] + column) % 11] = around
    x[1, at[0], at[1]] = value
    return x


STRUCK = [
    (12, 0, 0, 1.0, False),
    (13, 0, 0, 1.0, True),
    (39, 3, 3, 1.0, False),  # 5 x 3 + 12 sqrt(3 + 1)
    (40, 3, 3, 1.0, True),
    (40, 2, 30, 1.0, True),
    (40, 3, 30, 1.0, False),
    (87, 3, 3, 4.0, False),  # 5 x 5 + 12 sqrt(4 (5 + 4)) = 97 would be for 5; here 15 + 12 sqrt(28) = 78.5
    (20, 3, -1, 1.0, True),
]


@pytest.mark.parametrize("value, beside, around, gain, want", STRUCK)
@pytest.mark.parametrize("at", [(4, 5), (0, 0), (8, 10)])
def test_a_zinger_stands_above_all_but_two_neighbours(value, beside, around, gain, want, at):
    if gain == 4:
        value, want = 79, True
        assert zingers(struck(78, beside, around, at), *limits(struck(78, beside, around, at)), gain) is None
    x = struck(value, beside, around, at)
    found = zingers(x, *limits(x), gain)
    assert (found is not None) == want
    if want:
        assert [a.tolist() for a in found] == [[1], [at[0]], [at[1]]]


def limits(x, at_least=11.5):
    """(peak, limit) for `zingers`: nothing but the pixel itself is asked about."""
    limit = np.full(SHAPE, 1e9)
    limit[np.unravel_index(x[1].argmax(), SHAPE)] = at_least
    return x.max(0), limit


def test_a_value_at_the_limit_is_light():
    x = struck(100)
    for limit, want in ((100.0, False), (99.9, True)):
        assert (zingers(x, x.max(0), np.full(SHAPE, limit), 1.0) is not None) == want


@pytest.mark.parametrize("number, want", [(8, True), (9, False)])
def test_many_zingers_at_once_are_light(number, want):
    x = np.zeros((9, *SHAPE))
    places = [(r, c) for r in (1, 4, 7) for c in (1, 5, 9)][:number]
    for k, (row, column) in enumerate(places):
        x[k, row, column] = 100
    found = zingers(x, x.max(0), np.full(SHAPE, 50.0), 1.0)
    assert (found is not None) == want
    if want:
        assert list(zip(*(a.tolist() for a in found))) == [(k, *p) for k, p in enumerate(places)]


def test_more_where_the_block_is_large():
    """One in a thousand pixels: 100 x 100 pixels and 18 zingers"""
    for number, want in ((18, True), (19, False)):
        x = np.zeros((1, 100, 100), np.uint16)
        x[0, 2 : 2 + 4 * number : 4, 50] = 100
        assert (zingers(x, x[0], np.full((100, 100), 50, np.uint16), 1.0) is not None) == want


def test_many_pixels_at_the_limit_hide_no_zinger():
    x = np.zeros((1, 24, 30), np.uint16)
    x[0, ::3, ::3], x[0, 12, 16] = 100, 2000
    found = zingers(x, x[0], np.full((24, 30), 100, np.uint16), 1.0)
    assert [a.tolist() for a in found] == [[0], [12], [16]]
