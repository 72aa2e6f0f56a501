"""Small pictures of many runs: of each what a viewer opens first in its result, in gray."""

from collections.abc import Iterator
from pathlib import Path

from nanompi.errors import NanompiError
from nanompi.report.frames import COLOURS, frames
from nanompi.report.record import record
from nanompi.report.report import still

SIDE, LARGE = 128, 384  # px of one of many, of a single one
MOST = 60  # pictures of one stage: 8 kB each


def strip(folders: list[Path], side: int = SIDE, most: int = MOST) -> dict[str, str]:
    """{name of the folder: picture as data URL} of the first runs that have an image, in their result or so
    far (live.h5), each with the range of its own values; what is damaged has none.

    Reads the image of one run after the other, all of it: a field of 2048² px takes 0.1 s.
    """
    out: dict[str, str] = {}
    for folder in folders:
        if len(out) == most:
            break
        if url := _picture(folder, side):
            out[folder.name] = url
    return out


def _picture(folder: Path, side: int) -> str:
    """The picture of a run; "" where there is none"""
    if not any((folder / name).is_file() for name in ("result.h5", "live.h5")):
        return ""
    try:
        signals = record(folder).signals()
        name = next(_images(signals), None)
        made = frames(name, signals[name], side) if name else []
    except NanompiError:
        return ""
    return still(made[len(made) // 2]) if made else ""


def _images(signals) -> Iterator[str]:
    """Names of the signals that are images, the one that a viewer opens first in front"""
    return (name for name in signals if signals.show(name) in COLOURS)
