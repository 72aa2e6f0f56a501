"""NANOMPI_PICTURES=no: no matplotlib, no previews, and the report says so; they can be drawn later."""

import os
import subprocess
import sys

import pytest

from nanompi.cli import main
from nanompi.run.switches import PICTURES, on

JOB = """\
nanompi: 1
name: small
input: {simulate: {frames: 16, size: 32}}
steps: [{use: ptycho, engines: DM*2}]
"""
PROGRAM = """
import sys
from nanompi.cli import main
code = main(sys.argv[1:])
sys.exit(code or 9 * ("matplotlib" in sys.modules))
"""


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A run without pictures, in a process of its own"""
    here = tmp_path_factory.mktemp("bare")
    (here / "job.yaml").write_text(JOB)
    command = [sys.executable, "-c", PROGRAM, "run", "job.yaml"]
    environment = os.environ | {"NANOMPI_PICTURES": "no"}
    done = subprocess.run(command, cwd=here, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return here / "runs/small/run-0001"


@pytest.mark.slow
def test_a_run_without_pictures_says_so_and_they_can_be_drawn_later(bare, capsys):
    assert not (bare / "previews").exists()
    text = (bare / "report.html").read_text()
    assert "none (NANOMPI_PICTURES=no)" in text and '"images": [{' in text
    assert main(["report", "--pictures", str(bare)]) == 0
    assert (bare / "previews/overview.png").stat().st_size > 10_000
    assert f"{bare}/previews/phase.png\n" in capsys.readouterr().out
    assert "NANOMPI_PICTURES" not in (bare / "report.html").read_text()


@pytest.mark.parametrize("value, drawn", [("no", False), ("0", False), ("yes", True), ("", True)])
def test_the_values_of_the_switch(monkeypatch, value, drawn):
    monkeypatch.setenv(PICTURES, value)
    assert on(PICTURES) == drawn
    monkeypatch.delenv(PICTURES)
    assert on(PICTURES)


def test_pictures_are_of_one_run_that_has_a_result(bare, tmp_path, capsys):
    assert main(["report", "--pictures", str(bare), str(bare)]) == 2
    assert "--pictures: of one run; 2 are named" in capsys.readouterr().err
    (tmp_path / "job.resolved.yaml").write_text("nanompi: 1\n")
    assert main(["report", "--pictures", str(tmp_path)]) == 3
    assert "there is no result.h5" in capsys.readouterr().err
