"""How fast frames are read and reach the ranks: GB/s of raw counts, by storage, beside plain h5py.

    OMP_NUM_THREADS=1 python benchmarks/reading.py [--storages "gzip of 1" ...] [--frames 1200] [--ranks 2]

Each cell: GB/s, then GB per CPU second. The files are in the page cache (they were just written): what is
measured is HDF5, decompression and copying. h5py: the whole dataset; decode: chunks already in memory,
decompressed by 2 threads and thrown away (the most that reading could reach); half: every second run of 32.

With --ranks the second table: GB/s of the phases of loading in `nanompi run` on so many ranks, until the last
one is done: each reads its frames, rank 0 sends them (scatter), and prepared frames are kept (run.cache) in
the first run and found in the second. --window: what is kept of a frame.
"""

import shutil
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from harness import both_clocks, options, report, turns
from scans import SCAN, metrics, nanompi, write_job, write_scan

from nanompi.data.stored import Hdf5Frames
from nanompi.io.hdf5 import open_hdf5

WAYS = {
    "read": "steps.ptycho.prepare.frames=read",
    "scatter": "steps.ptycho.prepare.frames=scatter",
} | dict.fromkeys(("kept", "again"), "run.cache=cache")
PHASES = ("load", "prepare", "cache")


def storages(size: int) -> dict[str, dict]:
    """name -> arguments of create_dataset."""
    from hdf5plugin import Bitshuffle, Blosc2

    packed = {
        "plain": {},
        "gzip": {"compression": "gzip", "compression_opts": 1, "shuffle": True},
        "bitshuffle": {"compression": Bitshuffle(cname="lz4")},
        "blosc2": {"compression": Blosc2(cname="lz4", clevel=1, filters=2)},
    }
    kinds = [(name, n) for name in packed for n in (1, 16)]
    return {"contiguous": {}} | {f"{k} of {n}": {**packed[k], "chunks": (n, size, size)} for k, n in kinds}


def decode(source, threads: int = 2):
    """A function that decompresses all chunks, which are in memory before; None where HDF5 must do it."""
    chunks = source.take(np.arange(source.shape[0]))
    if chunks is None:
        return None

    def all_of_them():
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda k: [c.frames().nbytes for c in chunks[k::threads]], range(threads)))

    return all_of_them


def here(path: Path, repeat: int) -> dict[str, list[float]]:
    """[GB/s, GB per CPU second] of each way to read the file in this process: the best of its turns."""
    with open_hdf5(str(path)) as file:
        source, data = Hdf5Frames.of(file, "frames"), file["frames"]
        every = np.arange(len(data))
        half = every[every // 32 % 2 == 0]
        ways = {
            "h5py": lambda: data[()],
            "decode": decode(source),
            "1 thread": lambda: source.read(every, 1),
            "2 threads": lambda: source.read(every, 2),
            "half": lambda: source.read(half, 1),
        }
        took = turns({k: partial(both_clocks, work) for k, work in ways.items() if work}, repeat)
        frame = data[0].nbytes / 1e9
    sizes = {"half": len(half) * frame}
    return {k: np.round(sizes.get(k, len(every) * frame) / np.min(t, 0), 2).tolist() for k, t in took.items()}


def loading(folder: Path, ranks: int, name: str) -> float:
    """Seconds that the slowest rank of a run loads and prepares its frames."""
    if name == "kept":
        shutil.rmtree(folder / "cache", ignore_errors=True)
    nanompi(folder, "run", "-n", ranks, "--set", WAYS[name], "job.yaml")
    return max(sum(rank["whole"].get(phase, 0.0) for phase in PHASES) for rank in metrics(folder, "job"))


def on_ranks(folder: Path, given) -> dict[str, float]:
    """GB/s of each way to load the file by a run."""
    write_job(folder / "job.yaml", SCAN, {"use": "ptycho.prepare", "size": given.window or "auto"})
    took = turns({name: partial(loading, folder, given.ranks, name) for name in WAYS}, given.repeat)
    nbytes = given.frames * given.size**2 * 2 / 1e9
    return {name: nbytes / min(seconds) for name, seconds in took.items()}


def main():
    sizes = {"frames": 1200, "size": 256, "window": 128}
    given = options(__doc__, storages=list(storages(16)), **sizes, ranks=0, repeat=7, folder="/tmp")

    def rows():
        for name in given.storages:
            with TemporaryDirectory(dir=given.folder) as folder:
                file = Path(folder) / "scan.h5"
                write_scan(file, given.frames, given.size, **storages(given.size)[name])
                ratio = given.frames * given.size**2 * 2 / file.stat().st_size
                figures = on_ranks(Path(folder), given) if given.ranks else here(file, given.repeat)
                yield {"storage": name, "ratio": round(ratio, 1), **figures}

    report(given, rows(), frames=f"{given.frames} of {given.size}²", turns=given.repeat, ranks=given.ranks)


if __name__ == "__main__":
    main()
