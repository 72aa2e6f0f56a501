"""status.json and events.jsonl of a run."""

import json
from types import SimpleNamespace

import pytest

from nanompi.errors import NumbersError, Stopped, common
from nanompi.run import status as events
from nanompi.run.status import Status
from tests.false_time import FalseTime
from tests.patience import patience, until


def team(rank=0, size=2):
    return SimpleNamespace(rank=rank, root=rank == 0, size=size, host="n7")


def status(folder) -> dict:
    return json.loads((folder / "status.json").read_text())


def happened(folder) -> list[dict]:
    return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]


class Hears:
    """A log that keeps what it hears."""

    def __init__(self, said: list):
        self.progress = lambda *told: said.append(told)
        self.engine = lambda *told: None


@pytest.fixture
def fast(monkeypatch):
    """The thread looks each 10 ms."""
    monkeypatch.setattr(events, "PERIOD", 0.01)


def test_a_run_from_its_start_to_its_end(tmp_path, fast, monkeypatch):
    clock = FalseTime()
    monkeypatch.setattr(events, "time", clock)
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    with Status(team(), tmp_path, "star") as note:
        assert status(tmp_path)["state"] == "starting"
        note("reading", device="CPU")
        note("iterating", iteration=0, iterations=100)
        clock.spend(0.1)
        note("iterating", iteration=10, iterations=100, engine="DM", error=0.5)
        now = until(lambda: (s := status(tmp_path)).get("iteration") == 10 and s)
        assert (now["state"], now["iteration"], now["engine"], now["device"]) == (
            "iterating",
            10,
            "DM",
            "CPU",
        )
        assert (now["rate"], now["eta"]) == pytest.approx((100, 0.9))  # 10 iterations in 0.1 s
        assert now["slurm_job"] == "12" and now["host"] == "n7" and now["ranks"] == 2
    assert status(tmp_path)["state"] == "done" and status(tmp_path)["code"] == 0
    told = [e.get("state", e["event"]) for e in happened(tmp_path)]
    assert told == ["begin", "reading", "iterating", "engine", "done"]
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


@pytest.mark.parametrize(
    "error, state, code, message",
    [
        (NumbersError("not a number"), "failed", 5, "not a number"),
        (Stopped("in time"), "stopped", 75, "in time"),
        (SystemExit(143), "stopped", 143, "ended by signal 15"),
        (ValueError("x"), "failed", 1, "ValueError: x"),
    ],
)
def test_how_it_ended(tmp_path, error, state, code, message):
    with pytest.raises(type(error)), Status(team(), tmp_path, "star"):
        raise error
    now = status(tmp_path)
    assert (now["state"], now["code"], now["message"]) == (state, code, message)


def test_another_rank_only_tells_its_own_error(tmp_path):
    with pytest.raises(NumbersError), Status(team(1), tmp_path, "star") as note:
        note("iterating", iteration=3, iterations=10)
        raise NumbersError("not a number")
    assert not (tmp_path / "status.json").exists()
    (end,) = happened(tmp_path)
    assert (end["event"], end["rank"], end["host"], end["code"]) == ("end", 1, "n7", 5)


def test_an_error_that_all_ranks_share_is_told_once(tmp_path):
    error = common(NumbersError("not a number"))
    for rank in (1, 0):
        with pytest.raises(NumbersError), Status(team(rank), tmp_path, "star"):
            raise error
    assert [e["event"] for e in happened(tmp_path)].count("end") == 1


class Looks:
    """In place of the event which ends the thread: each wait for it passes at once, on a false clock.

    `meanwhile` : for each look of the thread what happens before it
    """

    def __init__(self, clock, meanwhile):
        self.clock, self.meanwhile = clock, iter(meanwhile)

    def wait(self, seconds: float) -> bool:
        work = next(self.meanwhile, None)
        if work is None:
            return True
        work()
        self.clock.spend(seconds)
        return False

    def set(self):
        """The thread has ended already."""


