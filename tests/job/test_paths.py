"""$VARIABLES and ~ in the paths of a job; the expanded name is what messages and the resolved job say."""

import numpy as np
import pytest

from nanompi.errors import JobError, NanompiError
from nanompi.job.job import read_job
from nanompi.methods import discover

JOB = """
nanompi: 1
name: x
input: {simulate: {frames: 9, size: 16}}
steps:
  - use: ptycho.prepare
    mask: {file: "%s"}
  - ptycho
output: {folder: "%s"}
run: {cache: "%s"}
"""


@pytest.fixture
def job(tmp_path, monkeypatch):
    """job(mask, folder, cache, before) -> the checked job"""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCANS", str(tmp_path / "far"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("NOWHERE", raising=False)
    for folder in ("far", "home"):
        (tmp_path / folder).mkdir()
        np.save(tmp_path / folder / "m.npy", np.ones((16, 16)))
    discover()

    def make(mask="$SCANS/m.npy", folder="runs", cache="kept", before=""):
        (tmp_path / "job.yaml").write_text(before + JOB % (mask, folder, cache))
        return read_job("job.yaml")

    return make


@pytest.mark.parametrize("mask", ["$SCANS/m.npy", "${SCANS}/m.npy", "~/m.npy"])
def test_files_and_folders(job, tmp_path, mask):
    got = job(mask, "$SCANS/runs", "~/kept")
    home = tmp_path / ("home" if mask.startswith("~") else "far")
    assert next(s for s in got.steps if s.name == "ptycho.prepare").mask.file == str(home / "m.npy")
    assert got.output.folder == str(tmp_path / "far/runs") and got.run.cache == str(tmp_path / "home/kept")
    assert got.resolved["output"]["folder"] == str(tmp_path / "far/runs")


def test_what_is_not_there_is_named_as_it_was_looked_for(job, tmp_path):
    with pytest.raises(
        NanompiError, match=rf"no such file: {tmp_path}/far/n.npy \(did you mean \"m.npy\"\?\)"
    ):
        job("$SCANS/n.npy")


@pytest.mark.parametrize("place", ["mask", "folder", "cache", "before"])
def test_a_variable_that_is_not_set_is_a_fault(job, place):
    text = "extends: $NOWHERE/base.yaml\n" if place == "before" else "$NOWHERE/m.npy"
    with pytest.raises(JobError, match=r"job.yaml:\d+:\d+: .*\$NOWHERE is not set; set it \(export NOWHERE="):
        job(**{place: text})


def test_a_base_by_a_variable(job, tmp_path):
    (tmp_path / "far" / "base.yaml").write_text("run: {threads: 1}\n")
    assert job(before="extends: $SCANS/base.yaml\n").run.threads == 1


def test_a_file_with_a_dollar_in_its_name(job, tmp_path):
    np.save(tmp_path / "$a.npy", np.ones((16, 16)))
    assert next(s for s in job("$a.npy").steps if s.name == "ptycho.prepare").mask.file.endswith("/$a.npy")
