"""A scan without a file: a Siemens star under a focused probe, with Poisson counts and the exact truth.

    input:
      simulate: {frames: 400, size: 128, photons: 1e6, energy: 8 keV}

With `sample: balls` it is one projection of a tomogram: soft balls (`balls`), turned by the `angle` of the
input section, and displaced by `jitter`. With `sample: species` it is one image of a XANES stack (`species`),
at the `energy` of the input section; that of `simulate` is where its places are counted in pixels.

Far field, frames in natural order: the mean counts are sum over modes |fftshift fft2(P_m(r) O(r +
position))|^2 with the unitary transform of kernel exp(-2 pi i k r). The pixel of the object is wavelength *
distance / (size * pixel). Each frame has its own random numbers, so that any rank can make any frame and
the data do not depend on the ranks. No start probe is supplied: the program has to find it.

With `focus` in the input section the beam diverges from a focus before the sample (near field): the pixel of
the object is pixel / M, M = (focus + distance) / focus, and the waves go on over z = distance / M,
mean = |F^-1 exp(-i pi wavelength z q^2) F psi|^2 (Fresnel scaling).
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nanompi.data.source import Source, check_index, of_counts
from nanompi.errors import JobError
from nanompi.io.quantities import EV, HC, given_energy
from nanompi.methods.ptycho.read import scene
from nanompi.methods.ptycho.read.balls import Balls
from nanompi.methods.ptycho.read.flaws import FLAWLESS, Flaws
from nanompi.methods.ptycho.scan import GIVES, STEPS, Scan
from nanompi.optics.geometry import Geometry
from nanompi.run.reading import Input
from nanompi.step import param, reader, section

ABSORBED = 0.05  # of the phase of the balls: -log of the amplitude


@section
class Simulation:
    """What is simulated."""

    frames: int = param(400, ge=1, le=10_000_000, level="basic", help="how many frames")
    size: int = param(128, ge=16, le=16384, unit="px", level="basic", help="rows and columns of a frame")
    photons: float = param(1e6, gt=0, le=1e15, level="basic", help="mean counts of a frame")
    energy: float = param(8e3 * EV, unit="J", bare="keV", gt=0, help="photon energy")
    distance: float = param(2.0, unit="m", gt=0, help="from the sample to the detector")
    pixel: float = param(55e-6, unit="m", gt=0, help="detector pixel size")
    scan: Literal["spiral", "raster"] = param("spiral", help="Fermat spiral, or a raster with jitter")
    step: float | None = param(
        None, unit="px", ge=0.01, le=16384, help="distance of the points; 0.11 of the size if not given"
    )
    subpixel: bool = param(False, help="positions between the pixels; otherwise on whole pixels")
    modes: int = param(1, ge=1, le=10, level="basic", help="modes of the probe (partial coherence)")
    sample: Literal["star", "balls", "species"] = param(
        "star",
        help="a flat Siemens star; balls in three dimensions; balls of two species of iron, near its edge",
    )
    jitter: float = param(
        0.0, unit="px", ge=0, le=16384, help="rms displacement of the balls, of each angle or energy its own"
    )
    phase: float = param(
        1.0, unit="rad", gt=0, le=1000, help="by how much the object lowers the phase at most"
    )
    flux: float = param(0.0, ge=0, le=10, help="rms of the intensity of each frame about its mean")
    background: float = param(0.0, ge=0, le=1e9, help="counts from elsewhere in each pixel of each frame")
    misplaced: float = param(0.0, unit="px", ge=0, le=16384, help="rms error of each position that is told")
    empty: float = param(0.0, ge=0, lt=1, help="part of the frames that a shutter kept dark")
    orientation: int = param(
        0, ge=0, le=7, help="of the stored frames, 4 * transposed + 2 * upside down + 1 * mirrored"
    )
    walk: float = param(
        0.0, ge=0, le=1, help="how far the beam walks over its lens during the scan, in radii of its light"
    )
    noise: bool = param(True, help="Poisson counts; otherwise the exact intensities in float32")
    seed: int = param(1, ge=0, help="another number gives another texture, jitter and noise")


@reader("simulate", gives=GIVES, steps=STEPS)
class Simulate:
    """A simulated scan with its exact truth, by `simulate:`."""

    simulate: Simulation = param(Simulation(), level="basic", help="what is simulated")

    def open(self, file: str, given: Input) -> Scan:
        """Object, probe and positions; the frames are made when they are read. Errors: JobError."""
        s = self.simulate
        wavelength = given.wavelength or (given_energy(given.energy or s.energy))
        distance, pixel = given.known_distance or s.distance, given.pixel or s.pixel
        corners = corners_of(s)
        rng = np.random.default_rng([s.seed, 0])
        size, transfer = object_pixel(s.size, wavelength, distance, pixel, given.focus)
        shape = tuple(int(v) for v in np.ceil(corners.max(0)) + s.size + scene.MARGIN)
        known = np.array(np.nan)
        if s.sample == "star":
            known = scene.make_object(shape, s.phase, rng)
        elif field_of(s, shape) >= 1:
            balls = s.sample == "balls"
            known = ball_image(s, shape, given) if balls else species_image(s, shape, wavelength)
        if not np.isfinite(known).all():
            raise JobError(
                f"simulate.sample: {s.sample}: {s.frames} frames scan no field that has a sample; give more"
            )
        if given.focus and s.modes > 1:
            raise JobError("simulate.modes: a near-field scan (with `focus`) is simulated with one mode only")
        power = s.photons / transmission(known, corners, s.size)
        if given.focus:
            probe = scene.diffuse_probe(s.size, power, rng)
        else:
            probe = scene.make_probe(s.size, s.modes, power)
        middle = (corners.max(0) + corners.min(0)) / 2
        return Scan(
            source=SimulatedFrames.of(known, probe, corners, transfer, s),
            positions=(flaws_of(s).told(corners, s.seed) - middle) * size,
            wavelength=wavelength,
            distance=distance,
            pixel=(pixel, pixel),
            focus=given.focus,
            file="simulation",
            format="simulate",
            truth={"object": known, "probe": probe, "corners": corners},
            notes=[f"simulated: {s.frames} frames of {s.size} x {s.size}, {s.photons:.3g} counts each, "
                   f"object {shape[0]} x {shape[1]}, energy {HC / wavelength / EV / 1e3:.6g} keV"],
        )  # fmt: skip


def flaws_of(s: Simulation) -> Flaws:
    """What is wrong with the scan."""
    return Flaws(s.flux, s.background, s.misplaced, s.empty, s.orientation, s.walk)


def ball_image(s: Simulation, shape: tuple[int, int], given: Input) -> np.ndarray:
    """(rows, columns) complex64: the balls at the angle of the job, as far as they are scanned; matter lowers
    phase and amplitude."""
    angle = given.angle or 0.0
    balls = Balls.of(field_of(s, shape), s.seed)
    largest = balls.projection(0.0, shape).max()
    shift = displaced(s, angle * 1e6)
    lines = balls.projection(angle, shape, *shift) * (s.phase / largest)
    return np.exp(-(1j + ABSORBED) * lines).astype(np.complex64)


def field_of(s: Simulation, shape: tuple[int, int]) -> int:
    """px, of the part of the object that is well scanned."""
    return min(shape) - s.size - 2 * scene.MARGIN


def displaced(s: Simulation, by: float) -> np.ndarray:
    """(2,) px down and to the right, of an angle or an energy."""
    return np.random.default_rng([s.seed, 8, round(by) % 2**32]).normal(0, 1, 2) * s.jitter


def species_image(s: Simulation, shape: tuple[int, int], wavelength: float) -> np.ndarray:
    """(rows, columns) complex64: the species at an energy, whose pixels grow with the wavelength."""
    from nanompi.methods.ptycho.read import species

    energy = HC / wavelength
    finer, shift = s.energy / energy, displaced(s, energy / EV * 1e3)
    parts = species.amounts(field_of(s, shape), s.seed, shape, finer, shift)
    return species.wave(parts, energy, s.phase)


def object_pixel(n: int, wavelength: float, distance: float, pixel: float, focus: float | None):
    """(size of an object pixel in m, transfer function or None for the far field). Errors: JobError."""
    if focus and focus < 0:
        raise JobError("input.focus: only a focus before the sample can be simulated; give a positive one")
    optics = Geometry(wavelength, distance, (pixel, pixel), (n, n), focus or None)
    size = optics.pixel[0]
    return size, scene.fresnel(n, size, wavelength, optics.effective_distance) if focus else None


def corners_of(s: Simulation) -> np.ndarray:
    """(n, 2) float64 px: the place of each frame's corner in the object."""
    step = s.step or 0.11 * s.size
    places = scene.spiral(s.frames, step)
    if s.scan == "raster":
        places = scene.raster(s.frames, step, np.random.default_rng([s.seed, 1]))
    places = places if s.subpixel else np.rint(places)
    return places - np.floor(places.min(0)) + scene.MARGIN


