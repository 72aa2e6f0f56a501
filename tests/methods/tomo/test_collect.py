"""Results of ptychography runs as a tomogram."""

import json
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from nanompi.errors import DataError
from nanompi.methods.tomo.collect import Collect, in_order
from tests.methods.tomo.shaken import Shaken

PIXEL = 2e-8


def written(folder: Path, image, angle=None, pixel=PIXEL, seen=None) -> Path:
    """A run folder whose result has what is needed of one"""
    folder.mkdir(parents=True)
    with h5py.File(folder / "result.h5", "w") as file:
        entry = file.create_group("entry_1")
        entry["image_1/data"] = image.astype(np.complex64)
        entry["image_1/mask"] = np.ones(image.shape, np.uint8) if seen is None else seen
        entry["object/pixel_size"] = np.array([pixel, pixel])
        entry["instrument_1/source_1/energy"] = 1.28e-15
        entry["process_1/job/data"] = json.dumps({"input": {"angle": angle}} if angle else {})
    return folder


def collected(pattern: str, **more):
    return Collect(runs=pattern, **more).open("", SimpleNamespace())["data"]


def scans(folder: Path, count=4, size=40, **more) -> Shaken:
    """run-1, run-2 ... in `folder`, at angles over a half turn"""
    scene = Shaken.of(size, count, 2, balls=10)
    for k, image in enumerate(scene.images(0.0)):
        written(folder / f"run-{k + 1}", image, f"{180 * k / count:g} deg", **more)
    return scene


def test_angles_pixel_and_line_integrals_come_from_the_results(tmp_path):
    scene = scans(tmp_path, 12)
    data = collected(f"{tmp_path}/run-*")
    assert data.axes == ("angle", "row", "column") and data.unit == "rad" and data.shape == (12, 40, 40)
    assert data.coords["angle"][0] == pytest.approx(scene.angles)
    assert data.facts == {"pixel": PIXEL, "energy": 1.28e-15}
    lines = data.source.read(np.array([11, 3]), 2)
    assert lines.dtype == np.float32 and np.abs(lines - scene.lines[[11, 3]]).max() < 0.1


def test_the_sign_of_the_phase_is_that_of_matter(tmp_path):
    """exp(-i phase), as other conventions have it"""
    scene = Shaken.of(40, 3, 2, balls=10)
    for k, image in enumerate(scene.images(0.0)):
        written(tmp_path / f"run-{k}", image.conj(), f"{60 * k + 1} deg")
    lines = collected(f"{tmp_path}/*").source.read(np.arange(3))
    assert np.abs(lines - scene.lines).max() < 0.1


def test_amplitudes_are_attenuation(tmp_path):
    image = np.full((30, 40), 2.0)
    image[:, 15:25] *= np.exp(-0.5)
    for k in range(3):
        written(tmp_path / f"run-{k}", image, f"{60 * k + 1} deg")
    data = collected(f"{tmp_path}/*", quantity="amplitude")
    assert data.unit == "1" and data.source.read(np.array([1]))[0, 5, 20] == pytest.approx(1, abs=1e-5)


def test_images_are_cut_to_the_size_of_all(tmp_path):
    scene = Shaken.of(40, 3, 2, jitter=0, balls=10)
    for k, image in enumerate(scene.images(0.0)):
        written(tmp_path / f"run-{k}", image[k : 40 - k, 2 * k : 40 - 2 * k], f"{60 * k + 1} deg")
    data = collected(f"{tmp_path}/*")
    assert data.shape == (3, 36, 32) and "are cut" in data.notes[0]
    assert np.abs(data.source.read(np.arange(3)) - scene.lines[:, 2:-2, 4:-4]).max() < 0.3


def test_angles_from_a_file(tmp_path):
    scans(tmp_path / "runs", 3)
    file = tmp_path / "angles.txt"
    file.write_text("# by name, in any order\nrun-3 20\nrun-1, 5\nrun-2\t10\n")
    assert np.rad2deg(collected(f"{tmp_path}/runs/*", angles=str(file)).coords["angle"][0]) == pytest.approx(
        [5, 10, 20]
    )
    file.write_text("7\n8\n9\n")
    assert np.rad2deg(collected(f"{tmp_path}/runs/*", angles=str(file)).coords["angle"][0]) == pytest.approx(
        [7, 8, 9]
    )
    for text, words in (("7\n8\n", "2 angles for 3 runs"), ("run-1 x\n", "line 1 is 'run-1 x'")):
        file.write_text(text)
        with pytest.raises(DataError, match=words):
            collected(f"{tmp_path}/runs/*", angles=str(file))


def test_runs_without_a_result_are_named_and_counted(tmp_path):
    scans(tmp_path, 4)
    (tmp_path / "run-5").mkdir()
    with pytest.raises(DataError, match=r"4 of 5 runs have a result, 95% are needed.*run-5"):
        collected(f"{tmp_path}/run-*")
    data = collected(f"{tmp_path}/run-*", needs=0.8)
    assert data.size("angle") == 4 and "run-5" in data.notes[0]


@pytest.mark.parametrize(
    "fault, words",
    [
        ({"pixel": PIXEL * 1.001}, r"pixels differ by more than 0.0001.*odd"),
        ({"angle": None}, r"angle of 1 of 4 runs is not known: .*odd"),
    ],
)
def test_a_run_that_does_not_fit_is_named(tmp_path, fault, words):
    scans(tmp_path, 3)
    written(tmp_path / "odd", np.ones((40, 40)), **({"angle": "1 deg"} | fault))
    with pytest.raises(DataError, match=words):
        collected(f"{tmp_path}/*")


def test_a_pattern_of_nothing_and_a_file_of_others(tmp_path):
    with pytest.raises(DataError, match="names no run folder"):
        collected(f"{tmp_path}/none-*")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 1
    with pytest.raises(DataError, match=r"0 of 1 runs.*image_1/data is missing"):
        collected(f"{tmp_path}/*.h5")


def test_numbers_in_names_count():
    assert sorted(["run-10", "run-9", "run-1b"], key=in_order) == ["run-1b", "run-9", "run-10"]
