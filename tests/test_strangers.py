"""Trials of strangers: an engine, a reader of a folder, steps, each in one file that the program never saw.

Each is taken up by methods, check, schema, init, inspect, plan; tests/mpi/test_mpi_strangers.py runs them.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import plugin, strangers
from tests.patience import patience
from tests.strangers import nanompi


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A folder with a job, a measurement, and the plug-ins of strangers."""
    folder = tmp_path_factory.mktemp("strangers")
    strangers.measured(folder / "scan")
    (folder / "empty").mkdir()
    texts = {"dap": plugin.DAP, "bare": plugin.BARE, "frames": plugin.FOLDER, "count": plugin.COUNT}
    plugin.install(folder / "theirs", **texts)
    (folder / "job.yaml").write_text(strangers.JOB)
    (folder / "my_steps.py").write_text(plugin.STEPS)
    return folder


@pytest.fixture(autouse=True)
def inside(here, monkeypatch):
    """Work there."""
    monkeypatch.chdir(here)


def test_an_engine_is_fifteen_lines():
    lines = [line for line in plugin.DAP.splitlines() if line.strip()]
    assert len(lines) <= 15


def test_methods_lists_them_with_their_sentences_and_parameters():
    said = nanompi("methods").stdout
    for name, text in {
        "DAP": "Damped alternating projections: a wave goes but part of the way to its counts.",
        "my.folder": "A folder of NPY frames",
        "my.count": "Photons of the scan, over all ranks.",
    }.items():
        assert any(line.split()[:1] == [name] and text in line for line in said.splitlines()), said
    assert "part of the way" in nanompi("methods", "dap").stdout


def test_the_schema_knows_them():
    schema = json.loads(nanompi("schema").stdout)
    assert "flip" in schema["properties"]["input"]["properties"]
    assert "my.count" in schema["properties"]["steps"]["items"]["oneOf"][0]["enum"]
    assert '"DAP"' in json.dumps(schema)


def test_check_takes_them_and_tells_what_is_wrong_with_their_parameters():
    said = nanompi("check", "job.yaml", "--set", "steps.0.engines=DAP*2", "--set", "input.flip=true").stdout
    assert "input by my.folder" in said
    sets = ("--set", "steps.0.engines=[{DAP: 2, dampin: 0.3}]", "--set", "input.flip=3")
    said = nanompi("check", "job.yaml", *sets, code=2).stderr
    assert 'unknown parameter "dampin" (did you mean "damping"?)' in said
    assert "input.flip: 3 does not fit here; allowed: true or false" in said


@pytest.mark.slow
def test_a_folder_is_offered_to_readers():
    assert "my.folder" in nanompi("inspect", "scan").stdout
    nanompi("init", "made.yaml", "--from", "scan", "--force")
    assert "file: scan" in Path("made.yaml").read_text()
    said = nanompi("inspect", "empty", code=3).stderr
    assert "empty is a folder that no reader knows; name the file in it, or a reader with `format:` (" in said


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["DAP*2", "my.bare*2"])
def test_plan_foresees_what_it_can(engine):
    said = nanompi("plan", "job.yaml", "--set", f"steps.0.engines={engine}").stdout
    assert "49 frames of 32 x 32" in said and "frames each" in said


@pytest.mark.slow
def test_plan_says_what_it_cannot_foresee():
    sets = ("--set", "steps=[{use: ptycho, engines: AP*2}, my.count]")
    assert (
        "not known: what my.count needs; `nanompi bench` measures it"
        in nanompi("plan", "job.yaml", *sets).stdout
    )
    said = nanompi("plan", "job.yaml", "--set", own("drop_background"), code=2).stderr
    assert (
        "none of the steps of this job (my_steps.py:drop_background) can say beforehand what it needs" in said
    )


# ---- functions in a file of one's own ----------------------------------------------------------------------


def own(name: str) -> str:
    return f"steps=[{{python: my_steps.py:{name}}}]"


@pytest.mark.slow
def test_a_function_is_shown_and_checked_like_any_step():
    said = nanompi("methods", "my_steps.py:drop_background").stdout
    assert "Subtract from each frame the level" in said and "part of the pixels, in %" in said
    assert "a function of a block, in a file of yours" in nanompi("methods").stdout.lower()
    sets = ("--set", own("drop_background"))
    assert "my_steps.py:drop_background" in nanompi("check", "job.yaml", *sets).stdout
    said = nanompi("check", "job.yaml", *sets, "--set", "steps.python.percentile=high", code=2).stderr
    assert 'steps.python.percentile: "high" does not fit here; allowed: a number - part of the pixels' in said


def test_the_schema_takes_functions():
    from tests.job.validate import valid

    schema = json.loads(nanompi("schema").stdout)
    job = {"nanompi": 1, "input": {"file": "scan"}}
    for step, fits in (
        ({"python": "my_steps.py:f", "percentile": 3, "each": "sinogram"}, True),
        ({"use": "python", "function": "my_steps.py:f", "percentile": 3}, True),
        ({"python": "my_steps.py:f", "each": "slice"}, False),
        ({"use": "my.count", "percentile": 3}, False),
    ):
        assert valid({**job, "steps": [step]}, schema) is fits, step


@pytest.mark.slow
def test_new_step_writes_a_step_that_passes_its_own_test(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = nanompi("new-step", "clean").stdout
    assert "python -m pytest test_clean.py" in said and "- {python: clean.py:clean, percentile: 5}" in said
    assert "clean.py is there already" in nanompi("new-step", "clean", code=2).stderr
    assert '"no name" is no name of a function' in nanompi("new-step", "no name", code=2).stderr
    assert '"class" is no name of a function' in nanompi("new-step", "class", code=2).stderr
    assert "would hide the module numpy" in nanompi("new-step", "numpy", code=2).stderr
    assert tried("clean") == 0
    Path("clean.py").write_text(Path("clean.py").read_text().replace("axis=(1, 2), keepdims=True", ""))
    assert tried("clean") == 1  # the level is that of the block


@pytest.mark.slow
def test_new_step_writes_a_program_that_passes_its_own_test(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = nanompi("new-step", "--shell", "clean").stdout
    assert '- {shell: "{python} clean.py {percentile} {in} {out}", percentile: 5}' in said
    assert tried("clean") == 0
    Path("clean.py").write_text(
        Path("clean.py").read_text().replace("values - level", "values[:1] - level[:1]")
    )
    assert tried("clean") == 1  # one image for all


def tried(name: str) -> int:
    """Exit code of the test that was written."""
    words = [sys.executable, "-m", "pytest", "-q", f"test_{name}.py"]
    own = {"env": {**os.environ, "PYTHONPATH": str(strangers.ROOT)}, "timeout": patience(60)}
    return subprocess.run(words, capture_output=True, **own).returncode
