"""Each rule by which a pixel, a row or a marker is taken for faulty, at its very limit."""

import numpy as np
import pytest

from nanompi.methods.ptycho.prepare import faulty
from nanompi.methods.ptycho.prepare.faulty import beam, dead_bands, dead_pixels, hot_lines, hot_pixels, marked

SHAPE = (24, 30)
GOOD = np.ones(SHAPE, bool)


def light(frames=6, most=5, shape=SHAPE):
    """Frames (k, H, W) of which each pixel takes two values, at most `most`."""
    stack = np.zeros((frames, *shape), np.int64)
    stack[1::2], stack[-1], stack[0] = most, most, most - 1
    return stack


MARKERS = [  # marker at (12, 15), the largest value elsewhere, where that stands
    (16, 5, None, True),
    (15, 5, None, True),  # not 3 times as large, but the largest of all
    (5, 5, None, True),
    (4, 5, None, False),
    (16, 5, (0, 0), True),  # 3 times as large as what is near
    (15, 4, (0, 0), False),  # small counts may well be alike
    (18, 6, (0, 0), False),
    (19, 6, (0, 0), True),
]


@pytest.mark.parametrize("value, most, bright, want", MARKERS)
def test_a_marker_is_the_largest_or_far_above_what_is_near(value, most, bright, want):
    stack = light(most=most)
    if bright:
        stack[1::2, bright[0], bright[1]] = 1000
    stack[:, 12, 15] = value
    found, top = marked(stack, GOOD)
    assert np.argwhere(found).tolist() == [[12, 15]] * want
    assert top == (value if want and not bright else None)


@pytest.mark.parametrize("row, column", [(-7, 0), (7, 0), (0, -7), (0, 7)])
@pytest.mark.parametrize("further, want", [(0, False), (1, True)])
def test_near_is_seven_pixels(row, column, further, want):
    stack = light()
    stack[1::2, 12 + row + further * np.sign(row), 15 + column + further * np.sign(column)] = 1000
    stack[:, 12, 15] = 100
    assert marked(stack, GOOD)[0].any() == want


def test_markers_of_two_values_and_pixels_that_are_known_to_be_bad():
    stack, good = light(), GOOD.copy()
    stack[:, 3, 4], stack[:, 20, 25], stack[:, 10, 10] = 65535, 70000, 10**9
    good[10, 10] = False
    stack[:, :2] = 0  # no light is no marker
    found, top = marked(stack, good)
    assert np.argwhere(found).tolist() == [[3, 4], [20, 25]] and top == 65535
    assert marked(stack[1:], good)[1] is None  # five frames tell nothing
    small, top = marked(np.where(stack > 5, 0.5, stack * 1e-3), good)
    assert small.sum() == 2 and top == 0.5


@pytest.mark.parametrize("rows, want", [(12, True), (13, False)])
def test_frames_that_are_mostly_constant_hold_no_markers(rows, want):
    stack = light()
    stack[:, :rows] = 100
    assert marked(stack, GOOD)[0].any() == want


def test_dark_frames_hold_markers():
    stack = light()
    stack[:, 4:], stack[:, 0, 0] = 0, 65535
    found, top = marked(stack, GOOD)
    assert np.argwhere(found).tolist() == [[0, 0]] and top == 65535


def spot(value, beside=0, around=0, frames=10, often=None):
    """Frames with `value` at (10, 20) in the first `often` of them, `beside` in that many neighbours."""
    stack = np.zeros((frames, *SHAPE))
    for row, column in faulty.RING[:beside]:
        stack[:, 10 + row, 20 + column] = around
    stack[:often, 10, 20] = value
    return stack


HOT = [
    (spot(12), False),
    (spot(13), True),
    (spot(39, 3, 3), False),  # 5 x 3 + 12 sqrt(3 + 1)
    (spot(40, 3, 3), True),
    (spot(40, 2, 1e6), True),  # two neighbours may be as bright
    (spot(40, 3, 1e6), False),
    (spot(99, often=9), False),  # 0.9 of the frames
    (spot(99, frames=20, often=18), False),
    (spot(99, frames=20, often=19), True),
]


