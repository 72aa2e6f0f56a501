"""One job in a run folder: live holders are named, dead ones make way."""

import json
import os
import subprocess
import sys
import threading

import pytest

from nanompi.errors import ResourceError
from nanompi.run import lock
from nanompi.run.lock import Lock
from tests.patience import until


def holder(folder, **told):
    """A lock as another process would have written it."""
    own = {"host": "node7", "machine": "another", "pid": 4711, "start": "1", "count": 0}
    (folder / ".lock-0003").write_text(json.dumps(own | told))


def test_a_live_holder_is_named_and_a_free_folder_is_taken(tmp_path):
    with Lock(tmp_path), pytest.raises(ResourceError, match=rf"in use by process {os.getpid()} on ") as e:
        Lock(tmp_path)
    assert e.value.code == 4
    with Lock(tmp_path):
        assert [p.name for p in tmp_path.iterdir()] == [".lock-0002"]


def test_a_dead_process_of_this_machine_makes_way_at_once(tmp_path):
    child = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True)
    holder(tmp_path, machine=lock._machine(), pid=int(child.stdout), start="123")
    with Lock(tmp_path):
        assert [p.name for p in tmp_path.iterdir()] == [".lock-0004"]


def test_a_number_that_is_used_again_is_not_the_holder(tmp_path):
    holder(tmp_path, machine=lock._machine(), pid=os.getpid(), start="123")
    with Lock(tmp_path) as held:
        assert [p.name for p in tmp_path.iterdir()] == [".lock-0004"]
        assert lock._read(held.path)["pid"] == os.getpid() and lock._read(held.path)["start"] != "123"


def test_a_holder_elsewhere_is_alive_as_long_as_its_count_goes_up(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "BEAT", 0.05)
    monkeypatch.setattr(lock, "PATIENCE", 0.4)
    holder(tmp_path)
    beat = threading.Timer(0.1, lambda: holder(tmp_path, count=1))
    beat.start()
    with pytest.raises(ResourceError, match="in use by process 4711 on node7"):
        Lock(tmp_path)
    with Lock(tmp_path):  # it has stopped
        pass


def test_the_count_goes_up(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "BEAT", 0.02)
    with Lock(tmp_path) as held:
        counts = [until(lambda: lock._read(held.path)["count"] + 1)]
        for _ in range(2):
            until(lambda: lock._read(held.path)["count"] + 1 > counts[-1])
            counts.append(lock._read(held.path)["count"] + 1)
    assert counts[0] < counts[1] < counts[2]


@pytest.fixture
def quick(monkeypatch):
    """Beats that a test need not wait for."""
    monkeypatch.setattr(lock, "BEAT", 0.02)
    monkeypatch.setattr(lock, "PATIENCE", 0.3)


def dead(folder):
    """A lock of a process that is gone."""
    holder(folder, machine=lock._machine(), pid=1 << 22, start="123")


def while_it_looks(monkeypatch, happens):
    """Others do something between the first look at a holder and what follows from it."""
    living, first = lock._living, []

    def looked(path):
        told = living(path)
        if not first:
            first.append(1)
            happens()
        return told

    monkeypatch.setattr(lock, "_living", looked)


