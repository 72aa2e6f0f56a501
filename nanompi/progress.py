"""The log: rank 0 speaks, with the elapsed time; others only warn. A bar on a terminal, else few lines."""

import sys
import time
from contextlib import suppress
from pathlib import Path

from nanompi.newfile import own
from nanompi.streams import raw
from nanompi.words import lines, shown

QUIET = 10.0  # seconds between two lines of progress in a log file


class Log:
    """`log("text")` says a line on rank 0, on stdout and in RUN/logs/rank-0000.log.

    team    : the ranks; folder : run folder, or None for no file
    out     : stream of rank 0 (stdout); a terminal gets a bar
    """

    def __init__(self, team, folder: Path | None = None, out=None):
        self.team, self.out, self.begun = team, out or sys.stdout, time.monotonic()
        self._bar, self._told = None, -QUIET
        self.file = None
        if folder and team.root:
            try:
                path = Path(folder) / "logs" / "rank-0000.log"
                self.file = open(path, "a", encoding="utf-8", opener=own)
            except OSError as e:
                self.warn(f"{path} cannot be written ({e.strerror}): the log is on the screen alone")

    def __call__(self, text: str):
        """Say a line (rank 0 only)."""
        if self.team.root:
            self._line(f"{self._clock()} {lines(text)}")

    say = __call__

    def warn(self, text: str):
        """Say a warning, from any rank; the others name themselves and go to stderr."""
        if self.team.root:
            self._line(f"{self._clock()} warning: {lines(text)}")
        else:
            who = f"rank {self.team.rank} on {self.team.host}"
            print(f"warning: {who}: {lines(text)}", file=sys.stderr, flush=True)

    def progress(self, done: int, total: int, text: str = ""):
        """Tell how far the work is: a bar on a terminal, else a line in 10 s at most; the last always."""
        if not self.team.root:
            return
        now, line = time.monotonic() - self.begun, f"{done}/{total} {shown(text)}".rstrip()
        if self._terminal():
            self._show(done, total, text)
        elif done < total and now - self._told < QUIET:
            return
        else:
            self.out.write(f"{self._clock()} {line}\n")
            self.out.flush()
        self._keep(done, total, now, line)

    def close(self):
        """End the bar and the file."""
        self._end_bar()
        if self.file:
            with suppress(OSError):
                self.file.close()
            self.file = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _keep(self, done: int, total: int, now: float, line: str):
        """The log file gets a line in 10 seconds also where the terminal shows a bar."""
        if self.file and (done >= total or now - self._told >= QUIET):
            self._file(f"{self._clock()} {line}\n")
        if done >= total or now - self._told >= QUIET:
            self._told = now

    def _clock(self) -> str:
        return f"[{time.monotonic() - self.begun:8.1f} s]"

    def _terminal(self) -> bool:
        return bool(getattr(self.out, "isatty", lambda: False)())

    def _line(self, text: str):
        self._end_bar()
        self.out.write(text + "\n")
        self.out.flush()
        if self.file:
            self._file(text + "\n")

    def _file(self, text: str):
        """A full disk costs lines of the log, not the run."""
        with suppress(OSError):
            self.file.write(text)
            self.file.flush()

    def _show(self, done: int, total: int, text: str):
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        if self._bar is None:
            columns = (
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.description}", markup=False),
            )
            self._bar = Progress(
                *columns, console=Console(file=raw(self.out)), transient=True, auto_refresh=False
            )
            self._bar.start()
            self._task = self._bar.add_task("", total=total)
        self._bar.update(self._task, completed=done, total=total, description=text, refresh=True)
        if done >= total:
            self._end_bar()

    def _end_bar(self):
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
