"""Alignment with its slices on a card, emulated: the same places as on the CPU."""

import numpy as np

from nanompi.methods.tomo.align.step import Align
from nanompi.mpi.team import Team
from tests.methods.tomo.shaken import Shaken, run_of


def test_places_as_on_the_cpu(card, tmp_path):
    """Two rounds with 12 projections of 20 rows, which are no multiple of the slices side by side"""
    scene = Shaken.of(20, 12, 1, balls=4)
    values = scene.lines / 3
    own = run_of(Team(alone=True), tmp_path, values, scene.angles)
    Align(rounds=2).run(own)
    with card("single") as device:
        run = run_of(Team(alone=True), tmp_path, values, scene.angles)
        run.device = device
        Align(rounds=2).run(run)
    want, got = (one.result.arrays["alignment/shifts"][0] for one in (own, run))
    assert np.abs(want).max() > 1 and np.abs(got - want).max() < 1e-3
