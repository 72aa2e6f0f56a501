"""A workflow that was changed takes over what the one before has done, and nothing else."""

import os
from pathlib import Path

import pytest

from nanompi.cli import main

STEPS = '''
from pathlib import Path


def add(block, info, number=0, other=""):
    """Adds a number, and writes down that it was begun"""
    with open("begun", "a") as file:
        file.write(f"{number} ")
    return block + number
'''
INPUT = "input: {format: tomo.simulate, simulate: {angles: 2, size: 16, rows: 1, photons: 1e3}}"
JOB = f"""nanompi: 1
name: w
run: {{threads: 1}}
stages:
  scans:
    foreach: {{k: [1, 2, 3]}}
    {INPUT}
    steps: [{{python: steps.py:add, number: "{{k}}"}}]
  stack:
    {INPUT}
    steps: [{{python: steps.py:add, number: 10, other: "{{scans}}"}}]
  chain:
    foreach: {{k: [21, 22]}}
    chunk: 2
    {INPUT}
    steps: [{{python: steps.py:add, number: "{{k}}", other: "{{previous}}"}}]
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder in which a workflow is done; `begun` holds what has been begun since."""
    monkeypatch.chdir(tmp_path)
    for name in [n for n in os.environ if n.startswith(("PMI", "OMPI_", "SLURM_"))]:
        monkeypatch.delenv(name)
    Path("steps.py").write_text(STEPS)
    Path("w.yaml").write_text(JOB)
    assert main(["run", "w.yaml"]) == 0
    assert begun() == ["1", "10", "2", "21", "22", "3"]
    return tmp_path


def begun() -> list[str]:
    """What was begun since the last call"""
    words = set(Path("begun").read_text().split()) if Path("begun").exists() else set()
    Path("begun").write_text("")
    return sorted(words)


def changed(old: str, new: str, *words):
    """The exit code of the changed workflow"""
    assert old in JOB
    Path("w.yaml").write_text(JOB.replace(old, new))
    return main(["run", "w.yaml", "--reuse", "runs/w/latest", *words])


@pytest.mark.slow
def test_what_did_not_change_is_not_done_again(here, capsys):
    first = Path("runs/w/latest").resolve()
    assert changed("number: 10", "number: 11") == 0 and begun() == ["11"]
    said = capsys.readouterr().out
    assert "scans: 3 of 3 items are those of runs/w/workflow-0001" in said and "stack: 0 of 1 items" in said
    second = Path("runs/w/latest").resolve()
    assert second.name == "workflow-0002"
    results = [(top / "chain/0001-k=22/result.h5").read_bytes() for top in (first, second)]
    assert results[0] == results[1]
    assert str(first) not in (second / "chain/0001-k=22/job.resolved.yaml").read_text()
    assert main(["resume", str(second)]) == 0 and begun() == []  # all is done, and nothing is old
    assert main(["status", str(second)]) == 0
    assert main(["report", str(second / "scans/0000-k=1")]) == 0
    assert (first / "scans/0000-k=1/result.h5").is_file()


@pytest.mark.slow
def test_what_stands_on_a_change_is_made_anew(here, capsys):
    """An item more: the stack of all is another one; the chain begins with a new value: all of it"""
    assert changed("[1, 2, 3]", "[1, 2, 3, 4]") == 0 and begun() == ["10", "4"]
    assert changed("[21, 22]", "[20, 22]") == 0 and begun() == ["10", "20", "22"]


@pytest.mark.slow
def test_a_file_that_is_newer_than_the_result_counts(here, capsys):
    """Whatever stands in it: of most files the job knows no more than the name"""
    later = 10 + Path("runs/w/latest/chain/0001-k=22/outcome.json").stat().st_mtime
    os.utime("steps.py", (later, later))
    assert changed("number: 10", "number: 11") == 0 and len(begun()) == 6
    assert f"{here}/steps.py has changed since: made anew" in capsys.readouterr().out


def test_it_is_for_workflows(here, capsys):
    Path("plain.yaml").write_text("nanompi: 1\ninput: {simulate: {frames: 16, size: 32}}\nsteps: [ptycho]\n")
    assert main(["run", "plain.yaml", "--reuse", "runs/w/latest"]) == 2
    assert "--reuse: plain.yaml is no workflow" in capsys.readouterr().err
    assert changed("number: 10", "number: 11", "--reuse", "nowhere") == 3
    assert not Path("runs/w/workflow-0002").exists()


@pytest.mark.slow
def test_a_stage_that_is_gone_and_files_that_grow_harm_nothing(here):
    """An item that only waited for a stage is made anew where that is gone; what is written on is no link"""
    first = Path("runs/w/latest").resolve()
    assert changed(', other: "{scans}"', "") == 0 and begun() == ["10"]
    scans, stack, chain = (JOB.index(f"  {name}:\n") for name in ("scans", "stack", "chain"))
    waits = JOB[stack:chain].replace(', other: "{scans}"', "")
    waits = waits.replace("  stack:\n", "  stack:\n    needs: {scans: 1}\n")
    Path("w.yaml").write_text(JOB[:stack] + waits + JOB[chain:])
    assert main(["run", "w.yaml", "--reuse", str(first)]) == 0 and begun() == ["10"]
    second = Path("runs/w/latest").resolve()
    one, two = (top / "scans/0000-k=1" for top in (first, second))
    assert os.path.samefile(one / "result.h5", two / "result.h5")
    grown = [file.name for file in two.glob("*.jsonl")]
    assert grown and not any(os.path.samefile(one / name, two / name) for name in grown)
    alone = waits.replace("    needs: {scans: 1}\n", "")
    Path("w.yaml").write_text(JOB[:scans] + alone + JOB[chain:])
    assert main(["run", "w.yaml", "--reuse", str(second)]) == 0 and begun() == ["10"]
