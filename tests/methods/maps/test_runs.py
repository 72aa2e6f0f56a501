"""Maps from start to end by `nanompi run`: what is said of scans that are not as they should be."""

import json

import h5py
import numpy as np
import pytest

from nanompi.cli import main
from nanompi.methods.maps.xrf.simulate import SimulateSpectra, SpectraSimulation
from nanompi.units import EV
from tests.methods.maps.read.mda_file import write_mda

NAMES = ("Fe_K/data", "Fe_K/data_errors", "Ca_K/data", "deviance/data")
SIMULATED = "{format: xrf.simulate, simulate: {rows: 6, columns: 8, detectors: 3, dead: 1, slope: 20 eV, "


def run(folder, name: str, source: str, steps: str) -> int:
    """The exit code of a job"""
    job = folder / f"{name}.yaml"
    job.write_text(f"nanompi: 1\nname: {name}\ninput: {source}\nsteps: {steps}\n")
    return main(["run", str(job), "--out", str(folder)])


def maps(folder, name: str) -> dict[str, np.ndarray]:
    """Some results of a run"""
    with h5py.File(folder / name / "latest" / "result.h5") as file:
        return {key: file[f"entry_1/{key}"][()] for key in NAMES}


@pytest.fixture(scope="module")
def scanned(tmp_path_factory):
    """A map whose file has an axis that is wrong by two, of three detectors of which one is dead; and what
    its run said"""
    import contextlib
    import io

    folder, said = tmp_path_factory.mktemp("wrong"), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        assert run(folder, "first", SIMULATED + "said: 40 eV}}", "[xrf.fit]") == 0
    return folder, said.getvalue()


def test_an_axis_that_is_wrong_by_two_is_said_and_not_used(scanned):
    """The maps go by the lines; the verdict is doubtful, with the factor"""
    folder, said = scanned
    assert "doubtful: xrf.calibrate: the file's own axis of energies is wrong by a factor 2.00" in said
    truth = (
        SimulateSpectra(simulate=SpectraSimulation(rows=6, columns=8, detectors=3, dead=1, slope=20 * EV))
        .open("", None)["data"]
        .beside["truth"]
    )
    own = maps(folder, "first")
    assert own["Fe_K/data"].mean() == pytest.approx(truth["Fe_K"].mean(), rel=0.03)


def test_spectra_are_read_once(scanned):
    """Added up for the calibration, then fitted: 6 x 8 points, three detectors of 525 channels, uint16"""
    metrics = json.loads((scanned[0] / "first" / "latest" / "metrics.json").read_text())
    assert metrics["ranks"][0]["bytes"]["load"] == 6 * 8 * 3 * 525 * 2


def test_a_dead_detector_among_several_is_left_out_with_a_message(scanned):
    folder, said = scanned
    assert "warning: xrf.prepare: detector 2 left out: it has counted nothing" in said
    with h5py.File(folder / "first" / "latest" / "result.h5") as file:
        good = file["entry_1/xrf_model/good"][()]
    assert [bool(one.any()) for one in good] == [True, True, False]


def test_the_model_of_another_run_gives_the_same_maps(scanned, capfd):
    """`xrf.fit: {model: FOLDER}`: to the bit, and nothing is calibrated"""
    folder, _ = scanned
    steps = f"[{{use: xrf.fit, model: {folder}/first/latest}}]"
    assert run(folder, "second", SIMULATED + "said: 40 eV}}", steps) == 0
    assert "xrf.calibrate" not in capfd.readouterr().out
    one, two = maps(folder, "first"), maps(folder, "second")
    assert all(np.array_equal(one[key], two[key]) for key in NAMES)


def test_maps_of_any_size_are_made_of_what_is_in_memory(scanned, monkeypatch):
    """What a step has for its own finish is no result, however large: maps are, and stand in the file"""
    folder, _ = scanned
    monkeypatch.setattr("nanompi.run.store.LARGE", 100)
    steps = f"[{{use: xrf.fit, model: {folder}/first/latest}}]"
    assert run(folder, "large", SIMULATED + "said: 40 eV}}", steps) == 0
    one, two = maps(folder, "first"), maps(folder, "large")
    assert all(np.array_equal(one[key], two[key]) for key in NAMES)


def test_a_monitor_of_zero_in_a_row_is_an_error_that_names_the_points(tmp_path, capfd):
    """Before anything is fitted; what the message says to write makes it run"""
    counts = np.random.default_rng(1).poisson(3.0, (3, 4, 2, 64)).astype(np.float32)
    beam = np.full((3, 4), 1e5)
    beam[1] = 0
    write_mda(tmp_path / "map.mda", counts, [0, 1, 2], [0, 1, 2, 3], [("2x:us_ic", beam)])
    source = f"{{file: {tmp_path}/map.mda, energy: 10 keV}}"
    assert run(tmp_path, "dark", source, "[xrf.prepare]") == 3
    said = capfd.readouterr().err
    assert "us_ic is not above 0 at 4 of 12 points ((1, 0), (1, 1), (1, 2) ...)" in said
    assert "`monitor: off`" in said and "Traceback" not in said
    assert run(tmp_path, "off", source, "[{use: xrf.prepare, monitor: off}]") == 0
