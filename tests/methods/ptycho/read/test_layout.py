"""Quantities at their known places in CXI and NXcxi_ptycho files: axes, motors, units, what is missing."""

import re
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from nanompi.errors import DataError, JobError
from nanompi.io.hdf5 import open_hdf5
from nanompi.methods.ptycho.read import layout
from nanompi.methods.ptycho.read.layout import PLACES, Layout
from nanompi.run.reading import Input

N = 6
T = np.c_[np.arange(6.0), np.arange(6.0) ** 2, np.zeros(6)]  # x, y, z
DET = "instrument_1/detector_1/"


@pytest.fixture
def made(tmp_path):
    """make(paths=, units=, path=value or (value, unit) ...) -> the Layout of a file with frames and these"""
    opened = []

    def make(paths=None, units=None, frames=(N, 8, 8), **values):
        name = tmp_path / f"{len(opened)}.h5"
        with h5py.File(name, "w") as file:
            file["entry_1/" + DET + "data"] = np.ones(frames, "u2")
            for key, value in values.items():
                value, unit = value if isinstance(value, tuple) else (value, "")
                path = key.replace("__", "/")
                path = path if path.startswith("entry") else "entry_1/" + path
                file[path] = value
                if unit:
                    file[path].attrs["units"] = unit
        opened.append(open_hdf5(str(name)))
        return Layout(opened[-1], layout.entry_of(opened[-1]), PLACES, paths or {}, units or {})

    yield make
    for file in opened:
        file.close()


@pytest.mark.parametrize(
    "basis, turn",
    [
        (None, lambda x, y: (y, x)),  # CXI: row = +t_y, column = +t_x
        ([[0, -1, 0], [-1, 0, 0]], lambda x, y: (y, x)),
        ([[0, -75e-6, 0], [-50e-6, 0, 0]], lambda x, y: (y, x)),
        (np.transpose([[0, -75e-6, 0], [-50e-6, 0, 0]]), lambda x, y: (y, x)),
        ([[0, 2, 0], [3, 0, 0]], lambda x, y: (-y, -x)),
        ([[1, 0, 0], [0, 1, 0]], lambda x, y: (-x, -y)),
        ([[3, 4, 0], [4, -3, 0]], lambda x, y: (-0.6 * x - 0.8 * y, -0.8 * x + 0.6 * y)),
        ([[[0, 2, 0], [3, 0, 0]], [[0, -1, 0], [-1, 0, 0]]], lambda x, y: (-y, -x)),  # of many the first
    ],
)
def test_rows_and_columns_follow_the_basis_vectors(made, basis, turn):
    """row = -t . e_r / |e_r|, column = -t . e_c / |e_c|"""
    more = {} if basis is None else {DET.replace("/", "__") + "basis_vectors": np.array(basis, float)}
    of = made(sample_1__geometry_1__translation=(T, "um"), **more)
    want = np.stack(turn(T[:, 0] * 1e-6, T[:, 1] * 1e-6), 1)
    assert np.allclose(layout.positions(of, N), want, rtol=1e-12, atol=1e-18)
    assert (
        of.notes == ["no basis_vectors: rows run along -y, columns along -x (CXI's default)"][: basis is None]
    )


@pytest.mark.parametrize("basis", [np.zeros((2, 3)), np.ones((2, 2)), np.ones(6), [[1, 0, 0], [0, 0, 0]],
                                   [[1, 0, 0], [np.nan, 0, 0]]])  # fmt: skip
def test_basis_vectors_that_are_none(made, basis):
    of = made(sample_1__geometry_1__translation=T, instrument_1__detector_1__basis_vectors=np.array(basis))
    with pytest.raises(DataError, match="must be two vectors of three numbers"):
        layout.positions(of, N)


