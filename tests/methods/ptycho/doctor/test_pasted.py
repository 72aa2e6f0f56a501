"""Whoever pastes the line of the doctor into the job gets the right image."""

import re

import pytest

from nanompi.cli import main
from nanompi.methods.ptycho.compare import compare
from tests.methods.ptycho.scenes import write, wrong

JOB = """
nanompi: 1
name: pasted
input: {file: scan.cxi}
run: {device: cpu, precision: double}
steps: [{use: ptycho, engines: DM*40 ML*30}]
"""
CLOSE = 0.06  # rad; 0.3 and more without the line


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault, key, value", [("late", "lag", 1), ("early", "lag", -1), ("rotated 5", "rotate", -5)]
)
def test_the_line_mends_the_image(fault, key, value, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write(wrong(fault, 5, n=32, frames=160, photons=1e6, step=0.1), "scan.cxi")
    (tmp_path / "job.yaml").write_text(JOB)
    assert main(["geometry", "job.yaml"]) == 0
    pasted = re.findall(r"paste: (\w+): (.*?)  # input", capsys.readouterr().out)
    assert [one for one, _ in pasted] == [key]
    assert float(pasted[0][1].split()[0]) == pytest.approx(value, abs=0.4)
    assert main(["run", "job.yaml", "--set", f"input.{key}={pasted[0][1]}"]) == 0
    assert compare("runs/pasted/latest", "truth")["phase_rmse"] < CLOSE
