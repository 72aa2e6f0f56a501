"""CXI, NXcxi_ptycho, HDF5 by paths, ptypy's .ptyd, NPZ: each gives the known scan."""

import h5py
import numpy as np
import pytest

from nanompi.errors import DataError, JobError
from nanompi.methods import discover
from nanompi.run.reading import reader_of

EV = 1.602176634e-19
HC = 1.986445857148929e-25


def same(scan, known, frames=True):
    """The scan is the known one: x = column, y = row."""
    assert np.allclose(scan.positions, known.xy[:, ::-1], rtol=1e-9, atol=1e-15)
    assert scan.wavelength == pytest.approx(known.wavelength, rel=1e-6)
    assert scan.distance == pytest.approx(known.distance) and scan.pixel == pytest.approx(
        (known.pixel, known.pixel)
    )
    if frames:
        assert np.array_equal(scan.source.read(np.arange(30)), known.frames)


def recognised(path, **given):
    discover()
    return reader_of({"file": str(path), **given})


# ---- arrays of MATLAB


def test_complex_numbers_as_pairs_and_axes_turned_round(tmp_path, known, open_with):
    pair = np.zeros((2, 24, 20), [("real", "f8"), ("imag", "f8")])
    pair["real"][0], pair["imag"][1] = 1, 2
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file["d"], file["dT"], file["p"], file["pT"] = known.frames, known.frames.T, pair, pair.T
        file["xy"] = known.xy[:, ::-1]
    own = {"paths": {"frames": "/d", "positions": "/xy", "probe": "/p"}}
    given = {"energy": known.energy, "distance": 2.5, "pixel": 75e-6}
    probe = open_with(tmp_path / "m.h5", "hdf5", own, **given).probe
    assert probe.dtype == np.complex64 and np.all(probe[0] == 1) and np.all(probe[1] == 2j)
    with pytest.raises(DataError, match=r"\(20, 24, 2\).*Are its modes the last axis"):
        open_with(tmp_path / "m.h5", "hdf5", {"paths": own["paths"] | {"probe": "/pT"}}, **given)
    with pytest.raises(
        DataError, match=r"20 frames and 30 positions.*is the order of the frames' dimensions"
    ):
        open_with(tmp_path / "m.h5", "hdf5", {"paths": own["paths"] | {"frames": "/dT"}}, **given)


# ---- CXI


def test_cxi_with_energy_in_joules_and_mask_zero_is_good(cxi_file, known, open_with):
    path = cxi_file()
    assert recognised(path) == "cxi"
    scan = open_with(path)
    same(scan, known)
    assert (~scan.mask).sum() == 2 and not scan.mask[3, 4]
    assert any("no basis_vectors" in n for n in scan.notes)


@pytest.mark.parametrize("shape", ["(3,2)", "(2,3)"])
def test_cxi_basis_vectors_decide_the_signs(cxi_file, known, open_with, shape):
    # rows of this detector run along +y, columns along -x: the row is -t_y, the column +t_x
    e = np.array([[0, 75e-6, 0], [-75e-6, 0, 0]])
    scan = open_with(cxi_file(instrument_1__detector_1__basis_vectors=e.T if shape == "(3,2)" else e))
    assert np.allclose(scan.positions, known.xy[:, ::-1] * [-1, 1], rtol=1e-9, atol=1e-15)


def test_cxi_turned_detector_swaps_the_axes(cxi_file, known, open_with):
    e = np.array([[-75e-6, 0, 0], [0, -75e-6, 0]])
    scan = open_with(
        cxi_file(instrument_1__detector_1__basis_vectors=e, x_pixel_size=None, y_pixel_size=None)
    )
    assert np.allclose(scan.positions, known.xy, rtol=1e-9, atol=1e-15)
    assert scan.pixel == pytest.approx((75e-6, 75e-6))


def test_translation_may_be_turned_or_have_a_unit(cxi_file, known, open_with):
    x, y = known.xy.T * 1e6
    scan = open_with(cxi_file(translation=(np.stack([x, y, 0 * x]), "um")))
    same(scan, known)


