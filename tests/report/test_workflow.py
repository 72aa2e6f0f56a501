"""A workflow as a tree: what its files say, as lines, on a terminal, as a page, and by its exit code."""

import io
import json
import os
import re

import pytest
from rich.console import Console

from nanompi.cli import main
from nanompi.cluster import slurm
from nanompi.errors import JobError
from nanompi.report import workflow as flow
from nanompi.report.watch_workflow import tree
from nanompi.report.workflow_page import write
from tests.browser import SCHEMES, SEEN, page
from tests.report.workflow_folder import at_work, ended, stage, thirty, workflow


@pytest.fixture
def top(tmp_path, monkeypatch):
    """runs/tooth/workflow-0001, which is not made yet, with no Slurm in reach"""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/nowhere")
    return tmp_path / "runs/tooth/workflow-0001"


def old(folder):
    """As if it had been begun long ago"""
    os.utime(folder / "workflow.json", (1, 1))
    return folder


def states(found) -> list[str]:
    return [one["state"] for one in found["stages"]]


def test_enough_items_are_there(top):
    found = flow.read(thirty(top, 0.85))
    assert (found["state"], states(found), found["again"]) == ("working", ["done", "waiting"], "")
    ended(top / "volume/0000")
    found = flow.read(top)
    assert (found["state"], states(found), found["code"]) == ("done", ["done", "done"], 7)
    assert found["again"] == f"nanompi resume {top}" and (found["done"], found["items"]) == (28, 31)
    assert found["stages"][0]["missing"].startswith(
        "3 of 30 are missing: 0027-scan=27 (exit code 6: scan 27 "
    )


def test_too_few_items_are_there(top):
    found = flow.read(thirty(top, 0.95))
    assert (found["state"], states(found), found["code"]) == ("failed", ["failed", "failed"], 7)
    assert found["stages"][1]["message"] == "it needs 95 % of ptycho: 27 of 30 are there"
    assert flow.read(thirty(top.with_name("workflow-0002"), 0.9))["state"] == "working"  # 27 are 90 %


def test_nobody_works_on_it(top):
    """Items left, and neither a lock nor a job: what is missing is taken up by a command"""
    workflow(top, stage("fit", 3), stage("sum", 1, {"fit": 1.0}, key=""))
    ended(top / "fit/0000-scan=0")
    assert states(flow.read(top)) == ["working", "waiting"]  # it has just begun
    found = flow.read(old(top))
    assert (found["state"], states(found), found["code"]) == ("stopped", ["stopped", "stopped"], 7)
    assert found["stages"][0]["message"] == "nobody works on it" and found["again"]
    lock = top / ".lock-0001"
    lock.write_text('{"count": 3}')
    assert states(flow.read(top)) == ["working", "waiting"]
    lock.write_text('{"free": true}')
    assert states(flow.read(top)) == ["stopped", "stopped"]


def test_slurm_knows_what_waits(top):
    """Jobs are known by their scripts, by whichever link they were submitted"""
    workflow(top, stage("fit", 4), stage("sum", 1, {"fit": 0.5}, key=""))
    for name in ("fit", "sum"):
        (top / name / "stage.sbatch").touch()
        os.utime(top / name / "stage.sbatch", (1, 1))
    (top.parent / "latest").symlink_to(top.name)
    queue = {"7_2": ("RUNNING", f"{top.parent}/latest/fit/stage.sbatch"), "9": ("RUNNING", "/x/stage.sbatch")}
    queue |= {"8": ("PENDING (Dependency)", f"{top}/sum/stage.sbatch")}
    ended(top / "fit/0000-scan=0", 4)
    at_work(top / "fit/0002-scan=2", slurm_job="7_2")
    found = flow.read(old(top), queue)
    assert (found["state"], states(found), found["submitted"]) == ("working", ["working", "waiting"], True)
    assert [one["slurm"] for one in found["stages"]] == ["1 RUNNING", "1 PENDING (Dependency)"]
    assert states(flow.read(top, None)) == ["working", "waiting"]  # no answer is no reason to call it lost
    (top / "fit/0002-scan=2/status.json").unlink()
    found = flow.read(top, {})
    assert (found["state"], found["again"]) == ("stopped", f"nanompi submit {top}")
    assert found["stages"][0]["message"] == "it is not in the queue"


def test_an_item_that_is_tried_again_is_at_work(top):
    workflow(top, stage("fit", 1))
    item = ended(top / "fit/0000-scan=0", 5, "nan")
    assert flow.read(top)["stages"][0]["failed"] == 1
    at_work(item)
    assert flow.read(top)["stages"][0]["working"] == 1
    ended(item)
    (item / "result.h5").unlink()
    assert flow.read(top)["done"] == 0  # an outcome without a result is none


def test_the_code_of_a_part(top):
    """As `nanompi resume` ends: that of the items where all ended with it, 7 for a part, 75 where stopped"""
    found = flow.read(thirty(top, 0.95))
    assert flow.part_code(found, "ptycho") == 7 and flow.part_code(found, "volume") == 7
    assert [flow.part_code(found, "ptycho", k) for k in (0, 29)] == [0, 6]
    ended(top / "ptycho/0029-scan=29", 75)
    assert flow.part_code(flow.read(top), "ptycho", 29) == 75
    with pytest.raises(JobError, match=r'there is no stage "volum" \(did you mean "volume"'):
        flow.part_code(found, "volum")
    assert main(["status", "tooth", "--code", "--stage", "ptycho", "--chunk", "29"]) == 75
    assert main(["status", "tooth", "--code"]) == 0  # it goes on
    old(top)
    assert main(["status", "tooth", "--code"]) == 7 and main(["status", "tooth", "--stage", "ptycho"]) == 2