def test_only_one_of_two_takes_over(tmp_path, monkeypatch):
    """Both have seen the same dead holder; the next number exists by the time the second makes it."""
    dead(tmp_path)
    others = []
    while_it_looks(monkeypatch, lambda: others.append(Lock(tmp_path)))
    with pytest.raises(ResourceError, match=rf"in use by process {os.getpid()} on "):
        Lock(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == [".lock-0004"]
    others[0].__exit__()


def test_a_number_that_others_have_used_and_removed_meanwhile_is_no_lock(tmp_path, monkeypatch):
    """One takes over (4) and ends, another holds (5) and has removed 4: who would still make 4 is late."""
    dead(tmp_path)
    others = []

    def two_others():
        with Lock(tmp_path) as first:
            assert first.path.name == ".lock-0004"
        others.append(Lock(tmp_path))

    while_it_looks(monkeypatch, two_others)
    with pytest.raises(ResourceError, match=rf"in use by process {os.getpid()} on "):
        Lock(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == [".lock-0005"]
    others[0].__exit__()


def test_who_is_late_takes_the_folder_when_the_others_have_ended(tmp_path, monkeypatch):
    dead(tmp_path)

    def two_others():
        for _ in range(2):
            with Lock(tmp_path):
                pass

    while_it_looks(monkeypatch, two_others)
    with Lock(tmp_path) as own:
        assert [p.name for p in tmp_path.iterdir()] == [own.path.name] == [".lock-0006"]


ODD = [b"", b"\xff\xfe{", b"[1,2]", b"7", b"null", b"[" * 100_000, b'{"machine": 5, "pid": 1}']
HERE = ['{"machine": "M"}', '{"machine": "M", "pid": "../../x", "start": "5"}', '{"machine": "M", "pid": 1}']


@pytest.mark.parametrize("text", ODD + [t.replace("M", lock._machine()).encode() for t in HERE])
def test_an_odd_lock_makes_way(tmp_path, quick, text):
    (tmp_path / ".lock-0001").write_bytes(text)
    with Lock(tmp_path) as own:
        assert own.path.name == ".lock-0002"


def test_links_fifos_and_folders_for_a_lock_make_way_and_are_not_written(tmp_path, quick):
    victim = tmp_path / "victim"
    victim.write_text(json.dumps({"free": False}))
    for make in (lambda p: p.symlink_to(victim), os.mkfifo, os.mkdir, lambda p: p.symlink_to("nowhere")):
        folder = tmp_path / f"run-{make}"
        folder.mkdir()
        make(folder / ".lock-0001")
        (folder / "..lock-0002.new").symlink_to(victim)
        with Lock(folder):
            pass
        assert victim.read_text() == '{"free": false}'


HOLD = """
import os, random, sys, time
from nanompi.run import lock
from nanompi.errors import ResourceError
lock.BEAT, lock.PATIENCE = 0.05, 0.5
folder, seed = sys.argv[1], int(sys.argv[2])
dice, held = random.Random(seed), 0
while held < 12:
    time.sleep(0.02 * dice.random())
    try:
        taken = lock.Lock(folder)
    except ResourceError:
        continue
    os.close(os.open(folder + "/held", os.O_CREAT | os.O_EXCL))  # FileExistsError: there are two holders
    time.sleep(0.01 * dice.random())
    os.unlink(folder + "/held")
    held += 1
    if dice.random() < 0.3:
        taken.over.set(); taken.thread.join()  # as if it had been killed: the lock stays
        lock._write(taken.path, {"machine": lock._machine(), "pid": 1 << 22, "start": "1"})
        continue
    taken.__exit__()
"""


@pytest.mark.slow
def test_of_many_processes_one_holds_the_folder_at_a_time(tmp_path):
    """Eight processes take, leave and lose one folder 96 times; each would meet the mark of another."""
    run = [sys.executable, "-c", HOLD, str(tmp_path)]
    children = [subprocess.Popen([*run, str(k)], stderr=subprocess.PIPE, text=True) for k in range(8)]
    said = [child.communicate()[1] for child in children]
    assert [child.returncode for child in children] == [0] * 8, said
    assert len(list(tmp_path.glob(".lock-*"))) <= 2


LOSE = """
import sys, time
from nanompi.run import lock
lock.BEAT = 0.05
with lock.Lock(sys.argv[1]):
    print("holds", flush=True)
    time.sleep(600)
"""


def test_a_holder_that_was_taken_for_dead_ends_at_once(tmp_path):
    child = subprocess.Popen(
        [sys.executable, "-c", LOSE, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert child.stdout.readline() == "holds\n"
    (tmp_path / ".lock-0002").write_text(json.dumps({"host": "node9", "pid": 12}))
    said = child.communicate()[1]
    assert child.returncode == 4 and "has been taken over by another run" in said
