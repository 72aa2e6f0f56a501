"""Arrays by their names: places and lengths in metres, geometry that is missing, darks, start arrays."""

import re

import numpy as np
import pytest

from nanompi.errors import DataError, JobError
from nanompi.methods.ptycho.read import mapped
from nanompi.methods.ptycho.read.mapped import Mapped, MappedGeometry, _modes, check, mean_frame
from nanompi.run.reading import Input
from tests.memory import Memory

EV, HC = 1.602176634e-19, 6.62607015e-34 * 299792458.0
FULL = {"wavelength": (1e-10, ""), "distance": (2.0, ""), "pixel": (50e-6, "")}


def scan(arrays, paths=None, units=None, frames=6, shape=(10, 16), **given):
    """The scan from arrays {path: (values, unit)}, each under its own name"""
    arrays = {k: (np.asarray(v), u) for k, (v, u) in arrays.items()}
    keep = ("positions", "x", "y")
    paths = paths or {k: k for k in arrays if k in mapped.KNOWN or k in keep}
    m = Mapped("f", arrays.__getitem__, arrays.__contains__, {"frames": "frames", **paths}, units or {})
    source = Memory(np.ones((frames, *shape), np.uint16))
    return mapped.scan_of(m, source, Input(**given), False, "npz")


POINTS = np.stack([np.arange(0.0, 12, 2), np.arange(21.0, 33, 2)], 1)


@pytest.mark.parametrize(
    "values, unit, want",
    [
        (POINTS, "um", POINTS * 1e-6),
        (POINTS, "", POINTS),
        (POINTS.T, "mm", POINTS * 1e-3),
        (POINTS.reshape(2, 3, 2), "nm", POINTS * 1e-9),
        (POINTS[:2], "um", POINTS[:2] * 1e-6),  # (2, 2) as it stands
        (POINTS[:1], "um", POINTS[:1] * 1e-6),
    ],
)
def test_positions_are_row_and_column(values, unit, want):
    found = scan(FULL | {"positions": (values, unit)}, frames=len(want)).positions
    assert found.shape == want.shape and np.allclose(found, want, rtol=1e-12, atol=0)


@pytest.mark.parametrize("shape", [(6,), (6, 3), (2, 3, 4), (1, 1)])
def test_positions_of_another_shape_are_refused(shape):
    with pytest.raises(DataError, match=re.escape("(n, 2) as (row, column) is needed")):
        scan(FULL | {"positions": (np.ones(shape), "")})


@pytest.mark.parametrize(
    "x, y, frames, rows, columns",
    [
        ([1, 2, 3], [10, 20, 30], 3, [10, 20, 30], [1, 2, 3]),
        ([[1, 2, 3], [4, 5, 6]], [[7, 8, 9], [1, 2, 3]], 6, [7, 8, 9, 1, 2, 3], [1, 2, 3, 4, 5, 6]),
        ([1, 2, 3], [10, 20], 6, [10, 10, 10, 20, 20, 20], [1, 2, 3, 1, 2, 3]),
        ([1, 2], [10], 2, [10, 10], [1, 2]),
        ([1, 2, 3], [10, 20], 5, None, None),
        ([1, 2, 3], [10, 20], 7, None, None),
    ],
)
def test_x_and_y_are_points_or_the_axes_of_a_raster(x, y, frames, rows, columns):
    arrays = FULL | {"x": (x, "um"), "y": (y, "mm")}
    if rows is None:
        with pytest.raises(DataError, match="x has 3 values and f: y 2; they must agree"):
            scan(arrays, frames=frames)
        return
    out = scan(arrays, frames=frames)
    assert np.allclose(out.positions, np.c_[np.array(rows) * 1e-3, np.array(columns) * 1e-6], rtol=1e-12)
    raster = np.size(x) != np.size(y)
    assert (
        out.notes
        == [f"x and y span a raster of {np.size(y)} rows and {np.size(x)} columns, columns fastest"][:raster]
    )


def test_units_and_expressions():
    """The unit of the result goes before those of its parts; a part in its own unit becomes metres"""
    arrays = FULL | {"/a": ([1.0, 2.0], "mm"), "/b": ([3.0, 5.0], "um"), "/y": ([0.0, 1.0], "nm")}
    paths = {k: k for k in FULL} | {"a": "/a", "y": "/y"}
    out = scan(arrays, paths | {"x": "-a + 2*/b"}, frames=2).positions
    assert np.allclose(out, [[0, -1e-3 + 6e-6], [1e-9, -2e-3 + 10e-6]], rtol=1e-12)
    out = scan(arrays, paths | {"x": "-a + 2*/b"}, {"x": "um"}, frames=2).positions
    assert np.allclose(out[:, 1], [5e-6, 8e-6], rtol=1e-12)
    out = scan(arrays, paths | {"x": "-a + 2*/b"}, {"a": "um"}, frames=2).positions
    assert np.allclose(out[:, 1], [5e-6, 8e-6], rtol=1e-12)
    arrays["/c"] = ([1.0, 2.0], "")  # metres, without unit
    assert np.allclose(scan(arrays, paths | {"x": "/c - a"}, frames=2).positions[:, 1], [0.999, 1.998])
    out = scan(arrays, paths | {"x": "/b"}, {"x": "cm", "y": "um"}, frames=2).positions
    assert np.allclose(out, [[0, 0.03], [1e-6, 0.05]], rtol=1e-12)
    with pytest.raises(KeyError):  # a plain name: the file says what it has
        scan(arrays, paths | {"x": "/gone.b_1"}, frames=2)


