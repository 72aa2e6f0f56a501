"""Checkpoints of one rank: rows in any order, the newest good one, what is refused, how many are kept."""

from types import SimpleNamespace

import numpy as np
import pytest

from nanompi import __version__
from nanompi.errors import DataError
from nanompi.io import arrayfile
from nanompi.io.arrayfile import Torn
from nanompi.io.fingerprint import followed, note
from nanompi.mpi.signals import Signals
from nanompi.mpi.team import Team
from nanompi.run.checkpoint import SavedState, State, Writing, clear, complete, newest, opened
from nanompi.run.control import Control
from tests.io.test_arrayfile import edited, put

MARKS = {"job": "abc", "input": "100 bytes"}
TEAM = Team(alone=True)


def state(number: int, n: int = 12) -> State:
    """Rows that tell their frame and number."""
    index = np.random.default_rng(number).permutation(n)
    psi = (index[:, None, None] + 1j * number) * np.ones((n, 4, 4), np.complex64)
    rows = {"waves": (psi.shape, psi.dtype, lambda cuts: (psi[f] for f in cuts))}
    return State({"step": 0, "notes": {}, "files": {}}, {"O": np.full((3, 3), number)}, rows, index)


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
    saved_state = newest(TEAM, run, MARKS, pytest.fail)
    assert saved_state.facts["number"] == 30 and saved_state.facts["ranks"] == 1
    assert np.array_equal(saved_state.array("O"), np.full((3, 3), 30))
    index = np.array([11, 2, 3, 7, 0])
    out = np.zeros((5, 4, 4), np.complex64)
    for where, rows in saved_state.rows("waves", index):
        out[where] = rows
    assert np.array_equal(out[:, 1, 1], index + 30j)
    with pytest.raises(Torn, match="1 frames are missing"):
        list(saved_state.rows("waves", np.array([3, 12])))


def broken(path):
    (path / "rank-0000").write_bytes((path / "rank-0000").read_bytes()[:-7])


def without_head(path):
    (path / "head").unlink()


def mixed(path):
    (path / "rank-0000").write_bytes((path.with_name("checkpoint-000020") / "rank-0000").read_bytes())


