"""Of the processes that need a kernel which nothing has compiled yet one compiles it, the others take that.

The ranks of a first run start together and need the same kernels at the same time: each would compile all.
numba itself only keeps what is done; two that keep something at once may also lose the entry of one of them.
"""

import fcntl
import hashlib
import os
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

LONGEST = 60.0  # seconds to wait for another process; then this one compiles all itself, as it would alone
LOOK = 0.02  # seconds between two looks


class Claims:
    """Who compiles what: a byte of a file for each function, locked by the process that compiles it. Locks go
    with their process. Where a file system has none, each process compiles for itself.

    folder : of what is compiled; waits : called when another process has the claim
    """

    def __init__(self, folder: Path, waits: Callable[[], None]):
        self.path, self.waits, self.file, self.patience = folder / "claims", waits, -1, LONGEST

    def claim(self, name: str) -> bool:
        """Wait until no other process has it; was there one?"""
        begun, waited = time.monotonic(), False
        while not self._lock(name) and self.patience:
            if not waited:
                self.waits()
            waited = True
            if time.monotonic() - begun > self.patience:  # it is stopped, or its machine is
                self.patience = 0.0
            time.sleep(LOOK)
        return waited

    def free(self, name: str):
        """Others may have it."""
        with suppress(OSError):  # nor could it be claimed
            fcntl.lockf(self._open(), fcntl.LOCK_UN, 1, _byte(name))

    def _lock(self, name: str) -> bool:
        """Is it this process's now? Also where nothing can be locked"""
        try:
            fcntl.lockf(self._open(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _byte(name))
        except BlockingIOError:  # another process has it
            return False
        except OSError:
            return True
        return True

    def _open(self) -> int:
        """The file stays open: locks of a process end when it closes the file, whatever else it has open"""
        if self.file < 0:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return self.file


def _byte(name: str) -> int:
    """The place of a name in the file, which stays empty; names that meet there wait without need"""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:5], "little")


@cache
def cache_of(claims: Claims):
    """A class for numba's cache of a function: who has the claim compiles it."""
    from numba.core.caching import FunctionCache

    class Claimed(FunctionCache):
        """Of a claimed function"""

        def load_overload(self, sig, target_context):
            name = f"{self._impl.filename_base} {self._cache_path}"
            found = super().load_overload(sig, target_context)
            if found is None and claims.claim(name):
                found = super().load_overload(sig, target_context)
                if found is not None:
                    claims.free(name)
            return found

        def save_overload(self, sig, data):
            try:
                super().save_overload(sig, data)
            finally:
                claims.free(f"{self._impl.filename_base} {self._cache_path}")

    return Claimed
