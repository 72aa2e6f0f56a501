"""The orientation by the slopes of the phase, on random scans whose frames are turned in all eight ways."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nanompi.device.cpu import Cpu
from nanompi.methods.ptycho.doctor.candidate import TWIN, after, turned
from nanompi.methods.ptycho.doctor.finding import middle_frames
from nanompi.methods.ptycho.doctor.slopes import of_no_image, told
from nanompi.mpi.team import Team
from nanompi.run.perform import Options, Run
from nanompi.timing import Clock
from tests.methods.ptycho.scenes import draw, frames_of, geometry_of, make


def middle(seed: int, **given):
    """About a hundred frames in the middle of a random scan"""
    scene, team = make(draw(seed, frames=130, n=32, **given)), Team()
    run = Run(team=team, device=Cpu("double", 1), options=Options(), folder=Path(), clock=Clock(), say=print)
    run.data = {"data": scene.scan(), "frames": frames_of(scene, team)}
    return middle_frames(run, geometry_of(scene))[0]


@pytest.fixture(scope="module")
def scans():
    return [middle(seed) for seed in (4000, 4002, 4009, 4011)]


def turned_by(some, turn: int):
    frames = replace(some.frames, mask=turned(some.frames.mask[None], turn, some.frames.corner)[0])
    return replace(some, counts=turned(some.counts, turn, some.frames.corner), frames=frames)


@pytest.mark.parametrize("turn", range(8))
def test_the_class_that_undoes_a_turn_has_the_least_curl(scans, turn):
    """And is told by some of them; never another one"""
    clear = []
    for some in scans:
        parts = of_no_image(turned_by(some, turn))
        assert after(turn, min(parts, key=parts.get)) in (0, TWIN)
        clear += [told(parts)]
    known = [one for one in clear if one is not None]
    assert len(known) >= 2 and all(after(turn, one) in (0, TWIN) for one in known)


def test_noise_tells_nothing(scans):
    rng = np.random.default_rng(3)
    for some in scans:
        flat = np.broadcast_to(some.counts.mean(0) / 1e3, some.counts.shape)
        assert told(of_no_image(replace(some, counts=rng.poisson(flat).astype(np.float32)))) is None


def test_a_gap_of_the_detector_does_not_pull_the_centres(scans):
    some = scans[1]
    mask = some.frames.mask.copy()
    mask[2:4] = False
    parts = of_no_image(replace(some, frames=replace(some.frames, mask=mask)))
    assert min(parts, key=parts.get) == 0


def test_nothing_is_said_of_the_near_field_and_of_few_frames(scans):
    some = scans[0]
    assert of_no_image(replace(some, geometry=replace(some.geometry, focus=1e-3))) == {}
    few = np.argsort(some.positions[:, 0])[:20]
    assert of_no_image(replace(some, positions=some.positions[few], counts=some.counts[few])) == {}
    assert told({}) is None
