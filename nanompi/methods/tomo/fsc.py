"""The step `tomo.fsc`: what a volume resolves in all directions, by two volumes of half of the projections.

    FSC(q) = Re sum A B* / sqrt(sum |A|^2 sum |B|^2)   over shells of one frequency step

A and B are the transforms of the largest square of each slice, all slices, less its mean and under a window
that falls to zero at all faces. Thresholds: half a bit (M. van Heel & M. Schatz, J. Struct. Biol. 151, 250
(2005), doi:10.1016/j.jsb.2005.05.009), and 1/7. The window makes neighbouring voxels depend on each other
(noise bandwidth 1.5 in each direction): so much fewer count.
"""

from dataclasses import replace
from typing import Literal

import numpy as np

from nanompi.data.data import Data, even
from nanompi.data.respread import fitting, respread
from nanompi.data.walk import loaded
from nanompi.errors import DataError
from nanompi.methods.tomo.angles import weights
from nanompi.methods.tomo.rays import Rays
from nanompi.methods.tomo.recon.fbp import FBP, Plain
from nanompi.methods.tomo.recon.fourier import Fourier
from nanompi.optics.frc import SEVENTH, Curve, crossing, half_bit
from nanompi.run.result import Marks, Signal
from nanompi.step import param, step

LEAST = 16  # px of a square
FEWEST = 8  # projections: four of each half
BAND = 1.5  # noise bandwidth of the window, in each direction
METHODS = {"fourier": Fourier, "fbp": FBP}


@step("tomo.fsc")
class Fsc:
    r"""Fourier shell correlation of two volumes, of every other projection each; the projections stay.

    .. math::

        \mathrm{FSC}(q) = \frac{\Re \sum A B^*}{\sqrt{\sum |A|^2 \sum |B|^2}}

    A, B are the transforms of the two volumes, summed over shells of the spatial frequency q. Memory beside
    the projections: four complex volumes of the largest square in the slices, over all ranks, in the
    precision of the run.

    Unit: none; q in 1/px, resolution in px and nm.

    Source: doi:10.1016/j.jsb.2005.05.009

    Example::

        - tomo.align
        - tomo.fsc
        - tomo
    """

    preceded_by = ("tomo.flat", "tomo.stripes", "tomo.align", "tomo.centre")
    explains = {
        "half_bit_px": "half a period where the correlation falls below half a bit, px",
        "seventh_px": "half a period where it falls below 1/7, px",
    }

    method: Literal["fourier", "fbp"] = param("fourier", help="how both volumes are made")

    def check(self, data):
        """What of the input `run` would refuse. Errors: DataError."""
        if "energy" in data.axes or "z" in data.axes:
            raise DataError(f"tomo.fsc: it compares halves of projections, before `tomo`; these are {data}")
        if "angle" in data.coords and len(data.coords["angle"][0]) < FEWEST:
            n = len(data.coords["angle"][0])
            raise DataError(f"tomo.fsc: {n} projections are too few for halves; {FEWEST} are needed")

    def run(self, run):
        """The curve into result and log; run.data["data"] keeps its projections (collective)."""
        data = run.data["data"]
        if not {"angle", "row", "column"} <= set(data.axes) or "angle" not in data.coords:
            raise DataError(f"tomo.fsc: needs projections with their angles, before `tomo`; these are {data}")
        self.check(data)
        with run.clock.phase("tomo.fsc"):
            data = fitting(run.team, loaded(run, "data"), ("angle", "column"))
            sums = self._sums(run, data)
        self._report(run, *sums, data.facts.get("pixel"))

    def _sums(self, run, data: Data) -> tuple[np.ndarray, int]:
        """(4, shells) sums over all ranks, and the side of the square (collective)."""
        angles = np.asarray(data.coords["angle"][0], np.float64)
        n, order = data.size("column"), np.argsort(np.mod(angles, 2 * np.pi), kind="stable")
        side = int(n / np.sqrt(2)) // 2 * 2
        if side < LEAST:
            raise DataError(f"tomo.fsc: {n} columns are too few: their slices hold no square of {LEAST} px")
        pair = []
        for half in (np.sort(order[::2]), np.sort(order[1::2])):
            rays = Rays(angles[half], weights(angles[half]), n, n)
            pair.append(self._transform(run, data, half, rays, side))
        own = shell_sums(pair[0].values, pair[1].values, pair[0].parts[run.team.rank], side)
        run.team.sum(own)
        return own, side

    def _transform(self, run, data: Data, half, rays: Rays, side: int) -> Data:
        """(z, row, column) complex, in the precision of the run: transform of the windowed volume of some
        projections, spread over its rows (collective)."""
        from scipy.fft import fft, fft2

        method, device = METHODS[self.method](rays, Plain(), run.device), run.device
        axes = [data.axes.index(axis) for axis in ("row", "angle", "column")]
        sinograms, rows = data.values.transpose(axes)[:, half], data.parts[run.team.rank]
        height, (column, slope) = data.size("row"), data.facts.get("axis", ((rays.size - 1) / 2, 0.0))
        first, own = (rays.size - side) // 2, []
        for at in range(0, len(rows), method.lanes):
            some = slice(at, at + method.lanes)
            axis = column + slope * (rows[some] - (height - 1) / 2)
            made = device.host(method.slices(device.array(np.ascontiguousarray(sinograms[some])), axis))
            own.append(made[:, first : first + side, first : first + side])
            run.clock.tick()
        volume = np.concatenate(own) if own else np.zeros((0, side, side), device.real)
        volume -= device.real(run.team.total(volume.sum(dtype=np.float64))[0] / (height * side * side))
        soft = np.hanning(side + 2)[1:-1].astype(device.real)
        volume *= np.hanning(height + 2)[1:-1][rows, None, None].astype(device.real)
        volume *= soft[:, None] * soft
        waves = fft2(volume)
        whole = Data(axes=("z", "row", "column"), values=waves, spread="z", parts=data.parts)
        turned = respread(run.team, whole, "row", even(side, run.team.size))
        return replace(turned, values=fft(turned.values, axis=0))

    def _report(self, run, sums: np.ndarray, side: int, pixel: float | None):
        """Log, result and picture."""
        curve = curve_of(sums, side)
        falls = {"half_bit": crossing(curve, curve.half_bit), "seventh": crossing(curve, SEVENTH)}
        own = {f"{name}_px": 0.5 / (at or 0.5) for name, at in falls.items()}
        own |= {f"{name}_nm": own[f"{name}_px"] * pixel * 1e9 for name in falls} if pixel else {}
        own["beyond_nyquist"] = falls["half_bit"] is None
        run.result.notes.setdefault("tomo", {})["fsc"] = own
        beyond = "; it never falls below half a bit" if own["beyond_nyquist"] else ""
        size = f" ({own['half_bit_nm']:.4g} nm)" if pixel else ""
        run.say(
            f"tomo.fsc: halves agree to {own['half_bit_px']:.3g} px{size} by half a bit, to "
            f"{own['seventh_px']:.3g} px by 1/7{beyond}"
        )
        if run.team.root:
            run.result.signals["fsc"] = signal_of(curve)


