"""What a file that no reader knows may hold: each guess by its shape, its kind of numbers and its name."""

import h5py
import numpy as np
import pytest

from nanompi.methods.ptycho.read import unknown
from nanompi.methods.ptycho.read.unknown import Entry, guessed, section

STACK = Entry("/e/data", (30, 24, 20), np.dtype("u2"))


def entries(**shapes):
    """Entries of these names: a shape, or (shape, dtype, unit)"""
    out = []
    for name, what in shapes.items():
        shape, dtype, unit = what if what and isinstance(what[-1], str) else (what, "f8", "")
        out.append(Entry("/" + name.replace("__", "/"), shape, np.dtype(dtype), unit))
    return out


@pytest.mark.parametrize(
    ("shapes", "found"),
    [
        ({"a": (3, 8, 8)}, ("/a", 3, (8, 8))),
        ({"a": (3, 7, 8)}, None),
        ({"a": (3, 8, 7)}, None),
        ({"a": (100, 100)}, None),
        ({"a": ((3, 8, 8), "c8", "")}, None),
        ({"a": ((), "f8", ""), "b": (None, "f8", "")}, None),
        ({"a": (2, 5, 8, 9)}, ("/a", 10, (8, 9))),
        ({"a": (3, 8, 8), "b": (4, 8, 8)}, ("/b", 4, (8, 8))),
        ({"long": (3, 8, 8), "b": (3, 8, 8)}, ("/b", 3, (8, 8))),  # of equals the shorter name
        ({"g__data_1": (3, 8, 8), "g__data_2": (2, 8, 8), "b": (4, 8, 8)}, ("/g", 5, (8, 8))),
        ({"g__data_1": (3, 8, 8), "g__data_2": (2, 8, 9)}, ("/g/data_1", 3, (8, 8))),
        ({"g__run_1": (3, 8, 8), "g__run_2": (2, 8, 8)}, ("/g/run_1", 3, (8, 8))),
    ],
)
def test_frames_are_the_largest_stack(shapes, found):
    assert unknown._frames(entries(**shapes)) == found


@pytest.mark.parametrize(
    ("shapes", "key", "found"),
    [
        ({"photon_energy": ()}, "energy", "/photon_energy"),
        ({"energy": (1,)}, "energy", "/energy"),
        ({"energy": (2,)}, "energy", None),
        ({"energy": ((), "S3", "")}, "energy", None),
        ({"energy_long": (), "a__energy": ()}, "energy", "/a/energy"),
        ({"wavelength": ()}, "wavelength", "/wavelength"),
        ({"wavelength": (), "energy": ()}, "wavelength", None),
        ({"det_distance": ()}, "distance", "/det_distance"),
        ({"E_keV": ()}, "energy", "/E_keV"),
        ({"E_keV": (), "photon_energy": ()}, "energy", "/photon_energy"),
        ({"en_eV": (30,)}, "energy", None),
        ({"e": ()}, "energy", None),
        ({"prev": ()}, "energy", None),
        ({"lambda_A": ()}, "wavelength", "/lambda_A"),
        ({"det_dist_mm": ()}, "distance", "/det_dist_mm"),
        ({"distortion": ()}, "distance", None),
        ({"px_size_um": ()}, "pixel", "/px_size_um"),
        ({"pixel_size": ()}, "pixel", "/pixel_size"),
        ({"psize": (2,)}, "pixel", "/psize"),
        ({"psize": (3,)}, "pixel", None),
        ({"psize": (2, 0)}, "pixel", None),
        ({"size": ()}, "pixel", None),
        ({"mask": (24, 20)}, "mask", "/mask"),
        ({"mask": (20, 24)}, "mask", None),
        ({"dark": (24, 20)}, "mask", None),
        ({"probe": ((24, 20), "c8", "")}, "probe", "/probe"),
        ({"probe": (24, 20)}, "probe", None),
        ({"wave": ((24, 20), "c8", "")}, "probe", None),
        ({"x": (30,), "y": (30,)}, "x", "/x"),
        ({"x": (30,)}, "x", None),
        ({"x": (30,), "y": ((30,), "S2", "")}, "x", None),
        ({"x": (30,), "xy": (30, 2)}, "positions", "/xy"),
        ({"xy": (30, 2)}, "positions", "/xy"),
        ({"xy": (30, 2, 2)}, "positions", None),
        ({"xy": (29, 2)}, "positions", None),
        ({"xy": (30, 30)}, "positions", None),
    ],
)
def test_each_key_has_its_shape_and_name(shapes, key, found):
    paths, which = guessed([STACK, *entries(**shapes)])
    assert paths.get(key) == found and paths["frames"] == "/e/data"
    assert {k: e.path for k, e in which.items()} == paths and which["frames"].shape == (30, 24, 20)


