"""PNG pictures of a result for people: one of each signal that says how it is shown, and all on one sheet."""

import math
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np

from nanompi.io.atomic import own_folder
from nanompi.report import draw
from nanompi.report.draw import nice
from nanompi.report.png import write_png
from nanompi.run.result import Result, Signal
from nanompi.units import DIMENSIONS, show

SIDE, LARGEST, MARGIN, CAPTION, BAR = 480, 1600, 16, 30, 118  # px


def pictures(run):
    """The pictures of a run, in previews/ of its folder, by rank 0 (collective)."""
    run.team.on_root(lambda: previews(run.result, run.folder / "previews", run.warn))


def previews(result: Result, folder: Path, warn=print) -> list[Path]:
    """Write NAME.png for each signal that can be shown, and overview.png; returns the paths.

    Images span the 1st to 99th percentile of the well-seen area, which the caption gives. In complex fields
    hue is phase and brightness amplitude, each on its own scale, with its part of the power below.
    The result is safe before: a picture that cannot be made or written is told to `warn`, and left out.
    """
    folder, sheets, written = Path(folder), [], []
    for name, signal in (result.signals | result.pictures).items():
        if signal.show in DRAW:
            written += _kept(folder / f"{name}.png", partial(_drawn, signal, True), warn)
            with suppress(Exception):  # what fails here has failed above, too
                sheets.append(_drawn(signal, False))
    if sheets:
        written += _kept(folder / "overview.png", partial(_sheet, sheets), warn)
    return written


def draw_signals(signals: dict[str, Signal], path: Path) -> None:
    """Write one sheet of some signals."""
    own_folder(path.parent)
    write_png(path, _sheet([_drawn(signal, False) for signal in signals.values()]))


def _kept(path: Path, picture, warn) -> list[Path]:
    """[path] when `picture()` could be drawn and written."""
    try:
        own_folder(path.parent)
        write_png(path, picture())
    except Exception as e:
        warn(f"there is no {path.name} ({type(e).__name__}: {e}); the result is not touched by that")
        return []
    return [path]


def _drawn(signal: Signal, alone: bool) -> np.ndarray:
    """The picture of a signal with its caption; a smaller one for the sheet."""
    return _framed(*DRAW[signal.show](signal, (SIDE, SIDE), alone))


