"""Bytes that the kernels of an iteration move for each detector pixel of a card, and there their seconds.

    python benchmarks/kernels.py [--size 256] [--frames 4000] [--modes 1] [--q 8] [--device auto|cpu|cuda]

Bytes are counted while an iteration runs, from the arrays that each kernel is given:

waves  : arrays over frames, once for one that is read or written, twice for one that is changed. A transform
         counts as two passes (rows, columns), each read and written.
probes : with one probe once in a launch; with sub-pixel shifts (--q 8: up to 64 probes, more than a cache
         keeps while waves pass) the probe of each frame, and sums once for each shift that occurs
object : of object, and of sums like it, what the frames of a launch see

What else reads the same bytes in a launch finds them in the cache: that is the model. Without a card nothing
is computed, and the blocks are those of an H100.

On a card: seconds by events around each call (a separate iteration), GB/s, and percent of the rate at which
the card copies an array of 1 GiB, measured in the same run; then frame-iterations per second without events.
"""

import inspect
import sys
from collections import Counter, defaultdict
from functools import partial
from itertools import count
from types import SimpleNamespace

import numpy as np
from harness import options, report, timed
from launch import NoCard, started
from problems import empty, problem

from nanompi.device import open_device
from nanompi.device.checks import copy_rate
from nanompi.device.checks.rates import touched
from nanompi.device.fit import usual
from nanompi.device.kernels import load
from nanompi.methods import discover
from nanompi.mpi.team import Team
from nanompi.run.options import Options
from nanompi.step import METHODS

H100 = 50 << 20  # bytes of its cache
PROBES = {  # how often a kernel goes over each of its arrays over the shifts of the probe
    "exit_waves": {"P": 1},
    "mix": {"P": 1},
    "follow": {"P": 1},
    "tangent": {"P": 1, "dP": 1},
    "object_sums": {"P": 1},
    "object_weights": {"P2": 1},
    "probe_sums": {"num": 2, "den": 2},
}
OBJECT = {  # and for arrays like the object
    "exit_waves": {"O": 1},
    "mix": {"O": 1},
    "follow": {"O": 1},
    "tangent": {"O": 1, "dO": 1},
    "object_sums": {"num": 2},
    "object_weights": {"den": 2},
    "probe_sums": {"O": 1},
}
LIMITS = {  # B/px of waves and of probes at sub-pixel shifts, both for each mode, and of counts
    "DM": (136, 24, 2),
    "AP": (104, 16, 2),
    "ML": (160, 44, 4),
}
BESIDE = 8  # B/px, beside those: weights of the object, and what a launch touches of sums and object


class Moved:
    """Bytes that a kernel moves, from the arrays that it is given: waves, probes, object."""

    def __init__(self, device, name: str):
        self.device, self.name = device, name
        self.names = list(inspect.signature(getattr(load(), name)).parameters)

    def __call__(self, args) -> np.ndarray:
        """(3,) bytes"""
        given = dict(zip(self.names, args))
        at = self.device.host(given["at"]) if "at" in given else None
        probes = (n * self.of_probes(at, given[k]) for k, n in PROBES.get(self.name, {}).items())
        objects = (n * self.of_object(given, at, given[k]) for k, n in OBJECT.get(self.name, {}).items())
        return np.array([touched(self.name, *args), sum(probes), sum(objects)])

    def of_probes(self, at, a):
        often = len(np.unique(at[:, 2])) if self.name == "probe_sums" or len(a) == 1 else len(at)
        return often * a[0].nbytes

    def of_object(self, given, at, a):
        h, w = next(given[k] for k in ("psi", "z", "P2") if k in given).shape[-2:]
        edges = np.zeros((a.shape[0] + 1, a.shape[1] + 1), np.int32)
        for dy, dx, sign in ((0, 0, 1), (0, w, -1), (h, 0, -1), (h, w, 1)):
            np.add.at(edges, (at[:, 0] + dy, at[:, 1] + dx), sign)
        return np.count_nonzero(edges.cumsum(0).cumsum(1)) * a.itemsize


