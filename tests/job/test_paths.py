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


READ = {  # what is read: (name of the file, section of input, step)
    "mask": ("m.npy", "simulate: {frames: 9, size: 16}", "{use: ptycho.prepare, mask: {file: m.npy}}"),
    "regions": ("r.npy", "format: xrf.simulate", "{use: xrf.fit, regions: r.npy}"),
    "dataset": ("r.h5", "format: xrf.simulate", "{use: xrf.fit, regions: r.h5:/entry/mask}"),
    "model": ("run-1", "format: xrf.simulate", "{use: xrf.fit, model: run-1}"),
    "probe": ("run-1", "format: xrf.simulate", "xrf.fit, {use: xrf.deblur, probe: run-1}"),
    "references": ("a.csv", "format: xanes.simulate", "{use: xanes.lcf, references: [a.csv]}"),
    "standard": (
        "s.mda",
        "format: xrf.simulate",
        "xrf.fit, {use: xrf.quantify, standard: {file: s.mda, areal: {Fe: 1}}}",
    ),
    "python": ("s.py", "format: xrf.simulate", '{python: "s.py:same"}'),
    "shell": ("work", "format: xrf.simulate", '{shell: "cp {in} {out}", folder: work}'),
}


@pytest.mark.parametrize("kind", READ)
def test_what_a_job_reads_is_looked_for_in_the_same_two_places(kind, tmp_path, monkeypatch):
    """Below the current folder, or beside the job; the resolved job has the whole path; what both have, of
    different files, is refused, since either may be meant"""
    name, given, step = READ[kind]
    here, beside = tmp_path / "here", tmp_path / "jobs"
    for folder in (here, beside):
        folder.mkdir()
    monkeypatch.chdir(here)
    (beside / "job.yaml").write_text(f"nanompi: 1\ninput: {{{given}}}\nsteps: [{step}]\n")
    discover()
    with pytest.raises(NanompiError, match=f"no such file: {here}/{name} nor {beside}/{name}"):
        read_job("../jobs/job.yaml")
    for folder in (beside, here):
        _put(folder / name)
        assert f"{folder}/{name}" in str(read_job("../jobs/job.yaml").resolved)
        if folder == beside:
            _away(beside / name)
    _put(beside / name)
    with pytest.raises(JobError, match="are both there: write the whole path of the one that is meant"):
        read_job("../jobs/job.yaml")
    _away(here / name)
    (here / name).symlink_to(beside / name)  # one thing by two names
    assert read_job("../jobs/job.yaml")


def _put(path):
    if path.suffix:
        path.write_text("def same(block, info):\n    return block\n")
    else:
        path.mkdir()


def _away(path):
    path.unlink() if path.suffix else path.rmdir()


def test_what_a_job_writes_goes_below_the_current_folder(job, tmp_path):
    (tmp_path / "deep").mkdir()
    job()
    (tmp_path / "job.yaml").rename(tmp_path / "deep/job.yaml")
    got = read_job("deep/job.yaml")
    assert (got.output.folder, got.run.cache) == ("runs", "kept")


def test_a_pattern_that_both_places_have_is_refused(tmp_path, monkeypatch):
    from nanompi.job.stages import read_workflow

    text = "nanompi: 1\nstages:\n  one:\n    foreach: {scan: 'scan-*.h5'}\n"
    text += "    input: {simulate: {frames: 9, size: 16}}\n"
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs/flow.yaml").write_text(f"{text}    steps: [ptycho]\n")
    (tmp_path / "jobs/scan-1.h5").touch()
    monkeypatch.chdir(tmp_path)
    discover()
    assert len(read_workflow("jobs/flow.yaml").stages[0].items) == 1
    (tmp_path / "scan-1.h5").touch()
    with pytest.raises(JobError, match="are both there: write the whole path"):
        read_workflow("jobs/flow.yaml")
