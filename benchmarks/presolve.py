"""What a presolve at half resolution gains: random scans with known truth, objects of several rad.

    python benchmarks/presolve.py [--seeds 721 722 ...] [--n 64] [--frames 150] [--phase 6]
                                  [--presolve 50,0] [--end 40,50] [--whole 40,50 60,50]

The phase error (rad) after a presolve of so many iterations of DM and ML and a chain of so many at full
resolution, and after chains alone; all from the same probe, found from the data. CPU seconds of each, without
those of that search.
"""

import time

import numpy as np
from harness import options, report
from scenes import draw, make
from starts import phase_error, problem

from nanompi.methods.ptycho.engines.engine import run_chain
from nanompi.methods.ptycho.engines.ml import ML
from nanompi.methods.ptycho.engines.projections import DM
from nanompi.methods.ptycho.find_probe import find_probe
from nanompi.methods.ptycho.presolve import presolve
from nanompi.methods.ptycho.scale import seen


def chain(text: str) -> list:
    """The engines of "50,20" """
    dm, ml = map(int, text.split(","))
    return [engine for engine in (DM(iterations=dm), ML(iterations=ml)) if engine.iterations]


def quiet(text: str):
    """No log"""


def rows(given):
    """A row for each seed."""
    for seed in map(int, given.seeds):
        about = {"frames": int(given.frames), "n": int(given.n), "phase": float(given.phase)}
        scene = make(draw(seed, step=0.1, subpixel=False, **about))
        run, p, geometry = problem(scene)
        P, row = find_probe(run, p, geometry), {"seed": seed}
        P = P * np.sqrt(p.counts / len(p.places.at) / seen(p, P))

        def made(work, p=p, P=P, scene=scene) -> str:
            p.O = p.device.array(np.ones(p.places.shape), p.device.complex)
            p.P, p.iteration, p.state = p.device.array(P, p.device.complex), 0, {}
            begun = time.process_time()
            work()
            spent = time.process_time() - begun
            return f"{phase_error(p, scene):.4f} ({spent:.1f} s)"

        def halved(p=p, geometry=geometry):
            presolve(p, geometry, chain(given.presolve), 100, quiet)
            run_chain(chain(given.end), p, 100, quiet)

        for text in given.whole:
            row[text] = made(lambda text=text, p=p: run_chain(chain(text), p, 100, quiet))
        yield row | {f"presolve {given.presolve}, then {given.end}": made(halved)}


if __name__ == "__main__":
    ways = {"presolve": "50,0", "end": "40,50", "whole": ["40,50", "60,50"]}
    given = options(__doc__, seeds=list(range(721, 729)), n=64, frames=150, phase=6.0, **ways)
    report(given, rows(given))
