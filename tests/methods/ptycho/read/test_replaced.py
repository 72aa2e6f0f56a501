"""What the job says in place of the file: values, units, paths; then a wrong one of the file does no harm."""

import h5py
import numpy as np
import pytest

from nanompi.errors import DataError, JobError
from nanompi.methods import discover
from nanompi.run.reading import reader_of

EV = 1.602176634e-19
BEAM, DET = "entry_1/instrument_1/beam_1/", "entry_1/instrument_1/detector_1/"
PER_FRAME = np.linspace(7.9, 8.2, 30)


@pytest.fixture(params=["cxi", "nexus", "hdf5", "ptyd"])
def scan_file(request, tmp_path, known):
    """make(energy=, distance=, pixel=, positions=) -> (reader, file, its own parameters)"""
    name = request.param

    def make(**new):
        value = {"energy": (8.0, "keV"), "distance": (2.5, "m"), "pixel": (75e-6, "m")}
        value |= {"positions": (known.xy[:, ::-1], "m")} | new
        places = {
            "cxi": {"energy": "entry_1/instrument_1/source_1/energy", "distance": DET + "distance"},
            "nexus": {"energy": BEAM + "incident_beam_energy", "distance": DET + "distance"},
            "hdf5": {"energy": "e/energy", "distance": "e/distance", "pixel": "e/pixel", "positions": "e/p"},
            "ptyd": {"energy": "meta/energy", "distance": "meta/distance", "pixel": "meta/psize"}
            | {"positions": "chunks/0/positions"},
        }[name]
        path = tmp_path / f"{name}-{len(list(tmp_path.iterdir()))}.h5"
        with h5py.File(path, "w") as file:
            if name in ("cxi", "nexus"):
                p, unit = value.pop("positions")
                places["translation"] = "entry_1/sample_1/geometry_1/translation"
                value["translation"] = (p if p.dtype.kind == "S" else np.c_[p[:, ::-1], 0 * p[:, 0]], unit)
                value["x"] = value["y"] = value.pop("pixel")
                places |= {"x": DET + "x_pixel_size", "y": DET + "y_pixel_size"}
            frames = {"hdf5": "e/data", "ptyd": "chunks/0/data"}.get(name, DET + "data")
            file[frames] = known.frames
            for key, (v, unit) in value.items():
                file[places[key]] = v
                if unit and name != "ptyd":
                    file[places[key]].attrs["units"] = unit
            file["other/positions"] = known.xy[:, ::-1] * 1e6
            file["other/translation"] = np.c_[known.xy, known.xy[:, 0]] * 1e6
            file["other/energy"], file["other/distance"] = 8000.0, 2500.0
        own = {"frames": "/e/data"} | {k: f"/{v}" for k, v in places.items() if k != "frames"}
        return name, str(path), own if name == "hdf5" else {}

    return make


def read(open_with, made, units=None, paths=None, **given):
    name, path, own = made
    return open_with(path, name, {"paths": own | (paths or {}), "units": units or {}}, **given)


def right(scan, known):
    assert np.allclose(scan.positions, known.xy[:, ::-1], rtol=1e-6, atol=0)
    assert scan.wavelength == pytest.approx(known.wavelength, rel=1e-6)
    assert scan.distance == pytest.approx(2.5) and scan.pixel == pytest.approx((75e-6, 75e-6))


@pytest.mark.parametrize(
    ("name", "bad", "job"),
    [
        ("energy", (PER_FRAME, "keV"), {"energy": 8e3 * EV}),
        ("energy", ("8 keV", ""), {"energy": 8e3 * EV}),
        ("energy", (h5py.Empty("f8"), ""), {"wavelength": 1.549802e-10}),
        ("distance", (np.linspace(1.9, 2.1, 30), "m"), {"distance": 2.5}),
        ("distance", ("2 m", ""), {"distance": 2.5}),
        ("pixel", ("55 um", ""), {"pixel": 75e-6}),
        ("pixel", (h5py.Empty("f8"), ""), {"pixel": 75e-6}),
    ],
)
def test_a_value_of_the_job_stands_in_place_of_a_bad_one(scan_file, known, open_with, name, bad, job):
    made = scan_file(**{name: bad})
    if not (name == "pixel" and isinstance(bad[0], h5py.Empty) and made[0] == "ptyd"):  # ptypy's None
        with pytest.raises(DataError, match=r"h5|energy|distance|pixel"):
            read(open_with, made)
    scan = read(open_with, made, **job)
    right(scan, known)
    said = [n for n in scan.notes if "is known otherwise" in n]
    assert len(said) >= 1 or made[0] == "ptyd"