def test_px_for_both_or_for_none():
    size = 1e-10 * 2.0 / (np.array([10, 16]) * 50e-6)  # far field: wavelength distance / (pixels pixel)
    arrays = FULL | {"x": ([1.0, 2.0], "px"), "y": ([3.0, 5.0], "px")}
    out = scan(arrays, frames=2)
    assert np.allclose(out.positions, [[3, 1], [5, 2]] * size, rtol=1e-12) and out.notes == []
    near = scan(arrays | {"focus": (0.5, "")}, frames=2)  # pixel / magnification
    assert np.allclose(near.positions, np.array([[3, 1], [5, 2]]) * 50e-6 * 0.5 / 2.5, rtol=1e-12)
    for one in ({"x": ([1.0, 2.0], "um")}, {"y": ([1.0, 2.0], "um")}):
        with pytest.raises(JobError, match="both be in px, or neither"):
            scan(arrays | one, frames=2)


@pytest.mark.parametrize("missing", ["wavelength", "distance", "pixel"])
def test_what_is_missing_is_invented_so_that_a_pixel_is_10_nm(missing):
    oblong = FULL | {"pixel": ([50e-6, 60e-6], ""), "positions": (POINTS, "px")}
    arrays = {k: v for k, v in oblong.items() if k != missing}
    out = scan(arrays)
    assert out.positions.shape == (6, 2) and len(out.notes) == 1
    pixel = out.wavelength * out.distance / (np.array([10, 16]) * out.pixel)
    assert np.allclose(out.positions, POINTS * pixel, rtol=1e-12)
    if missing == "wavelength":
        assert (
            out.wavelength == pytest.approx(HC / (8.8e3 * EV), rel=1e-9) and "energy 8.8 keV" in out.notes[0]
        )
    elif missing == "distance":
        assert pixel[0] == pytest.approx(1e-8) and out.distance == pytest.approx(1e-8 * 10 * 50e-6 / 1e-10)
        assert "invented: distance 0.05 m, so" in out.notes[0]
    else:
        assert np.allclose(pixel, 1e-8) and out.pixel == pytest.approx((2e-3, 1.25e-3))
        assert "invented: detector pixel 2000 um, so" in out.notes[0]


def test_nothing_known_but_positions_in_pixels():
    out = scan({"positions": (POINTS, "px")})
    assert out.distance == 1.0 and np.allclose(out.positions, POINTS * 1e-8, rtol=1e-12)


@pytest.mark.parametrize(
    "given, want",
    [
        ({}, (1.0, 2.0, (3.0, 4.0), 5.0)),
        ({"wavelength": 9.0}, (9.0, 2.0, (3.0, 4.0), 5.0)),
        ({"energy": 8e3 * EV}, (HC / (8e3 * EV), 2.0, (3.0, 4.0), 5.0)),
        ({"wavelength": 9.0, "energy": 8e3 * EV}, (9.0, 2.0, (3.0, 4.0), 5.0)),
        ({"distance": 9.0}, (1.0, 9.0, (3.0, 4.0), 5.0)),
        ({"pixel": 9.0}, (1.0, 2.0, (9.0, 9.0), 5.0)),
        ({"focus": 9.0}, (1.0, 2.0, (3.0, 4.0), 9.0)),
    ],
)
def test_the_values_of_the_job_win(given, want):
    one = MappedGeometry(1.0, 2.0, (3.0, 4.0), 5.0)
    one.take(Input(**given))
    assert [*one.pixel, one.wavelength, one.distance, one.focus] == pytest.approx(
        [*want[2], want[0], want[1], want[3]], rel=1e-9
    )


@pytest.mark.parametrize(
    "name, given",
    [
        ("wavelength", {"energy": 8e3 * EV}),
        ("wavelength", {"wavelength": 1e-10}),
        ("distance", {"distance": 1.0}),
        ("pixel", {"pixel": 1e-4}),
        ("focus", {"focus": 0.1}),
        ("energy", {"energy": 8e3 * EV}),
    ],
)
def test_a_wrong_value_of_the_file_matters_only_where_the_job_has_none(name, given):
    arrays = FULL | {"positions": (POINTS, ""), name: (np.array([b"a"]), "m")}
    if name == "energy":
        arrays = {k: v for k, v in arrays.items() if k != "wavelength"}
    with pytest.raises(DataError):
        scan(arrays)
    assert len(scan(arrays, **given).notes) == 1


