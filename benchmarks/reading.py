"""How fast frames are read: GB/s of raw counts, by storage and threads, and of plain h5py in the same run.

usage: python benchmarks/reading.py [--frames 1200] [--size 256] [--folder /tmp] [--json reading.json]

Each number: GB/s, and in brackets GB per CPU second. The files are in the page cache (they were just
written): what is measured is HDF5, decompression and copying.
"""

import argparse
import json
import os
import tempfile
import time

import numpy as np

from nanompi.files import hdf5, open_hdf5
from nanompi.read.frames import Hdf5Frames


def storages(size: int) -> dict[str, dict]:
    """name -> arguments of create_dataset."""
    import hdf5plugin

    one, many = (1, size, size), (16, size, size)
    lz4 = hdf5plugin.Bitshuffle(cname="lz4")
    return {
        "contiguous": {},
        "chunks of 1": {"chunks": one},
        "chunks of 16": {"chunks": many},
        "bitshuffle-LZ4 of 1": {"chunks": one, "compression": lz4},
        "bitshuffle-LZ4 of 16": {"chunks": many, "compression": lz4},
        "Blosc2 of 16": {"chunks": many, "compression": hdf5plugin.Blosc2(cname="lz4", clevel=1, filters=2)},
        "Blosc2 of 1": {"chunks": one, "compression": hdf5plugin.Blosc2(cname="lz4", clevel=1, filters=2)},
        "shuffle gzip of 1": {"chunks": one, "compression": "gzip", "compression_opts": 1, "shuffle": True},
    }


def best(read, repeats: int = 5) -> np.ndarray:
    """(wall, CPU) seconds, the shortest of a few calls; CPU seconds tell the cost on a shared machine."""
    times = []
    for _ in range(repeats):
        begin = time.perf_counter(), time.process_time()
        read()
        times.append((time.perf_counter() - begin[0], time.process_time() - begin[1]))
    return np.min(times, 0)


def measure(path: str, size: int) -> dict[str, list[float]]:
    """[GB/s, GB per CPU second] of whole reads, and of every second run of 32 frames."""
    with open_hdf5(path) as file:
        source = Hdf5Frames.of(file, "data")
        plain = best(lambda: file["data"][()])
    n = source.shape[0]
    half = np.concatenate([np.arange(a, min(a + 32, n)) for a in range(0, n, 64)])
    frame = size * size * 2 / 1e9
    found = {
        "h5py": n * frame / plain,
        "1 thread": n * frame / best(lambda: source.read(np.arange(n), 1)),
        "2 threads": n * frame / best(lambda: source.read(np.arange(n), 2)),
        "half, 1 thread": len(half) * frame / best(lambda: source.read(half, 1)),
    }
    return {name: np.round(rate, 2).tolist() for name, rate in found.items()}


def main() -> None:
    """Write the files, read them, print the table."""
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("--frames", type=int, default=1200)
    parse.add_argument("--size", type=int, default=256)
    parse.add_argument("--folder", default=None)
    parse.add_argument("--json", default=None)
    a = parse.parse_args()
    rng = np.random.default_rng(0)
    falloff = np.exp(-np.hypot(*(np.indices((a.size, a.size)) - a.size / 2)) / (a.size / 12))
    few = rng.poisson(300 * falloff, (50, a.size, a.size)).astype(np.uint16)
    frames = np.tile(few, (-(-a.frames // 50), 1, 1))[: a.frames]
    table = {}
    with tempfile.TemporaryDirectory(dir=a.folder) as folder:
        for name, how in storages(a.size).items():
            path = os.path.join(folder, "a.h5")
            with hdf5().File(path, "w") as file:
                file.create_dataset("data", data=frames, **how)
            ratio = frames.nbytes / os.path.getsize(path)
            table[name] = {"ratio": round(ratio, 1), **measure(path, a.size)}
            row = "  ".join(f"{k} {v[0]:5.2f} ({v[1]:5.2f})" for k, v in list(table[name].items())[1:])
            print(f"{name:21s} {ratio:4.1f}:1  {row}", flush=True)
            os.unlink(path)
    if a.json:
        with open(a.json, "w") as file:
            json.dump({"frames": a.frames, "size": a.size, "GB/s": table}, file, indent=1)


if __name__ == "__main__":
    main()