def test_units_of_the_job_stand_in_place_of_none(scan_file, known, open_with):
    made = scan_file(energy=(8000.0, ""), distance=(2500.0, ""), pixel=(75.0, ""),
                     positions=(known.xy[:, ::-1] * 1e6, ""))  # fmt: skip
    with pytest.raises(DataError):
        read(open_with, made)
    units = {"energy": "eV", "distance": "mm", "pixel": "um", "positions": "um"}
    right(read(open_with, made, units), known)
    if made[0] != "hdf5":  # as the messages advise it for every reader
        right(read(open_with, made, {**units, "positions": "um"} | {"x": "um", "y": "um"}), known)


def test_paths_of_the_job_stand_in_place_of_the_known_places(scan_file, known, open_with):
    made = scan_file(energy=(700.0, "eV"), distance=(9.0, "m"))
    where = "/other/translation" if made[0] in ("cxi", "nexus") else "/other/positions"
    paths = {"energy": "/other/energy", "distance": "/other/distance", "positions": where}
    units = {"energy": "eV", "distance": "mm", "positions": "um"}
    right(read(open_with, made, units, paths), known)
    with pytest.raises(DataError, match=r'no dataset /other/energi \(did you mean "/other/energy"'):
        read(open_with, made, units, paths | {"energy": "/other/energi"})
    discover()
    assert reader_of({"file": made[1], "paths": paths | {"frames": "/x"}}) == "hdf5"
    if made[0] != "hdf5":
        assert reader_of({"file": made[1], "paths": paths}) == made[0]


@pytest.mark.parametrize("what", ["paths", "units"])
def test_what_no_file_has_is_a_fault_of_the_job(scan_file, open_with, what):
    with pytest.raises(JobError, match=rf"input.{what}: \"energi\""):
        read(open_with, scan_file(), **{what: {"energi": "eV"}})


def test_text_where_positions_should_be(scan_file, known, open_with):
    made = scan_file(positions=(np.full((30, 2), b"1.5 um"), ""))
    with pytest.raises(DataError, match=r"holds text \(\"1.5 um\"\) where numbers are needed"):
        read(open_with, made)


@pytest.mark.parametrize(
    ("number", "energy"), [(8.0, 8e3), (0.7, 700), (710.0, 710), (8000.0, 8e3), (284.0, 0), (405.0, 0)]
)
def test_an_energy_without_unit(cxi_file, open_with, number, energy):
    """284 and 405 are eV at the carbon and nitrogen edges, or keV"""
    if energy:
        scan = open_with(cxi_file(energy=number, distance=2.5 if energy > 1e3 else 0.1))
        assert scan.wavelength == pytest.approx(1.9864458571e-25 / (energy * EV), rel=1e-6)
        return
    with pytest.raises(DataError, match=rf"may be {number:g} eV .*or {number:g} keV .*units: {{energy: eV}}"):
        open_with(cxi_file(energy=number, distance=0.1))
    scan = open_with(cxi_file(energy=number, distance=0.1), own={"units": {"energy": "eV"}})
    assert scan.wavelength == pytest.approx(1.9864458571e-25 / (number * EV), rel=1e-6)
    assert open_with(cxi_file(energy=number, distance=0.1), energy=number * EV).wavelength == scan.wavelength


@pytest.mark.parametrize("unit", ["um", "µm", "\u03bcm", "Micrometre", "micrometers", "MICRONS"])
def test_units_as_people_write_them(cxi_file, known, open_with, unit):
    scan = open_with(cxi_file(translation=(np.c_[known.xy, known.xy[:, 0]] * 1e6, unit)))
    assert np.allclose(scan.positions, known.xy[:, ::-1], rtol=1e-6, atol=0)
