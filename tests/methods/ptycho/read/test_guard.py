"""What a scan is refused for, and with which words."""

import os

import h5py
import numpy as np
import pytest

from nanompi.data.select import Select
from nanompi.errors import DataError, JobError
from nanompi.methods import discover
from nanompi.run.reading import reader_of

EV = 1.602176634e-19


def xyz(xy):
    return np.c_[xy, np.zeros(len(xy))]


def with_nan(known, value=np.nan):
    xy = known.xy.copy()
    xy[[4, 9], 0] = value
    return xyz(xy)


CASES = {
    "fewer frames": (
        lambda k: {"data": k.frames[:25]},
        'missing frames: 25 frames and 30 pos.*`select: "0:25"`',
    ),
    "fewer positions": (
        lambda k: {"translation": xyz(k.xy[:20])},
        "missing positions: 30 frames and 20 positions",
    ),
    "not finite": (
        lambda k: {"translation": with_nan(k)},
        "2 of 30 positions are not finite, first that of frame 4",
    ),
    "infinite": (
        lambda k: {"translation": with_nan(k, np.inf)},
        r"2 of 30 positions are not finite.*NaN or infinite in the file.*without: \[4",
    ),
    "one place": (lambda k: {"translation": xyz(0 * k.xy)}, "all 30 positions are equal"),
    "um as m": (lambda k: {"translation": xyz(k.xy * 1e6)}, "positions span .* m; .*Are the positions in um"),
    "m as um": (
        lambda k: {"translation": (xyz(k.xy), "um")},
        "positions span .* pm; 1 nm to 100 mm is believed",
    ),
    "one pixel": (
        lambda k: {"translation": xyz(k.xy * 5e-3)},
        "all positions lie within 0.0.* pixels of the object.* not known: .*units.*energy.*focus",
    ),
    "too large": (
        lambda k: {"translation": xyz(k.xy * 1e4)},
        "the object would have .* pixels, more than 40000.* not known: .*units.*energy.*focus",
    ),
    "no overlap": (
        lambda k: {"translation": xyz(k.xy * 50)},
        "typical step is .* that no two frames overlap.* not known: .*units.*energy, distance.*focus",
    ),
    "eV as keV": (
        lambda k: {"energy": (8000.0, "keV")},
        "8000 keV is not a photon energy .*; the number looks like eV",
    ),
    "keV as eV": (
        lambda k: {"energy": (8.0, "eV")},
        "8 eV is not a photon energy .*; the number looks like keV",
    ),
    "keV as J": (lambda k: {"energy": (8.0, "J")}, "8 J is not a photon energy"),
    "negative energy": (lambda k: {"energy": -8.0}, r"-8 \(no unit\) is not a photon energy"),
    "wrong unit": (lambda k: {"energy": (8.0, "K")}, '"K" is not a unit that fits here'),
    "no energy": (lambda k: {"energy": None}, "says no wavelength; write for example `energy: 8 keV`"),
    "angstrom": (
        lambda k: {"instrument_1__source_1__wavelength": 1.5},
        "wavelength = 1.5 m; .* looks like angstrom",
    ),
    "mm as m": (lambda k: {"distance": 2500.0}, "distance = 2500 m; .* looks like mm"),
    "no distance": (lambda k: {"distance": None}, "says no distance; write for example `distance: 2.1 m`"),
    "um pixel as m": (lambda k: {"x_pixel_size": 75.0}, "pixel = 75 m; .* looks like um"),
    "no pixel": (lambda k: {"x_pixel_size": None}, "says no pixel"),
    "mask turned": (
        lambda k: {"mask": 1 - k.bad},
        "478 of 480 pixels would be bad .* Write `mask_good: nonzero`",
    ),
    "mask size": (lambda k: {"mask": k.bad[:-1]}, r"mask has the shape \(23, 20\), the frames \(24, 20\)"),
    "complex": (lambda k: {"data": k.frames + 1j}, "frames are of type complex128"),
    "flat": (lambda k: {"data": k.frames[:, 0]}, "frames of 30 x 20|missing frames|1 frames"),
    "small": (lambda k: {"data": k.frames[:, :4]}, "frames of 4 x 20 pixels"),
    "empty": (lambda k: {"data": 0 * k.frames}, "have no counts; is this the right dataset"),
    "many energies": (
        lambda k: {"energy": (np.linspace(7, 9, 30), "keV")},
        "has 30 values from 7 to 9; one is needed",
    ),
    "basis": (
        lambda k: {"instrument_1__detector_1__basis_vectors": np.zeros((2, 3))},
        "must be two vectors of three",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_an_impossible_scan_is_refused_with_a_reason(cxi_file, known, open_with, case):
    changes, text = CASES[case]
    with pytest.raises(DataError, match=text) as error:
        open_with(cxi_file(**changes(known)))
    assert "scan.cxi" in str(error.value)


def test_the_scan_itself_passes(cxi_file, known, open_with):
    scan = open_with(cxi_file())
    assert np.array_equal(scan.source.read(np.arange(30)), known.frames) and scan.positions.shape == (30, 2)


def test_a_turned_mask_is_used_when_told(cxi_file, known, open_with):
    scan = open_with(cxi_file(mask=1 - known.bad), mask_good="nonzero")
    assert np.array_equal(scan.mask, known.bad == 0)


def test_energy_of_the_job_in_the_wrong_unit(cxi_file, open_with):
    with pytest.raises(JobError, match=r"8000 looks like eV: write `energy: 8000 eV`"):
        open_with(cxi_file(), energy=8000e3 * EV)


def test_the_job_repairs_what_the_file_has_wrong(cxi_file, known, open_with):
    scan = open_with(cxi_file(distance=2500.0, x_pixel_size=None), distance=2.5, pixel=75e-6)
    assert (scan.distance, scan.pixel) == (2.5, (75e-6, 75e-6))
    scan = open_with(cxi_file(energy=(8000.0, "keV"), instrument_1__source_1__wavelength=1.5498e-10))
    assert scan.wavelength == 1.5498e-10 and any("8000 keV is not a photon" in n for n in scan.notes)


def test_energy_of_the_job_stands_in_for_an_impossible_one_in_the_file(cxi_file, open_with):
    scan = open_with(cxi_file(energy=(8000.0, "keV")), energy=8000 * EV)
    assert scan.wavelength == pytest.approx(1.549802e-10, rel=1e-6)


def test_nan_and_negative_counts_are_counted(cxi_file, known, open_with):
    frames = known.frames.astype("f4")
    frames[0, 5, 5], frames[29, 6, :3] = np.nan, -1
    notes = open_with(cxi_file(data=frames)).notes
    assert any("1 values are not finite" in n for n in notes) and any(
        "3 counts are negative" in n for n in notes
    )


def test_counts_beyond_a_signed_type_are_refused_markers_are_not(cxi_file, known, open_with):
    frames = known.frames.astype("i4") % 100
    frames[:, 4, 4], frames[:, 5, 5] = -(2**31), -1
    assert open_with(cxi_file(data=frames)).source.dtype == np.int32
    frames = np.clip(known.frames.astype("i4"), 0, 100).astype("i1")
    frames[0, 8, 8:16] = np.arange(130, 170, 5).astype("u1").view("i1")
    with pytest.raises(DataError, match=r"overflowed their type int8: 8 different values.*down to -126"):
        open_with(cxi_file(data=frames))


def test_a_monitor_with_nothing_in_it_is_left_out(cxi_file, open_with):
    monitor = np.ones(30)
    assert open_with(cxi_file(monitor_1__data=monitor)).monitor.shape == (30,)
    monitor[3] = 0
    scan = open_with(cxi_file(monitor_1__data=monitor))
    assert scan.monitor is None and any("monitor has values that are not positive" in n for n in scan.notes)
    for odd in (np.ones(7), np.ones((30, 4))):
        scan = open_with(cxi_file(monitor_1__data=odd), select=Select.from_value("0:20"))
        assert scan.monitor is None and any(f"{odd.size} values for 30 frames" in n for n in scan.notes)


@pytest.mark.parametrize(("swing", "told"), [(0.3, True), (0.1, True), (0.02, False)])
def test_a_monitor_that_varies_names_the_key_that_uses_it(cxi_file, open_with, swing, told):
    scan = open_with(cxi_file(monitor_1__data=1e5 * (1 + swing / 2 * np.sin(np.arange(30)))))
    assert any("varies by" in n and "normalise: true" in n for n in scan.notes) == told


@pytest.mark.parametrize("shape", [(17, 31), (24, 20), (33, 33)])
def test_odd_and_oblong_frames_are_read(cxi_file, open_with, shape):
    scan = open_with(cxi_file(data=np.ones((30, *shape), "u2"), mask=None))
    assert scan.source.shape == (30, *shape)


def test_a_truncated_file_says_so(cxi_file, open_with):
    path = cxi_file()
    size = os.path.getsize(path)
    os.truncate(path, size // 2)
    for call in (lambda: open_with(path), lambda: reader_of({"file": path})):
        with pytest.raises(DataError, match=rf"scan.cxi \({size // 2} bytes\) begins like HDF5 .*truncated"):
            discover()
            call()


def test_files_that_are_none(tmp_path, cxi_file):
    discover()
    cxi_file()
    (tmp_path / "text.h5").write_text("hello")
    for name, text in {
        "scan.cx": r'does not exist \(did you mean "scan.cxi"\?\)',
        "no/where.h5": "nor does its folder",
        ".": "is a folder",
        "text.h5": "no reader knows this file",
    }.items():
        with pytest.raises(DataError, match=text):
            reader_of({"file": str(tmp_path / name)})


def test_a_mask_for_each_frame_masks_what_is_ever_bad(cxi_file, known, open_with):
    masks = np.repeat(known.bad[None], 30, 0)
    masks[7, 20, 1] = 1
    scan = open_with(cxi_file(mask=masks))
    assert (~scan.mask).sum() == 3 and not scan.mask[20, 1]


def test_little_overlap_is_a_warning(cxi_file, known, open_with):
    grid = (
        np.stack(np.meshgrid(np.arange(6), np.arange(5)), -1).reshape(-1, 2) * 3.5e-6
    )  # field of view: 5.2 um
    scan = open_with(cxi_file(translation=xyz(grid)))
    assert any("0.68 of the field of view: little overlap" in n for n in scan.notes)


def test_an_hdf5_file_that_shrank_after_opening_is_an_input_error(tmp_path, known, open_with):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["d"], file["x"], file["y"] = known.frames, known.xy[:, 0], known.xy[:, 1]
    own = {"paths": {"frames": "/d", "x": "/x", "y": "/y"}}
    scan = open_with(tmp_path / "a.h5", "hdf5", own, energy=8000 * EV, distance=2.5, pixel=75e-6)
    scan.source.close()
    os.truncate(tmp_path / "a.h5", 5000)
    with pytest.raises(DataError, match="truncated"):
        scan.source.read([29])