def shell_sums(A: np.ndarray, B: np.ndarray, rows: np.ndarray, side: int) -> np.ndarray:
    """(4, side // 2) float64: Re A B*, |A|^2, |B|^2 and 1 over shells of one step of the frequency.

    A, B : (z, rows here, side) complex transforms; rows : which of the `side` rows are here
    """
    kz, k = np.fft.fftfreq(len(A)), np.fft.fftfreq(side)
    q = np.sqrt(kz[:, None, None] ** 2 + k[rows][:, None] ** 2 + k**2)
    shell, least = np.rint(q * side).astype(int).ravel(), side // 2 + 1
    terms = ((A * B.conj()).real, np.abs(A) ** 2, np.abs(B) ** 2)
    sums = [np.bincount(shell, v.ravel(), least)[1:least] for v in terms]
    return np.stack([*sums, np.bincount(shell, minlength=least)[1:least]])


def curve_of(sums: np.ndarray, side: int) -> Curve:
    """The correlation of what `shell_sums` gave, all ranks together."""
    cross, aa, bb, count = sums
    value = cross / np.sqrt(np.maximum(aa * bb, 1e-300))
    return Curve(np.arange(1, side // 2 + 1) / side, value, half_bit(count / BAND**3), side)


def signal_of(curve: Curve) -> Signal:
    """The curve with both thresholds, for result and pictures."""
    lines = np.stack([curve.value, curve.half_bit, np.full(len(curve.value), SEVENTH)])
    axes = {"curve": (np.arange(3), ""), "frequency": (curve.frequency, "1/px")}
    title = "Fourier shell correlation of halves of the projections, half a bit, 1/7"
    marks = Marks(("correlation", "half a bit", "1/7"), "Fourier shell correlation")
    return Signal(lines, axes, "", title, "curve", marks=marks)
