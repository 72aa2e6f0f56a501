"""A Python that has imported the libraries and the program once, and forks a child for each rank of a test.

These imports, and the tables that numba fills before it loads its first kernel, are most of what a rank of a
small scene costs. Each rank imports what depends on where it is: kernels, which are kept in some folder,
parts, which packages may add, and the whole program where PYTHONPATH has another one. It starts MPI itself,
and mpiexec starts, signals and ends a process for each: `warm_rank.py`, which gives its place to a child.

usage: warm.py SOCKET; it ends with its stdin. On the socket comes a request for each rank (`warm_rank.ask`).
"""

import atexit
import gc
import importlib
import marshal
import os
import runpy
import selectors
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import types
from contextlib import suppress
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path

IMPORTS = ("numpy", "scipy.fft", "scipy.ndimage", "scipy.spatial", "scipy.special", "numba", "h5py")
IMPORTS += ("pydantic", "yaml", "jinja2", "rich.console", "importlib.metadata", "mpi4py")
PROGRAM = ("cli.run", "job.job", "report.at_the_end", "report.live", "report.report", "run.attended")
PROGRAM += ("run.life", "run.perform", "run.watchdog", "run.writers.nexus", "optics.propagate", "optics.ramp")
PROGRAM_READS = "NANOMPI_CHECK"  # of the environment, as it is imported
AT_IMPORT = ("OMP_", "OPENBLAS_", "MKL_", "NUMBA_", "HDF5_", "LD_", "SCIPY_")  # what libraries read then
HIGH = 200  # nobody else uses file descriptors from here on


def rank(python: str, environ: dict[str, str]) -> list[str]:
    """The words that take the place of `python` in a command of mpiexec.

    environ : what a test sets beside `variables`; Python itself where a library reads that as it is imported
    """
    own = [name for name, text in environ.items() if text != os.environ.get(name)]
    if any(name.startswith(AT_IMPORT) for name in own):
        return [python]
    stub = str(Path(__file__).with_name("warm_rank.py"))
    return [python, "-I", "-S", stub, _socket(python), python]


def nanompi(*words) -> list[str]:
    """The command `nanompi WORDS`, run in a child of the warm Python"""
    return [*rank(sys.executable, {}), "-m", "nanompi", *map(str, words)]


def command(folder: Path) -> Path:
    """The folder made there, to stand first in PATH: its `nanompi` runs in a child of the warm Python."""
    folder.mkdir()
    words = shlex.join([*rank(sys.executable, {}), "-P", "-m", "nanompi"])
    (folder / "nanompi").write_text(f'#!/bin/sh\nexec {words} "$@"\n')
    (folder / "nanompi").chmod(0o755)
    return folder


@cache
def _socket(python: str) -> str:
    """Of the warm Python of a virtual environment, which the first who asks starts"""
    from tests.mpi.conftest import variables

    path = f"{tempfile.mkdtemp(prefix='warm')}/socket"
    own = {name: text for name, text in variables().items() if name != "PYTHONPATH"}
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    server = subprocess.Popen([python, "-P", __file__, path], env=own, cwd="/", **streams)
    server.stdout.readline()  # it listens, or has ended: then each rank is a Python of its own
    atexit.register(_end, server)
    return path


def _end(server):
    server.stdin.close()
    server.wait()


# ---- the warm Python ---------------------------------------------------------------------------------------


def warm_up():
    """Import all, and let numba fill its tables: both are shared with the children."""
    for name in IMPORTS:
        importlib.import_module(name)
    for name in PROGRAM:
        importlib.import_module(f"nanompi.{name}")
    import numba

    numba.njit(lambda x: x + 1)(1.0)
    gc.collect()
    gc.freeze()