@pytest.mark.parametrize(
    "shape, n, turned",
    [
        ((6, 3), 6, False),
        ((3, 6), 6, True),
        ((6, 2), 6, False),
        ((2, 6), 6, True),
        ((3, 3), 3, False),  # as it stands
        ((2, 2), 2, False),
        ((2, 3), 2, False),
        ((2, 3), 3, True),
        ((3, 2), 3, False),
        ((3, 2), 2, True),
        ((1, 3), 1, False),
        ((3, 1), 1, True),
        ((2, 3), 7, False),  # neither fits: refused later, with its number
        ((4, 5), 4, None),
        ((6,), 6, None),
        ((1, 1, 2, 3), 2, None),
    ],
)
def test_a_translation_or_its_transpose(shape, n, turned):
    t = np.arange(float(np.prod(shape))).reshape(shape)
    if turned is None:
        with pytest.raises(DataError, match=r"a translation needs \(frames, 3\) or \(3, frames\)"):
            layout._three(t, n, "f")
    else:
        assert np.array_equal(layout._three(t, n, "f"), t.T if turned else t)


def test_a_translation_over_a_raster():
    t = np.arange(18.0).reshape(2, 3, 3)
    assert np.array_equal(layout._three(t, 6, "f"), t.reshape(6, 3))


@pytest.mark.parametrize(
    "x, y, frames, rows, columns",
    [
        ([0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], (6, 8, 8), [5, 4, 3, 2, 1, 0], [0, 1, 2, 3, 4, 5]),
        ([0, 1, 2], [7, 9], (2, 3, 8, 8), [7, 7, 7, 9, 9, 9], [0, 1, 2, 0, 1, 2]),
        ([0, 1, 2], [7, 9, 4], (3, 3, 8, 8), [7] * 3 + [9] * 3 + [4] * 3, [0, 1, 2] * 3),
        ([[0, 1], [2, 3]], [[4, 5], [6, 7]], (2, 2, 8, 8), [4, 5, 6, 7], [0, 1, 2, 3]),
        ([0, 1, 2], [7, 9], (3, 2, 8, 8), None, None),  # columns are the fast axis
        ([0, 1, 2], [7, 9], (6, 8, 8), None, None),
    ],
)
def test_motors_are_points_or_a_raster(made, x, y, frames, rows, columns):
    of = made(frames=frames, sample_1__transformations__x=(np.array(x, float), "um"),
              data__y=(np.array(y, float), "mm"))  # fmt: skip
    if rows is None:
        with pytest.raises(DataError, match=re.escape("has the shape (3,) and")):
            layout.positions(of, 6)
        return
    want = np.c_[np.array(rows) * 1e-3, np.array(columns) * 1e-6]
    assert np.allclose(layout.positions(of, len(want)), want, rtol=1e-12, atol=0)


def test_motors_of_the_job_go_before_the_translation_of_the_file(made):
    arrays = {"sample_1__geometry_1__translation": T, "m__x": T[:, 0] + 3, "m__y": T[:, 1] + 5}
    paths = {"x": "/entry_1/m/x", "y": "/entry_1/m/y"}
    found = layout.positions(made(paths, {"x": "um", "y": "nm"}, **arrays), N)
    assert np.allclose(found, np.c_[(T[:, 1] + 5) * 1e-9, (T[:, 0] + 3) * 1e-6], rtol=1e-12, atol=0)
    for key in ("x", "y"):
        with pytest.raises(DataError, match=r"no (x|translation|positions|y)"):
            layout.positions(made({key: paths[key]}, **arrays), N)
    with pytest.raises(
        DataError, match="no positions; looked for /entry_1/sample_1/geometry_1/translation, "
    ):
        layout.positions(made(), N)


@pytest.mark.parametrize("frames, entries, want", [
    ("entry_1/data_1", [], "entry_1"), ("entry/data_1", ["entry_1"], "entry"),
    ("entry_9/instrument_1", ["entry", "entry_1", "a"], "entry_9"), ("scan/data_1", ["entry_1"], ""),
])  # fmt: skip
def test_the_entry_is_one_with_an_instrument_or_data(tmp_path, frames, entries, want):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_group(frames)
        for name in entries:
            file.create_group(name + "/other")
        assert layout.entry_of(file) == want
        assert not layout.has(file, ["data_1/data", "x"])
        file[frames + "/data"] = 1
        assert layout.has(file, ["x", frames.split("/")[-1] + "/data"]) == bool(want)