@pytest.mark.parametrize(("value", "unit"), [(8.0, "keV"), (8000.0, "eV"), (8.0, ""), (8000.0, "")])
def test_cxi_energy_in_other_units(cxi_file, known, open_with, value, unit):
    scan = open_with(cxi_file(energy=(value, unit)))
    same(scan, known)
    assert any("has no unit; read as" in n for n in scan.notes) == (unit == "")


def test_wavelength_wins_over_energy_and_says_so(cxi_file, open_with):
    scan = open_with(cxi_file(instrument_1__source_1__wavelength=1.0e-10))
    assert scan.wavelength == 1.0e-10
    assert any("disagree by 55.0 %" in n for n in scan.notes)


def test_the_job_wins_over_the_file(cxi_file, open_with):
    scan = open_with(cxi_file(), energy=10e3 * EV, distance=3.0, pixel=55e-6, focus=0.1)
    assert scan.wavelength == pytest.approx(HC / (10e3 * EV))
    assert (scan.distance, scan.pixel, scan.focus) == (3.0, (55e-6, 55e-6), 0.1)
    assert "distance: 3 m of the job replaces 2.5 m of the file" in scan.notes
    assert len([n for n in scan.notes if "of the job replaces" in n]) == 3  # and no focus in the file
    scan = open_with(cxi_file(), energy=10e3 * EV, wavelength=2e-10)
    assert scan.wavelength == 2e-10
    assert any("wavelength and energy of the job disagree" in n for n in scan.notes)


@pytest.mark.parametrize(
    ("given", "noted"),
    [
        ({"distance": 2.5}, []),
        ({"distance": 2.5 * (1 + 1e-6)}, []),  # rounding
        ({"distance": 2.501}, ["distance: 2.501 m of the job replaces 2.5 m of the file"]),  # 0.04 %
        ({"wavelength": 1.55e-10}, "wavelength: 155 pm of the job replaces "),  # all lengths here < 1e-8 m
        ({"pixel": 76e-6}, ["pixel: 76 um of the job replaces 75 um of the file"]),
    ],
)
def test_a_value_of_the_job_is_noted_wherever_it_differs(cxi_file, open_with, given, noted):
    notes = [n for n in open_with(cxi_file(), **given).notes if "of the job replaces" in n]
    assert notes[0].startswith(noted) if isinstance(noted, str) else notes == noted


def test_soft_links_are_followed(cxi_file, known, open_with):
    path = cxi_file(translation=None)
    with h5py.File(path, "a") as file:
        file["elsewhere"] = np.c_[known.xy, np.zeros(30)]
        file["entry_1/data_1/translation"] = h5py.SoftLink("/elsewhere")
    same(open_with(path), known)


def test_select_cuts_frames_and_positions_alike(cxi_file, known, open_with):
    scan = open_with(cxi_file(), select="2:20:3")
    assert scan.source.shape == (6, 24, 20) and 'selected "2:20:3": 6 of 30 frames' in scan.notes
    assert np.array_equal(scan.source.read([5, 0]), known.frames[[17, 2]])
    assert np.allclose(scan.positions, known.xy[2:20:3, ::-1], rtol=1e-9, atol=1e-15)
    for text in ("1", "a:b", "::0", "40:50", "::-1"):
        with pytest.raises(JobError, match=r"input\.select"):
            open_with(cxi_file(), select=text)


# ---- NXcxi_ptycho


def nexus(cxi_file, known, **changes):
    ring = {"energy": (3.0e9, "eV"), "definition": "NXcxi_ptycho"}
    beam = {"instrument_1__beam_1__incident_beam_energy": (8.0, "keV")}
    return cxi_file("scan.nxs", **{**ring, **beam, **changes})


def test_nexus_takes_the_energy_of_the_beam_not_of_the_ring(cxi_file, known, open_with):
    path = nexus(cxi_file, known)
    assert recognised(path) == "nexus"
    same(open_with(path, "nexus"), known)


