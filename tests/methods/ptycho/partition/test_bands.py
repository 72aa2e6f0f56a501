"""What each part sees of the object, and shares with others: against plain arrays, and up to 512 parts."""

import numpy as np
import pytest

from nanompi.methods.ptycho.coverage import outside_in
from nanompi.methods.ptycho.partition.bands import bands
from nanompi.methods.ptycho.partition.kmeans import KMeans

FRAME = (128, 128)


def spiral(n, step):
    """Corners (n, 2) int of a Fermat spiral whose points are `step` pixels apart"""
    k = np.arange(n)
    p = (
        step
        / np.sqrt(np.pi)
        * np.sqrt(k)[:, None]
        * np.stack([np.cos(k * 2.399963), np.sin(k * 2.399963)], 1)
    )
    return np.rint(p - p.min(0)).astype(int)


def masks(at, parts, frame):
    """Pixels seen by each part, the plain way"""
    out = np.zeros((len(parts), *(at.max(0) + frame)), bool)
    for mask, part in zip(out, parts):
        for y, x in at[part]:
            mask[y : y + frame[0], x : x + frame[1]] = True
    return out


@pytest.mark.parametrize("frame", [(16, 16), (13, 30)])
@pytest.mark.parametrize("n_parts", [1, 2, 5, 9])
def test_pixels_are_those_of_plain_arrays(frame, n_parts):
    at = spiral(300, 4.0)
    parts = KMeans().split(at * 1e-8, n_parts)
    found, want = bands(at, parts, frame), masks(at, parts, frame)
    assert found.seen.tolist() == want.sum((1, 2)).tolist()
    for a in range(n_parts):
        pixels = {b: int((want[a] & want[b]).sum()) for b in range(n_parts) if b != a}
        assert found.shared[a] == {b: n for b, n in pixels.items() if n}
    assert found.sent.tolist() == [sum(s.values()) for s in found.shared]
    y, x, h, w = found.boxes[0]
    assert (y, x) == tuple(at[parts[0]].min(0)) and (h, w) == tuple(np.ptp(at[parts[0]], axis=0) + frame)


def test_parts_that_do_not_meet_share_nothing():
    at = np.array([[0, 0], [4, 4], [100, 0], [104, 3]])
    found = bands(at, [np.array([0, 1]), np.array([2, 3])], (32, 32))
    assert found.shared == [{}, {}] and found.sent.sum() == 0 and found.held.tolist() == [36 * 36, 36 * 35]


def test_four_ranks_and_ten_thousand_positions_send_a_fifth_of_the_object():
    """The rank that sends most, against the whole object that Allreduce takes from each rank"""
    at = spiral(10_000, 14.0)
    most = bands(at, KMeans().split(at * 1e-8, 4), FRAME).sent.max()
    assert most * 5 <= np.prod(at.max(0) + FRAME)


def model(area, parts, h):
    """Pixels that a square part of a scan of `area` pixels shares with all others, frames of h x h.

    Side L = sqrt(area / parts). A part sees [0, L + h]^2; with the part (dx, dy) sides away it shares
    max(0, L + h - |dx| L) max(0, L + h - |dy| L). The sum over all dx, dy factors.
    """
    L = np.sqrt(area / parts)
    away = np.arange(-int(h / L) - 1, int(h / L) + 2)
    return np.maximum(0, L + h - abs(away) * L).sum() ** 2 - (L + h) ** 2


@pytest.mark.slow
@pytest.mark.parametrize("n_parts", [16, 64, 128, 256, 512])
def test_bytes_follow_the_model_as_ranks_grow(n_parts):
    """Parts inside the scan have neighbours on all sides: the median of all, where most are inside.

    Parts of k-means are hexagons rather than squares, and meet 6 neighbours instead of 8: some 20 %.
    """
    at = spiral(40_000, 14.0)
    found = bands(at, KMeans(sweeps=3).split(at * 1e-8, n_parts), FRAME)
    inner = np.sort(found.sent)[n_parts // 2 :]
    assert np.median(inner) == pytest.approx(model(40_000 * 14.0**2, n_parts, 128), rel=0.25)


def test_the_whole_grows_by_the_borders_of_the_parts():
    """4 times the ranks: half the side, so a rank sends less, and all ranks together more, up to 2 times plus
    the corners"""
    at = spiral(40_000, 14.0)
    sums = [bands(at, KMeans(sweeps=3).split(at * 1e-8, n), FRAME).sent.sum() for n in (8, 32)]
    assert 2.0 < sums[1] / sums[0] < 3.5


def test_frames_that_others_see_come_first():
    """A square of 50 x 50 frames in 4 parts: what lies at the two inner edges of a part, and nothing else"""
    grid = 10.0 * np.stack(np.divmod(np.arange(2500), 50), 1)
    quarters = [np.flatnonzero((grid // 250 == q).all(1)) for q in ((0, 0), (0, 1), (1, 0), (1, 1))]
    for part, before in zip(outside_in(grid, quarters), quarters):
        assert np.array_equal(np.sort(part), before)
        edge = abs(grid[part] + 5 - 250).min(1) <= 60  # a frame of 64 reaches over the edge
        assert edge.sum() < len(part) / 2 and np.flatnonzero(edge).max() < 0.55 * len(part)
        first = part[: np.flatnonzero(edge).max() + 1]
        assert np.all(np.diff(first) > 0)  # the order stays else