@pytest.mark.parametrize("stack, want", HOT)
def test_a_pixel_is_hot_above_all_but_two_neighbours(stack, want):
    for turn in (lambda a: a, lambda a: a[:, ::-1, ::-1]):
        found = hot_pixels(turn(stack), turn(stack)[:1].any(0), GOOD, (0, 0))
        at = [10, 20] if turn(stack)[0, 10, 20] else [13, 9]
        assert found[tuple(at)] == want and found.sum() <= 3


def test_bad_neighbours_say_nothing():
    stack, good = spot(99, 3, 1e6), GOOD.copy()
    maybe = np.zeros(SHAPE, bool)
    maybe[10, 20] = True
    assert not hot_pixels(stack, maybe.copy(), good, (0, 0)).any()
    good[9, 20] = False
    assert np.argwhere(hot_pixels(stack, maybe, good, (0, 0))).tolist() == [[10, 20]]


@pytest.mark.parametrize("centre", [(10, 20), (0, 0), (23, 29), (1, 28)])
def test_the_beam_is_never_hot(centre):
    """Five pixels by five"""
    maybe, stack = np.zeros(SHAPE, bool), np.zeros((10, *SHAPE))
    for row, column in ((0, 0), (2, 2), (-2, -2), (2, -2), (-2, 2), (3, 0), (-3, 0), (0, 3), (0, -3)):
        at = centre[0] + row, centre[1] + column
        if 0 <= at[0] < SHAPE[0] and 0 <= at[1] < SHAPE[1]:
            maybe[at], stack[:, at[0], at[1]] = True, 99
    found = np.argwhere(hot_pixels(stack, maybe.copy(), GOOD, centre))
    far = np.abs(np.argwhere(stack[0]) - centre).max(1) > 2
    assert found.tolist() == np.argwhere(stack[0])[far].tolist() and far.sum() in (2, 4)


@pytest.mark.parametrize("number, want", [(8, True), (9, False)])
def test_more_than_an_eighth_of_the_pixels_is_light(number, want):
    stack, maybe = np.zeros((6, 8, 8)), np.zeros((8, 8), bool)
    maybe.ravel()[20 : 20 + number] = True
    stack[:, 5, 7] = 99
    maybe[5, 7], maybe[2, 4] = True, False
    assert hot_pixels(stack, maybe, np.ones((8, 8), bool), (0, 0)).any() == want


DEAD = [  # own, neighbours, how many of them are dim (or bad), dead?
    (0, 144, 0, False),  # 144 - 0 = 12 sqrt(144)
    (0, 145, 0, True),
    (50, 1000, 0, False),  # 5 %
    (49, 1000, 0, True),
    (0, 1000, 2, True),
    (0, 1000, 3, False),
]


@pytest.mark.parametrize("own, around, dim, want", DEAD)
@pytest.mark.parametrize("bad", [True, False])
def test_a_pixel_is_dead_below_all_but_two_neighbours(own, around, dim, want, bad):
    total, good, maybe = np.full(SHAPE, float(around)), GOOD.copy(), np.zeros(SHAPE, bool)
    for row, column in faulty.RING[:dim]:
        good[10 + row, 20 + column] = not bad
        total[10 + row, 20 + column] = 1e6 if bad else 0
    total[10, 20], maybe[10, 20] = own, True
    assert np.argwhere(dead_pixels(total, maybe, good)).tolist() == [[10, 20]] * want
    assert not dead_pixels(total, np.zeros(SHAPE, bool), good).any()


BANDS = [
    ((1, 2), 6.7, True),
    ((1, 2), 6.6, False),
    ((0, 2), 99, False),
    ((22, 24), 99, False),
    ((5, 9), 99, True),
]


