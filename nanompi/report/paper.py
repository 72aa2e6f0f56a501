"""Paper for pictures: places on a figure in inches, titles, axes, colour bars and scale bars.

Matplotlib's object API alone, without pyplot. The layout is counted in inches and not tried out by drawing:
that halves the time of a picture, and all panels of a sheet stand in line.
"""

import math
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import Formatter, FuncFormatter, LogLocator, NullLocator

from nanompi.report.plots import nice
from nanompi.units import DIMENSIONS, EV, pretty

INK, QUIET, NOTHING = "#1e1e22", "#6a6a70", (0.82, 0.83, 0.84, 1.0)
SERIES = ("#145aaa", "#be6e1e", "#2e8b57", "#8b3a8b", "#777777", "#b03030", "#008b9a", "#a08a00")
LARGE, SMALL = 10, 8  # points of letters
HEAD, LEFT, RIGHT, TOP, BOTTOM = 0.42, 0.72, 0.98, 0.36, 0.52  # inches around an image
PREFIXES = {"p": 1e-12, "n": 1e-9, "µ": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6}
BASES = {unit: ("m", size) for unit, size in DIMENSIONS["m"].items()} | {"s": ("s", 1.0), "J": ("eV", 1 / EV)}


@dataclass
class Tile:
    """A place for one picture on a figure: lower left corner and size in inches; `detail` pixels of an image
    along its longer axis can be seen there."""

    figure: Figure
    left: float
    bottom: float
    width: float
    height: float
    detail: int = 700

    def axes(self, left: float, bottom: float, width: float, height: float, **more) -> Axes:
        """Axes in inches from the corner of the tile."""
        w, h = self.figure.get_size_inches()
        box = ((self.left + left) / w, (self.bottom + bottom) / h, width / w, height / h)
        ax = self.figure.add_axes(box, **more)
        ax.tick_params(labelsize=SMALL, color=QUIET, labelcolor=INK)
        for spine in ax.spines.values():
            spine.set(color=QUIET, linewidth=0.7)
        return ax

    def room(self, bar: bool = True) -> tuple[float, float, float, float]:
        """Left, bottom, width, height of what is left for the axes; bar : with room for a colour bar"""
        right = RIGHT if bar else 0.2
        return LEFT, BOTTOM, self.width - LEFT - right, self.height - BOTTOM - TOP

    def title(self, words: str) -> None:
        """A title over the picture, in lines that fit; not broken at a space of fixed width (U+00A0)."""
        import textwrap

        lines = [plain(line) for line in textwrap.wrap(words, max(12, int(self.width * 13.5)))[:2]]
        w, h = self.figure.get_size_inches()
        place = (self.left + 0.14) / w, (self.bottom + self.height - 0.04) / h
        size = LARGE if len(lines) < 2 else SMALL
        self.figure.text(*place, "\n".join(lines), fontsize=size, color=INK, va="top", linespacing=1.05)


def blank(columns: int, rows: int, size: tuple[float, float], head: str = "") -> tuple[Figure, list[Tile]]:
    """A figure with tiles of a size in inches, row by row, and a line of text over all."""
    w, h, room = size[0] * columns, size[1] * rows, HEAD * bool(head)
    figure = Figure(figsize=(w, h + room), facecolor="w")
    FigureCanvasAgg(figure)
    if head:
        letters = min(LARGE, 120 * w / max(1, len(head)))
        place = 0.14 / w, 1 - 0.14 / (h + room)
        figure.text(*place, plain(head), fontsize=letters, color=QUIET, va="top")
    corners = [(size[0] * c, size[1] * (rows - 1 - r)) for r in range(rows) for c in range(columns)]
    return figure, [Tile(figure, *corner, *size) for corner in corners]


def plain(words: str) -> str:
    """A text of others as it stands: matplotlib takes what is between dollars for mathematics, and has no
    picture of what is no letter."""
    return "".join(c if c.isprintable() else " " for c in words).replace("$", r"\$")


def labelled(name: str, unit: str) -> str:
    """Words for an axis: `energy [eV]`."""
    return plain(f"{name.replace('_', ' ')} [{pretty(unit)}]" if pretty(unit) else name.replace("_", " "))


def readable(largest: float, unit: str) -> tuple[float, str]:
    """(factor, unit) that make numbers up to `largest` easy to read.

    Lengths and seconds get a prefix, joules become eV, spatial frequencies are over nm or µm; others stay (so
    does eV: the places of edges differ in what 7.11 keV does not show).
    """
    if unit == "1/m":
        factor, length = readable(1 / largest if largest > 0 else 1e-6, "m")
        return 1 / factor, f"1/{length}"
    base, scale = BASES.get(unit, ("", 1.0))
    if not base or not 0 < largest < math.inf:
        return 1.0, pretty(unit)
    known = [p for p, size in PREFIXES.items() if size <= largest * scale * (1 + 1e-9)]
    prefix = max((p for p in known if PREFIXES[p] <= 1 or base == "eV"), key=PREFIXES.get, default="p")
    return scale / PREFIXES[prefix], f"{prefix}{base}"