def transmission(known: np.ndarray, corners: np.ndarray, size: int) -> float:
    """Mean |O|^2 of the scanned part of the object, so that frames have the counts that were asked for."""
    low, high = np.floor(corners.min(0)).astype(int), np.ceil(corners.max(0)).astype(int) + size
    quarter = size // 4
    part = known[low[0] + quarter : high[0] - quarter, low[1] + quarter : high[1] - quarter]
    return float(np.mean(np.abs(part) ** 2))


@dataclass
class SimulatedFrames(Source):
    """Frames made when they are read.

    known : (H, W) complex64 object; probe : (modes, h, w) complex64; corners : (n, 2) float64 px
    transfer : (h, w) complex64 of the near field, None in the far field
    """

    known: np.ndarray
    probe: np.ndarray
    corners: np.ndarray
    transfer: np.ndarray | None
    seed: int
    shape: tuple[int, int, int]
    dtype: np.dtype
    flaws: Flaws = FLAWLESS
    chunk: int = 1

    @classmethod
    def of(cls, known, probe, corners, transfer, s: Simulation) -> "SimulatedFrames":
        """uint16 counts, uint32 where the brightest pixel would not fit, float32 without noise."""
        brightest = (
            float(intensity(probe, transfer).max()) * (1 + 4 * s.flux) * (1 + s.walk) ** 2 + s.background
        )
        shape, dtype = (len(corners), s.size, s.size), of_counts(brightest, s.noise)
        return cls(known, probe, corners, transfer, s.seed, shape, dtype, flaws_of(s))

    def read(self, index, threads: int = 1) -> np.ndarray:
        """Frames `index`: (len(index), size, size)."""
        index = check_index(index, self.shape[0], "simulation")
        out = np.empty((len(index), *self.shape[1:]), self.dtype)

        def make(k):
            out[k] = self.frame(int(index[k]))

        if threads <= 1:
            for k in range(len(index)):
                make(k)
            return out
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(make, range(len(index))))
        return out

    def frame(self, i: int) -> np.ndarray:
        """Counts of frame `i`; the same on every rank."""
        corner = np.rint(self.corners[i]).astype(int)
        rest = self.corners[i] - corner
        y, x = corner
        h, w = self.shape[1:]
        probe = self.flaws.probe(self.probe, i / len(self.corners))
        probe = scene.shifted(probe, rest) if rest.any() else probe
        mean = intensity(probe * self.known[y : y + h, x : x + w], self.transfer)
        if self.flaws != FLAWLESS:
            mean = self.flaws.stored(self.flaws.light(mean, i, self.seed))
        if self.dtype.kind == "f":
            return mean
        counts = np.random.default_rng([self.seed, 2, i]).poisson(mean.astype(float))
        return np.minimum(counts, np.iinfo(self.dtype).max)


def intensity(psi: np.ndarray, transfer: np.ndarray | None) -> np.ndarray:
    """(h, w) float32 on the detector of exit waves (modes, h, w); zero frequency at h // 2."""
    from scipy import fft

    waves = fft.fft2(psi.astype(np.complex64, copy=False), norm="ortho")
    if transfer is None:
        return np.fft.fftshift((waves.real**2 + waves.imag**2).sum(0))
    waves = fft.ifft2(waves * transfer, norm="ortho")
    return (waves.real**2 + waves.imag**2).sum(0)
