"""How fast raw counts reach the ranks, by `read` and by `scatter`.

    mpiexec -n 2 python benchmarks/loading.py [--frames 1000] [--side 256] [--filter none|gzip|bitshuffle]
        [--window 128] [--folder /tmp] [--threads 1] [--kept] [--json results.json]

Writes a file of counts (uint16; one frame per chunk, bitshuffle: 16), loads it through the plan of
`ptycho.prepare`, and prints for each way the GB/s of raw counts in the file until the last rank is done (best
of some). The file is in the cache of the operating system: this measures the program and not the disk.
--kept: the step `ptycho.prepare` as a whole instead, without `run.cache`, with it the first time (when the
frames are kept) and the second time.
"""

import argparse
import json
import os
import shutil
import time
from types import SimpleNamespace

import numpy as np

from nanompi.data import load
from nanompi.data.scan import Scan
from nanompi.data.source import Hdf5Frames
from nanompi.io.hdf5 import open_hdf5
from nanompi.methods.ptycho.partition.kmeans import KMeans
from nanompi.methods.ptycho.prepare.step import Prepare, make_plan
from nanompi.mpi.team import Team
from nanompi.run.perform import Options, Run
from nanompi.timing import Clock


def source(path):
    """The frames as the HDF5 reader gives them."""
    with open_hdf5(path) as file:
        return Hdf5Frames.of(file, "data")


def write(path, shape, how):
    """Sparse counts of a far field: many in the middle, few outside."""
    import h5py
    import hdf5plugin

    y, x = np.mgrid[: shape[1], : shape[2]]
    r = np.hypot(y - shape[1] // 2, x - shape[2] // 2) / shape[1]
    few = np.random.default_rng(0).poisson(200 * np.exp(-((r / 0.1) ** 2)) + 0.05, (16, *shape[1:]))
    with h5py.File(path, "w") as f:
        packed = {
            "none": {},
            "gzip": {"compression": "gzip", "compression_opts": 1, "shuffle": True},
            "bitshuffle": hdf5plugin.Bitshuffle(cname="lz4"),
        }[how]
        per = 16 if how == "bitshuffle" else 1
        data = f.create_dataset("data", shape, np.uint16, chunks=(per, *shape[1:]), **packed)
        for i in range(0, shape[0], 16):
            data[i : i + 16] = few[: shape[0] - i]


def raster(n):
    side = int(np.ceil(np.sqrt(n)))
    return np.stack(np.divmod(np.arange(n), side), axis=1) * 1e-6


def measure(team, frames, parts, plan, how, repeat):
    """Best time of `load` in seconds, and rank 0's clock of that time."""
    times = []
    for _ in range(repeat):
        clock = Clock()
        team.barrier()
        t = time.perf_counter()
        counts = load.load(team, frames, parts, plan.apply, how=how, clock=clock, say=lambda text: None)
        times.append((team.max(time.perf_counter() - t), dict(clock.seconds)))
        del counts
    return min(times, key=lambda one: one[0])


def kept(team, scan, parts, given):
    """{way: (best time of the step in seconds, rank 0's clock)}; the ways take turns."""
    folder, best = team.bcast(os.path.join(given.folder, f"nanompi-kept-{os.getppid()}")), {}
    for _ in range(given.repeat):
        team.on_root(lambda: shutil.rmtree(folder, ignore_errors=True))
        for name, cache in (("prepared", ""), ("kept", folder), ("again", folder)):
            device = SimpleNamespace(threads=given.threads)
            run = Run(team, device, Options(cache=cache), None, scan=scan, parts=parts, say=lambda text: None)
            team.barrier()
            t = time.perf_counter()
            Prepare(size=given.window or "auto").run(run)
            one = team.max(time.perf_counter() - t), dict(run.clock.seconds)
            best[name] = min(best.get(name, one), one, key=lambda x: x[0])
            del run
    team.on_root(lambda: shutil.rmtree(folder))
    return best


def ways(team, frames, scan, parts, given):
    """{way: (best time in seconds, rank 0's clock)} of loading alone."""
    plan, out = team.on_root(lambda: make_plan(Prepare(size=given.window or "auto"), scan)), {}
    names = [("read", 0), ("scatter", 0), ("scatter, packed", 1)] if team.size > 1 else [("read", 0)]
    for name, packed in names:
        node, team.places = team.places, (0 if packed else team.places)
        out[name] = measure(team, frames, parts, plan, name.split(",")[0], given.repeat)
        team.places = node
    return out


def main(team, given):
    shape = (given.frames, given.side, given.side)
    path = os.path.join(given.folder, f"nanompi-reading-{os.getppid()}.h5")
    path = team.bcast(path)
    team.on_root(lambda: write(path, shape, given.filter))
    frames = source(path)
    scan = Scan(frames, raster(given.frames), 1e-10, 1.0, (55e-6, 55e-6))
    parts = team.on_root(lambda: KMeans().split(scan.positions, team.size, None))
    size = np.prod(shape, dtype=float) * 2 / 1e9
    found = kept(team, scan, parts, given) if given.kept else ways(team, frames, scan, parts, given)
    rows = [
        {"way": name, "GB/s": round(size / t, 2), "s": round(t, 3), "rank 0": phases}
        for name, (t, phases) in found.items()
    ]
    team.on_root(lambda: os.remove(path))
    if team.root:
        print(f"{team.size} ranks, {shape} uint16, filter {given.filter}, {type(frames).__name__}")
        for row in rows:
            phases = ", ".join(f"{k} {v:.3f} s" for k, v in row["rank 0"].items())
            print(f"{row['way']:16s} {row['GB/s']:6.2f} GB/s   {row['s']:.3f} s   (rank 0: {phases})")
        if given.json:
            with open(given.json, "w") as f:
                json.dump(
                    {"ranks": team.size, "shape": shape, "filter": given.filter, "rows": rows}, f, indent=1
                )


if __name__ == "__main__":
    args = argparse.ArgumentParser(usage=__doc__)
    args.add_argument("--frames", type=int, default=1000)
    args.add_argument("--side", type=int, default=256)
    args.add_argument("--filter", choices=["none", "gzip", "bitshuffle"], default="none")
    args.add_argument("--window", type=int, default=0)
    args.add_argument("--folder", default="/tmp")
    args.add_argument("--repeat", type=int, default=5)
    args.add_argument("--threads", type=int, default=1)
    args.add_argument("--kept", action="store_true")
    args.add_argument("--json", default="")
    with Team() as team:
        main(team, args.parse_args())
