"""What stands where in a scan that was written; that it comes back equal is in test_simulate.py."""

import h5py
import numpy as np
import pytest

from nanompi.methods.ptycho.read import cxi, export, nexus
from nanompi.methods.ptycho.scan import Scan
from tests.memory import Memory


def scan(n=3, **more):
    frames = np.arange(n * 80, dtype=np.uint16).reshape(n, 8, 10)
    positions = np.arange(2.0 * n).reshape(n, 2)
    given = {"wavelength": 1e-10, "distance": 2.0, "pixel": (5e-5, 7e-5), **more}
    return Scan(source=Memory(frames), positions=positions, **given)


@pytest.mark.parametrize("n", [1, 64, 65, 129])
@pytest.mark.parametrize("corner", [False, True])
def test_frames_are_copied_by_64_in_natural_order(tmp_path, n, corner):
    given = scan(n, corner=corner)
    export.write(given, tmp_path / "a.cxi")
    assert given.source.most == min(n, 64)
    with h5py.File(tmp_path / "a.cxi") as file:
        data = file["entry_1/instrument_1/detector_1/data"]
        want = np.roll(given.source.frames, (4, 5), (1, 2)) if corner else given.source.frames
        assert np.array_equal(data[()], want) and data.chunks == (1, 8, 10)
        assert np.array_equal(file["entry_1/data_1/data"][0], want[0])


def test_lengths_are_in_metres_and_vectors_point_down_and_left(tmp_path):
    export.write(scan(focus=0.25, monitor=np.arange(3.0)), tmp_path / "a.cxi")
    with h5py.File(tmp_path / "a.cxi") as file:
        entry = file["entry_1"]
        detector, beam = entry["instrument_1/detector_1"], entry["instrument_1/beam_1"]
        sizes = [detector[f"{k}_pixel_size"][()] for k in "yx"]
        assert sizes == [5e-5, 7e-5] and detector["distance"][()] == 2.0
        assert np.array_equal(detector["basis_vectors"], [[0, -5e-5, 0], [-7e-5, 0, 0]])
        assert np.array_equal(entry["data_1/translation"], [[1, 0, 0], [3, 2, 0], [5, 4, 0]])
        assert beam["focus_to_sample"][()] == 0.25 and beam["incident_wavelength"].attrs["units"] == "m"
        energy = beam["incident_beam_energy"], entry["instrument_1/source_1/energy"]
        assert [e[()] for e in energy] == pytest.approx([1.986445857e-15] * 2, rel=1e-6, abs=0)  # h c / 1 A
        assert file["cxi_version"][()] == 160 and entry["title"].asstr()[()] == "scan"
        assert "units" not in entry["monitor_1/data"].attrs and np.array_equal(
            entry["monitor_1/data"], range(3)
        )
        assert {k for k in ("start", "truth") if k in entry} == set() and "mask" not in detector


def test_masks_darks_and_start_arrays_are_there_where_the_scan_has_them(tmp_path):
    mask, dark = np.ones((8, 10), bool), np.zeros((8, 10))
    mask[1, 2], dark[0, 0] = False, 9
    more = {"mask": mask, "dark": dark, "probe": np.ones((1, 8, 10)), "object": np.ones((20, 20))}
    export.write(scan(corner=True, truth={"object": np.ones(3)}, **more), tmp_path / "a.cxi")
    with h5py.File(tmp_path / "a.cxi") as file:
        detector = file["entry_1/instrument_1/detector_1"]
        assert detector["mask"].dtype == np.uint32 and np.argwhere(detector["mask"]).tolist() == [[5, 7]]
        assert np.argwhere(detector["data_dark"]).tolist() == [[4, 5]]
        assert sorted(file["entry_1/start"]) == ["object", "probe"] and list(file["entry_1/truth"]) == [
            "object"
        ]


@pytest.mark.parametrize(
    ("entries", "is_nexus"),
    [
        ({"definition": "NXcxi_ptycho"}, True),
        ({"definition": "NXptycho"}, True),
        ({"definition": "NXsas", "instrument_1/beam_1/energy": 1.0}, False),
        ({"instrument_1/beam_1/energy": 1.0}, True),
        ({}, False),
    ],
)
def test_nexus_is_told_from_cxi_by_its_definition_or_its_beam(tmp_path, entries, is_nexus):
    path = str(tmp_path / "a.h5")
    with h5py.File(path, "w") as file:
        file["entry_1/instrument_1/detector_1/data"] = np.ones((2, 8, 8))
        for name, value in entries.items():
            file[f"entry_1/{name}"] = value
    assert nexus.Nexus.recognises(path, {}) is is_nexus and cxi.Cxi.recognises(path, {}) is not is_nexus
    for way in (nexus.Nexus, cxi.Cxi):
        assert not way.recognises(path, {"paths": {"frames": "/a"}})
    with h5py.File(path, "w") as file:
        file["entry_1/definition"] = "NXcxi_ptycho"  # and no frames
    assert not nexus.Nexus.recognises(path, {}) and not cxi.Cxi.recognises(path, {})
    (tmp_path / "text").write_text("no HDF5")
    assert not cxi.Cxi.recognises(str(tmp_path / "text"), {})
