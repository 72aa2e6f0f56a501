"""What `cdi` needs, said before it runs: memory and time, from a few iterations of one start."""

import time

import numpy as np

from nanompi import units
from nanompi.methods.cdi.pattern import Pattern, fast
from nanompi.methods.cdi.phase import Phasing
from nanompi.methods.cdi.prepare import checked, is_volume
from nanompi.methods.cdi.refine import iterations
from nanompi.mpi.link import Link
from nanompi.run import planning
from nanompi.run.reading import open_data

TRIED = 6  # iterations of a trial, of which the first is not counted
LARGEST = 1 << 24  # pixels of a trial: of larger volumes a part is tried, and scaled


class Forecast:
    """A job with the step `cdi`, with so many threads for each rank. Errors: JobError, DataError."""

    def __init__(self, job, step, threads: int = 1):
        self.step, self.threads, self.precision = step, threads, job.run.precision
        data = open_data(job.input.file, job.input, job.reader)["data"]
        checked(data)
        stored = data.shape if is_volume(data) else data.shape[1:]
        self.stored = int(np.prod(data.shape)) * data.dtype.itemsize
        self.shape = tuple(fast(min(n, step.size or n)) for n in stored)
        self.pixels = int(np.prod(self.shape))
        self.planned = sum(link.iterations for link in step.chain)
        self.last = iterations(len(self.shape), step.support.shrink) if step.refine else 0
        self.iteration, self.libraries = self._tried(), planning.resident()

    def _tried(self) -> float:
        """Seconds of an iteration of one start in one thread (a volume: in all threads)."""
        from nanompi.device.cpu import Cpu

        shape = self.shape
        while np.prod(shape) > LARGEST:
            shape = tuple(max(16, n // 2) for n in shape)
        pattern = Pattern(np.ones(shape, np.float32), np.ones(shape, bool), np.zeros(shape, bool),
                          (0.0,) * len(shape), shape)  # fmt: skip
        device = Cpu(self.precision, self.threads if len(shape) == 3 else 1)
        S0 = np.ones(shape, bool)
        phasing = Phasing(device, pattern, [], self.step.support, S0)
        psi, S = np.ones((1, *shape), device.complex), np.ones((1, *shape), bool)
        z, how, spent = np.empty_like(psi), tuple(map(device.real, (1, -0.9, 0))), []
        for _ in range(TRIED):
            begun = time.perf_counter()
            phasing._step(psi, S, z, how)
            spent.append(time.perf_counter() - begun)
        device.close()
        return min(spent[1:]) * self.pixels / np.prod(shape)

    def memory(self, ranks: int) -> dict[str, int]:
        """{what: bytes} of the rank that has most, which is rank 0."""
        wave = self.pixels * (8 if self.precision == "single" else 16)
        own = -(-self.step.starts // ranks)
        side = 1 if len(self.shape) == 3 else min(self.threads, own)
        best = max(1, self.step.starts // 2) if self.step.average == "auto" else self.step.average
        return {
            "pattern": max(self.stored + 26 * self.pixels, 24 * self.pixels),
            "iterations": side * (3 * wave + self.pixels),
            "solutions": own * (wave + self.pixels),
            "average of the best": int((2.5 * best + 10) * self.pixels * 8),
            "libraries": self.libraries,
        }

    def seconds(self, ranks: int) -> float:
        """s of all starts on the rank that has most."""
        side = 1 if len(self.shape) == 3 else self.threads
        rounds = np.ceil(np.ceil(self.step.starts / ranks) / side)
        return float((rounds * self.planned + self.last / side) * self.iteration)

    def report(self, ranks: int, link: Link, gpu=None, per_card: int = 1, within=None) -> str:
        """Memory and time, and how many ranks are worth it. gpu : bytes of a card, or None; within : s"""
        parts, side = self.memory(ranks), " x ".join(map(str, self.shape))
        listed = ", ".join(f"{name} {units.show(n, 'B')}" for name, n in parts.items() if n)
        lines = [
            f"{self.step.starts} starts of {self.planned} iterations on {side} pixels",
            f"on {ranks} rank{'s' * (ranks > 1)}: {-(-self.step.starts // ranks)} starts each, at most "
            f"{units.show(sum(parts.values()), 'B')} of memory on rank 0 ({listed})",
            f"an iteration takes {units.show(self.iteration, 's')} here, of one start on the CPU",
        ]
        if gpu:
            need = (parts["iterations"] * 2 + 10 * self.pixels) * per_card
            lacks = f", but it has {units.show(gpu, 'B')}: more cards, or a smaller `size`" * (need > gpu)
            lines.append(f"a card needs {units.show(need, 'B')}{lacks}")
        lines += ["", *planning.advice(self.seconds, ranks, self.step.starts, within)]
        return "\n".join(lines)

    def compared(self, books: list[dict], ranks: list[int], items: list[int], link: Link) -> dict:
        """Predicted against measured: {"text", "checks", "curves"}. books : metrics of runs"""
        return planning.compared(books, lambda n: sum(self.memory(n).values()), self.seconds)
