"""The picture of scaling as SVG text: bars of seconds by phase, curves of efficiency."""

import math
from html import escape

COLOURS = {
    "start-up": "#9a9a9a", "import": "#c4c4c4", "compile": "#6b6b8a", "read": "#7b5ea7", "split": "#b39bd3",
    "load": "#2f6fb2", "prepare": "#7fb2e5", "start": "#d9a400", "iterate": "#2e8b57", "quality": "#8fd19e",
    "balance": "#1b9e9e", "cache": "#d8c99b", "checkpoint": "#555555", "combine": "#d1495b",
    "wait": "#f2b5bd", "write": "#8c5a2b",
}  # fmt: skip
CURVES = ("#2e8b57", "#d1495b", "#2f6fb2", "#d9a400")
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 940, 380, 56, 40, 44


def chart(bars: dict[int, dict[str, float]], curves: dict[str, dict[int, float]], title: str) -> str:
    """SVG text.

    bars   : {ranks: {phase: mean seconds of a rank}}; curves : {name: {ranks: PEFF}}
    """
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        'font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        _text(LEFT, 20, title, size=14),
        *_bars(bars, LEFT, 300),
        *_legend(bars, LEFT + 315),
        *_curves(curves, 560, 340),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _text(x, y, words, anchor="start", size=12, colour="#222") -> str:
    at = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{colour}"'
    return f"<text {at}>{escape(words)}</text>"


def _rect(x, y, w, h, colour) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" fill="{colour}"/>'


def _path(points, colour) -> str:
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _axes(x, w, top: float, words: str, steps: int = 4) -> list[str]:
    """Lines at equal steps of the upright axis, with their numbers"""
    out = [_text(x, TOP - 6, words, colour="#555")]
    for i in range(steps + 1):
        y = _y(top * i / steps, top)
        out += [_rect(x, y, w, 0.5, "#ccc"), _text(x - 6, y + 4, f"{top * i / steps:.3g}", "end")]
    return out


def _round(value: float) -> float:
    """The smallest of 1, 2, 2.5, 5, 10 times a power of ten that is not below `value`; of nothing 1"""
    ten = 10.0 ** math.floor(math.log10(value)) if value > 0 else 1.0
    return next(k * ten for k in (1, 2, 2.5, 5, 10) if k * ten >= value * (1 - 1e-9))


def _y(value, top) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / top


def _bars(bars, x, w) -> list[str]:
    top = 4 * _round(max((sum(b.values()) for b in bars.values()), default=1.0) / 4)
    out, step = _axes(x, w, top, "seconds, mean of the ranks"), w / max(1, len(bars))
    for k, (ranks, phases) in enumerate(bars.items()):
        at = 0.0
        for name, t in phases.items():
            out.append(_rect(x + (k + 0.2) * step, _y(at + t, top), 0.6 * step, _y(0, top) - _y(t, top),
                             COLOURS.get(name, "#000000")))  # fmt: skip
            at += t
        out.append(_text(x + (k + 0.5) * step, HEIGHT - BOTTOM + 16, f"{ranks}", "middle"))
    return [*out, _text(x + w / 2, HEIGHT - 10, "ranks", "middle")]


def _legend(bars, x) -> list[str]:
    names = list(dict.fromkeys(name for b in bars.values() for name, t in b.items() if t > 0))
    out = []
    for k, name in enumerate(names):
        y = TOP + 10 + 19 * k
        out += [_rect(x, y, 12, 12, COLOURS.get(name, "#000000")), _text(x + 18, y + 10, name)]
    return out


def _curves(curves, x, w) -> list[str]:
    """Efficiency over ranks; the ranks at equal distances"""
    counts = sorted({p for curve in curves.values() for p in curve})
    place = {p: x + (k + 0.5) * w / max(1, len(counts)) for k, p in enumerate(counts)}
    out = _axes(x, w, 1.0, "parallel efficiency")
    out += [_text(at, HEIGHT - BOTTOM + 16, f"{p}", "middle") for p, at in place.items()]
    for k, (name, curve) in enumerate(curves.items()):
        colour = CURVES[k % len(CURVES)]
        points = [(place[p], _y(min(1.0, v), 1.0)) for p, v in sorted(curve.items())]
        out.append(_path(points, colour))
        out += [f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3" fill="{colour}"/>' for px, py in points]
        out.append(_text(x + 10, HEIGHT - BOTTOM - 10 - 16 * (len(curves) - 1 - k), name, colour=colour))
    return [*out, _text(x + w / 2, HEIGHT - 10, "ranks", "middle")]
