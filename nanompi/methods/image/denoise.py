"""The step `image.denoise`: maps with less noise, beside those that were measured.

Counts are made of even noise by the transform of Anscombe (1948, doi:10.1093/biomet/35.3-4.246),
z = 2 sqrt(y + 3/8), and come back by the closed form of its unbiased inverse (Makitalo & Foi 2011, eq. 4,
doi:10.1109/TIP.2011.2121085). Non-local means: Buades, Coll & Morel (2005, doi:10.1109/CVPR.2005.38); total
variation: Chambolle (2004, doi:10.1023/B:JMIV.0000011325.36760.1e); wavelets: Chang, Yu & Vetterli (2000,
doi:10.1109/83.862633); all by scikit-image.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np

from nanompi.data.data import Data
from nanompi.data.respread import fitting
from nanompi.errors import DataError, JobError, ResourceError, nearest
from nanompi.step import param, step

IMAGE = ("y", "x")
ERRORS, MARK = "_errors", "_denoised"
SOURCES = {
    "nlm": ("10.1109/CVPR.2005.38",),
    "tv": ("10.1023/B:JMIV.0000011325.36760.1e",),
    "wavelet": ("10.1109/83.862633",),
}
LIBRARIES = {"nlm": "scikit-image", "tv": "scikit-image", "wavelet": "scikit-image and PyWavelets"}
SHOWN = 12  # names in a message
COUNTS = ("10.1093/biomet/35.3-4.246", "10.1109/TIP.2011.2121085")
LEAST = 2 * np.sqrt(3 / 8)  # Anscombe's transform of no counts


@step("image.denoise")
class Denoise:
    r"""Maps with less noise, written beside the fitted ones, whose sums and errors stay what they are.

    .. math::

        z = 2 \sqrt{y + 3/8}

    makes the noise of counts y even; z is smoothed and goes back by the unbiased inverse.

    Unit: as its input.

    Source: doi:10.1093/biomet/35.3-4.246 doi:10.1109/TIP.2011.2121085; non-local means
    doi:10.1109/CVPR.2005.38; total variation doi:10.1023/B:JMIV.0000011325.36760.1e; wavelets
    doi:10.1109/83.862633

    Example::

        - xrf.fit
        - {use: image.denoise, method: tv}
    """

    works_on = "maps that a step before it gives"
    method: Literal["nlm", "tv", "wavelet", "median", "gaussian"] = param(
        "nlm",
        level="basic",
        help="non-local means, total variation, wavelets (scikit-image), median or Gauss of 3 points",
    )
    maps: list[str] = param([], help="names of the maps; all that steps gave if none are named")
    counts: bool | Literal["auto"] = param(
        "auto", help="do they hold counts, of which large ones are noisier? auto goes by their unit"
    )
    strength: float = param(1.0, gt=0, le=10, help="how much is smoothed; 1 as is right for the noise")

    def sources(self) -> list:
        """Where the papers are named that stand behind these parameters (`nanompi.papers`)."""
        return [*SOURCES.get(self.method, ()), *COUNTS * (self.counts is not False)]

    def check(self, data):
        """Errors: ResourceError where the method's library is not installed."""
        if self.method in LIBRARIES:
            _library(self.method)

    def check_maps(self, known: list[str]):
        """Errors: JobError for a map that the steps before it never give."""
        for name in self.maps:
            self._must_be(name, known)

    def fits(self, known: dict, sure: bool):
        """Errors: DataError where steps give no maps, and nothing of which there may be some by name."""
        some = [axes for name, axes in known.items() if name != "data" or axes is None]
        if sure and not any(axes is None or axes[:2] == IMAGE or "point" in axes for axes in some):
            raise self._no_maps()

    def _no_maps(self) -> DataError:
        return DataError(f"{self.name}: no step before it gave a map with the axes y and x")

    def run(self, run):
        """NAME_denoised of each map, on every rank. Errors: DataError, JobError, ResourceError."""
        names = self._names(run)
        for name in names:
            data = run.data[name]
            every = fitting(run.team, data, data.axes).values
            counts = data.unit == "counts" if self.counts == "auto" else self.counts
            image = run.team.on_root(lambda v=every, c=counts: self._denoised(v, c))
            title = f"{data.title or name}, {self.method}"
            run.data[name + MARK] = Data(
                axes=IMAGE, values=image, coords=data.coords, unit=data.unit, title=title
            )
            run.given[name + MARK] = None
        run.say(f"{self.name}: {', '.join(names)} by {self.method}")

    def _names(self, run) -> list[str]:
        known = [
            name for name in run.given
            if run.data[name].axes == IMAGE and not name.endswith((ERRORS, MARK))
        ]  # fmt: skip
        for name in self.maps:
            self._must_be(name, known)
        if not known:
            raise self._no_maps()
        return self.maps or known

    def _must_be(self, name: str, known: list[str]) -> None:
        if name not in known:
            some = ", ".join(known[:SHOWN]) + " ..." * (len(known) > SHOWN)
            raise JobError(
                f'{self.name}.maps: "{name}" is no map of the steps before; there are '
                f"{some or 'none'}{nearest(name, known)}"
            )

    def _denoised(self, image: np.ndarray, counts: bool) -> np.ndarray:
        """(H, W) float32; gaps stay gaps"""
        gaps = ~np.isfinite(image)
        full = filled(image.astype(float), gaps)
        if counts:
            out = uncounted(self._smooth(2 * np.sqrt(np.maximum(full, 0) + 3 / 8), 1.0))
        else:
            out = self._smooth(full, noise_of(full))
        out = np.array(out).reshape(image.shape)  # of one pixel some methods make a number
        out[gaps] = np.nan
        return out.astype(np.float32)

    def _smooth(self, image: np.ndarray, sigma: float) -> np.ndarray:
        """image : with even noise of this standard deviation"""
        if self.method in ("median", "gaussian"):
            from scipy import ndimage

            median, width = self.method == "median", 0.8 * self.strength
            return ndimage.median_filter(image, 3) if median else ndimage.gaussian_filter(image, width)
        return _restored(self.method, self.strength)(image / max(sigma, 1e-30)) * sigma


