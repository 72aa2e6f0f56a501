"""How fast frames are read: GB/s of raw counts, by storage and threads, and of plain h5py in the same run.

usage: python benchmarks/reading.py [--frames 1200] [--size 256] [--folder /tmp] [--json reading.json]

Each number: GB/s, and in brackets GB per CPU second. `h5py`: the whole dataset by h5py; `decode, 2 threads`:
the chunks already in memory, decompressed and thrown away (the most that reading could reach); `half`: runs
of 32 frames, every second run. `prepared`: read, cut to FFT order and stored as on a rank, 2 threads.
The files are in the page cache (they were just written): what is measured is HDF5, decompression and
copying. The ways take turns, so that other work on the machine hits all of them alike.
"""

import argparse
import json
import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from nanompi.data import load
from nanompi.data.source import Hdf5Frames
from nanompi.io.hdf5 import hdf5, open_hdf5
from nanompi.methods.ptycho.prepare import crop
from nanompi.methods.ptycho.prepare.plan import Plan
from nanompi.mpi.team import Team


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


def best(ways: dict, repeats: int = 7) -> dict[str, np.ndarray]:
    """name -> (wall, CPU) seconds, the shortest of some calls; CPU: the cost on a shared machine."""
    times = {name: [] for name in ways}
    for _ in range(repeats):
        for name, read in ways.items():
            begin = time.perf_counter(), time.process_time()
            read()
            times[name].append((time.perf_counter() - begin[0], time.process_time() - begin[1]))
    return {name: np.min(t, 0) for name, t in times.items()}


def decode(source, threads: int):
    """A function that decompresses all chunks, which are in memory before; None where HDF5 must do it."""
    chunks = source.take(np.arange(source.shape[0]))
    if chunks is None:
        return None

    def all_of_them():
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda k: [c.frames().nbytes for c in chunks[k::threads]], range(threads)))

    return all_of_them


def prepared(source, threads: int):
    """A function that loads all frames as `ptycho.prepare` does, without looking for a centre."""
    window = crop.cut(source.shape[1:], (False,) * 3, (0, 0), source.shape[1:], False, True)
    plan = Plan(window, np.ones(source.shape[1:], bool), None, 65535.0, 1, True, (1.0, 1.0))
    team, parts = Team(alone=True), [np.arange(source.shape[0])]
    return lambda: load.load(team, source, parts, plan.apply, threads=threads, say=lambda text: None)


def measure(path: str, size: int, repeats: int) -> dict[str, list[float]]:
    """[GB/s, GB per CPU second] of each way."""
    with open_hdf5(path) as file:
        source = Hdf5Frames.of(file, "data")
        data, n = file["data"], source.shape[0]
        half = np.concatenate([np.arange(a, min(a + 32, n)) for a in range(0, n, 64)])
        ways = {
            "h5py": lambda: data[()],
            "decode, 2 threads": decode(source, 2),
            "1 thread": lambda: source.read(np.arange(n), 1),
            "2 threads": lambda: source.read(np.arange(n), 2),
            "half, 1 thread": lambda: source.read(half, 1),
            "prepared": prepared(source, 2),
        }
        times = best({name: way for name, way in ways.items() if way}, repeats)
    frame = size * size * 2 / 1e9
    count = {"half, 1 thread": len(half)}
    return {name: np.round(count.get(name, n) * frame / t, 2).tolist() for name, t in times.items()}


def main() -> None:
    """Write the files, read them, print the table."""
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("--frames", type=int, default=1200)
    parse.add_argument("--size", type=int, default=256)
    parse.add_argument("--repeats", type=int, default=7)
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
            table[name] = {"ratio": round(ratio, 1), **measure(path, a.size, a.repeats)}
            row = "  ".join(f"{k} {v[0]:5.2f} ({v[1]:5.2f})" for k, v in list(table[name].items())[1:])
            print(f"{name:21s} {ratio:4.1f}:1  {row}", flush=True)
            os.unlink(path)
    if a.json:
        with open(a.json, "w") as file:
            json.dump({"frames": a.frames, "size": a.size, "GB/s": table}, file, indent=1)


if __name__ == "__main__":
    main()
