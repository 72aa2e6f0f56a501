"""Filtered back-projection of parallel rays, slice by slice:

    f(x, y) = integral over half a turn of (p_angle * h)(x cos(angle) + y sin(angle)) d angle

with h the band-limited ramp filter (`ramp`): Kak & Slaney, Principles of Computerized Tomographic Imaging,
chapter 3 (doi:10.1137/1.9780898719277). The sum over angles weighs each by its part of the half turn, so that
their steps need not be equal, and a half and a full turn give the same.
"""

import numpy as np

from nanompi.methods.tomo.ramp import filtered, ramp
from nanompi.methods.tomo.rays import Method
from nanompi.methods.tomo.recon.circle import radius


class FBP(Method):
    """Ramp filter, then linear interpolation; 0 where not all rays meet the detector."""

    lanes = 1

    def __init__(self, rays, options, device):
        self.rays, self.options, self.device = rays, options, device
        self.transfer = ramp(rays.columns, window=options.window, cutoff=options.cutoff)
        self.turn = np.stack([np.cos(rays.angles), np.sin(rays.angles), rays.share], 1)

    def slices(self, sinograms, axes):
        """(k, A, columns) -> (k, size, size)"""
        k, side, edge = len(sinograms), self.rays.size, self.options.pad == "edge"
        reach = radius(self.rays, axes, self.options.circle)
        q, out = np.empty_like(sinograms), np.zeros((k, side, side), sinograms.dtype)
        for i, axis in enumerate(axes.tolist()):  # one by one: the same bits in blocks of any length
            q[i] = filtered(sinograms[i], self.transfer, edge)
            one = slice(i, i + 1)
            self.device.by_rows(self.device.kernels.backproject, q[one], self.turn, axis, reach[i], out[one])
        return out
