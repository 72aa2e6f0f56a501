"""The log: rank 0 writes lines with the elapsed time, the others only warnings; a bar on a terminal."""

import json
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

from nanompi.errors import entry, exit_code, lines, shown
from nanompi.io.atomic import own
from nanompi.mpi.launcher import under_launcher
from nanompi.run.status import event
from nanompi.run.streams import raw

MARK = "warning: "
QUIET = 10.0  # seconds between two lines of progress in a log file


class Log:
    """`log("text")` says a line on rank 0, on stdout and in RUN/logs/rank-0000.log.

    team    : the ranks; folder : run folder, or None for no file
    out     : stream of rank 0 (stdout); a terminal gets a bar
    style   : of the screen: "text"; "quiet" = only warnings; "none" = nothing; "json" = a JSON object in
        each line: time (s), event (log, warning, engine, progress, file, end), and text, engine, iteration,
        iterations, step, items_done, items, path, code
    Warnings stand in events.jsonl of the folder, too, those of any rank.
    """

    def __init__(self, team, folder: Path | None = None, out=None, style: str = "text"):
        self.team, self.out, self.begun = team, out or sys.stdout, time.monotonic()
        self.folder, self.style, self._bar, self._told = folder, style, None, None
        self.file = None
        if folder and team.root:
            try:
                path = Path(folder) / "logs" / "rank-0000.log"
                self.file = open(path, "a", encoding="utf-8", opener=own)
            except OSError as e:
                self.warn(f"{path} cannot be written ({e.strerror}): the log is on the screen alone")

    def __call__(self, text: str):
        """Say a line (rank 0 only). A line of it that begins with "warning: " is a warning."""
        if self.team.root:
            self._entry(lines(text), *_parted(lines(text)))

    say = __call__

    def warn(self, text: str):
        """Say a warning, from any rank; the others name themselves and go to stderr."""
        if self.team.root:
            self._entry(MARK + lines(text), "", [lines(text)])
        else:
            self._happened([lines(text)])
            who = f"rank {self.team.rank} on {self.team.host}"
            screen = sys.stderr if self.out is sys.stdout else self.out
            print(f"warning: {who}: {entry(text)}", file=screen, flush=True)

    def progress(self, done: int, total: int, text: str = "", step: str = "", things: str = ""):
        """Tell how far the iterations are: a bar on a terminal, and a line each 10 s elsewhere.

        step, things : of a step that works on blocks, and what its items are: "rows"
        """
        if not self.team.root:
            return
        now = time.monotonic()
        self._told = now if self._told is None else self._told
        bar = self.style == "text" and self._terminal()
        if bar:
            self._show(done, total, f", {step}{text}" if step else text)
        if now - self._told < QUIET:
            return
        what = f"{shown(step)}: {done} of {total} {things}" if step else f"iteration {done} of {total}"
        self._told, line = now, f"{self._clock()} {what}{shown(text)}\n"
        if self.style == "json":
            own = {"step": step, "items_done": done, "items": total} if step else {}
            own = own or {"iteration": done, "iterations": total}
            self._json("progress", **own, text=text.removeprefix(", "))
        elif self.style == "text" and not bar:
            self._screen(line)
        if self.file:
            self._file(line)

    def engine(self, name: str, first: int):
        """Another engine begins with this iteration: programs that read along are told; people see its name
        in each line of figures."""
        if self.team.root and self.style == "json":
            self._json("engine", engine=name, iteration=first)

    def wrote(self, path: Path, what: str = ""):
        """A file of the result, by its name alone, or after `what` it is (rank 0)."""
        if self.style == "json":
            self._json("file", path=str(path))
        elif self.style != "none":
            self._screen(f"{what}{path}\n")

    def close(self):
        """End the bar and the file."""
        self._end_bar()
        if self.file:
            with suppress(OSError):
                self.file.close()
            self.file = None

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if self.team.root and self.style == "json":
            self._json("end", code=0 if error is None else exit_code(error))
        self.close()

    def _clock(self) -> str:
        return f"[{time.monotonic() - self.begun:8.1f} s]"

    def _terminal(self) -> bool:
        """Is our stream a terminal? Open MPI's mpirun gives ranks one that is none; `run -n` tells of its."""
        if under_launcher():
            return "NANOMPI_TERMINAL" in os.environ and self.out is sys.stdout
        return bool(getattr(self.out, "isatty", lambda: False)())

    def _entry(self, text: str, said: str, warnings: list[str]):
        """An entry of the log. said, warnings : what of it is none, and what is"""
        self._end_bar()
        if self.style == "text":
            self._screen(f"{self._clock()} {entry(text)}\n")
        elif self.style == "json" and said:
            self._json("log", text=said)
        for warning in warnings:
            if self.style == "json":
                self._json("warning", text=warning)
            elif self.style == "quiet":
                self._screen(f"{self._clock()} {MARK}{entry(warning)}\n")
        if self.file:
            self._file(f"{self._clock()} {entry(text)}\n")
        self._happened(warnings)

    def _happened(self, warnings: list[str]):
        """Warnings of any rank, into events.jsonl"""
        for warning in warnings if self.folder else ():
            event(self.folder, "warning", text=warning, rank=self.team.rank)

    def _screen(self, text: str):
        self.out.write(text)
        self.out.flush()

    def _json(self, kind: str, **facts):
        seconds = round(time.monotonic() - self.begun, 3)
        self._screen(json.dumps({"time": seconds, "event": kind, **facts}) + "\n")

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
            width = os.environ.get("NANOMPI_TERMINAL", "")
            console = Console(file=raw(self.out), force_terminal=True, width=int(width) if width else None)
            self._bar = Progress(*columns, console=console, transient=True, auto_refresh=False)
            self._bar.start()
            self._task = self._bar.add_task("", total=total)
        self._bar.update(
            self._task, completed=done, total=total, description=text.removeprefix(", "), refresh=True
        )
        if done >= total:
            self._end_bar()

    def _end_bar(self):
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def _parted(text: str) -> tuple[str, list[str]]:
    """(the lines that are no warnings, the warnings)"""
    every = text.split("\n")
    warnings = [line.lstrip().removeprefix(MARK) for line in every if line.lstrip().startswith(MARK)]
    return "\n".join(line for line in every if not line.lstrip().startswith(MARK)), warnings
