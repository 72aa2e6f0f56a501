"""Rows of an array that lies partly on the card: taken to the host in blocks, put back in any order.

The card is played by NumPy arrays with `get` and `set`.
"""

from types import SimpleNamespace

import numpy as np
import pytest

from nanompi.device.streamed import StreamedArray


class OnCard(np.ndarray):
    """An array of the card."""

    def get(self):
        return np.array(self)

    def set(self, host):
        self[...] = host


def card():
    xp = SimpleNamespace(empty=lambda shape, dtype: np.empty(shape, dtype).view(OnCard), asarray=np.asarray)
    return SimpleNamespace(xp=xp, pinned=np.empty, pin=lambda a: a, wait=lambda: None, release=lambda: None)


@pytest.mark.parametrize("held", [0, 4, 10], ids=["host", "both", "card"])
def test_rows_go_and_come_back(held):
    rows = StreamedArray(card(), (10, 3, 2), np.complex64, held)
    want = np.random.default_rng(0).standard_normal((10, 3, 2)).astype(np.complex64)
    order = np.random.default_rng(1).permutation(10)
    rows.put(order[:7], want[order[:7]])
    rows.put(order[7:], want[order[7:]].astype(np.complex128))
    for f in (slice(0, 10), slice(0, 3), slice(2, 7), slice(4, 9)):
        got = rows.take(f)
        assert type(got) is np.ndarray and got.dtype == np.complex64 and np.array_equal(got, want[f]), f
    assert np.array_equal(rows.get(), want)
