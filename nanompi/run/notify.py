"""`--notify COMMAND`: a command that is called once when a run has ended, however it has ended.

It gets in its environment NANOMPI_STATE (done, stopped, failed), NANOMPI_CODE (the exit code), NANOMPI_FOLDER
(of the run or sweep; empty where none was made) and NANOMPI_VERDICT (good, doubtful, wrong; empty where there
is none). Rank 0 calls it, or the rank whose failure ends the others, or for ranks that `-n` has started their
parent, which also hears of those that were killed. Nothing that it does changes the exit code.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nanompi.errors import exit_code, is_common, lines, no_path, odd, shown
from nanompi.io.ordinary import whole

LIMIT, SHORT = 60.0, 10.0  # seconds for the command; where other ranks wait to be ended
PARENT = "NANOMPI_NOTICE"  # names the file in which the ranks tell their parent where they are
FACTS = 1 << 20  # bytes of a status.json
SIGNS = {"|", "||", "&", "&&", ";", "<", ">", ">>", "2>", "2>&1"}
VARIABLE = re.compile(r"\$\{?NANOMPI_")

_folder: list[str] = []


def argument(parser):
    """`--notify COMMAND` of a verb."""
    text = "call this command at the end, however it ends: NANOMPI_STATE, _CODE, _FOLDER, _VERDICT tell it"
    parser.add_argument("--notify", type=command, metavar="COMMAND", help=text)


def command(text: str) -> str:
    """A command of the command line. Errors: ArgumentTypeError where it names no program."""
    import argparse

    try:
        words = shlex.split(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{shown(text, 80)}: {error}") from None
    if not words or odd(text) or no_path(words[0]):
        raise argparse.ArgumentTypeError(f'"{shown(text, 80)}" is no command: write a program and its words')
    if sign := _for_a_shell(words):
        way = f"sh -c {shlex.quote(text)}"
        raise argparse.ArgumentTypeError(f"no shell reads the command, and {sign} would stay as it is: {way}")
    return text


def _for_a_shell(words: list[str]) -> str:
    """The first word that means something to a shell alone, of a command that calls none."""
    own = [] if "-c" in words else words
    return next((w for w in own if w in SIGNS or w.endswith(";") or VARIABLE.search(w)), "")


def here(folder: Path | str):
    """The run goes on in this folder (every rank may tell); the first one counts: that of a whole sweep."""
    _folder[:] = _folder or [os.path.abspath(folder)]
    if file := os.environ.pop(PARENT, ""):
        with suppress(OSError), open(file, "w", encoding="utf-8") as told:
            told.write(_folder[0])


class Ended:
    """How a run has ended: its exit code, where no error tells it."""

    code = 0


@contextmanager
def told(text: str | None, team=None) -> Iterator[Ended]:
    """`with told(command, team) as ended:` the command is called behind it, also after an error.

    text : the command, None or "" = none; team : the ranks that work in it, None for the parent of some
    """
    ended, error = Ended(), None
    _folder.clear()
    if text and (team is None or team.root) and not shutil.which(shlex.split(text)[0]):
        _warn(text, "there is no such program here, so nobody will be called at the end")
    try:
        with _parent(bool(text) and team is None):
            yield ended
    except BaseException as e:
        error, ended.code = e, exit_code(e)
        raise
    finally:
        alone = error is not None and not is_common(error)
        if text and (team is None or team.root or alone):
            others = team is not None and team.size > 1 and alone
            _call(shlex.split(text), _facts(ended.code), SHORT if others else LIMIT)


@contextmanager
def _parent(asked: bool) -> Iterator[None]:
    """The ranks that are started meanwhile tell in a file where they are."""
    if not asked:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="nanompi-") as place:
        file = Path(place) / "folder"
        os.environ[PARENT] = str(file)
        try:
            yield
        finally:
            os.environ.pop(PARENT, None)
            with suppress(OSError, ValueError):
                _folder.append(whole(file, 1 << 16).decode())


def _facts(code: int) -> dict[str, str]:
    """What the command hears. code : the exit code of the run"""
    folder = _folder[0] if _folder else ""
    stopped = code == 75 or code > 128
    return {
        "NANOMPI_STATE": "done" if code == 0 else "stopped" if stopped else "failed",
        "NANOMPI_CODE": str(code),
        "NANOMPI_FOLDER": folder,
        "NANOMPI_VERDICT": _verdict(folder) if folder else "",
    }


def _verdict(folder: str) -> str:
    with suppress(OSError, ValueError):
        facts = json.loads(whole(Path(folder) / "status.json", FACTS))
        return str(facts.get("verdict", "")) if isinstance(facts, dict) else ""
    return ""


def _call(words: list[str], facts: dict[str, str], limit: float):
    """Call the command and wait for it; what goes wrong is a warning."""
    why, streams = "", {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    try:
        with tempfile.TemporaryFile() as told:  # no pipe: who stays behind in the background would hold it
            own = {"env": {**os.environ, **facts}, "timeout": limit, "stderr": told, **streams}
            code = subprocess.run(words, check=False, **own).returncode
            told.seek(0)
            said = told.read(FACTS).decode("utf-8", "replace").strip().splitlines()[-1:]
        why = ": ".join([f"it ended with {code}", *said]) if code else ""
    except subprocess.TimeoutExpired:
        why = f"it took more than {limit:g} s, and was ended"
    except (OSError, ValueError) as error:
        why = str(error)
    if why:
        _warn(shlex.join(words), why)


def _warn(command: str, why: str):
    print(lines(f"warning: --notify {shown(command, 200)}: {shown(why, 500)}"), file=sys.stderr, flush=True)