def limits(data: np.ndarray, part=(0.5, 99.5)) -> tuple[float, float]:
    """Low and high percentile of the finite values, so that a hot pixel sets nothing."""
    chosen = data[np.isfinite(data)]
    low, high = np.percentile(chosen, part) if chosen.size else (0.0, 1.0)
    room = 0.0 if high > low else 0.5 * abs(low) or 0.5
    return float(low - room), float(high + room)


RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Numbers(Formatter):
    """Numbers as they are (7112.5), never less a part of them; a power of ten, over all, only where they are
    long. Plain text: matplotlib's mathematics take half of the time of a picture."""

    power, places = 0, 0

    def set_locs(self, locs) -> None:
        """Power and places for the numbers of an axis, all alike."""
        low, high = sorted(self.axis.get_view_interval())
        seen = [abs(v) for v in locs if low <= v <= high]
        largest, step = max(seen, default=0.0), abs(locs[1] - locs[0]) if len(locs) > 1 else 0.0
        power = math.floor(math.log10(largest) + 1e-9) if largest > 0 else 0
        self.power = power if not -3 < power < 5 else 0
        scaled = [v / 10.0**self.power for v in (*seen, step)]
        rough = 1e-4 * scaled[-1]
        self.places = next((d for d in range(9) if all(abs(round(v, d) - v) <= rough for v in scaled)), 9)

    def __call__(self, value, pos=None) -> str:
        return f"{value / 10.0**self.power:.{self.places}f}".replace("-", "−")

    def get_offset(self) -> str:
        """What stands over the axis"""
        return f"×{ten(self.power)}" if self.power else ""


def ten(power: int) -> str:
    """A power of ten: 10⁵."""
    return f"10{str(power).translate(RAISED)}"


def plain_numbers(axis) -> None:
    """Numbers along an axis of a linear scale, of some six places."""
    axis.get_major_locator().set_params(nbins=6)
    axis.set_major_formatter(Numbers())
    axis.get_offset_text().set_fontsize(SMALL)


def powers(axis, low: float, high: float) -> None:
    """Numbers along a logarithmic axis from `low` to `high`: 1, 2, 5, 10 where few powers of ten are in it,
    else these alone."""
    few = high < 500 * low
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if few else (1,), numticks=9))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: _number(value)))


def _number(value: float) -> str:
    """`0.5`, `200`, `2·10⁵`"""
    if not value > 0 or 1e-3 <= value < 1e5:
        return f"{value:g}"
    power = math.floor(math.log10(value) + 1e-9)
    lead = value / 10.0**power
    return ten(power) if abs(lead - 1) < 1e-6 else f"{lead:.3g}·{ten(power)}"


def colour_bar(tile: Tile, ax: Axes, drawn, label: str, ends: str = "neither", ticks=None):
    """The colours of an image to the right of its axes, as high as these, with their unit."""
    w, _ = tile.figure.get_size_inches()
    box = ax.get_position()
    place = tile.figure.add_axes((box.x1 + 0.08 / w, box.y0, 0.13 / w, box.height))
    bar = tile.figure.colorbar(drawn, cax=place, extend=ends, ticks=ticks, extendfrac=0.035)
    bar.set_label(plain(label), fontsize=SMALL + 1, color=INK)
    bar.ax.tick_params(labelsize=SMALL, color=QUIET, labelcolor=INK)
    bar.outline.set(linewidth=0.6, edgecolor=QUIET)
    return bar


def scale_bar(ax: Axes, width: float, unit: str) -> None:
    """A bar of a nice length in the lower left corner; `width` of the picture in `unit`, where it is a
    length."""
    size = DIMENSIONS["m"].get(unit.replace("µ", "u"), 0) * width
    if not (size > 0 and math.isfinite(size)):
        return
    length = nice(0.25 * size)
    factor, shown = readable(length, "m")
    part, room = length / size, dict(transform=ax.transAxes, lw=0)
    ax.add_patch(Rectangle((0.02, 0.02), max(part, 0.17) + 0.04, 0.1, color="k", alpha=0.55, **room))
    ax.add_patch(Rectangle((0.04, 0.035), part, 0.018, color="w", gid="scale bar", **room))
    words = f"{length * factor:g} {shown}"
    ax.text(0.04, 0.062, words, transform=ax.transAxes, color="w", fontsize=SMALL, va="bottom")
