"""The text of a job or site file: an ordinary file of UTF-8 and of a size that a person can have written."""

import os
import re
import stat

from nanompi.errors import JobError, no_path

LARGEST = 100_000_000  # bytes of a file
LONGEST = 10_000_000  # characters without the lines that are comments


def read_text(file: str) -> str:
    """The whole text. Errors: FileNotFoundError; JobError with the reason for everything else.

    A FIFO, a device or a folder is not opened: reading would wait for ever, or find no end.
    """
    if why := no_path(file):
        raise JobError(f"this cannot be the name of a file: {why}")
    try:
        facts = os.stat(file)
        if not stat.S_ISREG(facts.st_mode):
            raise JobError(f"this is {_kind(facts.st_mode)}, not a file")
        if facts.st_size > LARGEST:
            raise JobError(f"the file has {facts.st_size} bytes; a YAML file of at most {LARGEST} is read")
        with open(file, "rb") as stream:
            return stream.read(LARGEST).decode("utf-8")
    except UnicodeDecodeError as e:
        raise JobError(f"this is not a text in UTF-8 (byte {e.start}); a job file is YAML") from None
    except FileNotFoundError:
        raise
    except OSError as e:
        raise JobError(f"cannot be read: {e.strerror}") from None


def bounded(text: str) -> str:
    """The text; of one that is too long, without its lines of comments, the numbers of the lines as before.

    Errors: JobError when it is still too long.
    """
    if len(text) > LONGEST:
        text = re.sub(r"(?m)^#.*$", "", text)
    if len(text) > LONGEST:
        raise JobError(f"{len(text)} characters; at most {LONGEST} are read")
    return text


def _kind(mode: int) -> str:
    kinds = {stat.S_ISDIR: "a folder", stat.S_ISFIFO: "a pipe", stat.S_ISSOCK: "a socket"}
    return next((name for asks, name in kinds.items() if asks(mode)), "a device")
