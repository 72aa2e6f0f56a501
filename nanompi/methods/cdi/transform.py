"""Fourier transforms of images and of volumes on any device, both unscaled, in place."""

import math


class Transform:
    """Of images (k, h, w), each by itself, or of volumes (k, d, h, w), one after the other.

    A volume's planes are shared by the threads of a CPU; images are not: whoever has several gives each to
    another thread.
    """

    def __init__(self, device, shape: tuple[int, ...]):
        self.device, self.shape, self.size = device, tuple(shape), math.prod(shape)

    def forward(self, z):
        """z <- sum_r z exp(-2 pi i k r)"""
        self._done(z, self.device.fft, False)

    def backward(self, z):
        """z <- sum_k z exp(+2 pi i k r), unscaled"""
        self._done(z, self.device.ifft, True)

    def _done(self, z, planes, inverse: bool):
        if len(self.shape) == 2:
            planes(z)
            return
        plane = self.shape[1] * self.shape[2] * z.itemsize
        for volume in z:
            self.device.each(lambda f, volume=volume: planes(volume[f]), len(volume), plane)
            self.device.along(volume, 0, inverse)
