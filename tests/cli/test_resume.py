"""`nanompi resume`: which run is meant, what may change, what is finished."""

import os

import pytest

from nanompi.cli import main, resume


@pytest.fixture
def run(here):
    """A run folder below runs/job, with the link to it."""
    folder = here / "runs" / "job" / "run-0001"
    folder.mkdir(parents=True)
    (folder / "job.resolved.yaml").write_text((here / "job.yaml").read_text())
    (here / "runs" / "job" / "latest").symlink_to("run-0001")
    return folder


def test_a_run_is_named_by_its_folder_its_job_or_its_name(run, here):
    for name in ("runs/job/run-0001", "runs/job", "job", "runs/job/latest"):
        assert resume.found(name).resolve() == run


def test_runs_under_the_name_of_a_slurm_job_have_no_link_and_are_found(run, here):
    for number in (7, 9, 8):
        job = here / "runs" / "beam" / f"job-{number}"
        job.mkdir(parents=True)
        (job / "environment.json").touch()
        os.utime(job / "environment.json", (number, number))
    assert resume.found("beam").resolve() == resume.found("runs/beam").resolve() == job.with_name("job-9")
    assert resume.found("job").resolve() == run


def test_what_is_no_run_is_said(run, capsys):
    assert main(["resume", "jib"]) == 2
    assert "jib: there is no run; a run folder holds job.resolved.yaml" in capsys.readouterr().err


def test_only_run_may_change(run, capsys):
    assert main(["resume", "job", "--set", "steps.ptycho.probe.modes=3"]) == 2
    assert "only run.* may change" in capsys.readouterr().err


def test_a_finished_run_is_said_and_left_alone(run, capsys):
    (run / "result.h5").touch()
    assert main(["resume", "job"]) == 0 and "is finished" in capsys.readouterr().out
    assert not list(run.glob(".lock*"))
