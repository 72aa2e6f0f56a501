"""Parts whose sizes change: frames at the borders move, no others."""

import numpy as np
import pytest

from nanompi.methods.ptycho.partition.kmeans import KMeans
from nanompi.methods.ptycho.partition.stripes import Stripes
from tests.methods.ptycho.partition.test_kmeans import SCANS, spread, whole


def changed(old, new) -> int:
    """Frames that are in another part"""
    return sum(np.isin(b, a, invert=True).sum() for a, b in zip(old, new))


@pytest.mark.parametrize("way", [KMeans, Stripes])
@pytest.mark.parametrize("scan", SCANS)
@pytest.mark.parametrize("parts", [1, 2, 3, 7, 16])
def test_each_frame_once_and_sizes_follow_the_weights(way, scan, parts):
    p, weights = SCANS[scan], np.where(np.arange(parts) == parts // 2, 0.5, 1.0)
    got = way().moved(p, way().split(p, parts, None), weights)
    assert whole(got, len(p)) and all(part.dtype == np.int64 for part in got)
    want = len(p) * weights / weights.sum()
    assert [len(part) for part in got] == pytest.approx(want, abs=2)


@pytest.mark.parametrize("scan", SCANS)
@pytest.mark.parametrize("parts", [2, 3, 7, 16])
def test_few_frames_move_and_the_parts_stay_compact(scan, parts):
    """One of the parts gives half of its frames away; a chain of neighbours may have to pass some on"""
    p, weights = SCANS[scan], np.where(np.arange(parts) == 0, 0.5, 1.0)
    old = KMeans().split(p, parts, None)
    got = KMeans().moved(p, old, weights)
    least = len(old[0]) - len(got[0])
    assert changed(old, got) <= 0.5 * len(p) and least >= 0.3 * len(old[0])
    assert spread(p, got) <= 1.25 * spread(p, KMeans().split(p, parts, weights))


def test_equal_weights_move_nothing():
    p = SCANS["jittered"]
    old = KMeans().split(p, 4, None)
    assert changed(old, KMeans().moved(p, old, np.ones(4))) <= 4


def test_many_parts():
    """512 parts, one of half the speed: its neighbours take its frames, others keep most of theirs"""
    p = np.random.default_rng(1).uniform(0, 1, (10240, 2))
    old = KMeans().split(p, 512, None)
    got = KMeans().moved(p, old, np.where(np.arange(512) == 100, 0.5, 1.0))
    assert whole(got, len(p)) and len(got[100]) == pytest.approx(10, abs=1)
    assert changed(old, got) <= 0.1 * len(p)
