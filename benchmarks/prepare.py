"""What prepares projections: removal of stripes beside algotom's, Paganin's filter, flat fields.

    export NUMBA_NUM_THREADS=1 OMP_NUM_THREADS=1
    python benchmarks/prepare.py [--of projections] [--sizes 512x600 1024x1200]

Stripes: CPU seconds for one sinogram (columns x angles) of transmissions with weak gains everywhere, strong
stripes, a dead column and noise, in turns, the least of each; "apart": the largest difference of the two, and
the part of the values that differ by more than 1e-6 (equal values in a column may have any order). With
`--of projections`: CPU seconds for one projection of 2160 x 2560 pixels.
"""

from time import thread_time

import numpy as np
from harness import options, report, timed, turns

from nanompi.data.blocks import Info
from nanompi.data.data import Data
from nanompi.device.cpu import Cpu
from nanompi.methods.tomo.light import Light
from nanompi.methods.tomo.phantom import grains
from nanompi.methods.tomo.phase import Way, padding
from nanompi.methods.tomo.stripes.remove import dead_columns, fill, gains, large_stripes, rank_sort

SNR, SIZE, LARGE = 3.0, 21, 51
DEVICE = Cpu("single", threads=1)


def sinogram(columns: int, angles: int) -> np.ndarray:
    """(angles, columns) float32 transmissions"""
    rng, phantom = np.random.default_rng(0), grains(columns, 1, 2.0, 1, 30)
    turn = np.arange(angles) * np.pi / angles
    p = np.stack([phantom.projection(a, 1, columns, (columns - 1) / 2)[0] for a in turn])
    gain = rng.normal(0, 0.01, columns)
    gain[rng.integers(0, columns, 6)] += 0.2
    t = np.exp(-(p + gain + rng.normal(0, 0.01, p.shape))).astype(np.float32)
    t[:, columns // 3] = 0.5 + rng.normal(0, 1e-3, angles)
    return t


def ours(t: np.ndarray, method: str) -> np.ndarray:
    """One sinogram without stripes, by the functions of tomo.stripes"""
    t = t[None]
    if method == "gain":
        return t[0] * np.exp(gains(DEVICE, -np.log(t), SIZE)).astype(t.dtype)
    if method in ("dead", "all"):
        t = fill(DEVICE, t, dead_columns(DEVICE, t, SNR, LARGE))
    t = t if method == "sort" else large_stripes(DEVICE, t, SNR, LARGE)
    return (rank_sort(DEVICE, t, SIZE) if method in ("sort", "all") else t)[0]


def theirs(t: np.ndarray, method: str) -> np.ndarray | None:
    """By algotom, None where it has no such method"""
    from algotom.prep import removal

    if method == "sort":
        return removal.remove_stripe_based_sorting(t, SIZE)
    if method == "large":
        return removal.remove_large_stripe(t, SNR, LARGE)
    if method == "dead":
        return removal.remove_dead_stripe(t, SNR, LARGE)
    return removal.remove_all_stripe(t, SNR, LARGE, SIZE) if method == "all" else None


def stripes(size: str, method: str, repeat: int) -> dict:
    """A row of the table."""
    t = sinogram(*map(int, size.split("x")))
    ways = {"nanompi": lambda: ours(t, method)}
    if method != "gain":
        ways["algotom"] = lambda: theirs(t, method)
    took = {name: min(each) for name, each in timed_in_turns(ways, repeat).items()}
    row = {"columns x angles": size, "method": method, "nanompi": took["nanompi"]}
    if "algotom" not in took:
        return row
    apart = abs(ours(t, method) - theirs(t, method))
    row |= {"algotom": took["algotom"], "ratio": took["algotom"] / took["nanompi"]}
    return row | {"apart": float(apart.max()), "part": float((apart > 1e-6).mean())}


def timed_in_turns(ways: dict, repeat: int) -> dict:
    """CPU seconds of each way, some times"""
    return turns({name: timed(work, clock=thread_time) for name, work in ways.items()}, repeat)


def projection(rows: int, columns: int, repeat: int) -> list[dict]:
    """Rows of the table of what is done to whole projections."""
    from scipy.fft import irfft2, rfft2

    rng = np.random.default_rng(0)
    way = Way(3e-12, 1e-6, False)
    border, size = padding((rows, columns), way.length)
    transfer = way.transfer(*size).astype(np.float32)
    lines = rng.random((rows, columns), np.float32)
    light = Light.of(rng.uniform(2e4, 3e4, (rows, columns)), np.full((rows, columns), 100.0))
    counts = rng.integers(100, 2e4, (1, rows, columns), np.uint16)
    data = Data(axes=("angle", "row", "column"), values=counts)
    info = Info(data, np.arange(1), {"angle": np.arange(1)}, DEVICE, data.axes)

    def paganin():
        t = np.pad(np.exp(-lines), border, mode="edge")
        return -np.log(irfft2(rfft2(t) * transfer, size))

    ways = {"tomo.phase": paganin, "tomo.flat": lambda: -np.log(light.transmission(counts, info))}
    least = {name: min(took) for name, took in timed_in_turns(ways, repeat).items()}
    return [
        {"step": name, "CPU s": seconds, "ns per pixel": seconds / rows / columns * 1e9}
        for name, seconds in least.items()
    ]


def main():
    given = options(__doc__, of=("stripes", "projections"), sizes=["512x600", "1024x1200"], repeat=3)
    if given.of == "projections":
        report(given, projection(2160, 2560, given.repeat))
    else:
        names = ("sort", "large", "dead", "all", "gain")
        report(given, (stripes(size, name, given.repeat) for size in given.sizes for name in names))


if __name__ == "__main__":
    main()
