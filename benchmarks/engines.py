"""What an iteration costs, in units of the Fourier transforms that it needs, measured in turns in one run.

    python benchmarks/engines.py [--quick]
    python benchmarks/engines.py --ranks 2           parallel efficiency of the iterations, 400 frames of 256²
    python benchmarks/engines.py --with flux         ML with a correction and without, in turns
        (flux, background, positions, varies; moves = positions against the same grid of places); --near: of a
        near field
    python benchmarks/engines.py --beside            the same with two programs of one rank each
    python benchmarks/engines.py --problem FILE.h5   a common problem (quality.py) on one thread

The transforms are those of the device, and SciPy's with one worker, on the same arrays, a few frames at a
time as the engine does them: two for each frame and mode for DM, AP, RAAR and rPIE, three for ML. Seconds are
of the CPU, so that other programs disturb them little; the gain of two threads, and of ranks, is one of wall
time and needs a quiet machine.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from harness import both_clocks, on_ranks, options, report, timed, turns
from problems import WHOLE, from_file, problem
from scipy.fft import fft2, ifft2

from nanompi.device.cpu import CACHE, Cpu
from nanompi.methods import discover
from nanompi.methods.ptycho import flux
from nanompi.methods.ptycho.refine import GRID, Refinement, RefinePositions
from nanompi.methods.ptycho.step import SUBPIXEL
from nanompi.step import METHODS

TRANSFORMS = {"DM": 2, "AP": 2, "RAAR": 2, "rPIE": 2, "ML": 3}
SMALL = [(64, 200, 1)]
RUN = 40  # iterations of a run with a correction and without
CASES = [(128, 400, 1), (256, 200, 1), (256, 60, 3), (512, 40, 1)]


def transforms(p, fft, ifft):
    """One transform of every frame and mode, on one thread, forward and back in turns."""
    step = max(1, CACHE // p.frame_bytes)
    z = np.empty((step, *p.P.shape), np.complex64)
    for i in range(0, len(p.at), step):
        z[...] = p.P
        (fft if i // step % 2 else ifft)(z[: len(p.at) - i])


SCIPY = [partial(f, axes=(-2, -1), overwrite_x=True, workers=1) for f in (fft2, ifft2)]


def started(name: str, p):
    """A function that does the next iteration of an engine."""
    engine, numbers = METHODS["engine"][name](), iter(range(10**6))
    engine.start(p)
    return lambda: engine.iterate(p, next(numbers))


def cost(name: str, n: int, frames: int, modes: int, repeat: int) -> dict:
    """An iteration on one and two threads, and its transforms, in turns."""
    one, two = (problem(n, frames, modes, Cpu(threads=threads)) for threads in (1, 2))
    works = {
        "fft": partial(transforms, one, one.device.fft, one.device.ifft),
        "scipy": partial(transforms, one, *SCIPY),
        "one": started(name, one),
        "two": started(name, two),
    }
    took = turns({way: partial(both_clocks, work) for way, work in works.items()}, repeat)
    (_, fft), (_, scipy), (wall, cpu), (together, _) = (np.array(took[way]).T for way in works)
    seconds = float(np.median(cpu))
    return {
        "engine": name,
        "frames": f"{frames} x {n}²",
        "modes": modes,
        "s/iteration": seconds,
        "ratio to its FFTs": float(np.median(cpu / fft)) / TRANSFORMS[name],
        "to SciPy's": float(np.median(cpu / scipy)) / TRANSFORMS[name],
        "gain of 2 threads": float(np.median(wall / together)),
        "Mpx it/s": frames * n * n / seconds / 1e6,
    }


def by_ranks(team, given) -> dict[str, float]:
    """Median seconds per iteration of each engine on all ranks of this run."""
    frames = (100 if given.quick else 400) // (2 if given.beside else 1)
    own = partial(problem, 256, frames)  # of each engine: ML must not start from DM's
    took = turns({name: timed(started(name, own()), team) for name in ("DM", "ML")}, given.repeat)
    return {name: float(np.median(seconds)) for name, seconds in took.items()}


def efficiency(given):
    """A row for each engine: seconds per iteration on one and on all ranks, in turns, and T1 / (n Tn)."""
    runs = {n: partial(on_ranks, n, by_ranks, given) for n in (1, given.ranks)}
    one, many = turns(runs, 1 if given.quick else 5).values()
    for name in one[0]:
        pairs = np.array([(a[name], b[name]) for a, b in zip(one, many)])
        alone, together = np.median(pairs, axis=0).tolist()
        gain = float(np.median(pairs[:, 0] / pairs[:, 1] / given.ranks))
        yield {"engine": name, "1 rank, s": alone, f"{given.ranks} ranks, s": together, "efficiency": gain}


def beside(given):
    """A row for each engine: seconds per iteration of half the frames in one program, and in each of two that
    run at once, in turns; what ranks cannot do better than."""
    with ThreadPoolExecutor(2) as pool:
        start = lambda: pool.submit(on_ranks, 1, by_ranks, given)  # noqa: E731
        ways = {n: lambda n=n: [one.result() for one in [start() for _ in range(n)]] for n in (1, 2)}
        alone, both = turns(ways, 1 if given.quick else 5).values()
    for name in alone[0][0]:
        one = np.array([turn[0][name] for turn in alone])
        two = np.array([max(own[name] for own in turn) for turn in both])
        yield {"engine": name, "alone, s": np.median(one), "beside another, s": np.median(two),
               "ratio": float(np.median(one / two))}  # fmt: skip


def on_file(given):
    """A row for each engine: seconds of the CPU per iteration of a common problem."""
    clock = time.thread_time
    ways = {name: timed(started(name, from_file(given.problem)), clock=clock) for name in ("DM", "AP", "ML")}
    for name, seconds in turns(ways, given.repeat + 2).items():
        yield {"engine": name, "CPU s/iteration": float(np.median(seconds[2:]))}


def moving(p):
    """Frames move in every iteration; nobody looks for lost ones, of which there are none"""
    p.refinement = Refinement.of(RefinePositions(after=0, until=None), p.places)
    p.refinement.rescue.over = True


def varying(p, shapes: int = 2):
    """The probe varies from frame to frame"""
    p.varies = shapes


COARSE, FINE = (SUBPIXEL, 0.0), (GRID, RefinePositions().reach)


def lit(p):
    """Counts in every pixel of the model, which is all that a background costs"""
    p.background = 2.0


CORRECTIONS = {  # what makes a problem one with it, and how positions are rounded without and with it
    "flux": (partial(flux.begin, monitored=False), WHOLE, WHOLE),
    "background": (lit, WHOLE, WHOLE),
    "positions": (moving, COARSE, FINE),
    "moves": (moving, FINE, FINE),
    "varies": (varying, COARSE, COARSE),
}


def corrected(given):
    """A row for each size: seconds of the CPU of an ML iteration with a correction and without, two runs that
    take turns iteration by iteration; means over a run of the medians of `repeat` such pairs."""
    correct, *grids = CORRECTIONS[getattr(given, "with")]
    for n, frames, modes in SMALL if given.quick else [*SMALL, *CASES]:
        runs = np.array(
            [together(correct, (n, frames, modes), grids, given.near) for _ in range(given.repeat)]
        )
        off, on = np.median(runs, axis=0).sum(0) / len(runs[0])
        every = np.median(runs[:, :, 1] / runs[:, :, 0], axis=0)
        some = " to ".join(f"{v:.3f}" for v in np.quantile(every, (0.1, 0.9)))
        yield {"frames": f"{frames} x {n}²", "modes": modes, "off, s": off, "on, s": on, "ratio": on / off,
               "of single iterations": some}  # fmt: skip


def together(correct, size, grids, near: bool) -> list[tuple[float, float]]:
    """Seconds of the CPU of each iteration of two runs that take turns, without and with a correction"""
    plain, own = (problem(*size, grid=grid, near=near) for grid in grids)
    correct(own)
    ways = [timed(started("ML", p), clock=time.thread_time) for p in (plain, own)]
    took = []
    for i in range(RUN):
        pair = [(k, ways[k]()) for k in ((0, 1) if i % 2 else (1, 0))]
        took.append(tuple(seconds for _, seconds in sorted(pair)))
    return took[1:]  # the first compiles


def in_transforms(given):
    """A row for each engine and size."""
    for n, frames, modes in CASES:
        for name in TRANSFORMS:
            yield cost(name, n, frames // 4 if given.quick else frames, modes, given.repeat)


def main():
    given = options(__doc__, quick=False, repeat=9, ranks=0, beside=False, near=False, problem="",
                    **{"with": ""})  # fmt: skip
    given.repeat = 3 if given.quick else given.repeat
    discover()
    rows = on_file if given.problem else beside if given.beside else in_transforms
    rows = efficiency if given.ranks else corrected if getattr(given, "with") else rows
    report(given, rows(given))


if __name__ == "__main__":
    main()
