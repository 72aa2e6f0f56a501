"""Signals as images of a page: what view.js gets is what the signal holds."""

import io

import numpy as np
import pytest
from PIL import Image

from nanompi.report.coded import STEPS, coded
from nanompi.report.figures import picture
from nanompi.report.frames import frames
from nanompi.report.image_difference import difference
from nanompi.report.plots import history_curves, plot, single
from nanompi.report.signals import SignalsInFile
from nanompi.run.result import Marks, Result, Signal
from nanompi.run.writers import nexus

RNG = np.random.default_rng(3)


def decoded(image) -> np.ndarray:
    """The values that view.js reads."""
    high, low = np.split(np.asarray(Image.open(io.BytesIO(image.png)), float), 2)
    values = image.low + (256 * high + low - 1) / STEPS * (image.high - image.low)
    return np.where(high + low > 0, values, np.nan)


def along(shape, step=2e-8):
    return {name: (np.arange(n) * step, "m") for name, n in zip("yx", shape)}


def test_a_coded_image_has_its_values_back_to_half_a_step():
    values = RNG.normal(size=(30, 40)) * 1e3
    values[3, 4], seen = np.nan, RNG.random((30, 40)) > 0.2
    got = decoded(coded(values, seen))
    known = seen & np.isfinite(values)
    span = np.ptp(values[known])
    assert (np.isnan(got) == ~known).all() and np.nanmax(np.abs(got - values)[known]) <= 0.501 * span / STEPS


@pytest.mark.parametrize("values", [np.full((3, 3), 7.0), np.zeros((2, 5)), np.full((4, 4), np.nan)])
def test_an_image_of_one_value_or_none_is_coded_too(values):
    np.testing.assert_allclose(decoded(coded(values)), values)


def test_a_large_image_is_averaged_over_what_is_seen():
    """An odd number of pixels, a corner that nothing is known of; places are the middles of the blocks"""
    data = RNG.normal(size=(103, 101)).astype(np.float32)
    data[:9, :9] = np.nan
    (one,) = frames("map", Signal(data, along(data.shape, 1e-6), "counts", "iron", "map"), 52)
    assert one.values.shape == (52, 51) and one.means == 2 and np.isnan(one.values[:4, :4]).all()
    assert one.values[20, 30] == pytest.approx(data[40:42, 60:62].mean(), rel=1e-5)
    assert one.values[4, 4] == pytest.approx(np.nanmean(data[8:10, 8:10])) and one.values[
        51, 7
    ] == pytest.approx(data[102, 14:16].mean())
    assert (
        one.axes["x"][2] == "µm"
        and one.axes["x"][:2] == pytest.approx((0.5, 100.5))
        and one.axes["y"][:2] == pytest.approx((0.5, 102.5))
    )


def test_phases_are_averaged_as_angles_and_shown_round_where_they_wrap():
    data = np.full((8, 8), np.pi - 0.1, np.float32)
    data[:, 1::2] = -np.pi + 0.1
    (one,) = frames("phase", Signal(data, {}, "rad", "phase", "angle"), 4)
    assert np.abs(np.abs(one.values) - np.pi).max() < 1e-5
    flat = frames("phase", Signal(RNG.uniform(-1, 1, (8, 8)), {}, "rad", "phase", "angle"))[0]
    full = frames("phase", Signal(RNG.uniform(-np.pi, np.pi, (64, 64)), {}, "rad", "phase", "angle"))[0]
    assert (flat.map, full.map) == ("gray", "twilight") and full.low == -np.pi


def test_limits_are_of_what_was_well_lit_and_nothing_stands_where_little_was_seen():
    data, seen = np.zeros((20, 20)), np.full((20, 20), 1.0)
    data[:10] = RNG.uniform(1, 2, (10, 20))
    data[10:15], seen[10:15], seen[15:] = 99, 0.2, 0.05
    (one,) = frames("amplitude", Signal(data, {}, "", "", "image", seen))
    assert (
        1 <= one.low < one.high <= 2 and np.isnan(one.values[15:]).all() and (one.values[10:15] == 99).all()
    )


