"""What `watch` shows on a terminal."""

import io
import json

import pytest
from rich.console import Console

from nanompi.cli import main
from nanompi.report.record import record
from nanompi.report.watch import BLOCKS, spark, view
from nanompi.run import status

LIVE = {"nanompi": 1, "name": "star", "state": "iterating", "engine": "ML", "iteration": 41, "iterations": 70}
LIVE |= {"rate": 3.25, "eta": 133.0, "host": "far", "heartbeat": "2099-01-01T00:00:00.000Z", "ranks": 20}


def run_folder(folder, **facts):
    folder.mkdir(parents=True, exist_ok=True)
    status.write(folder, LIVE | facts)
    return folder


def printed(*folders, terminal: bool = False) -> str:
    out = io.StringIO()
    Console(file=out, width=100, force_terminal=terminal).print(view([record(folder) for folder in folders]))
    return out.getvalue()


@pytest.fixture
def run(tmp_path):
    """Iteration 41 of 70 on 20 ranks, with a warning"""
    folder = run_folder(tmp_path / "star" / "run-0001")
    rows = [{"i": i, "engine": "ML", "error": 0.1, "llk": 3 - i / 20, "held": 1.25} for i in range(1, 42)]
    (folder / "history.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    ranks = [
        {"host": f"n{k}", "device": "CPU", "frames": 10, "memory": 2e9, "busy": k / 20} for k in range(20)
    ]
    (folder / "ranks.json").write_text(json.dumps(ranks))
    status.event(folder, "warning", text="frame 3 is empty")
    return folder


def test_one_run_with_all_there_is(run):
    text = printed(run)
    head = "star  iterating  ML  41/70  3.25/s  2 min 13 s left"
    ranks = ("n15", "75 %", "and 4 more, busy 80 to 95 %")
    for words in (head, "llk ", "0.95", "held out 1.25", "warning: frame 3 is empty", *ranks):
        assert words in text, words
    assert "n16" not in text and BLOCKS[0] in text and "━" in text


def test_several_runs_have_a_line_each(run, tmp_path):
    done = run_folder(tmp_path / "star" / "run-0002", state="done", code=0, verdict="good", iteration=70)
    odd = tmp_path / "star" / "run-0003"
    odd.mkdir()
    lines = printed(run, done, odd).splitlines()
    assert len(lines) == 4 and "41/70" in lines[1] and "llk 0.95" in lines[1] and "2 min 13 s" in lines[1]
    assert "done, good" in lines[2] and "left" not in lines[2] and "lost" in lines[3]


def test_texts_of_files_are_neither_markup_nor_orders_to_the_terminal(tmp_path):
    bad = "[red]x[/red] \x1b[2J\x9b2J\u202e"
    folder = run_folder(
        tmp_path / "a", name=bad, engine=bad, message=bad, state="failed", verdict=bad, code=3
    )
    status.event(folder, "warning", text=bad)
    (folder / "ranks.json").write_text(json.dumps([{"host": bad, "device": bad}]))
    for text in (printed(folder), printed(folder, folder), printed(folder, terminal=True)):
        assert not set("\x9b\u202e") & set(text) and "\x1b[2J" not in text
    assert printed(folder).count("[red]x[/red]") >= 3


@pytest.mark.parametrize(
    "facts",
    [
        {"iterations": 0},
        {"iteration": -5, "iterations": 3},
        {"iteration": 9, "iterations": 3},
        {"engine": [1]},
    ],
    ids=str,
)
def test_odd_numbers_are_shown_all_the_same(tmp_path, facts):
    folder = run_folder(tmp_path / "a", **facts)
    (folder / "history.jsonl").write_text(
        '{"i": 1, "llk": 1e299}\n{"i": 2, "llk": -1e299}\n{"i": 3, "llk": 0}\n'
    )
    assert "star" in printed(folder) and "iterating" in printed(folder, folder)


def test_the_course_of_a_figure():
    assert spark([]) == spark([1.0]) == "" and spark([2.0, 2.0]) == BLOCKS[0] * 2
    assert spark([0.0, 1.0, 2.0]) == BLOCKS[0] + BLOCKS[4] + BLOCKS[7]
    assert spark([1.0, 10.0, 100.0]) == BLOCKS[0] + BLOCKS[4] + BLOCKS[7]  # by its logarithm
    assert len(spark([float(k) for k in range(99)])) == 40


def test_a_terminal_is_renewed_until_the_run_has_ended(run, monkeypatch, capsys):
    """What was shown last stays"""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setattr("time.sleep", lambda s: run_folder(run, state="done", code=0, verdict="good"))
    assert main(["watch", str(run)]) == 0
    out = capsys.readouterr().out
    assert "iterating" in out and "done, good" in out.rpartition("iterating")[2] and "\x1b[" in out


def test_elsewhere_programs_get_an_object_for_each_change(run, monkeypatch, capsys):
    monkeypatch.setattr("time.sleep", lambda s: run_folder(run, state="done", code=0))
    assert main(["watch", "--json", str(run)]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["state"] for one in told] == ["iterating", "done"]
