"""Pictures of images: phase, amplitude, maps, frames. Axes, colour bar, scale bar; the first row on top."""

from functools import partial

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import LogNorm
from matplotlib.patches import Circle

from nanompi.report.colours import smaller
from nanompi.report.paper import (
    LARGE,
    NOTHING,
    SMALL,
    Tile,
    colour_bar,
    labelled,
    limits,
    plain,
    plain_numbers,
    powers,
    readable,
    scale_bar,
)
from nanompi.run.result import LIT, OUTSIDE, Signal
from nanompi.units import DIMENSIONS

SIGNED = 0.3  # values reach so much as far below zero as above, or the other way round
WRAPS = 1.6 * np.pi  # a phase that spans more than this is taken to go around
THIN = 32.0  # an image that is so much longer than wide would be a hair: it is stretched, and says so
DARK = {
    "facecolor": "k",
    "alpha": 0.45,
    "pad": 1,
    "lw": 0,
}  # behind letters, which are read on any colour then
BRIGHTEST = 99.95  # per cent of the pixels with counts: what is brighter are strays and markers
SQUARES = 3  # pixels of a picture along one of the data: from here on matplotlib smooths nothing
DARKEST = 1e-6  # of the brightest: where the colours of a frame end


def image(tile: Tile, signal: Signal) -> None:
    """An image (h, w) in gray; transparent where nothing was seen."""
    _image(tile, signal, "gray")


def colour_map(tile: Tile, signal: Signal) -> None:
    """A map (h, w) in colours of rising lightness, of values on both sides of zero in red and blue;
    transparent where there is no number."""
    low, high = limits(np.asarray(signal.data))
    if -low > SIGNED * high and high > -SIGNED * low:
        top = max(-low, high)
        return _image(tile, signal, "RdBu_r", (-top, top))
    _image(tile, signal, "viridis")


def angle(tile: Tile, signal: Signal) -> None:
    """An angle in rad: gray, or where it goes around from -pi to pi colours that go around, too."""
    data = np.asarray(signal.data)
    low, high = limits(_seen_well(signal, data))
    if high - low <= WRAPS:
        return _image(tile, signal, "gray", angles=True)
    _, ax, drawn = _drawn(tile, signal, "twilight", {"vmin": -np.pi, "vmax": np.pi}, angles=True)
    bar = colour_bar(tile, ax, drawn, signal.unit, ticks=[-np.pi, 0, np.pi])
    bar.set_ticklabels(["−π", "0", "π"])


def frame(tile: Tile, signal: Signal) -> None:
    """A detector frame in logarithmic colours; pixels without a number are gray, zeros are dark.

    The rings of `signal.marks` (radius in px, words) are drawn around its centre.
    """
    data = np.asarray(signal.data, np.float32)
    light = data[np.isfinite(data) & (data > 0)]
    top = float(np.percentile(light, BRIGHTEST, method="lower")) if light.size else 1.0
    low = max(float(light.min()) if light.size else 0.1, DARKEST * top)
    low = low if low < top else top / 10
    shown = Signal(np.maximum(data, low), signal.axes, signal.unit, signal.title, signal.show)
    _, ax, drawn = _drawn(tile, shown, "magma", {"norm": LogNorm(low, top)})
    more = "max" if light.size and light.max() > top else "neither"
    powers(colour_bar(tile, ax, drawn, signal.unit, more).ax.yaxis, low, top)
    centre = signal.marks.centre
    for radius, words in signal.marks.rings if centre is not None else ():
        ax.add_patch(Circle(centre[::-1], radius, fill=False, color="k", alpha=0.4, lw=1.8))
        ax.add_patch(Circle(centre[::-1], radius, fill=False, color="w", lw=0.8, ls=(0, (4, 3))))
        place = centre[1] + 0.71 * radius, centre[0] - 0.71 * radius
        ax.text(*place, plain(words), color="w", fontsize=SMALL, clip_on=True, bbox=DARK)
    if centre is not None:
        ax.plot(*centre[::-1], "+", color="cyan", ms=LARGE)


def _image(tile: Tile, signal: Signal, colours: str, span=None, angles: bool = False) -> None:
    low, high = span or limits(_seen_well(signal, np.asarray(signal.data)))
    factor, unit = readable(max(abs(low), abs(high)), signal.unit)
    span = {"vmin": low * factor, "vmax": high * factor}
    values, ax, drawn = _drawn(tile, signal, colours, span, factor, angles)
    bar = colour_bar(tile, ax, drawn, unit, _ends(values, *span.values()))
    plain_numbers(bar.ax.yaxis)


def _ends(values, low: float, high: float) -> str:
    """Which ends of the colour bar are pointed: there is more below, above."""
    if not values.count():
        return "neither"
    below, above = values.min() < low, values.max() > high
    return "both" if below and above else "min" if below else "max" if above else "neither"


