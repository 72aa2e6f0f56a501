"""Sizes of a job, known before its frames are loaded: object, frames, places, engines."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from nanompi.errors import JobError
from nanompi.methods.ptycho.count_modes import MOST
from nanompi.methods.ptycho.engines.engine import When
from nanompi.methods.ptycho.partition.bands import Bands, bands
from nanompi.methods.ptycho.positions import MARGIN
from nanompi.methods.ptycho.prepare.step import make_plan
from nanompi.methods.ptycho.read import open_scan
from nanompi.methods.ptycho.share import LITTLE
from nanompi.optics.geometry import Geometry
from nanompi.step import METHODS


@dataclass
class JobSizes:
    """The sizes that memory, messages and time depend on.

    at      : (N, 2) int, corner of each frame in the object; shape : (H, W) of the object
    frame   : (h, w); modes : of the probe; shifts : sub-pixel shifts of the probe
    item    : bytes of a count (2 or 4); raw : bytes of a frame as stored
    double  : complex128 instead of complex64; split : name of the partition
    combine : allreduce, overlap, or auto
    engines : [(name, iterations, iterations with an update of the probe)]
    varies  : shapes in which the probe differs from frame to frame, which ML alone has; 0 = one for all
    halves  : "frames" or "counts": two more images of half of them each; "" = none
    """

    at: np.ndarray
    shape: tuple[int, int]
    frame: tuple[int, int]
    modes: int
    shifts: int
    item: int
    raw: int
    double: bool
    engines: list[tuple[str, int, int]]
    split: str = "kmeans"
    combine: str = "auto"
    varies: int = 0
    halves: str = ""
    _known: dict[int, Any] = field(default_factory=dict, repr=False)

    @property
    def frames(self) -> int:
        """How many frames the scan has."""
        return len(self.at)

    @property
    def real(self) -> int:
        """Bytes of a real number; a complex one has twice as many."""
        return 8 if self.double else 4

    @property
    def waves(self) -> int:
        """Bytes of the waves of one frame."""
        return self.modes * int(np.prod(self.frame)) * 2 * self.real

    @property
    def pixels(self) -> int:
        """Pixels of the object."""
        return int(np.prod(self.shape))

    @property
    def varied(self) -> bool:
        """Does each frame get a probe of its own?"""
        return bool(self.varies) and any(name == "ML" for name, *_ in self.engines)

    @property
    def more(self) -> int:
        """Times that the iterations are made again for the halves, as one rank sees it: either half has half
        of the frames, or all of them with half of the counts"""
        return {"": 0, "frames": 1, "counts": 2}[self.halves]

    def parts(self, ranks: int) -> list[np.ndarray]:
        """The parts that the program would make. Errors: DataError for more ranks than frames."""
        return self._split(ranks)[0]

    def bands(self, ranks: int) -> Bands:
        """What these parts see and share."""
        return self._split(ranks)[1]

    def way(self, ranks: int) -> str:
        """How so many ranks would share the object: allreduce or overlap."""
        if ranks == 1 or self.combine != "auto":
            return "allreduce" if ranks == 1 else self.combine
        return "overlap" if self.bands(ranks).sent.max() <= LITTLE * self.pixels else "allreduce"

    def held(self, ranks: int, way: str = "") -> int:
        """Pixels of the object on the rank that holds most of it."""
        whole = ranks == 1 or (way or self.way(ranks)) == "allreduce"
        return self.pixels if whole else int(self.bands(ranks).held.max())

    def _split(self, ranks):
        if ranks not in self._known:
            parts = METHODS["partition"][self.split]().split(self.at.astype(float), ranks)
            self._known[ranks] = parts, bands(self.at, parts, self.frame)
        return self._known[ranks]

    def grown(self, frames: int) -> "JobSizes":
        """The same scan over a larger field: a spiral of so many frames, as dense as this scan is."""
        density = self._density()
        k = np.arange(frames)
        r, angle = np.sqrt(k / (np.pi * density)), k * np.pi * (3 - np.sqrt(5))
        at = np.rint(r[:, None] * np.stack([np.sin(angle), np.cos(angle)], 1)).astype(int)
        at -= at.min(0) - MARGIN
        shape = tuple(int(v) for v in at.max(0) + self.frame + MARGIN)
        return replace(self, at=at, shape=shape, _known={})

    def _density(self) -> float:
        """Frames per pixel of the object in the middle of the scan"""
        from scipy.spatial import cKDTree

        if self.frames < 2:
            return 64 / np.prod(self.frame)
        near = np.median(cKDTree(self.at).query(self.at, min(self.frames, 9))[0][:, -1])
        return (min(self.frames, 9) - 1) / (np.pi * max(near, 1.0) ** 2)


@dataclass
class Look:
    """A job seen from outside: its sizes, and what is needed to try some of its frames."""

    job: Any
    scan: Any
    plan: Any
    places: Any
    geometry: Geometry
    ptycho: Any
    sizes: JobSizes


def look(job) -> Look:
    """Open the scan and prepare a few frames (no ranks, no device). Errors: JobError, DataError."""
    prepare, ptycho = (_step(job, name) for name in ("ptycho.prepare", "ptycho"))
    scan = open_scan(job.input.file, job.input, job.reader)
    plan = make_plan(prepare, scan)
    frame = plan.good.shape
    geometry = Geometry(scan.wavelength, scan.distance, plan.pixel, frame, scan.focus)
    places = ptycho.place(scan, geometry)
    item = _item(scan, plan)
    raw = int(np.prod(scan.source.shape[1:])) * np.dtype(scan.source.dtype).itemsize
    at, double = places.at[:, :2].astype(int), job.run.precision == "double"
    modes = MOST if ptycho.probe.modes == "auto" else ptycho.probe.modes
    engines, how = _engines(ptycho.engines) + _quarter(ptycho.presolve), (prepare.split, ptycho.sums())
    halves = ("frames" if scan.focus is None else "counts") if ptycho.frc == "halves" else ""
    sizes = JobSizes(at, places.shape, frame, modes, len(places.rests), item, raw, double, engines, *how,
                     ptycho.probe.varies, halves)  # fmt: skip
    return Look(job, scan, plan, places, geometry, ptycho, sizes)


def _step(job, name):
    found = [s for s in job.steps if s.name == name]
    if not found:
        raise JobError(f'the job has no step "{name}"')
    return found[0]


def _item(scan, plan) -> int:
    """Bytes of a count, from some frames; one that does not fit uint16 elsewhere makes it 4 after all"""
    some = np.unique(np.linspace(0, len(scan.positions) - 1, 8).astype(int))
    return plan.apply(scan.source.read(some), some).dtype.itemsize


def _quarter(presolve) -> list[tuple[str, int, int]]:
    """The engines at half resolution, four iterations of which are as long as one of the others"""
    return [(name, -(-times // 4), -(-updates // 4)) for name, times, updates in _engines(presolve or [])]


def _engines(engines) -> list[tuple[str, int, int]]:
    """An engine that does not say when it updates the probe is taken to do so always."""
    always = When()
    return [
        (e.name, e.iterations, sum(getattr(e, "probe", always).now(i) for i in range(e.iterations)))
        for e in engines
    ]
