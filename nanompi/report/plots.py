"""Curves and points for a page: what curves.js draws."""

import math
from typing import Any

import numpy as np

from nanompi.io.hdf5 import text
from nanompi.report.frames import METRES
from nanompi.run.result import Signal

MOST, LINES, DOTS = 2000, 24, 3000  # points of a line, lines of a plot, points of a scan
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
    if signal.show == "curve" and data.ndim in (1, 2):
        return _curves(name, signal, np.atleast_2d(data))
    if signal.show == "positions" and data.ndim == 2 and data.shape[1] == 2:
        return _points(signal, name, data, None)
    if signal.show == "arrows" and data.ndim == 3 and data.shape[1:] == (2, 2):
        return _points(signal, name, data[:, 0], data[:, 1])
    return None


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
    title = (signal.title or name) + f" [{signal.unit}]" * (signal.unit not in ("", "1"))
    return {
        "title": title,
        "label": f"{label} [{unit}]" if unit else label,
        "lines": lines,
        "marks": [list(one) for one in signal.marks.begins],
        "aim": signal.marks.aim,
    }


def _points(signal: Signal, name: str, where: np.ndarray, ends: np.ndarray | None) -> dict[str, Any] | None:
    """Points (row, column), in µm where they are lengths; coloured by how bright each is"""
    size, unit = (METRES[signal.unit] / 1e-6, "µm") if signal.unit in METRES else (1.0, signal.unit)
    known = np.isfinite(where).all(1)
    if not known.any():
        return None
    some = np.flatnonzero(known)[:: -(-int(known.sum()) // DOTS)]
    bright = (
        np.asarray(signal.seen, float) if signal.seen is not None and len(signal.seen) == len(where) else None
    )
    low, high = np.nanpercentile(bright, (1, 99)) if bright is not None else (0, 1)

    def places(all_: np.ndarray) -> list[list[float]]:
        return [[float(f"{v * size:.6g}") for v in point[::-1]] for point in all_[some]]

    values = None if bright is None else ((bright[some] - low) / ((high - low) or 1)).round(3).tolist()
    return {"title": signal.title or name, "unit": unit, "points": places(where), "values": values,
            "ends": None if ends is None else places(ends)}  # fmt: skip
