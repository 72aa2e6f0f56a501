"""A folder with a scan file, and a function that reads a job written there."""

import pytest

from nanompi.errors import NanompiError
from nanompi.job.job import read_job

STEPS = "nanompi: 1\ninput: {file: a.scan}\nsteps:\n"


@pytest.fixture
def here(parts, tmp_path, monkeypatch):
    """The test parts are registered; the current folder is new and holds a.scan."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.scan").touch()
    return tmp_path


@pytest.fixture
def job(here):
    """job(text, *settings) -> Job; a text that starts with "  -" is the list of steps."""

    def make(text="  - use: ptycho\n", *settings, file="job.yaml"):
        (here / file).write_text(text if not text.startswith("  -") else STEPS + text)
        return read_job(file, settings)

    return make


@pytest.fixture
def faults(job):
    """faults(text, *settings) -> the lines of the error."""

    def lines(*args, **kw):
        with pytest.raises(NanompiError) as e:
            job(*args, **kw)
        return str(e.value).splitlines()

    return lines
