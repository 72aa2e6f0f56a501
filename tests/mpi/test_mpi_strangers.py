"""The files of strangers on real ranks: run, stopped and resumed, and what a change of their files does."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from tests import plugin, strangers

PROGRAM = Path(__file__).parent / "restart_program.py"
PROBE = "{start: aperture, aperture: 40 um, focal: 100 mm, defocus: 1 mm}"
STEPS = f"steps=[{{use: ptycho, probe: {PROBE}, engines: DAP*8}}, my.count]"


@pytest.fixture
def nanompi(mpirun_here, tmp_path, monkeypatch):
    """`nanompi(ranks, events, *words)` in a folder with a job, a measurement and plug-ins of strangers."""
    monkeypatch.chdir(tmp_path)
    texts = {"dap": plugin.DAP, "frames": plugin.FOLDER, "count": plugin.COUNT}
    monkeypatch.setenv("PYTHONPATH", str(plugin.install(tmp_path / "theirs", **texts)))
    Path("job.yaml").write_text(strangers.JOB)

    def call(ranks, events, *words, **how):
        return mpirun_here(ranks, PROGRAM, *events.split(), "--", *words, **how)

    return call


def object_of(run) -> np.ndarray:
    with h5py.File(Path(run) / "result.h5") as f:
        return f["entry_1/object/data"][()]


def test_reader_engine_and_step_of_strangers_run_stop_and_go_on(nanompi):
    photons = strangers.measured(Path("scan"))
    words = ("run", "job.yaml", "--set", STEPS)
    one = nanompi(1, "", *words, "--out", "one").stdout
    assert f"my.count: {photons} photons" in one
    nanompi(2, "USR1@4@1", *words, code=75)
    said = nanompi(2, "", "resume", "x").stdout
    assert "resumed after iteration 4" in said and f"my.count: {photons} photons" in said
    a, b = object_of("one/x/latest"), object_of("runs/x/latest")
    assert np.nanmax(abs(a - b)) < 1e-4 * np.nanmax(abs(a))  # float32, 8 iterations, other sums


@pytest.mark.parametrize("file, name", [("scan/frame-0001.npy", "scan"), ("theirs/dap.py", "dap.py")])
def test_a_file_that_changed_is_told_on_resume(nanompi, file, name):
    strangers.measured(Path("scan"))
    nanompi(1, "USR1@4@0", "run", "job.yaml", "--set", STEPS, code=75)
    if file.endswith(".npy"):
        np.save(file, np.load(file) + np.uint16(1))
    else:
        Path(file).write_text(Path(file).read_text() + "\n")
    said = nanompi(1, "", "resume", "x").stdout
    assert f"{name} has changed since the run read it" in said and "resumed after" not in said
