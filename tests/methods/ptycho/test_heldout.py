"""Frames left out of a reconstruction: which, what the step sees of the rest, and what they tell."""

import numpy as np

from nanompi.methods.ptycho.heldout import held_out, without
from nanompi.methods.ptycho.scan import Frames
from nanompi.timing import Clock
from tests.memory import run_of, scan_of


def test_a_part_of_the_inner_half_is_drawn_always_the_same():
    positions = np.stack(np.divmod(np.arange(400), 20), 1) * 1e-6
    out = held_out(positions, 0.05)
    assert out.sum() == 20 and np.array_equal(out, held_out(positions, 0.05))
    far = np.linalg.norm(positions - np.median(positions, axis=0), axis=1)
    assert far[out].max() <= np.median(far) * 1.01
    assert not held_out(positions, 0.0).any() and held_out(positions[:3], 0.01).sum() == 1


def test_the_step_sees_a_smaller_scan():
    frames = np.arange(6)[:, None, None] * np.ones((1, 4, 4), np.uint16)
    run = run_of(None, scan_of(frames.astype(np.uint16)))
    own = np.array([5, 3, 2])
    run.clock = Clock()
    run.data["frames"] = Frames(
        values=frames[own],
        index=own,
        mask=np.ones((4, 4), bool),
        corner=True,
        pixel=(1e-4, 1e-4),
        scale=np.array([1.0, 2, 3]),
    )
    out = np.array([False, False, True, False, True, False])
    seen = without(run, out)
    assert seen.data["frames"].index.tolist() == [3, 2]  # frames 5 and 3, counted without 2 and 4
    assert seen.data["frames"].counts[:, 0, 0].tolist() == [5, 3] and seen.data["frames"].scale.tolist() == [
        1,
        2,
    ]
    assert np.array_equal(seen.data["data"].positions, run.data["data"].positions[~out])
    assert len(run.data["frames"].index) == 3 and len(run.data["data"].positions) == 6
    assert without(run, np.zeros(6, bool)) is run