def test_nexus_raster_with_motors(cxi_file, known, open_with):
    x, y = np.arange(6) * 1.0, np.arange(5) * 2.0
    frames = known.frames.reshape(5, 6, 24, 20)
    motors = {"sample_1__transformations__x": (x, "um"), "sample_1__transformations__y": (y, "um")}
    scan = open_with(nexus(cxi_file, known, data=frames, translation=None, **motors), "nexus")
    assert scan.source.shape == (30, 24, 20)
    assert np.allclose(scan.positions[7], [2e-6, 1e-6], rtol=1e-9, atol=1e-15)
    assert np.array_equal(scan.source.read([7]), known.frames[[7]])


def test_without_positions_the_places_are_named(cxi_file, open_with):
    with pytest.raises(DataError, match="no positions; looked for /entry_1/sample_1/geometry_1/translation"):
        open_with(cxi_file(translation=None))


# ---- any HDF5


@pytest.fixture
def plain(tmp_path, known):
    path = tmp_path / "plain.h5"
    with h5py.File(path, "w") as file:
        file["entry/data"] = known.frames
        file["pos/lab-x"], file["pos/lab_y"] = known.xy[:, 0] * 1e6, known.xy[:, 1] * 1e3
        file["pos/lab_y"].attrs["units"] = "mm"
        file["e"], file["z"], file["p"] = 8.0, 2500.0, [75.0, 75.0]
        file["good"], file["bad"] = known.bad == 0, known.bad
        file["i0"] = np.linspace(1, 2, 30)
        file["probe"] = np.ones((2, 24, 20), np.complex64)
        file["dark"] = np.full((4, 24, 20), 3, np.uint16)
    return path


PATHS = {
    "frames": "/entry/data",
    "x": "/pos/lab-x",
    "y": "/pos/lab_y",
    "energy": "/e",
    "distance": "/z",
    "pixel": "/p",
}
UNITS = {"x": "um", "energy": "keV", "distance": "mm", "pixel": "um"}


def test_hdf5_by_paths_and_units(plain, known, open_with):
    assert recognised(plain, paths=PATHS) == "hdf5"
    more = {"monitor": "/i0", "probe": "/probe", "dark": "/dark"}
    scan = open_with(plain, "hdf5", {"paths": {**PATHS, **more}, "units": UNITS, "corner": True})
    same(scan, known)
    assert scan.corner and scan.monitor[-1] == 2 and scan.probe.shape == (2, 24, 20)
    assert scan.dark.shape == (24, 20) and scan.dark[0, 0] == 3


@pytest.mark.parametrize("mask", ["good", "bad"])
def test_hdf5_mask_sense_is_the_plausible_one(plain, open_with, mask):
    own = {"paths": {**PATHS, "mask": mask}, "units": UNITS}
    scan = open_with(plain, "hdf5", own)
    assert (~scan.mask).sum() == 2 and not scan.mask[10, 11]
    wrong = "zero" if mask == "good" else "nonzero"
    with pytest.raises(DataError, match="478 of 480 pixels would be bad"):
        open_with(plain, "hdf5", own, mask_good=wrong)


def test_hdf5_expressions(plain, known, open_with):
    named = {"a": "/pos/lab-x", "x": "-a + 0.1*(/pos/lab_y*1000)", "y": "/pos/lab_y*2"}
    scan = open_with(plain, "hdf5", {"paths": {**PATHS, **named}, "units": {**UNITS, "x": "um", "y": "mm"}})
    x, y = known.xy.T
    assert np.allclose(scan.positions, np.stack([2 * y, -x + 0.1 * y], 1), rtol=1e-9, atol=1e-15)
    # without a unit of the result each dataset has its own unit
    named = {"y": "-/pos/lab_y"}
    scan = open_with(plain, "hdf5", {"paths": {**PATHS, **named}, "units": UNITS})
    assert np.allclose(scan.positions[:, 0], -y, rtol=1e-9, atol=1e-15)


