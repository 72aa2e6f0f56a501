"""Identity of a scan before the job changes it: a fingerprint of its frames, the grid of its truth."""

import hashlib
from dataclasses import replace

import numpy as np

from nanompi.errors import NanompiError
from nanompi.methods.ptycho.read.guard import object_pixel
from nanompi.methods.ptycho.scan import Scan


def fingerprint(source) -> str:
    """Of the first, middle and last frame, so that copies of a file and other formats of it are the same;
    "" where these cannot be read (a job may select others)."""
    if len(source.shape) != 3 or not source.shape[0] or np.dtype(source.dtype).kind not in "biuf":
        return ""
    digest = hashlib.sha256(f"{tuple(source.shape)}".encode())
    numbers = sorted({0, source.shape[0] // 2, source.shape[0] - 1})
    try:
        frames = source.read(np.array(numbers))
    except NanompiError:
        return ""
    digest.update(np.ascontiguousarray(frames, np.float64).tobytes())
    return digest.hexdigest()[:32]


def with_grid(scan: Scan) -> Scan:
    """The scan whose truth, if it has one, says on which grid it is: by the file's own geometry, which values
    of the job do not change."""
    if not scan.truth or "pixel_size" in scan.truth:
        return scan
    size = object_pixel(scan)
    if not np.isfinite(size).all():
        return scan
    stored, frame = np.array(scan.source.shape[1:]), np.shape(scan.truth.get("probe", ()))[-2:]
    if len(frame) == 2:  # the frames were padded or cut afterwards
        size = size * (stored / frame if scan.focus is None else 1)
    grid = {"pixel_size": size, "frame_shape": np.array(frame if len(frame) == 2 else stored)}
    return replace(scan, truth={**scan.truth, **grid})
