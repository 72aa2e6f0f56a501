"""Show what this installation can do: MPI, ranks, devices, Slurm, HDF5, and the cure for what is missing.

Alone it starts two ranks; inside a Slurm job also by srun with each MPI type, to tell which one fits.
Under mpirun or srun it shows those ranks: `srun -n 4 --mpi=pmi2 nanompi doctor`.

With --gpu it asks the first card, on the node where it is, whether all that is computed there is right:
kernels against their contracts, memory, transports, the whole program against the CPU. That takes minutes.
"""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from nanompi import __version__
from nanompi.cli import new_path
from nanompi.errors import JobError, NanompiError, ResourceError
from nanompi.io.atomic import write_text
from nanompi.mpi.children import python

_MPI = """
from mpi4py import MPI
import ctypes
level = {v: n for n, v in vars(MPI).items() if n.startswith("THREAD_")}[MPI.Query_thread()]
text = " ".join(MPI.Get_library_version().split(chr(0))[0].splitlines()[0].split())
files = {line.split()[-1] for line in open("/proc/self/maps") if "/libmpi" in line}
ask = [f for f in (getattr(ctypes.CDLL(p), "MPIX_Query_cuda_support", None) for p in files) if f]
cuda = "" if not ask else ", CUDA-aware" if any(f() for f in ask) else ", not CUDA-aware"
print(f"{text}, {level}{cuda or ', does not say whether it is CUDA-aware'}")
"""
_RANK = (
    "import os; from mpi4py import MPI; c = MPI.COMM_WORLD;"
    "os.write(1, f'{c.rank} of {c.size} on {MPI.Get_processor_name()}\\n'.encode())"
)
_FILTERS = "import hdf5plugin as h; print(', '.join(n for n, f in h.FILTERS.items() if f))"
_CARDS = "from nanompi.device.card import names; print(*names(), sep=chr(10))"
_WHY = "from nanompi.device.card import reason; print(reason())"
_FFT = "from nanompi.device.fft import by; print(f'128²: {by((128, 128))}; 509²: {by((509, 509))}')"
_COMPILED = "from nanompi.device.compiled import place; print(*place(), sep=chr(10))"
_FITS = {"MPICH": "pmi2", "Intel": "pmi2", "MVAPICH": "pmi2", "Open MPI": "pmix"}


def arguments(parser):
    """Arguments of `nanompi doctor`."""
    parser.add_argument("-n", type=int, default=2, metavar="N", help="number of ranks of the MPI test (2)")
    parser.add_argument("--gpu", action="store_true", help="ask the first card whether all is right on it")
    parser.add_argument("--json", type=new_path, metavar="FILE", help="write what is shown into a file, too")


def main(args) -> int:
    """Exit code 0; 4 when ranks do not find each other, or with --gpu where anything is wrong on the card."""
    from nanompi.mpi.launcher import launched, under_launcher

    if args.gpu and launched() > 1:
        raise JobError(
            "doctor --gpu starts what it needs by itself: one process on the node of the card, such as "
            "`srun --ntasks=1 --gpus=1 nanompi doctor --gpu`"
        )
    report = Report()
    alone = args.gpu or not under_launcher()
    code = _alone(report, args.n) if alone else _launched(report)
    if args.gpu and not report.card():
        code = 4
    if args.json and _first():
        write_text(Path(args.json), json.dumps(report.book(code), indent=1, ensure_ascii=False) + "\n")
    return code


@dataclass
class Report:
    """What has been shown. rows : {name: text}; findings : answers of the card."""

    rows: dict[str, str] = field(default_factory=dict)
    findings: list[Any] = field(default_factory=list)

    def show(self, name: str, text: str):
        """A row of the machine."""
        self.rows[name] = text
        first, *more = text.splitlines() or [""]
        print(f"{name:<13} {first}")
        for line in more:
            print(f"{'':<13} {line}")

    def card(self) -> bool:
        """Ask the card all questions, showing the answers as they come; is it right?"""
        from nanompi.device import checks
        from nanompi.workflow import selftest

        if why := _child(_WHY):
            self.rows["gpu"] = why
            print(f"\n{'gpu':<13} NOT OK: {why}")
            return False
        print("\nThe first card. ok, NOT OK, or a figure (-) that decides nothing:")
        for group in checks.GROUPS:
            for found in checks.findings(group):
                self.found(found)
        with tempfile.TemporaryDirectory(prefix="nanompi-doctor-") as folder:
            for found in selftest.findings(Path(folder)):
                self.found(found)
        wrong = [f.name for f in self.findings if f.ok is False]
        last = f"NOT OK: {len(wrong)} wrong: {'; '.join(wrong)}" if wrong else "all that matters is right"
        print(f"{'gpu':<13} {last}")
        return not wrong

    def found(self, finding):
        """A line for an answer of the card."""
        self.findings.append(finding)
        word = {True: "ok", False: "NOT OK", None: "-"}[finding.ok]
        expected = f"[expected: {finding.expected}; {finding.seconds:.0f} s]"
        print(f"{word:<6} {finding.name}: {finding.got}   {expected}", flush=True)

    def book(self, code: int) -> dict[str, Any]:
        """All of it, for a file."""
        return {
            "nanompi": __version__,
            "code": code,
            "machine": self.rows,
            "gpu": [asdict(f) for f in self.findings],
        }


