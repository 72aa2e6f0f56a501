"""`nanompi run -n N` outside mpirun: start the mpiexec that belongs to the MPI library which Python loads."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from nanompi.children import python
from nanompi.errors import ResourceError

NAMES = ("mpiexec", "mpirun", "mpiexec.hydra", "mpiexec.mpich", "mpiexec.openmpi", "mpirun.openmpi")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_RANKS = ("PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK", "MV2_COMM_WORLD_RANK")
_MARKS = {
    "Open MPI": ("open mpi", "openrte", "prrte"),
    "Intel MPI": ("intel(r) mpi",),
    "MPICH": ("hydra", "mpich", "mvapich"),
}
_MISSING = 'install one with: pip install "nanompi[mpi]", or load the MPI module of your site'


def one_thread():
    """One thread for each library that would start its own: the ranks and `run.threads` share the cores."""
    for name in _THREADS:
        os.environ.setdefault(name, "1")


def under_launcher(environ=os.environ) -> bool:
    """Has mpirun, mpiexec or srun started this process?"""
    from nanompi.team import launched

    return launched(environ) > 1 or any(name in environ for name in _RANKS)


def start(ranks: int, argv: list[str]) -> int:
    """Run `nanompi ARGV` on N ranks; the exit code of mpiexec. Signals are passed on.

    Errors: ResourceError when no mpiexec fits.
    """
    command = [mpiexec(), "-n", str(ranks), *python("-m", "nanompi", *argv)]
    # A group of its own: Ctrl-C reaches mpiexec once, through `pass_on`, and not again from the terminal.
    child = subprocess.Popen(command, env=environment(), stdin=subprocess.DEVNULL, process_group=0)
    return _ended(child, pass_on(child))


def environment() -> dict[str, str]:
    """The environment of mpiexec: more ranks than cores and root are allowed; nothing is bound."""
    own = {
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        "OMPI_MCA_rmaps_base_oversubscribe": "1",
        "OMPI_MCA_hwloc_base_binding_policy": "none",
        "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
        "PRTE_MCA_hwloc_default_binding_policy": "none",
    }
    return {**own, **os.environ}


def pass_on(child: subprocess.Popen) -> list[int]:
    """Hand signals on to mpiexec; the list fills with those that came to end the job.

    The first of them goes on as USR2 (`nanompi.signals`) with Open MPI, whose mpiexec kills the ranks 0.2 s
    after a TERM or INT, before they can write a checkpoint; that of MPICH lets them end by themselves.
    """
    came: list[int] = []

    def forward(number, _frame):
        end = number in (signal.SIGINT, signal.SIGTERM)
        first = end and not came
        came.extend([number] * end)
        if child.poll() is None:
            kills = first and _kind(output([child.args[0], "--version"])) == "Open MPI"
            child.send_signal(signal.SIGUSR2 if kills else number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, forward)
    return came


def _ended(child: subprocess.Popen, came: list[int]) -> int:
    code = child.wait()
    if came and code not in (0, 75):
        return 128 + came[0]
    return code if code >= 0 else 128 - code


def mpiexec() -> str:
    """The mpiexec beside this python; else one in PATH that belongs to the MPI library which mpi4py loads."""
    beside = Path(sys.executable).parent / "mpiexec"
    if beside.is_file() and os.access(beside, os.X_OK):
        return str(beside)
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
