"""Hot and dead pixels are found, bright and dark beams are left alone; mask files of three kinds."""

import h5py
import numpy as np
import pytest

from nanompi.errors import DataError
from nanompi.methods.ptycho.prepare.mask import Mask, dead, hot, left_of, mask
from nanompi.methods.ptycho.prepare.sample import Sample, sample_of

GOOD = np.ones((64, 64), bool)


@pytest.fixture
def total():
    """Sum of many frames: a disc of 400 counts with sharp edge, hardly anything outside."""
    y, x = np.mgrid[:64, :64] - 32
    return np.random.default_rng(0).poisson(np.where(np.hypot(y, x) < 15, 400.0, 0.3)).astype(float)


def test_no_pixel_of_a_sharp_disc_is_hot(total):
    assert not hot(total, GOOD, 12).any()


def test_a_focused_beam_two_pixels_wide_is_not_hot():
    y, x = np.mgrid[:64, :64] - 32
    assert not hot(1e6 * np.exp(-(y**2 + x**2) / (2 * 0.85**2)), GOOD, 12).any()


def test_hot_pixels_inside_and_outside_the_beam(total):
    for at in ((5, 5), (5, 6), (32, 40), (0, 63)):
        total[at] += 20 * np.sqrt(total[at] + 20)
    assert set(zip(*np.nonzero(hot(total, GOOD, 12)))) == {(5, 5), (5, 6), (32, 40), (0, 63)}


def test_dead_pixels_and_gaps_but_not_the_dark_outside(total):
    total[30:33] = 0
    total[40, 28] = 0
    found = dead(total, GOOD)
    assert found[30:33, 25:39].all() and found[40, 28]
    y, x = np.mgrid[:64, :64] - 32
    assert not found[np.hypot(y, x) > 16].any()
    assert not dead(np.where(total > 100, total, 0), GOOD)[:15].any()


def seen(total, frames=8):
    return Sample(frames, total, np.full(total.shape, frames), np.full(frames, 100))


@pytest.mark.parametrize("kind", ["npy", "npz", "h5"])
@pytest.mark.parametrize("invert", [False, True])
def test_mask_files(kind, invert, tmp_path, total):
    stored = GOOD.copy()
    stored[3, 4] = False
    inside = ~stored if invert else stored
    path = tmp_path / f"m.{kind}"
    if kind == "npy":
        np.save(path, inside)
    elif kind == "npz":
        np.savez(path, other=1, m=inside)
    else:
        with h5py.File(path, "w") as f:
            f["/entry/m"] = inside[None].astype(np.uint32)
    inner = {"npy": "", "npz": "m", "h5": "/entry/m"}[kind]
    good, why = mask(Mask(file=str(path), path=inner, invert=invert), None, (64, 64), seen(total))
    assert np.array_equal(good, stored) and why == {"file": 1}


def test_all_reasons_add_up(total):
    stored = GOOD.copy()
    stored[:2] = False
    total[10, 10], total[32, 32] = 1e5, 0
    sample = seen(total)
    sample.seen[5, :4] = 3
    good, why = mask(Mask(hot=12, dead=True), stored, (64, 64), sample)
    assert why == {"scan": 128, "never measured": 4, "hot": 1, "dead": 1} and (~good).sum() == 134


WRONG = [
    ("m.npy", "", "shape"),
    ("m.npz", "q", 'no array "q"'),
    ("m.h5", "", "say which array"),
    ("m.h5", "/q", "no dataset /q"),
    ("text.npy", "", "cannot be read"),
]


@pytest.mark.parametrize("name, inner, words", WRONG)
def test_what_is_wrong_with_a_mask_file_is_said(name, inner, words, tmp_path, total):
    np.save(tmp_path / "m.npy", np.ones((3, 4)))
    np.savez(tmp_path / "m.npz", m=GOOD)
    (tmp_path / "text.npy").write_text("hello")
    with h5py.File(tmp_path / "m.h5", "w") as f:
        f["m"] = GOOD
    with pytest.raises(DataError, match=words):
        mask(Mask(file=str(tmp_path / name), path=inner), None, (64, 64), seen(total))


@pytest.mark.parametrize("n", [1, 5, 64, 65, 1000, 123457])
def test_the_sample_is_spread_over_the_scan(n):
    index = sample_of(n)
    assert len(index) == min(n, 64) and index[0] >= 0 and index[-1] < n
    assert len(np.unique(index)) == len(index)
    assert np.diff(np.r_[0, index, n]).max() <= max(1, 2 * n / 64 + 1)


def test_the_sample_follows_no_column_of_a_raster():
    assert len(np.unique(sample_of(6400) % 100)) > 30


