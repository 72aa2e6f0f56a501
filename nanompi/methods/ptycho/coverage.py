"""Which pixels of the object some frames see, and which frames of a rank lie nearest to those of others."""

import numpy as np


def touched(corners: np.ndarray, frame, shape) -> np.ndarray:
    """Pixels seen by frames (h, w) at these corners: (H, W) bool.

    corners : (n, 2) int, row and column; a frame may lie outside of the array in part, or wholly
    """
    (y, x), (v, u) = np.clip(corners, 0, shape).T, np.clip(corners + frame, 0, shape).T
    step = np.zeros((shape[0] + 1, shape[1] + 1), np.int32)
    for rows, columns, sign in ((y, x, 1), (v, u, 1), (y, u, -1), (v, x, -1)):
        np.add.at(step, (rows, columns), sign)
    return step.cumsum(0).cumsum(1)[:-1, :-1] > 0


def outside_in(positions: np.ndarray, parts: list[np.ndarray]) -> list[np.ndarray]:
    """Each part with that half of its frames first which is nearest to other parts; else the order stays.

    What the ranks exchange of the object is then known in the middle of an iteration. Near is what lies near
    the line that is as far from the centre of another part as from that of its own.
    """
    centres = np.array([positions[part].mean(axis=0) for part in parts])
    out = []
    for k, part in enumerate(parts):
        towards = np.delete(centres, k, axis=0) - centres[k]
        far = np.linalg.norm(towards, axis=1)
        some = np.argsort(far, kind="stable")[:8]
        along = (positions[part] - centres[k]) @ (towards[some] / np.maximum(far[some, None], 1e-300)).T
        left = (far[some] / 2 - along).min(axis=1)
        out.append(part[np.argsort(left > np.median(left), kind="stable")])
    return out
