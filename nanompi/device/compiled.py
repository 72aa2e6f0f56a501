"""Where numba and CuPy store compiled kernels: in a checkout, the user's folder, or one of this run alone.

Home folders of batch jobs are missing, full or read-only, and so are installations: numba then ends with an
error, at the import or in the first call, and so does CuPy.
"""

import atexit
import hashlib
import os
import shutil
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

from nanompi.device.compiled_once import Claims, cache_of

FOLDER = Path(__file__).parent
TREE = FOLDER / "kernels" / "__pycache__"
ROOM = 1 << 20  # bytes that a folder must take: the kernels need some hundred kB


def compiler(**options):
    """numba's `njit` with these options; what it compiles is kept for later runs where there is a place."""
    import numba

    folder, _ = place()
    _listen()
    if folder is None:
        return numba.njit(**options)
    numba.config.CACHE_DIR = str(folder / texts())

    def kept(function):
        made = numba.njit(**options)(function)  # cache=True: one of numba's own first, a file each to try it
        made._cache = cache_of(_claims(folder / texts()))(function)
        return made

    return kept


@cache
def _claims(folder: Path) -> Claims:
    return Claims(folder, _compiles)


@cache
def texts() -> str:
    """A name for the texts of all that is compiled. numba sees that the file of a function has changed, but
    not what the function takes from other files: after an update, what was compiled of the old would run."""
    every = sorted(FOLDER.rglob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in every)).hexdigest()[:12]


_say: list = []  # who is told that something is compiled,
_told: list[bool] = []  # which is once in a process


def tell(say):
    """say("kernels are compiled ...") when numba compiles for the first time in this process; not where what
    it has compiled before is taken."""
    _say[:] = [say] if not _told else []


@cache
def _listen():
    from numba.core import event

    class Compiling(event.Listener):
        """Of numba's own events"""

        def on_start(self, event):
            _compiles()

        def on_end(self, event):
            pass

    event.register("numba:compile", Compiling())


def _compiles():
    """Once, and never in the way of numba: the log may be closed"""
    if not _say:
        return
    _told.append(True)
    say = _say.pop()
    with suppress(ValueError, OSError):
        say(f"note: kernels are compiled for this machine once, a minute or more ({place()[0]})")


_chosen: list = []


def place() -> tuple[Path | None, str]:
    """(folder for what is compiled, None = nowhere; what there is to say of it), found once in a process."""
    if not _chosen:
        _chosen.append(_place())
    return _chosen[0]


def place_for_cupy():
    """Before CuPy is imported: CUPY_CACHE_DIR where the home folder takes no files.

    A home on a network stays: to read some 40 small files there costs less than to compile for 6 to 10 s in
    each job on a disk of its node. CuPy renames what is whole, so that ranks do not meet in a file.
    """
    with suppress(RuntimeError):  # there may be no home
        if "CUPY_CACHE_DIR" in os.environ or _takes(Path.home() / ".cupy" / "kernel_cache"):
            return
    if folder := place()[0]:
        os.environ["CUPY_CACHE_DIR"] = str(folder / "cupy")


def _place() -> tuple[Path | None, str]:
    given = os.environ.get("NUMBA_CACHE_DIR")
    for folder in ([Path(given)] if given else []) + [*_of_checkout(), *_of_user()]:
        if _takes(folder):
            return folder, ""
    with suppress(OSError):
        folder = Path(tempfile.mkdtemp(prefix="nanompi-"))  # nobody else can read, write or guess it
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        if _takes(folder):
            return folder, "in each run anew: neither the installation nor the home folder can be written"
    return None, "in each process anew: no folder can be written"


def _of_checkout() -> list[Path]:
    """The tree of the program, where pip has not put it: it would leave these files behind when it takes the
    others away, and Python would take what is left for the program."""
    return [] if {"site-packages", "dist-packages"} & set(TREE.parts) else [TREE]


def _of_user() -> list[Path]:
    """The cache folder of this user, where there is one."""
    with suppress(RuntimeError):
        return [Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nanompi" / "numba"]
    return []


def _takes(folder: Path) -> bool:
    """Can this user, and nobody else, write into a folder, and is there room?"""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if folder.stat().st_uid not in (os.geteuid(), 0) or not os.access(folder, os.W_OK):
            return False
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(ROOM))
            file.flush()
        return True
    except OSError:
        return False
