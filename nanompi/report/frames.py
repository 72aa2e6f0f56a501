"""Signals as images for a page: how view.js shows each, without any method being known.

for frame in frames("phase", signal):
    frame.facts()      # JSON-able: title, unit, axes, limits, colours ... for view(element, {...})
    frame.described()  # the same with the values as PNG
    frame.values       # (h, w) float32, NaN outside
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from nanompi.io.hdf5 import text
from nanompi.optics.blocks import angle_means, block_means
from nanompi.report.coded import coded
from nanompi.report.colours import lit_box
from nanompi.run.result import LIT, OUTSIDE, Signal
from nanompi.units import DIMENSIONS, pretty

SIDE = 512  # px: what is larger is averaged
MOST = 60  # images of one signal
SAMPLE = 1 << 19  # px: of more, the limits of the colours are those of a part at equal steps
COLOURS = {"image": "gray", "angle": "gray", "map": "viridis", "frame": "inferno", "modes": "field"}
LENGTHS = (("pm", 1e-12), ("nm", 1e-9), ("µm", 1e-6), ("mm", 1e-3), ("m", 1.0))


@dataclass
class Frame:
    """One image of a page.

    values : (h, w) float32, NaN outside; angle : the same of a complex field, whose amplitude is `values`
    axes   : x and y -> (first, last, unit); low, high : limits of the colours
    log    : the values are logarithms to the base 10, shown as what they are of
    names  : of the axes, of rows and of columns, as the signal calls them
    means  : how many px of the signal along y, and along x, became one
    group  : images of one group are looked at together; errors : standard errors of the values
    """

    name: str
    title: str
    unit: str
    values: np.ndarray
    axes: dict[str, tuple[float, float, str]]
    low: float
    high: float
    map: str
    group: str
    angle: np.ndarray | None = None
    log: bool = False
    means: int = 1
    names: tuple[str, str] = ("y", "x")
    errors: np.ndarray | None = None

    @property
    def parts(self) -> int:
        """How many arrays of its size it holds."""
        return 1 + sum(part is not None for part in (self.angle, self.errors))

    def facts(self) -> dict[str, Any]:
        """What view.js needs beside the values."""
        names = ("name", "title", "unit", "axes", "low", "high", "map", "group", "log", "means", "names")
        return {"shape": list(self.values.shape)} | {name: getattr(self, name) for name in names}

    def described(self) -> dict[str, Any]:
        """The same with the values as PNG."""
        image = coded(self.values)
        out = self.facts() | {"src": image.url, "range": [image.low, image.high]}
        for name in ("angle", "errors"):
            if getattr(self, name) is not None:
                more = coded(getattr(self, name))
                out |= {name: more.url, f"{name}_range": [more.low, more.high]}
        return out


def frames(name: str, signal: Signal, side: int = SIDE) -> list[Frame]:
    """The images of a signal, at most `side` px along each axis; none of a curve or of points."""
    if signal.show not in COLOURS or np.ndim(signal.data) < 2 or not np.size(signal.data):
        return []
    data = np.asarray(signal.data)
    images = data.reshape(-1, *data.shape[-2:])[:MOST]
    if signal.show == "modes":
        return _modes(name, signal, images, side)
    titles = _titles(name, signal, len(images))
    out = [_frame(one, title, signal, image, side) for (one, title), image in zip(titles, images)]
    if len(out) == 1 and signal.errors is not None:
        out[0].errors = _errors(signal, side)
    return out


def _errors(signal: Signal, side: int) -> np.ndarray | None:
    """Errors of an image; none where pixels became one: those of a mean depend on how they go together"""
    small = max(signal.errors.shape) <= side and np.shape(signal.errors) == np.shape(signal.data)
    return np.asarray(signal.errors, np.float32) if small else None


def axes_of(signal: Signal, shape: tuple[int, int], k: int = 1) -> dict[str, tuple[float, float, str]]:
    """First and last place along x and y, in a unit that suits; k x k px of the signal are one of `shape`."""
    known = list(signal.axes.items())[-2:] if len(signal.axes) > 1 else []
    ends = [
        _ends(*known[i][1], shape[i], k) if known else (0.0, float(shape[i] - 1) * k, "px") for i in (0, 1)
    ]
    return {"y": ends[0], "x": ends[1]} if ends[0][2] not in METRES else _lengths(*ends)


METRES = DIMENSIONS["m"]


def _ends(values, unit: str, n: int, k: int) -> tuple[float, float, str]:
    """The middles of the first and the last of n px, of k each"""
    values = np.asarray(values)
    if values.dtype.kind not in "fiu" or len(values) < 2:
        return 0.0, float(n - 1) * k, "px"
    step = float(values[-1] - values[0]) / (len(values) - 1)
    first = float(values[0]) + (k - 1) / 2 * step
    return first, first + (n - 1) * k * step, unit if unit in METRES else pretty(unit)


def _lengths(y, x):
    """Two axes in metres in the same unit, in which the larger has one to three digits before the point."""
    if x[2] not in METRES:
        return {"y": y, "x": x}
    metres = [tuple(v * METRES[unit] for v in ends) for *ends, unit in (y, x)]
    span = max(abs(last - first) for first, last in metres) or 1.0
    unit, size = next(((u, s) for u, s in reversed(LENGTHS) if span >= 0.8 * s), LENGTHS[0])
    return {name: (a / size, b / size, unit) for name, (a, b) in zip("yx", metres)}


def _titles(name: str, signal: Signal, n: int) -> list[tuple[str, str]]:
    """(name, title) of each image of a stack, by the values of the axis along which they lie"""
    whole = signal.title or name
    if np.ndim(signal.data) == 2:
        return [(name, whole)]
    axis = list(signal.axes.items())[:-2]
    values, unit = axis[-1][1] if axis and len(axis[-1][1][0]) >= n else (range(n), "")
    words = [text(value) for value in list(values)[:n]]
    return [
        (f"{name} {word}", f"{word} {pretty(unit)}".strip() + f", {whole}" * (len(whole) < 40))
        for word in words
    ]


def _frame(name: str, title: str, signal: Signal, image: np.ndarray, side: int) -> Frame:
    image = np.asarray(image.real if image.dtype.kind == "c" else image, np.float32)
    inside, lit = (_seen(signal, image, part) for part in (OUTSIDE, LIT))
    log, angle = signal.show == "frame", signal.show == "angle"
    image = np.where(inside, image, np.nan)
    k = math.ceil(max(image.shape) / side)
    small = (angle_means if angle else block_means)(image, k)
    if log:
        small = np.log10(np.maximum(small, _floor(small)), out=small)
    low, high = _limits(small, lit[::k, ::k])
    turns = angle and high - low > 0.85 * 2 * np.pi
    low, high = (-np.pi, np.pi) if turns else (10**low, 10**high) if log else (low, high)
    colours = "twilight" if turns else COLOURS[signal.show]
    axes = axes_of(signal, small.shape, k)
    group, names = _group(small, axes), _names(signal)
    return Frame(name, title, pretty(signal.unit), small, axes, low, high, colours, group,
                 log=log, means=k, names=names)  # fmt: skip


def _names(signal: Signal) -> tuple[str, str]:
    names = list(signal.axes)[-2:]
    return (names[0], names[1]) if len(names) == 2 else ("y", "x")


def _seen(signal: Signal, image: np.ndarray, part: float) -> np.ndarray:
    """(h, w) bool: where more than `part` of the usual was seen, of what is a number"""
    known = np.isfinite(image)
    area = signal.lit(part)
    if area is None or area.shape != image.shape or not (known & area).any():
        return known
    return known & area


def _floor(image: np.ndarray) -> float:
    """The least value above 0: zeros of a frame are drawn like it"""
    above = image[image > 0]
    return float(above.min()) if above.size else 1.0


def _limits(image: np.ndarray, lit: np.ndarray) -> tuple[float, float]:
    """What a half per cent of what is well lit is below, and above."""
    known = np.isfinite(image)
    chosen = image[known & lit] if (known & lit).any() else image[known]
    if not chosen.size:
        return 0.0, 1.0
    chosen = chosen[:: -(-chosen.size // SAMPLE) | 1]  # an odd step: sides are often powers of two
    ends = [int(part * (chosen.size - 1) + 0.5) for part in (0.005, 0.995)]
    low, high = (float(v) for v in np.partition(chosen, ends)[ends])
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _group(image: np.ndarray, axes) -> str:
    """The same for images of the same place, in the same pixels"""
    return " ".join(
        f"{v:.6g}" if isinstance(v, float) else str(v) for v in (*image.shape, *axes["x"], *axes["y"])
    )


def _modes(name: str, signal: Signal, fields: np.ndarray, side: int) -> list[Frame]:
    """Complex fields, cut to where there is light; the title says the power of each."""
    power = [float((np.abs(field) ** 2).sum()) for field in fields]
    box = lit_box(fields)
    k = math.ceil(max(s.stop - s.start for s in box) / side)
    cut = Signal(fields[0][box], _cut_axes(signal, box))
    axis = next(iter(signal.axes)) if len(signal.axes) > 2 else name
    out = []
    for i, field in enumerate(fields):
        amplitude = np.sqrt(block_means(np.abs(field[box]).astype(np.float32) ** 2, k))
        angle = np.angle(block_means(field[box], k)).astype(np.float32)
        axes = axes_of(cut, amplitude.shape, k)
        part = f"{axis} {i + 1}: {100 * power[i] / (sum(power) or 1):.1f} %"
        title = part if len(fields) > 1 else signal.title or name
        out.append(
            Frame(f"{name} {i + 1}", title, pretty(signal.unit), amplitude, axes, 0.0,
                  float(amplitude.max()) or 1.0, "field", name + _group(amplitude, axes), angle)
        )  # fmt: skip
    return out


def _cut_axes(signal: Signal, box) -> dict:
    last = list(signal.axes.items())[-2:]
    return (
        {name: (np.asarray(v)[part], unit) for (name, (v, unit)), part in zip(last, box)}
        if len(last) == 2
        else {}
    )
