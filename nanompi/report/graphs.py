"""Pictures of what is no image: curves, spectra with their fit, positions, arrows."""

from textwrap import fill

import numpy as np

from nanompi.report.images import dressed
from nanompi.report.paper import (
    INK,
    QUIET,
    SERIES,
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
from nanompi.report.plots import COUNTS, drawn_longer, in_runs, least_of, longer
from nanompi.run.result import Signal
from nanompi.units import DIMENSIONS, pretty

POINTS, ARROWS = 20_000, 400  # positions, arrows in one picture at most
DOTS = 40  # values of a curve up to which each has its dot
HATCHES = (None, "////", "....")  # of parts of a fit that have the same colour
BESIDE = 14  # letters of a name that stands beside a picture: longer ones are broken
RARE = 0.5  # of the values of a curve: where less are known, its line says little


def curves(tile: Tile, signal: Signal) -> None:
    """A curve (n,) or curves (k, n) over their axis; logarithmic where they are positive and span more than
    ten times. `signal.marks`: names of the curves, where engines begin, the value to be reached."""
    left, bottom, w, h = tile.room(bar=False)
    ax = tile.axes(left, bottom, w, h)
    ys, marks = np.atleast_2d(np.asarray(signal.data, float)), signal.marks
    across, x = _along(signal, ys.shape[1])
    factor, unit = _unit_of(ys, signal.unit)
    for k, y in enumerate(ys * factor):
        _line(ax, x, y, SERIES[k % len(SERIES)], marks.names[k] if k < len(marks.names) else None)
    if marks.aim is not None:
        ax.axhline(marks.aim * factor, color=QUIET, lw=0.9, ls=(0, (5, 3)), zorder=0, gid="aim")
    wide = _scaled(ax, ys * factor)
    _engines(ax, marks.begins)
    dressed(ax, across, labelled(marks.label, unit) if marks.label else pretty(unit), "x" if wide else "xy")
    _opened(ax)
    if len(ys) > 1 and marks.names:
        ax.legend(fontsize=SMALL, frameon=False, loc="best")
    tile.title(signal.title or "curve")


def spectrum(tile: Tile, signal: Signal) -> None:
    """A spectrum (k, n): measured, fit, then parts of the fit; below them the residual, of counts in sigma
    (by the root of the fit). `signal.marks.names`: one each."""
    ys = np.asarray(signal.data, float)
    across, x = _along(signal, ys.shape[1])
    counted = signal.unit == COUNTS and bool((ys[:2] > 0).any())
    left, bottom, w, h = tile.room(bar=len(ys) > 2)  # many names stand to the right of it
    part = 0.24 * h
    ax, under = (
        tile.axes(left, b, w, high) for b, high in ((bottom + part + 0.08, h - part - 0.08), (bottom, part))
    )
    names = [name.replace("_", " ") for name in signal.marks.names]
    names += ["measured", "fit"][len(names) :]
    if len(ys) > 2:
        names = [fill(name, BESIDE) for name in names]
    ax.plot(x, ys[0], ".", color="0.45", ms=2.5, label=names[0])
    ax.plot(x, ys[1], color="#c0392b", lw=1.1, label=names[1])
    low = least_of(ys[1]) if counted else float(np.nanmin(ys[:2], initial=0.0))
    _parts(ax, x, ys[2:], names[2:], low)
    if counted:
        top = np.nanmax(ys[:2], initial=1.0)
        ax.set(yscale="log", ylim=(low, top * 4))
        powers(ax.yaxis, low, top)
    sigma = np.sqrt(np.maximum(ys[1], 1)) if counted else 1.0
    under.plot(x, (ys[0] - ys[1]) / sigma, color="0.3", lw=0.7)
    if counted:
        under.axhspan(-2, 2, color="0.9", zorder=0)
    dressed(under, across, "")
    under.set_ylabel("residual / σ" if counted else "residual", fontsize=SMALL - 1, labelpad=2)
    plain_numbers(ax.xaxis)
    if not counted:
        plain_numbers(ax.yaxis)
    ax.set_ylabel(pretty(signal.unit) or plain(signal.marks.label), fontsize=SMALL + 1, labelpad=2)
    ax.tick_params(labelbottom=False)
    for one in (ax, under):
        one.set_xlim(x.min(), x.max())
        _opened(one)
    under.yaxis.get_major_locator().set_params(nbins=3)
    narrow = {"bbox_to_anchor": (1.01, 1.0), "borderaxespad": 0.0, "borderpad": 0.0, "handletextpad": 0.5}
    beside = {"loc": "upper left", **narrow} if len(names) > 2 else {"loc": "best"}
    ax.legend(fontsize=SMALL, frameon=False, handlelength=1.2, **beside)
    tile.title(signal.title or "spectrum")


def _parts(ax, x: np.ndarray, parts: np.ndarray, names: list[str], low: float) -> None:
    """The parts of a fit, each in its colour, filled down to `low`; hatched where colours come again."""
    for k, (y, name) in enumerate(zip(parts, names)):
        again, colour = divmod(k, len(SERIES))
        look = {"color": SERIES[colour], "hatch": HATCHES[again % len(HATCHES)], "alpha": 0.3, "lw": 0}
        ax.fill_between(x, np.maximum(y, low), low, label=name, **look)


def positions(tile: Tile, signal: Signal) -> None:
    """Points (n, 2), row and column: as a scan lies on the sample, the first row on top; in colours where
    `signal.marks.values` (n,) has a value for each."""
    some = np.linspace(0, len(signal.data) - 1, min(len(signal.data), POINTS)).astype(int)
    where, unit = _lengths(np.asarray(signal.data, float), signal.unit)
    where, values = where[some], signal.marks.values
    look = {"s": min(60.0, max(1.5, 9000 / len(where))), "lw": 0, "rasterized": True}
    ax = _field(tile, where, bar=values is not None)
    if values is None:
        ax.scatter(where[:, 1], where[:, 0], color=SERIES[0], **look)
    else:
        values = np.asarray(values, float)
        low, high = limits(values)
        drawn = ax.scatter(
            where[:, 1], where[:, 0], c=values[some], cmap="viridis", vmin=low, vmax=high, **look
        )
        plain_numbers(colour_bar(tile, ax, drawn, signal.marks.label, "both").ax.yaxis)
    dressed(ax, labelled("x", unit), labelled("y", unit))
    tile.title(signal.title or "positions")


def arrows(tile: Tile, signal: Signal) -> None:
    """Arrows from points (n, 2, 2), so much longer that the usual ones are seen; of many so many as find
    room."""
    data = np.asarray(signal.data, float)
    scaled, unit = _lengths(data[:, 0], signal.unit)
    factor = readable_factor(data[:, 0], signal.unit)
    way = data[:, 1] * factor
    times = longer(scaled, way)
    some = np.linspace(0, len(data) - 1, min(len(data), ARROWS)).astype(int)
    ax = _field(tile, scaled, bar=False)
    ax.quiver(scaled[some, 1], scaled[some, 0], way[some, 1] * times, way[some, 0] * times, angles="xy",
              scale_units="xy", scale=1, color=SERIES[0], width=0.003, headwidth=4, headlength=5)  # fmt: skip
    dressed(ax, labelled("x", unit), labelled("y", unit))
    scale_bar(ax, abs(np.diff(ax.get_xlim())[0]), unit)
    tile.title(f"{signal.title or 'arrows'}, {drawn_longer(signal, times)}")


def readable_factor(points: np.ndarray, unit: str) -> float:
    """What coordinates are multiplied by to be easy to read."""
    return readable(max(np.ptp(points, axis=0).max(), 1e-30), unit)[0] if unit in DIMENSIONS["m"] else 1.0


def _lengths(points: np.ndarray, unit: str) -> tuple[np.ndarray, str]:
    factor = readable_factor(points, unit)
    return points * factor, readable(max(np.ptp(points, axis=0).max(), 1e-30), unit)[1]


def _field(tile: Tile, where: np.ndarray, bar: bool):
    """Axes of equal scale around points (n, 2), rows downwards"""
    low, high = where.min(0), where.max(0)
    room = 0.06 * max(*(high - low), 1e-9)
    ax = tile.axes(*tile.room(bar))
    ax.set(xlim=(low[1] - room, high[1] + room), ylim=(high[0] + room, low[0] - room))
    ax.set_aspect("equal", adjustable="datalim" if min(high - low) < 0.02 * max(high - low) else "box")
    ax.apply_aspect()
    return ax


def _along(signal: Signal, n: int) -> tuple[str, np.ndarray]:
    """(label, values) of the axis of curves."""
    name, (x, unit) = next(reversed(signal.axes.items()), ("", (np.arange(n), "")))
    x = np.asarray(x, float)
    factor, unit = readable(float(np.abs(x).max(initial=0.0)), unit)
    return labelled(name, unit), x * factor


def _unit_of(ys: np.ndarray, unit: str) -> tuple[float, str]:
    good = np.abs(ys[np.isfinite(ys)])
    return readable(float(good.max()) if good.size else 1.0, unit)


def _line(ax, x: np.ndarray, y: np.ndarray, colour: str, name: str | None) -> None:
    """One curve; over what was not computed between single values it goes on, dotted where that is most of
    it; between runs of values is a gap."""
    known = np.isfinite(y)
    if in_runs(y) and not known.all():
        ax.plot(x, y, color=colour, label=name, lw=1.5)
        return
    rare = known.sum() < RARE * len(y)
    look = {"lw": 0.9, "ls": ":"} if rare else {"lw": 1.5}
    marker = "o" if rare else "." if known.sum() < DOTS else None
    ax.plot(x[known], y[known], color=colour, label=name, marker=marker, ms=4 if rare else None, **look)


def _scaled(ax, ys: np.ndarray) -> bool:
    """Logarithmic where that shows more: is it?"""
    good = ys[np.isfinite(ys)]
    if not good.size or good.min() <= 0 or good.max() <= 10 * good.min():
        return False
    ax.set_yscale("log")
    powers(ax.yaxis, good.min(), good.max())
    return True


def _engines(ax, begins) -> None:
    """A line where each engine begins, with its name on top."""
    for at, words in begins:
        ax.axvline(at, color=QUIET, lw=0.8, ls=":", zorder=0)
        ax.annotate(plain(words), (at, 1), (3, -9), xycoords=("data", "axes fraction"), color=INK,
                    textcoords="offset points", fontsize=SMALL)  # fmt: skip


def _opened(ax) -> None:
    ax.grid(color="0.92", lw=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
