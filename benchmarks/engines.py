"""What an iteration costs, in units of the Fourier transforms that it needs, measured in turns in one run.

usage: python benchmarks/engines.py [--quick] [--json engines.json]
       mpirun -n 2 python benchmarks/engines.py --ranks      (and -n 1: parallel efficiency of the iterations)
       python benchmarks/engines.py --problem PROBLEM.h5     (seconds per iteration of a common problem)

The transforms are scipy.fft with one worker on the same arrays, a few frames at a time as the engine does
them: two for each frame and mode for DM, AP and RAAR, three for ML. Seconds on one thread are of the CPU,
so that other programs disturb them little; the gain of two threads is one of wall time and needs a quiet
machine.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from problems import from_file, problem

from nanompi.device.cpu import CACHE, Cpu
from nanompi.step import METHODS, discover

TRANSFORMS = {"DM": 2, "AP": 2, "RAAR": 2, "ML": 3}


def transforms(p) -> float:
    """Seconds of one forward transform of every frame and mode, on one thread."""
    step = max(1, CACHE // p.frame_bytes)
    z, total = np.empty((step, *p.P.shape), np.complex64), 0.0
    for i in range(0, len(p.at), step):
        z[...] = p.P
        t = time.thread_time()
        (p.device.fft if i // step % 2 else p.device.ifft)(z[: len(p.at) - i])
        total += time.thread_time() - t
    return total


def iteration(p, engine, i: int, clock=time.perf_counter) -> float:
    """Seconds of one iteration, by a clock."""
    p.team.barrier()
    t = clock()
    engine.iterate(p, i)
    return clock() - t


def cost(name: str, n: int, frames: int, modes: int, repeats: int) -> dict:
    """Median seconds of an iteration on one and two threads, and of its transforms, in turns."""
    one, two = (problem(n, frames, modes, Cpu(threads=threads)) for threads in (1, 2))
    engines = [METHODS["engine"][name](), METHODS["engine"][name]()]
    for p, engine in zip((one, two), engines):
        engine.start(p)
        engine.iterate(p, 0)
    times = []
    for i in range(1, repeats + 1):
        own = time.thread_time()
        wall = iteration(one, engines[0], i)
        own = time.thread_time() - own
        times.append((transforms(one) * TRANSFORMS[name], own, wall, iteration(two, engines[1], i)))
    fft, single, _, double = np.median(times, axis=0)
    ratio = float(np.median([t[1] / t[0] for t in times]))
    gain = float(np.median([t[2] / t[3] for t in times]))
    return {
        "engine": name,
        "n": n,
        "frames": frames,
        "modes": modes,
        "seconds": single,
        "transforms": fft,
        "ratio": ratio,
        "threads 2": double,
        "gain": gain,
        "Mpx it/s": frames * n * n / single / 1e6,
    }


def ranks(repeats: int):
    """Seconds per iteration on all ranks of this run: 400 frames of 256^2."""
    p = problem(256, 400)
    for name in ("DM", "ML"):
        engine = METHODS["engine"][name]()
        engine.start(p)
        engine.iterate(p, 0)
        own = [iteration(p, engine, i) for i in range(1, repeats + 1)]
        slowest = np.median(np.max(p.team.allgather(own), axis=0))
        if p.team.root:
            print(json.dumps({"engine": name, "ranks": p.team.size, "seconds": float(slowest)}), flush=True)


def on_file(path: str, repeats: int):
    """Seconds of the CPU per iteration of a common problem, one thread."""
    for name in ("DM", "AP", "ML"):
        p, engine = from_file(path), METHODS["engine"][name]()
        engine.start(p)
        times = [iteration(p, engine, i, time.thread_time) for i in range(repeats + 3)][3:]
        row = {"engine": name, "problem": Path(path).name, "cpu_per_iteration": float(np.median(times))}
        print(json.dumps(row), flush=True)


def main():
    """The table."""
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--quick", action="store_true", help="fewer frames and repeats")
    ap.add_argument("--ranks", action="store_true", help="seconds per iteration on the ranks of mpirun")
    ap.add_argument("--json", default="", help="write the figures to this file")
    ap.add_argument("--problem", default="", help="a common problem in HDF5; see quality.py")
    a = ap.parse_args()
    discover()
    repeats = 3 if a.quick else 9
    if a.problem:
        return on_file(a.problem, repeats)
    if a.ranks:
        return ranks(repeats)
    cases = [(128, 400, 1), (256, 200, 1), (256, 60, 3), (512, 40, 1)]
    rows = []
    print("engine     n frames modes   s/iteration  ratio to its FFTs   2 threads   Mpx it/s")
    for n, frames, modes in cases:
        for name in TRANSFORMS:
            r = cost(name, n, frames // 4 if a.quick else frames, modes, repeats)
            rows.append(r)
            print(
                f"{name:<6} {n:5d} {r['frames']:6d} {modes:5d} {r['seconds']:13.4f} {r['ratio']:18.2f} "
                f"{r['gain']:11.2f} {r['Mpx it/s']:10.1f}",
                flush=True,
            )
    if a.json:
        Path(a.json).write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
