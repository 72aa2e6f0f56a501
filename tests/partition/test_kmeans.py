"""Parts are whole, equal, compact, and the same each time."""

import subprocess
import sys

import numpy as np
import pytest

from nanompi.errors import DataError, JobError
from nanompi.partition.bands import bands
from nanompi.partition.kmeans import KMeans
from nanompi.partition.stripes import Stripes


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


def test_weights_that_make_no_sense():
    with pytest.raises(JobError, match="above 0"):
        KMeans().split(raster(3, 3), 2, [1.0, 0.0])


def test_runs_inside_a_part_are_compact():
    p = spiral(2000)
    (part,) = KMeans().split(p, 1, None)
    step = np.linalg.norm(np.diff(p[part], axis=0), axis=1)
    runs = np.array_split(part, 4)
    assert (
        np.median(step) < 2.5 * np.sqrt(np.pi) * 1e-7
    )  # neighbours of this spiral are sqrt(pi) * 1e-7 apart
    assert sum(np.prod(np.ptp(p[r], axis=0)) for r in runs) < 1.2 * np.prod(np.ptp(p, axis=0))


def test_scikit_learn_is_imported_only_when_used():
    code = "import sys, nanompi.partition.kmeans, nanompi.partition.stripes; print('sklearn' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"
    )


@pytest.mark.parametrize("sample", [30_000, 2_000])
def test_balanced_parts_share_no_wider_bands_than_plain_kmeans(sample, monkeypatch):
    """10,000 positions in 8 parts, k-means on all or on some of them: at most 10 % more pixels seen twice"""
    monkeypatch.setattr("nanompi.partition.kmeans.SAMPLE", sample)
    at = np.rint(spiral(10_000) / np.sqrt(np.pi) * 1e7 * 14.0).astype(int)
    at -= at.min(axis=0)
    sent = [bands(at, parts, (128, 128)).sent.sum() for parts in (KMeans().split(at, 8), plain_kmeans(at, 8))]
    assert sent[0] <= 1.1 * sent[1]


@pytest.mark.slow
def test_a_million_positions_in_512_parts():
    """Within 4 GB, parts within one frame, the same each time"""
    code = """
import hashlib, resource, sys
import numpy as np
from nanompi.partition.bands import bands
from nanompi.partition.kmeans import KMeans
k = np.arange(1_000_000)
p = np.sqrt(k)[:, None] * np.stack([np.cos(k * 2.399963), np.sin(k * 2.399963)], axis=1) * 1e-7
got = KMeans().split(p, 512)
size = [len(part) for part in got]
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(peak, min(size), max(size), hashlib.sha1(np.concatenate(got)).hexdigest())
"""
    told = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True) for _ in range(2)]
    assert told[0].returncode == 0, told[0].stderr
    rows = [t.stdout.split() for t in told]
    assert int(rows[0][0]) < 4e9
    assert rows[0][1:3] == ["1953", "1954"] and rows[0][3] == rows[1][3]
