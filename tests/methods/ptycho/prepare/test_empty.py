"""Which frames have no counts, and could that be chance."""

from types import SimpleNamespace

import numpy as np
import pytest

from nanompi.methods.ptycho.prepare import empty
from nanompi.methods.ptycho.prepare.empty import brightest, dark_frames, improbable
from tests.memory import scan_of


@pytest.mark.parametrize("shape, want", [((10, 10), range(68, 100)), ((4, 8), range(32)), ((1, 5), range(5))])
def test_the_brightest_pixels(shape, want):
    order = np.random.default_rng(0).permutation(shape[0] * shape[1])
    mean = np.empty(order.size)
    mean[order] = np.arange(order.size)
    found = brightest(mean.reshape(shape))
    assert found.tolist() == sorted(order[list(want)].tolist())


def test_a_frame_is_dark_where_no_pixel_has_a_count():
    counts = np.zeros((5, 4, 5), np.float32)
    counts[1, 0, 1], counts[2, 3, 4], counts[3, 0, 1], counts[3, 2, 2] = 1, 0.25, -1, -1
    assert dark_frames(counts, np.array([1, 7])).tolist() == [True, False, False, True, True]


CHANCE = [  # pixels with counts in the frames looked at, part that is kept, frames: no chance?
    ([20] * 10, 1.0, 1, False),
    ([21] * 10, 1.0, 1, True),
    ([21] * 10, 1.0, 0, True),
    ([21] * 10, 1.0, 2, True),
    ([21] * 10, 1.0, 3, False),
    ([26] * 10, 1.0, 1000, False),  # 20 + log(1000) = 26.9
    ([27] * 10, 1.0, 1000, True),
    ([40] * 10, 0.5, 1, False),
    ([42] * 10, 0.5, 1, True),
    ([42] * 10 + [0] * 90, 0.5, 1, True),  # what was dark itself does not count
    ([21] + [19] * 2 + [100] * 30, 1.0, 1, True),  # the darkest tenth
    ([21] + [1] * 5 + [100] * 30, 1.0, 1, False),
    ([19] + [100] * 10, 1.0, 1, True),
    ([10] + [30] * 10, 1.0, 8000, True),  # 29.0
    ([10] * 2 + [1000] * 9, 1.0, 1, False),
    ([0] * 10, 1.0, 1, False),
    ([1] * 10, 25.0, 1, True),
    ([], 1.0, 1, False),
]


@pytest.mark.parametrize("lit, part, n, want", CHANCE)
def test_chance_makes_no_frame_of_many_counts_dark(lit, part, n, want):
    assert improbable(SimpleNamespace(lit=np.array(lit, int)), part, n) is want


@pytest.mark.parametrize(
    "lost", [[], [0], [63], [64], [199], range(64), range(1, 200, 2), range(199), range(200)]
)
def test_rows_that_are_kept_move_together_in_place(lost):
    keep = ~np.isin(np.arange(200), list(lost))
    counts = np.arange(600).reshape(200, 3)
    want = counts[keep].copy()
    found = empty._closed(counts, keep)
    assert np.array_equal(found, want) and np.shares_memory(found, counts) == bool(keep.any())


METHODS = [  # sizes of the parts, are they split anew?
    ((6, 4), False),  # 1.2 times the mean is still even
    ((7, 4), True),
    ((2, 0), True),
    ((5, 5), False),
]


@pytest.mark.parametrize("sizes, want", METHODS)
@pytest.mark.parametrize("saved", [False, True])
def test_uneven_parts_are_split_anew(sizes, want, saved, monkeypatch):
    numbers = np.arange(sum(sizes))
    parts = [numbers[: sizes[0]], numbers[sizes[0] :]]
    new = [numbers[::2], numbers[1::2]]
    scan = scan_of(np.zeros((len(numbers), 2, 3), np.uint16)).split(parts)
    run = SimpleNamespace(data={"data": scan}, team=SimpleNamespace(on_root=lambda f: f(), rank=1))
    monkeypatch.setattr(empty, "parts_of", lambda run, split: new)
    monkeypatch.setattr(empty, "saved_parts", lambda run: saved)
    monkeypatch.setattr(empty, "moved", lambda team, ways, rows, shape, dtype: (shape, dtype))
    counts = np.zeros((sizes[1], 2, 3), np.uint16)
    found = empty._evened(run, counts, "stripes")
    if want or saved:
        assert run.data["data"].parts is new and found == ((2, 3), np.uint16)
    else:
        assert run.data["data"].parts is parts and found is counts
    run.data["data"], new[:] = scan.split([*parts]), parts
    assert empty._evened(run, counts, "stripes") is counts  # the same parts again: nothing moves
