"""Stacks of images at rising energies, as beamlines write them."""

from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from nanompi.data.select import Select
from nanompi.errors import DataError, JobError
from nanompi.methods import discover
from nanompi.methods.maps.read.stack import Stack
from nanompi.run.reading import open_data, reader_of

RNG = np.random.default_rng(4)
IMAGES = RNG.integers(1, 1000, (5, 6, 7)).astype(np.uint16)
ENERGIES = np.array([7100.0, 7110, 7112, 7115, 7150])
PATHS = {"images": "/e/img", "energies": "/e/energy", "i0": "/e/i0", "x": "/e/x", "y": "/e/y"}
discover()


def given(**more):
    return SimpleNamespace(**({"select": Select(), "pixel": None, "energy": None, "distance": None} | more))


def hdf5(folder, energies=ENERGIES, i0=None, units="eV"):
    path = folder / "stack.h5"
    with h5py.File(path, "w") as f:
        f["e/img"], f["e/energy"] = IMAGES, energies
        f["e/energy"].attrs["units"] = units
        f["e/i0"] = np.full(5, 2000.0) if i0 is None else i0
        f["e/x"], f["e/y"] = np.arange(7) * 0.5, np.arange(6) * 0.5
        f["e/x"].attrs["units"] = f["e/y"].attrs["units"] = "um"
    return str(path)


def tiffs(folder, text):
    import tifffile

    for k, image in enumerate(IMAGES):
        tifffile.imwrite(folder / f"image_{k}.tif", image)
    (folder / "energies.txt").write_text(text)
    return str(folder)


def opened(file, select=None, **own):
    return open_data(file, given(select=select or Select()), Stack(**own))["data"]


def test_hdf5_by_paths(tmp_path):
    file = hdf5(tmp_path)
    assert reader_of({"file": file, "paths": PATHS}) == "stack"
    data = opened(file, paths=PATHS)
    assert data.axes == ("energy", "y", "x") and np.array_equal(data.source.read(np.arange(5)), IMAGES)
    assert np.array_equal(data.coords["energy"][0], ENERGIES) and data.coords["energy"][1] == "eV"
    assert data.coords["x"][0] == pytest.approx(np.arange(7) * 0.5e-6) and (data.beside["i0"] == 2000).all()


def test_energies_in_kev_are_noted(tmp_path):
    file = hdf5(tmp_path, ENERGIES / 1000, units="")
    data = opened(file, paths=PATHS)
    assert data.coords["energy"][0] == pytest.approx(ENERGIES) and "read as keV" in " ".join(data.notes)


@pytest.mark.parametrize("head", ["", "5\n"])
def test_a_folder_of_tiffs_with_a_text(tmp_path, head):
    """MIDAS writes how many energies there are as a first line of their own"""
    folder = tiffs(tmp_path, head + "\n".join(map(str, ENERGIES)))
    assert reader_of({"file": folder}) == "stack"
    data = opened(folder)
    assert np.array_equal(data.coords["energy"][0], ENERGIES)
    assert np.array_equal(data.source.read(np.array([3, 1])), IMAGES[[3, 1]])


def test_angles_are_no_energies(tmp_path):
    folder = tiffs(tmp_path, "0\n45\n90\n135\n180")
    assert reader_of({"file": folder}) == "tomo.tiff"


def test_a_folder_of_runs(tmp_path):
    """One run for each energy, their order by the energies that their jobs name"""
    for k in (3, 0, 4, 1, 2):
        (tmp_path / f"run-{9 - k}").mkdir()
        with h5py.File(tmp_path / f"run-{9 - k}" / "result.h5", "w") as f:
            f["entry_1/Fe_K/data"] = IMAGES[k].astype(float)
            f["entry_1/process_1/job/input/energy"] = ENERGIES[k] * 1.602176634e-19
    assert reader_of({"file": str(tmp_path), "map": "Fe_K"}) == "stack"
    data = opened(str(tmp_path), map="Fe_K")
    assert data.coords["energy"][0] == pytest.approx(ENERGIES)
    assert np.array_equal(data.source.read(np.arange(5)), IMAGES)


@pytest.mark.parametrize(
    "energies, words",
    [
        (ENERGIES[:4], "4 energies for 5 images"),
        (ENERGIES[[0, 2, 1, 3, 4]], "the energy falls at number 2: 7110 eV after 7112 eV"),
        (ENERGIES[[0, 1, 1, 3, 4]], "the energy is repeated at number 2"),
        (ENERGIES[::-1], "was the scan made from above"),
        (np.array([7100, 7110, np.nan, 7115, 7150]), "energy number 2 is nan eV"),
    ],
)
def test_energies_that_cannot_be(tmp_path, energies, words):
    with pytest.raises(DataError, match=words) as error:
        opened(hdf5(tmp_path, energies), paths=PATHS)
    assert error.value.code == 3


def test_an_image_of_a_repeated_energy_may_be_left_out(tmp_path):
    """As the message says"""
    file = hdf5(tmp_path, ENERGIES[[0, 1, 1, 3, 4]])
    data = opened(file, Select(without=[2]), paths=PATHS)
    assert data.shape == (4, 6, 7) and len(data.beside["i0"]) == 4
    assert np.array_equal(data.coords["energy"][0], ENERGIES[[0, 1, 3, 4]])


def test_paths_that_lead_nowhere(tmp_path):
    file = hdf5(tmp_path)
    with pytest.raises(JobError, match=r'"image" is not one of images, .*images'):
        opened(file, paths={"image": "/e/img"})
    with pytest.raises(JobError, match="energies is missing"):
        opened(file, paths={"images": "/e/img"})
    with pytest.raises(DataError, match=r"i0 has the shape \(3,\); \(5,\) or"):
        opened(hdf5(tmp_path, i0=np.ones(3)), paths=PATHS)
