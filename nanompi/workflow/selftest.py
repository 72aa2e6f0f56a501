"""The whole program on a small job, on the card and on the CPU: do both give the same image?"""

import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nanompi.device.checks import Finding
from nanompi.errors import NanompiError
from nanompi.io.hdf5 import open_hdf5
from nanompi.mpi.children import python
from nanompi.mpi.launcher import without_launcher
from nanompi.mpi.mpiexec import mpiexec
from nanompi.run.switches import GEOMETRY, PICTURES

JOB = """\
nanompi: 1
name: small
input: {simulate: {frames: 64, size: 64, photons: 1e7}}
steps:
  - {use: ptycho.prepare, split: stripes}
  - {use: ptycho, engines: DM*50}
"""  # bright, and with a probe from the data: from a poor start rounding would grow to 0.1 rad on any device
SECONDS = 180  # most that one run may take; the first on the CPU compiles its kernels
FEW = ("run.precision=double", "steps.ptycho.engines=DM*3 ML*2")
PHASE, ROUNDING = 1e-3, 1e-8
LIT = 0.3  # of the most light: where the object is compared


@dataclass
class Case:
    """A run on the card. settings : of `--set`; limit : PHASE in rad, or ROUNDING of the largest value"""

    name: str
    settings: tuple[str, ...]
    limit: float
    ranks: int = 1

    @property
    def expected(self) -> str:
        """What is right, in words."""
        if self.limit == PHASE:
            return f"the phase of the CPU within {PHASE:g} rad (rms)"
        return f"the object of the CPU within {ROUNDING:g} of its largest value"


CASES = [
    Case("program: 50 iterations of DM, single precision", ("run.precision=single",), PHASE),
    Case("program: DM and ML, double precision", FEW, ROUNDING),
    Case("program: two ranks share the card", (*FEW, "run.transport=staged"), ROUNDING, 2),
    Case("program: two ranks, the transport that works", (*FEW, "run.transport=auto"), ROUNDING, 2),
]


class Failed(Exception):
    """A run that did not end well; its last words."""


def findings(folder: Path) -> Iterator[Finding]:
    """Run all cases in a folder; what came of each."""
    (folder / "small.yaml").write_text(JOB)
    known: dict[tuple, np.ndarray] = {}
    for number, case in enumerate(CASES):
        begun = time.perf_counter()
        try:
            got, ok = _compared(folder, f"run-{number}", case, known)
        except Failed as e:
            got, ok = str(e), False
        except NanompiError as e:  # no launcher
            got, ok = f"not tried: {e}", None
        yield Finding(case.name, case.expected, got, ok, time.perf_counter() - begun)


def _compared(folder: Path, name: str, case: Case, known: dict) -> tuple[str, bool]:
    """(how far the card is from the CPU, is it near enough); known : objects of the CPU, by settings"""
    if case.ranks > 1:
        mpiexec()
    settings = tuple(s for s in case.settings if "transport" not in s)
    if settings not in known:
        _ran(folder, f"{name}-cpu", 1, (*settings, "run.device=cpu"))
        known[settings] = _object(folder / f"{name}-cpu")
    said = _ran(folder, name, case.ranks, (*case.settings, "run.device=cuda"))
    off = _apart(known[settings], _object(folder / name), case.limit == PHASE)
    sums = re.search(r"precision, sums (.*)", said)
    return f"{off:.1e}" + (f", sums {sums[1]}" if sums else ""), off <= case.limit


def _ran(folder: Path, name: str, ranks: int, settings) -> str:
    """What a run says. Errors: Failed."""
    words = ["run", "small.yaml", "--folder", name, "-n", ranks]
    command = python("-m", "nanompi", *words, *(word for s in settings for word in ("--set", s)))
    own = {"capture_output": True, "text": True, "stdin": subprocess.DEVNULL}
    own["env"] = without_launcher() | {PICTURES: "no", GEOMETRY: "no"}
    try:
        done = subprocess.run(command, cwd=folder, timeout=SECONDS, **own)
    except subprocess.TimeoutExpired:
        raise Failed(f"{' '.join(settings)}: no end within {SECONDS} s") from None
    if done.returncode:
        said = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()] or ["no word"]
        why = next((line for line in said if line.startswith("nanompi: ")), said[-1])
        raise Failed(f"{' '.join(settings)}: exit code {done.returncode}: {why}")
    return done.stdout


def _object(folder: Path) -> np.ndarray:
    """The object of a result, where it is lit; 0 elsewhere."""
    with open_hdf5(str(folder / "result.h5")) as file:
        O, weight = (file[f"entry_1/object/{name}"][...] for name in ("data", "weight"))
    return np.where(weight > LIT * weight.max(), O, 0)


def _apart(want: np.ndarray, got: np.ndarray, phase: bool) -> float:
    """Rms difference of the phase in rad, but for a constant; or the largest one, of the largest value."""
    if not phase:
        return float(abs(got - want).max() / abs(want).max())
    turn, lit = np.vdot(want, got), want != 0
    return float(np.sqrt((np.angle(got * want.conj() * turn.conj())[lit] ** 2).mean()))
