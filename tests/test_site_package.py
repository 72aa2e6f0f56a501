"""The package of a beamline, tests/our_beamline: its steps and first jobs for whoever installs it."""

import os
import shutil
import subprocess
import tomllib
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.mpi import warm
from tests.patience import patience
from tests.readmes import ROOT, lay_entry_points

PACKAGE = Path(__file__).parent / "our_beamline"


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A folder in which the package is installed as pip would, and one beside it that cannot be imported."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(PACKAGE / "our_beamline", folder / "theirs" / "our_beamline")
    lay_entry_points(folder / "theirs", tomllib.loads((PACKAGE / "pyproject.toml").read_text()))
    (folder / "theirs" / "broken.py").write_text("import no_such_library\n")
    points = {"nanompi.methods": {"broken": "broken"}, "nanompi.templates": {"broken": "not_there.jobs"}}
    project = {"name": "broken", "version": "1", "entry-points": points}
    modules = {"setuptools": {"py-modules": ["broken", "not_there.jobs"]}}
    lay_entry_points(folder / "theirs", {"project": project, "tool": modules})
    return folder


def nanompi(here, *words, code: int = 0) -> subprocess.CompletedProcess:
    """The program in that folder, with the packages installed."""
    own = {**os.environ, "PYTHONPATH": f"{here}/theirs{os.pathsep}{ROOT}", "NANOMPI_PICTURES": "no"}
    command = warm.nanompi(*words)
    done = subprocess.run(command, cwd=here, env=own, capture_output=True, text=True, timeout=patience(60))
    assert done.returncode == code, (words, done.stdout, done.stderr)
    return done


def test_its_first_jobs_are_listed_and_what_cannot_be_had_is_named(here):
    said = nanompi(here, "init", "--list")
    line = next(line for line in said.stdout.splitlines() if line.startswith("first-look "))
    assert "A first look at a tomogram of our beamline" in line
    assert 'note: the plug-in "broken" (broken) cannot be imported: ' in said.stderr
    assert "No module named 'no_such_library'; it is left out" in said.stderr
    assert 'note: the templates "broken" (not_there.jobs) cannot be found: ' in said.stderr


def test_a_job_of_it_is_written_checked_and_run(here):
    assert "first-look.yaml is written" in nanompi(here, "init", "first-look").stdout
    said = nanompi(here, "run", "first-look.yaml").stdout
    assert "shell:head: \\x89HDF" in said or "HDF" in said
    with h5py.File(here / "runs/first-look/latest/result.h5") as file:
        values, light = file["entry_1/data/data"][()], file["entry_1/light/data"][()]
    assert values.shape == (9, 4, 16) and np.allclose(light, values.mean((1, 2)), rtol=1e-5)


@pytest.mark.slow
def test_its_steps_are_shown_and_checked_as_any(here):
    said = nanompi(here, "methods", "our.ring").stdout
    assert "part of the current lost in each projection" in said
    job = "steps=[{use: our.ring, decya: 0.1}]"
    said = nanompi(here, "check", "theirs/our_beamline/jobs/first-look.yaml", "--set", job, code=2).stderr
    assert 'unknown parameter "decya" (did you mean "decay"?)' in said
