"""Measures the seconds of a frame in each engine: some iterations on frames from the middle of the scan."""

import time
from dataclasses import dataclass, field
from importlib import import_module

import numpy as np

from nanompi.device.cpu import Cpu
from nanompi.methods.ptycho import vary
from nanompi.methods.ptycho.beam import defocused, spread, window
from nanompi.methods.ptycho.find_probe import FRAMES, ITERATIONS, LOOK, WIDEST
from nanompi.methods.ptycho.modes import extra_modes
from nanompi.methods.ptycho.positions import Places
from nanompi.methods.ptycho.problem import Problem
from nanompi.methods.ptycho.quality import figures
from nanompi.methods.ptycho.scan import Frames
from nanompi.methods.ptycho.start import probe_kind
from nanompi.mpi.team import Team
from nanompi.optics.propagate import propagator
from nanompi.run.foreign import foreign
from nanompi.run.planning import resident
from nanompi.timing import age

WAVES = 96 << 20  # bytes of waves of the larger trial: more than a cache holds
REPEATS = 3


@dataclass
class Cost:
    """Seconds on one rank of this machine.

    frame, pixel : {engine: s} of an iteration, for each frame and for each pixel of the object held
    load, quality: of a frame, read and prepared; of a frame in the figures of quality
    trials : tries of a start probe, in units of ITERATIONS times FRAMES frames; 0 = a probe is given
    split, ready : of the partition; until the program is loaded; libraries : bytes of it
    """

    frame: dict[str, float] = field(default_factory=dict)
    pixel: dict[str, float] = field(default_factory=dict)
    load: float = 0.0
    quality: float = 0.0
    trials: float = 0.0
    split: float = 0.0
    ready: float = 0.0
    libraries: int = 0

    def start(self, ranks: int) -> float:
        """Seconds to find a start probe"""
        a = self.frame.get("AP") or min(self.frame.values(), default=0.0)
        return -(-self.trials // ranks) * ITERATIONS * FRAMES * a


def calibrate(seen, threads: int = 1) -> Cost:
    """Try the engines of a job; seen : nanompi.methods.ptycho.scaling.look.Look"""
    Team()  # the MPI library is loaded, as it will be: its memory and its time count
    cost, device = Cost(), Cpu(seen.job.run.precision, threads)
    cost.ready = min(age(), 20.0)
    chosen, counts = _some(seen, cost)
    few = _problem(seen, device, chosen[:4], counts[:4])
    engines = {
        e.name: e if foreign(e) else type(e)() for e in [*seen.ptycho.engines, *(seen.ptycho.presolve or [])]
    }
    for engine in engines.values():
        _iterate(few, engine, 1)  # kernels are compiled, or loaded
    figures(few)
    t = time.perf_counter()
    seen.sizes.parts(2 if seen.sizes.frames > 1 else 1)
    cost.split = time.perf_counter() - t
    waves = 0 if few.waves is None else few.waves.nbytes
    _load(seen.job.steps)
    cost.libraries = resident() - counts.nbytes - 2 * waves - 4 * few.O.nbytes
    del few
    small, large = (
        _problem(seen, device, chosen[:n], counts[:n]) for n in (max(1, len(chosen) // 4), len(chosen))
    )
    for name, engine in engines.items():
        times = [_iterate(p, engine, REPEATS) for p in (small, large)]
        a = max(0.0, (times[1] - times[0]) / max(1, len(large.at) - len(small.at)))
        cost.frame[name] = a or times[1] / len(large.at)
        cost.pixel[name] = max(0.0, times[1] - cost.frame[name] * len(large.at)) / seen.sizes.pixels
    cost.quality = _best(lambda: figures(large), 1) / len(large.at)
    cost.trials = _trials(seen, counts)
    return cost


def _load(steps) -> None:
    """What the result is written with, and what steps of this program import when they begin (`loads`): it
    stays for the rest of a run."""
    own = [name for step in steps if not foreign(step) for name in getattr(step, "loads", ())]
    for name in ("h5py", *own):
        import_module(name)


def _some(seen, cost):
    """Frames in the middle of the scan, prepared; and what reading them costs"""
    sizes = seen.sizes
    n = min(sizes.frames, max(16, WAVES // sizes.waves))
    away = ((sizes.at - np.median(sizes.at, axis=0)) ** 2).sum(1)
    chosen = np.sort(np.argsort(away, kind="stable")[:n])
    t = time.perf_counter()
    counts = seen.plan.apply(seen.scan.source.read(chosen), chosen)
    cost.load = (time.perf_counter() - t) / n
    return chosen, counts


def _problem(seen, device, chosen, counts) -> Problem:
    """Some frames of the scan in the whole object, from a probe that is roughly right"""
    places: Places = seen.places
    wave = np.sqrt(np.maximum(counts, 0).mean(0)) * seen.plan.good
    P = wave if seen.scan.focus else defocused(wave, 0.1, seen.geometry.pixel)
    frames = Frames(values=counts, index=chosen, mask=seen.plan.good, corner=False, pixel=seen.geometry.pixel)
    optics = propagator(device, seen.geometry, places.rests)
    p = Problem.of(Team(alone=True), device, frames, places, optics)
    p.O = device.array(np.ones(places.shape), device.complex)
    p.P = device.array(extra_modes(P[None].astype(np.complex64), seen.sizes.modes), device.complex)
    p.varies = seen.sizes.varies
    return p


def _iterate(p, engine, repeats) -> float:
    """Seconds of an iteration: the best of some, with a probe for each frame where that is asked for"""
    engine.start(p)
    engine.iterate(p, 0)
    return _best(lambda: engine.iterate(p, vary.AFTER if p.varies else 1), repeats)


def _best(work, repeats) -> float:
    times = []
    for _ in range(repeats):
        t = time.perf_counter()
        work()
        times.append(time.perf_counter() - t)
    return min(times)


def _trials(seen, counts) -> float:
    """How many start probes: all at a first look, about 12 to the end, on frames that are cut"""
    if probe_kind(seen.ptycho.probe, seen.scan) != "data" or seen.scan.focus is not None:
        return 0.0
    wave = np.sqrt(np.maximum(counts, 0).mean(0) * seen.plan.good)
    looks = 2 * int(WIDEST / (0.5 / spread(wave, seen.geometry.pixel))) + 1
    return (looks * LOOK / ITERATIONS + 12) * wave[window(wave)].size / wave.size
