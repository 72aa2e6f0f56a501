"""Bytes that the kernels of an iteration touch for each detector pixel, and on a card their seconds.

usage: python benchmarks/kernels.py [--size 256] [--frames 4000] [--modes 1] [--device auto|cpu|cuda]

Bytes are counted while an iteration runs, from the arrays over frames that each kernel is given: once for an
array that it reads or writes, twice for one that it changes. A transform counts as two passes over its array
(rows, columns), each read and written. Object and probe are not counted: a frame's part of them stays in the
cache. On the CPU bytes alone are printed, and 64 frames are enough.

On a card: seconds by events around each call (a separate iteration), GB/s, and percent of the rate at which
the card copies an array of 1 GiB, measured in the same run; then frame-iterations per second without events.
"""

import argparse
import inspect
import sys
import time
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).parent))
from problems import problem

from nanompi.device import open_device
from nanompi.device.kernels import load
from nanompi.mpi.team import Team
from nanompi.run.perform import Options
from nanompi.step import METHODS, discover

TOUCHED = {  # how often a kernel goes over each of its arrays over frames
    "exit_waves": {"psi": 1},
    "mix": {"psi": 1, "z": 1},
    "follow": {"psi": 2, "z": 1},
    "tangent": {"z": 1},
    "transfer": {"z": 2},
    "project": {"F": 2, "I": 1},
    "gradient": {"F": 1, "I": 1, "z": 1},
    "line": {"F": 1, "D": 1, "I": 1},
    "figures": {"F": 1, "I": 1},
    "object_sums": {"psi": 1},
    "probe_sums": {"psi": 1},
    "object_weights": {},
}
LIMITS = {
    "DM": (136, 4),
    "AP": (104, 4),
    "RAAR": (136, 4),
    "ML": (104 + 56, 8),
}  # per mode, and for the counts


class Book:
    """Bytes, calls and seconds of each kernel, noted around the calls of a problem's device."""

    def __init__(self, p, timed: bool):
        self.bytes, self.calls, self.spans = defaultdict(int), defaultdict(int), defaultdict(list)
        self.device, self.timed, self.kept = (
            p.device,
            timed,
            (p.k, p.device.kernels, p.device.fft, p.device.ifft),
        )
        own = {name: self.around(name, call, self.touched(name)) for name, call in vars(p.k).items()}
        p.k = p.device.kernels = SimpleNamespace(**own)
        for name in ("fft", "ifft"):
            setattr(p.device, name, self.around(name, getattr(p.device, name), lambda z: 4 * z.nbytes))

    def touched(self, name):
        """bytes(args) of a kernel, from the names in its contract"""
        names = list(inspect.signature(getattr(load(), name)).parameters)
        times = {names.index(k): n for k, n in TOUCHED.get(name, {}).items()}
        return lambda *args: sum(n * args[i].nbytes for i, n in times.items())

    def around(self, name, call, touched):
        def noted(*args):
            self.bytes[name] += touched(*args)
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


def copy_rate(device) -> float:
    """Bytes per second of a copy on the card, read and written."""
    nbytes = min(1 << 30, device.free() // 8)
    a, b = (device.xp.zeros(nbytes, "uint8") for _ in range(2))
    device.wait()
    t = time.perf_counter()
    for _ in range(20):
        b[...] = a
    device.wait()
    return 20 * 2 * nbytes / (time.perf_counter() - t)


def table(name: str, p, rate: float | None):
    """Print bytes per pixel of one iteration of an engine, and on a card seconds and GB/s."""
    engine = METHODS["engine"][name]()
    engine.start(p)
    engine.iterate(p, 0)
    book = Book(p, timed=rate is not None)
    engine.iterate(p, 1)
    seconds = book.seconds() if rate else {}
    book.close(p)
    pixels, (modes, *_) = len(p.at) * p.mask.size, p.P.shape
    print(f"\n{name}, {len(p.at)} x {p.mask.shape[0]}², {modes} mode{'s' * (modes > 1)}, {p.device}\n")
    print("| kernel | calls | B/px |" + (" ms | GB/s | of a copy |" if rate else ""))
    print("|---|---|---|" + ("---|---|---|" if rate else ""))
    for kernel, nbytes in book.bytes.items():
        t = seconds.get(kernel)
        more = f" {1e3 * t:.2f} | {nbytes / t / 1e9:.0f} | {nbytes / t / rate:.0%} |" if t else ""
        print(f"| {kernel} | {book.calls[kernel]} | {nbytes / pixels:.1f} |{more}")
    per_mode, fixed = LIMITS[name]
    total, limit = sum(book.bytes.values()) / pixels, per_mode * modes + fixed
    print(f"| all | | {total:.1f} (limit {limit}) |" + (" | | |" if rate else ""))
    if total > limit:
        sys.exit(f"{name} touches {total:.1f} bytes per pixel, more than {limit}")
    if rate:
        speed(name, p, engine, total * p.mask.size, rate)


def speed(name, p, engine, frame_bytes, rate, iterations: int = 20):
    """Print frame-iterations per second, without events."""
    p.device.wait()
    t = time.perf_counter()
    for i in range(iterations):
        engine.iterate(p, 2 + i)
    p.device.wait()
    each = iterations * len(p.at) / (time.perf_counter() - t)
    print(f"\n{name}: {each:,.0f} frame-iterations/s = {each * frame_bytes / rate:.0%} of the rate of a copy")


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--frames", type=int)
    parser.add_argument("--modes", type=int, default=1)
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    args = parser.parse_args()
    discover()
    device = open_device(Options(device=args.device, threads=1), Team(), print)
    on_card = hasattr(device, "compute")
    p = problem(args.size, args.frames or (4000 if on_card else 64), args.modes, device)
    rate = copy_rate(device) if on_card else None
    if rate:
        print(f"copy: {rate / 1e9:.0f} GB/s")
    for name in ("DM", "AP", "ML"):
        table(name, p, rate)


if __name__ == "__main__":
    main()
