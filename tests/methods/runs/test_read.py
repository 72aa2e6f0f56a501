"""Results of earlier runs as one stack: of a stage, of run folders; its axis, its grid, what is missing."""

import json
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from nanompi.data.select import Select
from nanompi.data.tiffs import natural
from nanompi.errors import DataError, JobError
from nanompi.methods.ptycho.wave import read_wave
from nanompi.methods.runs.read import Runs
from nanompi.run.reading import reader_of
from nanompi.run.result import result_file

PIXEL = 2e-8
KEV = 1.602176634e-16
GIVEN = SimpleNamespace(pixel=None, select=Select())


def ball(shape, middle, width=4.0, pixel=PIXEL, height=2.0):
    """(rows, columns) of a Gaussian about `middle` (m), `width` times 20 nm wide, on pixels of any size"""
    y, x = (np.arange(n) * pixel - m for n, m in zip(shape, middle))
    return height * np.exp(-((y[:, None] ** 2 + x**2) / 2 / (width * PIXEL) ** 2))


def written(folder: Path, image, pixel=PIXEL, corner=(0.0, 0.0), **more) -> Path:
    """A run folder with the result of a ptychography run; its raw object is 3 px larger at each side"""
    folder.mkdir(parents=True)
    with h5py.File(folder / "result.h5", "w") as file:
        entry = file.create_group("entry_1")
        entry.attrs["default"] = "phase"
        entry["image_1/data"] = image.astype(np.complex64)
        entry["image_1/mask"] = np.ones(image.shape, np.uint8)
        entry["image_1/origin"] = np.array([3.0, 3.0])
        entry["object/pixel_size"] = np.full(2, pixel)
        entry["object/corner"] = np.array(corner) - 3 * pixel
        entry["instrument_1/source_1/energy"] = more.get("energy", 8 * KEV)
        job = {"input": {"angle": more["angle"]} if "angle" in more else {}}
        entry["process_1/job/data"] = json.dumps(job)
    return folder


def stage(folder: Path, names, values) -> Path:
    """The list of a stage, as `nanompi run` writes it"""
    folder.mkdir(parents=True, exist_ok=True)
    items = [{"folder": name, "values": one} for name, one in zip(names, values)]
    head = {"stage": folder.name, "foreach": list(values[0]), "items": items}
    (folder / "items.json").write_text(json.dumps(head))
    return folder


def opened(file="", **more):
    return Runs(**more).open(str(file), GIVEN)["data"]


def angles(folder: Path, count=4) -> Path:
    """A stage of scans of a ball at some angles, which the runs know themselves"""
    for k in range(count):
        image = np.exp(-1j * ball((40, 48), (4e-7, 4.8e-7)))
        written(folder / f"{k:04d}", image, angle=f"{180 * k / count:g} deg")
    return stage(folder, [f"{k:04d}" for k in range(count)], [{"scan": 7 + k} for k in range(count)])


def test_a_stage_is_a_stack_of_line_integrals_at_its_angles(tmp_path):
    data = opened(angles(tmp_path / "ptycho"))
    assert data.axes == ("angle", "row", "column") and data.shape == (4, 40, 48) and data.unit == "rad"
    assert data.coords["angle"][0] == pytest.approx(np.pi * np.arange(4) / 4)
    assert data.facts == {"pixel": PIXEL, "energy": 8 * KEV}
    lines = data.source.read(np.array([3, 0]))
    assert lines.dtype == np.float32 and np.abs(lines - ball((40, 48), (4e-7, 4.8e-7))).max() < 0.02


def test_the_folder_tells_its_reader(tmp_path):
    folder = angles(tmp_path / "ptycho")
    assert reader_of({"file": str(folder)}) == "runs"
    assert reader_of({"file": str(folder / "0001")}) == "runs"
    assert reader_of({"runs": "runs/*/latest"}) == "runs"


def test_items_without_a_result_are_named_and_left_out(tmp_path):
    folder = angles(tmp_path / "ptycho")
    (folder / "0001/result.h5").unlink()
    (folder / "0002/outcome.json").write_text('{"code": 5}')
    data = opened(folder)
    assert data.shape[0] == 2 and data.coords["angle"][0] == pytest.approx([0, 3 * np.pi / 4])
    (note,) = [one for one in data.notes if one.startswith("warning")]
    assert "2 of 4" in note and "0001" in note and "0002 (it ended with code 5)" in note
    with pytest.raises(DataError, match="2 of 4 runs have a result, 75% are needed"):
        opened(folder, needs=0.75)
    for k in (0, 3):
        (folder / f"000{k}/result.h5").write_bytes(b"broken")
    with pytest.raises(DataError, match="0 of 4 runs"):
        opened(folder)