def test_the_lines_of_status_and_watch(top, capsys):
    thirty(top, 0.95)
    assert main(["status"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["tooth/workflow-0001", "failed", "27/31"]
    assert lines[2].strip() == "to take up what is missing: nanompi resume runs/tooth/workflow-0001"
    assert lines[3].split() == ["workflow-0001/ptycho", "failed", "27/30", "3", "failed"]
    assert (
        lines[4].split() == ["ptycho/0027-scan=27", "failed", "(6)"] and "scan 27 <b>is</b> empty" in lines[5]
    )
    assert lines[-2].split() == ["workflow-0001/volume", "failed", "0/1"] and "95 %" in lines[-1]
    assert main(["watch", "tooth"]) == 7
    assert capsys.readouterr().out.splitlines() == lines
    assert main(["status", "tooth", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["stages"][0]["failed"] == 3


def test_items_beyond_twenty_are_counted(top):
    lines = flow.flat([flow.read(thirty(top, 0.5, failed=26))])
    assert len(lines) == 1 + 1 + 20 + 1 + 1 and lines[22]["message"] == "and 6 more"


def test_the_tree_on_a_terminal(top):
    workflow(top, stage("fit", 4))
    ended(top / "fit/0000-scan=0")
    ended(top / "fit/0001-scan=1", 5, "a \x1b[2Jbad number")
    at_work(top / "fit/0002-scan=2")
    out = io.StringIO()
    Console(file=out, width=100).print(tree(flow.read(top)))
    text = out.getvalue()
    assert "tooth  working  1/4" in text and "1/4, 1 failed, 1 at work" in text and "━" in text
    assert "0002-scan=2  iterating  ML  3/9" in text and "0001-scan=1 (exit code 5: a" in text
    assert "\x1b[2J" not in text


BROKEN = [
    "",
    "[]",
    '{"name": "x"}',
    '{"name": "x", "stages": [{"name": "../a", "needs": {}, "items": []}]}',
    '{"name": "x", "stages": [{"name": "a", "needs": {"b": NaN}, "items": []}]}',
    "[" * 100_000,
]


@pytest.mark.parametrize("text", BROKEN)
def test_a_broken_workflow_is_lost_and_hides_no_other(top, text, capsys):
    thirty(top, 0.85)
    other = top.with_name("workflow-0002")
    other.mkdir()
    (other / "workflow.json").write_text(text)
    assert main(["status"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"workflow-0002 +lost", out) and "workflow.json cannot be read" in out and "27/30" in out
    assert main(["watch", "runs/tooth/workflow-0002"]) == 1


def test_a_stage_with_a_task_in_the_queue_is_not_over_though_all_its_items_are_there(tmp_path):
    """The task may still write the page of the workflow: `watch` waits for it"""
    top = workflow(tmp_path / "w", stage("fit", 2))
    for item in (top / "fit").iterdir():
        ended(item)
    queue = {"7_1": ("RUNNING", f"{top}/fit/stage.sbatch")}
    (top / "fit/stage.sbatch").write_text("")
    states = [flow.read(top, one)["state"] for one in (queue, {}, None)]
    assert states == ["working", "done", "done"] and flow.read(top, queue)["code"] == 0


def test_what_squeue_says(tmp_path, monkeypatch):
    program = tmp_path / "squeue"
    program.write_text(
        "#!/bin/sh\nprintf '8_1|PENDING|Resources|/a b/stage.sbatch\\n9|RUNNING|None|(null)\\n'\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert slurm.queue() == {
        "8_1": ("PENDING (Resources)", "/a b/stage.sbatch"),
        "9": ("RUNNING", "(null)"),
    }


@pytest.mark.slow
@pytest.mark.parametrize("width, scheme", SEEN)
def test_the_page_of_a_workflow(browser, top, width, scheme):
    thirty(top, 0.95)
    for name in ("0003-scan=3", "0029-scan=29"):
        (top / "ptycho" / name / "report.html").write_text("<title>one</title>")
    assert write(top) == top / "report.html"
    with page(browser, width, scheme) as seen:
        seen.page.goto((top / "report.html").as_uri())
        seen.page.wait_for_selector("body.ready")
        assert seen.said == [] and seen.faults_of_access(SCHEMES) == [] and not seen.too_wide()
        text = seen.page.inner_text("body")
        told = ["4 of 31 items have no result", f"nanompi resume {top}", "27 of 30, 3 failed", "scan=26"]
        for words in (*told, "scan 29 <b>is</b> empty", "Not begun: it needs 95 % of ptycho"):
            assert words in text, words
        assert seen.page.locator(".strip img").count() == 27 and len(seen.asked) == 1
        assert seen.page.locator(".strip a").count() == 2
        seen.page.click("text=scan=3 >> nth=0")
        assert seen.page.title() == "one"
