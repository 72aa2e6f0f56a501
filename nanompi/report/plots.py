"""Curves and points for a page: what curves.js draws."""

import math
from typing import Any

import numpy as np

from nanompi.io.hdf5 import text
from nanompi.report.frames import METRES
from nanompi.run.result import Signal
from nanompi.units import pretty, show

MOST, LINES, DOTS = 2000, 24, 3000  # points of a line, lines of a plot, points of a scan
ARROW = 0.08  # of the picture, how long the usual arrow is
PLACES, SMALL = 9, 1e-3  # digits behind the point at most; smaller numbers have an exponent
COUNTS, LEAST = "counts", 0.3  # unit of what has counting noise, and of that the least that is drawn
FIGURES = (  # of a history: which stand in one plot, its title, and where they should go
    (("llk", "held"), "deviance over its expectation (1 = counting noise)", 1.0),
    (("R",), "R-factor", None),
    (("error",), "error of the engine", None),
    (("support",), "pixels of the support", None),
)


def history_curves(histories: list[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    """Plots of the figures of one run, or of several over each other: [(name of the run, history)].

    With several runs a plot has one figure, and engines are not marked.
    """
    alone, out = len(histories) == 1, []
    for names, title, aim in FIGURES:
        for group in [names] if alone else [(name,) for name in names]:
            lines = [_line(run if not alone else name, history["i"], history[name])
                     for run, history in histories for name in group if name in history]  # fmt: skip
            lines = [line for line in lines if any(v is not None for v in line["y"])]
            if lines:
                titled = title if group == names[:1] or alone else f"{title}: {group[0]}"
                marks = _marks(histories[0][1]) if alone else []
                out.append(
                    {"title": titled, "label": "iteration", "lines": lines, "marks": marks, "aim": aim}
                )
    return out


def plot(name: str, signal: Signal) -> dict[str, Any] | None:
    """A signal as curves or as points; None of one that is neither."""
    data = np.asarray(signal.data)
    if not data.size or data.dtype.kind not in "fiub":
        return None
    if signal.show in ("curve", "spectrum") and data.ndim in (1, 2):
        return _curves(name, signal, _above_nothing(signal, np.atleast_2d(data)))
    if signal.show == "positions" and data.ndim == 2 and data.shape[1] == 2:
        return _points(signal, name, data, None)
    if signal.show == "arrows" and data.ndim == 3 and data.shape[1:] == (2, 2):
        return _arrows(signal, name, data.astype(float))
    return None


def single(name: str, signal: Signal) -> tuple[str, str] | None:
    """(title, value with error and unit) of a curve of one point; None of anything else."""
    data = np.asarray(signal.data)
    if signal.show != "curve" or data.shape != (1,) or data.dtype.kind not in "fiub":
        return None
    value, error = float(data[0]), math.nan if signal.errors is None else float(np.ravel(signal.errors)[0])
    said = f"{value:.6g}"
    if math.isfinite(value) and math.isfinite(error) and error > 0:
        places = max(0, 1 - math.floor(math.log10(error)))
        small = places > PLACES or abs(value) < SMALL
        said = (said if small else f"{value:.{places}f}") + f" ± {error:.2g}"
    return signal.title or name, f"{said} {pretty(signal.unit)}".strip()


def in_runs(y: np.ndarray) -> bool:
    """Do most values of a curve that are numbers stand beside another, so that what is between is a gap?
    Those of an engine that computes a figure now and then stand alone."""
    known = np.isfinite(y)
    beside = np.zeros(len(y), bool)
    beside[1:] |= known[:-1]
    beside[:-1] |= known[1:]
    return bool((known & beside).sum() > known.sum() / 2)


def _above_nothing(signal: Signal, ys: np.ndarray) -> np.ndarray:
    """Of a spectrum of counts what is above the least that is drawn: its axis is logarithmic"""
    if signal.show != "spectrum" or signal.unit != COUNTS or len(ys) < 2 or not (ys[:2] > 0).any():
        return ys
    return np.where(ys >= least_of(ys[1]), ys, np.nan)


def least_of(counts: np.ndarray) -> float:
    """Where the logarithmic axis of a spectrum of counts begins."""
    return max(LEAST, float(np.nanpercentile(counts, 1)) / 3)


def _line(name: str, x: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    step = -(-len(y) // MOST)
    x, y = np.asarray(x, float)[::step], np.asarray(y, float)[::step]
    return {"name": name, "x": x.tolist(), "y": [float(f"{v:.7g}") if math.isfinite(v) else None for v in y]}


def _marks(history: dict[str, Any]) -> list[list]:
    """[[iteration, engine]] where another engine begins"""
    engines, i = history["engine"], history["i"]
    return [[float(i[k]), engines[k]] for k in range(len(i)) if k == 0 or engines[k] != engines[k - 1]]


def _curves(name: str, signal: Signal, ys: np.ndarray) -> dict[str, Any] | None:
    axes = list(signal.axes.items())
    label, (x, unit) = axes[-1] if axes else ("", (np.arange(ys.shape[1]), ""))
    x = np.asarray(x)
    if len(x) != ys.shape[1] or x.dtype.kind not in "fiu" or not np.isfinite(ys).any():
        return None
    names = axes[0][1][0] if len(axes) > 1 and len(axes[0][1][0]) == len(ys) else range(1, len(ys) + 1)
    names = signal.marks.names if len(signal.marks.names) == len(ys) else names
    lines = [_line(text(name), x, y) for name, y in zip(names, ys[:LINES])]
    title = (signal.title or name) + f" [{pretty(signal.unit)}]" * bool(pretty(signal.unit))
    return {
        "title": title,
        "label": f"{label} [{pretty(unit)}]" if pretty(unit) else label,
        "lines": lines,
        "marks": [list(one) for one in signal.marks.begins],
        "aim": signal.marks.aim,
        "gaps": signal.show == "spectrum" or all(map(in_runs, ys[:LINES])),
    }


def _arrows(signal: Signal, name: str, data: np.ndarray) -> dict[str, Any] | None:
    """Points and where they go, (n, 2, 2), so much further that the usual way is seen"""
    where, way = data[:, 0], data[:, 1]
    times = longer(where, way)
    out = _points(signal, name, where, where + times * way)
    return out and out | {"title": f"{out['title']}, {drawn_longer(signal, times)}"}


def longer(where: np.ndarray, way: np.ndarray) -> float:
    """How many times as long arrows (n, 2) from points (n, 2) are drawn: 1, 2, 5, 10 ..."""
    known = np.isfinite(where).all(1) & np.isfinite(way).all(1)
    usual = np.percentile(np.hypot(*way[known].T), 90) if known.any() else 0.0
    return nice(ARROW * max(np.ptp(where[known], axis=0).max(), 1e-30) / usual) if usual > 0 else 1.0


def nice(value: float) -> float:
    """The largest of 1, 2, 5 times a power of ten that is not above `value`."""
    ten = 10.0 ** math.floor(math.log10(value))
    return max(k * ten for k in (1, 2, 5) if k * ten <= value * (1 + 1e-9))


def drawn_longer(signal: Signal, times: float) -> str:
    """Words on arrows (n, 2, 2): how long they are drawn, and are"""
    rms = show(float(f"{np.sqrt(np.nanmean(np.square(signal.data[:, 1]))):.3g}"), signal.unit)
    return f"drawn {times:g} times as long: {pretty(rms)} rms along each axis"


def _points(signal: Signal, name: str, where: np.ndarray, ends: np.ndarray | None) -> dict[str, Any] | None:
    """Points (row, column), in µm where they are lengths; coloured by how bright each is"""
    size, unit = (METRES[signal.unit] / 1e-6, "µm") if signal.unit in METRES else (1.0, signal.unit)
    known = np.isfinite(where).all(1) & (True if ends is None else np.isfinite(ends).all(1))
    if not known.any():
        return None
    some = np.flatnonzero(known)[:: -(-int(known.sum()) // DOTS)]
    colours = (
        one for one in (signal.marks.values, signal.seen) if one is not None and len(one) == len(where)
    )
    bright = next((np.asarray(one, float) for one in colours if np.isfinite(one).any()), None)
    low, high = np.nanpercentile(bright, (1, 99)) if bright is not None else (0, 1)

    def places(all_: np.ndarray) -> list[list[float]]:
        return [[float(f"{v * size:.6g}") for v in point[::-1]] for point in all_[some]]

    values = None if bright is None else ((bright[some] - low) / ((high - low) or 1)).round(3).tolist()
    scale = None if bright is None else {"low": float(low), "high": float(high), "label": signal.marks.label}
    return {"title": signal.title or name, "unit": pretty(unit), "points": places(where), "values": values,
            "scale": scale, "ends": None if ends is None else places(ends)}  # fmt: skip
