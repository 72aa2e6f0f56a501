"""What can go wrong, each with the exit code that every rank ends with; text of others made safe to show.

A user's mistake never shows a traceback: raise one of these with a message that names the place, the value,
what is allowed and what to do.

Names, attributes, values, error texts of files may hold control characters that clear a screen, rename a
window or forge a line of the log, and characters that turn the order of the letters round: they are shown,
never sent to a terminal, a log, a script.
"""

import errno
import itertools
import os
import sys
import tempfile
import traceback

SIGNALS = {
    129: "SIGHUP",
    130: "SIGINT",
    143: "SIGTERM",
}  # what exit codes of a process that is ended so stand for
LINE = 2000  # characters of one line of a message


class NanompiError(Exception):
    """Base of all errors with a message for the user; `code` is the exit code of the program.

    Each argument is one line of the message. Names and values of files stand in these lines, so that what
    cannot be printed is escaped there, and none becomes a line of its own.

    common : raised by all ranks alike (`common(error)`), so that rank 0 alone prints it
    trace  : a user's traceback, shown before the message
    faults : those of a job file (`job.faults.Fault`), where they are what is told
    missing : keys of the section `input` that neither the job nor its scan says, where that is what is told
    """

    code = 1
    common = False
    trace = ""
    faults: tuple = ()
    missing: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n".join(map(shown, self.args))


class JobError(NanompiError):
    """The job file or the command line is wrong (exit code 2)."""

    code = 2


class DataError(NanompiError):
    """The input data cannot be read or cannot be right (exit code 3)."""

    code = 3


class ResourceError(NanompiError):
    """Memory, disk, device, MPI or a library is missing (exit code 4)."""

    code = 4


class NumbersError(NanompiError):
    """The numbers went wrong: NaN, divergence, or `compare` over its limit (exit code 5)."""

    code = 5


class StepError(NanompiError):
    """A user's own step failed (exit code 6); `trace` is the user's traceback."""

    code = 6


class PartError(NanompiError):
    """Part of the items failed, the others are done (exit code 7)."""

    code = 7


class Stopped(NanompiError):
    """Stopped in time with a checkpoint: requeue me (exit code 75)."""

    code = 75


def common(error: NanompiError) -> NanompiError:
    """The error, marked as one that all ranks raise alike."""
    error.common = True
    return error


def is_common(error: BaseException | None) -> bool:
    """Do all ranks raise this error alike?"""
    return isinstance(error, NanompiError) and error.common


def nearest(word: str, known) -> str:
    """' (did you mean "x"?)' for the known word closest to `word`, or '' where none is close."""
    import difflib

    known = [str(k) for k in itertools.islice(known, 2000)]
    if len(str(word)) > 100:
        return ""
    low = {k.lower(): k for k in known}
    found = difflib.get_close_matches(str(word).lower(), list(low), n=1, cutoff=0.6)
    return f' (did you mean "{low[found[0]]}"?)' if found else ""


OF_THE_DISK = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE)


def explained(error: BaseException) -> BaseException:
    """The error as it is told to the user; that of a lost connection, a package or a disk is
    made plain."""
    if isinstance(error, ImportError) and (error.name or "").split(".")[0] != "nanompi":
        return ResourceError(
            f"a package cannot be loaded ({shown(error, 300)}): install it anew; "
            "`nanompi doctor` says what is missing"
        )
    if isinstance(error, OSError) and error.errno in OF_THE_DISK and error.filename:
        name = shown(
            os.fsdecode(error.filename) if isinstance(error.filename, bytes) else error.filename, 300
        )
        return ResourceError(f"{name}: {error.strerror}; look at its permissions, and at the disk")
    mpi = sys.modules.get("mpi4py.MPI")
    lost = mpi and (mpi.ERR_OTHER, mpi.ERR_INTERN, mpi.ERR_UNKNOWN, getattr(mpi, "ERR_PROC_ABORTED", None))
    if mpi is None or not isinstance(error, mpi.Exception) or error.Get_error_class() not in lost:
        return error
    first, *_, last = (line.strip() for line in str(error).splitlines())
    return ResourceError(
        f"the connection to other ranks broke: one of them or its node has gone (MPI: {first} {last}). Look "
        "for the first error above, and for the state of the nodes; then start the job again."
    )


