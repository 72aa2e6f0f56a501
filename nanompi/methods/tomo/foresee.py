"""What a tomogram needs, said before it runs: memory, bytes and seconds of a rank, for `plan` and `bench`.

The steps of the job are tried on a few rows in the middle of the detector, made of a few projections of the
file: nothing is assumed of them but that what they need grows with rows and with the length of a block.
"""

import copy
import time
import tracemalloc
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import numpy as np

from nanompi import units
from nanompi.data.blocks import Walk
from nanompi.data.data import Data, core_of, count, even
from nanompi.data.redistribute import free_memory
from nanompi.data.room import USABLE
from nanompi.data.rows import ROUND
from nanompi.data.select import Select
from nanompi.data.source import Source
from nanompi.data.walk import Pass, next_pass, walk
from nanompi.device.cpu import Cpu
from nanompi.errors import JobError
from nanompi.mpi.link import Link
from nanompi.mpi.team import Team
from nanompi.run import planning
from nanompi.run.metrics import give_back_memory, peak_memory
from nanompi.run.perform import Run
from nanompi.run.reading import open_data, spread_evenly
from nanompi.run.store import Store
from nanompi.timing import age

FRAMES = 8  # projections that are read for a trial
WRITTEN = 5e8  # bytes/s of the result that a node writes


@dataclass
class Repeated(Source):
    """In place of all projections a few of them, again and again; rows around the middle."""

    frames: np.ndarray
    n: int
    where: str = "trial"

    def __post_init__(self):
        self.shape, self.dtype = (self.n, *self.frames.shape[1:]), self.frames.dtype

    def read(self, index, threads: int = 1) -> np.ndarray:
        """Projections `index`."""
        return self.frames[np.asarray(index) % len(self.frames)]


@dataclass
class Cost:
    """What was measured on this machine, for one rank.

    ready, load : s, until the program is loaded, and of a projection that is read
    fixed, row  : s of all steps, whatever the rows, and of each row
    peaks       : {rows: bytes that a rank with so many has at most}, of one and of two blocks
    held, made  : bytes of a row in memory at most, with what is made of it, and of a row of the result
    begin, kept : bytes at most while steps begin, and what of it stays
    libraries   : of the program; rows : of a block
    """

    ready: float = 0.0
    load: float = 0.0
    fixed: float = 0.0
    row: float = 0.0
    held: int = 0
    made: int = 0
    begin: int = 0
    kept: int = 0
    libraries: int = 0
    rows: int = 1
    peaks: dict[int, int] = field(default_factory=dict)

    def peak(self, rows: int) -> int:
        """Bytes that so many rows, and the work on them, take at most, libraries left out."""
        (low, least), (high, most) = min(self.peaks.items()), max(self.peaks.items())
        if rows <= low:
            return (least - self.libraries) * rows // low
        if rows < high:
            return least - self.libraries + (most - least) * (rows - low) // (high - low)
        return most - self.libraries + self.held * (rows - high)


