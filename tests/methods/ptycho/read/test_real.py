"""The measured ptychography files, against the numbers that their description gives."""

import h5py
import numpy as np
import pytest

from nanompi.methods import discover
from nanompi.methods.ptycho.read.npz import array_of, zip_of
from nanompi.run.reading import reader_of

pytestmark = pytest.mark.real
S1 = "S1_siemens_far_field/siemens-star-small.npz.bz2"
S2 = "S2_petra3_near_field/PETRAIII_P25_Near_Field_Ptycho.cxi"


def test_near_field_cxi_has_the_geometry_of_its_description(shared_data, open_with):
    scan = open_with(shared_data(S2), focus=3.65e-3)
    assert scan.format == "cxi" and scan.source.shape == (200, 100, 100) and scan.source.dtype == np.int32
    assert scan.wavelength == pytest.approx(0.9794912e-10, rel=1e-6)
    assert scan.distance == pytest.approx(1.12) and scan.pixel == pytest.approx((55e-6, 55e-6))
    assert (~scan.mask).sum() == 5
    assert not scan.corner and scan.focus == 3.65e-3


def test_near_field_cxi_positions_are_the_translation_with_its_sign(shared_data, open_with):
    path = shared_data(S2)
    scan = open_with(path)
    with h5py.File(path) as file:
        t = file["entry_1/data_1/translation"][()]  # a soft link
    assert np.allclose(scan.positions[:, 0], t[:, 1], rtol=1e-6)
    assert np.allclose(scan.positions[:, 1], t[:, 0], rtol=1e-6)
    assert np.ptp(scan.positions, axis=0).max() < 25e-6


def test_near_field_energy_in_joules_agrees_with_the_wavelength(shared_data, open_with):
    scan = open_with(shared_data(S2))
    assert not [n for n in scan.notes if "disagree" in n]
    assert 1.98644586e-25 / 2.0280385e-15 == pytest.approx(scan.wavelength, rel=1e-5)


def test_near_field_frames_equal_plain_h5py(shared_data, open_with):
    path = shared_data(S2)
    scan = open_with(path)
    index = np.array([199, 3, 3, 50, 51, 52, 0])
    with h5py.File(path) as file:
        all_frames = file["entry_1/data_1/data"][()]
    assert np.array_equal(scan.source.read(index, threads=2), all_frames[index])
    assert all_frames.max() == 29176


def test_near_field_file_is_found_by_itself(shared_data):
    discover()
    assert reader_of({"file": str(shared_data(S2))}) == "cxi"


@pytest.mark.slow
def test_far_field_npz_positions_in_object_pixels_become_metres(shared_data, open_with):
    own = {
        "paths": {"frames": "data", "positions": "scan", "probe": "probe"},
        "units": {"positions": "px"},
        "corner": True,
    }
    path = shared_data(S1)
    discover()
    assert reader_of({"file": str(path), "paths": own["paths"]}) == "npz"
    scan = open_with(path, "npz", own)
    assert scan.source.shape == (516, 128, 128) and scan.corner
    assert scan.probe.shape == (1, 128, 128) and scan.probe.dtype == np.complex64
    # the invented geometry is the one of the description: 8.8 keV, 1 m, 10 nm pixels of the object
    assert scan.wavelength == pytest.approx(1.40891e-10, rel=1e-5) and scan.distance == 1.0
    assert scan.wavelength * scan.distance / (128 * scan.pixel[0]) == pytest.approx(10e-9)
    assert any("invented" in n for n in scan.notes)
    frames = scan.source.read(np.array([5, 0]))
    whole = scan.source.read(np.arange(516))
    assert whole.max() == 963 and round(float(whole.mean())) == 28
    assert np.array_equal(frames, whole[[5, 0]])


@pytest.mark.slow
def test_far_field_npz_with_a_given_geometry_uses_it(shared_data, open_with):
    own = {"paths": {"frames": "data", "positions": "scan"}, "units": {"positions": "px"}, "corner": True}
    energy = 10e3 * 1.602176634e-19
    scan = open_with(shared_data(S1), "npz", own, energy=energy, distance=2.0, pixel=75e-6, select="::4")
    size = 1.2398419843320026e-10 * 2.0 / (128 * 75e-6)
    with zip_of(str(shared_data(S1))) as archive:
        rows_and_columns = array_of(archive, "S1", "scan")
    assert np.allclose(scan.positions, rows_and_columns[::4] * size, rtol=1e-6)
    assert not any("invented" in n for n in scan.notes)