def test_one_frame_has_no_lists_of_places():
    single = [Entry("/d", (1, 8, 8), np.dtype("u2")), *entries(x=(1,), y=(1,))]
    assert guessed(single)[0] == {"frames": "/d"}


@pytest.mark.parametrize(
    ("leaf", "axes"),
    [
        ("x", "x"),
        ("pos_x", "x"),
        ("lab-y", "y"),
        ("samx", "x"),
        ("samx2", "x"),
        ("x_um", "x"),
        ("xpos", "x"),
        ("ypos", "y"),
        ("theta", ""),
        ("ax", ""),
        ("xs", ""),
        ("fly.y.1", "y"),
        ("index", "x"),
    ],
)
def test_a_name_says_its_axis(leaf, axes):
    assert "".join(k for k in "xy" if unknown.names_axis(leaf, k)) == axes


def test_the_section_says_what_is_missing_and_which_unit():
    def said(**shapes):
        return "\n".join(section("a.h5", [STACK, *entries(**shapes)]))

    every = dict(x=((30,), "f8", "um"), y=((30,), "f8", "um"), energy=(), distance=(), pixel_size=())
    whole = said(**every)
    assert whole.startswith('input:\n  file: "a.h5"\n  paths:\n    frames: "/e/data"\n    x: "/x"')
    assert "#" not in whole and section("a.h5", entries(x=(30,))) == []
    bare = said(**{**every, "x": (30,)})
    assert "# units: {x: um}  # the file says none: metres" in bare and "# x: ..." not in bare
    less = said(x=(30,), wavelength=())
    assert "# x: ..." in less and "# y: ..." in less and "# energy" not in less
    assert "# distance: 2.1 m  # the file has none" in less and "# pixel: 55 um" in less
    assert 'positions: "/scan"' in said(scan=(1, 30, 2)) and "px: of the object" in said(scan=(1, 30, 2))
    assert "# units: {positions: um}" in said(xy=(30, 2)) and "# x: ..." not in said(xy=(30, 2))


def test_a_unit_at_the_end_of_a_name_holds_where_the_file_says_none():
    plain = dict(E_keV=(), dist_mm=((), "f8", "m"), pix_um=(), lab_x_um=(30,), lab_y=(30,))
    said = "\n".join(section("a.h5", [STACK, *entries(**plain)]))
    assert "\n  units: {x: um, energy: keV, pixel: um}  # by the names\n" in said  # not mm: the file says m
    assert "# units: {x: um, energy: keV, pixel: um, y: um}  # the file says none: metres" in said


def test_a_named_type_in_a_file_does_not_hide_the_rest(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["a_type"], file["frames"] = np.dtype("f4"), np.zeros((3, 8, 8))
    assert [e.path for e in unknown.listed(str(tmp_path / "a.h5"))] == ["/frames"]


def test_entries_tell_their_size():
    one, none, many = Entry("/A/Bc", (), np.dtype("f4"), "mm"), *entries(n=(None, "i4", ""), m=(2, 3))
    assert [e.size for e in (one, none, many)] == [1, 0, 6] and one.leaf == "bc"
    assert [str(e) for e in (one, none, many)] == [
        "/A/Bc   one value float32   mm",
        "/n   empty int32",
        "/m   2 x 3 float64",
    ]


@pytest.mark.parametrize(("number", "more"), [(60, []), (61, ["  ... and 1 more"])])
def test_a_report_lists_60_datasets(monkeypatch, number, more):
    monkeypatch.setattr(unknown, "listed", lambda path: entries(**{f"a{k}": (2,) for k in range(number)}))
    lines = unknown.contents("a.h5")
    assert lines[:60] == [f"  /a{k}   2 float64" for k in range(60)] and lines[60:] == more


def test_forty_links_are_followed(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["real/d"] = 1.0
        for k in range(45):
            file[f"links/n{k:02d}"] = h5py.SoftLink("/real/d")
        file["links/hard"] = file["real/d"]
    found = [e.path for e in unknown.listed(str(tmp_path / "a.h5"))]
    assert [p for p in found if "/n" in p] == [f"/links/n{k:02d}" for k in range(40)]
    assert len(found) == len(set(found)) == 41  # a hard link is no link to follow
    assert unknown.listed(str(tmp_path / "none.txt")) == []


def test_of_a_file_the_first_1000_arrays_and_of_a_group_the_first_1000_members(tmp_path):
    np.savez(tmp_path / "a.npz", **{f"a{k}": k for k in range(1001)})
    assert len(unknown.listed(str(tmp_path / "a.npz"))) == 1000
    members = {f"a{k:03d}": None for k in range(999)}
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name in members:
            file.create_group(f"g/{name}")
        file["g/y"] = file["g/z"] = h5py.SoftLink("/d")
        assert unknown._linked(file["g"]) == ["y"]
