"""Frames stored in half precision: sums of pixels that it cannot hold, and values beyond its end."""

import warnings

import numpy as np

from nanompi.methods.ptycho.prepare.rebin import rebin
from nanompi.methods.ptycho.prepare.values import tight


def test_sums_of_half_precision_pixels_are_exact():
    block = np.full((1, 4, 4), 20001.0, np.float16)  # stored as 20000; four of them are beyond 65504
    block[0, 0, 0] = 2047
    assert rebin(block, 2)[0].tolist() == [[62047, 80000], [80000, 80000]]


def test_an_infinite_half_precision_value_is_no_count():
    """65535 itself is infinite in half precision: compared there, infinity was within the range of uint16."""
    block = np.array([[[1, np.inf]]], np.float16)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isinf(tight(block)[0, 0, 1]) and tight(block[..., :1]).dtype == np.uint16
