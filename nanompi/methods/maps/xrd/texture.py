"""The step `xrd.texture`: how strongly, and along which direction, grains are aligned."""

import numpy as np

from nanompi.errors import JobError
from nanompi.methods.maps.named import named
from nanompi.methods.maps.xrd.results import giving, in_memory
from nanompi.step import step

AREA = 0  # among the parameters of a peak
LEAST = 5  # sectors with a peak that tell three numbers and how well


@step("xrd.texture", needs=("peaks", "peaks_errors"))
class Texture:
    r"""Texture of each peak: its area over the azimuth is fitted by A (1 + t cos 2(chi - c)).

    t is 0 without texture, c the azimuth in deg, from -90 to 90, where the ring is brightest. It needs
    sectors (`xrd.integrate: {sectors: 36}`).

    .. math::

        A(\chi) = A ( 1 + t \cos 2(\chi - c) )

    Unit: t has none, c is in deg.

    Source: no paper; the first harmonic of the azimuth.

    Example::

        - {use: xrd.integrate, sectors: 36}
        - xrd.texture
    """

    preceded_by = ("xrd.peaks",)

    def check_behind(self, before):
        """JobError where the patterns that it needs will have too few sectors."""
        sectors = [step.sectors for step in before if step.name == "xrd.integrate"][-1:]
        if sectors and sectors[0] < LEAST:
            raise JobError(f"{sectors[0]} sectors are too few; write `sectors: 36` in xrd.integrate")

    def run(self, run):
        """Maps texture_d3.124A, direction_d3.124A ... with errors. Errors: JobError."""
        peaks, errors = (in_memory(run.team, run.data[name]) for name in ("peaks", "peaks_errors"))
        if "azimuth" not in peaks.axes or peaks.size("azimuth") < LEAST:
            raise JobError(
                f"{self.name}: it needs {LEAST} sectors or more; write `sectors: 36` in xrd.integrate"
            )
        chi = np.deg2rad(np.asarray(peaks.coords["azimuth"][0]))
        made = harmonic(chi, peaks.values[..., AREA], errors.values[..., AREA])
        axes, names = (*peaks.axes[:-3], "peak"), peaks.coords["peak"][0]
        for key, own, off, unit in (("texture", *made[:2], ""), ("direction", *made[2:], "deg")):
            giving(run, f"{key}s", own, peaks, axes, unit, key)
            giving(run, f"{key}s_errors", off, peaks, axes, unit, key)
            named(run, f"{key}s", [f"{key}_{k}" for k in names], unit=unit, errors=f"{key}s_errors")


def sector_means(chi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """cos 2chi and sin 2chi, averaged over sectors of equal width about chi (n,) rad, which fill the
    circle."""
    part = np.sinc(2 / len(chi))  # sin(x) / x of twice the half width
    return part * np.cos(2 * chi), part * np.sin(2 * chi)


def harmonic(chi: np.ndarray, area: np.ndarray, error: np.ndarray):
    """(t, its error, direction in deg, its error) along axis -2 of areas (..., sector, peak)."""
    columns = np.stack([np.ones_like(chi), *sector_means(chi)], -1)
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = np.where(np.isfinite(area) & (error > 0), 1 / error**2, 0)
        normal = np.einsum("...cp,ci,cj->...pij", weight, columns, columns)
        right = np.einsum("...cp,ci->...pi", np.where(weight > 0, weight * area, 0), columns)
        inverse = np.linalg.pinv(normal, hermitian=True)
        mean, c, s = np.moveaxis(np.einsum("...ij,...j->...i", inverse, right), -1, 0)
        own = np.hypot(c, s)
        spread = (
            c * c * inverse[..., 1, 1] + s * s * inverse[..., 2, 2] + 2 * c * s * inverse[..., 1, 2]
        ) / own**2
        across = (
            s * s * inverse[..., 1, 1] + c * c * inverse[..., 2, 2] - 2 * c * s * inverse[..., 1, 2]
        ) / own**2
        found = (
            own / mean,
            np.sqrt(spread) / mean,
            np.rad2deg(np.arctan2(s, c) / 2),
            np.rad2deg(np.sqrt(across) / own / 2),
        )
    told = (weight > 0).sum(-2) >= LEAST
    return tuple(np.where(told, values, np.nan) for values in found)
