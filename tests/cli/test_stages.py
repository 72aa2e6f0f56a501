"""`run`, `resume`, `check` and `plan` of a workflow in one process: what they say, and the folder."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nanompi.cli import main
from nanompi.errors import DataError, JobError
from nanompi.report.workflow import is_workflow
from nanompi.run.lock import Lock
from nanompi.workflow.stages.folder import job_of, read
from nanompi.workflow.stages.needs import unmet
from nanompi.workflow.stages.plan import whole
from nanompi.workflow.stages.work import Part, Voice, command, end, group_number
from tests.patience import patience

STEPS = '''
def add(block, info, number=0, bad=(0,)):
    """Adds a number."""
    if number in bad:
        raise ValueError(f"{number} is bad")
    return block + number
'''
JOB = """nanompi: 1
name: w
run: {threads: 1}
stages:
  one:
    foreach: {k: 1-3}
    chunk: 2
    input: {format: tomo.simulate, simulate: {angles: 4, size: 16, rows: 2, photons: 1e3}}
    steps: [{python: steps.py:add, number: "{k}", bad: [2]}]
  two:
    needs: {one: 0.9}
    input: {format: tomo.simulate, simulate: {angles: 4, size: 16, rows: 2, photons: 1e3}}
    steps: [{python: steps.py:add, number: 7}]
"""
W = Path("runs/w/workflow-0001")


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A folder in which the workflow was run: its second item failed, and its second stage was not begun."""
    folder, before = tmp_path_factory.mktemp("w"), os.getcwd()
    os.chdir(folder)
    names = [n for n in os.environ if n.startswith(("PMI", "OMPI_", "SLURM_"))]
    with pytest.MonkeyPatch.context() as patch:
        for name in names:
            patch.delenv(name)
        (folder / "w.yaml").write_text(JOB)
        (folder / "steps.py").write_text(STEPS)
        assert main(["run", "w.yaml"]) == 7
        yield folder
    os.chdir(before)


def said(capsys, *words) -> tuple[int, str, str]:
    code = main(list(map(str, words)))
    told = capsys.readouterr()
    return code, told.out, told.err


@pytest.mark.slow
def test_what_is_there_after_a_run_in_which_an_item_failed(here):
    found = read(W)
    assert is_workflow(W) and Path("runs/w/latest").resolve() == W.resolve()
    one, two = found.stages
    assert [t.outcome().get("code") for t in one.tasks] == [0, 6, 0] and one.numbers() == [0, 1]
    assert [t.path.name for t in one.missing()] == ["0001-k=2"] and one.tasks[1].values == {"k": 2}
    (line,) = unmet(found, two)
    assert line.startswith("two needs 0.9 of one: 2 of 3 items are there; missing: 0001-k=2 (exit code 6: ")
    assert not two.tasks[0].outcome()
    items = json.loads((W / "one/items.json").read_text())
    assert items["foreach"] == ["k"] and items["items"][2] == {"folder": "0002-k=3", "values": {"k": 3}}
    job = job_of(found, one, one.tasks[2])
    assert (job.name, job.run.threads, job.text) == ("w one 0002-k=3", 1, JOB)


@pytest.mark.slow
def test_resume_says_what_is_missing_and_how_to_go_on(here, capsys):
    code, out, err = said(capsys, "resume", "w")
    assert code == 7 and "one: 1 item, 2 of 3 are done" in out and "two is not begun" in out
    assert "2 of 4 items have no result, the others are done" in err and f"{W}\n" in err
    assert (
        said(capsys, "resume", W, "--stage", "two")[0] == 7
    )  # its items were not begun: no code of their own
    code, out, err = said(capsys, "resume", W, "--stage", "one", "--chunk", 1)
    assert (code, out, err) == (0, "one: all is done\n", "")
    code, out, _ = said(capsys, "resume", W, "--stage", "one", "--chunk", 0, "--json")
    events = [json.loads(line) for line in out.splitlines()]
    assert code == 7 and [e["event"] for e in events] == ["stage", "item", "file"]
    assert events[1]["code"] == 6 and events[2]["path"].endswith("report.html")
    with Lock(W):
        assert said(capsys, "resume", W)[0] == 4


@pytest.mark.parametrize(
    "words, why",
    [
        (("--stage", "tow"), 'no stage "tow" (did you mean "two"?); allowed: one, two'),
        (("--stage", "one", "--chunk", "2"), "--chunk 2: one has the chunks 0 to 1"),
        (("--chunk", "2"), "of which stage?"),
        (("--set", "run.threads=2"), "the jobs of a workflow stay as they are"),
    ],
)
@pytest.mark.slow
def test_what_resume_refuses(here, capsys, words, why):
    code, _, err = said(capsys, "resume", W, *words)
    assert code == 2 and why in err


@pytest.mark.slow
def test_a_folder_holds_one_workflow(here, capsys):
    for sets, why in (
        (["stages.one.foreach.k=1-4"], "another workflow is there"),
        (["stages.two.steps.python.number=8"], "was begun with other values"),
    ):
        code, _, err = said(capsys, "run", "w.yaml", "--folder", W, *(w for s in sets for w in ("--set", s)))
        assert code == 2 and why in err
    assert (W / "job.yaml").read_text() == JOB
    code, _, err = said(capsys, "run", "w.yaml", "--folder", here)
    assert code == 2 and "not empty and holds no workflow" in err
    resolved = W / "two/0000/job.resolved.yaml"
    text = resolved.read_text()
    resolved.write_text(text.replace("number: 7", "number: 9"))
    found = read(W)
    with pytest.raises(Exception, match="changed by hand"):
        job_of(found, found.stages[1], found.stages[1].tasks[0])
    resolved.unlink()
    with pytest.raises(JobError, match="is gone"):
        job_of(found, found.stages[1], found.stages[1].tasks[0])
    resolved.write_text(text)


