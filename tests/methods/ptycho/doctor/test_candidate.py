"""What a geometry does to frames and positions."""

import numpy as np
import pytest

from nanompi.methods.ptycho.doctor.candidate import Candidate, after, turned
from nanompi.methods.ptycho.doctor.finding import SURE
from nanompi.methods.ptycho.image import sign
from nanompi.methods.ptycho.positions import rotated, stretched


def as_stored(frame, turn):
    """As the docstring of prepare/orientation.py has it, about the middle of a frame in natural order"""
    frame = frame.T if turn & 4 else frame
    frame = frame[::-1] if turn & 2 else frame
    return frame[:, ::-1] if turn & 1 else frame


@pytest.mark.parametrize("first", range(8))
def test_one_orientation_after_another_is_an_orientation(first):
    frame = np.arange(12).reshape(3, 4)
    for second in range(8):
        twice = as_stored(as_stored(frame, first), second)
        assert np.array_equal(twice, as_stored(frame, after(first, second)))


@pytest.mark.parametrize("turn", range(8))
def test_frames_turn_about_the_zero_frequency_and_again(turn):
    """In the far field the frame of a wave that is turned: F(k) of psi(r) with r transposed, mirrored"""
    rng = np.random.default_rng(turn)
    psi = rng.normal(size=(6, 8)) + 1j * rng.normal(size=(6, 8))
    frame = abs(np.fft.fft2(psi)) ** 2
    assert np.allclose(turned(frame[None], turn, True)[0], abs(np.fft.fft2(as_stored(psi, turn))) ** 2)
    assert np.array_equal(turned(frame[None], turn, False)[0], as_stored(frame, turn))


def test_a_twin_is_the_conjugate():
    psi = np.exp(1j * np.random.default_rng(1).normal(size=(8, 8)))
    frame = abs(np.fft.fft2(psi)) ** 2
    assert np.allclose(turned(frame[None], 3, True)[0], abs(np.fft.fft2(psi.conj())) ** 2)


def test_positions_turn_about_their_middle():
    positions = np.add([[1.0, 0.0], [-1.0, 0.0], [0.0, 2.0], [0.0, -2.0]], [5, 7])
    assert rotated(positions, np.pi / 2) - [5, 7] == pytest.approx(
        np.array([[0, 1], [0, -1], [-2, 0], [2, 0]]), abs=1e-12
    )
    assert rotated(rotated(positions, 3), -3) == pytest.approx(positions)


def test_positions_are_stretched_about_their_middle_before_they_are_turned():
    """Rows lie farther apart than columns by the part; the area stays"""
    positions = np.add([[1.0, 0.0], [-1.0, 0.0], [0.0, 2.0], [0.0, -2.0]], [5, 7])
    far = stretched(positions, 0.1) - [5, 7]
    assert far[0, 0] / far[2, 1] == pytest.approx(np.exp(0.1) / 2) and far[0, 0] * far[2, 1] == pytest.approx(
        2
    )
    assert stretched(stretched(positions, 0.1), -0.1) == pytest.approx(positions)
    assert Candidate(stretch=0.0488).__str__() == "stretched +4.9 %"


def test_matter_and_its_twin_have_opposite_signs():
    """Phase and log of the amplitude fall together behind matter; a ramp of the phase changes nothing"""
    rng = np.random.default_rng(2)
    matter = np.kron(rng.random((16, 16)), np.ones((4, 4)))
    ramp = np.exp(0.05j * np.arange(64))
    O, lit = np.exp(-(0.2 + 0.8j) * matter) * ramp, np.ones((64, 64), bool)
    assert sign(O, lit)["sign"] > 0.9
    assert sign((O / ramp).conj() * ramp, lit)["sign"] < -0.9
    assert abs(sign(np.exp(1j * matter), lit)["sign"]) < SURE  # pure phase: it cannot be told
