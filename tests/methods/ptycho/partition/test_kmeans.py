"""Parts are whole, equal, compact, and the same each time."""

import subprocess
import sys

import numpy as np
import pytest

from nanompi.errors import DataError, JobError
from nanompi.methods.ptycho.partition import checked, kmeans, sizes, walk
from nanompi.methods.ptycho.partition.bands import bands
from nanompi.methods.ptycho.partition.kmeans import KMeans
from nanompi.methods.ptycho.partition.stripes import Stripes


def spiral(n):
    k = np.arange(n)
    return np.sqrt(k)[:, None] * np.stack([np.cos(k * 2.399963), np.sin(k * 2.399963)], axis=1) * 1e-7


def raster(rows, columns):
    return np.stack(np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"), -1).reshape(-1, 2) * 5e-7


def jittered(rows, columns):
    return raster(rows, columns) + np.random.default_rng(3).normal(0, 1e-7, (rows * columns, 2))


SCANS = {
    "spiral": spiral(2000),
    "raster": raster(40, 50),
    "long": raster(10, 130),
    "jittered": jittered(30, 30),
}


def whole(parts, n):
    return np.array_equal(np.sort(np.concatenate(parts)), np.arange(n))


def spread(positions, parts):
    """Sum of squared distances to the centre of each part."""
    return sum(((positions[i] - positions[i].mean(axis=0)) ** 2).sum() for i in parts)


def plain_kmeans(positions, k):
    from sklearn.cluster import KMeans as Plain

    label = Plain(k, n_init=3, random_state=0).fit_predict(positions / np.ptp(positions))
    return [np.flatnonzero(label == j) for j in range(k)]


@pytest.mark.parametrize("way", [KMeans, Stripes])
@pytest.mark.parametrize("scan", SCANS)
@pytest.mark.parametrize("parts", [1, 2, 3, 7, 16])
def test_each_frame_once_and_sizes_within_one(way, scan, parts):
    p = SCANS[scan]
    got = way().split(p, parts, None)
    size = [len(part) for part in got]
    assert len(got) == parts and whole(got, len(p)) and max(size) - min(size) <= 1
    assert all(part.dtype == np.int64 for part in got)


@pytest.mark.parametrize("scan", SCANS)
@pytest.mark.parametrize("parts", [4, 12])
def test_balanced_parts_stay_compact(scan, parts):
    p = SCANS[scan]
    got = KMeans().split(p, parts, None)
    assert spread(p, got) <= 1.1 * spread(p, plain_kmeans(p, parts))
    boxes = sum(np.prod(np.ptp(p[part], axis=0)) for part in got)
    assert boxes <= 1.7 * np.prod(np.ptp(p, axis=0))  # Voronoi cells of a disc fill about 2/3 of their boxes


def test_the_same_answer_each_time():
    first, second = (KMeans().split(SCANS["raster"], 5, None) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, second))


@pytest.mark.parametrize("way", [KMeans, Stripes])
def test_weights_give_faster_ranks_more_frames(way):
    p = SCANS["spiral"]
    got = way().split(p, 3, [1.0, 2.0, 1.0])
    assert [len(part) for part in got] == pytest.approx([500, 1000, 500], abs=1) and whole(got, 2000)


@pytest.mark.parametrize("way", [KMeans, Stripes])
@pytest.mark.parametrize(
    "p", [np.zeros((20, 2)), np.repeat(raster(2, 3), 4, axis=0), raster(1, 30), raster(30, 1), raster(2, 2)]
)
def test_degenerate_scans(way, p):
    got = way().split(p, 4, None)
    size = [len(part) for part in got]
    assert whole(got, len(p)) and max(size) - min(size) <= 1


@pytest.mark.parametrize("way", [KMeans, Stripes])
def test_parts_of_a_line_are_runs(way):
    got = way().split(raster(1, 30), 4, None)
    assert all(np.ptp(part) == len(part) - 1 for part in got)


@pytest.mark.parametrize("way", [KMeans, Stripes])
def test_fewer_frames_than_ranks_is_a_clear_error(way):
    with pytest.raises(DataError, match="3 frames, fewer than the 4 ranks"):
        way().split(raster(1, 3), 4, None)


def test_a_position_that_is_not_a_number_is_named():
    p = raster(3, 3)
    p[5, 1] = np.nan
    with pytest.raises(DataError, match="position 5 is not a number"):
        KMeans().split(p, 2, None)


