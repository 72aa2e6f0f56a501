"""A Cut is the same as transposing, flipping, padding and shifting one after the other."""

import numpy as np
import pytest

from nanompi.prep.crop import cut, good_sizes, runs


@pytest.mark.parametrize("corner", [(False, False), (False, True), (True, False), (True, True)])
@pytest.mark.parametrize("number", range(8))
@pytest.mark.parametrize(
    "start, size", [((0, 0), (10, 13)), ((-3, 2), (9, 14)), ((4, -1), (12, 5)), ((2, 3), (1, 2))]
)
def test_one_pass_equals_many(corner, number, start, size):
    block = np.arange(1, 2 * 10 * 13 + 1, dtype=np.uint16).reshape(2, 10, 13)
    o = (bool(number & 4), bool(number & 2), bool(number & 1))
    x = np.fft.fftshift(block, axes=(1, 2)) if corner[0] else block
    x = x.swapaxes(1, 2) if o[0] else x
    x = x[:, ::-1] if o[1] else x
    x = x[:, :, ::-1] if o[2] else x
    x = np.pad(x, ((0, 0), (20, 20), (20, 20)))
    x = x[:, 20 + start[0] : 20 + start[0] + size[0], 20 + start[1] : 20 + start[1] + size[1]]
    x = np.fft.ifftshift(x, axes=(1, 2)) if corner[1] else x
    got = cut((10, 13), o, start, size, *corner)(block)
    assert got.dtype == np.uint16 and np.array_equal(got, x)


def test_nothing_is_copied_where_nothing_changes():
    block = np.zeros((2, 5, 6))
    assert cut((5, 6), (False, False, False), (0, 0), (5, 6), False, False)(block) is block


def test_runs_are_few():
    assert runs(np.array([5, 6, 7, -1, -1, 2, 1, 0])) == [
        (slice(0, 3), slice(5, 8, 1)),
        (slice(5, 8), slice(2, None, -1)),
    ]


def test_good_sizes():
    assert good_sizes(30) == [2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 24, 28, 30]
