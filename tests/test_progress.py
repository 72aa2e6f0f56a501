"""The log: who speaks, how often, where to."""

import io
from types import SimpleNamespace

import pytest

from nanompi import progress
from nanompi.progress import Log


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


def test_a_log_file_gets_one_line_in_ten_seconds_and_the_last(tmp_path, clock):
    (tmp_path / "logs").mkdir()
    out = io.StringIO()
    with Log(team(), tmp_path, out) as log:
        for i in range(1, 61):
            clock.t += 0.5
            log.progress(i, 60, f"R {i}")
    said = [line.split("] ")[1] for line in out.getvalue().splitlines()]
    assert said == ["1/60 R 1", "21/60 R 21", "41/60 R 41", "60/60 R 60"]
    assert (tmp_path / "logs" / "rank-0000.log").read_text() == out.getvalue()


def test_a_terminal_gets_a_bar(clock):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    out = Terminal()
    with Log(team(), None, out) as log:
        for i in (1, 2):
            log.progress(i, 2, "[R] 0.1")
        log("done")
    assert "1/2" in out.getvalue() and "[R] 0.1" in out.getvalue() and out.getvalue().endswith("done\n")