def _drawn(tile: Tile, signal: Signal, colours: str, span: dict, factor: float = 1.0, angles: bool = False):
    """(values shown, axes, what was drawn): the image on its axes, transparent where nothing was seen"""
    data = np.asarray(signal.data)
    data = data if data.dtype.kind in "fc" else data.astype(np.float32)
    values = smaller(data, tile.detail, angles) * (factor if factor != 1 else data.dtype.type(1))
    values = np.ma.masked_invalid(values)
    if (area := signal.lit(OUTSIDE)) is not None:
        values[smaller(area.astype(np.float32), tile.detail) <= 0.5] = np.ma.masked
    (up, y, unit_y), (across, x, unit_x) = sides(signal, data.shape)
    ax = _framed(tile, ratio(signal))
    colours = colormaps[colours].with_extremes(bad=(0, 0, 0, 0))
    ax.set_facecolor(NOTHING)
    extent = (*edges(x), *reversed(edges(y)))
    stage = _stage(ax, values.shape)
    drawn = ax.imshow(
        values, colours, extent=extent, aspect="auto", interpolation_stage=stage, resample=True, **span
    )
    drawn.to_rgba = partial(drawn.to_rgba, bytes=True)  # else 8 times the memory: 24 MB for a small map
    dressed(ax, labelled(across, unit_x), labelled(up, unit_y))
    if unit_x == unit_y:
        scale_bar(ax, abs(np.diff(edges(x))[0]), unit_x)
    stretched = _alike(unit_y, unit_x) and not ratio(signal)
    tile.title((signal.title or signal.show) + ", not to scale" * stretched)
    return values, ax, drawn


def _stage(ax, shape) -> str:
    """What is resampled: the colours; of an image whose pixels are shown as squares the data, which gives the
    same picture with a third of the memory."""
    h, w = shape
    return "data" if min(ax.bbox.height / h, ax.bbox.width / w) >= SQUARES else "rgba"


def sides(signal: Signal, shape) -> list[tuple[str, np.ndarray, str]]:
    """(name, values at the middle of the pixels, unit) of rows and columns, lengths easy to read."""
    named = list(signal.axes.items())[-2:]
    if len(named) < 2:
        return [(name, np.arange(n), "px") for name, n in zip(("row", "column"), shape)]
    lengths = [np.ptp(v) for _, (v, unit) in named if unit in DIMENSIONS["m"] and len(v)]
    out = []
    for name, (values, unit) in named:
        values = np.asarray(values)
        if values.dtype.kind not in "iuf":  # names: they are told by their number
            values, unit = np.arange(len(values)), ""
        factor, unit = readable(max(lengths), unit) if lengths and unit in DIMENSIONS["m"] else (1, unit)
        out.append((name, values * factor, unit))
    return out


def edges(values: np.ndarray) -> tuple[float, float]:
    """The outer edges of pixels whose middles are at `values`."""
    half = (values[-1] - values[0]) / (2 * (len(values) - 1)) if len(values) > 1 else 0.5
    return float(values[0] - half), float(values[-1] + half)


def ratio(signal: Signal) -> float:
    """Height over width of an image as it is shown; 0 where that is free: its axes are of different kinds, or
    it is too thin to be seen so."""
    (_, y, unit_y), (_, x, unit_x) = sides(signal, np.shape(signal.data))
    w, h = (abs(np.diff(edges(v))[0]) for v in (x, y))
    return h / w if _alike(unit_y, unit_x) and w > 0 and 1 / THIN < h / w < THIN else 0.0


def _alike(up: str, across: str) -> bool:
    """Do axes of these units make a plane? Two angles do not."""
    return up == across and up not in ("deg", "rad")


def _framed(tile: Tile, ratio: float, bar: bool = True):
    """Axes as large as there is room; ratio : height over width, 0 = any"""
    left, bottom, w, h = tile.room(bar)
    if ratio:
        w, h, room_w, room_h = min(w, h / ratio), min(h, w * ratio), w, h
        left, bottom = left + (room_w - w) / 2, bottom + (room_h - h)
    return tile.axes(left, bottom, w, h)


def dressed(ax, across: str, up: str, axes="xy") -> None:
    """Labels of both axes, and numbers along those named (of a linear scale)."""
    ax.set_xlabel(across, fontsize=SMALL + 1, labelpad=2)
    ax.set_ylabel(up, fontsize=SMALL + 1, labelpad=2)
    for name in axes:
        plain_numbers(getattr(ax, f"{name}axis"))


def _seen_well(signal: Signal, data: np.ndarray) -> np.ndarray:
    """The values that were well seen; all where there are none"""
    area = signal.lit(LIT)
    return data if area is None else data[area]
