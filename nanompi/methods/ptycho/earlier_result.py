"""Reads an earlier result: to start from it, to compare with it."""

from pathlib import Path

import numpy as np

from nanompi.errors import DataError, NanompiError
from nanompi.io.hdf5 import at, dataset, foreign, open_hdf5, whole
from nanompi.run.result import result_file

ENTRY = "entry_1"
NEEDED = {
    "object": "object/data",
    "probe": "probe/data",
    "pixel": "object/pixel_size",
    "corners": "positions/corners",
}
MORE = {
    "corner": "object/corner",
    "image": "image_1/data",
    "origin": "image_1/origin",
    "weight": "object/weight",
    "power": "probe/power",
    "measured": "positions/measured",
    "refined": "positions/refined",
    "truth_object": "truth/object",
    "truth_probe": "truth/probe",
    "truth_corners": "truth/corners",
    "truth_pixel": "truth/pixel_size",
    "truth_frame": "truth/frame_shape",
    "fingerprint": "process_1/frames/fingerprint",
}


SHAPES = {  # of what is an array: dimensions, and length of the last one where it is fixed
    **dict.fromkeys(("object", "image", "weight", "truth_object"), (2, None)),
    **dict.fromkeys(("probe", "truth_probe"), (3, None)),
    **dict.fromkeys(("pixel", "corner", "origin", "truth_pixel", "truth_frame"), (1, 2)),
    **dict.fromkeys(("corners", "measured", "refined", "truth_corners"), (2, 2)),
    "power": (1, None),
}
WAVES = ("object", "image", "truth_object", "probe", "truth_probe")  # all else is real
LARGEST = 1e9  # beyond any number of pixels, and any length in metres


def is_result(path: str | Path) -> bool:
    """Is it a run folder or a result of this program, not another program's? Never raises."""
    path = Path(path)
    if path.is_dir():
        return True
    try:
        with open_hdf5(str(path)) as f:
            return all(at(f, f"{ENTRY}/{NEEDED[k]}") is not None for k in ("object", "pixel", "corners"))
    except NanompiError:
        return False


def load_result(path: str | Path, only=()) -> dict[str, np.ndarray]:
    """Arrays of an earlier result.

    object  : (H, W) complex, whole reconstructed array as the engines left it
    probe   : (modes, h, w) complex
    pixel   : (2,) float64, metres
    corners : (n, 2) float, px (row, column) of each frame's corner in `object`, with fraction
    and where the file has them: corner (2,) m of object pixel [0, 0], image (cropped, ramp removed), origin
    (2,) px of the image in the object,
    weight (H, W) illumination, power (modes,), measured and refined (n, 2) m, truth_object, truth_probe,
    truth_corners, truth_pixel (2,) m, truth_frame (2,) px, fingerprint (bytes) of the frames.
    only    : names to read; all when empty.
    Errors: DataError naming the file and what is missing in it.
    """
    file = result_file(path)
    with foreign(str(file)), open_hdf5(str(file)) as f:
        return _read(f, file, set(only))


def _sane(found, name: str, where: str):
    """The array, when it can be what its name says. Errors: DataError."""
    if name not in SHAPES:
        return found
    found, (dimensions, last) = np.asarray(found), SHAPES[name]
    kinds = "iufc" if name in WAVES else "iuf"
    if found.dtype.kind not in kinds or found.ndim != dimensions or last not in (None, found.shape[-1]):
        wanted = f"{dimensions} dimension{'s' * (dimensions > 1)}" + (f" ending with {last}" if last else "")
        numbers = "numbers" if name in WAVES else "real numbers"
        raise DataError(f"{where} is {found.dtype} of shape {found.shape}; {numbers} in {wanted} are needed")
    if not found.size or not np.isfinite(found).all():
        raise DataError(f"{where} is {'not finite' if found.size else 'empty'}: this is no finished result")
    low = 0 if name in ("pixel", "truth_pixel") else -LARGEST
    if last and not (low < found.min() and found.max() < LARGEST):
        raise DataError(f"{where} has values from {found.min():g} to {found.max():g}, which cannot be right")
    return found


def _read(f, file: Path, only: set[str]) -> dict[str, np.ndarray]:
    out = {}
    for name, place in {**NEEDED, **MORE}.items():
        if only and name not in only:
            continue
        if at(f, f"{ENTRY}/{place}") is not None:
            out[name] = _sane(whole(dataset(f, f"{ENTRY}/{place}")), name, f"{file}: /{ENTRY}/{place}")
        elif name in NEEDED:
            raise DataError(
                f"{file}: /{ENTRY}/{place} is missing: this is not a result of nanompi's ptychography"
            )
    return out
