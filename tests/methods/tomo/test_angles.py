"""How much of the half turn each projection stands for."""

import numpy as np
import pytest

from nanompi.methods.tomo.angles import weights


def degrees(*args) -> np.ndarray:
    return np.deg2rad(np.arange(*args))


@pytest.mark.parametrize(
    "angles", [degrees(180), degrees(0, 360, 2), degrees(360), degrees(90, -90, -1), degrees(7, 187)]
)
def test_equal_steps_over_a_half_or_full_turn_share_it_equally(angles):
    """In any order and from anywhere"""
    assert weights(angles) == pytest.approx(np.full(len(angles), np.pi / len(angles)), rel=1e-9)


def test_the_order_does_not_matter():
    mixed = np.random.default_rng(0).permutation(180)
    assert weights(np.deg2rad(mixed)) == pytest.approx(np.full(180, np.pi / 180), rel=1e-9)


def test_both_ends_of_a_half_turn_are_one_direction():
    w = weights(np.linspace(0, np.pi, 181))
    assert w.sum() == pytest.approx(np.pi) and w[0] + w[-1] == pytest.approx(np.pi / 180, rel=1e-9)
    assert w[1:-1] == pytest.approx(np.full(179, np.pi / 180), rel=1e-9)


def test_a_denser_part_weighs_less():
    """1 degree steps in the first half, 2 degree steps in the second"""
    w = weights(np.r_[degrees(0, 90), degrees(90, 180, 2)])
    assert w[10] == pytest.approx(np.deg2rad(1)) and w[100] == pytest.approx(np.deg2rad(2))
    assert w.sum() == pytest.approx(np.pi)


def test_golden_angles_cover_the_half_turn():
    """Their gaps differ by the golden ratio squared at most"""
    w = weights(np.arange(200) * np.pi * (np.sqrt(5) - 1) / 2)
    assert w.sum() == pytest.approx(np.pi) and w.max() < 2.7 * w.min()


@pytest.mark.parametrize("span", [3, 60, 120, 150])
def test_a_missing_wedge_is_nobodys(span):
    """Its ends do not stand for it: the sum is what was covered"""
    w = weights(degrees(span))
    assert np.rad2deg(w.sum()) == pytest.approx(span, rel=1e-6) and w == pytest.approx(
        np.full(span, np.deg2rad(1))
    )


def test_a_frame_left_out_is_shared_by_its_neighbours():
    w = weights(np.delete(degrees(180), 50))
    assert w[49:51] == pytest.approx(np.deg2rad([1.5, 1.5])) and w.sum() == pytest.approx(np.pi)


def test_few_projections():
    assert weights(degrees(0, 2)) == pytest.approx(np.full(2, np.deg2rad(1)))
    assert weights(degrees(0, 180, 90)) == pytest.approx(np.full(2, np.pi / 2))
    assert weights(degrees(1)).tolist() == [0] and weights(np.full(3, 0.7)).tolist() == [0, 0, 0]