def test_a_frame_is_shown_by_its_logarithm_and_zeros_like_the_least_count():
    data = np.array([[0, 1, 10], [1000, np.nan, 3]], float)
    (one,) = frames("frame", Signal(data, {}, "counts", "mean frame", "frame"))
    assert (
        one.log
        and one.values[0].tolist() == [0, 0, 1]
        and one.values[1, 0] == pytest.approx(3)
        and np.isnan(one.values[1, 1])
    )
    assert 0.9 < one.low < 1.1 and 900 < one.high < 1001


def test_modes_are_cut_to_the_light_and_say_their_power():
    field = np.zeros((2, 40, 50), complex)
    field[0, 10:20, 15:35], field[1, 12:14, 20:22] = 3j, -1
    axes = {"mode": (np.arange(2), "")} | along((40, 50))
    first, second = frames("probe", Signal(field, axes, "", "probe modes", "modes"))
    assert (
        first.values.shape == (10, 20) and (first.values == 3).all() and np.allclose(first.angle, np.pi / 2)
    )
    assert (
        first.title == "mode 1: 99.8 %"
        and second.title == "mode 2: 0.2 %"
        and first.axes["x"][0] == pytest.approx(300)
    )


def test_a_stack_has_one_image_for_each_name():
    axes = {"line": (np.array(["Fe", "Cu"]), "")} | along((4, 6))
    found = frames("maps", Signal(RNG.random((2, 4, 6)), axes, "counts", "maps", "map"))
    assert [one.name for one in found] == ["maps Fe", "maps Cu"] and found[0].group == found[1].group


def test_errors_stay_with_their_values_where_no_pixels_are_averaged():
    data, errors = RNG.random((4, 6)), np.full((4, 6), 0.25)
    signal = Signal(data, {}, "counts", "iron", "map", errors=errors)
    (whole,), (small,) = frames("map", signal), frames("map", signal, 3)
    assert (whole.errors == 0.25).all() and whole.parts == 2 and small.errors is None
    assert whole.described()["errors_range"][0] == 0.25 and "errors" not in small.described()


def test_curves_hold_what_was_computed_and_where_engines_change():
    i, nan = np.arange(1.0, 6), np.nan
    history = {"i": i, "engine": ["DM", "DM", "ML", "ML", "ML"], "R": np.array([0.5, nan, 0.3, nan, 0.1])}
    (one,) = history_curves([("", history)])
    assert one["lines"][0]["y"] == [0.5, None, 0.3, None, 0.1] and one["marks"] == [[1, "DM"], [3, "ML"]]
    both = history_curves([("a", history), ("b", history)])
    assert [line["name"] for line in both[0]["lines"]] == ["a", "b"] and both[0]["marks"] == []


def test_spectra_and_points_are_drawn_along_their_axes():
    axes = {"curve": (np.array([b"sum", b"fit"]), ""), "energy": (np.array([1.0, 2, 3]), "keV")}
    spectrum = plot("sum", Signal(np.ones((2, 3)), axes, "counts", "spectrum", "curve"))
    assert [line["name"] for line in spectrum["lines"]] == ["sum", "fit"] and spectrum[
        "label"
    ] == "energy [keV]"
    where = Signal(np.array([[0, 1e-6], [2e-6, np.nan], [3e-6, 5e-6]]), {}, "m", "positions", "positions")
    assert plot("positions", where)["points"] == [[1, 0], [5, 3]]
    assert plot("phase", Signal(np.ones((4, 4)), show="image")) is None


def test_a_curve_of_one_point_is_a_number_with_as_many_digits_as_its_error_tells():
    def said(value, error, unit="deg"):
        errors = None if error is None else np.array([error])
        return single("p", Signal(np.array([value]), {}, unit, "place", "curve", errors=errors))

    assert said(3.70846123, 0.00021) == ("place", "3.70846 ± 0.00021 deg")
    assert said(529.836, 24.2, "counts") == ("place", "530 ± 24 counts")
    assert said(1234567.0, 1.5e4, "1") == ("place", "1234567 ± 1.5e+04")
    assert said(0.25, None, "ug/cm2") == ("place", "0.25 µg/cm²") and said(np.nan, 1.0)[1] == "nan deg"
    assert single("p", Signal(np.ones(2), {}, "", "", "curve")) is None
    assert single("p", Signal(np.ones(1), {}, "m", "", "positions")) is None


