"""Under mpirun: two runs, or one after another on other numbers of ranks, share prepared frames.

usage: cache_program.py FOLDER first|again|torn|full|beside
"""

import sys
from pathlib import Path

import h5py
import numpy as np

import nanompi.methods.ptycho.partition.kmeans  # noqa: F401  registers itself
from nanompi.data.stored import Hdf5Frames
from nanompi.io.arrayfile import Writer
from nanompi.io.hdf5 import open_hdf5
from nanompi.methods.ptycho.prepare.mask import Mask
from nanompi.methods.ptycho.prepare.step import Prepare
from nanompi.mpi.team import Team
from tests.memory import run_of, scan_of


def frames():
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:40, :40]
    return rng.poisson(50 * np.exp(-np.hypot(y - 21, x - 18) / 4), (130, 40, 40)).astype(np.uint16)


def store(path):
    """Written once: a later run finds the file as it was."""
    if not path.exists():
        with h5py.File(path, "w") as file:
            file.create_dataset("data", data=frames(), chunks=(4, 40, 40), compression="gzip")
    with open_hdf5(str(path)) as file:
        return Hdf5Frames.of(file, "data")


def prepared(team, folder):
    """(Frames, log) of a run."""
    scan = scan_of(frames(), monitor=np.linspace(90, 110, 130))
    scan.source = team.on_root(lambda: store(folder / "scan.h5"))
    run = run_of(team, scan, cache=str(folder / "kept"))
    Prepare(size=32, mask=Mask(hot=15.0), normalise=True).run(run)
    return run, run.data["frames"], "\n".join(run.made["log"])


def same(folder, got, parts):
    """As rank 0 alone has made them from the file, without any folder."""
    scan = scan_of(frames(), monitor=np.linspace(90, 110, 130))
    run = run_of(Team(alone=True), scan)
    Prepare(size=32, mask=Mask(hot=15.0), normalise=True, split="in order").run(run)
    want = run.data["frames"]
    assert got.counts.dtype == want.counts.dtype and np.array_equal(got.counts, want.counts[parts])
    assert np.array_equal(got.mask, want.mask) and np.array_equal(got.scale, want.scale[parts])
    assert (got.corner, got.pixel, got.preparation) == (want.corner, want.pixel, want.preparation)


def unread(*given):
    raise AssertionError("a frame was read")


def full(self, data):
    raise OSError(28, "No space left on device")


def main(team, folder, how):
    read, put = Hdf5Frames.read, Writer._put
    if how == "again":
        Hdf5Frames.read = unread
    if how == "full" and team.rank == team.size - 1:
        Writer._put = full
    run, got, log = prepared(team, folder)
    Hdf5Frames.read, Writer._put = read, put
    same(folder, got, run.data["data"].parts[team.rank])
    said = {
        "first": ["are kept in"],
        "again": ["as prepared before"],
        "torn": ["is not used", "are kept in"],
        "beside": ["as prepared before" if "as prepared before" in log else "are kept in"],
        "full": ["are not kept, the run goes on: [Errno 28] No space left"],
    }[how]
    assert team.all(not team.root or all(words in log for words in said)), log
    left = [p.name for p in (folder / "kept").iterdir()]
    assert how == "beside" or len(left) == (how != "full"), left


if __name__ == "__main__":
    with Team() as team:
        main(team, Path(sys.argv[1]), sys.argv[2])
