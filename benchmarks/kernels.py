"""Bytes that the kernels of an iteration touch for each detector pixel, and on a card their seconds.

    python benchmarks/kernels.py [--size 256] [--frames 4000] [--modes 1] [--device auto|cpu|cuda]

Bytes are counted while an iteration runs, from the arrays over frames that each kernel is given: once for an
array that it reads or writes, twice for one that it changes. A transform counts as two passes over its array
(rows, columns), each read and written. Object and probe are not counted: a frame's part of them stays in the
cache. On the CPU bytes alone are printed, and 64 frames are enough.

On a card: seconds by events around each call (a separate iteration), GB/s, and percent of the rate at which
the card copies an array of 1 GiB, measured in the same run; then frame-iterations per second without events.
"""

import sys
from collections import defaultdict
from functools import partial
from types import SimpleNamespace

from harness import options, report, timed
from problems import problem

from nanompi.device import open_device
from nanompi.device.checks import copy_rate
from nanompi.device.checks.rates import touched
from nanompi.methods import discover
from nanompi.mpi.team import Team
from nanompi.run.perform import Options
from nanompi.step import METHODS

LIMITS = {"DM": (136, 4), "AP": (104, 4), "ML": (104 + 56, 8)}  # per mode, and for the counts


class Book:
    """Bytes, calls and seconds of each kernel, noted around the calls of a problem's device."""

    def __init__(self, p, timed: bool):
        self.bytes, self.calls, self.spans = defaultdict(int), defaultdict(int), defaultdict(list)
        self.device, self.timed = p.device, timed
        self.kept = p.k, p.device.kernels, p.device.fft, p.device.ifft
        own = {name: self.around(name, call, partial(touched, name)) for name, call in vars(p.k).items()}
        p.k = p.device.kernels = SimpleNamespace(**own)
        for name in ("fft", "ifft"):
            setattr(p.device, name, self.around(name, getattr(p.device, name), lambda z: 4 * z.nbytes))

    def around(self, name, call, nbytes):
        def noted(*args):
            self.bytes[name] += nbytes(*args)
            self.calls[name] += 1
            if not self.timed:
                return call(*args)
            event = self.device.xp.cuda.Event
            begin, end = event(), event()
            begin.record(self.device.compute)
            out = call(*args)
            end.record(self.device.compute)
            self.spans[name].append((begin, end))
            return out

        return noted

    def seconds(self) -> dict[str, float]:
        """Seconds of each kernel."""
        self.device.wait()
        elapsed = self.device.xp.cuda.get_elapsed_time
        return {name: sum(elapsed(*s) for s in spans) / 1e3 for name, spans in self.spans.items()}

    def close(self, p):
        """The calls as they were."""
        p.k, p.device.kernels, p.device.fft, p.device.ifft = self.kept


def seconds_of(device, work, calls: int = 20) -> float:
    """Seconds of a call, without events."""
    device.wait()
    return timed(lambda: ([work() for _ in range(calls)], device.wait()))() / calls


def rows(name: str, p, rate: float | None) -> list[dict]:
    """Bytes per pixel of one iteration of an engine by kernels, and on a card seconds and GB/s."""
    engine = METHODS["engine"][name]()
    engine.start(p)
    engine.iterate(p, 0)
    book = Book(p, timed=rate is not None)
    engine.iterate(p, 1)
    seconds = book.seconds() if rate else {}
    book.close(p)
    pixels, out = len(p.at) * p.mask.size, []
    for kernel, nbytes in book.bytes.items():
        out.append({"engine": name, "kernel": kernel, "calls": book.calls[kernel], "B/px": nbytes / pixels})
        if t := seconds.get(kernel):
            out[-1] |= {"ms": 1e3 * t, "GB/s": nbytes / t / 1e9, "of a copy": nbytes / t / rate}
    per_mode, fixed = LIMITS[name]
    whole = {"B/px": sum(book.bytes.values()) / pixels, "limit": per_mode * len(p.P) + fixed}
    if rate:
        each = len(p.at) / seconds_of(p.device, partial(engine.iterate, p, 2))
        whole |= {"frame-iterations/s": each, "of a copy": each * whole["B/px"] * p.mask.size / rate}
    return [*out, {"engine": name, "kernel": "all", **whole}]


def main():
    given = options(__doc__, size=256, frames=0, modes=1, device=("auto", "cpu", "cuda"))
    discover()
    device = open_device(
        Options(device=given.device, threads=1), Team(), lambda text: print(text, file=sys.stderr)
    )
    on_card = hasattr(device, "compute")
    p = problem(given.size, given.frames or (4000 if on_card else 64), given.modes, device)
    rate = copy_rate(device) if on_card else None
    done = [row for name in LIMITS for row in rows(name, p, rate)]
    copy = {"copy, GB/s": rate / 1e9} if rate else {}
    report(given, done, frames=f"{len(p.at)} x {given.size}²", modes=given.modes, device=str(device), **copy)
    over = [row for row in done if "limit" in row and row["B/px"] > row["limit"]]
    sys.exit(f"more bytes per pixel than the limit: {over}" if over else 0)


if __name__ == "__main__":
    main()
