"""Under mpirun: the step ptycho.prepare gives on N ranks what one rank would have made of all frames."""

import sys

import numpy as np

from nanompi.methods.ptycho.partition.stripes import Stripes
from nanompi.methods.ptycho.prepare.dark import Dark
from nanompi.methods.ptycho.prepare.mask import Mask
from nanompi.methods.ptycho.prepare.step import Prepare, make_plan
from nanompi.mpi.team import Team
from nanompi.step import partition
from tests.memory import run_of, scan_of

SPLIT = {"split": "stripes"}


def donut(dtype):
    """70 noisy frames of a donut around (36, 27), with a gap marked by -1, a hot pixel, and a monitor."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:64, :64]
    r = np.hypot(y - 36, x - 27)
    frames = rng.poisson(np.where((r > 6) & (r < 15), 40.0, 0.2), (70, 64, 64)).astype(dtype)
    frames[:, 50:52], frames[:, 20, 20] = -1, 9000
    return scan_of(frames, monitor=rng.uniform(90, 110, 70))


def same(team, how, dtype, lost):
    scan = donut(dtype)
    scan.source.frames[69, 30, 30] = lost  # one value that only the rank of frame 69 meets
    run = run_of(team, scan)
    step = Prepare(size=48, rebin=2, orientation=6, mask=Mask(hot=12.0), normalise=True, frames=how, **SPLIT)
    step.run(run)
    frames, parts = run.data["frames"], run.data["data"].parts
    plan = make_plan(step, scan)
    want = plan.apply(scan.source.frames)
    assert frames.counts.dtype == want.dtype == (np.float32 if lost < 0 else np.uint16)
    assert np.array_equal(frames.counts, want[parts[team.rank]]) and np.array_equal(frames.mask, plan.good)
    assert np.allclose(frames.scale, (scan.monitor / scan.monitor.mean())[parts[team.rank]])
    assert np.abs(np.subtract(frames.preparation["centre"], (36, 27))).max() <= 1, frames.preparation
    assert frames.preparation["mask"] == {"never measured": 128, "marked": 1}, frames.preparation
    assert np.array_equal(frames.counts, want[parts[team.rank]])


def scaled(team, how, factor):
    """Gain and noise are found alike on any number of ranks, and the counts have the same bits."""
    scan = donut(np.int32)
    counts = scan.source.frames.copy()
    scan.source.frames = np.where(counts < 0, np.nan, counts * factor)
    run = run_of(team, scan)
    Prepare(size=48, mask=Mask(hot=12.0), frames=how, **SPLIT).run(run)
    frames, parts = run.data["frames"], run.data["data"].parts
    want = make_plan(Prepare(size=48, mask=Mask(hot=12.0)), donut(np.int32)).apply(counts)
    assert frames.counts.dtype == np.uint16 and np.array_equal(frames.counts, want[parts[team.rank]])
    known = team.allgather((frames.gain, frames.noise, frames.preparation["mask"]))
    assert known == [(known[0][0], "counts", {"never measured": 128, "marked": 1})] * team.size
    assert np.isclose(frames.gain, factor, rtol=1e-9)


@partition("uneven")
class Uneven(Stripes):
    """On two ranks the first one has only frames that turn out to be empty."""

    def split(self, positions, parts, weights=None):
        if parts == 2 and len(positions) == 70:
            return [np.arange(30, 41), np.setdiff1d(np.arange(70), np.arange(30, 41))]
        return super().split(positions, parts, weights)


def empty(team):
    """Frames without counts go, also where a rank has no others; the rest is as if they had never been."""
    closed = np.r_[3, 30:41, 65]
    scan = donut(np.int32)
    scan.source.frames[closed] = 0
    scan.source.frames[65] = -1  # not measured at all
    kept = np.setdiff1d(np.arange(70), closed)
    run = run_of(team, scan)
    step = Prepare(size=48, normalise=True, split="uneven")
    step.run(run)
    frames, want, left = run.data["frames"], make_plan(step, scan).apply(scan.source.frames), run.data["data"]
    assert np.array_equal(np.sort(np.concatenate(left.parts)), np.arange(57))
    assert np.array_equal(frames.index, left.parts[team.rank]) and len(frames.index) >= 57 // team.size - 6
    assert np.array_equal(frames.counts, want[kept][frames.index])
    assert np.allclose(frames.scale, (scan.monitor / scan.monitor.mean())[kept][frames.index])
    assert left.source.shape[0] == 57 and np.array_equal(left.positions, scan.positions[kept])
    assert np.array_equal(left.left_out["empty"], closed)


def missing(team):
    """A file that is not there: one message, code 3."""
    run = run_of(team, donut(np.int32))
    Prepare(**SPLIT, dark=Dark(file="nowhere.npy")).run(run)


if __name__ == "__main__":
    with Team() as team:
        if sys.argv[1:] == ["missing"]:
            missing(team)
        empty(team)
        for how in ("read", "scatter"):
            same(team, how, np.int32, lost=3)
            same(team, how, np.int32, lost=-1)
            same(team, how, np.float32, lost=np.float32(-7))
            scaled(team, how, 0.037)
