"""Transforms of a card: few plans, whose work areas are counted as they are, whatever cuFFT takes."""

import numpy as np
import pytest

from nanompi.device.fit import AREAS
from tests.emulate.test_engines import outcome

FRAME = 8 * 16 * 16  # bytes of complex64
MEMORY = 360_000  # of a card that does not hold the waves of 150 frames of 13 x 13


def batch(device, frames, seed=0):
    values = np.random.default_rng(seed).normal(size=(2, frames, 16, 16)).astype(np.float32)
    z = device.array(values[0] + 1j * values[1])
    return z, z.nbytes


@pytest.mark.parametrize("times", [0, 1, 5])
def test_all_work_areas_are_at_most_some_of_the_largest(card, times):
    """Blocks, last blocks, probes at their shifts: of any size, in any order"""
    with card("single", AREA=times) as device:
        for frames in (1, 8, 7, 6, 3, 8, 5, 2, 1, 8):
            z, nbytes = batch(device, frames)
            assert np.allclose(
                device.host(device.fft(z))[0],
                np.fft.fft2(device.host(batch(device, frames)[0])[0]),
                atol=1e-3,
            )
            held = device.pool.used_bytes() - nbytes
            assert held <= AREAS * 8 * times * FRAME, frames
            assert device.plans.area(z) == times * frames * FRAME


def test_no_plan_is_made_twice(card):
    """31 frames in blocks of 4, a last one of 3; a probe at its shifts; nine iterations"""
    how = {"precision": "single", "frames": 31, "n": 16, "subpixel": 2}
    made = []
    for iterations in (1, 9):
        with card("single", L2=1024) as device, pytest.MonkeyPatch.context() as patch:
            patch.setattr("nanompi.device.fit.MANY", 4)
            outcome(how, "DM", iterations, device)
            made.append(device.xp.cuda.cufft.counts["plans"])
    assert made[0] == made[1]


def test_where_memory_is_short_a_large_batch_goes_in_parts(card):
    with card("single") as device:
        (z, nbytes), (same, _) = batch(device, 11), batch(device, 11)
        device.plans.most = 4 * FRAME + 1
        before = device.pool.used_bytes()
        parts, whole = device.host(device.fft(z)), np.fft.fft2(device.host(same))
        assert abs(parts - whole).max() < 1e-5 * abs(whole).max()
        assert device.pool.used_bytes() - before == (4 + 3) * FRAME < nbytes


@pytest.mark.slow
def test_what_a_plan_really_takes_is_kept_free(card, monkeypatch):
    """Nothing, the data's size, six times as much: fewer frames stay on the card, with the same bits"""
    how = {"precision": "single", "frames": 150, "n": 13, "step": 0.03}
    monkeypatch.setattr("nanompi.device.fit.MANY", 4)
    held, results = [], []
    for memory, times in ((8 << 20, 1), (MEMORY, 0), (MEMORY, 1), (MEMORY, 6)):
        with card("single", L2=1024, MEMORY=memory, AREA=times) as device:
            large = device.large

            def seen(*args, large=large):
                waves = large(*args)
                held.append(waves.held)
                return waves

            device.large = seen
            results.append(outcome(how, "DM", 2, device))
    assert held[0] == 150 > held[1] > held[2] > held[3] > 0
    assert all(np.array_equal(results[0][1], part[1]) for part in results[1:])
