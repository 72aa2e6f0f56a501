"""Removal of stripes: equal to algotom's, by the numbers, and without a trace of what was put in."""

import numpy as np
import pytest
from scipy import ndimage

from nanompi.device.cpu import Cpu
from nanompi.methods.tomo.phantom import grains
from nanompi.methods.tomo.stripes.detect import grown, outliers
from nanompi.methods.tomo.stripes.remove import dead_columns, fill, large_stripes, rank_sort

N, A, SNR, SIZE, LARGE = 256, 200, 3.0, 21, 51
DEVICE = Cpu("single", threads=1)


def distinct(t: np.ndarray) -> np.ndarray:
    """Values next to these, no two in a column equal: ranks of equal ones are a matter of taste"""
    for c in range(t.shape[1]):
        while len(np.unique(t[:, c])) < len(t):
            order = np.argsort(t[:, c], kind="stable")
            v = t[order, c]
            same = np.flatnonzero(np.diff(v) <= 0) + 1
            v[same] = np.nextafter(v[same - 1], np.float32(9))
            t[order, c] = v
    return t


def clean(seed=3) -> np.ndarray:
    """(A, N) transmissions, with noise"""
    rng, phantom = np.random.default_rng(seed), grains(N, 1, 1.5, seed)
    p = [phantom.projection(a * np.pi / A, 1, N, (N - 1) / 2)[0] for a in range(A)]
    return np.exp(-np.stack(p) + rng.normal(0, 0.005, (A, N))).astype(np.float32)


def striped(seed=3) -> np.ndarray:
    """The same with weak gains everywhere, a strong one, a dead column and a fluctuating one"""
    rng, t = np.random.default_rng(seed), clean(seed)
    t *= (1 + rng.normal(0, 0.01, N)).astype(np.float32)
    t[:, 40] *= 1.3
    t[:, 70] = 0.5 + 1e-4 * rng.random(A)
    t[:, 90] = rng.uniform(0.2, 1, A)
    return distinct(t)


def own(method: str, t: np.ndarray) -> np.ndarray:
    """By the functions of the program, one sinogram"""
    t = t[None]
    if method in ("dead", "all"):
        t = fill(DEVICE, t, dead_columns(DEVICE, t, SNR, LARGE))
    t = t if method == "sort" else large_stripes(DEVICE, t, SNR, LARGE)
    return (rank_sort(DEVICE, t, SIZE) if method in ("sort", "all") else t)[0]


@pytest.mark.slow
def test_equal_to_algotom():
    """To 1e-6. After `large` values that are equal to 1e-7 may change ranks by rounding: a few values
    of `all` are those of the next rank"""
    from algotom.prep import removal

    t = striped()
    theirs = {
        "sort": removal.remove_stripe_based_sorting(t, SIZE),
        "large": removal.remove_large_stripe(t, SNR, LARGE),
        "dead": removal.remove_dead_stripe(t, SNR, LARGE),
        "all": removal.remove_all_stripe(t, SNR, LARGE, SIZE),
    }
    apart = {name: abs(own(name, t) - one) for name, one in theirs.items()}
    assert max(apart[name].max() for name in ("sort", "large", "dead")) < 1e-6
    assert (apart["all"] > 1e-6).mean() < 2e-3 and apart["all"].max() < 0.01


def stripes_left(out: np.ndarray) -> np.ndarray:
    """(N,) mean of each column, less that of the clean sinogram and less what its neighbours have"""
    error = (out - clean()).mean(0)
    return abs(error - ndimage.median_filter(error, SIZE))


def test_each_method_removes_its_kind():
    """Weak stripes and a strong one: to a third by sort. The dead and the fluctuating column: best by all"""
    bad, best = striped(), own("all", striped())
    weak = np.setdiff1d(np.arange(N), [69, 70, 71, 89, 90, 91])
    rms = lambda t: np.sqrt(np.mean(stripes_left(t)[weak] ** 2))  # noqa: E731
    assert rms(own("sort", bad)) < rms(bad) / 3 and rms(best) < rms(bad) / 3
    assert stripes_left(own("large", bad))[40] < 0.1 * stripes_left(bad)[40]
    spread = lambda t, c: abs(t[:, c] - clean()[:, c]).max()  # noqa: E731
    for c in (70, 90):
        assert spread(best, c) < 0.2 * spread(bad, c) and spread(best, c) < 0.7 * spread(own("sort", bad), c)


def test_dead_columns_are_seen_with_their_neighbours():
    """The stuck one and the fluctuating one, and few others"""
    dead = dead_columns(DEVICE, striped()[None], SNR, LARGE)[0]
    assert dead[[69, 70, 71, 89, 90, 91]].all() and dead.sum() < 0.1 * N
    assert not dead_columns(DEVICE, np.ones((1, A, N), np.float32), SNR, LARGE).any()


def test_dead_columns_are_filled_on_a_straight_line():
    t = np.arange(8.0)[None, None] * np.ones((1, 3, 1))
    dead = np.zeros((1, 8), bool)
    dead[0, [2, 3, 5]] = True
    broken = np.where(dead[:, None], -9, t)
    assert fill(DEVICE, broken, dead) == pytest.approx(t)


def test_outliers_stand_out_of_noise_and_of_nothing_else():
    values = 1 + np.random.default_rng(0).normal(0, 0.01, 500)
    assert not outliers(values, 3.0).any() and not outliers(np.ones(500), 3.0).any()
    values[[7, 300]] = 1.5, 0.4
    assert np.flatnonzero(outliers(values, 3.0)).tolist() == [7, 300]
    assert np.flatnonzero(grown(outliers(values, 3.0))).tolist() == [6, 7, 8, 299, 300, 301]
    assert not outliers(np.array([1.0, 2.0]), 3.0).any()
