"""How well `tomo.align` finds where shaken projections belong, on wrapped phases whose truth is known.

    python benchmarks/align.py                      five samples, 64^3 with 90 angles and 96^3 with 120
    python benchmarks/align.py --noise 0.3 --sizes 64

Soft balls with exact projections of at most 14 rad, displaced by 2 px rms each way; the phase of each
projection has 0.05 rad of noise, a ramp of 0.02 rad/px rms each way and a level of its own, and is wrapped.
What is left of the displacements, in px: down and right rms, and the axis. A displacement of the sample as a
whole is free.
"""

import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from harness import options, report

from nanompi.data.data import Data
from nanompi.device.cpu import Cpu
from nanompi.methods.ptycho.read.balls import Balls
from nanompi.methods.tomo.align.step import Align
from nanompi.methods.tomo.phases import phase_lines
from nanompi.mpi.team import Team
from nanompi.run.result import Result
from nanompi.timing import Clock

ANGLES = {64: 90, 96: 120}


def scene(size: int, seed: int, given):
    """(angles, displacements (2, A), exact lines, those of wrapped phases)"""
    count, rng, balls = ANGLES.get(size, size * 5 // 4), np.random.default_rng(seed), Balls.of(size, seed)
    angles, places = np.arange(count) * np.pi / count, rng.normal(0, given.jitter, (2, count))
    lines = np.stack([balls.projection(a, (size, size), *at) for a, at in zip(angles, places.T)])
    lines *= given.peak / lines.max()
    y, x = np.indices((size, size)) - (size - 1) / 2
    wrong = rng.normal(0, 0.02, (2, count, 1, 1)) * np.stack([y, x])[:, None]
    phase = lines + wrong.sum(0) + rng.uniform(-3, 3, (count, 1, 1)) + rng.normal(0, given.noise, lines.shape)
    whole = np.ones((size, size), bool)
    return angles, places, lines, np.stack([phase_lines(np.exp(1j * one), whole) for one in phase])


def aligned(angles, values, rounds: int):
    """(run, CPU seconds) of one rank with one thread"""
    data = Data(axes=("angle", "row", "column"), values=values.copy(), spread="angle",
                parts=[np.arange(len(values))], coords={"angle": (angles, "rad")}, unit="rad")  # fmt: skip
    quiet = lambda *words, **more: None  # noqa: E731
    run = SimpleNamespace(team=Team(alone=True), device=Cpu(threads=1), clock=Clock(), result=Result(),
                          say=quiet, warn=quiet, note=quiet, data={"data": data}, given={})  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        run.folder, begun = Path(folder), time.process_time()
        Align(rounds=rounds).run(run)
    return run, time.process_time() - begun


def left(angles, places, run) -> tuple[float, float, float]:
    """px: down and right rms, axis"""
    down, right = places - run.result.arrays["alignment/shifts"][0]
    terms = np.stack([np.cos(angles), np.sin(angles), np.ones(len(angles))], 1)
    fit = np.linalg.lstsq(terms, right, rcond=None)[0]
    return float(down.std()), float((right - terms @ fit).std()), float(fit[2])


def measured(size: int, seed: int, given) -> dict:
    """What is left by mass alone and at the end"""
    angles, places, lines, values = scene(size, seed, given)
    by_mass, _ = aligned(angles, values, 0)
    run, seconds = aligned(angles, values, 20)
    note = run.result.notes["tomo"]["align"]
    steep = max(float(np.abs(np.diff(lines, axis=axis)).max()) for axis in (1, 2))
    mass, end = left(angles, places, by_mass), left(angles, places, run)
    return {
        "volume": f"{size}³ x {len(angles)}", "seed": seed,
        "steepest rad/px": steep, "mass down": mass[0], "mass right": mass[1],
        "down": end[0], "right": end[1], "axis": end[2], "rounds": note["rounds"],
        "left out": len(note["left_out"]), "verdict": note["verdict"], "CPU s": round(seconds, 1),
    }  # fmt: skip


if __name__ == "__main__":
    given = options(__doc__, seeds=5, sizes=["64", "96"], noise=0.05, jitter=2.0, peak=14.0)
    report(given, (measured(int(size), seed, given) for size in given.sizes for seed in range(given.seeds)))
