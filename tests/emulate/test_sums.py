"""Sums of a pass lie in fixed places of the card, and a pass asks for no memory."""

import numpy as np
import pytest

from nanompi.methods import discover
from nanompi.methods.ptycho.quality import figures
from nanompi.step import METHODS
from tests.emulate.test_beyond_the_card import scan
from tests.scene import problem

discover()


class Watched:
    """Bytes of the card that were asked for between the first block of a pass and its end."""

    def __init__(self, device, monkeypatch):
        self.inside, self.asked, memory = False, [], device.xp.cuda.memory
        self.stream, self.hold, self.passes = device.stream, memory.hold, 0
        monkeypatch.setattr(memory, "hold", self.noted)
        device.stream = self.watched

    def noted(self, raw):
        if self.inside:
            self.asked.append(raw.nbytes)
        return self.hold(raw)

    def watched(self, *args):
        self.passes += 1
        for block in self.stream(*args):
            self.inside = True
            yield block
        self.inside = False


@pytest.mark.parametrize("memory", [8 << 20, 1_400_000])
@pytest.mark.parametrize("engine", ["DM", "AP", "ML"])
def test_a_pass_asks_for_no_memory(card, engine, memory, monkeypatch):
    """From the second iteration on, also where frames come from the host"""
    monkeypatch.setattr("nanompi.device.fit.MANY", 4)
    with card("single", L2=1024, MEMORY=memory) as device:
        p, _, _ = problem(precision="single", frames=64, device=device)
        one = METHODS["engine"][engine]()
        one.start(p)
        one.iterate(p, 0)
        figures(p)
        watched = Watched(device, monkeypatch)
        one.iterate(p, 1)
        figures(p)
        assert watched.passes >= 2 and watched.asked == []
        assert (p.waves.held < len(p.waves)) == (memory < 8 << 20)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_a_full_card_has_room_for_the_sums_of_a_dense_scan(card, seed, monkeypatch):
    """Hundreds of blocks, each with sums, in what the waves have left"""
    how, _, small = scan(seed)
    monkeypatch.setattr("nanompi.device.fit.MANY", 1)
    with card("single", **small | {"L2": 256}) as device:
        p, _, _ = problem(**how, device=device)
        engine = METHODS["engine"]["DM"]()
        engine.start(p)
        assert 0 < engine.iterate(p, 0)["error"] < 1
        assert 0 < figures(p)["R"] < 1


def added(device, sizes, many=2):
    """The total of a pass of blocks of so many frames, whose sums are 1 and the number of the block"""
    sums = device.sums(many, sizes[0], (8, 8))

    def work(f):
        places, value = device.places(2, f.stop)
        places[: f.stop] += device.array(np.array([1.0, f.stop]))
        return value

    for n in sizes:
        sums.each(work, n, 1)
    return sums.total()


def test_places_grow_and_keep_what_they_hold(card):
    """A batch may be larger than a block"""
    with card() as device:
        assert added(device, [3, 2]).tolist() == [5.0, 13.0]
        assert added(device, [2, 5, 1]).tolist() == [8.0, 30.0]
        assert device.open_sums is None


def test_what_is_no_kernels_sum_is_added_too(card):
    with card() as device:
        sums = device.sums(2, 4, (8, 8))
        for n in (4, 2):
            sums.each(lambda f: device.array(np.array([1.0, f.stop])), n, 1)
        assert sums.total().tolist() == [2.0, 6.0]
        assert device.sums(3, 0, (8, 8)).total().tolist() == [0.0] * 3


def test_sums_of_two_kernels_in_one_pass_are_refused(card):
    with card() as device:
        sums = device.sums(1, 4, (8, 8))
        with pytest.raises(RuntimeError, match="a pass for 1 sums is given those of two kernels"):
            sums.each(lambda f: [device.places(1, 4), device.places(1, 4)], 4, 1)
        with pytest.raises(RuntimeError, match="or 2"):
            sums.each(lambda f: device.places(2, 4), 4, 1)
        places, value = device.places(1, 4)  # outside of a pass each launch has its own
        assert places is value and places is not device.places(1, 4)[0]
