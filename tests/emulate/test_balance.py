"""Frames that change their rank on cards: also those whose rows are beside the card."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from nanompi.data.redistribute import moved, routes
from nanompi.methods import discover
from nanompi.methods.ptycho.balance import keeps
from nanompi.methods.ptycho.earlier_result import load_result
from nanompi.methods.ptycho.engines.engine import run_chain
from nanompi.step import METHODS
from tests.mpi.conftest import mpirun_here  # noqa: F401  (fixtures)
from tests.scene import problem

discover()
PROGRAM = Path(__file__).parents[1] / "mpi" / "balance_program.py"
JOB = """
nanompi: 1
name: x
input: {simulate: {frames: 36, size: 32, photons: 1e5}}
steps:
  - {use: ptycho.prepare, split: stripes, frames: read}
  - use: ptycho
    probe: {start: aperture, aperture: 40 um, focal: 100 mm, defocus: 1 mm}
    engines: DM*3 ML*3
run: {precision: double}
"""


class Shuffle:
    """The one rank takes its own frames over in another order, after an iteration."""

    def turn(self, p, engine, left):
        if p.iteration == 2:
            new = np.random.default_rng(1).permutation(len(p.at))
            p.take_over(new, partial(moved, p.team, routes([p.index], [new], 0)), keeps(engine))
            assert np.array_equal(p.index, new) and len(p.waves) == len(p.I) == len(new)


def outcome(engine, device=None, balance=None):
    p, _, _ = problem("double", 64, device=device)
    history = run_chain([METHODS["engine"][engine](iterations=4)], p, 4, str, balance=balance)
    held = None if device is None else (p.waves.held, p.I.held)
    return history[-1]["llk"], p.device.host(p.O), p.device.host(p.P), held


@pytest.mark.slow
@pytest.mark.parametrize("memory", [16 << 20, 2_800_000])
@pytest.mark.parametrize("engine", ["DM", "AP", "ML"])
def test_rows_find_their_new_places(card, engine, memory, monkeypatch):
    """As on the CPU, to rounding; a card keeps about as many rows (what ML remembers is counted twice: 11
    of 44, in blocks of 4)"""
    with card("double", L2=1024, MEMORY=memory) as device:
        monkeypatch.setattr("nanompi.device.fit.MANY", 4)
        before, got = (outcome(engine, device, look) for look in (None, Shuffle()))
    want = outcome(engine)
    assert 0.72 * before[3][0] <= got[3][0] <= before[3][0]
    assert (got[3][0] == 64) == (memory == 16 << 20)
    assert got[0] == pytest.approx(want[0], rel=1e-8)
    for a, b in zip(got[1:3], want[1:3]):
        assert abs(a - b).max() <= 1e-8 * abs(b).max()


@pytest.mark.slow
def test_the_program_moves_frames_between_cards(mpirun_here, emulated, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.yaml").write_text(JOB)
    words = ("--", "run", "job.yaml", "--set")
    mpirun_here(2, PROGRAM, *words, "run.device=cpu", "--out", "cpu")
    said = mpirun_here(
        2, PROGRAM, *words, "run.device=cuda", "--out", "card", SHIFT="1:1,3 4:2,1", **emulated()
    )
    assert "device: CUDA on each of 2 ranks" in said.stdout
    want, got = (load_result(tmp_path / out / "x/latest") for out in ("cpu", "card"))
    for name in ("object", "probe"):
        assert abs(got[name] - want[name]).max() <= 1e-8 * abs(want[name]).max(), name