def _library(method: str):
    """The module with the methods. Errors: ResourceError where it, or what it needs, is not installed."""
    try:
        from skimage import restoration

        if method == "wavelet":
            import pywt  # noqa: F401
    except ImportError as error:
        raise ResourceError(
            f'image.denoise: method {method} needs {LIBRARIES[method]}: pip install "nanompi[image]"; median '
            "and gaussian need nothing"
        ) from error
    return restoration


def _restored(method: str, strength: float) -> Callable:
    """image of noise 1 -> the same with less. Errors: ResourceError where scikit-image is not installed."""
    restoration = _library(method)
    if method == "tv":
        return lambda a: restoration.denoise_tv_chambolle(a, weight=strength)
    if method == "wavelet":
        return lambda a: restoration.denoise_wavelet(
            a, sigma=strength, wavelet="db2", method="BayesShrink", rescale_sigma=False
        )
    return lambda a: restoration.denoise_nl_means(
        a, patch_size=5, patch_distance=6, h=0.7 * strength, sigma=1, fast_mode=True
    )


def uncounted(z: np.ndarray) -> np.ndarray:
    """Counts from means of Anscombe's transform, without bias. Below that of no counts the form explodes."""
    z = np.maximum(z, LEAST)
    root = np.sqrt(1.5)
    return np.maximum(z**2 / 4 + root / (4 * z) - 11 / (8 * z**2) + 5 * root / (8 * z**3) - 1 / 8, 0)


def noise_of(image: np.ndarray) -> float:
    """Standard deviation of noise that is even and white, from second differences of neighbours.

    Immerkaer (1996, doi:10.1006/cviu.1996.0060), with a median in place of the mean: edges are few.
    """
    from scipy.ndimage import convolve

    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]]) / 6
    return float(np.median(abs(convolve(image, kernel, mode="reflect"))) / 0.6745)


def filled(image: np.ndarray, gaps: np.ndarray) -> np.ndarray:
    """Gaps with the value of the nearest point that has one."""
    from scipy.ndimage import distance_transform_edt

    if not gaps.any() or gaps.all():
        return np.nan_to_num(image)
    nearest_known = distance_transform_edt(gaps, return_distances=False, return_indices=True)
    return image[tuple(nearest_known)]
