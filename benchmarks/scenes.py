"""Random scans with known truth, by seed: images, probes, sizes, steps and counts are drawn; NumPy alone.

    write(make(draw(7, photons=1e5)), "scan.cxi")      # seed 7, but for what is given

Matter retards: where the amplitude of the object falls its phase falls, too, as with waves exp(+ikz) and a
detector that sees F = sum psi exp(-2 pi i k r). What can be wrong with such a scan: faults.py.
"""

from dataclasses import dataclass

import numpy as np

from nanompi.data.source import Source, check_index
from nanompi.methods.ptycho.read import scene as shapes
from nanompi.methods.ptycho.read.export import write as export
from nanompi.methods.ptycho.read.simulate import intensity, object_pixel
from nanompi.methods.ptycho.scan import Scan

WAVELENGTH, DISTANCE, PIXEL = 1.5498e-10, 2.0, 55e-6  # m: 8 keV
FOCUS = 3e-3  # m, of a near field


@dataclass(frozen=True)
class Drawn:
    """What a scan is made of.

    n, frames : side of a frame in px, their number; step : in sides of a frame; photons : mean of a frame
    phase, absorbed : largest phase (rad) and -log of the amplitude; mixed : part of the absorption that has
        another image than the phase
    radius, stop : of the lens on the detector in sides of a frame, and its central stop in parts of that;
    width : diameter of the beam at the sample in sides of a frame; sign : of the curvature; aberration : rad
    modes : powers of the modes, 1 in all; fluctuation : rms of the flux; background : counts in each pixel
    subpixel : positions between pixels; near : the near field of a diffuser in place of a lens' far field
    """

    seed: int
    n: int = 64
    frames: int = 200
    step: float = 0.11
    photons: float = 3e5
    phase: float = 1.0
    absorbed: float = 0.3
    mixed: float = 0.3
    radius: float = 0.14
    stop: float = 0.35
    width: float = 0.34
    sign: int = 1
    aberration: float = 0.0
    modes: tuple[float, ...] = (1.0,)
    fluctuation: float = 0.0
    background: float = 0.0
    raster: bool = False
    subpixel: bool = False
    near: bool = False


@dataclass
class Scene:
    """A scan and what is true of it; a fault changes what the first five say.

    counts : (n, h, w), zero frequency in the middle; corners : (n, 2) px, where the file says that they lie
    distance, wavelength : m, as the file says; mask : (h, w) bool, True = good, or None
    O, P   : (H, W), (M, h, w) complex64 of photons, the truth; true : (n, 2) px, corners of the frames in O
    flux   : (n,), of each frame, 1 on the mean
    """

    counts: np.ndarray
    corners: np.ndarray
    O: np.ndarray
    P: np.ndarray
    true: np.ndarray
    flux: np.ndarray
    made: Drawn
    distance: float = DISTANCE
    wavelength: float = WAVELENGTH
    mask: np.ndarray | None = None

    @property
    def positions(self) -> np.ndarray:
        """(n, 2) m, as the file says"""
        return self.corners * pixel_of(self.made)

    def scan(self) -> Scan:
        """As a reader would give it, with the truth on its own grid."""
        pixel = np.full(2, pixel_of(self.made))
        truth = {"object": self.O, "probe": self.P, "corners": self.true}
        return Scan(
            source=Held(self.counts),
            positions=self.positions,
            wavelength=self.wavelength,
            distance=self.distance,
            pixel=(PIXEL, PIXEL),
            focus=FOCUS if self.made.near else None,
            mask=self.mask,
            file="scene",
            format="scene",
            truth={**truth, "pixel_size": pixel, "frame_shape": np.full(2, self.made.n)},
        )


@dataclass
class Held(Source):
    """Frames (n, h, w) in memory."""

    frames: np.ndarray

    def __post_init__(self):
        self.shape, self.dtype = self.frames.shape, self.frames.dtype

    def read(self, index, threads: int = 1) -> np.ndarray:
        """Frames `index`: (len(index), h, w)."""
        return np.ascontiguousarray(self.frames[check_index(index, len(self.frames), "scene")])


def write(scene: Scene, path) -> None:
    """The scan in a new CXI file, with its truth. Errors: OSError."""
    export(scene.scan(), path)


def draw(seed: int, **given) -> Drawn:
    """What scan `seed` is made of, but for what is given."""
    r = np.random.default_rng([seed, 77])
    drawn = {
        "frames": int(r.integers(120, 260)), "step": r.uniform(0.08, 0.13),
        "photons": 10 ** r.uniform(5, 6.3), "phase": r.uniform(0.4, 1.8),
        "absorbed": r.uniform(0.1, 0.5), "mixed": r.uniform(0, 0.5),
        "radius": r.uniform(0.11, 0.18), "stop": r.uniform(0.15, 0.45), "width": r.uniform(0.26, 0.4),
        "sign": int(r.choice([-1, 1])), "aberration": r.uniform(0, 1), "subpixel": bool(r.integers(2)),
        "raster": bool(r.integers(2)),
    }  # fmt: skip
    return Drawn(seed, **(drawn | given))