def test_runs_whose_verdict_is_not_good_are_named(tmp_path):
    folder = angles(tmp_path / "ptycho", 9)
    for k, grade in enumerate(["good", *["doubtful"] * 7, "wrong"]):
        with h5py.File(folder / f"{k:04d}/result.h5", "a") as file:
            file["entry_1/process_1/verdict/grade"] = grade
    data = opened(folder)
    wrong, doubtful = [one for one in data.notes if one.startswith("warning")]
    assert wrong == f"warning: 1 of 9 runs are wrong, and in the stack: {folder}/0008/result.h5"
    assert doubtful.startswith(
        f"warning: 7 of 9 runs are doubtful, and in the stack: {folder}/0001/result.h5, "
    )
    assert doubtful.endswith(f", {folder}/0005/result.h5 and 2 more") and data.shape[0] == 9
    assert not [one for one in opened(angles(tmp_path / "good")).notes if one.startswith("warning")]


def test_runs_that_a_job_lists_must_nearly_all_be_there(tmp_path):
    folder = angles(tmp_path / "ptycho")
    data = opened(runs=[f"{folder}/0003", f"{folder}/000[01]"])
    assert data.coords["angle"][0] == pytest.approx(np.pi * np.array([3, 0, 1]) / 4)
    (folder / "0001/result.h5").unlink()
    with pytest.raises(DataError, match="95% are needed"):
        opened(runs=f"{folder}/0*")
    with pytest.raises(DataError, match="names no run folder"):
        opened(runs=f"{folder}/nothing*")
    with pytest.raises(JobError, match="by `runs:`"):
        opened()