@pytest.mark.parametrize("band, each, want", BANDS)
@pytest.mark.parametrize("axis", [0, 1])
def test_rows_without_counts_between_rows_with_200(band, each, want, axis):
    """30 pixels in a row: 201 counts, 198 counts"""
    total, bad = np.full(SHAPE, each), np.zeros(SHAPE, bool)
    total[band[0] : band[1]], bad[band[0] : band[1]] = 0, want
    if axis:
        total, bad = total.T, bad.T
    assert np.array_equal(dead_bands(total, np.ones(total.shape, bool)), bad)
    good = np.ones(total.shape, bool)
    good[:, 3] = good[4] = False
    if each == 99:
        assert np.array_equal(dead_bands(np.where(good, total, 1e6), good), bad & good)


@pytest.mark.parametrize("beside, want", [(4, True), (5, False)])
def test_both_sides_of_a_dead_row_have_many(beside, want):
    total = np.full(SHAPE, 99.0)
    total[6], total[5] = 0, 0
    total[7] = total[4] = 0
    total[4, :20] = 10 if beside == 5 else 20
    total[3, :] = 99
    assert dead_bands(total, GOOD)[5:8].all() == want


LINES = [  # which, value, beside, hot?
    (0, 13, 0, True),
    (0, 12, 0, False),
    (23, 13, 0, True),
    (12, 13, 0, True),
    (12, 39, 3, False),
    (12, 40, 3, True),
]


def line(which, value, beside, axis, part=30, frames=10, often=10):
    """(stack, sum) of frames with one bright line, of which `part` pixels are bright, in `often` frames."""
    stack = np.zeros((frames, *SHAPE))
    for near in {abs(which - 1), min(which + 1, 46 - which - 1)}:
        stack[:, near, :] = beside / frames
    stack[:often, which, :part] = value / often
    stack = stack if axis == 0 else stack.swapaxes(1, 2)
    return stack, np.rint(stack.sum(0))


@pytest.mark.parametrize("which, value, beside, want", LINES)
@pytest.mark.parametrize("axis", [0, 1])
def test_a_hot_row_stands_above_the_rows_beside_it(which, value, beside, want, axis):
    stack, total = line(which, value, beside, axis)
    found = hot_lines(stack, total, np.ones(total.shape, bool), (7, 7))
    wanted = total == value
    assert np.array_equal(found, wanted & want)


@pytest.mark.parametrize("axis", [0, 1])
def test_what_is_no_hot_row(axis):
    good = np.ones(SHAPE if axis == 0 else SHAPE[::-1], bool)
    for part, want in ((15, False), (16, True)):  # half of its pixels
        assert hot_lines(*line(12, 100, 0, axis, part), good, (7, 7)).any() == want
    for often, want in ((9, False), (10, True)):
        assert hot_lines(*line(12, 100, 0, axis, often=often), good, (7, 7)).any() == want
    for which, want in ((9, False), (5, False), (7, False), (10, True), (4, True)):  # the beam
        assert hot_lines(*line(which, 100, 0, axis), good, (7, 7)).any() == want
    for which, want in ((0, False), (2, False), (3, True)):
        assert hot_lines(*line(which, 100, 0, axis), good, (0, 0)).any() == want
    stack, total = line(12, 100, 0, axis)
    good = good if axis == 0 else good.T
    good[12, 4:] = False
    own = good if axis == 0 else good.T
    assert hot_lines(stack, np.where(own, total, 0), own, (7, 7)).sum() == 4  # of 30 / 4 = 7 at least half
    good[12, 3:] = False
    assert hot_lines(stack, np.where(own, total, 0), own, (7, 7)).sum() == 0


def test_the_beam_is_where_neighbours_are_bright_too():
    """A hot row is not the beam, nor are two hot pixels; a spot of five pixels is."""
    y, x = np.mgrid[:60, :70]
    total = 100 * np.exp(-((y - 30) ** 2 + (x - 41) ** 2) / 8)
    total[3, 4:6] = 1e6
    assert np.abs(np.subtract(beam(total), (30, 41))).max() <= 1
    assert np.abs(np.subtract(beam(total[:40, 20:60]), (30, 21))).max() <= 1
    total[50] = 3000
    assert np.abs(np.subtract(beam(total), (30, 41))).max() <= 1
    total[9:12, 12] = total[10, 11:14] = 5000
    assert beam(total) == (10, 12)