@pytest.mark.parametrize(
    "harm, why",
    [
        (broken, "rank-0000: its end is missing"),
        (without_head, "No such file"),
        (mixed, "another number (20, here 30)"),
    ],
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
    assert "head belongs to another input (100 bytes, here 200 bytes); the one before" in told[0]
    assert len(told) == 2 and told[1].endswith("the run begins anew")


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


def another(folder, number: int, marks=MARKS):
    """A checkpoint of another run after the same iteration."""
    folder.mkdir()
    one = Writing(TEAM, folder, number, marks)
    assert one.write(state(number)) == "" and one.finish() == ""
    return folder / f"checkpoint-{number:06d}"


@pytest.mark.parametrize("marks, why", [({"job": "xyz"}, "another job"), ({}, "another token")])
@pytest.mark.parametrize("name", ["rank-0000", "head"])
def test_no_file_of_another_writing_is_taken(run, tmp_path, name, marks, why):
    other = another(tmp_path / "other", 30, MARKS | marks)
    (run / "checkpoint-000030" / name).write_bytes((other / name).read_bytes())
    told = []
    assert newest(TEAM, run, MARKS, told.append).facts["number"] == 20
    assert why in told[0]


def test_a_rank_file_under_the_name_of_another_is_refused(run):
    (run / "checkpoint-000030" / "head").write_bytes((run / "checkpoint-000030" / "rank-0000").read_bytes())
    with pytest.raises(Torn, match="head belongs to another file"):
        opened(run / "checkpoint-000030", MARKS)


def test_a_checkpoint_under_another_number_is_refused(run):
    (run / "checkpoint-000030").rename(run / "checkpoint-000040")
    with pytest.raises(Torn, match="another number"):
        opened(run / "checkpoint-000040", MARKS)


def test_what_stands_in_the_way_of_a_checkpoint_makes_way_and_links_are_not_followed(run, tmp_path):
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim" / "precious").write_text("x")
    for name in (".checkpoint-000040.part", "checkpoint-000040", "checkpoint-000050"):
        (run / name).symlink_to(tmp_path / "victim")
    (run / "my-checkpoint-notes").write_text("mine")
    told = []
    assert newest(TEAM, run, MARKS, told.append).facts["number"] == 30 and len(told) == 2
    one = Writing(TEAM, run, 40, MARKS)
    assert one.write(state(40)) == "" and one.finish() == "" and not (run / "checkpoint-000040").is_symlink()
    clear(run)
    assert sorted(p.name for p in run.iterdir()) == ["my-checkpoint-notes", "victim"]
    assert (tmp_path / "victim" / "precious").read_text() == "x"


def test_a_checkpoint_of_an_earlier_version_is_refused_with_words(run, monkeypatch):
    monkeypatch.setattr(arrayfile, "MAGIC", b"nanompi arrays 3")
    told = []
    assert newest(TEAM, run, MARKS, told.append) is None
    assert "head: it is of another version of nanompi" in told[0] and "begins anew" in told[1]


def read_before(run, path):
    """A checkpoint of a run that has read a file."""
    kept = state(40)
    with followed() as files:
        note(str(path))
    kept.facts["files"] = files
    one = Writing(TEAM, run, 40, MARKS)
    assert one.write(kept) == "" and one.finish() == ""


def test_a_run_whose_files_have_changed_begins_anew_and_says_which(run, tmp_path):
    (tmp_path / "mask.npy").write_text("a")
    read_before(run, tmp_path / "mask.npy")
    assert newest(TEAM, run, MARKS, pytest.fail).facts["number"] == 40
    (tmp_path / "mask.npy").write_text("b")
    told = []
    newest(TEAM, run, MARKS, told.append)
    assert "checkpoint-000040 is refused: " in told[0] and "mask.npy has changed since the run" in told[0]
    (run / "refused-checkpoint-000040").rename(run / "checkpoint-000040")
    (tmp_path / "mask.npy").unlink()
    with pytest.raises(DataError, match=r"mask\.npy: the run has read this file, now it is missing"):
        newest(TEAM, run, MARKS, pytest.fail)
    assert (run / "checkpoint-000040").exists()


@pytest.mark.parametrize(
    "files", [[], {"a": 5}, {"a": [1, 2, 0, "x"]}, {"a": [1, 2, 10**9, "x"]}, {"a": None}]
)
def test_odd_stamps_are_refused(run, files):
    kept = state(40)
    kept.facts["files"] = files
    one = Writing(TEAM, run, 40, MARKS)
    assert one.write(kept) == "" and one.finish() == ""
    told = []
    assert (
        newest(TEAM, run, MARKS, told.append).facts["number"] == 30
        and "head does not say what the run had read" in told[0]
    )


@pytest.mark.parametrize(
    "key, value", [("step", None), ("step", "0"), ("notes", []), ("ranks", 0), ("token", ""), ("files", [])]
)
def test_odd_facts_with_a_right_checksum_are_refused(run, key, value):
    edited(run / "checkpoint-000030" / "head", put("facts", key, value))
    told = []
    assert newest(TEAM, run, MARKS, told.append).facts["number"] == 20 and "head does not say" in told[0]


@pytest.mark.parametrize("version, told", [(None, "an older one"), ("0.0.9", "0.0.9"), (__version__, "")])
def test_a_checkpoint_of_another_version_is_taken_and_told(tmp_path, version, told):
    told_to = {"say": print, "warn": print}
    run = SimpleNamespace(team=TEAM, options=SimpleNamespace(checkpoint=0), folder=tmp_path, **told_to)
    facts = {"ranks": 1, "number": 7, "notes": {}} | ({"version": version} if version else {})
    said = Control(run, {}, Signals()).resume(SavedState(tmp_path, SimpleNamespace(facts=facts), []))
    assert said.startswith("resumed after iteration 7 from ")
    assert f"written by nanompi {told}, this is {__version__}" in said if told else "written by" not in said