class Book:
    """Bytes, calls and seconds of each kernel, noted around the calls of a problem's device."""

    def __init__(self, p, timed: bool):
        self.bytes, self.calls, self.spans = defaultdict(partial(np.zeros, 3)), Counter(), defaultdict(list)
        self.device, self.timed = p.device, timed
        self.kept = p.k, p.device.kernels, p.device.fft, p.device.ifft
        own = {name: self.around(name, call, Moved(p.device, name)) for name, call in vars(p.k).items()}
        p.k = p.device.kernels = SimpleNamespace(**own)
        for name in ("fft", "ifft"):
            setattr(p.device, name, self.around(name, getattr(p.device, name), transformed))

    def around(self, name, call, moved):
        def noted(*args):
            self.bytes[name] += moved(args)
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


def transformed(args) -> np.ndarray:
    """(3,) bytes of a transform"""
    return np.array([4 * args[0].nbytes, 0, 0])


def seconds_of(device, work, calls: int = 20) -> float:
    """Seconds of a call, without events."""
    device.wait()
    return timed(lambda: ([work() for _ in range(calls)], device.wait()))() / calls


def iterations(name: str, p, rate):
    """A function that does the next iteration of an engine; without a card what the host would start."""
    if not rate:
        return started(name, p)
    engine, numbers = METHODS["engine"][name](), count()
    engine.start(p)
    return lambda: engine.iterate(p, next(numbers))


def rows(name: str, p, rate: float | None) -> list[dict]:
    """Bytes per pixel of one iteration of an engine by kernels, and on a card seconds and GB/s."""
    iterate = iterations(name, p, rate)
    iterate()
    book = Book(p, timed=rate is not None)
    iterate()
    seconds = book.seconds() if rate else {}
    book.close(p)
    pixels, out = len(p.at) * p.mask.size, []
    for kernel, moved in book.bytes.items():
        out.append({"engine": name, "kernel": kernel, "calls": book.calls[kernel], **per(pixels, moved)})
        if t := seconds.get(kernel):
            out[-1] |= {"ms": 1e3 * t, "GB/s": moved.sum() / t / 1e9, "of a copy": moved.sum() / t / rate}
    whole = per(pixels, sum(book.bytes.values())) | {"limit": limit(name, p)}
    if rate:
        each = len(p.at) / seconds_of(p.device, iterate)
        whole |= {"frame-iterations/s": each, "of a copy": each * whole["B/px"] * p.mask.size / rate}
    return [*out, {"engine": name, "kernel": "all", **whole}]


def per(pixels: int, moved: np.ndarray) -> dict[str, float]:
    """Bytes for each pixel, by kinds and together"""
    kinds = dict(zip(("waves", "probes", "object"), map(float, moved / pixels)))
    return kinds | {"B/px": sum(kinds.values())}


def limit(name: str, p) -> float:
    """B/px that an iteration may move; with shifts also four transforms of all probes"""
    waves, probes, counts = LIMITS[name]
    shifted = 0 if p.shifts.trivial else probes + 4 * 32 * len(p.places.rests) / len(p.at)
    return len(p.P) * (waves + shifted) + counts + BESIDE


def on_card(given):
    """(problem, rate of a copy) on a card; without one (problem that nobody computes, None)"""
    say = partial(print, file=sys.stderr)
    device = open_device(Options(device=given.device, threads=1), Team(), say)
    shape = given.size, given.frames, given.modes
    if hasattr(device, "compute"):
        return problem(*shape, device, (given.q, 0.0)), copy_rate(device)
    row = given.modes * given.size**2 * 8
    return empty(*shape, NoCard(max(1, usual(H100, row) // row)), (given.q, 0.0)), None


def main():
    given = options(__doc__, size=256, frames=4000, modes=1, q=1, device=("auto", "cpu", "cuda"))
    discover()
    p, rate = on_card(given)
    with np.errstate(all="ignore"):  # sums that no kernel makes are zero
        done = [row for name in LIMITS for row in rows(name, p, rate)]
    facts = {"copy, GB/s": rate / 1e9} if rate else {}
    facts |= {"modes": given.modes, "probes": len(p.places.rests), "device": str(p.device)}
    report(given, done, frames=f"{len(p.at)} x {given.size}²", **facts)
    over = [row for row in done if "limit" in row and row["B/px"] > row["limit"]]
    sys.exit(f"more bytes per pixel than the limit: {over}" if over else 0)


if __name__ == "__main__":
    main()