def _alone(report: Report, n: int) -> int:
    ranks, fine = _ranks(n)
    mpi = _child(_MPI)
    _machine(report, mpi or _NO_MPI)
    report.show("launcher", _launcher())
    report.show("ranks", ranks)
    report.show("cores", f"{len(os.sched_getaffinity(0))} of {os.cpu_count()}, as this process may use them")
    report.show("device", _device())
    report.show("fft", _child(_FFT) or "SciPy cannot be loaded: pip install scipy")
    report.show("kernels", _compiled())
    report.show("slurm", "\n".join(_slurm(mpi)))
    return 0 if fine else 4


def _device() -> str:
    """What `device: auto` takes, and why."""
    if why := _child(_WHY):
        return f"{_CPU}\n{why}"
    return f"auto takes CUDA:\n{_cards()}"


def _launched(report: Report) -> int:
    """One report of all ranks, by rank 0; or of strangers to each other, by the first of them."""
    from nanompi.mpi.launcher import launched
    from nanompi.mpi.team import Team

    cards = _cards().splitlines()  # before MPI starts: a child process afterwards is not safe with every MPI
    mpi = _child(_MPI) if _first() else ""
    try:
        team = Team()
    except ResourceError as e:
        if _first():
            _machine(report, mpi)
            report.show("ranks", f"{launched()} singletons instead of {launched()} ranks: {e}\n{cure(mpi)}")
            report.show("slurm", "\n".join(_slurm_facts()))
        return 4
    with team:
        own = [team.rank, f"{team.host} ({team.place + 1} of {team.places})"]
        own += [cards[team.place % len(cards)] if cards else "CPU", _visible()]
        rows = team.gather([str(word) for word in own])
        if team.root:
            _machine(report, mpi)
            table = _columns([["rank", "host", "device", "CUDA_VISIBLE_DEVICES"], *rows])
            report.show("ranks", "\n".join([*table, *_apart(rows)]))
            report.show("slurm", "\n".join(_slurm_facts()))
    return 0


def _apart(rows: list[list[str]]) -> list[str]:
    """A word on ranks of one node that see different cards. rows : rank, host, device, cards that it sees"""
    seen = {(host.split()[0], cards) for _, host, _, cards in rows}
    if len(seen) == len({host for host, _ in seen}):
        return []
    return [
        "Ranks of a node see different cards: neither MPI nor NCCL can pass data from one to the other. "
        "Ask for cards by node: --gpus-per-node, not --gpus-per-task."
    ]


def _machine(report: Report, mpi: str):
    """What does not depend on the ranks."""
    from nanompi.job.folder import versions

    report.show("python", f"{sys.version.split()[0]}, {sys.executable}")
    report.show("packages", ", ".join(f"{name} {version}" for name, version in versions().items()))
    report.show("mpi", mpi)
    report.show("hdf5 filters", _child(_FILTERS) or "hdf5plugin cannot be loaded: pip install hdf5plugin")
    report.show("file locks", _locks())


_CPU = (
    'auto takes the CPU (no CUDA card that CuPy can use; on a GPU node: pip install "nanompi[cuda12]" or '
    '"nanompi[cuda13]")'
)
_NO_MPI = 'none: one rank only; pip install "nanompi[mpi]", or load the MPI module of your site'


def cure(mpi: str) -> str:
    """What to do about processes that do not find each other. mpi : the library that Python loads"""
    fits = next((kind for name, kind in _FITS.items() if name in mpi), "")
    use = (
        f"srun --mpi={fits} (in slurm/site.yaml: mpi: {fits})" if fits else "another type of srun --mpi=list"
    )
    return (
        f"cure: Python loads {mpi.split(',')[0] or 'no MPI'}: use {use}; where srun has no such type, "
        "launcher: mpirun in slurm/site.yaml, or `nanompi run -n N`"
    )


def _first() -> bool:
    """Is this the first of the processes that a launcher started?"""
    names = ("SLURM_PROCID", "PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK", "MV2_COMM_WORLD_RANK")
    return all(os.environ.get(name, "0") == "0" for name in names)