def test_hdf5_axes_of_a_raster(plain, known, open_with):
    with h5py.File(plain, "a") as file:
        file["fast"], file["slow"] = np.arange(6.0), np.arange(5.0)
    own = {"paths": {**PATHS, "x": "/fast", "y": "/slow"}, "units": {**UNITS, "y": "um"}}
    scan = open_with(plain, "hdf5", own)
    assert np.allclose(scan.positions[8], [1e-6, 2e-6], rtol=1e-9, atol=1e-15)
    assert any("raster of 5 rows and 6 columns" in n for n in scan.notes)


def test_hdf5_frames_in_several_datasets(plain, known, open_with):
    with h5py.File(plain, "a") as file:
        file["det/data_000001"], file["det/data_000002"] = known.frames[:18], known.frames[18:]
    same(open_with(plain, "hdf5", {"paths": {**PATHS, "frames": "/det"}, "units": UNITS}), known)


@pytest.mark.parametrize(
    ("paths", "units", "error", "text"),
    [
        ({"frames": "/entry/dat"}, {}, DataError, r'no dataset /entry/dat \(did you mean "/entry/data"\?\)'),
        ({"x": "/pos/lab_x"}, {}, DataError, "no dataset /pos/lab_x"),
        ({"x": "os.system(1)"}, {}, JobError, "not allowed"),
        ({"x": "-/pos/nothing"}, {}, DataError, "no dataset /pos/nothing"),
        ({"frames": "/pos"}, {}, DataError, "is a group without datasets"),
        ({"energi": "/e"}, {}, JobError, r'"energi" is neither used .* \(did you mean "energy"\?\)'),
        ({}, {"y": "parsec"}, DataError, '"parsec" is not a unit'),
        ({}, {"z": "um"}, JobError, '"z" is not in `paths`'),
        ({"x": "/i0", "y": "/pos/lab_y"}, {"x": "px"}, JobError, "both be in px"),
        ({"frames": "/e"}, {}, DataError, r"has the shape \(\)"),
    ],
)
def test_hdf5_mistakes_are_named(plain, open_with, paths, units, error, text):
    with pytest.raises(error, match=text):
        open_with(plain, "hdf5", {"paths": {**PATHS, **paths}, "units": {**UNITS, **units}})


def test_hdf5_without_paths_says_what_to_write(plain):
    with pytest.raises(DataError, match=r"neither CXI, NXcxi_ptycho nor \.ptyd; name its datasets"):
        recognised(plain)


# ---- ptypy


@pytest.fixture
def ptyd(tmp_path, known):
    def make(**changes):
        path = tmp_path / "scan.ptyd"
        path.unlink(missing_ok=True)
        with h5py.File(path, "w") as file:
            for k, part in enumerate((slice(0, 12), slice(12, 24), slice(24, 30))):
                chunk = file.create_group(f"chunks/{k}")
                chunk["data"], chunk["positions"] = known.frames[part], known.xy[part, ::-1]
                chunk["indices"], chunk["weights"] = np.arange(30)[part], np.empty(0)
            file["meta/energy"], file["meta/distance"], file["meta/psize"] = 8.0, 2.5, 75e-6
            file["meta/weight2d"] = (known.bad == 0).astype(float)
            file["meta/label"] = np.zeros(1)
            file["meta/label"].attrs["type"] = "None"
            for name, value in changes.items():
                name = name.replace("__", "/")
                if name in file:
                    del file[name]
                if value is not None:
                    file[name] = value
        return path

    return make


def test_ptyd_chunks_are_joined(ptyd, known, open_with):
    path = ptyd()
    assert recognised(path) == "ptyd"
    scan = open_with(path, "ptyd")
    same(scan, known)
    assert (~scan.mask).sum() == 2
    index = np.array([29, 0, 12, 11, 12])
    assert np.array_equal(scan.source.read(index, 2), known.frames[index])


def test_ptyd_positions_of_the_whole_scan_by_index(ptyd, known, open_with):
    path = ptyd(chunks__1__positions=np.empty(0), info__positions_scan=known.xy[:, ::-1])
    same(open_with(path, "ptyd"), known)
    with pytest.raises(DataError, match="chunks/1 has no positions"):
        open_with(ptyd(chunks__1__positions=np.empty(0)), "ptyd")


