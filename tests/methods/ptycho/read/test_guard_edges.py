"""Each refusal and each note of the guard at its edge, on scans in memory."""

import re

import numpy as np
import pytest

from nanompi.errors import DataError
from nanompi.methods.ptycho.read import guard
from nanompi.run.reading import Input
from tests.memory import scan_of

EV, HC = 1.602176634e-19, 6.62607015e-34 * 299792458.0


def scan(n=6, shape=(16, 16), dtype=np.uint16, **more):
    """n frames of ones, 1 um apart along the columns"""
    return scan_of(np.ones((n, *shape), dtype), **more)


def refused(check, one, text=None):
    """text None: it passes"""
    if text is None:
        return check(one)
    with pytest.raises(DataError, match=re.escape(text)):
        check(one)


# ---- what the job says in place of the file


@pytest.mark.parametrize(
    "given, file, want, notes",
    [
        ({"energy": 8e3 * EV}, {"wavelength": np.nan}, {"wavelength": HC / (8e3 * EV)}, []),
        ({"wavelength": 2e-10}, {}, {"wavelength": 2e-10}, ["wavelength: 200 pm of the job replaces 100 pm"]),
        ({"wavelength": 1e-10, "energy": HC / 1e-10}, {}, {"wavelength": 1e-10}, []),
        ({"wavelength": 1e-10, "energy": HC / 1.1e-10}, {}, {"wavelength": 1e-10},
         ["warning: wavelength and energy of the job disagree (100 pm and 110 pm)"]),
        ({"pixel": 55e-6}, {"pixel": (55e-6, 55e-6)}, {"pixel": (55e-6, 55e-6)}, []),
        ({"pixel": 55e-6}, {}, {"pixel": (55e-6, 55e-6)}, ["pixel: 55 um of the job replaces 55 um x 75 um"]),
        ({"pixel": 55e-6}, {"pixel": (np.nan, 75e-6)}, {"pixel": (55e-6, 55e-6)}, []),
        ({"focus": 0.3}, {}, {"focus": 0.3}, []),
        ({"focus": 0.3}, {"focus": -0.3}, {"focus": 0.3}, ["focus: 300 mm of the job replaces -300 mm"]),
        ({}, {"focus": 0.2}, {"focus": 0.2, "distance": 2.0, "wavelength": 1e-10}, []),
    ],
)  # fmt: skip
def test_the_job_replaces(given, file, want, notes):
    out = guard.override(scan(**file), Input(**given))
    for name, value in want.items():
        assert getattr(out, name) == pytest.approx(value, rel=1e-9)
    assert len(out.notes) == len(notes) and all(n in told for n, told in zip(notes, out.notes))


# ---- frames and positions


@pytest.mark.parametrize(
    "shape, text",
    [
        ((1, 8, 8), None),
        ((2, 7, 8), "frames of 7 x 8 pixels"),
        ((2, 8, 7), "frames of 8 x 7 pixels"),
        ((16, 16), "have the shape (16, 16)"),
        ((2, 2, 16, 16), "have the shape (2, 2, 16, 16)"),
        ((0, 16, 16), "have the shape (0, 16, 16)"),
        ((2, 0, 16), "have the shape (2, 0, 16)"),
    ],
)
def test_shapes_of_frames(shape, text):
    refused(guard.check_frames, scan_of(np.ones(shape, np.uint16)), text)


@pytest.mark.parametrize("dtype", ["u1", "i8", "f2", "f8", "?", "c8"])
def test_types_of_frames(dtype):
    refused(guard.check_frames, scan(dtype=dtype), None if dtype[0] in "uif" else "integers or real numbers")


@pytest.mark.parametrize(
    "n, points, text",
    [
        (6, 6, None),
        (5, 6, 'missing frames: 5 frames and 6 positions;'),
        (6, 5, 'missing positions: 6 frames and 5 positions;'),
    ],
)  # fmt: skip
@pytest.mark.parametrize("turned", [False, True])
def test_as_many_positions_as_frames(n, points, text, turned):
    one = scan(n, (16, points if turned else 16))
    one.positions = np.arange(2.0 * points).reshape(points, 2) * 1e-6
    refused(guard.check_positions, one, text)
    if text:
        with pytest.raises(DataError) as error:
            guard.check_positions(one)
        assert ("or is the order of the frames' dimensions not" in str(error.value)) == turned
        assert 'write `select: "0:5"` in the input section' in str(error.value)