def test_runs_inside_a_part_are_compact():
    p = spiral(2000)
    (part,) = KMeans().split(p, 1, None)
    step = np.linalg.norm(np.diff(p[part], axis=0), axis=1)
    runs = np.array_split(part, 4)
    assert (
        np.median(step) < 2.5 * np.sqrt(np.pi) * 1e-7
    )  # neighbours of this spiral are sqrt(pi) * 1e-7 apart
    assert sum(np.prod(np.ptp(p[r], axis=0)) for r in runs) < 1.2 * np.prod(np.ptp(p, axis=0))


def test_a_split_imports_nothing_that_takes_seconds():
    """All ranks wait meanwhile for rank 0"""
    code = "import sys, numpy; from nanompi.methods.ptycho.partition.kmeans import KMeans\n"
    code += "KMeans().split(numpy.random.default_rng(0).random((60, 2)), 3)\n"
    code += (
        "print(len(sys.modules) > 100, [m for m in ('sklearn', 'scipy.stats', 'numba') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "True []"


@pytest.mark.parametrize("sample", [30_000, 2_000])
def test_balanced_parts_share_no_wider_bands_than_plain_kmeans(sample, monkeypatch):
    """10,000 positions in 8 parts, k-means on all or on some of them: at most 10 % more pixels seen twice"""
    monkeypatch.setattr("nanompi.methods.ptycho.partition.kmeans.SAMPLE", sample)
    at = np.rint(spiral(10_000) / np.sqrt(np.pi) * 1e7 * 14.0).astype(int)
    at -= at.min(axis=0)
    sent = [bands(at, parts, (128, 128)).sent.sum() for parts in (KMeans().split(at, 8), plain_kmeans(at, 8))]
    assert sent[0] <= 1.1 * sent[1]


@pytest.mark.slow
def test_a_million_positions_in_512_parts():
    """Within 4 GB, parts within one frame, the same each time"""
    code = """
import hashlib, sys
import numpy as np
from nanompi.methods.ptycho.partition import checked, kmeans, sizes, walk
from nanompi.methods.ptycho.partition.bands import bands
from nanompi.methods.ptycho.partition.kmeans import KMeans
from nanompi.run.metrics import peak_memory
k = np.arange(1_000_000)
p = np.sqrt(k)[:, None] * np.stack([np.cos(k * 2.399963), np.sin(k * 2.399963)], axis=1) * 1e-7
got = KMeans().split(p, 512)
size = [len(part) for part in got]
print(peak_memory(), min(size), max(size), hashlib.sha1(np.concatenate(got)).hexdigest())
"""
    told = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True) for _ in range(2)]
    assert told[0].returncode == 0, told[0].stderr
    rows = [t.stdout.split() for t in told]
    assert int(rows[0][0]) < 4e9
    assert rows[0][1:3] == ["1953", "1954"] and rows[0][3] == rows[1][3]


@pytest.mark.parametrize(
    ("n", "weights", "want"),
    [
        (10, None, [3, 3, 2, 2]),
        (4, None, [1, 1, 1, 1]),
        (11, [1, 1, 1, 1], [3, 3, 3, 2]),
        (24, [1, 2, 1, 1], [5, 9, 5, 5]),  # one each, and of the other 20 a fifth or two
        (5, [1e-9, 1e-9, 1, 1e-9], [1, 1, 2, 1]),
        (4, [1, 5, 1, 1], [1, 1, 1, 1]),
        (14, [1, 1, 1, 5], [3, 2, 2, 7]),  # shares 2.25, 2.25, 2.25, 7.25: the first of equals
    ],
)
def test_sizes(n, weights, want):
    assert sizes(n, 4, weights).tolist() == want


@pytest.mark.parametrize("weights", [[1, 0], [1, -1], [1, np.nan], [1, np.inf], [1], [1, 1, 1], [[1, 1]]])
def test_weights_that_make_no_sense(weights):
    with pytest.raises(JobError, match="2 numbers above 0"):
        sizes(9, 2, weights)


def test_one_frame_too_few_is_said_in_the_singular():
    assert sizes(2, 2).tolist() == [1, 1]
    with pytest.raises(DataError, match="the scan has 1 frame, fewer than the 2 ranks"):
        sizes(1, 2)


