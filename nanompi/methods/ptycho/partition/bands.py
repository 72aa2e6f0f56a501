"""Which pixels of the object the frames of each rank see, and which of them other ranks see, too.

The parts of a scan meet where their frames overlap: there the sums over the frames of several ranks have to
be added up. The bytes that a rank sends to its neighbours follow from positions and parts alone.
"""

from dataclasses import dataclass

import numpy as np

from nanompi.methods.ptycho.coverage import touched

BITS = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).sum(1).astype(np.uint8)


@dataclass
class Bands:
    """What the parts see of the object.

    boxes  : (parts, 4) int64, first row, first column, rows, columns of what a part's frames see
    seen   : (parts,) int64, pixels that a part's frames see
    shared : list over parts of {other part: pixels that both see}
    """

    boxes: np.ndarray
    seen: np.ndarray
    shared: list[dict[int, int]]

    @property
    def sent(self) -> np.ndarray:
        """(parts,) int64: pixels that a rank sends, to all its neighbours together, in one sum"""
        return np.array([sum(s.values()) for s in self.shared], np.int64)

    @property
    def held(self) -> np.ndarray:
        """(parts,) int64: pixels of the boxes"""
        return self.boxes[:, 2] * self.boxes[:, 3]


def bands(at: np.ndarray, parts: list[np.ndarray], frame) -> Bands:
    """Bands of a partition.

    at    : (n, >= 2) int, row and column of each frame's corner in the object
    parts : list of indices of frames; frame : (h, w) of a frame
    """
    at = np.asarray(at)[:, :2].astype(np.int64)
    boxes = np.array([_box(at[part], frame) for part in parts])
    seen = [_seen(at[part], frame, box) for part, box in zip(parts, boxes)]
    shared: list[dict[int, int]] = [{} for _ in parts]
    for a, b in _meeting(boxes):
        common = _common(seen[a], boxes[a], seen[b], boxes[b])
        if common:
            shared[a][b] = shared[b][a] = common
    return Bands(boxes, np.array([_count(s) for s in seen]), shared)


def _box(corners, frame):
    low = corners.min(0)
    return np.concatenate([low, corners.max(0) + frame - low])


def _seen(corners, frame, box):
    """The pixels of the box that are seen, as bits of bytes that begin at columns divisible by eight"""
    left = box[1] % 8
    return np.packbits(touched(corners - box[:2] + [0, left], frame, (box[2], box[3] + left)), axis=1)


def _meeting(boxes):
    """Pairs a < b of boxes that overlap"""
    low, high = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    meet = ((low[:, None] < high) & (low < high[:, None])).all(-1)
    return np.argwhere(np.triu(meet, 1))


def _common(one, box, other, another) -> int:
    """How many pixels both see"""
    top, bottom = max(box[0], another[0]), min(box[0] + len(one), another[0] + len(other))
    starts = box[1] // 8, another[1] // 8
    left, right = max(starts), min(s + m.shape[1] for s, m in zip(starts, (one, other)))
    cut = [m[top - b[0] : bottom - b[0], left - s : right - s]
           for m, b, s in ((one, box, starts[0]), (other, another, starts[1]))]  # fmt: skip
    return _count(cut[0] & cut[1])


def _count(bits) -> int:
    return int(BITS[bits].sum(dtype=np.int64))
