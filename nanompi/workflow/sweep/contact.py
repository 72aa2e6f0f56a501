"""A contact sheet: the image of each setting, small, with the swept values below it."""

import math
from pathlib import Path

import numpy as np

from nanompi.report import draw
from nanompi.report.png import write_png

SIDE, GAP, LINE = 240, 12, 22  # px
ACROSS = 6


def contact(path: Path, images: list[np.ndarray | None], captions: list[list[str]], angles: bool = False):
    """Write images side by side, all on one gray scale.

    images : (h, w), or None where a run failed; captions : lines below; angles : they are in radians, and
        shown about the mean of each
    """
    across = min(ACROSS, len(images)) or 1
    shown = [None if a is None else levelled(a) if angles else small(a) for a in images]
    limits = [np.percentile(a, [1, 99]) for a in shown if a is not None]
    low, high = np.median(limits, axis=0) if limits else (0, 1)
    text = [[line[: SIDE // 12] for line in lines] for lines in captions]
    h, w = SIDE + LINE * max(map(len, text), default=0) + 2 * GAP, SIDE + GAP
    sheet = draw.canvas(h * math.ceil(len(images) / across) + GAP, w * across + GAP)
    for k, (picture, lines) in enumerate(zip(shown, text)):
        _paste(sheet, picture, lines, GAP + h * (k // across), GAP + w * (k % across), (low, high))
    write_png(path, sheet)


def levelled(phase: np.ndarray) -> np.ndarray:
    """The phase about its mean (as an angle), which a reconstruction leaves open; in small."""
    wave = np.exp(1j * phase.astype(np.float32))
    wave *= np.exp(-1j * np.angle(wave.mean()))
    return np.angle(draw.resized(wave, draw.fitted(phase.shape, SIDE)))


def small(image: np.ndarray) -> np.ndarray:
    """The image in small."""
    return draw.resized(image.astype(np.float32), draw.fitted(image.shape, SIDE))


def _paste(sheet, picture, lines, y: int, x: int, limits):
    if picture is None:
        sheet[y : y + SIDE, x : x + SIDE] = draw.NOTHING
    else:
        draw.paste(sheet, draw.gray(picture, *limits), y, x)
    for k, line in enumerate(lines):
        draw.write_text(sheet, line, y + SIDE + 6 + LINE * k, x)
