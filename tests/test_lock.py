"""One job in a run folder: live holders are named, dead ones make way."""

import json
import os
import subprocess
import sys
import threading

import pytest

from nanompi import lock
from nanompi.errors import ResourceError
from nanompi.lock import Lock


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
    with Lock(tmp_path):
        pass


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
    with Lock(tmp_path) as own:
        counts = set()
        while len(counts) < 3:
            counts.add(lock._read(own.path)["count"])


def test_only_one_of_two_takes_over(tmp_path, monkeypatch):
    """Both have seen the same dead holder; the next number exists by the time the second makes it."""
    holder(tmp_path, machine=lock._machine(), pid=1 << 22, start="123")
    monkeypatch.setattr(lock, "_living", lambda path: holder_of_4(tmp_path))
    with pytest.raises(ResourceError, match="in use by process 12 on node9"):
        Lock(tmp_path)


def holder_of_4(folder):
    (folder / ".lock-0004").write_text(json.dumps({"host": "node9", "pid": 12}))
