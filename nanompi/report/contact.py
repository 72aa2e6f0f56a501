"""A contact sheet: the image of each setting of a sweep, small, all on one scale, the best one framed."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nanompi.report.colours import smaller
from nanompi.report.figures import drawing, save
from nanompi.units import pretty

SIDE, LINE = 1.9, 0.145  # inches of an image, of a line of text
DETAIL = 280  # pixels of an image that are seen
ACROSS = 6  # images in a row
BEST = "#c05000"


@dataclass
class Panel:
    """One setting. image : (h, w), None where its run failed; words : the lines below; best : is it the first
    of the ranking? width : of the image, in `unit`"""

    image: np.ndarray | None
    words: list[str]
    best: bool = False
    width: float = 0.0
    unit: str = ""


def contact(path: Path, panels: list[Panel], title: str = "", unit: str = "") -> None:
    """Write the images side by side on one scale, that of the median of their limits, with its colour bar.

    unit : of the images; those in rad are shown about the mean of each, which a reconstruction leaves open.
    Below each stands its noise: `noise` of the whole image.
    """
    _, paper = drawing()
    across = max(1, min(ACROSS, len(panels)))
    shown = [None if p.image is None else _small(p.image, unit == "rad") for p in panels]
    known = [paper.limits(image, (1, 99)) for image in shown if image is not None]
    span = tuple(np.median(known, axis=0)) if known else (0.0, 1.0)
    lines = 1 + max((len(p.words) for p in panels), default=0)
    size = SIDE + 0.2, SIDE + 0.2 + LINE * lines
    scale = f"{title}; one scale for all: {span[0]:.3g} to {span[1]:.3g} {pretty(unit)}".lstrip("; ")
    figure, tiles = paper.blank(across, math.ceil(len(panels) / across), size, scale)
    for tile, panel, image in zip(tiles, panels, shown):
        _panel(tile, panel, image, span, unit)
    save(figure, path)


def _panel(tile, panel: Panel, image, span: tuple[float, float], unit: str) -> None:
    """One image with its words; a frame where it is the best"""
    _, paper = drawing()
    h, w = (1, 1) if image is None else image.shape
    side = SIDE / max(h, w)
    ax = tile.axes(0.1, tile.height - 0.1 - SIDE + (SIDE - h * side) / 2, w * side, h * side)
    ax.set(xticks=[], yticks=[], facecolor=paper.NOTHING)
    words = list(panel.words)
    if image is not None:
        ax.imshow(image, cmap="gray", vmin=span[0], vmax=span[1], aspect="auto", interpolation_stage="rgba")
        paper.scale_bar(ax, panel.width, panel.unit)
        words.append(f"noise {noise(panel.image, unit == 'rad'):.2g} {pretty(unit)}")
    if panel.best:
        for spine in ax.spines.values():
            spine.set(color=BEST, linewidth=3)
    for k, line in enumerate(words):
        place = (0.0, -(0.03 + k * LINE * (max(h, w) / h) / SIDE))
        ax.text(*place, paper.plain(line[:34]), transform=ax.transAxes, fontsize=7, va="top",
                color=BEST if panel.best else paper.INK)  # fmt: skip


def _small(image: np.ndarray, angles: bool) -> np.ndarray:
    image = np.asarray(image)
    return smaller(levelled(image) if angles else image.astype(np.float32), DETAIL, angles)


def levelled(phase: np.ndarray) -> np.ndarray:
    """The phase about its mean (as an angle), which a reconstruction leaves open."""
    wave = np.exp(1j * np.nan_to_num(phase.astype(np.float32)))
    return np.angle(wave * np.exp(-1j * np.angle(wave.mean())))


def noise(image: np.ndarray, angles: bool = False) -> float:
    """Standard deviation of the noise from pixel to pixel, in the unit of the image.

    By second differences along rows and columns, (1, -2, 1) each, in which smooth structure is lost: noise is
    six times as large there. 1.4826 times the median of their size is the standard deviation of a normal
    distribution that a few edges do not change. angles : differences go the short way around
    """
    if min(image.shape) < 3:
        return 0.0
    first = np.diff(np.asarray(image, float), axis=0)
    first = (first + np.pi) % (2 * np.pi) - np.pi if angles else first
    second = np.diff(np.diff(first, axis=0), 2, axis=1)
    known = np.abs(second[np.isfinite(second)])
    return float(1.4826 * np.median(known) / 6) if known.size else 0.0
