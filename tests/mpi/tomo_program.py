"""Simulated tomograms from their frames to slices over the ranks; the volumes go to a file."""

import sys
from pathlib import Path

import numpy as np

from nanompi.data.walk import Pass, next_pass, walk
from nanompi.methods.tomo.centre.step import Centre
from nanompi.methods.tomo.flat import Flat
from nanompi.methods.tomo.read.simulate import SimulateTomogram, TomogramSimulation
from nanompi.methods.tomo.step import Tomo
from nanompi.methods.tomo.stripes.step import DONE, Stripes
from nanompi.mpi.team import Team
from nanompi.run.reading import spread_evenly
from nanompi.run.result import Result
from tests import walking

ITERATED = ("os", "cgls", "tv")


def volume(team, rows: int, **options) -> np.ndarray:
    """(rows, 40, 40), on every rank"""
    scan = TomogramSimulation(angles=31, size=40, rows=rows, centre=18.4, photons=3e3)
    read = team.on_root(lambda: SimulateTomogram(simulate=scan).open("", None))
    run = walking.run_of(team, data=spread_evenly(read["data"], team.size))
    run.warn, run.result = run.say, Result()
    run.data["data"].facts["axis"] = (18.4, 0.0)
    steps = [Flat(), Stripes(), Tomo(**options)]
    assert next_pass(run, steps) == Pass(0, "row", 3)  # raw counts travel
    walk(run, steps)
    assert run.result.notes["tomo"]["flat"]["values"] == 31 * rows * 40
    assert sum(run.result.notes["tomo"]["stripes"][name] for name in DONE) == rows
    data = run.data["data"]
    assert data.axes == ("z", "y", "x") and data.spread == "z" and data.unit == "1/m"
    assert 0 < run.result.notes["tomo"]["tomo"]["error"] < 0.1  # 0.06: noise of 3000 counts at 31 angles
    return walking.whole(team, data)


def centred(team) -> np.ndarray:
    """(7, 40, 40), on every rank, about an axis that the program finds"""
    scan = TomogramSimulation(angles=63, size=40, rows=7, centre=18.4, photons=3e3)
    read = team.on_root(lambda: SimulateTomogram(simulate=scan).open("", None))
    run = walking.run_of(team, data=spread_evenly(read["data"], team.size))
    run.warn, run.result = run.say, Result()
    walk(run, [Flat(), Centre(), Tomo()])
    column, slope = run.data["data"].facts["axis"]
    assert abs(column - 18.4) < 0.1 and slope == 0
    return walking.whole(team, run.data["data"])


if __name__ == "__main__":
    with Team() as team:
        volumes = {f"rows {rows}": volume(team, rows) for rows in (2, 5)}
        volumes |= {name: volume(team, 5, method=name, iterations=8) for name in ITERATED}
        volumes["centred"] = centred(team)
        if team.root:
            np.savez(Path(sys.argv[1]) / f"{team.size}.npz", **volumes)
