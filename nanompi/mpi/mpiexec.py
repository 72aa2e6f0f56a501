"""`nanompi run -n N` outside mpirun: start the mpiexec that belongs to the MPI library which Python loads."""

import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from nanompi.errors import JobError, ResourceError
from nanompi.mpi.children import ONE_THREAD, bound, python
from nanompi.mpi.launcher import launched, under_launcher
from nanompi.mpi.relay import Relay
from nanompi.mpi.signals import ASKS, heeded

NAMES = ("mpiexec", "mpirun", "mpiexec.hydra", "mpiexec.mpich", "mpiexec.openmpi", "mpirun.openmpi")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_MARKS = {
    "Open MPI": ("open mpi", "openrte", "prrte"),
    "Intel MPI": ("intel(r) mpi",),
    "MPICH": ("hydra", "mpich", "mvapich"),
}
_MISSING = 'install one with: pip install "nanompi[mpi]", or load the MPI module of your site'


def one_thread():
    """One thread for each library that would start its own: the ranks and `run.threads` share the cores.

    What is set stays, but for a number that is none or 0, with which a library would end the run.
    """
    if ours := [name for name in _THREADS if name not in os.environ]:
        os.environ[ONE_THREAD] = ",".join(ours)  # a program that a step starts has its own
    for name in _THREADS:
        os.environ.setdefault(name, "1")
    for name in (*_THREADS, "NUMBA_NUM_THREADS"):
        levels = r"(,\d+)*" if name == "OMP_NUM_THREADS" else ""
        if not re.fullmatch(rf"[1-9]\d{{0,3}}{levels}", os.environ.get(name, "1")):
            os.environ[name] = "1"


def to_start(ranks: int | None) -> bool:
    """Must ranks be started, as asked by `-n`? Not where there is to be one, or this process is one of them.

    Errors: JobError where the launcher has started another number.
    """
    if ranks is not None and ranks < 1:
        raise JobError(f"-n {ranks}: the number of ranks is 1 or more")
    if ranks in (None, 1) or not under_launcher():
        return ranks not in (None, 1)
    if ranks != launched():
        raise JobError(
            f"-n {ranks}, but this is already one of {launched()} ranks under mpirun or srun: leave -n out"
        )
    return False


def start(ranks: int, argv: list[str]) -> int:
    """Run `nanompi ARGV` on N ranks; the exit code of mpiexec. Signals are passed on.

    Where this process is killed, mpiexec is asked to end, as by TERM. Errors: ResourceError when no mpiexec
    fits.
    """
    launcher, relay = mpiexec(), Relay()
    command = [launcher, "-n", str(ranks), *python("-m", "nanompi", *argv)]
    number = stopping(launcher)
    # A group of its own: Ctrl-C reaches mpiexec once, through `pass_on`, and not again from the terminal.
    own = {"stdin": subprocess.DEVNULL, "process_group": 0, "env": {**environment(), **_screen()}}
    streams = {"stdout": relay.ends[0], "stderr": relay.ends[1], "pass_fds": relay.fds}
    child = subprocess.Popen(bound(command, number), **own, **streams)
    came = pass_on(child, number)
    relay.start()
    code = child.wait()
    relay.finish()
    return _whole(relay) if code == 0 else ended(code, came, relay)


def stopping(launcher: str) -> int:
    """The signal after which an mpiexec lets the ranks keep their state.

    That of Open MPI kills the ranks 0.2 s after a TERM or INT, before they can write a checkpoint: USR2
    stands for both (`nanompi.mpi.signals`). That of MPICH lets them end by themselves.
    """
    kills = _kind(output([launcher, "--version"])) == "Open MPI"
    return signal.SIGUSR2 if kills else signal.SIGTERM


def _screen() -> dict[str, str]:
    """What the ranks cannot see: that their output is passed on, and to a terminal so wide."""
    own = {"NANOMPI_RELAY": "1"}
    if sys.stdout.isatty():
        own["NANOMPI_TERMINAL"] = str(shutil.get_terminal_size().columns)
    return own


def environment(around=os.environ) -> dict[str, str]:
    """The environment of mpiexec: more ranks than cores and root are allowed; nothing is bound."""
    own = {
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        "OMPI_MCA_rmaps_base_oversubscribe": "1",
        "OMPI_MCA_hwloc_base_binding_policy": "none",
        "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
        "PRTE_MCA_hwloc_default_binding_policy": "none",
    }
    return {**own, **around}


