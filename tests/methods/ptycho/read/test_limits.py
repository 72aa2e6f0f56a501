"""What is believed, at its very limits: the limit itself is accepted, and a little beyond is refused."""

import numpy as np
import pytest

from nanompi.data.select import slice_of
from nanompi.errors import DataError, JobError
from nanompi.methods.ptycho.read import guard
from nanompi.methods.ptycho.read.select import select
from nanompi.run.reading import Input
from tests.memory import scan_of

A_LITTLE = 1e-6


def scan(n: int = 6, shape=(16, 16), **more):
    """n frames of counts, all of which the guard accepts; positions 1 um apart"""
    return scan_of(np.ones((n, *shape), np.uint16), **more)


LIMITS = [("wavelength", 1e-13, 1e-7), ("distance", 1e-3, 100.0), ("pixel", 1e-7, 1e-3)]


@pytest.mark.parametrize("name, low, high", LIMITS)
def test_lengths(name, low, high):
    for value, good in (
        (low, True),
        (low * (1 - A_LITTLE), False),
        (high, True),
        (high * (1 + A_LITTLE), False),
    ):
        one = scan(**{name: (value, value) if name == "pixel" else value})
        if good:
            guard.check_geometry(one)
        else:
            with pytest.raises(DataError, match=f"{name} = "):
                guard.check_geometry(one)


@pytest.mark.parametrize(
    "focus, good", [(1e-9, True), (-1e-3, True), (999.9, True), (0.0, False), (1000.0, False)]
)
def test_focus(focus, good):
    one = scan(focus=focus)
    if good:
        return guard.check_geometry(one)
    with pytest.raises(DataError, match="focus = "):
        guard.check_geometry(one)


@pytest.mark.parametrize("span, good", [(1e-9, True), (0.99e-9, False), (0.1, True), (0.101, False)])
def test_the_span_of_positions(span, good):
    one = scan(2)
    one.positions = np.array([[0.0, 0.0], [0.0, span]])
    if good:
        return guard.check_span(one, one.positions)
    with pytest.raises(DataError, match="the positions span"):
        guard.check_span(one, one.positions)


def test_frames_of_8_pixels_and_one_frame_alone_are_enough():
    guard.check_frames(scan(1, (8, 8)))
    guard.check_positions(scan(1))
    for shape in ((7, 8), (8, 7)):
        with pytest.raises(DataError, match="at least 8 x 8"):
            guard.check_frames(scan(1, shape))


def test_the_pixel_of_the_object():
    """Far field: 1e-10 m * 2 m / (16 * 55 um); near field 1 mm behind the focus of 2 m: 2001 times smaller"""
    assert guard.object_pixel(scan()) == pytest.approx([2e-10 / 880e-6, 2e-10 / 1200e-6])
    assert guard.object_pixel(scan(focus=1e-3)) == pytest.approx([55e-6 / 2001, 75e-6 / 2001])


def test_the_size_of_the_object():
    """40,000 pixels in all, span and frame together"""
    one = scan(2)
    size = guard.object_pixel(one)
    step = 39_984 * size[0]
    one.positions = np.array([[0.0, 0.0], [step * (1 - A_LITTLE), 0.0]])
    with pytest.raises(DataError, match="no two frames overlap"):  # not for its size
        guard.check_extent(one)
    one.positions[1, 0] = step * 1.0001
    with pytest.raises(DataError, match="more than 40000"):
        guard.check_extent(one)


@pytest.mark.parametrize(
    "part, said", [(0.49, ""), (0.52, "little overlap"), (0.99, "little overlap"), (1.01, None)]
)
def test_overlap_of_neighbours(part, said):
    """The field of view is that of the smaller side: 16 pixels of 2e-10 / 1200e-6"""
    one = scan(4)
    field = 16 * guard.object_pixel(one).min()
    one.positions = np.stack([np.zeros(4), np.arange(4) * part * field], 1)
    if said is None:
        with pytest.raises(DataError, match="no two frames overlap"):
            guard.check_step(one, guard.object_pixel(one), "")
        return
    guard.check_step(one, guard.object_pixel(one), "")
    assert "".join(one.notes).endswith(said) and bool(one.notes) == bool(said)


def test_the_step_of_a_scan_is_that_to_the_nearest_neighbour():
    y, x = (v.ravel() for v in np.mgrid[:30, :30])
    grid = np.stack([3e-6 * y, 2e-6 * x], 1)
    assert guard.nearest_step(grid) == pytest.approx(2e-6)
    assert guard.nearest_step(np.concatenate([grid, grid])) == pytest.approx(2e-6)  # each point twice


