"""Bytes of ordinary files that others may have made: never a link, a FIFO or a device, and never too many."""

import os
from pathlib import Path

from nanompi.io.atomic import own


def whole(path: Path, most: int) -> bytes:
    """All of a file. Errors: OSError; ValueError where it is larger than `most` bytes."""
    with open(path, "rb", opener=own) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise ValueError(f"{path} has more than {most} bytes")
    return data


def tail(path: Path, most: int) -> bytes:
    """The last bytes of a file, at most `most`. Errors: OSError."""
    with open(path, "rb", opener=own) as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - most))
        return file.read(most)
