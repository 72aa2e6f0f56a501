"""Other processes do the work of a watcher: it opens no scan itself, so that no broken file ends it, and
three days leave nothing in its memory."""

import json
import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from nanompi.errors import shown
from nanompi.mpi.children import bound, python

TAIL = 8000  # bytes of what a process printed
SLOW = 1800.0  # seconds for a look into a file


@dataclass
class Answer:
    """What a process said. code : exit code; reason : its last words, one line; told : its JSON object"""

    code: int
    reason: str = ""
    told: dict | None = None


class Child:
    """Runs `nanompi WORDS`, one at a time. log : file that holds what the last one printed."""

    def __init__(self, log: Path):
        self.log, self.process, self.begun = log, None, 0

    def run(self, words: list[str], seconds: float | None = None) -> Answer:
        """Its answer. Errors: OSError where the log cannot be written, or no process be started."""
        with open(self.log, "w+b") as file:
            own = {"stdin": subprocess.DEVNULL, "stdout": file, "stderr": file, "process_group": 0}
            self.process = subprocess.Popen(bound(python("-m", "nanompi", *words), signal.SIGTERM), **own)
            try:
                code = self._code(seconds)
            finally:
                self.process = None
            return Answer(code, reason(_tail(file), code))

    def ask(self, words: list[str]) -> Answer:
        """The answer of a verb that prints one JSON object. Errors: as `run`."""
        answer = self.run(words, SLOW)
        with suppress(OSError, ValueError, RecursionError):
            text = self.log.read_text(errors="replace")
            answer.told = json.loads(text[text.index("{") : text.rindex("}") + 1])
        return answer

    def stop(self, number: int):
        """Pass a signal on to the process, if there is one (called by a signal's handler)."""
        if self.process is not None:
            with suppress(OSError):
                os.kill(self.process.pid, number)

    def _code(self, seconds: float | None) -> int:
        """The exit code, 128 + n after signal n."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            return 124
        return code if code >= 0 else 128 - code


def _tail(file) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - TAIL))
    return file.read().decode("utf-8", "replace")


def reason(text: str, code: int) -> str:
    """What went wrong, in one line: what follows the last "nanompi: " that is a message of its own."""
    if code == 0:
        return ""
    if code == 124:
        return f"it took more than {SLOW:.0f} s to look into the file"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    own = [k for k, line in enumerate(lines) if line.startswith("nanompi: ")]
    said = " ".join(lines[own[-1] :] if own else lines[-1:]).removeprefix("nanompi: ")
    if said:
        return shown(said, 500)
    return f"ended by signal {code - 128}" if code > 128 else f"ended with code {code}"