@pytest.mark.parametrize("shape", [(4,), (4, 3), (4, 1), (2, 2, 2)])
def test_positions_of_another_shape_are_refused(shape):
    with pytest.raises(DataError, match="have the shape"):
        checked(np.zeros(shape))


def test_all_positions_that_are_no_numbers_are_counted():
    with pytest.raises(DataError, match=r"position 1 is not a number: \[nan, 3.0\] \(2 of 4 are not"):
        checked([[0, 1], [np.nan, 3], [np.inf, np.nan], [2, 2]])


@pytest.mark.parametrize("turned", [False, True])
def test_a_walk_goes_to_and_fro_in_bands_across_the_longer_axis(turned):
    """Four bands of two rows of three points; inside a band the points go by their column, then by the row"""
    p = np.array([(y, x) for y in range(8) for x in range(3)], float)
    order = walk(p[:, ::-1] if turned else p, band=2.0)
    there, back = [0, 3, 1, 4, 2, 5], [8, 11, 7, 10, 6, 9]
    assert order.tolist() == [*there, *back, *(12 + k for k in there), *(12 + k for k in back)]


def test_bands_are_twice_as_wide_as_points_lie_apart():
    """16 x 4 points a unit apart over 15 x 3: 2 sqrt(45 / 64) = 1.68, so that row 4 begins at 6.7"""
    p = np.array([(y, x) for y in range(16) for x in range(4)], float)
    bands = np.floor(p[:, 0] / 1.677).astype(int)
    assert np.array_equal(bands[walk(p)], np.sort(bands))
    first = p[walk(p)][bands == 0]
    assert (
        np.array_equal(first[:, 1], np.repeat(np.arange(4), 2)) and walk(p + 7).tolist() == walk(p).tolist()
    )


@pytest.mark.parametrize("p", [np.zeros((5, 2)), np.ones((1, 2))])
def test_a_walk_over_points_at_one_place_keeps_their_order(p):
    assert walk(p).tolist() == list(range(len(p)))


def test_a_walk_along_a_line_goes_along_it():
    p = np.array([[0, 3], [0, 0], [0, 2], [0, 1.0]])
    assert walk(p).tolist() == walk(p[:, ::-1]).tolist() == [1, 3, 2, 0]


def test_a_walk_along_a_rough_line_takes_bands_as_wide_as_points_lie_apart_on_it():
    """50 points over 49: bands of 0.98, which hold one or two of them"""
    p = np.c_[np.arange(50.0), np.random.default_rng(0).uniform(0, 1e-3, 50)]
    assert abs(np.diff(walk(p))).max() <= 2 and abs(np.diff(walk(p[:, ::-1]))).max() <= 2


