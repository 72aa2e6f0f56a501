"""The log: who speaks, how often, where to."""

import io
import json
import os
from types import SimpleNamespace

import pytest

from nanompi.errors import DataError
from nanompi.run import log as progress
from nanompi.run.log import Log


def team(rank=0):
    return SimpleNamespace(rank=rank, root=rank == 0, host="n7")


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is set."""
    now = SimpleNamespace(t=100.0)
    monkeypatch.setattr(progress.time, "monotonic", lambda: now.t)
    return now


def test_rank_0_speaks_with_the_time_on_the_screen_and_in_its_file(tmp_path, clock):
    (tmp_path / "logs").mkdir()
    out = io.StringIO()
    with Log(team(), tmp_path, out) as log:
        clock.t += 12.34
        log("loaded")
        log.say("done")
    assert out.getvalue() == "[    12.3 s] loaded\n[    12.3 s] done\n"
    assert (tmp_path / "logs" / "rank-0000.log").read_text() == out.getvalue()


def test_other_ranks_only_warn_with_their_name(tmp_path, capsys):
    (tmp_path / "logs").mkdir()
    with Log(team(3), tmp_path) as log:
        log("not heard")
        log.progress(1, 2)
        log.warn("hot")
    said = capsys.readouterr()
    assert (
        said.out == ""
        and said.err == "warning: rank 3 on n7: hot\n"
        and not list((tmp_path / "logs").iterdir())
    )


@pytest.fixture
def direct(monkeypatch):
    """No launcher around."""
    for name in [n for n in os.environ if n.startswith(("PMI", "OMPI_", "SLURM_", "NANOMPI_"))]:
        monkeypatch.delenv(name)


def test_a_log_file_gets_one_line_in_ten_seconds(tmp_path, clock, direct):
    (tmp_path / "logs").mkdir()
    out = io.StringIO()
    with Log(team(), tmp_path, out) as log:
        for i in range(1, 61):
            clock.t += 0.5
            log.progress(i, 60, f", R {i}")
    said = [line.split("] ")[1] for line in out.getvalue().splitlines()]
    assert said == ["iteration 21 of 60, R 21", "iteration 41 of 60, R 41"]
    assert (tmp_path / "logs" / "rank-0000.log").read_text() == out.getvalue()


def test_a_step_over_blocks_is_told_of_with_its_items(clock, direct):
    out, objects = io.StringIO(), io.StringIO()
    with Log(team(), None, out) as log, Log(team(), None, objects, "json") as other:
        for i in (1, 3):
            for one in (log, other):
                one.progress(i, 8, ", 2 min left", "tomo", "rows")
            clock.t += 20
    assert out.getvalue() == "[    20.0 s] tomo: 3 of 8 rows, 2 min left\n"
    told = {"event": "progress", "step": "tomo", "items_done": 3, "items": 8, "text": "2 min left"}
    assert json.loads(objects.getvalue().splitlines()[0]) == {"time": 20.0, **told}


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_gets_a_bar(clock, direct):
    out = Terminal()
    with Log(team(), None, out) as log:
        for i in (1, 2):
            log.progress(i, 2, ", [R] 0.1")
        log("done")
    assert "1/2" in out.getvalue() and "[R] 0.1" in out.getvalue() and out.getvalue().endswith("done\n")


@pytest.mark.parametrize("mine", [False, True], ids=["of mpirun", "passed on by run -n"])
def test_what_mpirun_gives_a_rank_is_no_terminal_unless_it_is_said(clock, direct, monkeypatch, mine):
    out = Terminal()
    monkeypatch.setattr(progress.sys, "stdout", out)
    monkeypatch.setenv("PMI_RANK", "0")
    if mine:
        monkeypatch.setenv("NANOMPI_TERMINAL", "70")
    with Log(team()) as log:
        log.progress(1, 2, ", R 1")
    assert ("1/2" in out.getvalue()) == mine


def test_quiet_tells_warnings_and_files_alone(tmp_path, clock, direct):
    (tmp_path / "logs").mkdir()
    out = io.StringIO()
    with Log(team(), tmp_path, out, "quiet") as log:
        log("loaded")
        log.warn("hot")
        for i in (1, 2):
            log.progress(i, 3)
            clock.t += 20
        log.wrote(tmp_path / "result.h5")
    assert out.getvalue() == f"[     0.0 s] warning: hot\n{tmp_path / 'result.h5'}\n"
    kept = (tmp_path / "logs" / "rank-0000.log").read_text()
    assert "loaded" in kept and "iteration 2 of 3" in kept


def test_json_tells_an_object_in_each_line(tmp_path, clock, direct):
    out = io.StringIO()
    with pytest.raises(DataError), Log(team(), None, out, "json") as log:
        log("a\nb")
        log.warn("hot")
        for i in (1, 2):
            log.progress(i, 3, ", DM: error 0.1")
            clock.t += 20
        log.wrote(tmp_path)
        raise DataError("no")
    assert [json.loads(line) for line in out.getvalue().splitlines()] == [
        {"time": 0.0, "event": "log", "text": "a\nb"},
        {"time": 0.0, "event": "warning", "text": "hot"},
        {"time": 20.0, "event": "progress", "iteration": 2, "iterations": 3, "text": "DM: error 0.1"},
        {"time": 40.0, "event": "file", "path": str(tmp_path)},
        {"time": 40.0, "event": "end", "code": 3},
    ]


def test_warnings_stand_in_the_events_and_pass_where_little_is_said(tmp_path):
    """Those of any rank, and lines of an entry that are warnings; people see it as it is"""
    text, quiet, objects = io.StringIO(), io.StringIO(), io.StringIO()
    for style, out in (("text", text), ("quiet", quiet), ("json", objects)):
        folder = tmp_path / style
        (folder / "logs").mkdir(parents=True)
        with Log(team(), folder, out, style) as log:
            log("scan.h5\nwarning: frame 3 is empty\n  warning: no mask")
            log.warn("slow disk")
            log.engine("ML", 5)
        Log(team(2), folder).warn("no card")
        told = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
        warned = [(e["event"], e["text"], e["rank"]) for e in told]
        every = [("frame 3 is empty", 0), ("no mask", 0), ("slow disk", 0), ("no card", 2)]
        assert warned == [("warning", *one) for one in every]
    assert text.getvalue().count("\n") == 4 and "] warning: slow disk" in text.getvalue()
    assert [line.partition("] ")[2] for line in quiet.getvalue().splitlines()] == [
        "warning: frame 3 is empty", "warning: no mask", "warning: slow disk"
    ]  # fmt: skip
    found = [json.loads(line) for line in objects.getvalue().splitlines()]
    assert [one["event"] for one in found] == ["log", "warning", "warning", "warning", "engine", "end"]
    assert found[0]["text"] == "scan.h5" and (found[4]["engine"], found[4]["iteration"]) == ("ML", 5)
