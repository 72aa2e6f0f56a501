"""The beam without a sample: transmission, and pixels that see nothing."""

import numpy as np
import pytest

from nanompi.methods.tomo.light import LEAST, Light
from nanompi.methods.tomo.seen import Seen
from tests.methods.tomo.steps import piece


def seen_by(light, frames):
    """The transmission of whole projections"""
    return light.transmission(frames, piece(None, ("angle", "row", "column"), angle=np.arange(len(frames))))


def test_transmission_undoes_beam_and_dark():
    """T = (I - D) / (F - D) on uint16 counts, which would wrap around below zero"""
    rng = np.random.default_rng(0)
    dark, beam = rng.integers(90, 110, (4, 6)), rng.integers(500, 2000, (4, 6))
    true = rng.uniform(0.1, 1, (3, 4, 6))
    counts = np.rint(dark + beam * true).astype(np.uint16)
    t = seen_by(Light.of((dark + beam).astype(float), dark.astype(float)), counts)
    assert t.dtype == np.float32 and abs(t - true).max() < 0.5 / 500 + 1e-6  # half a count
    assert (
        seen_by(Light.of(dark + beam + 0.0, dark + 0.0), dark[None].astype(np.uint16)) == np.float32(LEAST)
    ).all()


@pytest.mark.parametrize("real", [np.float32, np.float64])
def test_the_precision_is_that_of_the_run(real):
    light = Light.of(np.full((2, 2), 30.0), np.zeros((2, 2)), real)
    assert seen_by(light, np.full((1, 2, 2), 10, np.uint16)).dtype == real


def test_dead_pixels_lie_between_their_neighbours():
    """Row 0: one and two side by side; row 1: at both ends; row 2: all dead; row 3: none"""
    flat = np.full((4, 7), 200.0)
    flat[0, [1, 4, 5]], flat[1, [0, 6]], flat[2] = 100, 50, np.nan
    frame = 100 + 10.0 * np.arange(28).reshape(1, 4, 7)[..., ::1]
    frame[0, 2] = np.nan
    light = Light.of(flat, np.full((4, 7), 100.0), np.float64)
    t = seen_by(light, frame)[0]
    assert len(light.dead) == 3 + 2 + 7
    assert t[0] == pytest.approx([LEAST, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6])  # a ramp is filled exactly
    assert t[1] == pytest.approx([0.8, 0.8, 0.9, 1.0, 1.1, 1.2, 1.2])
    assert (t[2] == 1).all() and t[3] == pytest.approx(np.arange(21, 28) / 10)


def test_values_that_are_no_numbers_do_not_spread():
    frame = np.full((2, 1, 3), 5.0)
    frame[1, 0, 1], frame[0, 0, 0] = np.nan, np.inf
    t = seen_by(Light.of(np.full((1, 3), 10.0), np.zeros((1, 3))), frame)
    assert t[1, 0].tolist() == [0.5, 1, 0.5] and t[0, 0].tolist() == [1, 0.5, 0.5]


def test_a_frame_does_not_depend_on_the_others():
    """Blocks of any length give the same bits"""
    rng = np.random.default_rng(1)
    light = Light.of(rng.uniform(500, 900, (5, 33)), rng.uniform(0, 10, (5, 33)))
    frames = rng.integers(0, 900, (7, 5, 33), np.uint16)
    whole = seen_by(light, frames)
    assert all(np.array_equal(seen_by(light, frames[k : k + 1])[0], whole[k]) for k in range(7))


def test_rows_of_all_projections_give_the_bits_of_whole_frames():
    """(rows, angle, column) after an exchange, some rows: dead pixels, drift and current included"""
    rng = np.random.default_rng(2)
    flat, dark = rng.uniform(500, 900, (6, 33)), rng.uniform(0, 10, (6, 33))
    flat[rng.random(flat.shape) < 0.2] = 0
    light = Light.of(flat, dark, last=flat * 1.2)
    light.time, light.scale = np.linspace(0, 1, 7, dtype="f4"), rng.uniform(0.9, 1.1, 7).astype("f4")
    frames = rng.integers(0, 900, (7, 6, 33), np.uint16)
    whole, rows = seen_by(light, frames), np.array([1, 2, 4])
    info = piece(None, ("row", "angle", "column"), row=rows)
    turned = light.transmission(np.ascontiguousarray(frames[:, rows].swapaxes(0, 1)), info)
    assert np.array_equal(turned.swapaxes(0, 1), whole[:, rows])
    some = piece(None, ("angle", "row", "column"), angle=np.array([2, 5]))
    assert np.array_equal(light.transmission(frames[[2, 5]], some), whole[[2, 5]])


def test_what_is_seen_is_counted_once():
    light, frame = Light.of(np.full((1, 4), 10.0), np.zeros((1, 4))), np.array([[[np.nan, 0, 13, 5]]])
    light.seen = Seen(1)
    seen_by(light, frame)
    again = piece(None, ("angle", "row", "column"), again=True, angle=np.arange(1))
    light.transmission(frame, again)
    assert light.seen.counts.tolist() == [1, 1, 1, 4] and light.seen.air() == (1, 0.5)
    assert light.seen.light() == pytest.approx([(1 + 0 + 1.3 + 0.5) / 4], abs=1e-6)


def test_what_is_seen_does_not_depend_on_blocks():
    """Whole frames, one by one, and rows of all projections, of which some values are no numbers"""
    rng = np.random.default_rng(3)
    frames = rng.uniform(0, 900, (7, 6, 133))
    frames[3, 2, 5:99] = np.nan
    seen = []
    for blocks in ([slice(None)], [slice(0, 2), slice(2, 7)], [[r] for r in range(6)]):
        light = Light.of(np.full((6, 133), 500.0), np.zeros((6, 133)))
        light.seen = Seen(7)
        for own in blocks:
            if isinstance(own, slice):
                info = piece(None, ("angle", "row", "column"), angle=np.arange(7)[own])
                light.transmission(frames[own], info)
            else:
                info = piece(None, ("row", "angle", "column"), row=np.array(own))
                light.transmission(np.ascontiguousarray(frames[:, own].swapaxes(0, 1)), info)
        seen.append(np.concatenate([light.seen.counts, light.seen.ends, light.seen.each.ravel()]))
    assert np.array_equal(seen[0], seen[1]) and np.array_equal(seen[0], seen[2])
    assert seen[0][0] == 94 and seen[0][3] == frames.size
