"""The random scans of benchmarks/scenes.py and their faults as problems in memory.

scene = wrong("late", 7, frames=120)
p = problem(scene)                      # of this rank; the probe at the start is near to the truth
run_chain([DM(iterations=20), ML(iterations=20)], p, 20, print)
phase_error(p, scene)
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from nanompi.device.cpu import Cpu
from nanompi.methods.ptycho.positions import place
from nanompi.methods.ptycho.problem import Problem
from nanompi.methods.ptycho.refine import GRID, Refinement
from nanompi.methods.ptycho.scan import Frames
from nanompi.methods.ptycho.share import open_share
from nanompi.mpi.team import Team
from nanompi.optics.align import align, placed, well_lit
from nanompi.optics.geometry import Geometry
from nanompi.optics.propagate import propagator
from nanompi.run.perform import Options, Run

FOLDER = str(Path(__file__).parents[3] / "benchmarks")
sys.path.insert(0, FOLDER)
from faults import FAULTS, wrong  # noqa: E402
from scenes import PIXEL, Drawn, Scene, draw, make, write  # noqa: E402

sys.path.remove(FOLDER)

__all__ = [
    "FAULTS",
    "Drawn",
    "Scene",
    "displaced",
    "draw",
    "geometry_of",
    "make",
    "phase_error",
    "problem",
    "run_of",
    "write",
    "wrong",
]

FINE = 8  # positions in parts of a pixel


def geometry_of(scene: Scene) -> Geometry:
    """As the scene's file tells it."""
    scan = scene.scan()
    return Geometry(scan.wavelength, scan.distance, (PIXEL, PIXEL), scene.counts.shape[1:], scan.focus)


def problem(scene: Scene, device=None, combine="allreduce", fine: int = FINE, refine=None) -> Problem:
    """The problem of this rank, with all frames of the scan; start: flat object, probe near to the truth.

    The frames go in equal runs to the ranks. fine : positions in parts of a pixel, 1 = whole ones
    refine : a RefinePositions, by which ML moves the frames
    """
    team, device, geometry = Team(), device or Cpu("double", 1), geometry_of(scene)
    fine, reach = (GRID, refine.reach) if refine else (fine, 0.0)
    places = place(scene.positions, geometry.pixel, geometry.shape, fine, reach)
    frames = frames_of(scene, team)
    own = frames.index
    share, _ = open_share(combine, team, device, places, own, geometry.shape)
    p = Problem.of(team, device, frames, places, propagator(device, geometry, places.rests), share)
    p.O, p.P = device.array(np.ones(share.shape), device.complex), device.array(near(scene), device.complex)
    p.refinement = Refinement.of(refine, places) if refine else None
    return p


def frames_of(scene: Scene, team) -> Frames:
    """The prepared frames of a rank: equal runs of the scan"""
    own = np.array_split(np.arange(len(scene.counts)), team.size)[team.rank]
    far = scene.scan().focus is None
    counts = np.fft.ifftshift(scene.counts[own], axes=(1, 2)) if far else scene.counts[own]
    counts = counts if counts.dtype == np.uint16 else counts.astype(np.float32)
    mask = np.ones(counts.shape[1:], bool)
    return Frames(values=counts, index=own, mask=mask, corner=far, pixel=(PIXEL, PIXEL))


def run_of(scene: Scene, p: Problem, say=print) -> Run:
    """A run whose frames are those of a problem"""
    run = Run(team=p.team, device=p.device, options=Options(), folder=Path(), clock=p.clock, say=say)
    run.data = {"data": scene.scan(), "frames": frames_of(scene, p.team)}
    return run


def displaced(drawn: Drawn, rms: float) -> Scene:
    """A scan of which each frame was measured so many px (rms along each axis) beside where the file says."""
    scene = make(drawn)
    off = np.random.default_rng([drawn.seed, 9]).normal(0, rms, scene.corners.shape)
    return replace(scene, corners=scene.corners + off)


def near(scene: Scene) -> np.ndarray:
    """(M, h, w) the true probe, narrower, with the photons of the frames"""
    side = np.exp(-((np.arange(scene.made.n) - scene.made.n / 2) ** 2) / (0.3 * scene.made.n) ** 2 / 2)
    P = scene.P * side[:, None] * side
    return P * np.sqrt(scene.counts.sum((1, 2), dtype=float).mean() / (abs(P) ** 2).sum())


def phase_error(p: Problem, scene: Scene) -> float:
    """rms phase difference (rad) to the true object where it is well lit, as `nanompi compare` has it; on
    rank 0, else NaN (collective)."""
    O = p.whole()
    if O is None:
        return np.nan
    corner = tuple(np.rint(np.median(scene.true - p.places.corners, axis=0)).astype(int))
    lit, power = np.zeros(scene.O.shape), (abs(scene.P) ** 2).sum(0)
    h, w = power.shape
    for y, x in np.rint(scene.true).astype(int):
        lit[y : y + h, x : x + w] += power
    lit = well_lit(lit)
    image = align(placed(O, scene.O.shape, corner), scene.O, lit).image
    d = np.angle((image * scene.O.conj())[lit])
    return float(np.sqrt((np.angle(np.exp(1j * (d - np.angle(np.exp(1j * d).mean())))) ** 2).mean()))
