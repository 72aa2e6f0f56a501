"""What `nanompi plan` says of a card is what a device of that size does."""

import pytest

from nanompi.methods.ptycho.scaling.look import JobSizes
from nanompi.methods.ptycho.scaling.memory import card as planned
from tests.scene import problem

FRAMES, SIDE, BLOCK = 300, 32, 4


@pytest.mark.parametrize("memory", [2_000_000, 5_000_000, 8_000_000])
@pytest.mark.parametrize("modes", [1, 2])
def test_frames_stay_on_a_card_as_planned(card, memory, modes, monkeypatch):
    """To a few blocks: the device knows to the byte what lies on it"""
    monkeypatch.setattr("nanompi.device.fit.usual", lambda cache, row: BLOCK * row)
    with card("single", MEMORY=memory) as device:
        p, _, _ = problem("single", FRAMES, SIDE, modes, step=0.02, device=device)
        waves = p.make_waves()
        held, step = waves.held, device.frames_per_block(waves.row)
    sizes = JobSizes(p.places.at, p.O.shape, (SIDE, SIDE), modes, 1, 2, SIDE**2 * 2, False, [("DM", 10, 10)])
    want = planned(sizes, FRAMES, memory)
    assert want["block"] == step == BLOCK
    assert abs(want["waves"] - held) <= 2 * BLOCK and 0 < held
    assert (want["need"] <= memory) == (held == p.I.held == FRAMES)