def test_neighbours_outside_are_the_nearest_inside():
    a = np.arange(12).reshape(3, 4)
    assert faulty.around(a, np.array([[0, 0], [2, 3], [1, 1]])).tolist() == [
        [0, 0, 1, 0, 1, 4, 4, 5],
        [6, 7, 7, 10, 11, 10, 11, 11],
        [0, 1, 2, 4, 6, 8, 9, 10],
    ]


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("which, other", [(0, 1), (12, 11), (12, 13), (23, 22)])
def test_a_hot_row_is_twice_as_bright_in_nearly_all_frames(which, other, axis):
    stack = np.ones((20, *SHAPE))
    stack[:, which], stack[:, other] = 10, 5
    for frames, want in ((18, False), (19, True)):
        stack[:, other] = 5
        stack[:frames, other] = 4.9
        assert faulty._often(stack if axis == 0 else stack.swapaxes(1, 2), axis, which) is want


def scene(frames=6, shape=(40, 50)):
    """Frames of 100 counts with a beam in the middle"""
    stack = np.full((frames, *shape), 100.0)
    h, w = shape
    stack[:, h // 2 - 1 : h // 2 + 2, w // 2 - 1 : w // 2 + 2] = 400
    return stack


def names(stack, corner=False, good=None):
    good = np.ones(stack.shape[1:], bool) if good is None else good
    found = faulty.find(stack, stack.sum(0), good, corner)
    return {k: np.argwhere(v).tolist() for k, v in found.items()}


def test_each_kind_is_named():
    stack = scene()
    assert names(stack) == {}
    stack[:, 2, 3], stack[:, 33, 6] = 5000, 0
    assert names(stack) == {"hot": [[2, 3]], "dead": [[33, 6]]}
    assert names(stack[:5]) == {}
    stack[:, 13] = 0
    assert names(stack)["dead rows"] == [[13, k] for k in range(50)]
    assert "dead rows" not in names(stack, corner=True)
    stack[:, :, 46] = 3000
    assert names(stack)["hot rows"] == [[k, 46] for k in range(40)]


@pytest.mark.parametrize(
    "shape, want", [((7, 30), False), ((8, 30), True), ((30, 7), False), ((30, 8), True)]
)
def test_very_small_frames_are_left_alone(shape, want):
    stack = np.zeros((6, *shape))
    stack[:, 3:6, 3:6], stack[:, 1, 1] = 40, 9000
    if want:
        stack[:, :, 6:], stack[:, 6:] = 0, 0
    assert ("hot" in names(stack)) == want


FEW = [("hot", 39, True), ("hot", 40, False), ("dead", 39, True), ("dead", 40, False)]


@pytest.mark.parametrize("name, number, want", FEW)
def test_many_at_once_are_the_light(name, number, want):
    """Two per cent of 2000 pixels are 40."""
    stack = scene()
    places = [(r, c) for r in (2, 5, 8, 11, 28, 31, 34, 37) for c in (2, 9, 16, 36, 43)][:number]
    for row, column in places:
        stack[:, row, column] = 5000 if name == "hot" else 0
    assert names(stack) == ({name: [list(p) for p in places]} if want else {})


@pytest.mark.parametrize("each, want", [(6, False), (7, True)])
def test_a_hot_pixel_has_counts_enough(each, want):
    """12 sigma above nothing are 12 counts in each frame: 6 a frame are looked at, 13 are hot"""
    stack = np.zeros((6, *SHAPE))
    stack[:, 11:14, 14:17] = 50
    stack[:, 3, 4] = 12 + want
    assert ("hot" in names(stack)) == want
