"""The command line of a step `shell`: its words, what stands in braces, the program that it names.

A command is cut into words as a shell would, and only then what stands in braces is filled in: a value with
spaces, quotes, newlines or `$(...)` is one argument, whatever it holds. No shell reads it. With `sh: true`
one does, and each value is quoted for it.
"""

import hashlib
import os
import re
import shlex
import shutil
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from nanompi.errors import JobError, StepError, nearest

BRACE = re.compile(r"\{\{(\w+)\}\}|(?<!\$)\{([A-Za-z]\w*)\}")
FILES = ("in", "out")
GIVEN = {  # what the program fills in by itself
    "in": "the file with the data",
    "out": "the file that the program writes",
    "run": "the run folder",
    "threads": "cores that it may use",
    "python": "the Python of nanompi",
}
SHELLS = re.compile(r"\$\{[^{}]*\}")  # what a shell puts in itself
BLANKS = re.compile(rf"\{{\s*({'|'.join(GIVEN)})\s*\}}")
HARD = re.compile(r"[|<>;&`\n]|\$[\w{(]")  # what only a shell reads
WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
RUNNERS = re.compile(r"(python|perl|ruby|julia|Rscript|node|bash|sh|matlab|octave|java)[\d.]*(\.exe)?")
IN_LINE = ("-c", "-e", "-E")  # what follows is a program itself
LARGEST = 256 << 20  # bytes of a program of which the checksum is kept


@dataclass(frozen=True)
class Command:
    """A command as it stands in a job. sh : a shell reads it"""

    text: str
    sh: bool = False

    @cached_property
    def words(self) -> list[str]:
        """As a shell would cut it, with their braces. Errors: JobError."""
        try:
            return shlex.split(self.text)
        except ValueError as error:
            raise JobError(f"a quote is never closed ({error}): {self.text}") from None

    @cached_property
    def names(self) -> list[str]:
        """What stands in braces, once each."""
        return list(dict.fromkeys(m[2] for m in BRACE.finditer(self.text) if m[2]))

    @property
    def parameters(self) -> list[str]:
        """Those of these that the job must give."""
        return [name for name in self.names if name not in GIVEN]

    def check(self):
        """Errors: JobError where it can be no command."""
        if not self.words:
            raise JobError("an empty command; write the program and its arguments")
        self._check_braces()
        state = _quotes(self.text)
        if self.sh:
            inside = [m for m in BRACE.finditer(self.text) if m[2] and state[m.start()]]
            if inside:
                word = inside[0][2]
                text = f"{{{word}}} stands in quotes: leave them out, its value is quoted by itself"
                raise JobError(text)
            return
        for m in HARD.finditer(self.text):
            if m[0] != "\n" and (not state[m.start()] or (state[m.start()] == '"' and m[0][0] in "$`")):
                raise JobError(
                    f'"{m[0]}" is read by a shell alone, and none reads this command: write `sh: true` '
                    "beside it, or put it in single quotes where it is meant as it stands"
                )

    def _check_braces(self):
        """Errors: JobError for a brace alone, and blanks within those of a known word."""
        blank = lambda m: "." * len(m[0])  # noqa: E731
        text = BRACE.sub(blank, SHELLS.sub(blank, self.text) if self.sh else self.text)
        if (at := _alone(text)) >= 0:
            raise JobError(
                f'letter {at + 1} of the command, "{self.text[at : at + 12]}": a brace stands alone. A word '
                'in braces is {in}; a brace that is meant as it stands is the value of one: {b} and `b: "{"`'
            )
        if m := BLANKS.search(text):
            raise JobError(f'letter {m.start() + 1} of the command: write {{{m[1]}}} for "{m[0]}"')

    def filled(self, values: dict[str, Any]) -> list[str]:
        """The words of the process. values : by what stands in braces"""
        if self.sh:
            return ["/bin/sh", "-c", _fill(self.text, values, shlex.quote)]
        return [_fill(word, values, str) for word in self.words]

    @property
    def title(self) -> str:
        """The program, or the script that a Python or another language runs, for the log."""
        name = os.path.basename(BRACE.sub(lambda m: m[1] or m[2], self.words[0]))
        if self.sh or not RUNNERS.fullmatch(name):
            return name
        script = next((word for word in self.words[1:] if word[:1] != "-" or word in IN_LINE), name)
        return name if script in IN_LINE or BRACE.search(script) else os.path.basename(script)