def test_between_runs_of_values_is_a_gap_and_between_single_ones_a_line():
    nan, x = np.nan, {"x": (np.arange(6.0), "")}
    for own, gaps in (([1, 2, nan, nan, 3, 4], True), ([1, nan, 2, nan, nan, 3], False)):
        y = np.array([[1.0] * 6, own])
        assert plot("c", Signal(y, x, "", "curve", "curve"))["gaps"] is gaps
        _, drawn = picture(Signal(y, x, "", "curve", "curve")).axes[0].lines[:2]
        assert np.isnan(drawn.get_ydata()).any() == gaps


def test_the_space_that_breaks_no_line_is_a_space_on_the_page(tmp_path):
    curve = Signal(np.ones((1, 4)), {}, "", "sum; Fe\u00a0K", "curve")
    nexus.write(Result(pictures={"sum": curve}, notes={"job": {}}), tmp_path / "result.h5")
    assert SignalsInFile(tmp_path / "result.h5")["sum"].title == "sum; Fe K"


def test_units_have_their_own_letters():
    """As in the pictures; the files of results keep the plain ones"""
    axes = {name: (np.arange(4.0), "1/A") for name in "yx"}
    (areal,) = frames("Fe", Signal(RNG.random((4, 4)), axes, "ug/cm2", "iron", "map"))
    assert areal.unit == "µg/cm²" and areal.axes["x"][2] == "1/Å"
    line = Signal(np.ones((1, 4)), {"q": (np.arange(4.0), "1/A")}, "ug/cm2", "line", "curve")
    drawn = plot("line", line)
    assert drawn["title"] == "line [µg/cm²]" and drawn["label"] == "q [1/Å]"
    depth = {"depth": (np.arange(2), "um")} | axes
    both = frames("Fe", Signal(RNG.random((2, 4, 4)), depth, "1", "iron", "map"))
    assert [one.title for one in both] == ["0 µm, iron", "1 µm, iron"] and both[0].unit == ""


def test_points_say_which_values_their_colours_are():
    where, values = np.arange(20.0).reshape(10, 2), np.linspace(5, 14, 10)
    given = Signal(where, {}, "px", "misfit", "positions", marks=Marks(label="deviance", values=values))
    found = plot("misfit", given)
    assert found["scale"] == {"low": pytest.approx(5.09), "high": pytest.approx(13.91), "label": "deviance"}
    assert found["values"][0] < 0.02 and found["values"][-1] > 0.98


def test_arrows_lead_from_where_frames_were_to_where_they_go():
    """Of 2 µm: one of 40 nm along x, one of 20 nm up, drawn twice as long; one is not known"""
    where = np.array([[0, 0], [0, 2e-6], [np.nan, 1e-6]])
    way = np.array([[0, 4e-8], [-2e-8, 0], [0, 1e-6]])
    found = plot("moved", Signal(np.stack([where, way], 1), {}, "m", "displacements", "arrows"))
    assert found["points"] == [[0, 0], [2, 0]] and found["unit"] == "µm"
    assert found["ends"] == [[pytest.approx(0.08), 0], [2, pytest.approx(-0.04)]]
    assert "displacements, drawn 2 times as long: " in found["title"]


def test_a_difference_is_taken_where_both_show_the_same():
    """The second image is one row shorter, two pixels off, and a phase has no zero"""
    scene = np.cumsum(np.cumsum(RNG.normal(size=(60, 60)), 0), 1).astype(np.float32) / 60
    scene = np.angle(np.exp(0.5j * scene)).astype(np.float32)
    parts = [scene[5:45, 5:45], scene[5:44, 7:47] + 0.25]
    first, second = (frames("phase", Signal(p, along(p.shape), "rad", "phase", "image"))[0] for p in parts)
    found = difference(second, first, "b minus a")
    assert found.title == "b minus a, moved by 0, 2 px" and found.values.shape == first.values.shape
    assert np.isfinite(found.values).sum() == 39 * 38 and np.nanmax(np.abs(found.values)) < 1e-5
    assert (
        difference(frames("phase", Signal(parts[0], along((40, 40), 3e-8), "rad", "", "image"))[0], first, "")
        is None
    )
