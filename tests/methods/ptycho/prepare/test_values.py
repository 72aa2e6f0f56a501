"""What is not measured, what a stored value is in counts, and their type: at the very limits."""

import numpy as np
import pytest

from nanompi.methods.ptycho.prepare.values import disproved, in_counts, limit, lost, tight

LIMITS = [
    (None, "u2", 4095.0, None),
    (5.0, "u2", 4.0, 5.0),
    ("auto", "u2", None, 65535.0),
    ("auto", "i4", None, 2.0**31 - 1),
    ("auto", "f4", None, None),
    ("auto", "u2", 4095.0, 4095.0),
    ("auto", "u1", 4095.0, 255.0),
    ("auto", "f4", 100.0, 100.0),
    ("auto", "u2", 0, 65535.0),
]


@pytest.mark.parametrize("saturated, dtype, said, want", LIMITS)
def test_values_are_saturated_from_here_on(saturated, dtype, said, want):
    assert limit(saturated, np.dtype(dtype), said) == want


DEPTHS = [
    (range(256, 260), 255.0, True),
    (range(256, 259), 255.0, False),  # three values beyond may be markers
    (range(255, 259), 255.0, False),  # the limit itself is not beyond it
    (range(300, 400), 250.0, False),  # no bit depth, but what somebody has measured
    (range(300, 400), None, False),
    ([], 255.0, False),
]


@pytest.mark.parametrize("some, top, want", DEPTHS)
def test_a_bit_depth_is_disproved_by_many_values_beyond(some, top, want):
    assert disproved(np.array(some, np.uint32), top) is want


LOST = [
    ("u2", [0, 65535], None, None),
    ("u2", [0, 65534], 65535.0, None),
    ("u2", [0, 65534, 65535], 65535.0, [0, 0, 1]),
    ("i4", [0, 3], None, None),
    ("i4", [-1, 0, 3], None, [1, 0, 0]),
    ("i4", [-2, 3, 10, 11], 10.0, [1, 0, 1, 1]),
    ("f4", [0, 1e30], None, None),
    ("f4", [np.nan, 0, np.inf, -np.inf, -0.5], None, [1, 0, 1, 1, 1]),
    ("f4", [0, np.inf], None, [0, 1]),
    ("f4", [0, 9.9, 10], 10.0, [0, 0, 1]),
    ("f4", [], 10.0, None),
]


@pytest.mark.parametrize("dtype, values, top, want", LOST)
@pytest.mark.parametrize("peaks", [True, False])
def test_what_was_not_measured(dtype, values, top, want, peaks):
    block = np.array(values, dtype).reshape(-1, 1, 1)
    found = lost(block, top, block.max(0) if peaks and len(block) else None)
    assert (found is None) if want is None else found.ravel().tolist() == [bool(w) for w in want]


def test_counts_are_values_over_the_gain():
    block = np.array([[[2, 4, 5, 0]]], np.uint16)
    assert in_counts(block, 1, False) is block
    for whole in (True, False):
        found = in_counts(block, 2.0, whole)
        assert found.dtype == np.float32 and found.ravel().tolist() == [1, 2, 2.5, 0]
    near = np.array([[[2.1, 2.3]]])
    assert in_counts(near, 2.0, True).ravel() == pytest.approx([1, 1.15])
    assert in_counts(near, 2.0, False).ravel() == pytest.approx([1.05, 1.15])
    assert in_counts(np.full((1, 1, 1), 1e-50), 1e-50, False).item() == 1  # below what float32 can hold


TIGHT = [
    ("u1", [0, 255], "u2"),
    ("u4", [0, 65535], "u2"),
    ("u4", [0, 65536], "f4"),
    ("i2", [-1, 3], "f4"),
    ("i4", [0, 65535], "u2"),
    ("i4", [-1, 3], "f4"),
    ("f4", [0, 1, 65535], "u2"),
    ("f4", [0, 65536], "f4"),
    ("f4", [-1, 1], "f4"),
    ("f4", [0.5], "f4"),
    ("f4", [0, 0.5], "f4"),
    ("f8", [0, 1.5], "f4"),
    ("f4", [], "u2"),
]


@pytest.mark.parametrize("dtype, values, want", TIGHT)
def test_counts_take_two_bytes_where_they_can(dtype, values, want):
    found = tight(np.array(values, dtype).reshape(-1, 1, 1))
    assert found.dtype == np.dtype(want) and found.ravel().tolist() == values


@pytest.mark.parametrize("block", [np.ones((1, 2, 2), np.uint16), np.full((1, 2, 2), 0.5, np.float32)])
def test_no_copy_of_counts_that_are_tight_already(block):
    assert tight(block) is block