def _alone(text: str) -> int:
    """Place of the first brace that has no other; -1 = there is none."""
    open_at: list[int] = []
    for at, letter in enumerate(text):
        if letter == "{":
            open_at.append(at)
        elif letter == "}" and not open_at:
            return at
        elif letter == "}":
            open_at.pop()
    return open_at[0] if open_at else -1


def text_of(value: Any) -> str:
    """A value of the job as an argument."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _fill(text: str, values: dict[str, Any], quote) -> str:
    return BRACE.sub(lambda m: f"{{{m[1]}}}" if m[1] else quote(text_of(values[m[2]])), text)


def _quotes(text: str) -> list[str]:
    """For each letter the quote in which it stands, "\\" behind a backslash, or "" (POSIX, XCU 2.2)."""
    out, now, escaped = [], "", False
    for letter in text:
        out.append("\\" if escaped else now)
        if escaped:
            escaped = False
        elif letter == "\\" and now != "'":
            escaped = True
        elif letter == now:
            now = ""
        elif letter in "'\"" and not now:
            now = letter
    return out


def check_names(command: Command, given: list[str], own: list[str]):
    """Does the job give all that stands in braces? given : keys of the step; own : those of any such step

    Errors: JobError with the nearest.
    """
    for name in command.parameters:
        if name in own or not WORD.fullmatch(name):
            raise JobError(f"{{{name}}} cannot be a parameter: the step has one of this name; take another")
        if name not in given:
            known = [*(key for key in given if key not in own), *GIVEN]
            raise JobError(
                f"{{{name}}} is not known{nearest(name, known)}; give `{name}:` a value in the step, or "
                f"write {{{{{name}}}}} where a word in braces is meant. Known are {', '.join(known)}"
            )


# ---- the program -------------------------------------------------------------------------------------------


def found(words: list[str], folder: str, path: str) -> str:
    """The file of the program that a command names. folder : where it begins. Errors: StepError."""
    name = words[0]
    where = os.path.join(folder, name) if "/" in name else name
    if (file := shutil.which(where, path=path)) is not None:
        return os.path.abspath(file)
    if "/" in name and os.path.isfile(where):
        raise StepError(f"{where} cannot be executed: `chmod +x` it, or name the program that runs it first")
    if "/" in name:
        folder = Path(where).parent
        near = os.listdir(folder) if folder.is_dir() else []
        raise StepError(f"there is no program {where}{nearest(Path(name).name, near)}")
    text = f"there is no program {name} in PATH{nearest(name, _programs(path))}"
    here = " (a file of this name is here: write ./ before it)" * os.path.isfile(os.path.join(folder, name))
    raise StepError(f"{text}{here}; PATH is {path}")


def _programs(path: str) -> list[str]:
    names = []
    for folder in filter(os.path.isdir, path.split(os.pathsep)):
        try:
            names += os.listdir(folder)
        except OSError:
            continue
    return sorted(set(names))


def files_of(words: list[str], folder: str) -> list[str]:
    """The files that a command names: its script, its tables; not the program itself."""
    paths = [os.path.join(folder, word) for word in words[1:] if word and "\0" not in word]
    return [os.path.realpath(p) for p in paths if os.path.isfile(p)]


def about_file(path: str) -> dict[str, Any]:
    """Path, size and checksum of a file, for what is known of a result a year later."""
    real = os.path.realpath(path)
    size, out = os.path.getsize(real), {"path": path} | ({"file": real} if real != path else {})
    if size > LARGEST:
        return out | {"bytes": size}
    with open(real, "rb") as file:
        return out | {"bytes": size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def python() -> str:
    """The Python that runs this program."""
    return str(sys.executable)