def pass_on(child: subprocess.Popen, stop: int) -> list[int]:
    """Hand signals on to mpiexec; the list fills with those that came to end the job.

    stop : what goes on for the first of them, so that the ranks can keep their state; where that is TERM, INT
    goes on as it is, so that the ranks call it by its name (HUP would end an mpiexec). A HUP that is ignored
    (nohup) stays so. Ctrl-Z halts nothing: no mpiexec halts its ranks by it, and with nobody who passes on
    what they print they would soon stand still, and their watchdog end them.
    """
    came: list[int] = []

    def stay(_number, _frame):
        with suppress(OSError):
            os.write(2, STAYS)

    def forward(number, _frame):
        end = number in ASKS
        first = number if (number, stop) == (signal.SIGINT, signal.SIGTERM) else stop
        send = (signal.SIGTERM if came else first) if end else number
        came.extend([number] * end)
        if child.poll() is None:
            child.send_signal(send)

    for number in (*heeded(ASKS), signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, forward)
    signal.signal(signal.SIGTSTP, stay)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # printing from the background, `stty tostop`
    return came


def _whole(relay) -> int:
    """mpiexec says 0; a rank that a library or a step ended by `_exit(0)` leaves no result behind, though."""
    if relay.missing() <= 0:
        return 0
    text = "nanompi: a rank ended in the midst of the run without a word (a library or a step called exit)"
    print(text, file=sys.stderr, flush=True)
    return 1


def ended(code: int, came: list[int], relay) -> int:
    """The exit code: that of the ranks, or 128 + n after signal n, with a line that says whom it ended.

    MPICH's mpiexec ends with n itself, which may be one of our codes by accident; 255 is its own failure.
    """
    number, who = relay.ended()
    if came and code not in (0, 75):
        return 128 + came[0]
    if code < 0 or (not number and 7 < code < 32):
        number, who = abs(code) % 128, "mpiexec" if code < 0 else "a rank"
    if number:
        print(f"nanompi: {who} was ended by signal {number} ({_name(number)})", file=sys.stderr, flush=True)
        if number in WHY:
            print(f"nanompi: {WHY[number]}", file=sys.stderr, flush=True)
        return ResourceError.code if number == signal.SIGALRM else 128 + number
    if code == 255:
        print("nanompi: mpiexec itself failed (its exit code is 255)", file=sys.stderr, flush=True)
        return ResourceError.code
    return code


STAYS = b"\nnanompi: Ctrl-Z cannot halt ranks: the run goes on; Ctrl-C stops it, and it can be resumed\n"
WHY = {
    signal.SIGKILL: "killed by hand, by the scheduler, or by the system where memory was short (see dmesg)",
    signal.SIGSEGV: "a fault in a library; the lines above may tell which",
    signal.SIGBUS: "a fault in a library, or a file that was open became shorter",
    signal.SIGALRM: "it made no progress for the time of run.watchdog, in a library that holds Python's lock",
}


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "without a name"


def mpiexec() -> str:
    """The mpiexec beside this python; else one in PATH that belongs to the MPI library which mpi4py loads."""
    neighbour = Path(sys.executable).parent / "mpiexec"
    if neighbour.is_file() and os.access(neighbour, os.X_OK):
        return str(neighbour)
    library = _kind(output(python("-c", "from mpi4py import MPI; print(MPI.Get_library_version())")))
    if not library:
        raise ResourceError(f"-n needs an MPI library, and Python cannot load one; {_MISSING}")
    found = {path: _kind(output([path, "--version"])) for name in NAMES if (path := shutil.which(name))}
    for path, kind in found.items():
        if kind == library:
            return path
    there = ", ".join(f"{path} of {kind or 'unknown kind'}" for path, kind in found.items()) or "none"
    raise ResourceError(
        f"-n needs the mpiexec of {library}, which Python loads; in PATH there is {there}; {_MISSING}"
    )


def _kind(text: str) -> str:
    """Open MPI, MPICH or Intel MPI, from what a library or an mpiexec says of itself."""
    low = text.lower()
    return next((kind for kind, marks in _MARKS.items() if any(m in low for m in marks)), "")


def output(command: list[str], environ: dict[str, str] | None = None) -> str:
    """What a command prints; nothing when it fails. In a process of its own: MPI is not loaded here."""
    own = {"stdin": subprocess.DEVNULL, "env": environ}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, **own)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


__all__ = ["environment", "mpiexec", "one_thread", "output", "start", "stopping", "under_launcher"]
