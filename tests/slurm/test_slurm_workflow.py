"""A workflow as jobs of Slurm: a share of the items is enough, what is missing is taken up, tasks come back.

30 items in three tasks, of which three fail; a stage that needs 85 % of them, and one that needs 95 %.
"""

import json
import re
from pathlib import Path

import pytest

STEPS = '''
import os, time

def some(block, info, scan=0):
    """Scans 27 to 29 cannot be had before somebody has mended them; scan 5 waits"""
    while scan == 5 and not os.path.exists("{top}/go"):
        time.sleep(0.05)
    if scan > 26 and not os.path.exists("{top}/mended"):
        raise ValueError(f"scan {{scan}} is empty")
    return block

def held(block, info):
    """Waits where it is asked to"""
    while os.path.exists("{top}/hold"):
        time.sleep(0.05)
    return block
'''
WORKFLOW = """nanompi: 1
name: tooth
run: {threads: 1}
stages:
  angles:
    foreach: {scan: 0-29}
    chunk: 10
    slurm: {time: 5min}
    input: {format: tomo.simulate, simulate: {angles: 4, size: 16, rows: 2}}
    steps: [{python: "steps.py:some", scan: "{scan}"}]
  most:
    needs: {angles: 0.85}
    input: {format: tomo.simulate, simulate: {angles: 4, size: 16, rows: 2}}
    steps: [tomo.flat]
  all:
    needs: {angles: 0.95}
    slurm: {ranks: 2, nodes: 2}
    input: {format: tomo.simulate, simulate: {angles: 4, size: 16, rows: 2}}
    steps: [{python: "steps.py:held"}]
"""
THREE = ("0027-scan=27", "0028-scan=28", "0029-scan=29")


def jobs(told: str) -> dict[str, str]:
    """{stage: number of its job} as submit tells them"""
    return {stage: job for job, stage in re.findall(r"^job +(\d+): tooth, (\w+):", told, re.M)}


def results(folder: Path) -> dict[str, int]:
    """When the result of each item was written"""
    return {path.parent.name: path.stat().st_mtime_ns for path in folder.glob("angles/*/result.h5")}


@pytest.fixture
def workflow(slurm):
    """The user with the file of the workflow; one rank for each item"""
    (slurm.folder / "steps.py").write_text(STEPS.format(top=slurm.folder))
    (slurm.folder / "workflow.yaml").write_text(WORKFLOW)
    (slurm.folder / "site.yaml").write_text("ranks: 1\n")
    slurm.environ["NANOMPI_PICTURES"] = "no"
    return slurm


def requeued(slurm, job: str):
    """A task back in the queue, as when its node is wanted for something else"""
    slurm.shell(f"scontrol requeue {job}")
    slurm.until(lambda: slurm.facts(job)["Restarts"] == "1", 20)


def test_thirty_items_of_which_three_fail(workflow):
    slurm = workflow
    told = slurm.shell("nanompi submit workflow.yaml --site site.yaml")
    job, folder = jobs(told), slurm.folder / "runs/tooth/workflow-0001"
    assert "angles: 30 of 30 items in 3 tasks" in told and "most: one task, behind angles" in told
    first = f"{job['angles']}_0"
    slurm.until(lambda: (folder / "angles/0004-scan=4/outcome.json").is_file(), 60)
    twice = slurm.shell("nanompi submit runs/tooth/latest --site site.yaml", code=2)
    assert f"stage angles is in the queue as job {job['angles']}" in twice
    status = slurm.shell("nanompi status runs/tooth/workflow-0001")
    assert re.search(r"workflow-0001/all +waiting +0/1 +1 PENDING \(Dependency\)", status), status
    before = results(folder)
    requeued(slurm, first)
    (slurm.folder / "go").touch()
    assert slurm.ended(job["all"], 90) == ("FAILED", "7:0"), slurm.logs()
    # A task that was begun anew has done no item twice.
    assert {name: results(folder)[name] for name in before} == before and len(before) >= 5
    assert slurm.facts(first)["TimeLimit"] == "00:05:00" and len(results(folder)) == 27
    assert slurm.ended(first) == ("COMPLETED", "0:0") and slurm.ended(job["most"]) == ("COMPLETED", "0:0")
    assert slurm.ended(f"{job['angles']}_2") == ("FAILED", "7:0")
    most, every = ((folder / f"{name}/slurm-0.log").read_text() for name in ("most", "all"))
    assert all(name in most.split("goes on without")[1] for name in THREE) and "0000: done" in most
    assert "all needs 0.95 of angles: 27 of 30 items are there" in every
    assert all(name in every for name in THREE) and f"nanompi submit {folder}\n" in every
    assert "Traceback" not in most + every

    slurm.until(lambda: not slurm.shell("squeue --noheader --me"), 20)
    status = slurm.shell("nanompi watch runs/tooth/workflow-0001", code=7)
    assert re.search(r"workflow-0001 +failed +28/32\n +to take up what is missing: nanompi submit", status)
    assert re.search(r"0001/angles +failed +27/30 +3 failed", status) and all(n in status for n in THREE)
    assert "it needs 95 % of angles: 27 of 30 are there" in status

    before = results(folder)
    (slurm.folder / "mended").touch()
    (slurm.folder / "hold").touch()
    told = slurm.shell("nanompi submit runs/tooth/workflow-0001 --site site.yaml")
    again = jobs(told)
    assert list(again) == ["angles", "most", "all"] and "angles: 3 of 30 items in 1 task\n" in told
    begun = lambda: (folder / "all/0000/status.json").is_file()  # noqa: E731
    slurm.until(lambda: begun() and '"working"' in (folder / "all/0000/status.json").read_text(), 60)
    requeued(slurm, again["all"])
    (slurm.folder / "hold").unlink()
    assert slurm.ended(again["all"], 60) == ("COMPLETED", "0:0"), slurm.logs()
    after = results(folder)
    assert slurm.ended(again["most"], 60) == ("COMPLETED", "0:0")  # it was made of 27
    assert "most: made anew: 0027-scan=27, 0028-scan=28, 0029-scan=29 are there now" in (
        (folder / "most/slurm-0.log").read_text()
    )
    assert len(after) == 30 and {name: after[name] for name in before} == before
    found = json.loads(slurm.shell("nanompi status runs/tooth/workflow-0001 --json --code"))[0]
    assert (found["state"], found["code"], found["done"], found["again"]) == ("done", 0, 32, "")
    assert "all items are there" in slurm.shell("nanompi submit runs/tooth/workflow-0001")
