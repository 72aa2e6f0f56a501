"""Object, probe and scan positions of a simulation; NumPy only, the same for the same seed."""

import numpy as np

GOLDEN = np.deg2rad(137.50776405)
MARGIN = 8  # pixels of object around the outermost frames


def smooth_noise(shape: tuple[int, int], width: float, rng: np.random.Generator) -> np.ndarray:
    """(rows, columns) in 0..1: white noise blurred by a Gaussian of `width` pixels."""
    fy, fx = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None]
    blur = np.exp(-2 * (np.pi * width) ** 2 * (fy**2 + fx**2))
    noise = np.fft.irfft2(np.fft.rfft2(rng.standard_normal(shape)) * blur, shape)
    return 0.5 + 0.5 * np.tanh((noise - noise.mean()) / (1.5 * noise.std()))


def soft(x: np.ndarray) -> np.ndarray:
    """A step from 0 to 1 over about two pixels."""
    return 0.5 * (1 + np.tanh(x))


def siemens_star(shape: tuple[int, int], spokes: int = 36) -> np.ndarray:
    """(rows, columns) in 0..1.

    Spokes broken by rings, edges soft over a pixel so that the pixels resolve them.
    """
    y, x = np.ogrid[: shape[0], : shape[1]]
    y, x = y - shape[0] / 2, x - shape[1] / 2
    r, angle = np.hypot(y, x) + 1e-6, np.arctan2(y, x)
    arc = r * np.sin(spokes * angle) * 2 / spokes  # distance from a spoke's edge in pixels, near the edge
    largest = 0.48 * min(shape)
    rings = np.ones(shape)
    for share in (0.2, 0.4, 0.6, 0.8):
        rings = rings * soft(np.abs(r - share * largest) - 0.012 * largest)
    return soft(arc) * rings * soft(r - 2) * soft(largest - r)


def make_object(shape: tuple[int, int], phase: float, rng: np.random.Generator) -> np.ndarray:
    """(rows, columns) complex64, amplitude 0.6..1, phase -`phase`..0 rad.

    A Siemens star on a smooth texture. Where there is more matter, phase and amplitude are lower, as behind
    matter of n = 1 - delta + i beta with waves exp(i k z).
    """
    star = siemens_star(shape)
    fine, coarse, other = (smooth_noise(shape, w, rng) for w in (2.0, 8.0, 4.0))
    amplitude = 1 - 0.4 * (0.6 * star + 0.25 * fine + 0.15 * coarse)
    angle = -phase * (0.6 * star + 0.2 * coarse + 0.2 * other)
    return (amplitude * np.exp(1j * angle)).astype(np.complex64)


def focused_probe(size: int, aperture: float, diameter: float) -> np.ndarray:
    """(size, size) complex: what a zone plate with a central stop throws onto the sample out of focus.

    aperture : radius of the donut in detector pixels; the stop has 0.35 of it
    diameter : of the defocused spot in pixels of the object
    """
    k = np.arange(size) - size // 2
    kk = np.hypot(k[:, None], k[None])
    donut = soft((aperture - kk) / 1.5) * soft((kk - 0.35 * aperture) / 1.5)
    # a curvature c k^2 puts the ray of spatial frequency k / n at the place c k n / pi
    curvature = (diameter / 2) * np.pi / (size * aperture)
    wave = donut * np.exp(1j * curvature * kk**2)
    return np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(wave), norm="ortho"))


def make_probe(size: int, modes: int, photons: float) -> np.ndarray:
    """(modes, size, size) complex64, orthogonal, `photons` in all, each mode a third of the one before.

    The higher modes are the first one times powers of the row and column, as vibration makes them.
    """
    first = focused_probe(size, 0.14 * size, 0.34 * size)
    y, x = (np.arange(size) - size / 2)[:, None] / size, (np.arange(size) - size / 2)[None] / size
    found: list[np.ndarray] = []
    for k in range(modes):
        mode = first * (x if k % 2 else y) ** ((k + 1) // 2)
        for other in found:
            mode = mode - other * np.vdot(other, mode)
        found.append(mode / np.linalg.norm(mode))
    power = 3.0 ** -np.arange(modes)
    return (np.array(found) * np.sqrt(photons * power / power.sum())[:, None, None]).astype(np.complex64)


def diffuse_probe(size: int, photons: float, rng: np.random.Generator) -> np.ndarray:
    """(1, size, size) complex64: a wide beam with the structure of a diffuser, for near fields."""
    k = np.arange(size) - size / 2
    window = soft((0.4 * size - np.hypot(k[:, None], k[None])) / (0.03 * size))
    texture = smooth_noise((size, size), 2.5, rng)
    wave = window * (0.7 + 0.3 * smooth_noise((size, size), 4.0, rng)) * np.exp(4j * texture)
    return (wave * np.sqrt(photons / np.sum(np.abs(wave) ** 2))).astype(np.complex64)[None]


def fresnel(size: int, pixel: float, wavelength: float, distance: float) -> np.ndarray:
    """(size, size) complex64: exp(-i pi lambda z q^2), free space between two planes."""
    q = np.fft.fftfreq(size, pixel)
    return np.exp(-1j * np.pi * wavelength * distance * (q[:, None] ** 2 + q**2)).astype(np.complex64)


def spiral(n: int, step: float) -> np.ndarray:
    """(n, 2) px: a Fermat spiral, one point per step^2."""
    i = np.arange(n)
    r = step / np.sqrt(np.pi) * np.sqrt(i)
    return np.stack([r * np.sin(i * GOLDEN), r * np.cos(i * GOLDEN)], 1)


def raster(n: int, step: float, rng: np.random.Generator) -> np.ndarray:
    """(n, 2) px.

    Rows of a square grid, each point off by up to 0.3 steps so that no grid shows in the image.
    """
    across = int(np.ceil(np.sqrt(n)))
    i = np.arange(n)
    grid = np.stack([i // across, i % across], 1) * step
    return grid + step * rng.uniform(-0.3, 0.3, (n, 2))


def shifted(probe: np.ndarray, by: np.ndarray) -> np.ndarray:
    """The probe (..., h, w) moved by (rows, columns) pixels, by a Fourier shift."""
    fy = np.fft.fftfreq(probe.shape[-2])[:, None]
    fx = np.fft.fftfreq(probe.shape[-1])[None]
    ramp = np.exp(-2j * np.pi * (fy * by[0] + fx * by[1]))
    return np.fft.ifft2(np.fft.fft2(probe) * ramp).astype(probe.dtype)
