"""A watched folder: each new complete file is taken once, whatever happens; runs are played here, quickly.

Real runs, kills and files that grow: test_watch_folder_runs.
"""

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nanompi.cli import main
from nanompi.errors import DataError, ResourceError
from nanompi.workflow.folder import files, watcher
from nanompi.workflow.folder.child import Answer, Child, reason
from nanompi.workflow.folder.options import PATTERNS, Options
from nanompi.workflow.folder.rounds import start
from nanompi.workflow.folder.state import Entry, State, ask_again, known, place
from nanompi.workflow.folder.task import Task, Template
from nanompi.workflow.folder.watcher import Watcher

GOOD = Answer(0, told={"code": 0, "faults": [], "notes": [], "shape": [100, 32, 32]})


class Killed(BaseException):
    """What a kill -9 leaves: nothing after it is done."""


class Play(Task):
    """Runs nothing: the text of a file says what becomes of it. ran : (file, run folder, settings)"""

    ran: list = []
    kill = ""

    def complete(self, path, *more):
        self.die("check")
        text = Path(path).read_text()
        if "half" in text and not more:
            return Answer(3, "100 frames and 99 positions")
        frames = len(text.split()) * 10
        return Answer(2, "no such step") if "wrong job" in text else Answer(0, told={"shape": [frames]})

    def run(self, path, entry, *more):
        self.die("run")
        self.ran.append((Path(path).name, Path(entry.run).name, more))
        code = next((int(w[4:]) for w in Path(path).read_text().split() if w.startswith("code")), 0)
        (Path(entry.run) / "result.h5").touch()
        self.die("end")
        return Answer(code, "why not" if code else "")

    def die(self, where):
        if self.kill == where:
            self.kill = ""
            raise Killed

    def verdict(self, entry):
        return "good"