def _columns(rows: list[list[str]]) -> list[str]:
    wide = [max(map(len, column)) for column in zip(*rows)]
    return ["  ".join(cell.ljust(w) for cell, w in zip(row, wide)).rstrip() for row in rows]


# ---- questions -------------------------------------------------------------------------------------------


def _launcher() -> str:
    from nanompi.mpi.mpiexec import mpiexec

    try:
        return mpiexec()
    except NanompiError as e:
        return str(e)


def _ranks(n: int) -> tuple[str, bool]:
    """Start N ranks and let each say who it is; does every one see all the others?"""
    from nanompi.mpi.launcher import without_launcher
    from nanompi.mpi.mpiexec import environment, mpiexec

    try:
        said, fine = _met([mpiexec(), "-n", str(n)], n, environment(without_launcher()))
    except NanompiError:
        return "not tried: there is no launcher", True
    return said if fine else f"{n} ranks do not find each other:\n{said}", fine


def _met(launcher: list[str], n: int, environ: dict, seconds: float = 60) -> tuple[str, bool]:
    """(what N ranks under a launcher say, do they see each other)"""
    try:
        command = [*launcher, *python("-c", _RANK)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, env=environ)
    except subprocess.TimeoutExpired:
        return f"{n} ranks did not start within {seconds:.0f} s", False
    said = sorted(filter(None, done.stdout.split("\n")))
    fine = done.returncode == 0 and sum(f" of {n} on " in line for line in said) == n
    return "\n".join(said) if fine else f"{done.stdout}{done.stderr}", fine


def _slurm(mpi: str) -> list[str]:
    """Slurm's variables, and which MPI type of srun fits, tried inside a job."""
    import shutil

    if not shutil.which("srun"):
        return ["no: there is no srun in PATH (load Slurm's module if this is a cluster)"]
    if "SLURM_JOB_ID" not in os.environ:
        return ["yes, but not inside a job: `salloc -n 2 nanompi doctor` tries srun's MPI types"]
    n = min(int(os.environ.get("SLURM_NTASKS", 1)), 4)
    if n < 2:
        return [*_slurm_facts(), "one task: srun's MPI types are tried in a job with two or more"]
    tried = {kind: _by_srun(kind, n) for kind in ("none", "pmi2", "pmix")}
    lines = [f"srun --mpi={kind}: {f'{n} ranks' if fine else why}" for kind, (fine, why) in tried.items()]
    return [*_slurm_facts(), *lines, *([] if any(fine for fine, _ in tried.values()) else [cure(mpi)])]


def _by_srun(kind: str, n: int) -> tuple[bool, str]:
    """(do N ranks by srun see each other, why not)"""
    environ = {"MPIR_CVAR_CH4_NETMOD": "ofi", **os.environ}
    said, fine = _met(["srun", "--overlap", f"--ntasks={n}", f"--mpi={kind}"], n, environ, 30)
    alone = said.count("0 of 1 on ")
    last = (said.strip().splitlines() or ["no answer"])[-1]
    return fine, f"{alone} singletons instead of {n} ranks" if alone else last


def _slurm_facts() -> list[str]:
    names = (
        "SLURM_JOB_ID",
        "SLURM_NTASKS",
        "SLURM_JOB_NODELIST",
        "SLURM_CPUS_PER_TASK",
        "SLURM_GPUS_ON_NODE",
        "SLURM_GPUS_PER_TASK",
    )
    found = [f"{name}={os.environ[name]}" for name in names if name in os.environ]
    return [" ".join(found)] if found else ["not inside a job"]


def _visible() -> str:
    return os.environ.get("CUDA_VISIBLE_DEVICES", "(not set)")


def _locks() -> str:
    """Can a file in the current folder be locked? HDF5 wants to."""
    import fcntl
    import tempfile

    setting = os.environ.get("HDF5_USE_FILE_LOCKING")
    try:
        with tempfile.TemporaryFile(dir=".") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as e:
        why = f"{os.getcwd()}: no ({e.strerror})"
        return why if setting == "FALSE" else f"{why}; export HDF5_USE_FILE_LOCKING=FALSE"
    return f"{os.getcwd()}: yes" + (f" (HDF5_USE_FILE_LOCKING={setting})" if setting else "")


def _cards() -> str:
    return _child(_CARDS)


def _compiled() -> str:
    """Where the compiled kernels of the CPU are kept."""
    folder, _, why = _child(_COMPILED).partition("\n")
    return f"compiled {why}" if why else f"kept in {folder}" if folder else "numba cannot be loaded"


def _child(code: str) -> str:
    """What python lines print in a process of its own, which does not think it is a rank; nothing when they
    fail."""
    from nanompi.mpi.launcher import without_launcher
    from nanompi.mpi.mpiexec import output

    return output(python("-c", code), without_launcher()).strip()
