"""Sources joined one after another: which part a frame is in, what the whole is."""

from dataclasses import dataclass

import numpy as np
import pytest

from nanompi.data.combined import JoinedFrames
from nanompi.data.source import Source
from nanompi.errors import DataError


@dataclass
class Part(Source):
    """Frames in memory that give themselves as chunks, and tell what they were asked"""

    frames: np.ndarray
    chunk: int = 1
    gives: bool = True
    can: bool = True

    def __post_init__(self):
        self.shape, self.dtype, self.asked = self.frames.shape, self.frames.dtype, []

    def read(self, index, threads=1):
        self.asked.append((index.tolist(), threads))
        return self.frames[index]

    def take(self, index):
        return [(self.chunk, int(i)) for i in index] if self.gives else None

    def reachable(self):
        return self.can


def parts(**last):
    """2, 3 and 1 frames of 4 x 5, numbered"""
    frames = np.arange(6 * 20).reshape(6, 4, 5)
    return [
        Part(frames[:2].astype("u1"), 2),
        Part(frames[2:5].astype("u2"), 3),
        Part(frames[5:].astype("i4"), 7, **last),
    ]


def test_the_whole_has_all_frames_in_a_type_that_holds_them():
    joined = JoinedFrames.of(parts(), "a")
    assert joined.shape == (6, 4, 5) and joined.dtype == np.int32 and joined.chunk == 2
    assert JoinedFrames.of(parts()[:1], "a").shape == (2, 4, 5)
    with pytest.raises(DataError, match=r"a: its parts have frames of 2 sizes \(\(4, 5\), \(5, 4\)"):
        JoinedFrames.of([*parts(), Part(np.zeros((1, 5, 4)))], "a")


@pytest.mark.parametrize(
    ("index", "asked"),
    [
        ([0, 1, 2, 3, 4, 5], [[0, 1], [0, 1, 2], [0]]),
        ([5, 2, 1], [[1], [0], [0]]),
        ([4, 3, 4], [[], [2, 1, 2], []]),
        ([], [[], [], []]),
    ],
)
def test_each_part_is_asked_once_for_its_own_frames(index, asked):
    of = parts()
    got = JoinedFrames.of(of, "a").read(np.array(index, int), 3)
    assert got[:, 0, 0].tolist() == [20 * i for i in index] and got.shape == (len(index), 4, 5)
    assert [p.asked for p in of] == [[(i, 3)] if i else [] for i in asked]


def test_chunks_are_those_of_the_parts_where_all_have_some():
    joined = JoinedFrames.of(parts(), "a")
    assert joined.take([1, 2, 4, 5]) == [(2, 1), (3, 0), (3, 2), (7, 0)] and joined.take([0]) == [(2, 0)]
    joined = JoinedFrames.of(parts(gives=False), "a")
    assert joined.take([1, 5]) is None and joined.take([1, 4]) == [(2, 1), (3, 2)]
    for ask in (joined.take, joined.read):
        with pytest.raises(DataError, match="0 to 5"):
            ask([6])


def test_it_can_be_opened_where_all_parts_can():
    assert (
        JoinedFrames.of(parts(), "a").reachable() and not JoinedFrames.of(parts(can=False), "a").reachable()
    )


def test_its_origin_is_that_of_all_parts_or_none():
    of = parts()
    assert JoinedFrames.of(of, "a").origin() is None
    for k, part in enumerate(of):
        part.origin = lambda k=k: k
    assert JoinedFrames.of(of, "a").origin() == ["joined", 0, 1, 2]
    of[1].origin = lambda: None
    assert JoinedFrames.of(of, "a").origin() is None