@pytest.mark.slow
def test_a_result_whose_outcome_was_not_noted_is_not_made_again(here, capsys):
    """Killed between result.h5 and outcome.json; one that failed and was begun again has neither"""
    task = read(W).stages[0].tasks[0]
    inode = (task.path / "result.h5").stat().st_ino
    (task.path / "outcome.json").unlink()
    code, out, _ = said(capsys, "resume", W, "--stage", "one", "--chunk", 0)
    assert code == 7 and "one: 1 item, 1 of 2 are done" in out
    assert (task.path / "result.h5").stat().st_ino == inode and task.done()


@pytest.mark.slow
def test_check_and_plan(here, capsys):
    code, out, _ = said(capsys, "check", "w.yaml")
    assert code == 0 and "one: 3 items in 2 chunks; input by tomo.simulate, steps steps.py:add" in out
    assert "two: 1 item; needs 0.9 of one" in out
    code, out, _ = said(capsys, "check", "w.yaml", "--json")
    assert code == 0 and [s["items"] for s in json.loads(out)["stages"]] == [3, 1]
    code, out, _ = said(capsys, "check", "w.yaml", "--resolved", "--no-data")
    assert code == 0 and "number: 7" in out
    code, out, _ = said(capsys, "plan", "w.yaml")
    assert code == 0 and "one: 3 items: not known beforehand: none of the steps" in out
    tomo = "stages.two.steps=[tomo.flat, tomo]"
    code, out, _ = said(capsys, "plan", "w.yaml", "--ranks", "2", "--set", tomo)
    assert code == 0 and "two: 1 item, 1 at once on 2 ranks each: 0:00:" in out
    assert "in all 0:00:" in out and "and what 1 stage will need" in out
    for verb in ("sweep", "submit", "bench"):
        if verb != "submit":
            code, _, err = said(capsys, verb, "w.yaml")
            assert code == 2 and "this is a workflow" in err


def test_groups_of_ranks_and_the_time_of_a_stage(tmp_path):
    from nanompi.job.stages import Item, Stage

    items = [Item(k, f"{k:04d}", {}, k // 2) for k in range(5)]
    stage = Stage("a", items=items, group=2, at_once=None)
    assert [group_number(n, stage, 3) for n in (1, 2, 3, 4, 8, 100)] == [1, 1, 1, 2, 3, 3]
    stage.at_once = 2
    assert group_number(100, stage, 3) == 2
    assert whole(stage, 2, 10.0) == 30.0 and whole(stage, 1, 10.0) == 50.0  # chunks of 2, 2, 1
    stage.group = None
    assert group_number(8, stage, 3) == 1


def test_what_is_no_folder_of_a_workflow_is_an_error_of_the_data(tmp_path):
    good = {"number": 0, "folder": "0000", "values": {}, "chunk": 0}
    head = {"name": "a", "needs": {}, "group": None, "at_once": None, "slurm": {}, "items": [good]}
    (tmp_path / "workflow.json").write_text(json.dumps({"name": "w", "stages": [head]}))
    folder = read(tmp_path)
    with pytest.raises(JobError, match="--chunk 1: a has the chunks 0 to 0"):
        Part(folder, "a", 1)
    with pytest.raises(Exception, match="1 of 1 items have no result, none is done") as error:
        end(Part(folder), command(tmp_path))
    assert error.value.code == 7
    (tmp_path / "a/0000").mkdir(parents=True)
    folder.stages[0].tasks[0].record(3, "no such file", 0.1, {})
    with pytest.raises(Exception, match="no such file") as error:
        end(Part(folder), command(tmp_path))
    assert error.value.code == 3  # all of them ended so
    for bad in (
        {**head, "items": [{**good, "folder": "../../x"}]},
        {**head, "name": "../a"},
        {**head, "items": []},
        {**head, "items": [{**good, "number": 3}]},
        {"name": "a"},
    ):
        (tmp_path / "workflow.json").write_text(json.dumps({"name": "w", "stages": [bad]}))
        with pytest.raises(DataError):
            read(tmp_path)


@pytest.mark.slow
def test_a_plain_run_loads_nothing_of_workflows(here):
    job = "nanompi: 1\ninput: {format: tomo.simulate, simulate: {angles: 4, size: 16, rows: 2}}\n"
    job += "steps: [tomo.flat]\n"
    (here / "plain.yaml").write_text(job)
    text = (
        "import sys; from nanompi.cli import main; assert main(['run', 'plain.yaml']) == 0; "
        "print([m for m in sys.modules if '.workflow' in m or m.endswith(('stages', 'foreach'))])"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=patience(60))
    assert done.returncode == 0 and done.stdout.splitlines()[-1] == "[]", done.stdout + done.stderr


@pytest.mark.parametrize("style, lines", [("text", 2), ("quiet", 1), ("json", 2)])
def test_what_is_told(capsys, style, lines):
    voice = Voice(style)
    voice("one: 3 items", "stage", stage="one")
    voice("two goes on without 0001", "warning", True, text="two goes on without 0001")
    told = capsys.readouterr().out.splitlines()
    assert len(told) == lines
    if style == "json":
        assert json.loads(told[1]) == {"event": "warning", "text": "two goes on without 0001"}
