"""The processes that read for the page: those that hang, crash, grow or have done enough are replaced."""

import asyncio
import os
import signal
import subprocess
import sys

import pytest

from nanompi.errors import DataError
from nanompi.web import work
from nanompi.web.work import Task, TooBusy, Workers
from tests.patience import patience, until
from tests.web.serving import ROOT

CHILD = """
import nanompi.web.child as child
child.CPU = {cpu}
child.TASKS = {{n: f"tests.web.tasks:{{n}}" for n in "echo hang crash memory nothing burn mask".split()}}
child.main()
"""


@pytest.fixture
def ask(monkeypatch, tmp_path):
    """ask(number of processes, coroutine function of Workers): what it gives; nothing is left behind"""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))

    def run(talk, number=1, cpu=60):
        command = [sys.executable, "-c", CHILD.format(cpu=cpu)]
        monkeypatch.setattr(work, "python", lambda *_: command)

        async def whole():
            workers = Workers(number)
            try:
                return await talk(workers)
            finally:
                await workers.end()

        return asyncio.run(whole())

    return run


def gone(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def test_tasks_answer_in_trees_and_bytes_by_the_same_process(ask):
    async def talk(workers):
        return [await workers.ask("echo", text=text) for text in "ab"]

    (first, one), (second, two) = ask(talk)
    assert first["text"] == "a" and one == b"a" * 100_000 and two == b"b" * 100_000
    assert first["pid"] == second["pid"] != os.getpid()


@pytest.mark.slow
def test_one_that_takes_too_long_is_killed_with_its_children(ask, tmp_path):
    file = tmp_path / "pids"

    async def talk(workers):
        await workers.ask("echo", text="a")  # it has started
        with pytest.raises(DataError, match="more than 2 s"):
            await workers.ask("hang", seconds=2, file=str(file))
        return await workers.ask("echo", text="b")

    assert ask(talk)[0]["text"] == "b"
    pids = [int(word) for word in file.read_text().split()]
    assert len(pids) == 2
    until(lambda: all(map(gone, pids)))


@pytest.mark.parametrize("task, words", [("crash", "broke down"), ("memory", "memory"), ("nothing", "JSON")])
def test_one_that_breaks_costs_a_message(ask, task, words):
    async def talk(workers):
        with pytest.raises((DataError, Task), match=words):
            await workers.ask(task)
        return await workers.ask("echo", text="b")

    assert ask(talk)[0]["text"] == "b"


@pytest.mark.slow
def test_processor_time_is_bounded_for_each_task(ask):
    async def talk(workers):
        with pytest.raises(DataError, match="broke down"):
            await workers.ask("burn", seconds=patience(6))
        return await workers.ask("echo", text="b")

    assert ask(talk, cpu=1)[0]["text"] == "b"


def test_a_process_is_renewed_after_many_tasks(ask, monkeypatch):
    monkeypatch.setattr(work, "TASKS", 2)

    async def talk(workers):
        return [(await workers.ask("echo", text="a"))[0]["pid"] for _ in range(4)]

    a, b, c, d = ask(talk)
    assert a == b != c == d


def test_those_who_wait_are_bounded(ask, monkeypatch):
    monkeypatch.setattr(work, "WAITING", 3)

    async def talk(workers):
        asked = [asyncio.create_task(workers.ask("echo", text="a")) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(TooBusy):
            await workers.ask("echo", text="b")
        return await asyncio.gather(*asked)

    assert len(ask(talk)) == 3


def test_a_browser_that_goes_leaves_no_half_answer(ask, tmp_path):
    async def talk(workers):
        await workers.ask("echo", text="a")
        asked = asyncio.create_task(workers.ask("hang", file=str(tmp_path / "pids")))
        while not (tmp_path / "pids").exists():
            await asyncio.sleep(0.02)
        asked.cancel()
        return await workers.ask("echo", text="b")

    assert ask(talk)[0]["text"] == "b"


def test_files_are_for_their_owner_alone(ask, tmp_path):
    async def talk(workers):
        return await workers.ask("mask", file=str(tmp_path / "x"))

    assert ask(talk)[0] == 0o600


def test_processes_without_work_end(ask):
    async def talk(workers):
        pid = (await workers.ask("echo", text="a"))[0]["pid"]
        await workers.end_unused()
        return pid

    assert gone(ask(talk))


PAGE = """
import asyncio
from nanompi.web import work
work.python = lambda *_: {command!r}
asyncio.run(work.Workers(1).ask("hang", file={file!r}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent has gone")
def test_a_process_ends_with_a_page_that_was_killed(monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    command, file = [sys.executable, "-c", CHILD.format(cpu=60)], tmp_path / "pids"
    page = subprocess.Popen([sys.executable, "-c", PAGE.format(command=command, file=str(file))])
    until(lambda: file.exists() and len(file.read_text().split()) == 2, 30)
    reader, child = map(int, file.read_text().split())
    page.kill()
    page.wait()
    try:
        until(lambda: gone(reader), 10)
    finally:
        os.kill(child, signal.SIGKILL)