def test_the_pixel_is_one_number_or_row_and_column():
    base = {"wavelength": (1.5, "A"), "distance": (25, "cm"), "positions": (POINTS, "")}
    out = scan(base | {"pixel": (55, "um")})
    assert out.pixel == pytest.approx((55e-6, 55e-6)) and (out.wavelength, out.distance) == pytest.approx(
        (1.5e-10, 0.25)
    )
    out = scan(base | {"pixel": ([50, 75], "um")}, units={"pixel": "mm", "distance": "m"})
    assert out.pixel == pytest.approx((50e-3, 75e-3)) and out.distance == 25
    out = scan({"positions": (POINTS, ""), "energy": (8.0, "keV")})
    assert np.isnan(out.distance) and np.isnan(out.pixel).all() and out.focus is None
    assert out.wavelength == pytest.approx(HC / (8e3 * EV), rel=1e-9)


def test_arrays_beside_the_frames():
    arrays = FULL | {
        "positions": (POINTS, ""),
        "monitor": (np.arange(6).reshape(2, 3), ""),
        "focus": (0.1, ""),
    }
    arrays |= {"mask": (np.eye(10, 16) == 0, ""), "dark": (np.ones((2, 10, 16)), "")}
    arrays |= {"probe": (np.ones((10, 16)), ""), "object": (np.ones((2, 30, 31)) * 1j, "")}
    out = scan(arrays)
    assert out.monitor.tolist() == [0, 1, 2, 3, 4, 5] and out.focus == 0.1
    assert (~out.mask).sum() == 10 and out.dark.shape == (10, 16) and out.dark.dtype == np.float32
    assert out.probe.shape == (1, 10, 16) and out.object.shape == (30, 31) and np.all(out.object == 1j)
    bare = scan(FULL | {"positions": (POINTS, "")})
    assert [getattr(bare, k) for k in ("mask", "dark", "monitor", "probe", "object", "focus")] == [None] * 6


def test_dark_frames_are_averaged_where_they_are_numbers():
    dark = np.array([[[1, np.nan, 3]], [[3, np.nan, np.inf]], [[5, np.nan, 5]]])
    assert np.array_equal(mean_frame(dark, "f"), np.array([[3, np.nan, 4]], np.float32), equal_nan=True)
    assert mean_frame(np.array([[1, 2]]), "f").tolist() == [[1, 2]]
    assert mean_frame(np.arange(8).reshape(2, 2, 1, 2), "f").tolist() == [[3, 4]]
    with pytest.raises(DataError, match="rows, columns"):
        mean_frame(np.ones(5), "f")


@pytest.mark.parametrize(
    "shape, want",
    [
        ((9, 8), (1, 9, 8)),
        ((2, 9, 8), (2, 9, 8)),
        ((2, 3, 9, 8), (6, 9, 8)),
        ((8, 8, 7), None),  # modes last
        ((8, 9, 2), None),
        ((8, 5, 7), (8, 5, 7)),
        ((7, 9, 2), (7, 9, 2)),  # as it stands; whoever uses it compares its size
        ((2, 3), (1, 2, 3)),
        ((8, 8, 8), (8, 8, 8)),
        ((9,), None),
    ],
)
def test_modes_of_start_arrays(shape, want):
    for a in (np.ones(shape), np.ones(shape, [("r", "f4"), ("i", "f4")])):
        if want is None:
            with pytest.raises(DataError, match=r"\(modes, rows, columns\) is needed"):
                _modes(a, "f")
            continue
        out = _modes(a, "f")
        assert out.shape == want and out.dtype == np.complex64
        assert np.all(out == (1 + 1j if a.dtype.names else 1))
    with pytest.raises(DataError, match="type"):
        _modes(np.ones((9, 9), bool), "f")
    with pytest.raises(DataError, match="type"):
        _modes(np.ones((9, 9), [("r", "f4"), ("imag", "f4")]), "f")


@pytest.mark.parametrize(
    "paths, units, words",
    [
        (["frames", "x", "y"], ["x"], None),
        (["frames", "positions"], [], None),
        (["frames", "positions", "x"], [], None),
        (["x", "y"], [], "`frames` is missing"),
        (["frames", "x"], [], "give `x` and `y`"),
        (["frames", "y"], [], "give `x` and `y`"),
        (["frames", "positions"], ["x"], '"x" is not in `paths`'),
        (["frames", "x", "y", "a"], [], '"a" is neither used in x or y'),
        (["frames", "x", "y", "pixel"], ["pixel"], None),
    ],
)
def test_which_names_are_needed_and_known(paths, units, words):
    given = ({p: f"/{p}1" for p in paths}, {u: "m" for u in units}, "/data")
    if words is None:
        return check(*given)
    with pytest.raises(JobError, match=re.escape(words)):
        check(*given)


def test_a_name_beside_is_used_in_x_or_in_y():
    for text in ({"x": "2*b", "y": "/y"}, {"x": "/x", "y": "-b"}):
        check({"frames": "/f", "b": "/b", **text}, {"b": "um"}, "/data")
