"""Phase retrieval from one distance, for a sample of one material:

    T_0 = F^-1 [F T / (1 + a |k|^2)],   a = lambda z (delta / beta) / (4 pi),   k = 2 pi (u, v)

with T the transmission that the detector sees at the distance z behind the sample, and T_0 that right behind
it: Paganin et al. 2002, doi:10.1046/j.1365-2818.2002.01010.x. Generalised, |k|^2 is
that of differences between pixels of the width W, (4 - 2 cos(W k_x) - 2 cos(W k_y)) / W^2, which blurs less:
Paganin et al. 2020, doi:10.1088/2040-8986/abbab9. The result is -log T_0, line
integrals again, which tomo makes slices of.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from nanompi.errors import JobError
from nanompi.methods.tomo.light import LEAST
from nanompi.optics.geometry import PLANCK_C
from nanompi.step import param, step

REACH = 8  # times the length over which the filter falls by e: what is put around a projection
GEOMETRY = ("energy", "distance", "pixel")
PAGANIN, GENERALISED = "10.1046/j.1365-2818.2002.01010.x", "10.1088/2040-8986/abbab9"


@dataclass(frozen=True)
class Way:
    """From the sample to the detector. alpha : m^2, a of the formula; pixel : m; discrete : generalised"""

    alpha: float
    pixel: float
    discrete: bool

    @property
    def length(self) -> float:
        """px, over which the filter's kernel falls by e."""
        return float(np.sqrt(self.alpha) / self.pixel)

    def transfer(self, rows: int, columns: int) -> np.ndarray:
        """(rows, columns // 2 + 1) float64: the filter for a real transform."""
        v, u = np.fft.fftfreq(rows)[:, None], np.fft.rfftfreq(columns)
        if self.discrete:
            square = 4 - 2 * np.cos(2 * np.pi * u) - 2 * np.cos(2 * np.pi * v)
        else:
            square = (2 * np.pi) ** 2 * (u * u + v * v)
        return 1 / (1 + self.alpha / self.pixel**2 * square)


@step("tomo.phase", each="frame")
class Phase:
    r"""Line integrals of a sample of one material from projections with phase contrast (Paganin).

    .. math::

        T_0 = F^{-1} \frac{F T}{1 + a |k|^2}, \qquad a = \frac{\lambda z}{4 \pi} \frac{\delta}{\beta}

    T is the transmission at the distance z behind the sample, T_0 that right behind it; the result is
    -log T_0.

    Unit: none: integrals of the attenuation along the rays.

    Source: doi:10.1046/j.1365-2818.2002.01010.x; generalised doi:10.1088/2040-8986/abbab9

    Example::

        - tomo.flat
        - {use: tomo.phase, delta_beta: 300}
        - tomo
    """

    preceded_by = ("tomo.flat",)

    delta_beta: float = param(gt=0, help="of the sample: how much more it turns the phase than it absorbs")
    method: Literal["paganin", "generalised"] = param(
        "paganin", help="generalised: differences between pixels in place of derivatives; sharper"
    )
    energy: float | None = param(
        None, unit="J", bare="keV", gt=0, help="photon energy; that of the file if not given"
    )
    distance: float | None = param(
        None, unit="m", gt=0, help="from the sample to the detector; that of the file if not given"
    )
    pixel: float | None = param(
        None, unit="m", gt=0, help="pixel size on the sample; that of the file if not given"
    )

    def sources(self) -> list:
        """Where the papers are named that stand behind these parameters (`nanompi.papers`)."""
        return [PAGANIN, *[GENERALISED] * (self.method == "generalised")]

    def check(self, data):
        """JobError where the geometry is not known."""
        self._way(data.facts)

    def start(self, run, data):
        """The filter, for the size of the projections. Errors: JobError."""
        self.way = self._way(data.facts)
        self.shape = data.size("row"), data.size("column")
        self.border, size = padding(self.shape, self.way.length)
        self.transfer = self.way.transfer(*size).astype(run.device.real)
        run.result.notes.setdefault("tomo", {})["phase"] = {
            "method": self.method, "delta_beta": self.delta_beta, "length_px": self.way.length
        }  # fmt: skip
        run.say(f"tomo.phase: {self.method}; the filter falls by e over {self.way.length:.3g} px")
        if self.way.length > min(self.shape) / 2:
            run.warn(
                f"tomo.phase: the filter reaches beyond projections of {self.shape[0]} x {self.shape[1]}; "
                "what lies around them is taken to go on as at their edge: read more rows"
            )

    def block(self, block, info):
        """(k, row, column) line integrals -> the same"""
        return np.stack([self._filtered(one) for one in block])

    def _filtered(self, lines: np.ndarray) -> np.ndarray:
        """One projection"""
        from scipy.fft import irfft2, rfft2

        (h, w), (y, x) = self.shape, self.border
        size = self.transfer.shape[0]
        t = np.pad(np.exp(-lines.astype(self.transfer.dtype, copy=False)), (y, x), mode="edge")
        wide = t.shape[1]
        t = irfft2(rfft2(t) * self.transfer, (size, wide))[y[0] : y[0] + h, x[0] : x[0] + w]
        return -np.log(np.maximum(t, t.dtype.type(LEAST)))

    def _way(self, facts: dict) -> Way:
        """Errors: JobError naming what is missing."""
        known = {name: getattr(self, name) or facts.get(name) for name in GEOMETRY}
        missing = [name for name, value in known.items() if not value]
        if missing:
            keys, verb = ", ".join(f"`{name}:`" for name in missing), "is" if len(missing) == 1 else "are"
            raise JobError(
                f"tomo.phase: {' and '.join(missing)} {verb} not in the file; give {keys} to the step or in "
                "the input section"
            )
        alpha = PLANCK_C / known["energy"] * known["distance"] * self.delta_beta / (4 * np.pi)
        return Way(alpha, known["pixel"], self.method == "generalised")


def padding(shape: tuple[int, int], length: float):
    """(((above, below), (left, right)), (rows, columns) of a padded projection, fast to transform)."""
    from scipy.fft import next_fast_len

    borders, sizes = [], []
    for n in shape:
        size = next_fast_len(n + 2 * min(n, int(np.ceil(REACH * length))), real=True)
        size += size % 2
        borders.append(((size - n) // 2, size - n - (size - n) // 2))
        sizes.append(size)
    return tuple(borders), tuple(sizes)