@pytest.mark.parametrize("change, told", [(0.04, False), (0.2, True)])
def test_a_monitor_that_varies(change, told):
    one = scan(101, monitor=np.linspace(1, 1 + change, 101))
    guard.check_monitor(one)
    assert bool(one.notes) == told and one.monitor is not None


@pytest.mark.parametrize("monitor", [np.ones(5), np.r_[np.ones(5), 0], np.r_[np.ones(5), np.nan]])
def test_a_monitor_of_no_use_is_left_out(monitor):
    one = scan(6, monitor=monitor)
    guard.check_monitor(one)
    assert one.monitor is None and "left out" in one.notes[0]


def test_values_that_differ_by_rounding_replace_without_a_word():
    given = Input()
    for factor, notes in ((1 + 0.9e-5, 0), (1 - 0.9e-5, 0), (1 + 1.2e-5, 1)):
        given.distance = 2.0 * factor
        out = guard.override(scan(), given)
        assert out.distance == 2.0 * factor and len(out.notes) == notes


# ---- what is left of a scan --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given, numbers",
    [
        ("2:5", [2, 3, 4]),
        ("::2", [0, 2, 4]),
        ("-2:", [4, 5]),
        ({"without": [0]}, [1, 2, 3, 4, 5]),
        ({"without": [-1]}, [0, 1, 2, 3, 4]),
        ({"without": ["1:3", 5]}, [0, 3, 4]),
        ({"keep": "1:5", "without": [2]}, [1, 3, 4]),
        ({"keep": "middle:2", "without": [2]}, [1, 3]),
    ],
)
def test_select(given, numbers):
    from nanompi.data.select import Select

    one = scan(6)
    one.positions[:, 1] = (
        np.array([0, 1, 2, 3, 40, 50]) * 1e-6 if "middle" in str(given) else one.positions[:, 1]
    )
    part = select(one, given if isinstance(given, str) else Select(**given))
    assert np.array_equal(part.positions, one.positions[numbers]) and part.source.shape[0] == len(numbers)
    assert f"{len(numbers)} of 6 frames" in part.notes[-1]


@pytest.mark.parametrize("without", [6, "6:9", -7])
def test_frames_that_do_not_exist_cannot_be_left_out(without):
    from nanompi.data.select import Select

    with pytest.raises(JobError, match="there is no such frame; the scan has 0:6"):
        select(scan(6), Select(without=[without]))


def test_a_slice():
    assert slice_of("3:7:2") == slice(3, 7, 2) and slice_of(":") == slice(None)
    assert slice_of("5", allowed="x") == slice(5, 6) and slice_of("-1", allowed="x") == slice(-1, None)
    for text in ("::0", "::-1", "a", "5", "1:2:3:4"):
        with pytest.raises(JobError):
            slice_of(text)


def test_a_step_of_the_whole_field_still_touches():
    """Exactly one field apart is not refused; exactly half a field is not told"""
    one = scan(3)
    size = np.array([2.0**-30, 2.0**-30])  # exact in binary
    for part, notes in ((1.0, 1), (0.5, 0)):
        one.positions, one.notes = np.stack([np.zeros(3), np.arange(3) * part * 16 * size[0]], 1), []
        guard.check_step(one, size, "")
        assert len(one.notes) == notes


@pytest.mark.parametrize("shape", [(6,), (6, 3), (6, 2, 1), (2, 6)])
def test_positions_are_two_numbers_a_frame(shape):
    one = scan(6)
    one.positions = np.ones(shape)
    with pytest.raises(DataError, match=r"the positions have the shape|missing"):
        guard.check_positions(one)


def test_the_gain_of_the_job_stands_and_auto_leaves_it_open():
    for gain, want in (("auto", scan().gain), (37.0, 37.0)):
        assert guard.override(scan(), Input(gain=gain)).gain == want


def test_a_few_spikes_of_a_monitor_are_no_variation():
    """The lowest and highest 2 % are not looked at"""
    one = scan(200, monitor=np.r_[0.2, np.ones(197), 5.0, 5.0])
    guard.check_monitor(one)
    assert one.notes == []


def test_what_select_says_of_itself():
    from nanompi.data.select import Select

    assert str(Select(keep="0:9", without=[1])) == '"0:9" without 1'
    assert str(Select(without=list(range(8)))) == "without 0, 1, 2, 3, 4, 5, 6, 7"
    assert str(Select(without=list(range(9)))) == "without 0, 1, 2, 3, 4, 5, 6, 7 ..."
