"""Standard streams: what is printed may be lost (closed, a full disk, `| head`), a run may not.

with standing(lasting=True): ...      # a run: what cannot be printed is dropped
with standing(lasting=False): ...     # a verb that only prints: its end is told
"""

import os
import sys
from contextlib import contextmanager, suppress

from nanompi.errors import ResourceError, lines


class Printing:
    """A stream that is given up at the first write that fails.

    lasting : go on without a word; else BrokenPipeError (the reader has gone) or ResourceError
    raw     : control characters pass; else they are escaped, since names in files may hold them
    """

    def __init__(self, stream, lasting: bool, raw: bool = False):
        self.stream, self.lasting, self.raw = stream, lasting, raw
        if getattr(stream, "errors", "") in ("strict", "surrogateescape"):  # the second where LC_ALL=C
            with suppress(AttributeError):
                stream.reconfigure(errors="backslashreplace")  # a letter that the terminal does not know

    def write(self, text: str) -> int:
        """Print a text."""
        self._try(lambda: self.stream.write(text if self.raw else lines(text)))
        return len(text)

    def flush(self):
        """Print what is still held."""
        self._try(self.stream.flush)

    def __getattr__(self, name: str):
        return getattr(self.stream, name)

    def _try(self, act):
        try:
            act()
        except OSError as e:
            give_up(self.stream)
            if self.lasting:
                return
            if isinstance(e, BrokenPipeError):
                raise
            raise ResourceError(f"what is printed cannot be written: {e.strerror or e}") from None


def raw(stream):
    """The same stream for those who move the cursor of a terminal."""
    return Printing(stream.stream, stream.lasting, raw=True) if isinstance(stream, Printing) else stream


def give_up(stream):
    """Let a stream lead to nowhere: what it still holds would fail again when Python ends."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
        stream.flush()


@contextmanager
def standing(lasting: bool):
    """The standard streams exist, and fail as `Printing` says, as long as this lasts."""
    _open_closed()
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = Printing(sys.stdout, lasting), Printing(sys.stderr, True)
    try:
        yield
        sys.stdout.flush()
    finally:
        sys.stdout, sys.stderr = before


def _open_closed():
    """Open what the caller has closed (`>&-`): else the next file gets its number, and what is printed."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
            os.set_inheritable(number, True)
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)
