"""Colours of complex fields, and images in a smaller size: NumPy alone, for pictures, report and page."""

import numpy as np

from nanompi.optics.blocks import angle_means, block_means

LIGHT, CHROMA = 0.75, 0.12  # OKLCh: one lightness, and as much colour as every screen has at all hues
# From OKLab to the cone responses, and from these to linear sRGB (bottosson.github.io/posts/oklab).
LMS = np.array([[1, 0.3963377774, 0.2158037573], [1, -0.1055613458, -0.0638541728],
                [1, -0.0894841775, -1.2914855480]])  # fmt: skip
RGB = np.array([[4.0767416621, -3.3077115913, 0.2309699292], [-1.2684380046, 2.6097574011, -0.3413193965],
                [-0.0041960863, -0.7034186147, 1.7076147010]])  # fmt: skip
STEPS = 720  # hues that are told apart
GAMMA = 0.6  # brightness is (amplitude / largest) to this power: the weak outer parts of a probe are seen

FAINT = 0.01  # of the largest amplitude: where a field ends for a picture


def hues(angle: np.ndarray) -> np.ndarray:
    """(..., 3) float from 0 to 1: sRGB colours of equal lightness for angles in rad, so that no phase looks
    brighter than another."""
    turns = np.linspace(0, 2 * np.pi, STEPS, endpoint=False)
    lab = np.stack([np.full(STEPS, LIGHT), CHROMA * np.cos(turns), CHROMA * np.sin(turns)], -1)
    linear = np.clip((lab @ LMS.T) ** 3 @ RGB.T, 0, 1)
    table = np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
    return table[np.rint(np.asarray(angle) * (STEPS / (2 * np.pi))).astype(int) % STEPS]


def coloured(field: np.ndarray, largest: float | None = None, gamma: float = GAMMA) -> np.ndarray:
    """(h, w, 3) float from 0 to 1 of a complex field: hue = phase, brightness = (amplitude / largest)**gamma.

    largest : the amplitude that is brightest; None = the largest of the field
    """
    size = np.abs(field)
    bright = np.clip(size / max(size.max() if largest is None else largest, 1e-30), 0, 1) ** gamma
    return hues(np.angle(field)) * bright[..., None]


def wheel(n: int = 64) -> np.ndarray:
    """(n, n, 4) float from 0 to 1: the colours of all phases, 0 to the right, pi/2 on top, and nothing
    around them."""
    v, u = np.mgrid[1 : -1 : n * 1j, -1 : 1 : n * 1j]
    inside = np.hypot(u, v) < 1
    return np.dstack([coloured(np.where(inside, u + 1j * v, 0), 1.0, 1.0), inside])


def lit_box(fields: np.ndarray) -> tuple[slice, slice]:
    """The box around what is above 1 % of the largest amplitude, of a square window a square: the window's
    dark rim shows nothing."""
    h, w = fields.shape[-2:]
    size = np.abs(fields).max(0)
    lit = size > FAINT * size.max()
    if not lit.any():
        return slice(0, h), slice(0, w)
    ends = [np.flatnonzero(lit.any(axis))[[0, -1]] for axis in (1, 0)]
    if h != w:
        return tuple(slice(int(a), int(b) + 1) for a, b in ends)
    side = min(h, max(16, *(int(b - a) + 3 for a, b in ends)))
    first = [min(max(0, (int(a + b) + 1 - side) // 2), h - side) for a, b in ends]
    return tuple(slice(f, f + side) for f in first)


def smaller(image: np.ndarray, side: int, angles: bool = False) -> np.ndarray:
    """An image (h, w), real or complex, of at most `side` pixels along each axis: means of blocks of pixels.

    Means are those of the numbers that are finite, NaN where less than half of a block is; angles (rad) are
    averaged as exp(i angle).
    """
    blocks = [-(-n // side) for n in image.shape]
    return (angle_means if angles else block_means)(image, *blocks, 0.5)
