"""Maps of spectra in HDF5 files of several kinds."""

import h5py
import numpy as np
import pytest

from nanompi.data.data import by_cost
from nanompi.data.select import Select
from nanompi.errors import DataError, JobError
from nanompi.methods.maps.read.hdf5 import Hdf5Spectra, Maps, NxFluo
from nanompi.run.reading import Input, open_data, reader_of, spread_evenly

H, W, D, C = 3, 5, 2, 128


@pytest.fixture
def counts():
    return np.random.default_rng(3).poisson(2.0, (H, W, D, C)).astype(np.uint16)


def opened(path, reader):
    return open_data(str(path), Input(), reader)["data"]


def test_maps_files_have_a_dataset_for_each_detector(tmp_path, counts):
    live = np.random.default_rng(4).uniform(0.1, 0.2, (D, H, W))
    with h5py.File(tmp_path / "fly.h5", "w") as file:
        for k, name in enumerate(("data_a", "data_b")):
            values = np.moveaxis(counts[:, :, k], -1, 0)
            file.create_dataset(f"MAPS_RAW/{name}", data=values, chunks=(C, 1, W), compression="gzip")
        file["MAPS_RAW/livetime"] = live
    assert reader_of({"file": str(tmp_path / "fly.h5")}) == "xrf.maps"
    data = opened(tmp_path / "fly.h5", Maps())
    assert data.shape == counts.shape and data.source.dtype == np.uint16
    assert np.array_equal(data.source.read([2, 0, 2]), counts[[2, 0, 2]])
    assert np.allclose(data.per_row["live"], np.moveaxis(live, 0, -1))


@pytest.mark.parametrize("unit, scale", [("keV", 1e-3), ("eV", 1), ("", 1e-3)])
def test_nxfluo(tmp_path, counts, unit, scale):
    energies = 20.0 + 10 * np.arange(C) + 5000 * (unit == "eV")
    with h5py.File(tmp_path / "map.nxs", "w") as file:
        group = file.create_group("entry/fluorescence")
        group.attrs.update(NX_class="NXdata", signal="data", axes=["y", "x", "energy"])
        group["data"], group["y"], group["x"] = counts[:, :, 0], np.arange(H) * 2.0, np.arange(W) * 3.0
        group["energy"] = energies * scale
        group["y"].attrs["units"] = group["x"].attrs["units"] = "um"
        group["energy"].attrs["units"] = unit
    assert reader_of({"file": str(tmp_path / "map.nxs")}) == "nxfluo"
    data = opened(tmp_path / "map.nxs", NxFluo())
    assert data.shape == (H, W, 1, C) and np.array_equal(data.source.read([1])[0, :, 0], counts[1, :, 0])
    assert np.allclose(data.coords["y"][0], np.arange(H) * 2e-6) and data.coords["x"][1] == "m"
    assert np.allclose(data.coords["channel"][0], energies)


def test_other_spectra_of_a_file_are_named(tmp_path, counts):
    with h5py.File(tmp_path / "two.nxs", "w") as file:
        for k in (1, 2):
            group = file.create_group(f"scan_{k}/data")
            group.attrs.update(NX_class="NXdata", signal="data", axes=["y", "x", "detector", "channel"])
            group["data"] = counts
    assert "other spectra, too (/scan_2/data/data)" in opened(tmp_path / "two.nxs", NxFluo()).notes[-1]


def test_more_detectors_than_channels_are_axes_in_another_order(tmp_path, counts):
    with h5py.File(tmp_path / "any.h5", "w") as file:
        file["mca"] = counts
    reader = Hdf5Spectra(paths={"spectra": "mca"}, axes="y x channel detector")
    with pytest.raises(DataError, match="128 detectors whose spectra have 2 channels"):
        opened(tmp_path / "any.h5", reader)


