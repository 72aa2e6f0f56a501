"""What a scan was before the job changed it."""

import numpy as np
import pytest

from nanompi.errors import DataError
from nanompi.methods.ptycho.read.identity import fingerprint, with_grid
from nanompi.methods.ptycho.scan import Scan
from tests.memory import Memory


@pytest.mark.parametrize("n", [1, 2, 5, 6])
def test_a_fingerprint_is_of_the_first_middle_and_last_frame(n):
    frames = np.arange(n * 6).reshape(n, 2, 3)
    first = fingerprint(Memory(frames))
    assert len(first) == 32 and fingerprint(Memory(frames.astype("f4"))) == first
    seen = [k for k in range(n) if fingerprint(Memory(frames + (np.arange(n) == k)[:, None, None])) != first]
    assert seen == sorted({0, n // 2, n - 1})
    assert fingerprint(Memory(frames.reshape(n, 3, 2))) != first


@pytest.mark.parametrize("frames", [np.zeros((0, 2, 2)), np.zeros((4, 2)), np.zeros((2, 2, 2), "c8")])
def test_what_cannot_be_frames_has_no_fingerprint(frames):
    assert fingerprint(Memory(frames)) == ""


def test_frames_that_cannot_be_read_have_no_fingerprint():
    class Broken(Memory):
        def read(self, index, threads=1):
            raise DataError("broken")

    assert fingerprint(Broken(np.zeros((2, 2, 2)))) == ""


def scan(truth, **given):
    """Frames of 8 x 16; a pixel of the object of 1e-10 * 2 / (8 * 50e-6) = 500 nm by 2e-10 / 16 / 25e-6"""
    given = {"wavelength": 1e-10, "distance": 2.0, "pixel": (50e-6, 25e-6), **given}
    return Scan(source=Memory(np.zeros((2, 8, 16))), positions=np.zeros((2, 2)), truth=truth, **given)


@pytest.mark.parametrize(
    ("probe", "focus", "size", "frame"),
    [
        (None, None, (5e-7, 5e-7), (8, 16)),
        ((2, 8, 16), None, (5e-7, 5e-7), (8, 16)),
        ((2, 16, 8), None, (2.5e-7, 1e-6), (16, 8)),  # the frames were padded and cut since
        ((2, 16, 8), 0.5, (1e-5, 5e-6), (16, 8)),  # near field: the detector's pixel / 5, of any frame
    ],
)
def test_the_truth_says_its_grid(probe, focus, size, frame):
    truth = {"object": np.zeros((9, 9))} | ({"probe": np.zeros(probe)} if probe else {})
    got = with_grid(scan(truth, focus=focus)).truth
    assert got["pixel_size"] == pytest.approx(size) and tuple(got["frame_shape"]) == frame
    assert got["object"] is truth["object"] and "pixel_size" not in truth


def test_no_truth_a_known_grid_and_no_geometry_stay():
    known = {"pixel_size": np.ones(2)}
    assert with_grid(scan({})).truth == {} and with_grid(scan(known)).truth is known
    assert "pixel_size" not in with_grid(scan({"object": 1}, distance=np.nan)).truth
