"""Parts of others: whose error it is, and plug-ins that cannot be imported."""

import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from nanompi import step
from nanompi.errors import DataError, StepError, complain, exit_code, explained
from nanompi.run import foreign
from nanompi.run.perform import _do
from tests import plugin
from tests.mpi import warm
from tests.patience import patience

GOOD = """
from nanompi.step import param, reader, step

@step("my.count", needs=["frames"])
def count(run, first: int = param(3, ge=1, help="how many")):
    '''Count frames.'''
"""
JOB = "nanompi: 1\ninput: {simulate: {frames: 16, size: 32}}\nsteps: [STEP]\n"


def nanompi(folder: Path, *words) -> subprocess.CompletedProcess:
    """The program where the plug-ins of a folder are installed."""
    path = f"{folder / 'theirs'}:{Path(__file__).parents[2]}"
    own = {"env": {**os.environ, "PYTHONPATH": path}, "cwd": folder, "timeout": patience(60)}
    return subprocess.run(warm.nanompi(*words), capture_output=True, text=True, **own)


@pytest.mark.parametrize(
    "text, cause",
    [
        ("import nowhere_at_all", "bad.py, line 1: ModuleNotFoundError: No module named 'nowhere_at_all'"),
        ("\nx = = 1", "bad.py, line 2: SyntaxError: invalid syntax"),
        ("import sys\n\nsys.exit(3)", "bad.py, line 3: SystemExit: 3"),
        (GOOD + "\n1 / 0", "bad.py, line 8: ZeroDivisionError: division by zero"),
        (GOOD.replace("int", '"Nowhere"'), 'bad.py: step "my.count": the type of a parameter: name'),
        (GOOD.replace("my.count", "ptycho"), 'bad.py, line 4: TypeError: two steps are called "ptycho"'),
    ],
)
def test_a_plug_in_that_cannot_be_imported_is_left_out_and_named(tmp_path, text, cause):
    plugin.install(tmp_path / "theirs", good=GOOD.replace("my.count", "my.other"), bad=text)
    (tmp_path / "fine.yaml").write_text(JOB.replace("STEP", "ptycho, my.other"))
    (tmp_path / "uses.yaml").write_text(JOB.replace("STEP", "my.count"))
    fine, uses = nanompi(tmp_path, "check", "fine.yaml"), nanompi(tmp_path, "check", "uses.yaml")
    assert fine.returncode == 0 and fine.stderr.count(cause) == 1 and "it is left out" in fine.stderr
    assert uses.returncode == 2 and 'unknown step "my.count"' in uses.stderr and cause in uses.stderr
    assert "Traceback" not in fine.stderr + uses.stderr
    shown = nanompi(tmp_path, "methods").stdout
    assert "my.other" in shown and "  my.count" not in shown and cause in shown


class Entry:
    """An entry point whose module registers one part, then fails."""

    name, value = "one", "one:parts"

    def load(self):
        step.step("my.half")(lambda run: None)
        raise ValueError("the second half")


READERS = """
from nanompi.step import param, reader

class Mine:
    @staticmethod
    def recognises(path, given):
        raise KeyError("whatever the file is")

@reader("my.raises")
class Raises(Mine):
    def open(self, file, given):
        return [][int(given.file)]

@reader("my.three")
class Three(Mine):
    def open(self, file, given):
        return 3
"""


@pytest.mark.parametrize(
    "name, code, text",
    [
        (
            "my.raises",
            6,
            'reader "my.raises" failed: FOLDER/theirs/r.py, line 12: ValueError: invalid literal',
        ),
        ("my.three", 6, 'reader "my.three" failed: it gives int in place of Data'),
        ("auto", 3, "scan.txt: no reader knows this file"),
    ],
)
def test_a_reader_of_somebody_elses(tmp_path, name, code, text):
    plugin.install(tmp_path / "theirs", r=READERS)
    (tmp_path / "scan.txt").write_text("1 2 3")
    (tmp_path / "job.yaml").write_text(
        f"nanompi: 1\ninput: {{file: scan.txt, format: {name}}}\nsteps: [ptycho]\n"
    )
    done = nanompi(tmp_path, "run", "job.yaml")
    assert done.returncode == code and text.replace("FOLDER", str(tmp_path)) in done.stderr, done.stderr
    assert done.stderr.count("Traceback") == (name == "my.raises")


def test_nothing_stays_of_a_plug_in_that_fails(monkeypatch):
    monkeypatch.setattr(foreign, "BROKEN", {})
    before = {kind: list(table) for kind, table in step.METHODS.items()}
    foreign.plug_in(Entry())
    assert {kind: list(table) for kind, table in step.METHODS.items()} == before
    assert "the second half" in foreign.left_out() and '"one" (one:parts)' in foreign.left_out()


# ---- whose error is it -------------------------------------------------------------------------------------


@pytest.fixture
def raised(parts):
    """`raised(error)`: what a foreign step of this module that raises it is told as."""

    def call(error):
        @step.step("my.raises")
        class Raises:
            def run(self, run):
                raise error

        clock = type("Clock", (), {"patient": False})
        with pytest.raises((StepError, type(error))) as caught:
            _do(type("Run", (), {"control": None, "clock": clock}), 0, [Raises()])
        return caught.value

    return call


@pytest.mark.parametrize("error", [ValueError("bad"), KeyError("x"), SystemExit(42), RecursionError()])
def test_an_error_of_a_foreign_step_is_code_6_with_its_lines_alone(raised, error, capfd):
    error = raised(error)
    assert exit_code(error) == 6 and isinstance(error, StepError)
    complain(error, error.__traceback__)
    said = capfd.readouterr().err
    assert 'nanompi: step "my.raises" failed: ' in said and f"{Path(__file__)}, line " in said
    assert said.count("File ") == 1 and said.startswith("Traceback (most recent call last):\n  File ")


def test_errors_with_codes_of_ours_keep_them_in_a_foreign_step(raised):
    assert exit_code(raised(DataError("no frames"))) == 3
    assert exit_code(raised(MemoryError())) == 4
    assert exit_code(raised(KeyboardInterrupt())) == 130


def test_an_error_of_ours_stays_an_internal_one(raised, capfd):
    with pytest.raises(AttributeError) as caught:
        _do(None, 0, [None])
    assert exit_code(caught.value) == 1 and explained(caught.value) is caught.value
    complain(caught.value, caught.value.__traceback__)
    assert "internal error, please report it" in capfd.readouterr().err


def test_what_is_foreign():
    assert not foreign.foreign(foreign.StepError) and foreign.foreign(Entry) and foreign.foreign(Entry())


def test_the_working_folder_is_the_same_after_a_step_that_left_it(tmp_path, monkeypatch):
    """The paths of job and run folder count from there: the result would have had no place."""
    from nanompi.run import perform as run

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run, "foreign", lambda _: True)
    step = SimpleNamespace(run=lambda _: os.chdir("/"))
    run._do(SimpleNamespace(control=None, clock=SimpleNamespace(patient=False)), 0, [step])
    assert Path.cwd() == tmp_path
