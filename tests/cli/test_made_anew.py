"""A workflow that is taken up again: what was made from other results than are there now is made anew."""

import json
import os
import shutil
from pathlib import Path

import pytest

from nanompi.cli import main
from nanompi.report.sources import Around, made_from, outdated
from nanompi.report.workflow import read
from nanompi.workflow.stages.work import _accept
from nanompi.workflow.task import Task

STEPS = '''
from pathlib import Path


def add(block, info, number=0, other=""):
    """Adds a number, if the file "bad" does not hold it; and what was begun is written down."""
    if str(number) in Path("bad").read_text().split():
        raise ValueError(f"{number} is bad")
    if other:
        with open("begun", "a") as file:
            file.write(other.split("-k=")[1] + " ")
    return block + number


def many(block, info, folder=""):
    """Writes down how many results there are."""
    assert "stack" not in Path("bad").read_text()
    Path("counted").write_text(str(len(list(Path(folder).glob("*/result.h5")))))
    return block
'''
INPUT = "input: {format: tomo.simulate, simulate: {angles: 2, size: 16, rows: 1, photons: 1e3}}"
JOB = f"""nanompi: 1
name: w
run: {{threads: 1}}
stages:
  scans:
    foreach: {{k: 1-3}}
    {INPUT}
    steps: [{{python: steps.py:add, number: "{{k}}"}}]
  stack:
    needs: {{scans: 0.6}}
    {INPUT}
    steps: [{{python: steps.py:many, folder: "{{scans}}"}}]
  chain:
    foreach: {{k: 11-13}}
    chunk: 3
    {INPUT}
    steps: [{{python: steps.py:add, number: "{{k}}", other: "{{previous}}"}}]
"""
W = Path("runs/w/workflow-0001")


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A workflow of which the second scan and the second item of the chain failed; the stack was made."""
    folder, before = tmp_path_factory.mktemp("w"), os.getcwd()
    os.chdir(folder)
    with pytest.MonkeyPatch.context() as patch:
        for name in [n for n in os.environ if n.startswith(("PMI", "OMPI_", "SLURM_"))]:
            patch.delenv(name)
        Path("w.yaml").write_text(JOB)
        Path("steps.py").write_text(STEPS)
        Path("bad").write_text("2 12")
        assert main(["run", "w.yaml"]) == 7
        yield folder
    os.chdir(before)


def said(capsys, *words) -> tuple[int, str, str]:
    code = main(list(map(str, words)))
    told = capsys.readouterr()
    return code, told.out, told.err


def stack() -> int:
    assert (W / "stack/0000/result.h5").is_file()
    return int(Path("counted").read_text())


@pytest.mark.slow
def test_what_was_made_without_an_item_is_made_anew_when_it_is_there(here, capsys):
    assert stack() == 2 and set(Path("begun").read_text().split()) == {
        "11"
    }  # the third of the chain begins with the first
    Path("bad").write_text("")
    code, out, _ = said(capsys, "resume", W, "--stage", "scans")
    assert code == 0 and "stack/0000 is to be made anew: 0001-k=2 is there now" in out
    os.utime(W / "workflow.json", (1, 1))
    found = read(W)
    assert (found["stages"][1]["state"], found["code"]) == (
        "stopped",
        7,
    ) and "0001-k=2 is there now" in found["message"]
    code, out, _ = said(capsys, "resume", W)
    assert code == 0 and "stack: made anew: 0001-k=2 is there now\n" in out and stack() == 3
    assert "chain 0002-k=13: made anew: 0001-k=12 is there now\n" in out
    assert set(Path("begun").read_text().split()) == {"11", "12"}
    assert read(W)["state"] == "done" and not list(W.glob("*/*/result.before.h5"))
    code, out, _ = said(capsys, "resume", W)
    assert code == 0 and "anew" not in out and out.count("all is done") == 3


@pytest.mark.slow
def test_an_item_that_cannot_be_made_anew_has_its_old_result_again(here, capsys):
    own, old = W / "stack/0000/result.h5", W / "stack/0000/result.before.h5"
    before = own.stat().st_ino
    os.remove(W / "scans/0000-k=1/result.h5")
    item = read(W)["stages"][0]["items"][0]
    assert item["state"] == "failed" and item["message"] == "it was done, but its result.h5 is gone"
    Path("bad").write_text("stack")
    code, out, _ = said(capsys, "resume", W)
    assert code == 7 and "stack: made anew: 0000-k=1 is made again since\n" in out
    assert "; result.h5 is still the one that it had before" in out
    for _ in range(2):  # it fails once more: the old one stands again
        assert own.stat().st_ino == before and not old.exists()
        assert read(W)["stages"][1]["items"][0]["state"] == "failed"
        assert said(capsys, "resume", W)[0] == 7
    Path("bad").write_text("")
    code, out, _ = said(capsys, "resume", W)
    assert code == 0 and stack() == 3 and not old.exists() and own.stat().st_ino != before


def test_which_results_an_item_was_made_from(tmp_path):
    items = [tmp_path / f"scans/000{k}" for k in range(3)]
    own = tmp_path / "own"
    own.mkdir()

    def ended(path, code=0, number=1):
        path.mkdir(parents=True, exist_ok=True)
        (path / "result.h5").touch()
        (path / "outcome.json").write_text(json.dumps({"code": code, "figures": {}, "ended": number}))

    def begun(job, around):
        (own / "made.from.json").write_text(json.dumps(made_from(around, job)))

    around = Around({"scans": items}, [])
    ended(items[0])
    assert outdated(own, around) == ""  # an older version wrote nothing down
    begun({"input": {"file": str(tmp_path / "scans")}}, around)
    assert outdated(own, around) == ""
    ended(items[1], 5)
    assert outdated(own, around) == ""
    ended(items[1])
    ended(items[2])
    assert outdated(own, around) == "0001, 0002 are there now"
    ended(items[0], number=2)
    assert outdated(own, around) == "0001, 0002 are there now; 0000 is made again since"
    shutil.rmtree(items[0])  # what is gone is made again first
    assert outdated(own, around) == "0001, 0002 are there now"
    begun({"input": [{"file": f"{tmp_path}/scans/0001/result.h5"}]}, around)
    ended(items[0])
    ended(items[2], number=3)
    assert outdated(own, around) == ""  # it names one alone
    ended(items[1], number=3)
    assert outdated(own, around) == "0001 is made again since"
    chain = Around({}, items[::-1])
    ended(items[2], 5)
    begun({}, chain)
    ended(items[0], number=4)
    assert outdated(own, chain) == ""
    ended(items[2])
    assert outdated(own, chain) == "0002 is there now"


def test_a_stage_whose_folder_is_gone_is_told(here, tmp_path, capsys):
    """The command that is named writes it anew"""
    shutil.copytree(W, tmp_path / "own", symlinks=True)
    shutil.rmtree(tmp_path / "own/scans")
    assert main(["resume", str(tmp_path / "own")]) == 3
    said = capsys.readouterr().err
    assert f"{tmp_path}/own/scans: the folder of the stage scans is gone" in said
    assert f"nanompi run WORKFLOW.yaml --folder {tmp_path}/own" in said


def test_a_result_is_not_accepted_before_what_follows_it_is_done(here, tmp_path):
    """A run was killed in its report: the result counts. Killed in a program `when: after`: it does not"""
    item = Task(0, Path(shutil.copytree(W / "scans/0000-k=1", tmp_path / "item")), {})
    (item.path / "outcome.json").unlink()
    (item.path / "after.json").write_text('{"done": []}')
    _accept(item)
    assert not item.done()
    (item.path / "after.json").unlink()
    _accept(item)
    assert item.done()


def test_the_folder_of_a_workflow_is_no_result_and_says_so(here, capsys):
    assert main(["cite", str(W)]) == 3
    said = capsys.readouterr().err
    assert "is a workflow; its results are those of its items" in said and f"{W}/" in said
