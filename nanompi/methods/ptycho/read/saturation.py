"""Saturation: the value from which on the detector does not measure, as the file says.

NXdetector: `saturation_value` (invalid above it), `bit_depth_image` b (2^b - 1 marks what was not measured);
`detectorSpecific/countrate_correction_count_cutoff` (the largest count that the correction gives).
"""

import numpy as np

from nanompi.errors import NanompiError
from nanompi.io.hdf5 import at, dataset, hdf5, real, whole

DETECTORS = (
    "instrument_1/detector_1",
    "instrument/detector",
    "instrument/detector_1",
    "instrument_1/detector",
)
CUTOFF = "detectorSpecific/countrate_correction_count_cutoff"


def saturation(file, frames: str, notes: list[str]) -> float | None:
    """The least value that is not measured, None where the file says none; noted. frames : their path."""
    said = {}
    for group in _groups(file, frames):
        for name, first in (("saturation_value", _above), ("bit_depth_image", _marker), (CUTOFF, float)):
            value = _number(file, f"{group}/{name}")
            if value is not None and value > 0:
                said.setdefault(name, first(value))
    said = {name: value for name, value in said.items() if value is not None}
    if not said:
        return None
    name = min(said, key=said.get)
    notes.append(f"{name.split('/')[-1]} of the file: values from {said[name]:g} on are not measured")
    return said[name]


def _groups(file, frames: str) -> list[str]:
    parent, entry = frames.rstrip("/").rsplit("/", 1)[0], "/" + frames.strip("/").split("/")[0]
    return list(dict.fromkeys([parent, *(f"{entry}/{d}" for d in DETECTORS)]))


def _number(file, path: str) -> float | None:
    """A single number of the file; None where there is none, or nothing of use."""
    try:
        if not isinstance(at(file, path), hdf5().Dataset):
            return None
        values = real(whole(dataset(file, path)), path).ravel()
    except NanompiError:
        return None
    return float(values[0]) if len(values) == 1 and np.isfinite(values[0]) else None


def _above(value: float) -> float:
    return value + 1 if value == int(value) else float(np.nextafter(value, np.inf))


def _marker(bits: float) -> float | None:
    return 2.0**bits - 1 if bits == int(bits) and 4 <= bits <= 64 else None
