"""What a plan does to a block of frames: mask, zingers, what was not measured, gain, sums, dark frames."""

import numpy as np
import pytest

from nanompi.methods.ptycho.prepare.crop import cut
from nanompi.methods.ptycho.prepare.plan import Plan

SHAPE = (8, 12)


def plan(rebin=1, corner=False, **more):
    window = cut(SHAPE, (False, False, False), (0, 0), SHAPE, False, corner and rebin == 1)
    given = {"mask": np.ones(SHAPE, bool), "dark": None, "top": None, "pixel": (1.0, 1.0), **more}
    return Plan(window, rebin=rebin, corner=corner, **given)


@pytest.fixture
def frames():
    return np.random.default_rng(0).poisson(5, (6, *SHAPE)).astype(np.uint16) + np.uint16(1)


def test_frames_that_need_nothing_are_not_copied(frames):
    assert plan().apply(frames) is frames


def test_masked_pixels_are_zero_and_the_stored_frames_stay(frames):
    mask, stored = np.ones(SHAPE, bool), frames.copy()
    mask[2, 3] = False
    frames[:, 2, 3] = stored[:, 2, 3] = 65535
    found = plan(mask=mask, top=65535.0).apply(frames)
    assert found.dtype == np.uint16 and not found[:, 2, 3].any() and np.array_equal(frames, stored)
    stored[:, 2, 3] = 0
    assert np.array_equal(found, stored)


def test_zingers_and_what_was_not_measured(frames):
    frames[1, 2, 3], frames[4, 6, 7], frames[5, 1, 1] = 500, 500, 1000
    one = plan(limit=np.full(SHAPE, 100, np.uint16), top=1000.0)
    found = one.apply(frames)
    assert found.dtype == np.float32
    assert np.argwhere(found == -1).tolist() == [[1, 2, 3], [4, 6, 7], [5, 1, 1]] and (found < 0).sum() == 3
    assert one.strays == [2]  # the saturated one is no zinger
    assert one.apply(frames[2:4]).dtype == np.uint16 and one.strays == [2]
    assert len(one.apply(frames[:0])) == 0
    free = plan(limit=np.full(SHAPE, 100, np.uint16))
    assert np.argwhere(free.apply(frames[1:2]) == -1).tolist() == [[0, 2, 3]] and free.strays == [1]
    assert np.array_equal(plan().apply(frames), frames)


@pytest.mark.parametrize("corner", [False, True])
@pytest.mark.parametrize("rebin", [1, 2])
def test_sums_and_their_order(frames, corner, rebin):
    mask = np.ones(SHAPE, bool)
    mask[3, 5] = False
    one = plan(rebin, corner, mask=np.fft.ifftshift(mask) if corner and rebin == 1 else mask)
    want = (frames * mask).reshape(6, 8 // rebin, rebin, 12 // rebin, rebin).sum((2, 4))
    good = mask.reshape(8 // rebin, rebin, 12 // rebin, rebin).all((1, 3))
    if corner:
        want, good = np.fft.ifftshift(want, axes=(1, 2)), np.fft.ifftshift(good)
    assert np.array_equal(one.apply(frames), want) and np.array_equal(one.good, good)


def test_dark_gain_and_values_that_are_whole(frames):
    assert np.array_equal(plan(gain=2.0).apply(frames * np.uint16(2)), frames)
    image = np.full(SHAPE, 3, np.float32)
    assert np.array_equal(plan(dark=image, gain=1.0).apply(frames), np.maximum(frames.astype(int) - 3, 0))
    assert plan(gain=2.0, whole=False).apply(frames).dtype == np.float32


def test_dark_frames_are_told_by_their_numbers(frames):
    frames[[1, 4]] = 0
    one = plan(bright=np.arange(32))
    one.apply(frames[:3], np.array([10, 11, 12]))
    one.apply(frames[3:], [20, 21, 22])
    one.apply(frames[:0], [])
    one.apply(frames)
    assert one.dark_ones == [11, 21]
    one = plan()
    one.apply(frames, np.arange(6))
    assert one.dark_ones == []
