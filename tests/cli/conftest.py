"""A folder with a job of test parts; the real parts are not looked for."""

import pytest

from nanompi import methods, step


@pytest.fixture
def here(parts, tmp_path, monkeypatch):
    """The current folder: job.yaml and a.scan."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(methods, "discover", lambda: step.METHODS)
    (tmp_path / "a.scan").touch()
    (tmp_path / "sim.yaml").write_text("nanompi: 1\ninput: {simulate: {}}\nsteps: [ptycho]\n")
    (tmp_path / "job.yaml").write_text("nanompi: 1\ninput: {file: a.scan, energy: 8}\nsteps: [ptycho]\n")
    return tmp_path
