"""Object and probe while the engines are at work, as the signals that the result will have."""

from collections.abc import Callable

import numpy as np

from nanompi.methods.ptycho.finish import image_signals, probe_signal, scanned_image
from nanompi.optics.blocks import block_means
from nanompi.optics.ramp import usual_light
from nanompi.run.result import Signal

SIDE = 1024  # pixels of the object and of the probe along each axis, at most
LIT = 0.1  # of the usual light: what gets less is no part of the image, unless the job says otherwise


def view(p, pixel) -> Callable[[], dict[str, Signal]] | None:
    """Object and probe of a problem as they are now (collective): on rank 0 a function that makes signals of
    them, which any thread may call later; None elsewhere. The problem is not changed.

    pixel : (2,) m of the object; a larger object than SIDE is averaged over squares of pixels
    """
    step = -(-max(p.places.shape) // SIDE)
    weight = p.object_weights(p.shifts.library(p.P))
    if step > 1:
        means = p.share.means(p.O, weight, step)
    else:
        means = p.whole(), p.share.on_root(weight)
    if not p.team.root:
        return None
    O, weight = np.array(means[0], np.complex64), np.array(means[1], np.float32)
    P, sizes = np.array(p.device.host(p.P), np.complex64), (np.multiply(pixel, step), pixel)
    return lambda: signals(O, weight, P, *sizes)


def signals(O, weight, P, pixel, probe_pixel) -> dict[str, Signal]:
    """Phase, amplitude and probe. O, weight : (H, W) complex, real; P : (M, h, w); pixel sizes in m"""
    image, box, _, _ = scanned_image(O, weight, LIT)
    step = -(-max(P.shape[1:]) // SIDE)
    found = image_signals(image, pixel, weight[box], usual_light(weight))
    return found | {"probe": probe_signal(block_means(P, step), np.multiply(probe_pixel, step))}
