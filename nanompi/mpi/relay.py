"""Passes what mpiexec prints on to our own streams, and finds in it which rank a signal has ended.

Where our reader goes (`| head`) or our disk is full, mpiexec and the ranks do not notice. Each rank tells its
number, process and host once, between two marks (`nanompi.mpi.launcher.announce`), which are not passed on.
"""

import os
import re
import sys
import threading
from contextlib import suppress

from nanompi.mpi.launcher import MARK

KEPT = 1 << 16  # bytes in which the last words of mpiexec are looked for
RANK = re.compile(MARK + rb"rank (\d+) process (\d+) on ([^ \x1e]+)" + MARK + rb"\r?\n?")
END = re.compile(MARK + rb"end of process \d+" + MARK + rb"\r?\n?")
ENDS = (  # what MPICH, Intel MPI and Open MPI say of a rank that a signal has ended
    re.compile(rb"exit string: [^\n]*\(signal (?P<signal>\d+)\)", re.I),
    re.compile(rb"killed by signal: (?P<signal>\d+)", re.I),
    re.compile(rb"exited on\s+signal (?P<signal>\d+)", re.I),
)
PROCESS = re.compile(rb"\bPID (\d+) (?:on node|RUNNING AT) (\S+)")


class Relay:
    """Streams for mpiexec: `Popen(..., stdout=relay.ends[0], stderr=relay.ends[1], pass_fds=relay.fds)`.

    fds : the other ends of the pipes. mpiexec holds them, too: were this process killed, what it and the
        ranks print while they keep their state would end them.
    """

    def __init__(self):
        pipes = [os.pipe(), os.pipe()]
        self.fds, self.ends = [tuple(p[k] for p in pipes) for k in (0, 1)]
        self.ranks: dict[tuple[bytes, bytes], int] = {}
        self.last, self.whole = b"", 0
        self.threads = [threading.Thread(target=self._pass, args=(k,), daemon=True) for k in (0, 1)]

    def start(self):
        """The child has its ends: pass on what comes."""
        for end in self.ends:
            os.close(end)
        for stream, thread in zip((sys.stdout, sys.stderr), self.threads):
            stream.flush()
            thread.start()

    def finish(self, seconds: float = 3.0):
        """The child has ended: what is still in the pipes. A rank that lives on may hold them open."""
        for thread in self.threads:
            thread.join(seconds)

    def ended(self) -> tuple[int, str]:
        """(signal that ended a rank, that rank in words); (0, "") where none did."""
        found = next((m for end in ENDS if (m := end.search(self.last))), None)
        if not found:
            return 0, ""
        process = PROCESS.search(self.last)
        if not process:
            return int(found["signal"]), "a rank"
        pid, host = process.groups()
        rank = self.ranks.get((pid, host.rstrip(b".")), "?")
        return int(found["signal"]), f"rank {rank} (process {pid.decode()} on {host.decode()})"

    def missing(self) -> int:
        """How many of the ranks that told of themselves did not tell of their end."""
        return len(self.ranks) - self.whole

    def _pass(self, k: int):
        held = b""
        while data := os.read(self.fds[k], 1 << 16):
            held = self._told(held + data)
            cut = held.rfind(MARK) if held.count(MARK) % 2 else len(held)
            _write(k + 1, held[:cut])
            self.last = (self.last + held[:cut])[-KEPT:]
            held = held[cut:]
        _write(k + 1, held)

    def _told(self, text: bytes) -> bytes:
        """The text without what the ranks tell of themselves."""
        for rank, pid, host in RANK.findall(text):
            self.ranks[pid, host] = int(rank)
        self.whole += len(END.findall(text))
        return END.sub(b"", RANK.sub(b"", text))


def _write(number: int, data: bytes):
    """Write all to a stream; where it cannot be written, it is lost."""
    with suppress(OSError):
        while data:
            data = data[os.write(number, data) :]