def test_the_first_place_that_has_it_also_a_broken_link(made):
    of = made(data_1__mask=np.ones((8, 8)))
    assert of.path("mask") == "/entry_1/data_1/mask" and of.path("dark") == "" and of.find("dark") is None
    of = made(data_1__mask=np.ones((8, 8)), instrument_1__detector_1__pixel_mask=h5py.SoftLink("/gone"))
    assert of.path("mask") == "/entry_1/" + DET + "pixel_mask"
    with pytest.raises(DataError):
        of.find("mask")


PIXEL = {"x": "instrument_1__detector_1__x_pixel_size", "y": "instrument_1__detector_1__y_pixel_size"}
BASIS = np.array([[0, -3e-5, 4e-5], [-1e-4, 0, 0]])  # steps of 50 um and 100 um


@pytest.mark.parametrize(
    "sizes, basis, want",
    [
        ({"x": (50.0, "um"), "y": (75e-6, "")}, None, (75e-6, 50e-6)),
        ({"x": 50e-6, "y": 75e-6}, BASIS, (75e-6, 50e-6)),
        ({}, BASIS, (50e-6, 100e-6)),
        ({}, BASIS.T, (50e-6, 100e-6)),
        ({"x": 1e-6}, BASIS, (50e-6, 100e-6)),
        ({"y": 1e-6}, BASIS, (50e-6, 100e-6)),
        ({}, np.stack([BASIS, BASIS]), (np.nan, np.nan)),
        ({}, BASIS[:, :2], (np.nan, np.nan)),
        ({"x": 1e-6}, None, (np.nan, 1e-6)),
    ],
)
def test_the_pixel_by_its_sizes_or_by_the_basis_vectors(made, sizes, basis, want):
    more = {} if basis is None else {"instrument_1__detector_1__basis_vectors": basis}
    found = layout.pixel(made(**{PIXEL[k]: v for k, v in sizes.items()}, **more))
    assert found == pytest.approx(want, rel=1e-12, nan_ok=True)


def test_units_of_the_job_go_before_those_of_the_file(made):
    arrays = {
        PIXEL["x"]: (50.0, "um"),
        PIXEL["y"]: (75.0, "um"),
        "sample_1__geometry_1__translation": (T, "mm"),
    }
    of = made(None, {"pixel": "nm", "positions": "um"}, **arrays)
    assert layout.pixel(of) == pytest.approx((75e-9, 50e-9))
    assert np.allclose(layout.positions(of, N), T[:, 1::-1] * 1e-6, rtol=1e-12)


@pytest.mark.parametrize(
    "units, want",
    [
        ({}, {}),
        ({"energy": "eV"}, {"energy": "eV"}),
        ({"x": "um"}, {"x": "um", "positions": "um"}),
        ({"x": "um", "y": "um"}, {"x": "um", "y": "um", "positions": "um"}),
        ({"x": "um", "y": "um", "positions": "mm"}, {"x": "um", "y": "um", "positions": "mm"}),
        ({"x": "um", "y": "mm"}, None),
    ],
)
def test_both_coordinates_have_one_unit(units, want):
    if want is None:
        with pytest.raises(JobError, match="x and y are one dataset"):
            layout.in_metres(units)
    else:
        assert layout.in_metres(units) == want


SOURCE = "instrument_1__source_1__"


