"""Slices by Fourier transforms: the transform of a projection is a ray through the transform of the slice.

    f(x, y) = sum_a share_a sum_m H_m / M  P_am exp(2 pi i m (x cos_a + y sin_a + axis) / M)

the back-projection of filtered projections with exact interpolation, H the ramp filter and P_a the transform
of projection a, padded to M columns. The samples, polar, are spread over a grid about 1.5 times as wide as
the slice (`kernels.gridding`), and transformed back: O'Sullivan, doi:10.1109/TMI.1985.4307723.
Half a plane of frequencies is enough for real slices, which are transformed side by side, each as if alone.
"""

import math

import numpy as np

from nanompi.methods.tomo.ramp import ramp
from nanompi.methods.tomo.rays import Method
from nanompi.methods.tomo.recon.circle import radius
from nanompi.methods.tomo.recon.window import polynomials, shape, taper

WIDTH, WIDER = 4, 1.5  # points of the window; grid and slice: more of both change 1e-5 of a slice


class Fourier(Method):
    """Gridding with a Kaiser-Bessel window."""

    lanes, width, wider = 16, WIDTH, WIDER
    takes = ("window", "cutoff", "pad", "circle", "halves")

    def __init__(self, rays, options, device):
        from nanompi.device.fft_lanes import length

        self.rays, self.options, self.device = rays, options, device
        n, self.L = rays.size, length(rays.columns)
        self.H = length(math.ceil(max(self.wider * n / 2, n / 2 + self.width)))
        G, xp = 2 * self.H, device.xp
        beta, place = shape(self.width, G / n), np.arange(n) - n // 2
        self.window = device.array(polynomials(self.width, beta))
        own = taper(place / G, self.width, beta)
        self.taper = device.array(np.stack([own, own * (-1.0) ** place]), device.real)  # column 0 is -G/2
        order = np.argsort(np.mod(rays.angles, np.pi), kind="stable")  # neighbours share a cache
        angles = rays.angles[order]
        self.order, self.step = device.array(order, np.int32), self.H / self.L
        self.turn = device.array(np.stack([np.cos(angles), np.sin(angles)], 1))
        self.phases = device.array(self._phases(angles, rays.share[order]), device.complex)
        self.transfer, self.xp = ramp(rays.columns, 2 * self.L, options.window, options.cutoff)[:-1], xp

    def _phases(self, angles, share):
        """(A, L): what moves the middle of the slice to a point of the grid, times the share of the angle"""
        m, half = np.arange(self.L), (1 - self.rays.size % 2) / 2
        turn = np.pi / self.L * half * (np.cos(angles) + np.sin(angles))
        return share[:, None] * np.exp(1j * turn[:, None] * m)

    def _factors(self, axes):
        """(L, lanes): filter, and the phase of each row's axis"""
        m, out = np.arange(self.L), np.zeros((self.L, self.lanes), complex)
        filters = self.transfer / (2 * self.L) * np.where(m == 0, 0.5, 1)  # 0 is its own opposite
        out[:, : len(axes)] = filters[:, None] * np.exp(1j * np.pi / self.L * np.outer(m, axes))
        return self.device.array(out, self.device.complex)

    def slices(self, sinograms, axes):
        """(k, A, columns) -> (k, size, size), the same on any number of threads"""
        n, sinograms = self.rays.size, self.device.array(sinograms, self.device.real)
        out = self.xp.empty((len(sinograms), n, n), self.device.real)
        for i in range(0, len(sinograms), self.lanes):
            some = slice(i, i + self.lanes)
            self._some(sinograms[some], axes[some], out[some])
        return out

    def _some(self, sinograms, axes, out):
        """At most `lanes` slices"""
        run, K = self.device.by_rows, self.device.kernels
        samples = self._spectra(sinograms, axes)
        grid = self._array((self.H + self.width - 1, 2 * self.H + self.width - 1), "grid")
        grid[...] = 0
        run(K.spread, samples, self.turn, self.step, self.window, grid)
        self._columns(grid)
        plane = self._array((self.H, self.rays.size), "rays")  # the samples are done with
        run(K.pair_plane, grid, plane)
        self.device.along(plane, 0, True)
        far = self.device.array(radius(self.rays, axes, self.options.circle))
        run(K.part_plane, plane, self.taper, far, out)

    def _array(self, shape, slot):
        return self.device.scratch((*shape, self.lanes), self.device.complex, slot)

    def _spectra(self, sinograms, axes):
        """(A, L, lanes): the samples on rays, filtered and weighed"""
        run, K = self.device.by_rows, self.device.kernels
        z = self._array((len(self.order), self.L), "rays")
        run(K.pair_rays, sinograms, self.order, self.options.pad == "edge", z)
        self.device.along(z, 1, False)
        run(K.ray_spectra, z, self._factors(axes), self.phases)
        return z

    def _columns(self, grid):
        """The transform over the columns, from G/2 on the same as those below -G/2"""
        G, edge = 2 * self.H, self.width // 2 - 1
        grid[:, G : G + edge] += grid[:, :edge]
        grid[:, edge : edge + self.width // 2] += grid[:, G + edge :]
        self.device.along(grid[:, edge : edge + G], 1, True)
