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


def test_a_stack_is_found_by_shapes_and_units(tmp_path):
    """Without `paths:`, and what was found is said"""
    file = hdf5(tmp_path)
    assert reader_of({"file": file}) == "stack"
    data = opened(file)
    assert data.shape == (5, 6, 7) and np.array_equal(data.coords["energy"][0], ENERGIES)
    assert data.coords["y"][0] == pytest.approx(np.arange(6) * 0.5e-6) and (data.beside["i0"] == 2000).all()
    assert data.notes[0] == (
        "found by shapes and units: images /e/img, energies /e/energy, y /e/y, x /e/x, i0 /e/i0"
    )


def test_other_stacks_of_a_file_are_named(tmp_path):
    """The first is taken"""
    with h5py.File(tmp_path / "two.h5", "w") as f:
        for k in (1, 2):
            f[f"entry{k}/image"], f[f"entry{k}/energy"] = IMAGES, ENERGIES
    data = opened(str(tmp_path / "two.h5"))
    assert "other stacks, too, which `paths:` takes: /entry2/image" in data.notes[1]


def test_nxstxm(tmp_path):
    """Its NXdata names the signal, the monitor stands in a group of its own"""
    with h5py.File(tmp_path / "stxm.h5", "w") as f:
        f["entry1/control/data"] = np.full((5, 6, 7), 3.0)
        f["entry1/control"].attrs["NX_class"] = "NXmonitor"
        own = f.create_group("entry1/counter0")
        own.attrs.update({"NX_class": "NXdata", "signal": "data", "axes": ["energy", "sample_y", "sample_x"]})
        own["a_copy"], own["data"], own["energy"] = IMAGES[::-1], IMAGES, ENERGIES
        own["sample_y"], own["sample_x"] = np.arange(6.0), np.arange(7.0)
        own["sample_x"].attrs["units"] = "um"
    file = str(tmp_path / "stxm.h5")
    assert reader_of({"file": file}) == "stack"
    data = opened(file)
    assert np.array_equal(data.source.read(np.arange(5)), IMAGES) and data.beside["i0"].shape == (5, 6, 7)
    assert "y" not in data.coords and data.coords["x"][0][-1] == pytest.approx(6e-6)


def test_spectra_of_a_map_are_no_stack(tmp_path):
    """An axis of channels begins near zero"""
    with h5py.File(tmp_path / "mca.h5", "w") as f:
        f["MAPS/mca_arr"], f["MAPS/energy"] = np.zeros((500, 6, 7), np.float32), 10.0 * np.arange(1, 501)
    with pytest.raises(DataError, match="HDF5, but neither CXI"):
        reader_of({"file": str(tmp_path / "mca.h5")})


@pytest.mark.parametrize("place, axes", [(2, ("y", "x", "energy")), (1, ("y", "energy", "x"))])
def test_the_order_of_axes_is_that_of_the_shapes(tmp_path, place, axes):
    file = hdf5(tmp_path, i0=np.moveaxis(IMAGES, 0, place) * 2.0)
    with h5py.File(file, "a") as f:
        del f["e/img"]
        f["e/img"] = np.moveaxis(IMAGES, 0, place)
    data = opened(file, paths=PATHS)
    assert data.axes == axes and np.array_equal(data.beside["i0"], IMAGES * 2.0)
    assert np.array_equal(data.source.read(np.arange(6)), np.moveaxis(IMAGES, 0, place))
    assert len(data.coords["x"][0]) == 7
    with pytest.raises(JobError, match=r"first axis of .* is y; `select` takes energies"):
        opened(file, select=Select(keep=":3"), paths=PATHS)


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
        (ENERGIES[[0, 1, 1, 3, 4]], "the energy is repeated at number 2: 7110 eV, as number 1"),
        (ENERGIES[[0, 3, 1, 4, 3]], "the energy is repeated at number 4: 7115 eV, as number 1"),
        (np.array([7100, 7110, np.nan, 7115, 7150]), "energy number 2 is nan eV"),
    ],
)
def test_energies_that_cannot_be(tmp_path, energies, words):
    with pytest.raises(DataError, match=words) as error:
        opened(hdf5(tmp_path, energies), paths=PATHS)
    assert error.value.code == 3


ORDERS = {"falls": [4, 3, 2, 1, 0], "none": [3, 0, 4, 1, 2]}


def same_as_sorted(data, file):
    """Values, energies and I0 are those of the stack that was measured from below, to the bit"""
    assert np.array_equal(data.coords["energy"][0], ENERGIES)
    assert np.array_equal(data.beside["i0"], opened(file, paths=PATHS).beside["i0"])
    assert np.array_equal(data.source.read(np.arange(data.shape[0])), np.moveaxis(IMAGES, 0, place_of(data)))


def place_of(data):
    return data.axes.index("energy")


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_images_are_sorted_by_energy(tmp_path, order, place):
    """Measured from above, or in no order: the same data, and the log says so"""
    (tmp_path / "sorted").mkdir()
    i0 = np.array([5.0, 4, 3, 2, 1])
    best, file = hdf5(tmp_path / "sorted", i0=i0), hdf5(tmp_path, ENERGIES[order], i0[order])
    with h5py.File(file, "a") as f:
        del f["e/img"]
        f.create_dataset("e/img", data=np.moveaxis(IMAGES[order], 0, place), chunks=True, compression="gzip")
    data = opened(file, paths=PATHS)
    same_as_sorted(data, best)
    words = (
        "from 7150 to 7100 eV; turned" if order[0] == 4 else "no order (7100 after 7115 eV); images are so"
    )
    assert words in data.notes[-1]
    some = data.source.cropped(slice(1, 3), slice(0, 4)).read(np.array([2, 0]))
    assert np.array_equal(some, np.moveaxis(IMAGES, 0, place)[[2, 0], 1:3, :4])
    assert data.source.take(np.arange(2)) is None


def test_what_is_selected_counts_images_as_stored(tmp_path):
    data = opened(hdf5(tmp_path, ENERGIES[::-1], np.arange(5.0)), Select(without=[0]), paths=PATHS)
    assert np.array_equal(data.coords["energy"][0], ENERGIES[:4]) and data.beside["i0"].tolist() == [
        4,
        3,
        2,
        1,
    ]
    assert np.array_equal(data.source.read(np.array([0])), IMAGES[[4]])


def test_a_folder_of_tiffs_from_above(tmp_path):
    """The text falls, and is found none the less"""
    data = opened(tiffs(tmp_path, "\n".join(map(str, ENERGIES[::-1]))))
    assert np.array_equal(data.coords["energy"][0], ENERGIES) and np.array_equal(
        data.source.read(np.arange(5)), IMAGES[::-1]
    )


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
