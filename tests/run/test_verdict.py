"""What steps say of their results, and the verdict of a run."""

import json

import h5py
import numpy as np
import pytest

from nanompi.cli import main
from nanompi.methods import discover
from nanompi.run.verdict import give, has_number, worst
from nanompi.step import METHODS, step

JOB = """
nanompi: 1
name: x
input: {format: tomo.simulate, simulate: {angles: 12, size: 16, rows: 2}}
"""


def test_the_worst_grade_with_all_its_reasons():
    good = {"grade": "good", "words": "as it should be", "paste": ""}
    a = {"grade": "doubtful", "words": "frames want to move", "paste": "positions: true"}
    b = {"grade": "doubtful", "words": "", "paste": "flux: true"}
    wrong = {"grade": "wrong", "words": "7 frames are empty", "paste": ""}
    assert worst({}) == {}
    assert worst({"tomo": good}) == {"grade": "good", "words": "tomo: as it should be", "paste": ""}
    both = {"grade": "doubtful", "words": "a: frames want to move", "paste": "positions: true\nflux: true"}
    assert worst({"tomo": good, "a": a, "b": b}) == both
    assert worst({"a": a, "w": wrong})["grade"] == "wrong"


@pytest.fixture
def graded(monkeypatch, tmp_path):
    """`graded(grade)`: a job in this folder whose step gives its result this grade"""
    monkeypatch.chdir(tmp_path)
    discover()
    kept = METHODS["step"].keep()

    def job(grade: str):
        @step("test.graded")
        def graded_step(run):
            give(run, "test.graded", grade, "the frames want to move", "positions: true", moved=0.4)

        (tmp_path / "job.yaml").write_text(JOB + "steps: [test.graded]\n")

    yield job
    METHODS["step"].put_back(kept)


@pytest.mark.parametrize("grade, strict", [("good", 0), ("doubtful", 5), ("wrong", 5)])
def test_log_status_result_and_exit_code(graded, capsys, grade, strict):
    graded(grade)
    assert main(["run", "job.yaml"]) == 0
    said = capsys.readouterr().out
    end = f"the result is {grade}: test.graded: the frames want to move"
    assert said.index(end) > said.index("where the time went")
    assert "positions: true" in said
    with h5py.File("runs/x/latest/result.h5") as f:
        note = f["entry_1/process_1/verdict"]
        assert note["grade"].asstr()[()] == grade and note["steps/test.graded/moved"][()] == 0.4
    status = json.loads(open("runs/x/latest/status.json").read())
    assert (status["state"], status["verdict"]) == ("done", grade)
    main(["status", "x"])
    assert f"done, {grade}" in capsys.readouterr().out
    assert main(["run", "job.yaml", "--set", "run.strict=true"]) == strict
    with h5py.File("runs/x/latest/result.h5") as f:
        assert f["entry_1/process_1/verdict/grade"].asstr()[()] == grade


def test_a_run_without_a_judge_has_no_verdict(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.yaml").write_text(JOB + "steps: [tomo.flat]\n")
    assert main(["run", "job.yaml", "--set", "run.strict=true"]) == 0
    assert "the result is" not in capsys.readouterr().out
    assert "verdict" not in json.loads(open("runs/x/latest/status.json").read())


GIVES = """
import numpy as np

from nanompi.step import item


class Maps:
    each = "frame"
    gives = {name: item() for name in ("one", "two", "one_errors")}

    def block(self, block, info):
        known = np.where(info.index == 3, 1.0, np.nan)
        return {"one": known + ONE, "two": known + TWO, "one_errors": known * np.nan}
"""


@pytest.mark.parametrize("one, two, grade, words", [
    ("0", "0", "", ""),
    ("0", "np.nan", "doubtful", "not one number in two: NaN everywhere"),
    ("np.nan", "np.nan", "wrong", "not one number in one, two: NaN everywhere"),
])  # fmt: skip
def test_maps_without_a_number_are_never_good(monkeypatch, tmp_path, capsys, one, two, grade, words):
    """One point in twelve has a number, or none has; that errors are NaN says nothing"""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "maps.py").write_text(GIVES.replace("ONE", one).replace("TWO", two))
    (tmp_path / "job.yaml").write_text(JOB + "steps:\n  - {python: maps.py:Maps}\n")
    assert main(["run", "job.yaml"]) == 0
    said = capsys.readouterr().out
    assert words in said and (f"the result is {grade}" in said) == bool(grade)


def test_a_number_is_looked_for_piece_by_piece(monkeypatch):
    monkeypatch.setattr("nanompi.run.verdict.PIECE", 6)
    values = np.full((7, 3), np.nan)
    assert not has_number(values) and not has_number(np.float32(np.inf)) and not has_number(values[:0])
    values[6, 2] = 0
    assert has_number(values) and has_number(np.complex64(1))


def test_other_grades_are_refused():
    with pytest.raises(ValueError, match="good, doubtful, wrong"):
        give(None, "x", "not sure")
