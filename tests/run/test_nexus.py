"""The result file: CXI for programs that read CXI, NeXus for viewers, HDF5 for everybody."""

import json
import os
import subprocess
import sys

import h5py
import numpy as np
import pytest

from nanompi.errors import DataError, ResourceError
from nanompi.methods.ptycho.earlier_result import load_result
from nanompi.run.result import Result, Signal
from nanompi.run.writers.nexus import dataset, in_um, write


@pytest.fixture
def file(tmp_path, star, star_result):
    write(star_result(star.truth), tmp_path / "result.h5")
    with h5py.File(tmp_path / "result.h5") as f:
        yield f


def default_plot(f):
    """What a NeXus viewer does: follow @default from the root to an NXdata group, then @signal and @axes."""
    group = f
    while "default" in group.attrs:
        group = group[group.attrs["default"]]
    assert group.attrs["NX_class"] == "NXdata"
    return group, group[group.attrs["signal"]], [group[a] if a != "." else None for a in group.attrs["axes"]]


def test_a_viewer_that_follows_default_opens_the_phase_with_axes_in_um(file):
    group, signal, axes = default_plot(file)
    assert group.name == "/entry_1/phase" and signal.shape == (208, 208) and signal.attrs["units"] == "rad"
    assert [a.shape[0] for a in axes] == list(signal.shape)
    for k, name in enumerate(("y", "x")):
        assert (
            axes[k].name.endswith(name)
            and axes[k].attrs["units"] == "um"
            and group.attrs[f"{name}_indices"] == k
        )
        assert np.diff(axes[k][()]) == pytest.approx(0.02)  # 20 nm pixels


def test_every_nxdata_group_names_a_signal_and_axes_that_fit(file):
    groups = [
        g
        for g in file["entry_1"].values()
        if isinstance(g, h5py.Group) and g.attrs.get("NX_class") == "NXdata"
    ]
    assert {g.name for g in groups} >= {
        f"/entry_1/{n}" for n in ("phase", "amplitude", "probe", "history", "image_1")
    }
    for group in groups:
        signal = group[group.attrs["signal"]]
        axes = group.attrs.get("axes", [])
        assert len(axes) in (0, signal.ndim), group.name
        for n, axis in zip(signal.shape, axes):
            assert axis == "." or group[axis].shape == (n,)
        assert all(group[a].shape == signal.shape for a in group.attrs.get("auxiliary_signals", []))


def test_the_probe_modes_are_stored_once_and_shown_from_there(file, star):
    probe = file["entry_1/probe"]
    assert probe.attrs["signal"] == "data" and list(probe.attrs["axes"]) == [".", "y", "x"]
    assert sorted(probe) == ["data", "power", "x", "y"]
    assert np.array_equal(probe["data"][()], star.probe)


def test_the_history_is_curves_over_the_iterations(file):
    history = file["entry_1/history"]
    assert history.attrs["signal"] == "r_factor" and list(history.attrs["auxiliary_signals"]) == [
        "likelihood"
    ]
    assert list(history["iteration"][:3]) == [1, 2, 3]


def test_cxi_programs_find_version_image_process_source_and_pixel(file, star):
    assert file["cxi_version"][()] == 160
    image = file["entry_1/image_1"]
    assert np.array_equal(image["data"][()], star.truth[24:232, 24:232])
    assert image["data"].dtype == np.complex64 and image["data_space"].asstr()[()] == "real"
    assert image["image_size"][()] == pytest.approx([208 * 20e-9, 208 * 20e-9, 0])
    assert image["source_1/energy"][()] == 1.28e-15 and image["detector_1/x_pixel_size"][()] == 75e-6
    assert image["process_1/program"].asstr()[()] == "nanompi"
    assert file["entry_1/data_1/data"].shape == (208, 208)


def test_notes_are_json_and_numbers_by_name(file):
    process = file["entry_1/process_1"]
    assert process["job/data"].asstr()[()].startswith("nanompi: 1\n")
    assert json.loads(process["environment/data"].asstr()[()])["devices"] == ["cpu", "cpu"]
    assert process["environment/ranks"][()] == 2 and process["metrics/phases/iterate"][()] == 12.5


def test_images_are_gzip_and_nothing_needs_a_plugin(file):
    filters = {}
    file.visititems(
        lambda name, d: filters.update({name: d.compression}) if isinstance(d, h5py.Dataset) else None
    )
    assert filters["entry_1/object/data"] == "gzip" and filters["entry_1/positions/corners"] is None
    assert set(filters.values()) == {"gzip", None}


