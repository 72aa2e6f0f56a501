"""A program that runs for a step: its lines, its end, what it took; nothing of it stays."""

import json
import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from nanompi.errors import StepError
from nanompi.io.atomic import own
from nanompi.mpi.children import kept

LAST = 20  # lines that an error shows
SHOWN = 1000  # lines that go to the log of the run; all stand in a file of their own
LONGEST = 2000  # letters of a line that is shown
MOST = 64 << 20  # bytes of that file
PIECE = 1 << 16
SLOW = 15.0  # seconds in which a program that was told to end has ended


class Program:
    """A program that has been started, and what it prints.

    words  : its command; folder : where it begins; around : its environment; file : takes all that it prints
    place  : folder with its files, which goes even where this process is killed
    Errors: StepError where it cannot be started. To be made, asked and ended by the main thread.
    """

    def __init__(self, words: list[str], folder: str, around: dict[str, str], file: Path | None, place: Path):
        self.lines, self.count, self.last = deque(), 0, deque(maxlen=LAST)
        self.outcome: dict[str, Any] = {}
        self.room, self.begun = MOST, time.monotonic()
        reading, report = os.pipe()
        try:
            self.file = open(file, "ab", opener=own) if file else None
            streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
            how = {"cwd": folder, "env": around, "start_new_session": True, "pass_fds": [report]}
            self.keeper = subprocess.Popen(kept(words, report, place), **streams, **how)
        except OSError as error:
            os.close(reading)
            raise StepError(f"{words[0]} cannot be started: {error.strerror}: {error.filename}") from None
        finally:
            os.close(report)
        self.report = os.fdopen(reading, "rb")
        self.reader = threading.Thread(target=self._read, name="program", daemon=True)
        self.reader.start()

    def runs(self, seconds: float) -> bool:
        """Does it still run after so many seconds? It is asked again and again."""
        with suppress(subprocess.TimeoutExpired):
            self.keeper.wait(seconds)
            self._ended()
            return False
        return True

    @property
    def seconds(self) -> float:
        """Since it was started."""
        return time.monotonic() - self.begun

    def new_lines(self) -> Iterator[str]:
        """What it has printed since the last time, as far as it is shown."""
        while self.lines:
            yield self.lines.popleft()

    def end(self):
        """It and all that it has started is ended, where it is not."""
        if self.keeper.poll() is None:
            with suppress(OSError):
                self.keeper.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self.keeper.wait(SLOW)
            if self.keeper.poll() is None:
                self.keeper.kill()
        self._ended()

    def _ended(self):
        self.keeper.wait()
        self.reader.join(SLOW)
        if not self.report.closed:
            with self.report, suppress(ValueError):
                self.outcome = json.loads(self.report.readline() or b"{}")

    def _read(self):
        """All that it prints, until the last that holds the pipe has gone (a thread)."""
        rest, cut = b"", False
        with self.keeper.stdout as pipe:
            while piece := os.read(pipe.fileno(), PIECE):
                self._keep(piece)
                *whole, rest = (rest + piece).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
                for line in whole:
                    if not cut:
                        self._line(line)
                    cut = False
                if len(rest) > LONGEST:  # a line without an end: its beginning is enough
                    if not cut:
                        self._line(rest)
                    rest, cut = b"", True
        if rest and not cut:
            self._line(rest)
        if self.file:
            self.file.close()

    def _line(self, line: bytes):
        text = line[:LONGEST].decode(errors="replace").rstrip()
        if text:
            self.count += 1
            self.last.append(text)
            if self.count <= SHOWN:
                self.lines.append(text)

    def _keep(self, piece: bytes):
        """What a full disk does not take is lost, the program is not."""
        if self.file and self.room > 0:
            with suppress(OSError):
                self.file.write(piece[: self.room])
                self.file.flush()
            self.room -= len(piece)


def why_not(outcome: dict) -> str:
    """How a program ended, where it did not end well."""
    if "error" in outcome:
        return f"it cannot be started: {outcome['error']}"
    if "code" not in outcome:
        return "it was ended from outside, with all that looked after it"
    code = outcome["code"]
    if code < 0:
        with suppress(ValueError):
            name = signal.Signals(-code).name
            memory = " (was memory short? see dmesg)" if -code == signal.SIGKILL else ""
            return f"it was ended by signal {-code} ({name}){memory}"
        return f"it was ended by signal {-code}"
    return f"it ended with code {code}" if code else ""