def test_it_writes_seldom_however_often_it_is_told(tmp_path, monkeypatch):
    """Told 25 times before each of 20 looks; then a minute in which nothing happens"""
    written, clock = [], FalseTime()
    monkeypatch.setattr(events, "time", clock)
    monkeypatch.setattr(events, "write", lambda _, facts: written.append((clock.now, facts["state"])))

    def busy():
        for i in range(25):
            note("iterating", iteration=i, iterations=500)

    note = Status(team(), tmp_path, "star")
    note._over = Looks(clock, [busy] * 20 + [lambda: None] * 30)
    with note:
        note._thread.join(patience(10))
    told = [(2.0 * look, "iterating") for look in range(1, 21)]  # the clock of the thread begins at 0, too
    quiet = [(seconds, "iterating") for seconds in (52.0, 64.0, 76.0, 88.0, 100.0)]  # the first after 10 s
    assert written == [(0.0, "starting"), *told, *quiet, (0.0, "done")]


def test_a_folder_that_has_gone_does_not_disturb_the_run(tmp_path):
    with Status(team(), tmp_path / "gone", "star") as note:
        note("reading")
    assert list(tmp_path.iterdir()) == []


def test_the_number_of_a_slurm_job():
    assert events.slurm_job({}) == "" and events.slurm_job({"SLURM_JOB_ID": "7"}) == "7"
    array = {"SLURM_JOB_ID": "9", "SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "2"}
    assert events.slurm_job(array) == "7_2"


def test_how_the_iterations_stand_is_told_to_the_log(tmp_path):
    said = []
    with Status(team(), tmp_path, "x", Hears(said)) as note:
        note("reading")
        note("iterating", iteration=0, iterations=9)
        note("iterating", R=0.2, llk=1.25)
        note._past[0] = (note._past[0][0] - 1200, 0)
        note("iterating", iteration=3, iterations=9, engine="DM", error=0.0312)
    assert said == [(0, 9, ""), (3, 9, ", DM: error 0.0312, R 0.2, llk 1.25, 0.0025/s, 40 min left")]


def test_the_first_iteration_in_which_kernels_are_compiled_tells_no_time(tmp_path, monkeypatch):
    """60 s of the first, 1 s of each other"""
    said, clock = [], FalseTime()
    monkeypatch.setattr(events, "time", clock)
    with Status(team(), tmp_path, "x", Hears(said)) as note:
        for k in range(4):
            note("iterating", iteration=k, iterations=11)
            clock.spend(60 if k == 0 else 1)
    assert [words for _, _, words in said] == ["", "", ", 1/s, 9 s left", ", 1/s, 8 s left"]


def test_how_far_a_step_over_blocks_is(tmp_path, monkeypatch):
    """8 rows of which 2 are made in 40 s; then another step, of which nothing is known yet; then the end"""
    said, clock = [], FalseTime()
    monkeypatch.setattr(events, "time", clock)
    with Status(team(), tmp_path, "x", Hears(said)) as note:
        note("working", step="tomo", items_done=0, items=8, items_are="rows")
        clock.spend(40)
        note("working", step="tomo", items_done=2, items=8, items_are="rows")
        assert said == [(2, 8, ", 2 min left", "tomo", "rows")]
        assert (note.facts["items_done"], note.facts["items"], note.facts["eta"]) == (
            2,
            8,
            pytest.approx(120),
        )
        note("working", step="map", items_done=0, items=9, items_are="frames")
        assert "eta" not in note.facts and note.facts["step"] == "map" and len(said) == 1
        note("iterating", iteration=1, iterations=9)
        assert not {"step", "items_done", "items"} & note.facts.keys() and said[1:] == [(1, 9, "")]


def test_each_engine_is_an_event_with_its_first_iteration(tmp_path):
    """Also where a chain of the same engine follows, and none where figures of the last iteration come"""
    with Status(team(), tmp_path, "x") as note:
        for first, engine in ((1, "DM"), (3, "ML")):
            for i in (first, first + 1):
                note("iterating", iteration=i, iterations=4, engine=engine, error=0.1)
            note("iterating", R=0.2)
        note("iterating", iteration=0, iterations=1)
        note("iterating", iteration=1, iterations=1, engine="ML", error=0.1)
    told = [(e["engine"], e["iteration"]) for e in happened(tmp_path) if e["event"] == "engine"]
    assert told == [("DM", 1), ("ML", 3), ("ML", 1)]
    assert [json.loads(line)["i"] for line in (tmp_path / "history.jsonl").read_text().splitlines()][-1] == 1


def test_work_for_the_thread_is_done_between_its_looks(tmp_path, fast):
    done = []
    with Status(team(), tmp_path, "x") as note:
        note.later(lambda: done.append(1))
        assert until(lambda: done == [1])