@pytest.mark.parametrize("bad, given", [
    ("instrument_1__source_1__wavelength", {"energy": 1e-15}), (SOURCE + "wavelength", {"wavelength": 1e-10}),
    (SOURCE + "energy", {"energy": 1e-15}), ("instrument_1__detector_1__distance", {"distance": 1.0}),
    (PIXEL["x"], {"pixel": 1e-4}), ("instrument_1__beam_1__focus_to_sample", {"focus": 0.1}),
])  # fmt: skip
def test_a_wrong_value_of_the_file_matters_only_where_the_job_has_none(made, bad, given):
    of = made(**{bad: np.array([b"a"])})
    with pytest.raises(DataError):
        layout._geometry(of, Input())
    layout._geometry(of, Input(**given))
    assert len(of.notes) == 1 and "is known otherwise" in of.notes[0]


def test_everything_in_a_file_and_next_to_nothing(made):
    part = SimpleNamespace(paths={}, units={}, name="cxi")
    arrays = {"sample_1__geometry_1__translation": T, SOURCE + "wavelength": (1.5, "A"),
              "instrument_1__detector_1__distance": -2.0, PIXEL["x"]: 5e-5, PIXEL["y"]: 6e-5,
              "instrument_1__beam_1__focus_to_sample": (-3.0, "mm"), "start__probe": np.ones((1, 8, 8)),
              "instrument_1__monitor_1__data": np.ones((2, 3)), "start__object": np.ones((9, 9)),
              "instrument_1__detector_1__dark": np.full((2, 8, 8), 3), "truth__corners": np.ones((N, 2)),
              "instrument_1__detector_1__mask": np.eye(8, dtype="u1")}  # fmt: skip
    out = layout.read(made(**arrays).file.filename, PLACES, part, Input())
    assert (out.wavelength, out.distance, out.focus) == pytest.approx((1.5e-10, 2.0, -3e-3))
    assert out.pixel == pytest.approx((6e-5, 5e-5)) and out.monitor.shape == (6,) and out.dark.max() == 3
    assert out.probe.shape == (1, 8, 8) and out.object.shape == (9, 9) and list(out.truth) == ["corners"]
    assert np.array_equal(out.mask, np.eye(8) == 0) and np.allclose(out.positions, T[:, 1::-1])
    arrays = {"sample_1__geometry_1__translation": T}
    out = layout.read(made(**arrays).file.filename, PLACES, part, Input())
    assert np.isnan([out.wavelength, out.distance, *out.pixel]).all() and out.truth == {}
    bare = ("focus", "monitor", "probe", "object", "dark", "mask", "saturated")
    assert [getattr(out, name) for name in bare] == [None] * 7


def test_the_number_of_frames_says_how_a_translation_lies(made):
    part = SimpleNamespace(paths={}, units={}, name="cxi")
    name = made(frames=(2, 8, 9), sample_1__geometry_1__translation=T[:2].T).file.filename
    out = layout.read(name, PLACES, part, Input())
    assert np.allclose(out.positions, T[:2, 1::-1])


@pytest.mark.parametrize("what", ["paths", "units"])
def test_names_of_the_job_that_no_file_has(what):
    given = {"paths": {"frames": "/f", "x": "/x"}, "units": {"x": "um", "pixel": "um"}}
    layout.check(**given)
    given[what]["pixels"] = "um"
    with pytest.raises(JobError, match=f'input.{what}: "pixels" is none of frames'):
        layout.check(**given)


def test_units_of_x_and_y_apart_where_the_job_names_them_apart(made):
    arrays = {"sample_1__geometry_1__translation": T, "m__x": T[:, 0], "m__y": T[:, 1]}
    name = made(**arrays).file.filename
    part = SimpleNamespace(
        paths={"x": "/entry_1/m/x", "y": "/entry_1/m/y"}, units={"x": "um", "y": "mm"}, name="cxi"
    )
    out = layout.read(name, PLACES, part, Input())
    assert np.allclose(out.positions, np.c_[T[:, 1] * 1e-3, T[:, 0] * 1e-6], rtol=1e-12, atol=0)
    part.paths = {}
    with pytest.raises(JobError, match="x and y are one dataset"):
        layout.read(name, PLACES, part, Input())
