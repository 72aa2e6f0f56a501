"""Show what this installation can do: MPI and its launcher, ranks, packages, HDF5 filters, device."""

import subprocess
import sys

from nanompi.errors import NanompiError

_MPI = "from mpi4py import MPI; print(*MPI.Get_library_version().split(chr(0))[0].splitlines()[0].split())"
_RANK = (
    "from mpi4py import MPI; c = MPI.COMM_WORLD; print(f'{c.rank} of {c.size} on {MPI.Get_processor_name()}')"
)
_FILTERS = "import hdf5plugin as h; print(', '.join(n for n, f in h.FILTERS.items() if f))"
_CARDS = (
    "import cupy as c; n = c.cuda.runtime.getDeviceCount();"
    "print(', '.join(c.cuda.runtime.getDeviceProperties(i)['name'].decode() for i in range(n)))"
)


def arguments(parser):
    """`nanompi doctor` has one argument."""
    parser.add_argument("-n", type=int, default=2, metavar="N", help="number of ranks of the MPI test (2)")


def main(args) -> int:
    """Exit code 0; 4 when the ranks of the MPI test do not find each other."""
    from nanompi.job.folder import versions

    ranks, fine = _ranks(args.n)
    _show("python", f"{sys.version.split()[0]}, {sys.executable}")
    _show("packages", ", ".join(f"{name} {version}" for name, version in versions().items()))
    _show("mpi", _child(_MPI) or 'none: one rank only; pip install "nanompi[mpi]"')
    _show("launcher", _launcher())
    _show("ranks", ranks)
    _show(
        "hdf5 filters",
        _child(_FILTERS) or "hdf5plugin cannot be loaded: compressed detector files stay closed",
    )
    _show(
        "device",
        _child(_CARDS) or 'CPU (no CUDA card that CuPy can use; pip install "nanompi[cuda12]" on a GPU node)',
    )
    return 0 if fine else 4


def _show(name: str, text: str):
    first, *more = text.splitlines() or [""]
    print(f"{name:<13} {first}")
    for line in more:
        print(f"{'':<13} {line}")


def _launcher() -> str:
    from nanompi.cli.launch import mpiexec

    try:
        return mpiexec()
    except NanompiError as e:
        return str(e)


def _ranks(n: int) -> tuple[str, bool]:
    """Start N ranks and let each say who it is; does every one see all the others?"""
    from nanompi.cli.launch import environment, mpiexec

    try:
        command = [mpiexec(), "-n", str(n), sys.executable, "-c", _RANK]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment())
    except NanompiError:
        return "not tried: there is no launcher", True
    except subprocess.TimeoutExpired:
        return f"{n} ranks did not start within 60 s", False
    said = sorted(done.stdout.split("\n"))[1:] if done.stdout else []
    fine = done.returncode == 0 and sum(f" of {n} on " in line for line in said) == n
    return "\n".join(said) if fine else f"{n} ranks do not find each other:\n{done.stdout}{done.stderr}", fine


def _child(code: str) -> str:
    """What a python line prints in a process of its own; nothing when it fails."""
    from nanompi.cli.launch import output

    return output([sys.executable, "-c", code]).strip()
