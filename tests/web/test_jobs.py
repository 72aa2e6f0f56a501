"""A job on the page with --jobs: checked, edited, started; and what a hostile request cannot do with it."""

import json
import os

import pytest

from nanompi.web.runs import Runs
from tests.patience import until
from tests.web.serving import Server

JOB = """nanompi: 1
name: star
input:
  simulate: {frames: 16, size: 32}
steps:
  - use: ptycho
    engines: DM*3
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    top = tmp_path_factory.mktemp("jobs") / "runs"
    (top.parent / "data").mkdir(parents=True)
    (top.parent / "data/.hidden").write_text("")
    (top.parent / "data/job.yaml").write_text(JOB)
    (top.parent / "secret").mkdir()
    (top.parent / "secret/key.h5").write_text("SECRET")
    (top.parent / "data/link").symlink_to(top.parent / "secret", target_is_directory=True)
    top.mkdir()
    with Server(top, ("--port", "0", "--jobs", "--read", str(top.parent / "data"))) as server:
        server.login()
        yield server


def checked(site, yaml=JOB, **edits):
    answer = site.ask(
        "/api/check", {"yaml": yaml, "edits": {k.replace("__", "."): v for k, v in edits.items()}}
    )
    assert answer.status == 200, answer
    return answer.tree()


def test_text_and_values_go_both_ways(site):
    """An edit changes the text; the values are those of the text; taken out, all is as it was"""
    found = checked(site)
    assert found["faults"] == [] and found["values"]["steps"] == [{"use": "ptycho", "engines": "DM*3"}]
    assert found["yaml"] == JOB and found["input"] == "simulate"
    edited = checked(site, steps__0__probe__modes="2")
    assert "    probe:\n      modes: 2\n" in edited["yaml"] and edited["faults"] == []
    back = checked(site, edited["yaml"], steps__0__probe__modes=None)
    assert back["values"] == found["values"]
    short = checked(site, "nanompi: 1\nsteps: [ptycho]\ninput: {simulate: {}}", steps__0__engines="ML")
    assert short["values"]["steps"] == [{"use": "ptycho", "engines": "ML"}]


def test_a_fault_says_which_field(site):
    found = checked(site, steps__0__probe__modes="-2")
    assert [(one["path"], one["file"], one["line"]) for one in found["faults"]] == [
        ("steps.0.probe.modes", "job.yaml", 11)]  # fmt: skip
    assert "-2 does not fit here" in found["faults"][0]["text"]
    assert checked(site, "a: [")["values"] is None


def test_odd_edits_are_refused(site):
    for edits in ({"steps.9.x": "1"}, {"name.x.y": "1"}, {"": "1"}, {"a." * 500 + "b": "1"}):
        answer = site.ask("/api/check", {"yaml": JOB, "edits": edits})
        assert answer.status in (200, 422) and b"Traceback" not in answer.body
    assert site.ask("/api/check", {"yaml": JOB, "edits": {"name": 3}}).status == 400


def test_folders_outside_are_not_shown(site):
    data = site.runs.parent / "data"
    inside = site.ask(f"/api/browse?in={data}").tree()
    assert [one["name"] for one in inside["entries"]] == ["link", "job.yaml"] and inside["above"] == ""
    for place in ("/", "/etc", f"{data}/..", f"{data}/link", "/proc/self/root", "~"):
        assert site.ask(f"/api/browse?in={place}").status == 422


def test_files_outside_are_not_read(site):
    data = site.runs.parent / "data"
    for file in (
        "/etc/passwd",
        f"{data}/../secret/key.h5",
        f"{data}/link/key.h5",
        "/dev/zero",
        "--help",
        "-",
    ):
        answer = site.ask("/api/preview", {"file": file})
        assert answer.status == 422 and b"SECRET" not in answer.body and b"root:" not in answer.body
        assert "is not below" in answer.tree()["fault"]


def test_names_never_reach_a_shell(site):
    mark = site.runs.parent / "HACKED"
    for text in (f"x; touch {mark}", f"$(touch {mark})", f"`touch {mark}`", f"\n touch {mark}"):
        site.ask("/api/preview", {"file": text})
        site.ask("/api/start", {"yaml": JOB.replace("star", json.dumps(text)), "ranks": 1, "where": "here"})
    assert not mark.exists() and not list(site.runs.glob("*touch*"))


@pytest.mark.parametrize("ranks", [0, -1, 10**6, "2", 1.5, None, True, [1]])
def test_ranks_are_a_number_that_can_be(site, ranks):
    assert site.ask("/api/start", {"yaml": JOB, "ranks": ranks, "where": "here"}).status == 400


def test_what_a_run_would_refuse_is_not_started(site):
    for yaml in ("nanompi: 1", JOB.replace("DM", "XX"), JOB.replace("star", "../../x"), "", "[", "\x00"):
        assert site.ask("/api/start", {"yaml": yaml, "ranks": 1, "where": "here"}).status in (400, 422)
    assert site.ask("/api/start", {"yaml": JOB, "ranks": 1, "where": "there"}).status == 400
    assert not list(site.runs.iterdir()) and not (site.runs.parent / "x").exists()


def test_the_script_of_slurm_is_shown(site):
    text = site.ask("/api/start", {"yaml": JOB, "ranks": 3, "where": "script"}).tree()["text"]
    assert text.startswith("#!/bin/bash") and "#SBATCH --ntasks=3" in text and "run-NNNN" in text
    assert not list(site.runs.iterdir())


@pytest.mark.slow
def test_a_plan_is_that_of_the_command(site):
    assert "memory" in site.ask("/api/plan", {"yaml": JOB, "ranks": 2}).tree()["text"]


@pytest.mark.slow
def test_a_job_starts_and_what_it_writes_is_for_its_owner_alone(site):
    """It runs on its own, in a folder that it has at once, and its files are closed to others"""
    name = site.ask("/api/start", {"yaml": JOB, "ranks": 1, "where": "here"}).tree()["run"]
    assert name == "star/run-0001"

    def status():
        return site.ask(f"/api/run/{name}").tree()["status"]

    assert status()["state"] in ("waiting", "starting", "reading", "iterating", "writing", "done")
    until(lambda: status()["state"] in ("done", "failed"), 60, lambda: str(status()))
    assert status()["state"] == "done"
    open_ones = [
        p for p in (site.runs / "star").rglob("*") if not p.is_symlink() and p.stat().st_mode & 0o077
    ]
    assert open_ones == [] and (site.runs / name / "result.h5").is_file()
    text = (site.runs / name / "job.yaml").read_text()
    assert text == JOB and os.stat(site.runs / name).st_mode & 0o777 == 0o700


FLOW = """nanompi: 1
name: two
stages:
  first:
    foreach: {seed: 1-2}
    input: {simulate: {frames: 9, size: 32, seed: "{seed}"}}
    steps: [{use: ptycho, engines: DM*1, probe: {start: aperture, aperture: 200um, focal: 500mm}}]
  second:
    needs: first
    input: {simulate: {frames: 9, size: 32}}
    steps: [{use: ptycho, engines: DM*1, probe: {start: aperture, aperture: 200um, focal: 500mm}}]
