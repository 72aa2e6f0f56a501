"""Dense scans that exceed the card: whatever the sizes, what is there suffices."""

import numpy as np
import pytest

from nanompi.methods import discover
from nanompi.methods.ptycho.engines.engine import run_chain
from nanompi.step import METHODS
from tests.scene import problem

discover()
ENGINES = sorted(METHODS["engine"])


def scan(seed: int) -> tuple[dict, str, dict]:
    """(scene, engine, a card that cannot hold all counts and waves) drawn at random

    Work areas of transforms are nothing, as large as the data, or as prime sizes may have them. Steps are a
    hundredth of a frame: the object is small, and what is kept free for it hides no fault.
    """
    rng = np.random.default_rng([12, seed])
    n, frames, modes = int(rng.choice([12, 16])), int(rng.integers(300, 600)), 1 + int(rng.random() < 0.2)
    waves, counts = (frames * n * n * size for size in (8 * modes, 2))
    fixed = 16 * 8 * (n + 12) ** 2  # object, probe and what an engine makes beside them
    memory = (fixed + rng.uniform(0.4, 1.0) * (waves + counts)) / 0.92
    how = {"precision": "single", "frames": frames, "n": n, "step": 0.012, "seed": seed, "modes": modes}
    engine, area = str(rng.choice(ENGINES)), int(rng.choice([0, 1, 6]))
    return how, engine, {"MEMORY": int(memory), "AREA": area, "L2": 1024}


@pytest.mark.parametrize("seed", range(20))
def test_the_waves_of_a_dense_scan_beyond_the_card_are_made(card, seed, monkeypatch):
    """Counts make way for waves; then there is room for blocks that come and go"""
    how, _, small = scan(seed)
    monkeypatch.setattr("nanompi.device.fit.MANY", 2)
    with card("single", **small) as device:
        p, _, _ = problem(**how, device=device)
        p.exit_waves()
        device.wait()
        assert p.I.held < len(p.I) and 0 < p.waves.held


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_a_dense_scan_beyond_the_card_is_reconstructed(card, seed, monkeypatch):
    """And for sums, transforms and all that an engine makes"""
    how, engine, small = scan(seed)
    monkeypatch.setattr("nanompi.device.fit.MANY", 2)
    with card("single", **small) as device:
        p, _, _ = problem(**how, device=device)
        history = run_chain([METHODS["engine"][engine](iterations=2)], p, 1, lambda text: None)
        device.wait()
        keeps = p.waves is not None  # all frames' waves; without them the counts may all find room
        assert not keeps or (p.I.held < len(p.I) and 0 < p.waves.held)
        assert keeps == (engine != "rPIE")
        assert len(history) == 2 and all(np.isfinite(row["error"]) for row in history)


def test_a_small_array_does_not_keep_the_memory_that_a_large_one_leaves(card):
    """Waves go, something small comes before the next ones: there is as much room as before, but for it"""
    with card("single", MEMORY=4 << 20) as device:
        counts = device.counts(np.zeros((100, 32, 32), np.uint16))
        shape = (100, 1, 32, 32)
        before, waves = device.room(), device.large(shape, device.complex, counts)
        assert before - device.room() > waves.on_card.nbytes
        del waves
        small = device.array(np.zeros(3200))  # more than blocks of a few frames leave
        counts.make_way()
        device._forget()
        assert device.room() == before + counts.host.nbytes - small.nbytes