class Server:
    """Forks a child for each request until stdin ends.

    path : of the socket, in a folder of its own, which goes with it
    children : by pid, the connection of the process whose place it has
    """

    def __init__(self, path: str):
        self.path, self.children = path, {}
        self.door, self.look = socket.socket(socket.AF_UNIX), selectors.DefaultSelector()
        self.door.bind(path)
        self.door.listen(256)
        self.ear, mouth = os.pipe()
        os.set_blocking(mouth, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(mouth)
        for what in (0, self.ear, self.door):
            self.look.register(what, selectors.EVENT_READ)

    def serve(self) -> list[str]:
        """The words of a rank, in its process; the warm Python itself does not come back."""
        words = None
        while words is None:
            for key, _ in self.look.select():
                if key.fileobj is self.door:
                    words = self._fork()
                elif key.fileobj == self.ear:
                    os.read(self.ear, 4096)
                    self._bury()
                elif key.fileobj == 0:
                    self._end()
                else:
                    self._forget(key.fileobj)
                if words is not None:
                    break
        return words

    def _fork(self) -> list[str] | None:
        """A child; in it, its words"""
        connection, _ = self.door.accept()
        size, fds, *_ = socket.recv_fds(connection, 8, 8)
        request = marshal.loads(connection.recv(int.from_bytes(size, "little"), socket.MSG_WAITALL))
        pid = os.fork()
        if not pid:
            self._leave(connection)
            return take_place(request, fds)
        for fd in fds:
            os.close(fd)
        self.children[pid] = connection
        self.look.register(connection, selectors.EVENT_READ)
        _tell(connection, pid)
        return None

    def _leave(self, connection):
        """In a child: what is not closed now would be closed later, when others have its numbers"""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for one in (self.look, self.door, connection, *self.children.values()):
            one.close()

    def _bury(self):
        """Tell how children have ended"""
        while self.children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            connection = self.children.pop(pid)
            with suppress(KeyError):  # forgotten before
                self.look.unregister(connection)
            _tell(connection, status)
            connection.close()

    def _forget(self, connection):
        """A process is gone, killed by mpiexec: so is the child that has its place"""
        with suppress(KeyError, ValueError):
            self.look.unregister(connection)
        for pid in [pid for pid, one in self.children.items() if one is connection]:
            os.kill(pid, signal.SIGKILL)

    def _end(self):
        """The tests have ended, well or not"""
        for pid in self.children:
            os.kill(pid, signal.SIGKILL)
        with suppress(OSError):
            os.unlink(self.path)
            os.rmdir(os.path.dirname(self.path))
        os._exit(0)


def _tell(connection, number: int):
    with suppress(OSError):
        connection.sendall(number.to_bytes(8, "little"))


def take_place(request: dict, fds: list[int]) -> list[str]:
    """Be the process that asked: its streams, folder, environment and signals; its words."""
    import fcntl

    high = [fcntl.fcntl(fd, fcntl.F_DUPFD, HIGH) for fd in fds]
    os.closerange(3, HIGH)
    for fd, place in zip(high, request["fds"]):
        os.dup2(fd, place)
        os.close(fd)
    os.environ.clear()
    os.environ.update(request["environ"])
    os.chdir(request["folder"])
    return request["words"]


def forget_another_program():
    """The program is imported anew where the path has another one, or it reads the environment as it is."""
    found = PathFinder.find_spec("nanompi")
    same = found is None or os.path.samefile(found.origin or "/", sys.modules["nanompi"].__file__)
    if same and PROGRAM_READS not in os.environ:
        return
    for name in [name for name in sys.modules if name.partition(".")[0] == "nanompi"]:
        del sys.modules[name]


def become(words: list[str]):
    """What `python WORDS` does: -m MODULE, -c TEXT or a file, -P before it or not."""
    first, *rest = words[words[0] == "-P" :]
    python_path = os.environ.get("PYTHONPATH", "")
    sys.path[:0] = [os.path.abspath(folder) for folder in python_path.split(os.pathsep) if folder]
    if first == "-m":
        sys.argv = rest
        forget_another_program()
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
        return
    sys.path.insert(0, "" if first == "-c" else os.path.dirname(os.path.abspath(first)))
    forget_another_program()
    text, name = (rest.pop(0), "<string>") if first == "-c" else (Path(first).read_text(), first)
    sys.argv = [first, *rest]
    sys.modules["tests.mpi.warm"] = sys.modules["__main__"]
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    if first != "-c":
        main.__file__ = first
    exec(compile(text, name, "exec", dont_inherit=True), vars(main))


if __name__ == "__main__":
    warm_up()
    server = Server(sys.argv[1])
    print("ready", flush=True)
    become(server.serve())
