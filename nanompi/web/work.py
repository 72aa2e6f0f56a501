"""Processes that read files and job texts for the page: what is broken or hostile harms them alone.

Each does one task after the other (nanompi.web.child). One that takes too long is killed, with all that it
has started; one that has died or has done many tasks is replaced by a new one.
"""

import asyncio
import json
import os
import signal
from contextlib import suppress
from typing import Any

from nanompi.errors import DataError
from nanompi.mpi.children import bound, python

WAITING = 20  # tasks that wait; more are refused
TASKS = 200  # of one process
UNUSED = 300.0  # seconds after which a process without a task ends
LARGEST = 64 << 20  # bytes of an answer
AT_ONCE = 2 << 20  # bytes that are read ahead: with few of them the two processes wait for each other


class TooBusy(Exception):
    """All processes have work, and enough tasks wait already."""


class Task(Exception):
    """What a task says of its failure. code : exit code of the error; detail : of its faults, JSON."""

    def __init__(self, words: str, code: int = 3, detail: Any = None):
        super().__init__(words)
        self.code, self.detail = code, detail


class Worker:
    """One process. done : tasks so far"""

    process: asyncio.subprocess.Process | None = None
    done = 0

    @property
    def alive(self) -> bool:
        """Is there a process?"""
        return self.process is not None and self.process.returncode is None

    async def ask(self, task: str, words: dict) -> tuple[Any, bytes]:
        """Do one task; its answer as a tree and as bytes. Errors: EOFError where the process died."""
        if not self.alive or self.done >= TASKS:
            await self._renew()
        self.done += 1
        line = json.dumps([task, words]).encode() + b"\n"
        try:
            self.process.stdin.write(line)
            await self.process.stdin.drain()
            head, body = (int(size) for size in (await self._read(32)).split())
            if head + body > LARGEST:
                raise EOFError
            return json.loads(await self._read(head)), await self._read(body)
        except (OSError, ValueError):  # it has gone, or writes what it should not
            raise EOFError from None

    async def _read(self, size: int) -> bytes:
        return await self.process.stdout.readexactly(size)

    async def _renew(self):
        await self.end()
        pipe, self.done = asyncio.subprocess.PIPE, 0
        own = {"stdin": pipe, "stdout": pipe, "stderr": asyncio.subprocess.DEVNULL, "limit": AT_ONCE}
        command = bound(python("-m", "nanompi.web.child"), signal.SIGKILL)  # killed with the page, too
        self.process = await asyncio.create_subprocess_exec(*command, **own, start_new_session=True)

    async def end(self):
        """Kill the process and its children, if it is there."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            await self.process.wait()
            self.process._transport.close()
            self.process = None


class Workers:
    """So many processes, which are started when they are needed."""

    def __init__(self, number: int = 2):
        self.all = [Worker() for _ in range(number)]
        self.free = list(self.all)
        self.slots = asyncio.Semaphore(number)
        self.waiting = 0
        self._unused: asyncio.TimerHandle | None = None
        self._preparing: asyncio.Task | None = None

    def prepare(self):
        """Somebody has come who will ask soon: one process loads what it needs; not a second one."""
        begun = self._preparing is not None and not self._preparing.done()
        if not begun and not any(worker.alive for worker in self.all):
            self._preparing = asyncio.create_task(self._ready())

    async def _ready(self):
        with suppress(DataError, TooBusy, Task):
            await self.ask("ready")

    async def ask(self, task: str, /, seconds: float = 30.0, **words) -> tuple[Any, bytes]:
        """Do one task within a time. Errors: DataError (also where it takes too long), TooBusy, Task."""
        if self.waiting >= WAITING:
            raise TooBusy
        self.waiting += 1
        try:
            async with self.slots:
                return _good(await self._ask(task, seconds, words))
        finally:
            self.waiting -= 1

    async def _ask(self, task: str, seconds: float, words: dict) -> tuple[Any, bytes]:
        worker = self.free.pop()
        try:
            async with asyncio.timeout(seconds):
                return await worker.ask(task, words)
        except TimeoutError:
            await worker.end()
            raise DataError(f"it took more than {seconds:.0f} s and was ended") from None
        except EOFError:  # readexactly's IncompleteReadError is one
            await worker.end()
            raise DataError(
                "the process that read it broke down: damaged, or larger than it may be"
            ) from None
        except asyncio.CancelledError:  # the browser has gone; half an answer is in the pipe
            await worker.end()
            raise
        finally:
            self.free.append(worker)
            self._watch()

    def _watch(self):
        """End the processes when nothing was asked for a while."""
        if self._unused is not None:
            self._unused.cancel()
        loop = asyncio.get_running_loop()
        self._unused = loop.call_later(UNUSED, lambda: loop.create_task(self.end_unused()))

    async def end_unused(self):
        """End those without a task."""
        for worker in list(self.free):
            await worker.end()

    async def end(self):
        """End all."""
        for worker in self.all:
            await worker.end()


def _good(answer: tuple[Any, bytes]) -> tuple[Any, bytes]:
    tree, body = answer
    if "fault" in tree:
        raise Task(tree["fault"], tree.get("code", 3), tree.get("detail"))
    return tree["answer"], body
