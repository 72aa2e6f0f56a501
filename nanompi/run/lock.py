"""One job at a time in a run folder: RUN/.lock-0001, .lock-0002, ...; the highest number holds the folder.

A lock says host, process and a count that its holder raises every few seconds. A holder on this machine is
looked for by its process; one elsewhere is alive when its count goes up while we look: no clock is asked.
A lock is taken over by making the next number, which a file system lets only one succeed in. As that may
have been done, and undone, by others since we looked, who has made a number looks again and steps back where
there is a higher one; the highest number is never removed, so it only grows. A holder that meets a higher
number has been taken for dead (its machine slept, its disk was full) and ends at once.
"""

import json
import os
import re
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path

from nanompi.errors import ResourceError, complain
from nanompi.io.atomic import own, write_text

BEAT = 2.0  # seconds between two beats
PATIENCE = 5 * BEAT  # seconds without a beat after which the holder is gone
TRIES = 20  # takings that others may spoil
LONGEST = 4096  # bytes of a lock
LOCK = re.compile(r"\.lock-([0-9]+)")


class Lock:
    """`with Lock(folder): ...` in one process of the job. Errors: ResourceError naming host and process."""

    def __init__(self, folder: Path):
        self.folder, self.path, self.over = Path(folder).absolute(), None, threading.Event()
        self.thread = threading.Thread(target=self._beat, daemon=True)
        self._take()
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        with suppress(OSError):
            _write(self.path, {"free": True})

    def _take(self):
        for _ in range(TRIES):
            held = _locks(self.folder)
            holder = _living(held[-1]) if held else None
            if holder:
                raise self._held(holder)
            self.path = self.folder / f".lock-{_number(held[-1]) + 1 if held else 1:04d}"
            if self._made():
                break
        else:
            raise self._held({})
        for old in held:
            with suppress(OSError):
                old.unlink()

    def _made(self) -> bool:
        """Is the number ours, and the highest? While we looked at a holder, others may have come and gone."""
        try:
            with open(self.path, "xb", buffering=0) as file:
                file.write(_text(_own() | {"count": 0}))
        except FileExistsError:
            return False
        except OSError as e:
            raise ResourceError(f"{self.folder}: the run folder cannot be written: {e.strerror}") from None
        if self._newest():
            return True
        with suppress(OSError):
            self.path.unlink()
        return False

    def _newest(self) -> bool:
        return _number(_locks(self.folder)[-1]) <= _number(self.path)

    def _held(self, holder: dict) -> ResourceError:
        who = f"process {holder.get('pid', '?')} on {holder.get('host', 'an unknown host')}"
        return ResourceError(
            f"{self.folder} is in use by {who}; wait until it has ended, or end it (USR1 makes it keep "
            "its state first)"
        )

    def _beat(self):
        count = 0
        while not self.over.wait(BEAT):
            count += 1
            with suppress(OSError, IndexError):
                _write(self.path, _own() | {"count": count})
                if not self._newest():
                    _lost(self.folder)


def holder(folder: Path) -> dict | None:
    """What the lock of a folder says, when its holder is alive; nothing is taken. Errors: OSError."""
    held = _locks(folder)
    return _living(held[-1]) if held else None


def _lost(folder: Path):
    """Another process has the folder: nothing more may be written there, not even at the end of this one."""
    with suppress(OSError, ValueError):
        error = ResourceError(
            f"{folder} has been taken over by another run, which took this one for dead (it gave no sign of "
            f"life for {PATIENCE:.0f} s); this one ends"
        )
        complain(error)
    os._exit(ResourceError.code)


def _own() -> dict:
    return {
        "host": socket.gethostname(),
        "machine": _machine(),
        "pid": os.getpid(),
        "start": _start(os.getpid()),
    }


def _machine() -> str:
    """What two processes share when one sees the other in /proc: boot and space of process numbers."""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    return ""


def _start(pid: int) -> str:
    """When a process began, '' when there is none (a zombie is none): a number is used again some day."""
    with suppress(OSError):
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if words[0] in "ZX" else words[19]
    return ""


def _locks(folder: Path) -> list[Path]:
    return sorted((p for p in folder.iterdir() if LOCK.fullmatch(p.name)), key=_number)


def _number(path: Path) -> int:
    return int(LOCK.fullmatch(path.name)[1])


def _write(path: Path, facts: dict):
    write_text(path, _text(facts).decode())


def _text(facts: dict) -> bytes:
    return json.dumps(facts).encode()


def _read(path: Path) -> dict:
    """What a lock says; {} for what is none."""
    with suppress(OSError, ValueError, RecursionError):
        with open(path, "rb", buffering=0, opener=own) as file:
            facts = json.loads(file.read(LONGEST))
        return facts if isinstance(facts, dict) else {}
    return {}


def _living(path: Path) -> dict | None:
    """What the lock says, when its holder is alive."""
    holder = _read(path)
    if holder.get("free"):
        return None
    if holder.get("machine") and holder["machine"] == _machine():
        return holder if _runs(holder) else None
    begun = time.monotonic()
    while time.monotonic() - begun < PATIENCE:
        time.sleep(BEAT / 4)
        now = _read(path)
        if now.get("free"):
            return None
        if now and now != holder:
            return now
    return None


def _runs(holder: dict) -> bool:
    """Is there the process that a lock of this machine names?"""
    pid, start = holder.get("pid"), holder.get("start")
    return type(pid) is int and bool(start) and _start(pid) == start