class Scene:
    """A folder `raw`, and watchers of it, one after the other; `now` is their clock."""

    def __init__(self, folder, monkeypatch):
        self.raw, self.runs, self.now, self.told = folder / "raw", folder / "runs" / "job", 1000.0, []
        self.raw.mkdir()
        (folder / "job.yaml").write_text("nanompi: 1\n")
        self.place = place(self.runs, str(self.raw))
        self.place.mkdir(parents=True)
        template = Template(str(folder / "job.yaml"), "input.file", [], self.runs)
        self.task = Play(template, Child(self.place / "last.txt"))
        self.task.ran = []
        monkeypatch.setattr(watcher.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(watcher.time, "time", lambda: self.now + 1e9)

    def file(self, name, text="whole", age=100.0):
        path = self.raw / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{name} {text}")
        os.utime(path, (1e9 + age, 1e9 + age))
        return path

    def watch(self, looks=3, pause=10.0, **options) -> int:
        """A watcher that looks so often, and is stopped then."""
        left = [looks]

        def rest(seconds):
            self.now += pause
            left[0] -= 1

        def tell(event, name="", **facts):
            self.told.append((event, name))

        state = State(self.place, str(self.raw), "job.yaml")
        own = Watcher(str(self.raw), state, self.task, Options(**options), tell, rest, lambda: left[0] <= 0)
        return own.work()

    def states(self):
        return {name: entry.state for name, entry in State(self.place, "", "").entries.items()}

    @property
    def taken(self):
        return [name for name, *_ in self.task.ran]


@pytest.fixture
def scene(tmp_path, monkeypatch):
    return Scene(tmp_path, monkeypatch)


def test_what_was_there_is_left_and_what_comes_is_taken_once_in_the_order_of_its_times(scene):
    scene.file("old.h5")
    assert scene.watch() == 0
    scene.file("b.h5", age=50)
    scene.file("a.h5", age=60)
    assert scene.watch() == 0 and scene.watch() == 0
    assert scene.taken == ["b.h5", "a.h5"]
    assert scene.states() == {"old.h5": "left", "b.h5": "done", "a.h5": "done"}


def test_all_takes_what_was_there(scene):
    scene.file("old.h5")
    scene.watch(old=True)
    assert scene.taken == ["old.h5"]


def test_what_comes_while_no_watcher_is_there_is_not_lost(scene):
    scene.watch()
    scene.file("a.h5")
    scene.watch()
    assert scene.taken == ["a.h5"]


@pytest.mark.parametrize("where", ["check", "run", "end"])
def test_a_kill_at_any_place_loses_no_file_and_takes_none_twice(scene, where):
    scene.watch()
    scene.file("a.h5")
    scene.file("b.h5", age=200)
    scene.task.kill = where
    with pytest.raises(Killed):
        scene.watch()
    assert scene.watch() == 0
    folders = {run for _, run, _ in scene.task.ran}
    assert set(scene.states().values()) == {"done"} and len(folders) == 2  # a run goes on in its own folder


@pytest.mark.parametrize("number", range(8))
def test_a_kill_at_any_writing_of_the_state(scene, monkeypatch, number):
    """Before the rename: what was to be written is lost; it is done again in the same folder."""
    scene.watch()
    for k in range(3):
        scene.file(f"{k}.h5", age=k)
    write, left = State.write, [number]

    def killed(self):
        left[0] -= 1
        if left[0] == -1:
            raise Killed
        write(self)

    monkeypatch.setattr(State, "write", killed)
    with pytest.raises(Killed):
        scene.watch()
    assert scene.watch() == 0
    assert scene.states() == dict.fromkeys(["0.h5", "1.h5", "2.h5"], "done")
    runs = {name: {run for n, run, _ in scene.task.ran if n == name} for name in scene.taken}
    assert all(len(folders) == 1 for folders in runs.values())


def test_a_file_that_grows_waits(scene):
    scene.watch()
    for k in range(5):
        scene.file("a.h5", "x" * k, age=k)
        scene.watch(looks=2, pause=5)
    assert scene.taken == []
    scene.watch()
    assert scene.taken == ["a.h5"]


def test_times_of_files_are_not_compared_with_a_clock(scene):
    scene.watch()
    scene.file("future.h5", age=1e9)
    scene.file("past.h5", age=-9e8)
    scene.watch()
    assert sorted(scene.taken) == ["future.h5", "past.h5"]


def test_a_renamed_copied_linked_or_touched_file_is_the_same(scene):
    scene.watch()
    scene.file("a.h5")
    scene.watch()
    os.rename(scene.raw / "a.h5", scene.raw / "b.h5")
    (scene.raw / "c.h5").symlink_to("b.h5")
    scene.watch()
    os.utime(scene.raw / "b.h5", (5, 5))
    scene.watch()
    assert scene.taken == ["a.h5"]
    assert scene.states() == {"a.h5": "done", "b.h5": "same", "c.h5": "same"}


def test_a_file_that_changes_after_its_run_is_taken_again(scene):
    scene.watch()
    scene.file("a.h5")
    scene.watch()
    scene.file("a.h5", "more frames", age=300)
    scene.watch()
    assert scene.taken == ["a.h5", "a.h5"] and ("changed", "a.h5") in scene.told


@pytest.mark.parametrize(
    "name", [".a.h5.Xk3f2a", ".hidden.h5", "a.h5.part", "a.h5~", "notes.txt", "below/a.h5", "A.H5.TMP"]
)
def test_what_is_no_file_of_ours_is_not_taken(scene, name):
    scene.watch()
    scene.file(name)
    scene.watch()
    assert scene.taken == []


def test_patterns_reach_into_folders(scene):
    for name in ("a_master.h5", "a_data_000001.h5", "s1/b_master.h5"):
        scene.file(name)
    (scene.raw / "s1" / "s2").mkdir()
    scene.file("s1/s2/c_master.h5")
    (scene.raw / "round").symlink_to(".")
    look = lambda *patterns: list(files.look(str(scene.raw), patterns))  # noqa: E731
    assert look("*_master.h5") == ["a_master.h5"]
    assert look("*/*_master.h5") == ["s1/b_master.h5"]
    assert look("**/*_master.h5") == ["a_master.h5", "s1/b_master.h5", "s1/s2/c_master.h5"]
    assert look("**/**/**/**/**/**/**/*.h5") == look("**/*.h5") and len(look("**/*.h5")) == 4
    below = files.look(str(scene.raw), ["**/*_master.h5"], str(scene.raw / "s1" / "s2"))  # where the runs are
    assert list(below) == ["a_master.h5", "s1/b_master.h5"]


def test_fifos_dangling_links_and_folders_are_no_files(scene):
    os.mkfifo(scene.raw / "a.h5")
    (scene.raw / "b.h5").symlink_to("nowhere")
    (scene.raw / "c.h5").mkdir()
    assert files.look(str(scene.raw), PATTERNS) == {}


def test_odd_names_are_taken_and_told_and_what_no_job_can_name_is_refused(scene):
    task = Task(scene.task.template, scene.task.child)
    assert task.template.words("/raw/a: [b] #\n\x1b.h5")[1] == 'input.file="/raw/a: [b] #\\n\\u001b.h5"'
    assert task.complete(os.fsdecode(b"/raw/a\xff.h5")).code == 3
    scene.watch()
    (scene.raw / os.fsdecode(b"a\xff.h5")).write_text("whole")
    scene.file("b\n.h5")
    scene.watch()
    assert set(State(scene.place, "", "").entries) == {os.fsdecode(b"a\xff.h5"), "b\n.h5"}


def test_a_writers_lock_holds_a_file_back(scene):
    scene.watch()
    path = scene.file("a.h5")
    with open(path) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        scene.watch()
        assert scene.taken == [] and ("waits", "a.h5") in scene.told
    with open(path, "r+b") as file:  # as NFS has it
        fcntl.lockf(file, fcntl.LOCK_EX)
        asked = (
            "import sys; from nanompi.workflow.folder.files import held_by_writer as h; print(h(sys.argv[1]))"
        )
        done = subprocess.run([sys.executable, "-c", asked, path], capture_output=True, text=True)
        assert done.stdout == "True\n"
    scene.watch()
    assert scene.taken == ["a.h5"]


def test_half_a_scan_is_told_looked_at_ever_less_often_and_fails_at_last(scene):
    scene.watch()
    scene.file("a.h5", "half")
    assert scene.watch(patience=200) == 0
    assert scene.states() == {"a.h5": "waiting"}
    assert scene.watch(looks=60, patience=200) == 7
    assert scene.states() == {"a.h5": "failed"}
    entry = State(scene.place, "", "").entries["a.h5"]
    assert entry.code == 3 and "99 positions" in entry.reason and entry.tries < 8
    scene.file("a.h5", "whole", age=400)
    assert scene.watch() == 0 and scene.states() == {"a.h5": "done"}


def test_a_run_that_fails_is_not_tried_again_unasked(scene):
    scene.watch()
    scene.file("a.h5", "code5")
    assert scene.watch(looks=5) == 7 and scene.watch(looks=100) == 0
    assert scene.taken == ["a.h5"] and scene.states() == {"a.h5": "failed"}
    ask_again(scene.place, known(State(scene.place, "", ""), ["failed"]))
    assert scene.watch(looks=5) == 7
    assert scene.taken == ["a.h5", "a.h5"] and len({run for _, run, _ in scene.task.ran}) == 2
    assert not list(scene.place.glob("again-*"))


def test_again_takes_what_was_left_and_refuses_what_is_unknown(scene):
    scene.file("old.h5")
    scene.watch()
    state = State(scene.place, "", "")
    with pytest.raises(DataError, match=r'did you mean "old\.h5"'):
        known(state, ["odl.h5"])
    ask_again(scene.place, known(state, ["old.h5"]))
    scene.watch()
    assert scene.taken == ["old.h5"]


def test_a_job_with_a_fault_stops_no_file_for_good(scene):
    scene.watch()
    path = scene.file("a.h5", "wrong job")
    scene.watch(looks=20)
    assert scene.states() == {"a.h5": "waiting"} and scene.told.count(("waits", "a.h5")) == 1
    facts = path.stat()
    path.write_text("a.h5 right job")
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))  # the file is as it was; now the job is mended
    Path(scene.task.template.file).write_text("nanompi: 1\nname: mended\n")
    scene.watch()
    assert scene.taken == ["a.h5"]


