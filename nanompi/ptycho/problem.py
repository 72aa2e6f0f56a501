"""What the engines work on: object, probe, frames of this rank, and the verbs in which they are written."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nanompi.clock import Clock
from nanompi.ptycho.positions import Places, Shifts


@dataclass
class Problem:
    """One reconstruction on this rank. Letters: see `nanompi.ptycho`.

    O, P       : current object and probe, equal on all ranks
    places     : places of all frames of the scan
    at, I, gain: of this rank's frames
    waves      : (n, M, h, w) complex: psi for the projection engines, F for ML. The large array of a run.
    """

    team: Any
    device: Any
    optics: Any
    places: Places
    O: Any
    P: Any
    at: Any
    I: Any
    mask: Any
    gain: Any
    clock: Clock = field(default_factory=Clock)
    waves: Any = None
    iteration: int = 0
    state: dict = field(default_factory=dict)

    def __post_init__(self):
        d, shape = self.device, self.P.shape[-2:]
        self.k, self.xp = d.kernels, d.xp
        self.shifts = Shifts(d, self.places.rests, shape)
        self.unit = d.real(self.optics.unit)
        self.everyone = d.array(self.places.at)
        self.counts = self._measured()
        self._everywhere = _cheaper_alone(self.team, len(self.everyone), len(self.at), shape, self.O.shape)

    def _measured(self) -> float:
        """Sum of all good counts of the scan."""
        good = self.device.host(self.mask) > 0
        total = sum(float((np.maximum(self.device.host(i), 0) * good).sum(dtype=np.float64)) for i in self.I)
        return float(self.team.total(total)[0])

    @property
    def frame_bytes(self) -> int:
        """Bytes of the waves of one frame."""
        return self.P.size * self.P.dtype.itemsize

    def make_waves(self):
        """The large array, allocated once and handed from engine to engine."""
        shape = (len(self.at), *self.P.shape)
        if self.waves is None or self.waves.shape != shape:
            self.waves = self.xp.empty(shape, self.P.dtype)
        return self.waves

    def blocks(self) -> list[slice]:
        """This rank's frames in blocks whose waves stay in the shared cache."""
        n, step = len(self.at), self.device.frames_per_block(self.frame_bytes)
        return [slice(i, min(i + step, n)) for i in range(0, n, step)]

    def each(self, work, block: slice) -> list:
        """`work(frames)` for a few frames at a time, on all threads; results in the order of the frames."""
        return self.device.each(work, block, self.frame_bytes)

    def scratch(self, frames: slice, slot: int = 0):
        """Waves of some frames to work in, of the calling thread."""
        return self.device.scratch((frames.stop - frames.start, *self.P.shape), self.P.dtype, slot)

    def scratch_real(self, frames: slice, slot: int = 0):
        """Intensities of some frames to work in, of the calling thread."""
        return self.device.scratch((frames.stop - frames.start, *self.P.shape[-2:]), self.device.real, slot)

    def zeros(self, like, dtype=None):
        """Zeros in the shape of an array."""
        return self.xp.zeros(like.shape, dtype or like.dtype)

    def forward(self, z, frames: slice):
        """Waves of some frames at the detector, in place"""
        return self.optics.forward(z, self.at[frames, 2])

    def backward(self, z, frames: slice):
        """The adjoint of `forward`, in place"""
        return self.optics.backward(z, self.at[frames, 2])

    def exit_waves(self):
        """psi = P O for all frames, into the large array"""
        psi, P = self.make_waves(), self.shifts.library(self.P)
        for block in self.blocks():
            self.each(lambda f: self.k.exit_waves(self.O, P, self.at[f], psi[f]), block)

    # ---- sums over all frames of all ranks

    def sum(self, *arrays):
        """Sums over the ranks, timed as the phase "combine"."""
        with self.clock.phase("combine"):
            self.team.sum(*arrays)

    def object_weights(self, P):
        """sum_j sum_m |P_m(r - r_j)|^2 over all frames of the scan, (H, W) real; P : (S, M, h, w).

        It follows from the probe and the positions, so each rank sums all frames by itself where that is
        cheaper than to send the array.
        """
        P2 = (abs(P) ** 2).sum(1)
        den = self.zeros(self.O, self.device.real)
        at = self.everyone if self._everywhere else self.at
        self.device.rows(self.k.object_weights, P2, at, den)
        if not self._everywhere:
            self.sum(den)
        return den

    def probe_sums(self, psi, at, num, den):
        """num_s += O_j* psi_j, den_s += |O_j|^2 for these frames; see kernels.overlap"""
        self.device.rows(self.k.probe_sums, psi, self.O, at, num, den)


def _cheaper_alone(team, n_all, n_own, frame, shape, rate=8e9, link=4e8):
    """Is it cheaper to add |P|^2 of the other ranks' frames than to send the weights? Both in pixels/s."""
    return team.size == 1 or team.bcast((n_all - n_own) * np.prod(frame) / rate < np.prod(shape) / link)
