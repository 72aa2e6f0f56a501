"""What the README shows is true: the commands of its chapters, the shortest job, the step of one's own."""

import re
from pathlib import Path

import pytest

from nanompi.cli import main
from nanompi.step import PARTS, discover

README = (Path(__file__).parent.parent / "README.md").read_text()


def block(language: str, mark: str) -> str:
    """The code block of a language that holds a text."""
    return next(b for b in re.findall(rf"```{language}\n(.*?)```", README, re.S) if mark in b)


@pytest.fixture
def own_step():
    """The step of the README, registered, and forgotten afterwards."""
    discover()
    exec(block("python", "my.brightest"), {"__name__": "readme"})
    yield
    del PARTS["step"]["my.brightest"]


def test_step_of_ones_own(own_step, tmp_path, capsys):
    job = tmp_path / "own.yaml"
    job.write_text(
        "nanompi: 1\ninput: {simulate: {frames: 9, size: 32}}\nsteps: [{use: my.brightest, top: 2}]\n"
        f"output: {{folder: {tmp_path}}}\n"
    )
    assert main(["run", str(job)]) == 0
    assert re.search(r"brightest: \[\d \d\]", capsys.readouterr().out)


def test_shortest_job_is_four_lines_and_correct(tmp_path, capsys):
    text = block("yaml", "input: {file: scan.cxi}")
    assert len(text.splitlines()) == 4
    scan = tmp_path / "scan.cxi"
    job = str(Path(__file__).parent.parent / "jobs" / "siemens-star.yaml")
    assert main(["simulate", job, "--set", "input.simulate.frames=4", "-o", str(scan)]) == 0
    (tmp_path / "job.yaml").write_text(text)
    assert main(["check", str(tmp_path / "job.yaml")]) == 0
    told = capsys.readouterr().out
    assert all(name in told for name in ("ptycho.prepare", "ptycho", "ptycho.finish"))


def test_two_commands_and_no_more_for_the_set_up():
    """Each after its mark, on one line"""
    marked = re.findall(r"<!-- ([\w-]+) -->\n```sh\n(.*?)\n```", README)
    assert [m[0] for m in marked] == ["main-job", "tests"]
    assert all(line.startswith("python3 -m venv .venv && ") for _, line in marked)
    assert README.count("-m venv") == 2
