"""A Source whose frames are in memory, and a Run with nothing but what `ptycho.prepare` needs."""

from dataclasses import dataclass

import numpy as np

from nanompi.data.source import Source
from nanompi.methods.ptycho.scan import Scan
from nanompi.run.perform import Options, Run
from nanompi.step import partition


@dataclass
class Memory(Source):
    """Frames (n, H, W) as a Source. `blind`: ranks' numbers that cannot open the 'file'."""

    frames: np.ndarray
    can_open: bool = True
    most: int = 0  # frames read at once

    @property
    def shape(self):
        return self.frames.shape

    @property
    def dtype(self):
        return self.frames.dtype

    def read(self, index, threads=1):
        assert self.can_open, "read on a rank that cannot open the file"
        self.most = max(self.most, len(index))
        return np.ascontiguousarray(self.frames[index])

    def reachable(self):
        return self.can_open


@dataclass
class Device:
    threads: int = 1


def scan_of(frames, **more) -> Scan:
    """A far-field scan with these frames on a line of positions."""
    n = len(frames)
    positions = np.stack([np.zeros(n), np.arange(n) * 1e-6], axis=1)
    given = {"wavelength": 1e-10, "distance": 2.0, "pixel": (55e-6, 75e-6), **more}
    return Scan(source=Memory(frames), positions=positions, **given)


@partition("in order")
class InOrder:
    """Frames as they follow each other."""

    def split(self, positions, parts, weights=None):
        return np.array_split(np.arange(len(positions)), parts)


def run_of(team, scan, **options) -> Run:
    """A run whose log is the list `run.made["log"]`."""
    run = Run(team=team, device=Device(), options=Options(**options), folder=None, data={"data": scan})
    run.made["log"] = []
    run.say = run.made["log"].append
    return run
