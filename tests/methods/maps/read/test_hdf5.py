"""Maps of spectra in HDF5 files of several kinds."""

import h5py
import numpy as np
import pytest

from nanompi.cli import main
from nanompi.data.data import by_cost
from nanompi.data.load import load
from nanompi.data.select import Select
from nanompi.errors import DataError, JobError
from nanompi.io.hdf5 import open_hdf5
from nanompi.job.job import read_input
from nanompi.methods.maps.read.hdf5 import Hdf5Spectra, Maps, NxFluo
from nanompi.methods.maps.read.stored import StoredSpectra
from nanompi.mpi.team import Team
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


def test_places_that_do_not_fit_are_no_places(tmp_path, counts):
    """30 points with 33 places: which belong to which nobody knows"""
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file["mca"], file["points"] = counts[:, :, 0], np.zeros((30, C))
        file["y"], file["x"], file["bad"] = np.arange(33.0), np.arange(33.0), np.full(5, np.nan)

    def fails(error, match, spectra, axes, **paths):
        with pytest.raises(error, match=match):
            own = Hdf5Spectra(paths={"spectra": spectra, **paths}, axes=axes)
            opened(tmp_path / "scan.h5", own)

    many = r"scan.h5: y \(y of the scan\) has 33 values; the scan has 30 points: 30 are allowed"
    fails(DataError, many, "points", "point channel", y="y", x="x")
    few = r"x \(x of the scan\) has 33 values; the scan has 3 rows of 5 points: 5 or 15 are allowed"
    fails(DataError, few, "mca", "y x channel", x="x")
    fails(DataError, "scan.h5.*none", "mca", "y x channel", x="none")
    fails(JobError, "there is y alone; points of a scan need x and y", "points", "point channel", y="y")
    data = opened(tmp_path / "scan.h5", Hdf5Spectra(paths={"spectra": "mca", "x": "bad"}))
    assert "x" not in data.coords and "5 of 5 places are not finite" in data.notes[-1]


def test_nxfluo_with_places_that_do_not_fit(tmp_path, counts):
    with h5py.File(tmp_path / "map.nxs", "w") as file:
        group = file.create_group("entry/fluorescence")
        group.attrs.update(NX_class="NXdata", signal="data", axes=["y", "x", "energy"])
        group["data"], group["y"], group["x"] = counts[:, :, 0], np.arange(H), np.arange(W + 2)
    with pytest.raises(DataError, match=r"/entry/fluorescence/x .* has 7 values; .* 5 or 15 are allowed"):
        opened(tmp_path / "map.nxs", NxFluo())


@pytest.mark.parametrize("snake", [False, True])
def test_a_place_of_each_point_of_a_fly_scan(tmp_path, counts, snake):
    """Encoders are off by up to a tenth of a step; the means are off by less"""
    y, x = np.mgrid[:H, :W] * 1.0
    if snake:
        x[1::2] = x[1::2, ::-1]
    off = np.random.default_rng(5).uniform(-0.1, 0.1, (2, H, W))
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file["mca"], file["y"], file["x"] = counts[:, :, 0], y + off[0], x + off[1]
        file["y"].attrs["units"] = file["x"].attrs["units"] = "um"
    data = opened(tmp_path / "scan.h5", Hdf5Spectra(paths={"spectra": "mca", "y": "y", "x": "x"}))
    for axis, n in (("y", H), ("x", W)):
        places, unit = data.coords[axis]
        assert unit == "m" and places == pytest.approx(np.arange(n) * 1e-6, abs=0.1e-6)
    assert snake == any("go to and fro" in note for note in data.notes)


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


@pytest.mark.parametrize(
    "shape, axes",
    [
        ((30, 1024), "point channel"),
        ((11, 13, 1024), "y x channel"),
        ((30, 2, 2048), "point detector channel"),
        ((11, 13, 4, 512), "y x detector channel"),
        ((9, 256, 256), None),
        ((30, 128), None),
    ],
)
def test_inspect_says_how_spectra_that_nobody_knows_are_read(tmp_path, capsys, shape, axes):
    """The section that it prints is a job's input, and its data are the spectra"""
    path = tmp_path / "odd.h5"
    with h5py.File(path, "w") as file:
        file["raw/mca"] = np.zeros(shape, np.uint16)
    assert main(["inspect", str(path)]) == 3
    said = capsys.readouterr().out
    _, found, section = said.partition("input:\n  # if /raw/mca are spectra of a map")
    section = section.partition("\n\n")[0]  # a stack of frames has that shape, too
    assert said.startswith("  /raw/mca") and bool(found) == bool(axes)
    if axes:
        (tmp_path / "job.yaml").write_text(f"nanompi: 1\ninput:\n  #{section}")
        given, reader = read_input(str(tmp_path / "job.yaml"))
        data = open_data(given.file, given, reader)["data"]
        assert (
            f'axes: "{axes}"' in section and data.axes[-1] == "channel" and data.size("channel") == shape[-1]
        )


@pytest.mark.parametrize("threads", [1, 2])
def test_stored_bytes_are_read_once_where_a_chunk_is_larger_than_a_block(tmp_path, threads):
    """gzip chunks of 8 rows, blocks of one: no chunk is touched by two reads, and all of the file is"""
    counts = np.random.default_rng(3).poisson(2.0, (29, 3, 2, 64)).astype(np.uint16)
    with h5py.File(tmp_path / "map.h5", "w") as file:
        file.create_dataset("mca", data=counts, chunks=(8, 3, 1, 64), compression="gzip")
    with open_hdf5(str(tmp_path / "map.h5")) as file:
        source = StoredSpectra.of(file, ["mca"], ("y", "x", "detector", "channel"))
        sizes = np.zeros(4)  # stored bytes of the chunks of each run of 8 rows
        for k in range(file["mca"].id.get_num_chunks()):
            one = file["mca"].id.get_chunk_info(k)
            sizes[one.chunk_offset[0] // 8] += one.size
        whole = file["mca"].id.get_storage_size()
    touched, own = [], source.read
    source.read = lambda index, threads=1: (touched.append(np.unique(index // 8)), own(index, threads))[1]
    row, parts = counts[0].nbytes, [np.arange(29)]
    got = load(Team(alone=True), source, parts, lambda raw, _: raw, how="read", threads=threads, block=row)
    assert np.array_equal(got, counts) and len(touched) == 4
    assert sum(sizes[one].sum() for one in touched) == whole == sizes.sum()
