"""Status files of others: whatever they hold, the run is named, and the others are shown."""

import json
import os

import pytest

from nanompi.cli import main
from nanompi.run.status import now

GOOD = {"nanompi": 1, "name": "x", "state": "done", "code": 0, "ranks": 2, "host": "far", "pid": 1}
GOOD |= {"begun": "2026-11-25T00:00:00.000Z", "heartbeat": "2026-11-25T00:00:00.000Z", "message": ""}
LIVE = GOOD | {"state": "iterating", "heartbeat": "2099-01-01T00:00:00.000Z"}
HERE = LIVE | {"host": os.uname().nodename}
LOST = {
    "empty": b"",
    "a list": b"[]",
    "nothing": b"{}",
    "null": b"null",
    "nan": b"NaN",
    "deep": b"[" * 100_000,
    "many digits": b'{"state": ' + b"9" * 5000 + b"}",
    "latin": b'{"state": "\xe9"}',
    "a state that is none": {**GOOD, "state": "flying"},
    "a state that is a list": {**GOOD, "state": []},
    "no pid": {k: v for k, v in HERE.items() if k != "pid"},
    "pid text": {**HERE, "pid": "../../x"},
    "pid 0": {**HERE, "pid": 0},
    "pid -1": {**HERE, "pid": -1},
    "pid 10^20": {**HERE, "pid": 10**20},
    "no heartbeat": {k: v for k, v in LIVE.items() if k != "heartbeat"},
    "heartbeat yesterday": {**LIVE, "heartbeat": "yesterday"},
    "heartbeat without zone": {**LIVE, "heartbeat": "2026-11-25T00:00:00"},
    "heartbeat number": {**LIVE, "heartbeat": 5},
}
SHOWN = {
    "iteration text": {**LIVE, "iteration": "a", "iterations": None, "error": "b", "rate": "c", "eta": "d"},
    "iteration alone": {**LIVE, "iteration": 3},
    "eta nan": {**LIVE, "eta": float("nan"), "rate": 1},
    "eta inf": {**LIVE, "eta": float("inf"), "rate": float("-inf")},
    "eta huge": {**LIVE, "eta": 1e300, "rate": 10**400},
    "message number": {**LIVE, "message": 5, "code": "x"},
    "slurm list": {**LIVE, "slurm_job": [1], "name": {}, "ranks": None, "device": 7},
}
ENDS = {
    "a list": b"[1]\n",
    "garbage": b"\0\0\n{\xe9",
    "deep": b"[" * 100_000 + b"\n",
    "nothing said": b'{"event": "end"}\n',
    "odd": b'{"event": "end", "rank": "x", "host": 1, "state": [], "code": {}, "message": null}\n',
}


@pytest.fixture
def two(tmp_path, monkeypatch):
    """runs/good/run-0001, which is done, and runs/odd/run-0001 without files; the latter."""
    monkeypatch.chdir(tmp_path)
    for name in ("good", "odd"):
        (tmp_path / "runs" / name / "run-0001").mkdir(parents=True)
    (tmp_path / "runs/good/run-0001/status.json").write_text(json.dumps(GOOD | {"heartbeat": now()}))
    return tmp_path / "runs/odd/run-0001"


def status(capsys) -> dict[str, str]:
    """{run: state and the rest of its line}, of `nanompi status`."""
    assert main(["status"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines()[1:] if not line.startswith("  ")]
    return dict(line.split(maxsplit=1) for line in lines)


def write(path, what):
    path.write_bytes(what if isinstance(what, bytes) else json.dumps(what).encode())


@pytest.mark.parametrize("what", LOST)
def test_what_cannot_be_a_status_is_a_lost_run_and_hides_no_other(two, capsys, what):
    write(two / "status.json", LOST[what])
    found = status(capsys)
    assert found["odd/run-0001"].startswith("lost") and found["good/run-0001"].startswith("done")


@pytest.mark.parametrize("what", SHOWN)
def test_facts_that_are_not_of_their_kind_are_left_out(two, capsys, what):
    write(two / "status.json", SHOWN[what])
    assert status(capsys)["odd/run-0001"].startswith("iterating")
    assert main(["status", "--json"]) == 0 and len(json.loads(capsys.readouterr().out)) == 2


@pytest.mark.parametrize("what", ENDS)
def test_odd_events_change_nothing(two, capsys, what):
    write(two / "status.json", LIVE)
    write(two / "events.jsonl", ENDS[what])
    assert status(capsys)["odd/run-0001"].startswith("iterating")


def test_an_end_that_a_rank_has_told_counts_between_odd_lines(two, capsys):
    end = {"event": "end", "rank": 3, "host": "n7", "state": "failed", "code": 5, "message": "NaN\x1b[2J"}
    write(two / "status.json", LIVE)
    write(two / "events.jsonl", b"[1]\n" + json.dumps(end).encode() + b"\n\0\n")
    assert main(["status", "--code", str(two)]) == 5
    assert "rank 3 on n7: NaN\\x1b[2J" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["status.json", "events.jsonl"])
def test_a_pipe_is_not_waited_for(two, capsys, name):
    write(two / "status.json", LIVE)
    (two / name).unlink(missing_ok=True)
    os.mkfifo(two / name)
    assert status(capsys)["good/run-0001"].startswith("done")


@pytest.mark.parametrize("code", [300, -9, 10**30])
def test_a_code_that_is_none_of_a_process_counts_as_1(two, code):
    write(two / "status.json", GOOD | {"state": "failed", "code": code})
    assert main(["status", "--code", str(two)]) == 1 and main(["watch", str(two)]) == 1


def test_names_cannot_move_the_cursor(two, capsys):
    write(
        two / "status.json", GOOD | {"message": "a\x1b[2J\u202e\nb", "state": "failed", "slurm_job": "\x1b"}
    )
    assert main(["status"]) == 0
    out = capsys.readouterr().out
    assert out.replace("\n", "").isprintable() and "a\\x1b[2J\\u202e" in out


@pytest.mark.parametrize(
    "words", [["status", "--most", "0"], ["watch", "--every", "nan"], ["watch", "--every", "-1"]]
)
def test_numbers_that_are_none(two, words):
    assert main(words) == 2
