"""Filtered back-projection of parallel rays, slices side by side:

    f(x, y) = integral over half a turn of (p_angle * h)(x cos(angle) + y sin(angle)) d angle

with h the band-limited ramp filter (`ramp`): Kak & Slaney, Principles of Computerized Tomographic Imaging,
chapter 3 (doi:10.1137/1.9780898719277). The sum over angles weighs each by its part of the half turn, so that
their steps need not be equal, and a half and a full turn give the same.

The filter moves the axis of each row to one column, so that a pixel has the same place and shares in the rays
of all of them: by whole columns, and by what is left of `PARTS` of one. By half a column the error of a slice
would be 1.17 times as large (512 columns): what linear interpolation lets through above Nyquist's frequency
would have the wrong sign.
"""

import math
from dataclasses import dataclass

import numpy as np

from nanompi.methods.tomo.ramp import ramp
from nanompi.methods.tomo.rays import Method
from nanompi.methods.tomo.recon.circle import radius

PARTS = 8  # of a column; rows whose axes are nearest to the same of them are done together


@dataclass(frozen=True)
class Plain:
    """Parameters of the reconstruction: what of `tomo` its methods ask for, where no job says it."""

    window: str = "ramp"
    cutoff: float = 1.0
    pad: str = "edge"
    circle: float = 1.0


class FBP(Method):
    """Ramp filter, then linear interpolation."""

    lanes = 16
    takes = ("window", "cutoff", "pad", "circle", "halves")

    def __init__(self, rays, options, device):
        from nanompi.device.fft_lanes import length

        self.rays, self.options, self.device = rays, options, device
        across = math.ceil(math.sqrt(0.5) * rays.size) + 2  # half of what the corners of a slice see
        self.L = length(max(rays.columns, across + 1))
        self.transfer = ramp(rays.columns, 2 * self.L, options.window, options.cutoff)
        self.order = device.array(np.arange(len(rays.angles)), np.int32)
        turn = np.stack([np.cos(rays.angles), np.sin(rays.angles), rays.share], 1)
        self.turn = device.array(turn)

    def _factors(self, axes, centre):
        """(L, lanes): the filter, and what moves each row's axis to one column"""
        m, out = np.arange(self.L + 1), np.zeros((self.L + 1, self.lanes), complex)
        move = np.exp(1j * np.pi / self.L * np.outer(m, axes - centre))
        out[:, : len(axes)] = self.transfer[:, None] / (2 * self.L) * move
        out[0].imag = out[-1].real  # where the kernel looks for it
        return self.device.array(out[:-1], self.device.complex)

    def slices(self, sinograms, axes):
        """(k, A, columns) -> (k, size, size)"""
        sinograms = self.device.array(sinograms, self.device.real)
        n, parts = self.rays.size, np.round(axes * PARTS).astype(int) % PARTS
        out = self.device.xp.empty((len(sinograms), n, n), self.device.real)
        for run in np.split(np.arange(len(parts)), np.flatnonzero(np.diff(parts)) + 1):
            for i in range(0, len(run), self.lanes):
                some = slice(run[i], run[i : i + self.lanes][-1] + 1)
                self._some(sinograms[some], axes[some], self.L + parts[run[0]] / PARTS, out[some])
        return out

    def _some(self, sinograms, axes, centre, out):
        """At most `lanes` slices; centre : column to which their axes go"""
        run, K, device = self.device.by_rows, self.device.kernels, self.device
        z = device.scratch((len(self.turn), self.L, self.lanes), device.complex, "rays")
        run(K.pair_rays, sinograms, self.order, self.options.pad == "edge", z)
        device.along(z, 1, False)
        run(K.filter_rays, z, self._factors(axes, centre))
        device.along(z, 1, True)
        run(K.part_rays, z)
        q = z.view(device.real).reshape(len(z), 2 * self.L, self.lanes)
        far = device.array(radius(self.rays, axes, self.options.circle))
        run(K.backproject, q, self.turn, centre, far, out)
