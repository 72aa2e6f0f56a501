"""The step `xrd.background`: patterns without what lies below their peaks."""

from typing import Literal

import numpy as np

from nanompi.methods.maps.xrf.snip import snip
from nanompi.step import item, param, step

LINE = 20  # rounds in which what stands above a line is left out
ABOVE = 1.5  # standard deviations about the line that still belong to it


@step("xrd.background", each="spectrum", takes="pattern", gives={"pattern_net": item("radial")})
class Background:
    r"""Patterns without their background; their errors are those of the patterns.

    snip: the lower of a value and the mean of its neighbours at a distance that shrinks from `width`, of
    log(log(sqrt(y + 1) + 1) + 1) (Ryan et al., Nucl. Instrum. Methods B 34, 396 (1988),
    doi:10.1016/0168-583X(88)90063-8). line: a straight line through what does not stand above it. Peaks are
    fitted with a line of their own (xrd.peaks) and do not need this step.

    .. math::

        v(x) \leftarrow \min(v(x),\; \frac{1}{2} (v(x - d) + v(x + d))), \qquad d = w, w - 1, \dots, 1

    v is the logarithm above, w is `width`.

    Unit: as the patterns.

    Source: doi:10.1016/0168-583X(88)90063-8

    Example::

        - {use: xrd.background, method: snip}
    """

    preceded_by = ("xrd.integrate",)
    block_counts = ()
    method: Literal["snip", "line"] = param("snip", level="basic", help="how it is found")
    width: float | None = param(
        None, gt=0, help="snip: half width of the widest peak; a fortieth of the pattern"
    )

    def sources(self) -> list:
        """Where the papers are named that stand behind these parameters (`nanompi.papers`)."""
        return [snip] if self.method == "snip" else []

    def start(self, run, data):
        """Of the width in bins."""
        x = np.asarray(data.coords["radial"][0], float)
        self.reach = len(x) // 40 if self.width is None else round(self.width / (x[1] - x[0]))
        self.reach = max(1, min(self.reach, (len(x) - 1) // 2))
        name, unit = "pattern_net", data.coords["radial"][1]
        run.say(f"{self.name}: {name} by {self.method}, half width {self.reach * (x[1] - x[0]):.3g} {unit}")

    def block(self, block, info):
        """(k, radial) -> the same"""
        y = block.astype(np.float64)
        below = snip(np.nan_to_num(y), self.reach) if self.method == "snip" else line(y)
        return {"pattern_net": (y - below).astype(np.float32)}


def line(y: np.ndarray) -> np.ndarray:
    """(k, n) a straight line through each row, without what stands above it."""
    x = np.linspace(-1, 1, y.shape[1])
    finite = np.isfinite(y)
    y, use = np.where(finite, y, 0), finite.copy()
    for _ in range(LINE):
        n, sx, sy = use.sum(1), (use * x).sum(1), (use * y).sum(1)
        sxx, sxy = (use * x * x).sum(1), (use * x * y).sum(1)
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = (n * sxy - sx * sy) / (n * sxx - sx * sx)
            base = (sy - slope * sx) / n
            out = base[:, None] + slope[:, None] * x
            spread = np.sqrt((use * (y - out) ** 2).sum(1) / np.maximum(n - 2, 1))
        use = finite & (y - out <= ABOVE * spread[:, None])
    return np.where(finite, out, np.nan)
