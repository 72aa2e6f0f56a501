"""Pictures of complex fields: hue is phase, brightness amplitude; with power, width and a colour wheel."""

import math

import numpy as np

from nanompi.report.colours import coloured, lit_box, smaller, wheel
from nanompi.report.images import dressed, edges, sides
from nanompi.report.paper import SMALL, Tile, labelled, readable, scale_bar
from nanompi.run.result import Signal

MOST = 16  # modes in one picture


def modes(tile: Tile, signal: Signal) -> None:
    """Complex fields (n, h, w), each with its part of the power, over a common part of the window."""
    whole = np.asarray(signal.data).reshape(-1, *np.shape(signal.data)[-2:])
    fields, power = whole[:MOST], (np.abs(whole) ** 2).reshape(len(whole), -1).sum(1)
    (up, y, unit_y), (across, x, unit_x) = sides(signal, fields.shape[-2:])
    box = lit_box(fields)
    y, x = y[box[0]], x[box[1]]
    columns = columns_of(len(fields))
    ax = None
    for k, (field, place) in enumerate(zip(fields, _places(tile, len(fields), columns))):
        ax = tile.axes(*place)
        shown = coloured(smaller(field[box], max(64, tile.detail // columns)))
        ax.imshow(shown, extent=(*edges(x), *reversed(edges(y))))
        own = "" if len(fields) == 1 else f"mode {k + 1}: {100 * power[k] / max(power.sum(), 1e-300):.1f} %"
        ax.set_title(own, fontsize=SMALL, loc="left", pad=3)
        first, low = k % columns == 0, k + columns >= len(fields)
        dressed(ax, labelled(across, unit_x) if low else "", labelled(up, unit_y) if first else "")
        ax.tick_params(labelleft=first, labelbottom=low)
        ax.set_facecolor("k")
        if k == 0:
            scale_bar(ax, abs(np.diff(edges(x))[0]), unit_x)
            _wheel(ax)
    tile.title(f"{signal.title or 'modes'}{_width(fields[0], signal)}")


def columns_of(n: int) -> int:
    """How many modes stand side by side."""
    return math.ceil(math.sqrt(min(n, MOST)))


def _places(tile: Tile, n: int, columns: int) -> list[tuple[float, float, float, float]]:
    """Squares in rows, as large as there is room: left, bottom, width, height"""
    rows, gap = math.ceil(n / columns), 0.24
    left, bottom, w, h = tile.room(bar=n == 1)
    side = min((w - 0.1 * (columns - 1)) / columns, (h - gap * (rows - 1)) / rows)
    top = tile.height - (tile.height - bottom - h) - (gap / 2 if n > 1 else 0)
    return [
        (left + (k % columns) * (side + 0.1), top - side - (k // columns) * (side + gap), side, side)
        for k in range(n)
    ]


def _wheel(ax) -> None:
    """The colours of the phases, in the upper right corner."""
    inset = ax.inset_axes((0.74, 0.74, 0.24, 0.24))
    inset.imshow(wheel(), extent=(-1, 1, -1, 1))
    inset.axis("off")
    for at, words in (((0.62, 0), "0"), ((-0.6, 0), "π"), ((0, 0.6), "π/2")):
        inset.text(*at, words, color="k", fontsize=6, ha="center", va="center")


def widths(field: np.ndarray) -> list[float]:
    """Full width at half maximum in pixels along rows and columns, of the intensity summed over the other
    axis; linear between the pixels."""
    intensity = np.abs(field) ** 2
    out = []
    for axis in (1, 0):
        line = intensity.sum(axis)
        above = np.flatnonzero(line >= line.max() / 2)
        first, last, half = above[0], above[-1], line.max() / 2
        low = first - (line[first] - half) / (line[first] - line[first - 1]) if first else 0
        end = last + 1 < len(line)
        high = last + (line[last] - half) / (line[last] - line[last + 1]) if end else last
        out.append(float(high - low))
    return out


def _width(field: np.ndarray, signal: Signal) -> str:
    """Words on the width of the first mode; none where its pixels have no size"""
    named = list(signal.axes.values())[-2:]
    if len(named) < 2 or not np.abs(field).max() > 0 or min(field.shape) < 2:
        return ""
    pixels = [abs(float(v[-1] - v[0])) / (len(v) - 1) for v, _ in named]
    sizes = [n * p for n, p in zip(widths(field), pixels)]
    factor, unit = readable(max(sizes), named[0][1])
    return f"; FWHM {sizes[0] * factor:.3g} × {sizes[1] * factor:.3g} {unit} (y × x)"
