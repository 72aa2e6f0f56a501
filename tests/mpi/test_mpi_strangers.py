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
    texts = {"dap": plugin.DAP, "frames": plugin.FOLDER, "stack": plugin.STACK, "count": plugin.COUNT}
    monkeypatch.setenv("PYTHONPATH", str(plugin.install(tmp_path / "theirs", **texts)))
    Path("job.yaml").write_text(strangers.JOB)
    Path("my_steps.py").write_text(plugin.STEPS)

    def call(ranks, events, *words, **how):
        return mpirun_here(ranks, PROGRAM, *events.split(), "--", *words, **how)

    return call


def object_of(run) -> np.ndarray:
    with h5py.File(Path(run) / "result.h5") as f:
        return f["entry_1/object/data"][()]


@pytest.mark.slow
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


@pytest.mark.slow
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


# ---- functions in a file of one's own ----------------------------------------------------------------------


def own(name: str, more: str = "") -> str:
    return f"steps=[{{python: my_steps.py:{name}}}{more}]"


def kept(run) -> np.ndarray:
    """The data as `my.keep` of all ranks left them."""
    parts = [np.load(f) for f in Path(run).glob("part-*.npz")]
    values = np.concatenate([p["values"] for p in parts])
    return values[np.argsort(np.concatenate([p["numbers"] for p in parts]))]


@pytest.mark.parametrize(
    "name, line, text",
    [
        ("fails", "raise ValueError", "ValueError: nothing to divide by"),
        ("writes", "block += 1", "read-only"),
        ("normalise", "", "normalise takes statistics over its block, or draws random numbers"),
        ("few", "", "it gives an array of the shape (1, 32, 32) for a block of"),
        ("flat", "", "its block gives data of the shape (5, 32), uint64, not (5 items, row, column)"),
    ],
)
def test_a_function_that_fails_is_code_6_with_the_users_lines_alone(nanompi, name, line, text):
    strangers.measured(Path("scan"), 10)
    said = nanompi(2, "", "run", "job.yaml", "--set", own(name), code=6).stderr
    assert f'step "my_steps.py:{name}" failed: ' in said and text in said, said
    assert said.count("Traceback") <= 2 and "nanompi/" not in said.replace(str(Path.cwd()), "")
    if line:
        number = next(i for i, at in enumerate(plugin.STEPS.splitlines(), 1) if line in at)
        assert f"{Path('my_steps.py').absolute()}, line {number}: " in said


@pytest.mark.slow
def test_a_function_gives_the_same_bits_on_1_2_3_ranks(nanompi):
    strangers.measured(Path("scan"), 10)
    for n in (1, 2, 3):
        nanompi(n, "", "run", "job.yaml", "--set", own("drop_background", ", my.keep"), "--out", f"on-{n}")
    frames = np.stack([np.load(f) for f in sorted(Path("scan").glob("*.npy"))])
    level = np.percentile(frames, 5, axis=(1, 2), keepdims=True)
    for n in (1, 2, 3):
        assert np.array_equal(kept(f"on-{n}/x/latest"), (frames - level).astype(np.float32))
    assert Path("on-2/x/latest/code/my_steps.py").read_text() == plugin.STEPS


@pytest.mark.slow
def test_a_reader_of_anything_with_axes_and_a_function_of_sinograms(nanompi):
    """7 projections of 5 x 6: each rank holds projections, then rows"""
    Path("turned").mkdir()
    values = np.random.default_rng(2).normal(size=(7, 5, 6)).astype(np.float32)
    for angle, one in zip(np.arange(7) * 30.5, values):
        np.save(f"turned/angle-{angle:05.1f}.npy", one)
    job = (
        "nanompi: 1\nname: x\ninput: {file: turned}\nsteps: [{python: my_steps.py:centred, each: sinogram}]\n"
    )
    Path("job.yaml").write_text(job)
    assert "input by my.stack" in nanompi(1, "", "check", "job.yaml").stdout
    bits = set()
    for n in (1, 2, 3):
        nanompi(n, "", "run", "job.yaml", "--out", f"on-{n}")
        with h5py.File(f"on-{n}/x/latest/result.h5") as f:
            got, angle = f["entry_1/data/data"][()], f["entry_1/data/angle"][()]
        bits.add(got.tobytes())
        got = np.moveaxis(got, 0, 1)  # what was walked over, the rows, stands in front
        assert abs(got - (values - values.mean(0))).max() < 1e-6  # another order of the sum
        assert np.allclose(angle, np.radians(np.arange(7) * 30.5))
    assert len(bits) == 1