def test_positions_that_are_not_finite_are_named_as_in_the_file():
    one = scan(6)
    one.positions[[1, 2], [0, 1]] = np.nan, np.inf
    refused(guard.check_positions, one, "2 of 6 positions are not finite, first that of frame 1:")
    one.numbers = np.arange(10, 16)
    refused(guard.check_positions, one, "first that of frame 11: NaN")
    refused(guard.check_positions, one, "without: [11:13]}")


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize(
    "places, text",
    [
        ([0.3], None),
        ([0.3, 0.3], "all 2 positions are equal"),
        ([0.0, 0.1], None),
        ([0.0, 0.1001], "the positions span 100.1 mm; 1 nm to 100 mm is believed"),
        ([0.0, 1e-9], None),
        ([0.0, 0.99e-9], "the positions span 990 pm"),
    ],
)
def test_the_span(axis, places, text):
    one = scan(len(places))
    one.positions = np.zeros((len(places), 2))
    one.positions[:, axis] = places
    refused(guard.check_positions, one, text)


# ---- geometry


@pytest.mark.parametrize(
    "name, value, hint",
    [
        ("wavelength", 1.5, "; the number looks like angstrom or nm."),
        ("wavelength", 500, "; the number looks like angstrom."),
        ("wavelength", 1e-4, "; the number looks like nm."),
        ("wavelength", 1e6, " m is believed."),
        ("distance", 2e3, "; the number looks like mm or cm or um."),
        ("distance", 2e5, "; the number looks like um."),
        ("pixel", 55.0, "; the number looks like um."),
        ("pixel", 0.05, "; the number looks like mm."),
        ("distance", 0.0, "0.001 to 100 m is believed."),
    ],
)
def test_the_unit_that_a_number_looks_like(name, value, hint):
    refused(guard.check_geometry, scan(**{name: (value, value) if name == "pixel" else value}), hint)


@pytest.mark.parametrize("pixel", [(np.nan, 55e-6), (55e-6, np.nan), (55e-6, 2e-3), (2e-3, 55e-6)])
def test_both_sides_of_a_pixel_are_looked_at(pixel):
    refused(
        guard.check_geometry,
        scan(pixel=pixel),
        "says no pixel" if np.isnan(pixel).any() else "pixel = 0.002 m",
    )


def positions_of(one, pixels, axis=0):
    """`one` with positions which span so many pixels of the object along an axis"""
    size, n = guard.object_pixel(one)[axis], len(one.positions)
    one.positions = np.zeros((n, 2))
    one.positions[:, axis] = np.linspace(0, pixels, n) * size
    return one


@pytest.mark.parametrize("axis", [0, 1])
def test_the_extent_of_the_object(axis):
    """Near field of magnification 2, so that a pixel of the object is exactly 2^-15 m"""
    near = {"pixel": (2.0**-14, 2.0**-14), "focus": 1.0, "distance": 1.0}
    for n in (2, 9000):
        assert guard.object_pixel(scan(2, **near)).tolist() == [2.0**-15, 2.0**-15]
        one = positions_of(scan(n, (8, 8), **near), 40_000 - 8, axis)
        refused(guard.check_extent, one, None if n > 2 else "no two frames overlap")
        one = positions_of(scan(n, (8, 8), **near), 40_001 - 8, axis)
        refused(guard.check_extent, one, "pixels, more than 40000; pixels of ")
    for n in (1, 2, 3):
        refused(guard.check_extent, positions_of(scan(n, **near), 0.5, axis))
        text = "all positions lie within 0.49 pixels" if n > 1 else None
        refused(guard.check_extent, positions_of(scan(n, **near), 0.49, axis), text)


def test_what_may_be_wrong_depends_on_the_field():
    for focus, text in ((None, "near field without `focus:`"), (1.0, "or focus is wrong")):
        refused(guard.check_extent, positions_of(scan(3, focus=focus), 0.2), text)


def test_two_frames_further_apart_than_either_sees():
    one = scan(2)
    field = 16 * guard.object_pixel(one)
    assert field[0] != field[1]
    one.positions = np.array([[0, 0], [0, 1.01 * field.min()]])
    refused(guard.check_extent, one, "so that no two frames overlap")
    one.positions[1, 1] = 0.99 * field.min()
    guard.check_extent(one)
    assert one.notes[0].startswith("warning: the step of ") and "is 0.99 of the field of view" in one.notes[0]


def test_the_step_is_the_median_over_some_of_the_positions():
    line = np.c_[np.zeros(9), [0, 1, 2, 10, 14, 30, 38, 60, 76]].astype(float)
    assert guard.nearest_step(line) == 4  # of 1 1 1 4 4 8 8 16 16
    assert guard.nearest_step(line, 4) == 4 and guard.nearest_step(line[:, ::-1], 5) == 4
    assert guard.nearest_step(line[[0, 0, 1, 1, 3]]) == 1 and guard.nearest_step(line[[2, 2]]) == 0
    assert guard.nearest_step(np.array([[0.0, 0.0], [3.0, 4.0]])) == 5
    most = np.repeat([0.0, 1.0], 4).reshape(8, 1) * [0, 1] + np.arange(8)[:, None] * [[10.0, 0.0]]
    assert guard.nearest_step(most, 2) == 10


