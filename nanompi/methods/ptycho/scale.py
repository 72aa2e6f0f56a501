"""The scale of a start probe: as many photons on the good pixels as were counted there."""

import numpy as np

CENTRE = np.zeros((1, 3), np.int32)  # the place of a frame without sub-pixel shift


def seen(p, P) -> float:
    """Photons of one exposure without an object that reach good pixels of the detector"""
    z = p.device.array(P[None].copy(), p.device.complex)  # transforms work in place
    F = p.device.host(p.optics.forward(z, p.device.array(CENTRE)))
    return float((np.abs(F) ** 2).sum((0, 1)).ravel() @ p.device.host(p.mask).ravel()) * p.optics.gain