def make(drawn: Drawn) -> Scene:
    """The scan: Poisson counts of each frame, uint16 where they fit, else uint32."""
    rng, n = np.random.default_rng([drawn.seed, 5]), drawn.n
    corners = corners_of(drawn, rng)
    shape = tuple(int(v) for v in np.ceil(corners.max(0)) + n + shapes.MARGIN)
    O = object_of(drawn, shape, rng)
    P = np.array([1], np.complex64) * (near_probe(drawn, rng) if drawn.near else lens(drawn))
    lit = np.mean(np.abs(O[n // 3 : -n // 3, n // 3 : -n // 3]) ** 2)
    P = (P * np.sqrt(drawn.photons / lit)).astype(np.complex64)
    flux = np.maximum(0.05, 1 + drawn.fluctuation * rng.standard_normal(drawn.frames))
    flux /= flux.mean()
    _, transfer = object_pixel(n, WAVELENGTH, DISTANCE, PIXEL, FOCUS if drawn.near else None)
    means = np.array([frame(O, P, corner, transfer) for corner in corners])
    counts = rng.poisson(means * flux[:, None, None] + drawn.background)
    return Scene(whole(counts), corners, O, P, corners, flux, drawn)


def whole(counts: np.ndarray) -> np.ndarray:
    """Counts in the smallest dtype of a detector."""
    return counts.astype(np.uint16 if counts.max() < 60_000 else np.uint32)


def pixel_of(drawn: Drawn) -> float:
    """m, pixel of the object."""
    return object_pixel(drawn.n, WAVELENGTH, DISTANCE, PIXEL, FOCUS if drawn.near else None)[0]


def corners_of(drawn: Drawn, rng) -> np.ndarray:
    """(n, 2) px, corners of the frames in the object, the least ones whole; all where positions are, and in
    near fields."""
    step = drawn.step * drawn.n
    points = shapes.raster(drawn.frames, step, rng) if drawn.raster else shapes.spiral(drawn.frames, step)
    points = points if drawn.subpixel and not drawn.near else np.rint(points)
    return points - points.min(0) + shapes.MARGIN


def frame(O, P, corner, transfer) -> np.ndarray:
    """(h, w) mean counts at a corner."""
    y, x = np.rint(corner).astype(int)
    rest, (h, w) = corner - [y, x], P.shape[1:]
    beam = shapes.shifted(P, rest) if rest.any() else P
    return intensity(beam * O[y : y + h, x : x + w], transfer).astype(float)


def object_of(drawn: Drawn, shape, rng) -> np.ndarray:
    """(H, W) complex64: an image in the phase, and it with another one in the absorption."""
    one, two = image(shape, rng), image(shape, rng)
    absorbed = drawn.absorbed * ((1 - drawn.mixed) * one + drawn.mixed * two)
    return np.exp(-absorbed - 1j * drawn.phase * one).astype(np.complex64)


def image(shape, rng) -> np.ndarray:
    """(H, W) in 0..1, of one of four kinds."""
    return (noise, star, balls, islands)[rng.integers(4)](shape, rng)


def noise(shape, rng) -> np.ndarray:
    """Clouds of three sizes."""
    return sum(shapes.smooth_noise(shape, width, rng) for width in (2.0, 5.0, 12.0)) / 3


def star(shape, rng) -> np.ndarray:
    """A Siemens star over clouds."""
    spokes = int(rng.integers(16, 40))
    return 0.7 * shapes.siemens_star(shape, spokes) + 0.3 * shapes.smooth_noise(shape, 4.0, rng)


def balls(shape, rng, many: int = 60) -> np.ndarray:
    """Balls of many sizes, some behind others, over fine clouds."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    out = np.zeros(shape)
    for row, column, size in zip(rng.random(many) * shape[0], rng.random(many) * shape[1],
                                 rng.uniform(3, 14, many)):  # fmt: skip
        out += np.sqrt(np.maximum(size**2 - (y - row) ** 2 - (x - column) ** 2, 0)) / 14
    return 0.8 * np.tanh(out) + 0.2 * shapes.smooth_noise(shape, 2.0, rng)


def islands(shape, rng) -> np.ndarray:
    """Two levels with edges of a pixel, and a texture."""
    level = shapes.soft(12 * (shapes.smooth_noise(shape, rng.uniform(3, 7), rng) - 0.5))
    return 0.7 * level + 0.3 * shapes.smooth_noise(shape, 1.5, rng)


def lens(drawn: Drawn) -> np.ndarray:
    """(M, n, n): a lens with a central stop, out of focus, with astigmatism and a threefold aberration.

    Further modes are the first one times powers of row and column, as vibration makes them.
    """
    n, R = drawn.n, drawn.radius * drawn.n
    k = np.arange(n) - n // 2
    far = np.hypot(k[:, None], k)
    donut = shapes.soft((R - far) / 1.5) * shapes.soft((far - drawn.stop * R) / 1.5)
    curved = drawn.sign * (drawn.width * n / 2) * np.pi / (n * R) * far**2
    y, x = k[:, None] / R, k / R
    bent = drawn.aberration * (y**2 - x**2 + 0.7 * (y**3 - 3 * y * x**2))
    wave = np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(donut * np.exp(1j * (curved + bent)))))
    side, out = np.linspace(-1, 1, n), []
    for m in range(len(drawn.modes)):
        mode = wave * (side if m % 2 else side[:, None]) ** ((m + 1) // 2)
        for other in out:
            mode = mode - other * np.vdot(other, mode)
        out.append(mode / np.linalg.norm(mode))
    return np.array(out) * np.sqrt(drawn.modes)[:, None, None]


def near_probe(drawn: Drawn, rng) -> np.ndarray:
    """(1, n, n): a wide beam with the structure of a diffuser, of one photon."""
    return shapes.diffuse_probe(drawn.n, 1.0, rng)