"""


@pytest.mark.slow
def test_a_workflow_is_planned_shown_and_started(site):
    """As on the command line, by `nanompi resume` of its folder"""
    assert checked(site, FLOW)["faults"] == []
    assert "first" in site.ask("/api/plan", {"yaml": FLOW, "ranks": 2}).tree()["text"]
    text = site.ask("/api/start", {"yaml": FLOW, "ranks": 1, "where": "script"}).tree()["text"]
    assert "--array=0-1 " in text and "afterany:JOB-first" in text
    bad = site.ask("/api/start", {"yaml": FLOW.replace("DM", "XX"), "ranks": 1, "where": "here"})
    assert bad.status == 422 and "job.yaml:7:" in bad.tree()["fault"]
    name = site.ask("/api/start", {"yaml": FLOW, "ranks": 1, "where": "here"}).tree()["workflow"]
    assert name == "two/workflow-0001"

    def tree():
        return site.ask(f"/api/workflow/{name}").tree()["workflow"]

    until(lambda: tree()["state"] not in ("working", "waiting"), 60, lambda: str(tree()))
    log = (site.runs / name / "start.log").read_text()
    assert (tree()["state"], tree()["done"], tree()["items"]) == ("done", 3, 3), log
    until((site.runs / name / "report.html").is_file)


@pytest.mark.slow
def test_a_run_that_cannot_begin_says_why(site):
    yaml = JOB.replace("star", "late").replace(
        "{frames: 16, size: 32}", "{frames: 16, size: 32, photons: 1e3}"
    )
    yaml += "run: {device: cuda}\n"
    name = site.ask("/api/start", {"yaml": yaml, "ranks": 1, "where": "here"}).tree()["run"]
    until(lambda: site.ask(f"/api/run/{name}").tree()["status"]["state"] == "failed", 60)
    assert site.ask(f"/api/run/{name}").tree()["status"]["message"]


@pytest.mark.slow
def test_a_run_is_found_as_soon_as_it_was_begun(tmp_path):
    """The folders are read at most once a second; not so after a run was begun from the page"""
    runs = Runs(tmp_path)
    assert runs.listed() == []
    (tmp_path / "star/run-0001").mkdir(parents=True)
    (tmp_path / "star/run-0001/status.json").write_text('{"state": "waiting"}')
    runs.begun()
    assert runs.folder("star/run-0001") == tmp_path / "star/run-0001"
