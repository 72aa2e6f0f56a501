"""Hot and dead pixels are found, bright and dark beams are left alone; mask files of three kinds."""

import h5py
import numpy as np
import pytest

from nanompi.errors import DataError
from nanompi.prep.mask import Mask, dead, hot, mask
from nanompi.prep.sample import Sample, sample_of

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
