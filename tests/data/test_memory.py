"""Frames that a program gives as an object of its own: what that raises names its file and line."""

import numpy as np
import pytest

from nanompi.data.memory import FramesInMemory, held
from nanompi.errors import DataError


class Torn:
    """Forty frames of 3 x 4, of which the last ten cannot be read"""

    shape, dtype = (40, 3, 4), np.dtype(np.uint16)

    def __getitem__(self, place):
        if place[0].stop > 30:
            raise ValueError("the tape\nis torn")
        return np.arange(place[0].start, place[0].stop, dtype=np.uint16)[:, None, None] + np.zeros((3, 4))


class Short(Torn):
    """Gives fewer columns than it says"""

    def __getitem__(self, place):
        return np.zeros((1, 3, 2))


def test_the_error_of_a_foreign_array_is_one_of_the_data():
    with held("a", {"frames": Torn(), "short": Short()}):
        source = FramesInMemory.of("a", "frames")
        assert source.read([7, 3, 4])[:, 0, 0].tolist() == [7, 3, 4]
        with pytest.raises(
            DataError, match=r"frames cannot be read: ValueError: the tape is torn \(.*test_mem"
        ):
            source.read(np.arange(20, 36))
        with pytest.raises(DataError, match=r"short cannot be read: ValueError: could not broadcast"):
            FramesInMemory.of("a", "short").read([5])