def test_missing_means_are_waited_for_in_the_same_folder_and_not_for_ever(scene):
    scene.watch()
    scene.file("a.h5", "code4")
    scene.watch(looks=400)
    assert scene.states() == {"a.h5": "failed"}
    assert len(scene.taken) == watcher.RESOURCES and len({run for _, run, _ in scene.task.ran}) == 1


def test_nothing_is_begun_on_a_full_disk_and_nothing_is_lost(scene, monkeypatch):
    scene.watch()
    scene.file("a.h5")
    monkeypatch.setattr(watcher, "ROOM", 1 << 62)
    scene.watch()
    assert scene.taken == [] and scene.told.count(("stands still", "")) == 1
    monkeypatch.undo()
    write = State.write

    def full(self):
        raise ResourceError("no space left")

    monkeypatch.setattr(State, "write", full)
    scene.task.template.last = None
    scene.watch()
    assert scene.taken == []  # what cannot be written down is not begun
    monkeypatch.setattr(State, "write", write)


def test_a_folder_that_is_not_there_for_a_while_loses_nothing(scene):
    scene.watch()
    scene.file("a.h5", "half")
    scene.watch()
    os.rename(scene.raw, scene.raw.with_name("away"))
    scene.watch()
    scene.raw.mkdir()
    scene.watch()  # an empty mount point
    scene.raw.rmdir()
    os.rename(scene.raw.with_name("away"), scene.raw)
    scene.file("a.h5", age=500)
    scene.watch()
    assert scene.taken == ["a.h5"]