def exit_code(error: BaseException) -> int:
    """The exit code of the program after an error."""
    error = explained(error)
    if isinstance(error, MemoryError):
        return ResourceError.code
    if isinstance(error, KeyboardInterrupt):
        return 130
    code = error.code if isinstance(error, NanompiError | SystemExit) else 1
    return 0 if code is None else code if isinstance(code, int) else 1


def internal(error: BaseException) -> str:
    """An error that is ours, in one line; its traceback goes to a new file, which the line names."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    frames = traceback.extract_tb(error.__traceback__)
    at = f" at {os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else ""
    line = f"internal error, not your fault: {text[:300]}{at}"
    try:
        number, path = tempfile.mkstemp(".txt", "nanompi-error-")
        with open(number, "w", encoding="utf-8", errors="backslashreplace") as file:
            traceback.print_exception(error, file=file)
    except OSError:
        return f"{line}; please report it"
    return f"{line}; please report it with {path}, which says more"


def complain(error: BaseException, trace=None, who: str = ""):
    """Print an error to stderr: the message alone for the user's mistakes, with the traceback for ours."""
    sys.stdout.flush()
    error = explained(error)
    if isinstance(error, NanompiError):
        text = f"{error.trace}nanompi: {who}{error}\n"
    elif isinstance(error, KeyboardInterrupt | SystemExit):
        name = f"{type(error).__name__} {error}".strip()
        text = f"nanompi: {who}stopped ({SIGNALS.get(exit_code(error), name)})\n"
    elif isinstance(error, MemoryError):
        text = f"nanompi: {who}out of memory: {error}\n"
    else:
        text = "".join(traceback.format_exception(type(error), error, trace))
        text += f"nanompi: {who}internal error, please report it with the lines above\n"
    sys.stderr.write(lines(text))
    sys.stderr.flush()


# ---- text of others


def odd(text: str) -> str:
    """The first character that cannot be printed, as it is shown (\\x1b, \\u2028, \\ud800); "" for none."""
    return "" if text.isprintable() else next(_escaped(c) for c in text if not c.isprintable())


def shown(text, most: int = LINE) -> str:
    """The text as one line of at most about `most` characters; what cannot be printed is escaped.

    Control characters, line separators, marks of direction, lone surrogates are what cannot be printed.
    """
    text = str(text)
    if len(text) > most:
        text = f"{text[: most * 2 // 3]} ... {text[-most // 4 :]} ({len(text)} characters)"
    return text if text.isprintable() else "".join(c if c.isprintable() else _escaped(c) for c in text)


def lines(text) -> str:
    """The same for a text of several lines, of any length: tabs and ends of lines stay."""
    text = str(text)
    return "".join(c if c.isprintable() or c in "\n\t" else _escaped(c) for c in text)


def entry(text) -> str:
    """The same for an entry of a log: later lines begin with a blank, and pass for no entry."""
    first, *more = lines(text).rstrip("\n").split("\n")
    return "\n".join([first, *(line if line.startswith(" ") else f"  {line}" for line in more)])


def no_path(text: str) -> str:
    """Why a text cannot be the path of a file; "" when it can."""
    if not text:
        return "it is empty"
    if "\0" in text or any("\ud800" <= c <= "\udfff" for c in text):
        return f"it holds {next(_escaped(c) for c in text if c == chr(0) or chr(0xD800) <= c <= chr(0xDFFF))}"
    try:
        size = len(os.fsencode(text))
    except UnicodeEncodeError:
        return f"the language of this session has no {shown(text, 80)}; set LC_ALL=C.UTF-8"
    if size > 4000 or max(len(os.fsencode(part)) for part in text.split("/")) > 255:
        return "it is too long"
    return ""


def _escaped(c: str) -> str:
    return c.encode("unicode_escape").decode()
