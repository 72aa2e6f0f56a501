"""Where each frame lies in the object array, in whole pixels and in the rest below a pixel.

A frame lies at a whole-pixel corner; the rest, rounded to 1/q pixel, is carried by a shifted probe
(`Shifts`). The rounding leaves a position error of at most 1/(2q) pixel, 1/(q sqrt(12)) root mean square.
"""

from dataclasses import dataclass

import numpy as np

from nanompi.errors import DataError

MARGIN = 4  # pixels of object around the outermost frames
LARGEST = 40_000  # pixels of an object along one side, above which the units of the positions are doubted


@dataclass
class Places:
    """Places of all frames of a scan.

    at     : (N, 3) int32, row and column of the corner in the object, index into `rests`
    rests  : (S, 2) float64, the occurring parts below a pixel, in pixels
    shape  : (H, W) of the object
    corners: (N, 2) float64, corner in object pixels as measured
    origin : (2,) m, position (of scan.positions) whose frame has its corner at object pixel (0, 0)
    """

    at: np.ndarray
    rests: np.ndarray
    shape: tuple[int, int]
    corners: np.ndarray
    origin: tuple[float, float]

    def along(self) -> np.ndarray:
        """(N,) where each frame stands along a curve through the scan, on which near frames follow each other
        (Morton's order: the bits of row and column in turns)."""
        code = np.zeros(len(self.at), np.int64)
        for bit in range(31):
            for axis in (0, 1):
                code |= (self.at[:, axis].astype(np.int64) >> bit & 1) << (2 * bit + axis)
        out = np.empty(len(code), np.int64)
        out[np.argsort(code, kind="stable")] = np.arange(len(code))
        return out


def place(positions: np.ndarray, pixel, frame, q: int = 1) -> Places:
    """Places of frames of shape `frame` at `positions` ((N, 2) m) in an object of `pixel` ((2,) m).

    Errors: DataError when the object would be absurdly large or all frames lie on one pixel.
    """
    px = np.asarray(positions, float) / np.asarray(pixel, float)
    low = px.min(0)
    _plausible(px.max(0) - low, frame, pixel, len(px))
    corners = px - low + MARGIN
    fine = np.rint(corners * q).astype(np.int64)
    whole = (fine + q // 2) // q
    rest = fine - whole * q  # -q/2 <= rest < q/2
    rests, index = np.unique(rest, axis=0, return_inverse=True)
    shape = tuple(int(v) for v in whole.max(0) + np.asarray(frame) + MARGIN)
    at = np.concatenate([whole, index.reshape(-1, 1)], axis=1).astype(np.int32)
    return Places(at, rests / q, shape, corners, tuple((low - MARGIN) * np.asarray(pixel)))


def _plausible(span, frame, pixel, n):
    where = f"the scan spans {span[0]:.4g} x {span[1]:.4g} object pixels of {pixel[0]:.3g} x {pixel[1]:.3g} m"
    if max(span) + max(frame) > LARGEST:
        raise DataError(
            f"{where}; an object of more than {LARGEST} pixels is refused. Are the positions in um, not in "
            "m? Check `units: {x: um, y: um}`, the energy, the distance and the detector pixel."
        )
    if n > 1 and max(span) < 1:
        raise DataError(
            f"{where}: all frames lie on one pixel. Are the positions, the energy or the distance in "
            "another unit than the file says?"
        )


class Shifts:
    """The probe at the sub-pixel shifts of a scan, by Fourier shift, and the adjoint.

    rests : (S, 2) pixels. One shift of zero costs nothing.
    """

    def __init__(self, device, rests: np.ndarray, shape):
        self.device, self.trivial = device, len(rests) == 1 and not np.any(rests)
        ky, kx = (np.fft.fftfreq(n) for n in shape)
        # frame j sees O(r + whole + rest); the probe moves by +rest in the frame of the object's pixels
        phase = rests[:, :1, None] * ky[:, None] + rests[:, 1:, None] * kx
        self.ramp = device.array(np.exp(-2j * np.pi * phase)[:, None], device.complex)
        self.size = shape[0] * shape[1]

    def library(self, P):
        """P : (M, h, w) -> (S, M, h, w), the probe moved by each rest"""
        if self.trivial:
            return P[None]
        z = self.device.fft(P.copy())
        return self._back(z[None] * self.ramp)

    def tangent(self, dP):
        """The change of `library` where the probe changes by dP"""
        return self.library(dP)

    def adjoint(self, num):
        """num : (S, M, h, w) -> (M, h, w), sum over shifts of the sums moved back"""
        if self.trivial:
            return num[0]
        z = self.device.fft(num.copy())
        z *= self.ramp.conj()
        return self._back(z.sum(0))

    def _back(self, z):
        return self.device.ifft(z) * z.real.dtype.type(1 / self.size)
