"""history.jsonl: a line for each iteration, whatever the disk and the run before did."""

import errno
import json

import pytest

from nanompi.report.record import record
from nanompi.run import history
from nanompi.run.history import History
from tests.false_time import FalseTime


@pytest.fixture
def clock(monkeypatch):
    clock = FalseTime()
    monkeypatch.setattr(history, "time", clock)
    return clock


def iterate(one: History, clock, first: int, last: int, **facts):
    for i in range(first, last + 1):
        clock.spend(1)
        one.note({"iteration": i, "engine": "DM", "error": 1 / i, **facts})


def lines(folder) -> list[dict]:
    return [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines() if line]


def test_a_line_waits_for_its_figures(tmp_path, clock):
    """The figures of an iteration come after it; they are written with it, or again with a line that takes
    the place of the first"""
    one = History(tmp_path)
    iterate(one, clock, 1, 3)
    one.write()
    assert [row["i"] for row in lines(tmp_path)] == [1, 2]
    one.note({"R": 0.1, "llk": 1.5, "photons": 3e9, "held_error": 0.1, "error": float("nan")})
    clock.spend(5)
    one.write()
    last = {
        "i": 3,
        "engine": "DM",
        "error": pytest.approx(1 / 3),
        "R": 0.1,
        "llk": 1.5,
        "photons": 3e9,
        "t": 3.0,
    }
    assert lines(tmp_path)[2:] == [last]
    one.note({"held": 1.1})
    one.write(end=True)
    one.write(end=True)
    assert lines(tmp_path)[3:] == [last | {"held": 1.1}]
    found = record(tmp_path).history
    assert found["i"].tolist() == [1, 2, 3] and found["held"][2] == 1.1 and found["R"][2] == 0.1


def test_a_resumed_run_goes_on_and_a_new_one_does_not(tmp_path, clock):
    """Time goes on from where it stood; lines from the first iteration on take the place of older ones"""
    one = History(tmp_path)
    iterate(one, clock, 1, 9)
    one.write(end=True)
    with open(tmp_path / "history.jsonl", "a") as file:
        file.write('{"i": 10, "t"')  # torn when the run was killed
    again = History(tmp_path)
    again.torn = True
    iterate(again, clock, 7, 8)
    again.write(end=True)
    found = record(tmp_path).history
    assert found["i"].tolist() == list(range(1, 9)) and found["t"].tolist() == [1, 2, 3, 4, 5, 6, 10, 11]
    anew = History(tmp_path)
    iterate(anew, clock, 1, 2)
    anew.write(end=True)
    assert record(tmp_path).history["t"].tolist() == [1, 2]


def test_a_full_disk_costs_lines_and_not_the_run(tmp_path, clock, monkeypatch):
    """What is torn off in the midst of a line spoils no line after it"""
    room, real = [30], open

    class Full:
        def __init__(self, *args, **more):
            self.file = real(*args, **more)

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self.file.close()

        def write(self, data):
            if not room[0]:
                raise OSError(errno.ENOSPC, "full")
            n, room[0] = min(len(data), room[0]), max(0, room[0] - len(data))
            return self.file.write(data[:n])

    monkeypatch.setattr(history, "open", Full, raising=False)
    one = History(tmp_path)
    iterate(one, clock, 1, 1)
    one.write(end=True)
    iterate(one, clock, 2, 2)
    one.write(end=True)
    room[0] = 1000
    iterate(one, clock, 3, 3)
    one.write(end=True)
    assert record(tmp_path).history["i"].tolist() == [3]


def test_a_folder_that_cannot_be_written(tmp_path):
    one = History(tmp_path / "none")
    one.note({"iteration": 1, "engine": "DM", "error": 0.1})
    one.write(end=True)


@pytest.mark.parametrize("text", ["", "\n\n", '{"i": 3, "t"', "{}\n", '{"i": 3, "t": "x"}\n', "[1]}\n"])
def test_a_resumed_run_stands_what_a_full_disk_has_left(tmp_path, clock, text):
    (tmp_path / "history.jsonl").write_text(text)
    one = History(tmp_path)
    iterate(one, clock, 4, 4)
    one.write(end=True)
    last = (tmp_path / "history.jsonl").read_text().splitlines()[-1]
    assert json.loads(last[last.rindex("{") :]) == {"i": 4, "engine": "DM", "error": 0.25, "t": 1.0}