@pytest.mark.parametrize("at", [(5, 5), (0, 3), (8, 9), (0, 0)])
@pytest.mark.parametrize(
    "around, sigma, above, want", [(8, 4, 12, 0), (8, 4, 12.1, 1), (0, 12, 12, 0), (0, 12, 13, 1)]
)
def test_hot_is_so_many_sigma_above_the_neighbours(at, around, sigma, above, want):
    """sqrt(8 + 1) = 3 is the sigma of 8 counts"""
    total = np.full((9, 10), float(around))
    total[at] += above
    assert np.argwhere(hot(total, np.ones((9, 10), bool), sigma)).tolist() == [list(at)] * want


def test_hot_where_neighbours_differ():
    """Four of 0, four of 200: their median is 100, their deviation 1.48 x 100"""
    total, good = np.full((5, 5), 100.0), np.ones((5, 5), bool)
    total[1, 1:4], total[2, 1], total[2, 3], total[3, 1:4] = 0, 0, 200, 200
    for own, want in ((100 + 148 * 4, False), (101 + 148 * 4, True)):
        total[2, 2] = own
        assert hot(total, good, 4)[2, 2] == want
    good[2, 2] = False
    assert not hot(total, good, 4)[2, 2]
    good[2, 2], good[2, 3] = True, False  # 0 counts then: the median is 0, three of eight differ
    assert hot(np.where(total == 693, 13, total), good, 12)[2, 2]


DEADS = [
    ([30, 0, 30], 1, True),
    ([29, 0, 30], 1, False),
    ([30, 0, 0, 0, 31], 2, True),
    ([30, 0, 0], 1, False),
]


@pytest.mark.parametrize("counts, at, want", DEADS)
@pytest.mark.parametrize("turn", [False, True])
def test_dead_between_thirty_counts(counts, at, want, turn):
    total = np.zeros((3, len(counts)))
    total[1] = counts
    found = dead(total.T if turn else total, np.ones(total.T.shape if turn else total.shape, bool))
    found = found.T if turn else found
    assert found[1, at] == want and not found[0].any() and not found[2].any()
    assert found.sum() == want * counts.count(0)


def test_dead_are_good_pixels_without_a_single_count():
    total, good = np.full((1, 5), 99.0), np.ones((1, 5), bool)
    total[0, 1], total[0, 3] = 1, 0
    assert dead(total, good).tolist() == [[False, False, False, True, False]]
    good[0, 3] = False
    assert not dead(total, good).any()
    total[0, 1:4] = [0, 40, 40]
    good[0, 2:] = False  # what is masked is no neighbour
    assert not dead(total, good).any()


def test_what_is_left_of_the_pixels_with_counts():
    total, good = np.zeros((4, 5)), np.zeros((4, 5), bool)
    good[:, 0] = True
    assert left_of(seen(total), good) == 0.2
    total[:2] = 0.5
    good[1, 1] = True
    assert left_of(seen(total), good) == 0.3
    sample, bad = seen(total), np.zeros((4, 5), bool)
    bad[0, 1:] = True
    sample.bad = {"marked": bad}
    assert left_of(sample, good) == 0.5


@pytest.mark.parametrize("left, fails", [(10, False), (9, True)])
def test_less_than_one_pixel_in_a_hundred(left, fails):
    total, good = np.ones((20, 50)), np.zeros((20, 50), bool)
    good[0, :left] = True
    if fails:
        with pytest.raises(DataError, match="leaves 9 of 1000"):
            mask(Mask(), good, (20, 50), seen(total))
    else:
        assert mask(Mask(), good, (20, 50), seen(total))[1] == {"scan": 990}


def test_reasons_of_one_name_are_one(total):
    sample, bad = seen(total), np.zeros((64, 64), bool)
    total[10, 10], bad[20, :3] = 1e5, True
    sample.bad = {"hot": bad, "marked": bad}
    good, why = mask(Mask(hot=12), None, (64, 64), sample)
    assert why == {"hot": 4} and (~good).sum() == 4
    assert mask(Mask(faulty=False), None, (64, 64), seen(total))[1] == {}


def test_a_mask_file_with_nan(tmp_path, total):
    stored = np.ones((64, 64))
    stored[1, 1], stored[2, 2] = np.nan, 0
    np.save(tmp_path / "m.npy", stored)
    for invert in (False, True):
        given = Mask(file=str(tmp_path / "m.npy"), invert=invert)
        if invert:
            stored[3:] = 0
            np.save(tmp_path / "m.npy", stored)
        good, _ = mask(given, None, (64, 64), seen(total))
        assert not good[1, 1] and good[2, 2] == invert