def test_energies_bring_unlike_pixels_onto_one_grid(tmp_path):
    """A pixel goes with the wavelength: the same ball, scanned about the same place, at three energies. The
    attenuation is 2 * 0.25 of its height, to what a Gaussian of 4 px has beyond the band: nothing"""
    middle, places = np.array([3e-6, 5e-6]), []
    for k, pixel in enumerate((2.2e-8, 2.1e-8, 2e-8)):
        shape = (44 - k, 50)
        corner = middle - (np.array(shape) // 2 + 0.3 * k) * pixel
        image = np.exp(-(0.25 + 0.5j) * ball(shape, middle - corner, pixel=pixel))
        written(tmp_path / f"{2 - k}", image, pixel, corner, energy=(7.1 + 0.05 * k) * KEV)
        places.append(corner)
    data = opened(runs=f"{tmp_path}/*")
    assert data.axes == ("energy", "y", "x") and data.unit == "1" and data.title == "attenuation"
    assert data.coords["energy"][0] == pytest.approx([7100, 7150, 7200])
    y, x = (data.coords[axis][0] for axis in "yx")
    assert np.diff(y) == pytest.approx(2.2e-8) and y[0] == pytest.approx(max(p[0] for p in places))
    true = 0.5 * 2 * np.exp(-((y[:, None] - middle[0]) ** 2 + (x - middle[1]) ** 2) / 2 / (4 * PIXEL) ** 2)
    assert np.abs(data.source.read(np.arange(3)) - true).max() < 2e-3


def test_whole_pixels_are_copied(tmp_path):
    """Images of one pixel that stand five and two pixels apart: the same bits"""
    rng = np.random.default_rng(1)
    sample = np.exp(1j * rng.normal(0, 0.3, (50, 50)))
    written(tmp_path / "a", sample[:45, :48], corner=(0.0, 0.0))
    written(tmp_path / "b", sample[5:, 2:], corner=(5 * PIXEL, 2 * PIXEL))
    data = opened(runs=f"{tmp_path}/*", signal="complex")
    assert data.axes[0] == "scan" and data.dtype == np.complex64
    for image in data.source.read(np.arange(2)):
        assert np.array_equal(image, sample[5:45, 2:48].astype(np.complex64))
    every = opened(runs=f"{tmp_path}/*", signal="complex", field="all")
    a, b = every.source.read(np.arange(2))
    assert every.shape == (2, 50, 50) and np.array_equal(a[5:45, 2:48], b[5:45, 2:48])


def test_scans_at_unlike_places_are_laid_middle_on_middle(tmp_path):
    written(tmp_path / "a", np.ones((40, 40)), corner=(0.0, 0.0))
    written(tmp_path / "b", np.ones((36, 44)), corner=(1.0, 0.0))
    data = opened(runs=f"{tmp_path}/*")
    assert data.shape == (2, 36, 40) and any("by their middles" in note for note in data.notes)
    with pytest.raises(DataError, match="place: middle"):
        opened(runs=f"{tmp_path}/*", place="position")


def test_maps_by_name(tmp_path):
    for k in range(3):
        folder = tmp_path / f"{k}"
        folder.mkdir()
        with h5py.File(folder / "result.h5", "w") as file:
            group = file.create_group("entry_1/Fe_K")
            file["entry_1"].attrs["default"] = "Fe_K"
            group["data"] = np.full((5, 6), float(k))
            group["data"].attrs["units"] = "counts"
            for axis, n in zip("yx", (5, 6)):
                group[axis] = np.arange(n) * 0.5
                group[axis].attrs["units"] = "um"
    folder = stage(tmp_path, ["2", "0"], [{"dose": 2.5}, {"dose": 1.0}])
    data = opened(folder)
    assert data.axes == ("dose", "y", "x") and data.unit == "counts" and data.title == "Fe K"
    assert list(data.coords["dose"][0]) == [2.5, 1.0]
    assert data.coords["x"][0] == pytest.approx(np.arange(6) * 5e-7)
    assert np.array_equal(data.source.read(np.arange(2))[:, 0, 0], [2.0, 0.0])
    with pytest.raises(DataError, match="Fe_K"):
        opened(folder, signal="Cu_K")


def test_a_run_that_does_not_know_its_angle_is_named(tmp_path):
    written(tmp_path / "a", np.ones((20, 20)), angle="3 deg")
    written(tmp_path / "b", np.ones((20, 20)))
    with pytest.raises(DataError, match=r"angle of 1 of 2 runs is not known: .*b/result\.h5"):
        opened(runs=f"{tmp_path}/*", axis="angle")
    (tmp_path / "angles.txt").write_text("a 10\nb 50\n")
    data = opened(runs=f"{tmp_path}/[ab]", angles=str(tmp_path / "angles.txt"))
    assert data.coords["angle"][0] == pytest.approx(np.deg2rad([10, 50]))


def test_a_stage_of_one_item_is_a_result(tmp_path):
    """Its folder may be named wherever a run folder may"""
    folder = written(tmp_path / "ptycho/0000", np.ones((20, 20)))
    with h5py.File(folder / "result.h5", "a") as file:
        file["entry_1/probe/data"] = np.ones((1, 8, 8), np.complex64)
    only = stage(tmp_path / "ptycho", ["0000"], [{}])
    assert result_file(only) == folder / "result.h5"
    assert read_wave(str(only), "probe").data.shape == (1, 8, 8)
    stage(tmp_path / "ptycho", ["0000", "0001"], [{}, {}])
    with pytest.raises(DataError, match="a stage of 2 items; name one"):
        result_file(only)


def test_angles_from_a_file(tmp_path):
    for k in range(1, 4):
        written(tmp_path / f"runs/run-{k}", np.ones((20, 20)))
    file, runs = tmp_path / "angles.txt", f"{tmp_path}/runs/*"
    for text, true in (
        ("# any order\nrun-3 20\nrun-1, 5\nrun-2\t10\n", [5, 10, 20]),
        ("7\n8\n9\n", [7, 8, 9]),
    ):
        file.write_text(text)
        assert np.rad2deg(opened(runs=runs, angles=str(file)).coords["angle"][0]) == pytest.approx(true)
    wrong = (
        ("7\n8\n", "2 angles for 3 runs"),
        ("run-1 x\n", "line 1 is 'run-1 x'"),
        ("run-1 3\n", "2 of 3 runs: "),
    )
    for text, words in wrong:
        file.write_text(text)
        with pytest.raises(DataError, match=words):
            opened(runs=runs, angles=str(file))


def test_the_sign_of_the_phase_is_that_of_matter(tmp_path):
    """exp(+i phase), as other conventions have it"""
    true = ball((40, 48), (4e-7, 4.8e-7))
    for k, image in enumerate((np.exp(1j * true), np.exp(1j * true))):
        written(tmp_path / f"run-{k}", image, angle=f"{60 * k + 1} deg")
    assert np.abs(opened(runs=f"{tmp_path}/*").source.read(np.arange(2)) - true).max() < 0.02


def test_attenuation_has_air_at_0(tmp_path):
    image = np.full((30, 40), 2.0)
    image[:, 15:25] *= np.exp(-0.5)
    written(tmp_path / "a", image)
    data = opened(tmp_path / "a", signal="attenuation")
    assert data.unit == "1" and data.source.read(np.arange(1))[0, 5, 20] == pytest.approx(1, abs=1e-5)


def test_files_of_others_are_named(tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 1
    with pytest.raises(DataError, match=r"0 of 1 runs.*image_1/data is missing"):
        opened(runs=f"{tmp_path}/*.h5", signal="phase")


def test_numbers_in_names_count():
    assert sorted(["run-10", "run-9", "run-1b"], key=natural) == ["run-1b", "run-9", "run-10"]