def _framed(picture: np.ndarray, caption: str) -> np.ndarray:
    """A picture with a margin and its caption below, broken into lines that fit."""
    h, w = picture.shape[:2]
    lines = _lines(caption, max(SIDE, w) // 12)
    out = draw.canvas(h + 2 * MARGIN + CAPTION * len(lines), max(w, SIDE) + 2 * MARGIN)
    draw.paste(out, picture, MARGIN, MARGIN + (max(w, SIDE) - w) // 2)
    for k, line in enumerate(lines):
        draw.write_text(out, line, MARGIN + h + 12 + k * 22, MARGIN)
    return out


def _lines(words: str, length: int) -> list[str]:
    import textwrap

    return textwrap.wrap(words, length) or [""]


def _sheet(sheets: list[np.ndarray]) -> np.ndarray:
    """Pictures in rows of two; of many, in rows of as many as make the sheet about as wide as high."""
    across = min(len(sheets), max(2, round(math.sqrt(len(sheets)))))
    h, w = (max(s.shape[k] for s in sheets) for k in (0, 1))
    out = draw.canvas(h * math.ceil(len(sheets) / across), w * across)
    for k, sheet in enumerate(sheets):
        draw.paste(out, sheet, h * (k // across), w * (k % across))
    return out


# ---- one picture of each kind: (signal, space, alone) -> picture, caption


def image(signal: Signal, space: tuple[int, int], alone: bool) -> tuple[np.ndarray, str]:
    """An image (h, w) in gray with a scale bar; angles are averaged as exp(i angle)."""
    data, lost = _whole(np.asarray(signal.data))
    shape = _size(data.shape, space, alone)
    area, lit = (draw.resized(_area(signal, f) * ~lost, shape) > 0.5 for f in (0.1, 0.3))
    if signal.show == "angle":
        shown = np.angle(draw.resized(_turned(data.astype(np.float32)), shape))
    else:
        shown = draw.resized(data.astype(np.float32), shape)
    low, high = np.nanpercentile(shown[lit] if lit.any() else shown, [1, 99])
    picture = draw.gray(shown, low, high)
    picture[~area] = draw.NOTHING
    draw.scale_bar(picture, _pixel(signal) * data.shape[1])
    return picture, f"{signal.title or signal.show}: {low:.3g} to {high:.3g} {signal.unit}".strip()


def colour_map(signal: Signal, space: tuple[int, int], alone: bool) -> tuple[np.ndarray, str]:
    """A map (h, w) in colours with a bar that says what they mean; gray where there is no number."""
    data = np.asarray(signal.data, np.float32)
    shown = draw.resized_known(data, _size(data.shape, (space[0] - BAR, space[1]), alone))
    low, high = np.nanpercentile(data, [1, 99]) if np.isfinite(data).any() else (0.0, 1.0)
    picture = draw.heat(shown, low, high)
    draw.scale_bar(picture, _pixel(signal) * data.shape[1])
    return draw.with_bar(
        picture, low, high, BAR
    ), f"{signal.title or 'map'} {_in_brackets(signal.unit)}".strip()


def _in_brackets(unit: str) -> str:
    return f"[{unit}]" if unit else ""


def _whole(data: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """An image with its median where it has no numbers, and (h, w) bool, where that is"""
    lost = ~np.isfinite(data)
    if not lost.any():
        return data, lost
    return np.where(lost, 0 if lost.all() else np.median(data[~lost]), data), lost


def _turned(angle: np.ndarray) -> np.ndarray:
    """exp(i angle), complex64, from two real functions: a tenth of the time of the complex one"""
    out = np.empty(angle.shape, np.complex64)
    np.cos(angle, out=out.real)
    np.sin(angle, out=out.imag)
    return out


def modes(signal: Signal, space: tuple[int, int], alone: bool) -> tuple[np.ndarray, str]:
    """Complex fields (n, h, w), side by side when alone, else in a square; power of each in per cent."""
    fields = np.asarray(signal.data)
    fields = fields.reshape(-1, *fields.shape[-2:])[:16]
    power = (np.abs(np.asarray(signal.data)) ** 2).reshape(-1, fields[0].size).sum(1)
    across = min(len(fields), 4) if alone else math.ceil(math.sqrt(len(fields)))
    side = max(240, space[0] // across) if alone else space[0] // across
    box = _lit_box(fields)
    rows = math.ceil(len(fields) / across)
    out = draw.canvas(rows * (side + 24) if alone or rows < across else space[0], across * side)
    step = out.shape[0] // rows
    side = min(side, step - 24)
    for k, field in enumerate(fields):
        y, x = step * (k // across), (out.shape[1] // across) * (k % across)
        draw.paste(out, _mode(field[box], side - 4), y, x)
        draw.write_text(out, f"{100 * power[k] / power.sum():.1f} %", y + side, x)
    draw.scale_bar(out[: side - 4, : side - 4], _pixel(signal) * (box[1].stop - box[1].start))
    return out, f"{signal.title or 'modes'}: hue = phase, brightness = amplitude"


def curves(signal: Signal, space: tuple[int, int], alone: bool) -> tuple[np.ndarray, str]:
    """A curve (n,) or curves (k, n) over their axis."""
    ys = np.atleast_2d(np.asarray(signal.data, float))
    name, (x, unit) = next(reversed(signal.axes.items()), ("", (np.arange(ys.shape[1]), "")))
    label = f"{name} [{unit}]" if unit else name
    last = [f"{y[np.isfinite(y)][-1]:.4g}" for y in ys if np.isfinite(y).any()]
    picture = draw.curve(np.asarray(x, float), ys, space, label)
    return picture, f"{signal.title or 'history'}: {', '.join(last)} at the end"


def arrows(signal: Signal, space: tuple[int, int], alone: bool) -> tuple[np.ndarray, str]:
    """Arrows from points, so much longer that the usual ones are seen; of many so many as find room."""
    data = np.asarray(signal.data, float)
    where, way = data[:, 0], data[:, 1]
    span = max(np.ptp(where, axis=0).max(), 1e-30)
    usual, scale = np.percentile(np.hypot(*way.T), 90), 0.8 * space[0] / span
    longer = nice(ARROW * span / usual) if usual > 0 else 1.0
    some = np.linspace(0, len(data) - 1, min(len(data), ARROWS)).astype(int)
    start = (where[some] - where.min(0)) * scale + 0.1 * space[0]
    picture = draw.canvas(space[0], space[0])
    draw.arrows(picture, start, start + way[some] * longer * scale)
    unit = signal.unit if signal.unit in DIMENSIONS["m"] else ""
    draw.scale_bar(picture, space[0] / scale * DIMENSIONS["m"].get(unit, 0))
    rms = show(float(f"{np.sqrt((way**2).mean()):.3g}"), signal.unit)
    return picture, f"{signal.title or 'arrows'}, drawn {longer:g} times as long: {rms} rms along each axis"


ARROWS, ARROW = 400, 0.08  # at most so many; of the picture, how long the usual one is
DRAW = {"image": image, "map": colour_map, "angle": image, "modes": modes, "curve": curves, "arrows": arrows}


def _size(shape: tuple[int, int], space: tuple[int, int], alone: bool) -> tuple[int, int]:
    """Alone: the size of the data, times or by a whole number; on the sheet: the space."""
    if not alone:
        return draw.fitted(shape, space[0])
    if max(shape) < space[0]:
        return draw.fitted(shape, space[0], whole=True)
    return tuple(max(1, n // math.ceil(max(shape) / LARGEST)) for n in shape)


def _area(signal: Signal, part: float) -> np.ndarray:
    """(h, w) float32, 1 where more than `part` of the usual was seen, else 0; all 1 if that is nowhere"""
    shape = np.shape(signal.data)
    area = np.ones(shape, bool) if signal.seen is None else signal.seen > part * signal.usual
    return area.astype(np.float32) if area.any() else np.ones(shape, np.float32)


def _pixel(signal: Signal) -> float:
    """Pixel size in metres from the last axis; 0 where it is no length."""
    values, unit = next(reversed(signal.axes.values()), ((), ""))
    if unit not in DIMENSIONS["m"] or len(values) < 2:
        return 0.0
    return float(abs(values[-1] - values[0]) / (len(values) - 1) * DIMENSIONS["m"][unit])


def _lit_box(modes: np.ndarray) -> tuple[slice, slice]:
    """A square around what is above 1 % of the largest amplitude: the window's dark rim shows nothing."""
    h, w = modes.shape[-2:]
    lit = np.abs(modes).max(0) > 0.01 * np.abs(modes).max()
    if h != w or not lit.any():
        return slice(0, h), slice(0, w)
    ends = [np.flatnonzero(lit.any(axis))[[0, -1]] for axis in (1, 0)]
    side = min(h, max(16, *(int(b - a) + 3 for a, b in ends)))
    first = [min(max(0, (int(a + b) + 1 - side) // 2), h - side) for a, b in ends]
    return tuple(slice(f, f + side) for f in first)


def _mode(field: np.ndarray, side: int) -> np.ndarray:
    return draw.colours(draw.resized(field, draw.fitted(field.shape, side)))