def test_any_file_by_paths(tmp_path, counts):
    flat = counts.reshape(H * W, D, C)
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file["mca"], file["y"], file["x"] = flat, np.repeat(np.arange(3.0), W), np.tile(np.arange(5.0), H)
        file["i0"], file["e"] = np.arange(H * W), 12.0
        file["e"].attrs["units"] = "keV"
        file["y"].attrs["units"] = file["x"].attrs["units"] = "um"
    paths = {"spectra": "mca", "y": "y", "x": "x", "us_ic": "i0", "energy": "e"}
    data = opened(tmp_path / "scan.h5", Hdf5Spectra(paths=paths, axes="point detector channel"))
    assert data.axes == ("point", "detector", "channel") and data.shape == flat.shape
    assert np.array_equal(data.source.read([7, 3]), flat[[7, 3]])
    assert data.coords["point"][0][6] == pytest.approx([1e-6, 1e-6])
    assert data.per_row["us_ic"].tolist() == list(range(H * W))
    assert data.facts["energy"] == pytest.approx(12e3 * 1.602176634e-19)


def test_what_does_not_fit_is_said(tmp_path, counts):
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file["mca"], file["short"] = counts[:, :, 0], np.zeros(4)

    def fails(error, match, axes="y x channel", **paths):
        with pytest.raises(error, match=match):
            opened(tmp_path / "scan.h5", Hdf5Spectra(paths={"spectra": "mca", **paths}, axes=axes))

    fails(DataError, r"shape \(3, 5, 128\).*y, x, detector, channel", "y x detector channel")
    fails(DataError, r"short \(paths: i0\) has the shape \(4,\); the scan has \(3, 5\)", i0="short")
    fails(JobError, 'input.axes: "chanel" is not one of .*did you mean "channel"', "y x chanel")
    fails(JobError, "needs channel", "y channel")
    with pytest.raises(JobError, match="spectra is missing"):
        opened(tmp_path / "scan.h5", Hdf5Spectra())


@pytest.mark.real
def test_a_measured_fly_scan(shared_data):
    data = opened(shared_data("S3_xrf_2ide/2xfm_0011_2xfm3__0.h5"), Maps())
    assert data.shape == (11, 9, 4, 2048)
    with h5py.File(shared_data("S3_xrf_2ide/2xfm_0011_2xfm3__0.h5")) as file:
        assert np.array_equal(data.source.read([4])[0, :, 2], file["MAPS_RAW/data_c"][:, 4, :].T)
    assert (data.per_row["live"] < data.per_row["real"]).all() and data.per_row["icr"].shape == (11, 9, 4)


def test_rows_with_many_counts_are_shared_out_by_what_they_cost(tmp_path):
    """Compressed bytes tell where the counts are: of two ranks one gets few rows, whole chunks of them"""
    counts = np.random.default_rng(7).poisson(0.02, (24, 6, C)).astype(np.uint16)
    counts[4:8] = np.random.default_rng(8).poisson(40, (4, 6, C))
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file.create_dataset("mca", data=counts, chunks=(2, 6, C), compression="gzip")
        bytes_of = np.zeros(24)
        file["mca"].id.chunk_iter(lambda one: bytes_of.__setitem__(one.chunk_offset[0], one.size))
    data = opened(tmp_path / "scan.h5", Hdf5Spectra(paths={"spectra": "mca"}))
    parts = spread_evenly(data, 3).parts
    assert np.array_equal(np.concatenate(parts), np.arange(24)) and all(p[0] % 2 == 0 for p in parts)
    costs = [data.source.costs[p].sum() for p in parts]
    assert max(costs) < 1.5 * np.mean(costs) and len(parts[0]) < 7
    assert data.source.costs.sum() == pytest.approx(bytes_of.sum() * 1.3)
    half = data.selected(Select.from_value("12:24"))
    assert spread_evenly(half, 1).parts[0].tolist() == list(range(12))


def test_shares_by_cost():
    assert [len(p) for p in by_cost(np.ones(10), 1, 3)] == [3, 4, 3]
    assert sorted(len(p) for p in by_cost(np.ones(3), 3, 4)) == [0, 0, 0, 3]  # one chunk cannot be shared
    assert by_cost(np.ones(4), 1, 1)[0].tolist() == [0, 1, 2, 3]