def test_ptyd_weights_of_each_frame(ptyd, known, open_with):
    weights = np.ones((12, 24, 20))
    weights[4, 2, 2] = 0
    scan = open_with(ptyd(chunks__0__weights=weights), "ptyd")
    assert (~scan.mask).sum() == 1 and not scan.mask[2, 2]


def test_ptyd_with_two_pixel_sizes_and_without_energy(ptyd, known, open_with):
    path = ptyd(meta__psize=[75e-6, 50e-6], meta__energy=None)
    scan = open_with(path, "ptyd", energy=8000 * EV)
    assert scan.pixel == pytest.approx((75e-6, 50e-6))
    with pytest.raises(DataError, match="says no wavelength; write for example `energy: 8 keV`"):
        open_with(path, "ptyd")


def test_ptyd_with_a_missing_chunk(ptyd, open_with):
    with pytest.raises(DataError, match="chunks/1 is missing; the file has 2 chunks"):
        open_with(ptyd(chunks__1=None), "ptyd")


# ---- NPZ

NPZ = {"paths": {"frames": "d", "x": "x", "y": "y"}, "units": {"x": "um", "y": "um"}}
GEOMETRY = {"energy": 8000 * EV, "distance": 2.5, "pixel": 75e-6}


@pytest.fixture
def npz(tmp_path, known):
    x, y = known.xy.T * 1e6
    arrays = {
        "d": known.frames,
        "x": x,
        "y": y,
        "pos": known.xy[:, ::-1] / 1e-7,
        "odd": np.array([{}], object),
    }
    np.savez(tmp_path / "a.npz", **arrays)
    np.savez_compressed(tmp_path / "b.npz", **arrays)
    return tmp_path


def test_npz_uncompressed_is_mapped_and_compressed_is_held(npz, known, open_with):
    assert recognised(npz / "a.npz", paths=NPZ["paths"]) == "npz"
    for name, whole in (("a.npz", False), ("b.npz", True)):
        scan = open_with(npz / name, "npz", NPZ, **GEOMETRY)
        same(scan, known)
        assert scan.source.whole is whole and any("holds all of it" in n for n in scan.notes) is whole
        assert isinstance(scan.source._held, np.memmap) is not whole
        assert np.array_equal(scan.source.read([4, 4, 1]), known.frames[[4, 4, 1]])


def test_npz_positions_in_pixels_of_a_known_geometry(npz, known, open_with):
    own = {"paths": {"frames": "d", "positions": "pos"}, "units": {"positions": "px"}}
    scan = open_with(npz / "a.npz", "npz", own, **GEOMETRY)
    size = known.wavelength * 2.5 / (np.array([24, 20]) * 75e-6)  # one for rows, one for columns
    assert np.allclose(scan.positions, known.xy[:, ::-1] / 1e-7 * size, rtol=1e-6, atol=1e-15)
    scan = open_with(npz / "a.npz", "npz", own, energy=8000 * EV, distance=1.0, pixel=55e-6, focus=0.01)
    assert np.allclose(scan.positions, known.xy[:, ::-1] / 1e-7 * 55e-6 / 101, rtol=1e-6, atol=1e-15)


def test_npz_mistakes_are_named(npz, open_with):
    def opened(name="a.npz", **paths):
        return open_with(
            npz / name, "npz", {"paths": {**NPZ["paths"], **paths}, "units": NPZ["units"]}, **GEOMETRY
        )

    with pytest.raises(DataError, match='no array "data"; the file has d, x, y, pos, odd'):
        opened(frames="data")
    with pytest.raises(DataError, match="Python objects"):
        opened(frames="odd")
    (npz / "b.npz").write_bytes((npz / "b.npz").read_bytes()[:9000])
    with pytest.raises(DataError, match=r"b\.npz \(9000 bytes\) cannot be read as NPZ"):
        opened("b.npz")