def test_an_earlier_result_comes_back_as_it_was(tmp_path, star, star_result):
    write(star_result(star.truth), tmp_path / "result.h5")
    back = load_result(tmp_path)  # a run folder is as good as the file
    assert np.array_equal(back["object"], star.truth) and np.array_equal(back["probe"], star.probe)
    assert np.array_equal(back["pixel"], [20e-9, 20e-9]) and np.array_equal(back["corners"], star.corners)
    assert back["image"].shape == (208, 208) and list(back["origin"]) == [24, 24]


def test_a_file_without_an_object_and_no_file_are_named(tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as f:
        f["x"] = 1
    with pytest.raises(DataError, match=r"other\.h5: /entry_1/object/data is missing"):
        load_result(tmp_path / "other.h5")
    with pytest.raises(DataError, match=r"nothing\.h5: there is no such file"):
        load_result(tmp_path / "nothing.h5")
    (tmp_path / "text.h5").write_text("hello")
    with pytest.raises(DataError, match=r"text\.h5 .* is not an HDF5 file"):
        load_result(tmp_path / "text.h5")


FULL_DISK = """
import resource, sys
import numpy as np
from nanompi.errors import ResourceError
from nanompi.run.result import Result, Signal
from nanompi.run.writers.nexus import dataset, in_um, write
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
noise = np.random.default_rng(1).random((300, 300))
try:
    write(Result("a", {"a": Signal(noise)}, {"b/data": noise[:200]}), sys.argv[1])
except ResourceError as e:
    print(e)
    sys.exit(e.code)
"""


@pytest.mark.parametrize("limit", [0, 5000, 300_000, 1_000_000])
def test_a_full_disk_is_said_clearly_and_the_older_result_stays(tmp_path, limit):
    path = tmp_path / "result.h5"
    write(Result("old", {"old": Signal(np.arange(5.0), {"x": (np.arange(5), "m")})}), path)
    before = path.read_bytes()
    done = subprocess.run([sys.executable, "-c", FULL_DISK, path, str(limit)], capture_output=True, text=True)
    assert done.returncode == 4, done.stderr
    assert str(path) in done.stdout and "File too large" in done.stdout and "free on that disk" in done.stdout
    assert "Traceback" not in done.stderr
    assert os.listdir(tmp_path) == ["result.h5"] and path.read_bytes() == before


def test_the_size_needed_is_the_size_of_the_file(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, tmp_path / "r", "100"], capture_output=True, text=True
    )
    write_free = subprocess.run([sys.executable, "-c", FULL_DISK, tmp_path / "r", "-1"], capture_output=True)
    assert write_free.returncode == 0
    said = float(done.stdout.split("The file needs ")[1].split(" MB")[0]) * 1e6
    assert said == pytest.approx((tmp_path / "r").stat().st_size, rel=0.02)


def test_a_missing_folder_and_a_fault_of_ours_leave_nothing(tmp_path):
    with pytest.raises(ResourceError, match=r"gone/result\.h5: cannot be written: No such file"):
        write(Result(), tmp_path / "gone" / "result.h5")
    bad = Result("a", {"a": Signal(np.ones((4, 5)), {"y": (np.ones(4), "m"), "x": (np.ones(4), "m")})})
    with pytest.raises(ValueError, match="axis x has 4 values for 5"):
        write(bad, tmp_path / "result.h5")
    assert os.listdir(tmp_path) == []


def written(tmp_path, **what):
    """The open file of a result made of so much"""
    write(Result(**what), tmp_path / "r.h5")
    return h5py.File(tmp_path / "r.h5")


@pytest.mark.parametrize(
    ("shape", "dtype", "chunks"),
    [
        ((64, 128), "f8", (64, 128)),  # 64 kB: the least that is packed
        ((64, 127), "f8", None),
        ((1, 64, 256), "f4", (1, 64, 256)),
        ((2, 1000, 200), "c8", (1, 655, 200)),  # 1 MiB / (200 * 8 B) = 655.36 whole rows
        ((1024, 512), "c8", (256, 512)),  # 4 MiB: the most
        ((1025, 512), "c8", None),
        ((2, 140_000), "f8", (1, 140_000)),  # no row is cut
        ((20_000,), "f8", None),
        ((128, 128), "i8", None),
    ],
)
def test_float_images_between_64_kb_and_4_mb_are_packed_in_bands_of_1_mb(shape, dtype, chunks):
    with h5py.File.in_memory() as f:
        data = dataset(f, "a", np.ones(shape, dtype))
        assert (data.chunks, data.compression, data.shuffle) == (chunks, chunks and "gzip", bool(chunks))
        assert data.compression_opts == (chunks and 1)