@pytest.mark.parametrize("turned", [False, True])
def test_stripes_are_cut_across_the_longer_axis(turned):
    p = raster(3, 8)[:, ::-1] if turned else raster(3, 8)
    parts = Stripes().split(p, 4, None)
    assert [sorted(set((part % 8).tolist())) for part in parts] == [[0, 1], [2, 3], [4, 5], [6, 7]]
    parts = Stripes().split(p, 2, [1, 2])  # 1 + 22 / 3 = 8.33 frames, so 2 columns of 3 and 2 of the next
    assert [len(part) for part in parts] == [8, 16] and sorted(parts[0] % 8) == [0] * 3 + [1] * 3 + [2] * 2
    assert sorted(parts[0] // 8) == [0, 0, 0, 1, 1, 1, 2, 2]  # of column 2 the first rows


def test_neighbours_are_pairs_of_near_parts_and_join_all():
    grid = raster(4, 4) / 5e-7
    pairs = kmeans._neighbours(grid)
    assert np.all(pairs[:, 0] < pairs[:, 1]) and len(np.unique(pairs, axis=0)) == len(pairs)
    near = {(a, b) for a in range(16) for b in range(a) if abs(grid[a] - grid[b]).max() == 1}
    assert {(b, a) for a, b in pairs.tolist()} >= near
    far = np.concatenate(
        [grid, grid + np.array([0, 1000])]
    )  # two groups: only the tree joins them, by one pair
    across = [(a, b) for a, b in kmeans._neighbours(far).tolist() if a < 16 <= b]
    assert len(across) == 1 and far[across[0][1], 1] - far[across[0][0], 1] == 997
    assert kmeans._neighbours(grid[:2]).tolist() == [[0, 1]]
    assert len(kmeans._neighbours(np.c_[np.arange(20.0) ** 2, np.zeros(20)])) < 19 * 10


def test_surplus_flows_by_short_hops_to_where_frames_are_missing():
    centres = np.array([[0, 0], [0, 1.0], [0, 2.0]])
    edges = np.array([(a, b) for a in range(3) for b in range(3) if a != b])
    assert kmeans._cheapest(np.array([3, 0, -3]), edges, centres) == {(0, 1): 3, (1, 2): 3}
    assert kmeans._cheapest(np.array([0, 0, 0]), edges, centres) == {}
    assert kmeans._cheapest(np.array([-1, 2, -1]), edges, centres) == {(1, 0): 1, (1, 2): 1}


def test_the_frames_nearest_to_the_other_part_flow():
    q = np.c_[np.zeros(9), np.arange(9.0)]
    label = np.array([0] * 7 + [1] * 2)
    kmeans._flow(q, label, np.array([5, 4]))
    assert label.tolist() == [0] * 5 + [1] * 4


def test_what_flows_on_must_have_come_in_first():
    """Part 1 has one frame and passes on three: those that came from part 0 and lie nearest to part 2"""
    q = np.c_[np.zeros(9), np.arange(9.0)]
    label = np.array([0] * 6 + [1] + [2] * 2)
    kmeans._flow(q, label, np.array([3, 1, 5]))
    assert label.tolist() == [0, 0, 0, 1, 2, 2, 2, 2, 2]


@pytest.mark.parametrize("label", [[0, 0, 1, 1], [0, 0, 0, 0], [1, 1, 1, 1]])
def test_nothing_is_shared_anew_where_no_frame_lies_beyond_the_border(label):
    """Frames at one place may be on both sides of it; a part may have none"""
    q, found = np.array([[0, 0], [0, 1.0], [0, 1.0], [0, 2.0]]), np.array(label)
    assert not kmeans._share_anew(q, found, 2) and found.tolist() == label


def test_two_parts_share_their_frames_by_the_border_between_them():
    q = np.c_[np.zeros(8), np.arange(8.0)]
    label = np.array([0, 0, 1, 0, 0, 1, 1, 1])
    assert kmeans._share_anew(q, label, 2) and label.tolist() == [0] * 4 + [1] * 4
    assert not kmeans._share_anew(q, label, 2) and label.tolist() == [0] * 4 + [1] * 4


def test_centres_members_and_spread():
    q = np.array([[0, 0], [2, 4], [5, 7.0]])
    assert kmeans._centres(q, np.array([0, 0, 2]), 4).tolist() == [[1, 2], [0, 0], [5, 7], [0, 0]]
    assert [m.tolist() for m in kmeans._members(np.array([2, 0, 2, 0]), 4)] == [[1, 3], [], [0, 2], []]
    spread_out = kmeans._spread(np.array([[0, 0], [3, 10.0], [3, 2]]))
    assert spread_out == pytest.approx(np.array([[-0.2, -0.4], [0.1, 0.6], [0.1, -0.2]]), abs=1.1e-6)
    same = kmeans._spread(np.zeros((50, 2)))
    assert len(np.unique(same)) == 100 and 5e-7 < abs(same).max() <= 1e-6


def test_parts_are_numbered_along_a_walk():
    """4 x 4 groups of frames 10 apart: each rank has one, and the next one is beside it"""
    groups = np.repeat(raster(4, 4) / 5e-8, 4, axis=0)
    p = groups + np.random.default_rng(0).uniform(-0.2, 0.2, groups.shape)
    centres = np.array([groups[part].mean(axis=0) for part in KMeans().split(p, 16, None)])
    assert np.linalg.norm(np.diff(centres, axis=0), axis=1) == pytest.approx(10)


def test_one_frame_more_goes_to_the_parts_that_are_largest_already():
    """Groups of 4, 3 and 3 frames far apart: nobody has to move"""
    p = np.concatenate([np.c_[np.arange(n) * 1.0, np.full(n, at)] for n, at in ((3, 0), (4, 100), (3, 200))])
    parts = KMeans().split(p, 3, None)
    assert sorted(sorted(part.tolist()) for part in parts) == [[0, 1, 2], [3, 4, 5, 6], [7, 8, 9]]