def test_once_ends_by_itself(scene):
    scene.file("a.h5")
    assert scene.watch(looks=10**6, pause=1, once=True, old=True) == 0
    scene.file("b.h5", "half")
    assert scene.watch(looks=10**6, pause=1, once=True) == 7
    assert scene.states() == {"a.h5": "done", "b.h5": "waiting"}


def test_rounds_begin_with_the_last_and_end_with_all(scene):
    """10 frames a word, the first look at 30: rounds at 30, 50 and 80, each 1.5 times the last or more."""
    scene.watch()
    for k in range(1, 10):
        scene.file("a.h5", "half " + "x " * k, age=k)
        scene.watch(looks=2, pause=5, live=True, least=20)
    counts = [(run, more) for _, run, more in scene.task.ran]
    assert len(counts) == 3 and counts[0][1] == ("input.live=true",)
    assert [f'"{scene.runs}/{counts[k][0]}"' in counts[k + 1][1][-1] for k in range(2)] == [True] * 2
    scene.file("a.h5", "whole " + "x " * 10, age=100)
    scene.watch(live=True, least=20)
    last = scene.task.ran[-1]
    assert scene.states() == {"a.h5": "done"} and "input.live=true" not in last[2]
    assert last[2][:1] == ("steps.ptycho.object.start=file",)


def test_a_round_that_was_killed_is_given_up_and_the_file_goes_on(scene):
    scene.watch()
    scene.file("a.h5", "half x x x", age=1)
    scene.task.kill = "run"
    with pytest.raises(Killed):
        scene.watch(live=True, least=20)
    assert scene.states() == {"a.h5": "live"}
    scene.file("a.h5", "whole x x x x", age=2)
    scene.watch(live=True, least=1000)
    assert scene.states() == {"a.h5": "done"}
    assert start(Entry(1, 1, "waiting", round="/nowhere")) == []


def test_a_state_that_cannot_be_right_is_refused(tmp_path):
    for text in ("", "[]", "{}", '{"files": []}', '{"files": {"a": {"state": "x"}}}', '{"files": {"a": 1}}'):
        (tmp_path / "state.json").write_text(text)
        with pytest.raises(DataError, match=r"state\.json does not hold"):
            State(tmp_path, "/raw", "job.yaml")


def test_a_million_looks_leave_nothing_behind(scene):
    """What is kept in memory is of files that are there, or are known."""
    state = State(scene.place, str(scene.raw), "")
    own = Watcher(str(scene.raw), state, scene.task, Options(), lambda *a, **k: None, None, lambda: False)
    own.rounds = watcher.Rounds(own)
    for k in range(50):
        path = scene.file(f"{k}.h5", "half")
        own._look()
        scene.now += 20
        own._look()
        path.unlink()
        own._look()
    assert not (own.still.since or own.said or state.entries or own.rounds.next or state.stamps)


def test_the_reason_of_an_end_is_its_last_words():
    assert reason("[ 0.1 s] x\nnanompi: a.h5: no frames;\nwrite more\n", 3) == "a.h5: no frames; write more"
    assert (
        reason("", 137) == "ended by signal 9" and reason("Segmentation fault", 139) == "Segmentation fault"
    )


def test_the_name_of_a_job_and_its_folder_are_read_with_what_it_extends_and_sets(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("base.yaml").write_text("nanompi: 1\nname: tooth\noutput: {folder: results}\n")
    Path("job.yaml").write_text("extends: base.yaml\n")
    assert Template.of("job.yaml", "input.file", []).runs == Path("results/tooth")
    found = Template.of("job.yaml", "input.file", ["name=other"], "out")
    assert found.runs == Path("out/other") and found.kind == "run"
    Path("w.yaml").write_text(json.dumps({"nanompi": 1, "stages": {}}))
    assert Template.of("w.yaml", "stages.a.input.file", []).kind == "workflow"


def test_a_workflow_wants_to_know_into_which_stage_a_file_goes(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "raw").mkdir()
    (tmp_path / "w.yaml").write_text("nanompi: 1\nstages:\n  scans: {input: {file: x.h5}, steps: [ptycho]}\n")
    assert main(["watch-folder", "raw", "w.yaml", "--once"]) == 2
    assert "--key stages.scans.input.file" in capsys.readouterr().err
