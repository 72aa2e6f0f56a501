"""`nanompi init METHOD`: a first job with simulated data of each method."""

import pytest

from nanompi.cli import main
from nanompi.job.starter import first_jobs
from nanompi.methods import discover

discover()


@pytest.mark.parametrize("method", first_jobs())
def test_a_first_job_of_each_method_has_no_faults(method, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["init", method]) == 0
    assert f"nanompi run -n 2 {method}.yaml" in capsys.readouterr().out
    assert main(["check", f"{method}.yaml"]) == 0
    said = capsys.readouterr().out
    reader, steps = first_jobs()[method]
    assert f"input by {reader}" in said and all(step in said for step in steps)


def test_what_is_no_method_is_the_name_of_the_job(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["init", "xyz.yaml"]) == 0
    assert "simulate: {}" in (tmp_path / "xyz.yaml").read_text()