# ---- arrays beside the frames


@pytest.mark.parametrize("name", ["mask", "dark"])
def test_arrays_of_the_size_of_the_frames(name):
    refused(guard.check_arrays, scan(3, (16, 12), **{name: np.ones((16, 12), bool)}))
    text = f"{name} has the shape (12, 16), the frames (16, 12)"
    refused(guard.check_arrays, scan(3, (16, 12), **{name: np.ones((12, 16), bool)}), text)


def test_a_mask_of_one_good_pixel_and_of_none():
    mask = np.zeros((16, 16), bool)
    refused(guard.check_arrays, scan(mask=mask), "the mask leaves no good pixel")
    mask[3, 4] = True
    refused(guard.check_arrays, scan(mask=mask))


@pytest.mark.parametrize("name", ["probe", "object"])
def test_start_arrays_are_finite(name):
    start = np.ones((1, 16, 16), complex)
    refused(guard.check_arrays, scan(**{name: start}))
    start[0, 3, 3] = np.inf
    refused(guard.check_arrays, scan(**{name: start}), f"the {name} in the file has values")


@pytest.mark.parametrize("spikes, told", [(2, False), (3, True)])
@pytest.mark.parametrize("high", [False, True])
def test_two_percent_at_each_end_of_a_monitor_are_not_looked_at(spikes, told, high):
    one = scan(101, (8, 8), monitor=np.ones(101))
    one.monitor[40 : 40 + spikes] = 1.5 if high else 0.5
    guard.check_monitor(one)
    assert len(one.notes) == told and (not told or "(monitor) varies by 50 %" in one.notes[0])


@pytest.mark.parametrize(("change", "told"), [(0.0625, True), (0.046875, False)])
def test_five_percent_of_the_median_are_told(change, told):
    one = scan(100, (8, 8), monitor=4 * np.repeat([1 - change / 2, 1, 1 + change / 2], [10, 80, 10]))
    guard.check_monitor(one)
    assert len(one.notes) == told and one.monitor is not None


# ---- counts


@pytest.mark.parametrize(
    "values, lost",
    [
        ([-64, -63, -62, -61, -50, -44], None),  # the upper half of those below 0
        ([-65, -66], None),  # two markers
        ([-65, -66, -67], "3 different values far below 0, down to -67, among 5 frames"),
        ([-128, -128, -127, -127], None),
    ],
)
def test_the_negative_end_of_a_signed_type(values, lost):
    one = scan(9, dtype=np.int8)
    one.source.frames[4, 3, : len(values)] = values  # the middle one of those looked at
    refused(guard.counts_noticed, one, lost)


@pytest.mark.parametrize("n", [1, 2, 5, 6, 9, 21])
def test_which_frames_are_looked_at(n):
    """At most five, evenly, the first and the last among them"""
    asked = []
    one = scan(n)
    read = one.source.read
    one.source.read = lambda index, threads=1: asked.append(index.tolist()) or read(index)
    assert guard.counts_noticed(one) == []
    want = {
        1: [0],
        2: [0, 1],
        5: [0, 1, 2, 3, 4],
        6: [0, 1, 2, 3, 5],
        9: [0, 2, 4, 6, 8],
        21: [0, 5, 10, 15, 20],
    }
    assert asked == [want[n]]


def test_what_is_told_of_counts():
    one = scan(9, dtype=np.float32)
    one.source.frames[2, 0, :3], one.source.frames[4, 5, :2] = (np.nan, np.inf, -np.inf), -1
    one.source.frames[6] = 0
    notes = guard.counts_noticed(one)
    assert notes == [
        "5 frames looked at: 3 values are not finite; they are masked",
        "5 frames looked at: 3 counts are negative; they are masked",
        "warning: frame 6 is empty",
    ]
    one.source.frames[:] = 0
    refused(guard.counts_noticed, one, "the frames [0, 2, 4, 6, 8] have no counts")
    one.source.frames[4, 1, 1] = 1
    assert guard.counts_noticed(one) == ["warning: frame 0 is empty"]
    signed = scan(3, dtype=np.int16)
    signed.source.frames[1, 1, 1] = -1
    assert guard.counts_noticed(signed) == ["3 frames looked at: 1 counts are negative; they are masked"]
