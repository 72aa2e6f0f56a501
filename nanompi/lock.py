"""One job at a time in a run folder: RUN/.lock-0001, .lock-0002, ...; the highest number holds the folder.

A lock says host, process and a count that its holder raises every few seconds. A holder on this machine is
looked for by its process; one elsewhere is alive when its count goes up while we look: no clock is asked.
A lock is taken over by making the next number, which a file system lets only one succeed in.
"""

import json
import os
import re
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path

from nanompi.errors import ResourceError

BEAT = 2.0  # seconds between two beats
PATIENCE = 5 * BEAT  # seconds without a beat after which the holder is gone
LOCK = re.compile(r"\.lock-(\d+)$")


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
        held = _locks(self.folder)
        if held:
            told = _living(held[-1])
            if told:
                raise self._held(told)
        number = _number(held[-1]) + 1 if held else 1
        self.path = self.folder / f".lock-{number:04d}"
        try:
            with open(self.path, "x", encoding="utf-8") as file:
                json.dump(_own() | {"count": 0}, file)
        except FileExistsError:
            raise self._held(_read(self.path)) from None
        except OSError as e:
            raise ResourceError(f"{self.folder}: the run folder cannot be written: {e.strerror}") from None
        for old in held:
            with suppress(OSError):
                old.unlink()

    def _held(self, told: dict) -> ResourceError:
        who = f"process {told.get('pid', '?')} on {told.get('host', 'an unknown host')}"
        return ResourceError(
            f"{self.folder} is in use by {who}; wait until it has ended, or end it (USR1 makes it keep "
            "its state first)"
        )

    def _beat(self):
        count = 0
        while not self.over.wait(BEAT):
            count += 1
            with suppress(OSError):
                _write(self.path, _own() | {"count": count})


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
    return sorted((p for p in folder.iterdir() if LOCK.search(p.name)), key=_number)


def _number(path: Path) -> int:
    return int(LOCK.search(path.name)[1])


def _write(path: Path, told: dict):
    """The whole text in one write: a reader sees the old one or the new one."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(json.dumps(told), encoding="utf-8")
    os.replace(beside, path)


def _read(path: Path) -> dict:
    with suppress(OSError, ValueError):
        return json.loads(path.read_text(encoding="utf-8"))
    return {}


def _living(path: Path) -> dict | None:
    """What the lock says, when its holder is alive."""
    told = _read(path)
    if told.get("free"):
        return None
    if told.get("machine") and told["machine"] == _machine():
        return told if told["start"] and _start(told["pid"]) == told["start"] else None
    begun = time.monotonic()
    while time.monotonic() - begun < PATIENCE:
        time.sleep(BEAT / 4)
        now = _read(path)
        if now.get("free"):
            return None
        if now and now != told:
            return now
    return None
