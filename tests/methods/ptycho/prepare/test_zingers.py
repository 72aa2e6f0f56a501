"""Zingers are not measured where they strike; no speckle of a scan is taken for one."""

import numpy as np
import pytest

from nanompi.methods.ptycho.prepare.mask import Mask
from nanompi.methods.ptycho.prepare.step import Prepare
from nanompi.methods.ptycho.read.simulate import Simulate, Simulation
from nanompi.mpi.team import Team
from nanompi.run.reading import Input
from tests.memory import run_of, scan_of


def simulated(focus=None, **given):
    scan = Simulate(simulate=Simulation(**{"frames": 150, "size": 64, **given})).open("", Input(focus=focus))
    return scan.source.read(np.arange(scan.source.shape[0]))


def prepared(stack, **more):
    run = run_of(Team(), scan_of(stack))
    Prepare(centre="middle", **more, split="in order").run(run)
    return run.data["frames"], np.argwhere(
        np.fft.fftshift(run.data["frames"].counts, axes=(1, 2)) < 0
    ).tolist()


@pytest.mark.parametrize(
    "given", [{}, {"photons": 1e9}, {"photons": 300}, {"modes": 3}, {"noise": False}, {"focus": 3e-3}]
)
def test_no_light_is_a_zinger(given):
    frames, lost = prepared(simulated(**given))
    assert lost == [] and "zingers" not in frames.preparation


def test_zingers_are_not_measured():
    stack = simulated()
    struck = [[3, 5, 5], [40, 20, 50], [41, 20, 50], [77, 60, 10], [149, 10, 33]]
    for j, row, column in struck:
        stack[j, row, column] = 5000
    stack[77, 60, 11] = 4000  # two pixels at once
    frames, lost = prepared(stack)
    assert lost == sorted([*struck, [77, 60, 11]]) and frames.preparation["zingers"] == 6
    assert frames.mask.all()
    assert prepared(stack, mask=Mask(faulty=False))[1] == []
