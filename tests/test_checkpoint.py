"""Checkpoints of one rank: rows in any order, the newest good one, what is refused, how many are kept."""

import numpy as np
import pytest

from nanompi.arrayfile import Torn
from nanompi.checkpoint import State, Writing, complete, newest, opened
from nanompi.team import Team

MARKS = {"job": "abc", "input": "100 bytes"}
TEAM = Team(alone=True)


def state(number: int, n: int = 12) -> State:
    """Rows that tell their frame and number."""
    index = np.random.default_rng(number).permutation(n)
    psi = (index[:, None, None] + 1j * number) * np.ones((n, 4, 4), np.complex64)
    rows = {"waves": (psi.shape, psi.dtype, lambda f: psi[f])}
    return State({"step": 0}, {"O": np.full((3, 3), number)}, rows, index)


@pytest.fixture
def run(tmp_path):
    """A run folder with checkpoints after iterations 10, 20 and 30 (of which two are kept)."""
    for number in (10, 20, 30):
        one = Writing(TEAM, tmp_path, number, MARKS)
        assert one.write(state(number)) == "" and one.finish() == ""
    return tmp_path


def test_the_two_newest_are_kept_and_no_part_is_left(run):
    assert [n for _, n in complete(run)] == [30, 20]
    assert sorted(p.name for p in run.iterdir()) == ["checkpoint-000020", "checkpoint-000030"]


def test_rows_come_back_in_the_order_that_is_asked_for(run):
    former = newest(TEAM, run, MARKS, pytest.fail)
    assert former.facts["number"] == 30 and former.facts["ranks"] == 1
    assert np.array_equal(former.array("O"), np.full((3, 3), 30))
    index = np.array([11, 2, 3, 7, 0])
    out = np.zeros((5, 4, 4), np.complex64)
    for where, rows in former.rows("waves", index):
        out[where] = rows
    assert np.array_equal(out[:, 1, 1], index + 30j)
    with pytest.raises(Torn, match="1 frames are missing"):
        list(former.rows("waves", np.array([3, 12])))


def broken(path):
    (path / "rank-0000").write_bytes((path / "rank-0000").read_bytes()[:-7])


def without_head(path):
    (path / "head").unlink()


def mixed(path):
    (path / "rank-0000").write_bytes((path.with_name("checkpoint-000020") / "rank-0000").read_bytes())


@pytest.mark.parametrize(
    "harm, why",
    [(broken, "rank-0000: its end is missing"), (without_head, "No such file"), (mixed, "not of one time")],
    ids=["torn", "without head", "mixed"],
)
def test_a_damaged_one_is_told_and_the_one_before_is_taken(run, harm, why):
    harm(run / "checkpoint-000030")
    told = []
    assert newest(TEAM, run, MARKS, told.append).facts["number"] == 20
    assert len(told) == 1 and why in told[0] and told[0].startswith("checkpoint-000030 is refused: ")
    assert (run / "refused-checkpoint-000030").is_dir() and [n for _, n in complete(run)] == [20]


def test_that_of_another_job_or_input_is_refused(run):
    told = []
    assert newest(TEAM, run, MARKS | {"input": "200 bytes"}, told.append) is None
    assert len(told) == 2 and "it belongs to another input (100 bytes, here 200 bytes)" in told[0]


def test_a_part_left_by_a_killed_run_is_cleared(run):
    (run / ".checkpoint-000040.part").mkdir()
    (run / ".checkpoint-000040.part" / "rank-0000").write_bytes(b"half")
    assert newest(TEAM, run, MARKS, pytest.fail).facts["number"] == 30
    assert not (run / ".checkpoint-000040.part").exists()


def test_a_folder_that_is_not_there_is_said_and_raises_nothing(tmp_path):
    one = Writing(TEAM, tmp_path / "nowhere", 5, MARKS)
    assert "No such file or directory" in one.write(state(5)) and complete(tmp_path / "nowhere") == []
    assert newest(TEAM, tmp_path / "nowhere", MARKS, pytest.fail) is None


def test_opened_reads_marks(run):
    assert opened(run / "checkpoint-000020", MARKS).facts["number"] == 20