@pytest.mark.parametrize(("given", "unit"), [(2e-6, "m"), (2e-3, "mm"), (2.0, "um"), (2000.0, "nm")])
def test_axes_of_length_are_in_um(given, unit):
    values, told = in_um([given], unit)
    assert values == pytest.approx([2.0]) and told == "um" and in_um([3.0], "s") == ([3.0], "s")


def test_axes_belong_to_the_last_dimensions_and_numbers_have_none(tmp_path):
    line, cube = np.arange(3.0), np.arange(24.0).reshape(2, 4, 3)
    signals = {
        "cube": Signal(cube, {"x": (line, "m")}),
        "one": Signal(np.float64(7), unit="eV", title="peak"),
    }
    with written(tmp_path, signals=signals) as f:
        entry = f["entry_1"]
        assert entry.attrs["default"] == "cube"  # the first, where none is the main one
        assert list(entry["cube"].attrs["axes"]) == [".", ".", "x"] and entry["cube"].attrs["x_indices"] == 2
        assert "axes" not in entry["one"].attrs and "auxiliary_signals" not in entry["one"].attrs
        told = dict(entry["one/data"].attrs)
        assert told == {"units": "eV", "long_name": "peak [eV]"} and entry["one"].attrs["title"] == "peak"
        assert entry["cube/data"].attrs["long_name"] == "cube" and entry["cube"].attrs["title"] == "cube"
        assert "data_1" not in entry and "instrument_1" not in entry and "image_1" not in entry


def test_only_equal_arrays_are_stored_once(tmp_path):
    a = np.array([1.0, np.nan, 3.0])
    arrays = {"s/other": a + 1, "s/short": a[:2], "s/single": a.astype("f4"), "s/same": a, "deep/er/x": a}
    with written(tmp_path, arrays=arrays, signals={"s": Signal(a.copy())}) as f:
        group = f["entry_1/s"]
        assert group.attrs["signal"] == "same" and "data" not in group
        assert list(group.attrs["auxiliary_signals"]) == ["other", "single"]
        assert f["entry_1/deep"].attrs["NX_class"] == f["entry_1/deep/er"].attrs["NX_class"] == "NXcollection"
        assert group.attrs["NX_class"] == "NXdata"
    with written(tmp_path, arrays={"s/data": a + 1}, signals={"s": Signal(a)}) as f:
        assert f["entry_1/s"].attrs["signal"] == "s" and np.array_equal(f["entry_1/s/s"], a, equal_nan=True)


def test_image_size_is_in_x_y_z_and_the_detector_pixel_in_y_x(tmp_path):
    arrays = {"image_1/data": np.ones((2, 4, 6), "c8"), "object/pixel_size": np.array([1e-8, 3e-8])}
    notes = {"geometry": {"detector_pixel": (50e-6, 75e-6), "wavelength": 1e-10}}
    with written(tmp_path, arrays=arrays, notes=notes) as f:
        entry = f["entry_1"]
        assert entry["image_1/image_size"][()] == pytest.approx([18e-8, 4e-8, 0])
        assert entry["image_1/dimensionality"][()] == 3 and entry["data_1"].attrs["signal"] == "data"
        detector = entry["instrument_1/detector_1"]
        assert (detector["y_pixel_size"][()], detector["x_pixel_size"][()]) == (50e-6, 75e-6)
        assert "distance" not in detector and list(entry["instrument_1/source_1"]) == ["wavelength"]
        assert list(entry["image_1/source_1"]) == ["wavelength"]


def test_numbers_of_notes_have_names_that_hdf5_allows(tmp_path):
    note = {"a/b": 1, "on": True, "data": 5, "": 6, ".": 7, "list": [1, 2], "word": "w", "in": {"x": 2.5}}
    note["n"] = np.arange(2)
    with written(tmp_path, notes={"note": note, "text": "hello"}) as f:
        group, text = f["entry_1/process_1/note"], f["entry_1/process_1/text"]
        assert sorted(group) == ["a_b", "data", "in", "on", "type", "word"]
        assert group["a_b"][()] == 1 and group["on"][()] and group["in/x"][()] == 2.5
        kept = json.loads(group["data"].asstr()[()])
        assert kept == {**note, "n": [0, 1]} and group["type"].asstr()[()] == "application/json"
        assert (text["type"].asstr()[()], text["data"].asstr()[()]) == ("text/plain", "hello")