class Forecast:
    """A job with a tomogram, with so many threads for each rank. Some rows are tried when it is made.

    Errors: JobError, DataError.
    """

    def __init__(self, job, threads: int = 1):
        Team()  # the MPI library is loaded, as it will be: its memory and its time count
        self.ready = min(age(), 20.0)
        self.job, self.threads = job, threads
        self.data = open_data(job.input.file, job.input, job.reader)["data"]
        if self.data.source is None or len(self.data.shape) != 3:
            raise JobError(f"only projections in a file can be planned; the data are {self.data}")
        blocks = groupby(job.steps, lambda step: bool(getattr(step, "each", "")))
        self.chains = [list(steps) for each, steps in blocks if each]
        self.cost = self._tried()

    # ---- trial

    def _tried(self) -> Cost:
        cost = Cost(self.ready)
        begun = time.perf_counter()
        frames = self.data.source.read(self._some())
        cost.load = (time.perf_counter() - begun) / len(frames)
        self._done(self._rows(frames, 1).selected(Select(keep="some:64")))  # kernels are compiled, or loaded
        give_back_memory()
        cost.libraries = planning.resident() - frames.nbytes
        cost.begin, cost.kept, cost.rows = self._begun()
        heights = sorted({min(self.height, n * cost.rows) for n in (1, 2)})
        tried = {n: self._measured(frames, n) for n in heights}
        (low, least), (high, most) = min(tried.items()), max(tried.items())
        cost.row = max(0.0, most[0] - least[0]) / max(1, high - low) or most[0] / high
        cost.fixed, (cost.held, cost.made) = max(0.0, most[0] - cost.row * high), most[2:]
        cost.peaks = {n: own[1] for n, own in tried.items()}
        return cost

    def _some(self) -> np.ndarray:
        """Some projections, whole chunks of the file."""
        n, chunk = self.data.shape[0], max(1, self.data.source.chunk)
        first = n // 2 // chunk * chunk
        return np.arange(first, min(n, first + max(FRAMES, chunk)))

    @property
    def height(self) -> int:
        """Rows of the detector."""
        return self.data.shape[1]

    def _rows(self, frames, n: int) -> Data:
        """A tomogram of n rows in the middle: as many projections as there are, made of a few."""
        top = (self.height - n) // 2
        part = slice(top, top + n), slice(None)
        source = Repeated(np.ascontiguousarray(frames[:, top : top + n]), self.data.shape[0])
        images = {k: one.cropped(*part) for k, one in self.data.beside.items() if k in ("flat", "dark")}
        beside = {k: one for k, one in self.data.beside.items() if k not in ("flat", "dark", "truth")}
        return replace(self.data, source=source, beside=beside | images, facts=dict(self.data.facts))

    def _run(self, data: Data, folder: Path = Path(".")) -> Run:
        device, quiet = Cpu(self.job.run.precision, self.threads), lambda *_: None
        run = Run(Team(alone=True), device, self.job.run, folder, say=quiet, warn=quiet)
        run.data["data"], run.store = data, Store(run, self.job.output.type)
        return run

    def _done(self, data: Data) -> tuple[int, int]:
        """All steps on some rows: bytes of a row in memory at most, and of a row of the result."""
        n, before, held = data.shape[1], self.stored, 0
        with TemporaryDirectory() as folder:
            run = self._run(spread_evenly(data, 1), Path(folder))
            for left, steps in zip(range(len(self.chains))[::-1], copy.deepcopy(self.chains)):
                while steps:
                    k = len(next_pass(run, steps))
                    now, steps = steps[:k], steps[k:]
                    run.store.begin([0], set() if left or steps else {"data"})
                    walk(run, now)
                    values = run.data["data"].values
                    made = 0 if values is None else values.nbytes // n  # none: it went to the file
                    before, held = made, max(held, before + made)
        return held, count(run.data["data"].shape) * run.data["data"].dtype.itemsize // n

    def _begun(self) -> tuple[int, int, int]:
        """(bytes at most, bytes that stay, rows of a block) where all steps begin with the whole detector."""
        data = spread_evenly(replace(self.data, facts=dict(self.data.facts)), 1)
        run, raw = self._run(data), np.broadcast_to(np.zeros((), data.dtype), (1, 1))
        steps = [step for chain in copy.deepcopy(self.chains) for step in chain if step.takes == "data"]
        turned = data.holding(None, "row", even(self.height, 1))
        tracemalloc.start()
        walks = [Walk(run, step, turned) for step in steps if core_of(step.each, data.axes)]
        kept, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak, kept, max((one.rows(raw) for one in walks if "row" in one.free), default=1)

    def _measured(self, frames, n: int) -> tuple[float, int, int, int]:
        """(seconds, bytes of this process at most), and what `_done` gives, for n rows."""
        give_back_memory()
        with suppress(OSError), open("/proc/self/clear_refs", "w") as marks:
            marks.write("5")  # the peak is counted anew; where that is forbidden it is one of before
        begun = time.perf_counter()
        bytes_of_rows = self._done(self._rows(frames, n))
        return time.perf_counter() - begun, peak_memory(), *bytes_of_rows

    # ---- what follows

    @property
    def stored(self) -> int:
        """Bytes of a row of all projections, as stored."""
        return count(self.data.shape) // self.height * self.data.dtype.itemsize

    def memory(self, ranks: int) -> dict[str, int]:
        """{what: bytes} of the rank that has most."""
        rows, cost = -(-self.height // ranks), self.cost
        loading = rows * self.stored + min(2 * ROUND, 2 * rows * self.stored)
        most = max(cost.peak(rows), rows * self.stored + cost.begin - cost.kept, loading)
        return {"rows and work": most, "images": cost.kept, "libraries": cost.libraries}

    def way(self, ranks: int) -> Pass:
        """How the first steps go through the data on so many ranks."""
        run = SimpleNamespace(team=SimpleNamespace(size=ranks), device=SimpleNamespace(xp=np))
        run.data = {"data": spread_evenly(self.data, ranks)}
        return next_pass(run, self.chains[0])

    def bytes(self, ranks: int) -> dict[str, int]:
        """{read, sent, written} of the rank that has most; stored bytes, before they are packed."""
        rows = -(-self.height // ranks)
        source = self.data.source
        apart = not self.way(ranks).loading and 0 < source.lines <= self.height // ranks
        read = rows * self.stored if apart else self.height * self.stored // ranks
        sent = 0 if ranks == 1 or apart else int(read * (ranks - 1) / ranks)
        return {"read": read, "sent": sent, "written": rows * self.cost.made}

    def seconds(self, ranks: int, link: Link) -> dict[str, float]:
        """{phase: s} of the slowest rank."""
        cost, own, rows = self.cost, self.bytes(ranks), -(-self.height // ranks)
        load = cost.load * -(-self.data.shape[0] // ranks)
        return {
            "ready": cost.ready,
            "load": max(load, link.exchange(own["sent"], ranks - 1)),
            "steps": cost.fixed + cost.row * rows,
            "write": own["written"] * ranks / WRITTEN,
        }

    def total(self, ranks: int, link: Link) -> tuple[float, int]:
        """(seconds of the job, bytes of the rank that has most)."""
        return sum(self.seconds(ranks, link).values()), sum(self.memory(ranks).values())

    def report(self, ranks: int, link: Link, gpu=None, per_card: int = 1, within=None) -> str:
        """Memory, bytes and time, and how many ranks are worth it. gpu : not known; within : s"""
        parts, own = self.memory(ranks), self.bytes(ranks)
        angles, rows, columns = self.data.shape
        advised = planning.advice(lambda n: sum(self.seconds(n, link).values()), ranks, self.height, within)
        listed = ", ".join(f"{name} {units.show(n, 'B')}" for name, n in parts.items() if n)
        lines = [
            f"{angles} projections of {rows} x {columns}, {self.data.dtype}",
            f"on {ranks} rank{'s' * (ranks > 1)}: {-(-rows // ranks)} rows each, "
            f"{units.show(sum(parts.values()), 'B')} of memory per rank ({listed})",
            f"each rank reads {units.show(own['read'], 'B')}, once, sends {units.show(own['sent'], 'B')} and "
            f"makes {units.show(own['written'], 'B')} of slices, in blocks of {min(self.cost.rows, rows)}",
            self._fits(ranks, sum(parts.values())),
            *(["what a card needs is not known beforehand"] if gpu else []),
        ]
        return "\n".join([*filter(None, lines), "", *advised])

    def _fits(self, ranks: int, each: int) -> str:
        """Where this machine has too little memory for all ranks: what will happen."""
        have = USABLE * free_memory()
        if ranks * each <= have:
            return ""
        lacks = units.show(ranks * each - have, "B")
        how = "take more nodes, or name a folder by `run: {scratch: ...}`"
        if self.job.run.scratch:
            how = "prepared rows are made again for each step that needs them, counts lie in run.scratch"
        return f"this machine lacks {lacks} for {ranks} rank{'s' * (ranks > 1)}: {how}"

    def compared(self, books: list[dict], ranks: list[int], items: list[int], link: Link) -> dict:
        """Predicted against measured: {"text", "checks", "curves"}. books : metrics of runs"""
        return planning.compared(
            books, lambda n: sum(self.memory(n).values()), lambda n: sum(self.seconds(n, link).values())
        )
