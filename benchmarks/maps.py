"""What `map.stxm` costs for each frame, beside what reading and decompressing the frame costs, on one thread.

    python benchmarks/maps.py [--frames 2000] [--sizes 128 256] [--repeat 5]

In turns: frames (uint16, one frame a chunk) read as a run reads them, from a file in the page cache,
in blocks of 4 MiB; and the moments of the same blocks, which are in memory.
"""

import tempfile
from functools import partial
from pathlib import Path
from statistics import median

import h5py
import hdf5plugin
import numpy as np
from harness import options, report, timed, turns

from nanompi.data.load import BLOCK
from nanompi.data.stored import Hdf5Frames
from nanompi.device.kernels import load
from nanompi.io.hdf5 import open_hdf5

FILTERS = {"bitshuffle": hdf5plugin.Bitshuffle(cname="lz4"), "gzip": {"compression": "gzip", "shuffle": True}}


def frames(n: int, size: int) -> np.ndarray:
    """(n, size, size) uint16 Poisson counts of a disc with tails, as a focused beam gives them."""
    y, x = np.mgrid[:size, :size] - size / 2
    mean = 400 * np.exp(-((np.hypot(y, x) / (size / 6)) ** 2)) + 20 / (1 + np.hypot(y, x)) ** 1.5
    return np.random.default_rng(1).poisson(mean, (n, size, size)).astype(np.uint16)


def read(source, pieces):
    """All frames, block by block."""
    for piece in pieces:
        source.read(piece)


def moments(I, pieces):
    """Those of all frames, block by block."""
    size, out = I.shape[-1], np.empty((len(I), 5))
    places, everywhere = np.arange(size) - size / 2, np.ones((size, size), bool)
    for piece in pieces:
        block = slice(piece[0], piece[-1] + 1)
        load("_cpu").moments(I[block], everywhere, everywhere, places, places, out[block])


def main():
    given = options(__doc__, frames=2000, sizes=["128", "256"], repeat=5)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for size in map(int, given.sizes):
            I = frames(given.frames, size)
            pieces = np.array_split(np.arange(len(I)), max(1, I.nbytes // BLOCK))
            ways = {"map.stxm": timed(partial(moments, I, pieces))}
            for name, how in FILTERS.items():
                path = Path(folder) / f"{name}-{size}.h5"
                with h5py.File(path, "w") as file:
                    file.create_dataset("data", data=I, chunks=(1, size, size), **how)
                with open_hdf5(str(path)) as file:
                    ways[name] = timed(partial(read, Hdf5Frames.of(file, "data"), pieces))
            seconds = {name: median(times) for name, times in turns(ways, given.repeat).items()}
            microseconds = {f"{name} us": t / len(I) * 1e6 for name, t in seconds.items()}
            rows.append(
                {"size": size, **microseconds, "of bitshuffle": seconds["map.stxm"] / seconds["bitshuffle"]}
            )
    report(given, rows)


if __name__ == "__main__":
    main()
