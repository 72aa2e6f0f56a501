"""What can go wrong, each with the exit code that every rank ends with.

A user's mistake never shows a traceback: raise one of these with a message that names the place, the value,
what is allowed and what to do.
"""


class NanompiError(Exception):
    """Base of all errors with a message for the user; `code` is the exit code of the program."""

    code = 1


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
    """A user's own step failed (exit code 6)."""

    code = 6


class PartError(NanompiError):
    """Part of the items failed, the others are done (exit code 7)."""

    code = 7


class Stopped(NanompiError):
    """Stopped in time with a checkpoint: requeue me (exit code 75)."""

    code = 75


def nearest(word: str, known) -> str:
    """' (did you mean "x"?)' for the known word closest to `word`, or '' where none is close."""
    import difflib

    known = [str(k) for k in known]
    low = {k.lower(): k for k in known}
    found = difflib.get_close_matches(str(word).lower(), list(low), n=1, cutoff=0.6)
    return f' (did you mean "{low[found[0]]}"?)' if found else ""
