"""A shaken sample aligned over the ranks; the projections go to a file."""

import sys
from pathlib import Path

import numpy as np

from nanompi.methods.tomo.align.step import Align
from nanompi.mpi.team import Team
from tests import walking
from tests.methods.tomo.shaken import Shaken, run_of


def aligned(team, folder: Path) -> dict[str, np.ndarray]:
    """Projections, angles and axis; one of 20 is of something else"""
    scene = Shaken.of(33, 20, 1, balls=10)
    values = scene.measured(0.05)
    values[7] = -2 * values[7][::-1]
    run = run_of(team, folder, values, scene.angles, unit="rad")
    Align(rounds=5).run(run)
    data = run.data["data"]
    assert data.spread == "angle" and data.size("angle") == len(data.coords["angle"][0]) < 20
    return {
        "lines": walking.whole(team, data),
        "angles": data.coords["angle"][0],
        "axis": np.array(data.facts["axis"]),
    }


if __name__ == "__main__":
    with Team() as team:
        own = aligned(team, Path(sys.argv[1]))
        if team.root:
            np.savez(Path(sys.argv[1]) / f"{team.size}.npz", **own)
