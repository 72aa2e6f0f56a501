"""Writing a large result in place, as block steps do, against plain writes of the same bytes and a gather.

    python benchmarks/writing.py --ranks 2 --mib 256 --repeat 5

Each rank has so many MiB of slices of 1024 x 1024 float32, in blocks of 8. "in place": `RowsInFile`, a block
on its way while the next is there, into the dataset that rank 0 has laid out. "plain": pwrite of the same
bytes into a file of its own size. "gather": rank 0 receives all and writes (`run.writers.spread`). Until the
last byte is with the kernel; the disk's own time (fsync) beside it. Peak: memory that a rank takes for it.
"""

import os
import resource
import shutil
from functools import partial
from pathlib import Path

import h5py
import numpy as np
from harness import on_ranks, options, report, timed, turns

from nanompi.data.data import Data, even
from nanompi.data.infile import ArrayInFile, RowsInFile
from nanompi.io import growing
from nanompi.run.writers import spread

SIDE, BLOCK = 1024, 8


def laid_out(team, path: Path, shape) -> int:
    """The byte at which a new dataset begins."""
    return team.on_root(
        lambda: path.unlink(missing_ok=True) or growing.place(path, "entry_1/data", shape, np.float32)
    )


def in_place(team, path: Path, values, numbers) -> list[float]:
    """Seconds of the writes, of the whole with the file's own place on the disk, and of fsync."""
    shape = (len(values) * team.size, SIDE, SIDE)
    starts: list[int] = []
    place = timed(lambda: starts.append(laid_out(team, path, shape)), team)()
    rows = RowsInFile(ArrayInFile(path, starts[0], shape, np.dtype(np.float32)), 0, numbers, team.clock)

    def blocks():
        for i in range(0, len(values), BLOCK):
            rows.put(np.arange(i, min(i + BLOCK, len(values))), values[i : i + BLOCK])
        rows.close()

    wrote = timed(blocks, team)()
    return [wrote, place + wrote, flushed(team, path)]


def plain(team, path: Path, values, numbers) -> list[float]:
    """The same bytes to the same places of an empty file."""
    team.on_root(lambda: path.write_bytes(b""))
    file, row = os.open(path, os.O_WRONLY), values[0].nbytes

    def blocks():
        for i in range(0, len(values), BLOCK):
            os.pwrite(file, values[i : i + BLOCK], int(numbers[i]) * row)

    wrote = timed(blocks, team)()
    os.close(file)
    return [wrote, wrote, flushed(team, path)]


def gathered(team, path: Path, values, numbers) -> list[float]:
    """Through rank 0."""
    parts = even(len(values) * team.size, team.size)
    data = Data(axes=("z", "y", "x"), values=values, spread="z", parts=parts)

    def write():
        if not team.root:
            return spread.send(team, data)
        with h5py.File(path, "w") as file:
            spread.write(team, data, file.create_dataset("a", data.shape, data.dtype))

    wrote = timed(write, team)()
    return [wrote, wrote, flushed(team, path)]


def flushed(team, path: Path) -> float:
    """Seconds of fsync by rank 0, and the file is gone."""

    def sync():
        if team.root:
            file = os.open(path, os.O_RDONLY)
            os.fsync(file)
            os.close(file)

    seconds = timed(sync, team)()
    team.on_root(path.unlink)
    return seconds


def measure(team, given) -> list[dict]:
    """A row of the table for each way."""
    folder = Path(given.folder).absolute()
    team.on_root(lambda: folder.mkdir(parents=True))
    slices = given.mib * (1 << 20) // (SIDE * SIDE * 4)
    values = np.random.default_rng(team.rank).random((slices, SIDE, SIDE), np.float32)
    numbers = team.rank * slices + np.arange(slices)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    way = partial(in_place, team, folder / "a.h5", values, numbers)
    way()
    peak = int(team.max(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before))
    names = {"in place": in_place, "plain": plain, "gather": gathered}
    ways = {name: partial(work, team, folder / "a.h5", values, numbers) for name, work in names.items()}
    took = {name: np.array(rows) for name, rows in turns(ways, given.repeat).items()}
    team.on_root(lambda: shutil.rmtree(folder))
    base = np.median(took["plain"][:, 0])
    return [
        {"way": name, "written, s": float(np.median(t[:, 0])), "least": float(t[:, 0].min()),
         "most": float(t[:, 0].max()), "with its place, s": float(np.median(t[:, 1])),
         "fsync, s": float(np.median(t[:, 2])), "of plain": float(np.median(t[:, 0]) / base),
         "GB/s": team.size * values.nbytes / 1e9 / float(np.median(t[:, 0])),
         "peak, MiB": peak / 1024 if name == "in place" else 0.0}
        for name, t in took.items()
    ]  # fmt: skip


def main():
    given = options(__doc__, ranks=2, mib=256, repeat=5, folder="writing-benchmark")
    report(given, on_ranks(given.ranks, measure, given), ranks=given.ranks, MiB=given.mib, turns=given.repeat)


if __name__ == "__main__":
    main()
