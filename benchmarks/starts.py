"""How good a start the data give: random scans with known truth, the probe found from the data alone.

    python benchmarks/starts.py [--kind strong] [--seeds 32 33 ...] [--dm 40] [--ml 20]

strong : objects of 6 rad; plain : 0.4 to 1.8 rad; flux : plain, with 30 % of fluctuation from frame to frame;
absorbing : plain, with amplitudes down to 0.1; faint : 300 counts a frame.
The phase error (rad) is that of an object after shift, ramp and scale are removed: from the start that was
found, and from the true probe. `search` are CPU seconds.
"""

import time
from types import SimpleNamespace

import numpy as np
from harness import options, report
from scenes import DISTANCE, PIXEL, WAVELENGTH, draw, make

from nanompi.device.cpu import Cpu
from nanompi.methods.ptycho.engines.ml import ML
from nanompi.methods.ptycho.engines.projections import DM
from nanompi.methods.ptycho.find_probe import find_probe
from nanompi.methods.ptycho.positions import place
from nanompi.methods.ptycho.problem import Problem
from nanompi.methods.ptycho.quality import figures
from nanompi.methods.ptycho.scale import seen
from nanompi.methods.ptycho.scan import Frames
from nanompi.mpi.team import Team
from nanompi.optics.align import align, placed, well_lit
from nanompi.optics.geometry import Geometry
from nanompi.optics.propagate import propagator
from nanompi.timing import Clock

KINDS = {
    "strong": {"phase": 6.0},
    "plain": {},
    "flux": {"fluctuation": 0.3},
    "absorbing": {"absorbed": 2.3},
    "faint": {"photons": 300.0},
}


def scene_of(kind: str, seed: int):
    """`scenes.Scene`, 180 frames on whole pixels"""
    return make(draw(seed, **({"frames": 180, "step": 0.1, "subpixel": False} | KINDS[kind])))


def problem(scene) -> tuple:
    """(what `find_probe` needs of a run, the problem, its geometry)."""
    n, d, said = scene.made.n, Cpu("single", 1), []
    geometry = Geometry(WAVELENGTH, DISTANCE, (PIXEL, PIXEL), (n, n))
    places = place(scene.positions, geometry.pixel, (n, n))
    counts = np.fft.ifftshift(scene.counts, axes=(1, 2)).astype(np.float32)
    about = {"index": np.arange(len(counts)), "mask": np.ones((n, n), bool)}
    frames = Frames(values=counts, corner=True, pixel=geometry.pixel, **about)
    p = Problem.of(Team(), d, frames, places, propagator(d, geometry))
    data = {"data": SimpleNamespace(positions=scene.positions), "frames": frames}
    run = SimpleNamespace(team=p.team, device=d, data=data, clock=Clock(), said=said, say=said.append)
    return run, p, geometry


def reconstruct(p, P, dm: int, ml: int):
    """Object and probe from this start, in p."""
    p.O = p.device.array(np.ones(p.places.shape), p.device.complex)
    p.P = p.device.array(P * np.sqrt(p.counts / len(p.places.at) / seen(p, P)), p.device.complex)
    p.iteration = 0
    for engine in (DM(iterations=dm), ML(iterations=ml)):
        engine.start(p)
        for i in range(engine.iterations):
            engine.iterate(p, i)
            p.iteration += 1


def phase_error(p, scene) -> float:
    """rms phase (rad) against the truth where it is well lit"""
    n, corners = scene.made.n, np.rint(scene.true).astype(int)
    lit = np.zeros(scene.O.shape)
    for y, x in corners:
        lit[y : y + n, x : x + n] += (abs(scene.P) ** 2).sum(0)
    lit, at = well_lit(lit), tuple(corners.min(0) - p.places.at[:, :2].min(0))
    image = align(placed(p.O.astype(complex), scene.O.shape, at), scene.O.astype(complex), lit).image
    d = np.angle(image * scene.O.conj())[lit]
    return float(np.sqrt((np.angle(np.exp(1j * (d - np.angle(np.exp(1j * d).mean())))) ** 2).mean()))


def rows(given):
    """A row for each seed."""
    for seed in map(int, given.seeds):
        scene = scene_of(given.kind, seed)
        run, p, geometry = problem(scene)
        begun = time.process_time()
        P = find_probe(run, p, geometry)
        row = {"seed": seed, "search": time.process_time() - begun}
        for name, start in {"found": P, "true": scene.P}.items():
            reconstruct(p, start, int(given.dm), int(given.ml))
            row |= {f"{name}: rad": phase_error(p, scene), f"{name}: llk": figures(p)["llk"]}
        yield row | {"words": " / ".join(run.said)}


if __name__ == "__main__":
    given = options(__doc__, kind=tuple(KINDS), seeds=list(range(32, 44)), dm=40, ml=20)
    report(given, rows(given))
