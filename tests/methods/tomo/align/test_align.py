"""The step tomo.align: a shaken sample whose displacements are known."""

import numpy as np
import pytest

from nanompi.errors import DataError
from nanompi.methods.tomo.align import mass, table
from nanompi.methods.tomo.align.step import Align
from nanompi.methods.tomo.phases import phase_lines
from nanompi.mpi.team import Team
from tests.methods.tomo.shaken import Shaken, run_of

ALONE = Team(alone=True)


def aligned(scene: Shaken, folder, values, unit="rad", **options):
    """(run, (2, A) displacements found)"""
    run = run_of(ALONE, folder, values, scene.angles, unit=unit)
    Align(**options).run(run)
    return run, run.result.arrays["alignment/shifts"][0]


# 0.05 rad of noise allow 0.004 px; what is left is interpolation. Three times of what is reached at 64^2
@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_wrapped_phases_of_a_shaken_sample(tmp_path, seed):
    scene = Shaken.of(64, 90, seed)
    run, places = aligned(scene, tmp_path, scene.measured(0.05))
    down, right, axis = scene.errors(*places)
    assert scene.lines.max() > 3 * np.pi and scene.down.std() > 1.5
    assert down < 0.015 and right < 0.03 and abs(axis) < 0.03
    note = run.result.notes["tomo"]["align"]
    assert note["verdict"] == "good" and note["left_out"] == [] and 3 < note["rounds"] < 12


def test_what_comes_out_stands_still(tmp_path):
    """The projections are those of the sample at rest, about the axis that is told"""
    scene = Shaken.of(56, 60, 10, balls=15)
    assert np.abs(np.diff(scene.lines)).max() < np.pi
    run, places = aligned(scene, tmp_path, scene.measured(0.02))
    data = run.data["data"]
    column, slope = data.facts["axis"]
    terms = np.stack([np.cos(scene.angles), np.sin(scene.angles), np.ones(60)], 1)
    fit = np.linalg.lstsq(terms, scene.right - places[1], rcond=None)[0]
    rest = terms @ fit + column - 27.5  # the sample as a whole may stand elsewhere
    still = [scene.balls.projection(a, (56, 56), scene.down.mean(), d) for a, d in zip(scene.angles, rest)]
    inner = (slice(None), slice(8, -8), slice(8, -8))
    assert slope == 0 and np.std((data.values - still)[inner]) < 0.06  # 0.02 of noise, and 0.01 px


def test_few_angles_do_not_make_steep_phases_grow(tmp_path):
    """24 angles through 48 columns, phases that turn by more than half a turn in a pixel: unwrapped wrongly
    here and there, they were mended by a volume of which each projection made its own part, up to thousands
    of rad after twenty rounds. Whatever is right stays within what was there"""
    scene = Shaken.of(48, 24, 1, jitter=1.5)
    steep = scene.lines * 1.6
    images = np.exp(1j * (steep + np.random.default_rng(0).normal(0, 0.02, steep.shape)))
    values = np.stack([phase_lines(one, np.ones(one.shape, bool)) for one in images])
    assert np.abs(np.diff(steep)).max() > 1.5 * np.pi
    run, places = aligned(scene, tmp_path, values)
    down, right, _ = scene.errors(*places)
    assert np.abs(run.data["data"].values).max() < 1.5 * steep.max()
    assert down < 0.2 and right < 0.3  # 0.05 and 0.10 px are reached; 1.5 px unaligned


def test_absorption_is_aligned_by_the_same_step(tmp_path):
    scene = Shaken.of(48, 60, 4, balls=20)
    values = scene.lines / 10 + np.random.default_rng(0).normal(0, 0.01, scene.lines.shape)
    _, places = aligned(scene, tmp_path, values, unit="")
    down, right, _ = scene.errors(*places)
    assert down < 0.03 and right < 0.06


def test_a_projection_of_something_else_is_left_out_and_named(tmp_path):
    scene = Shaken.of(48, 60, 5, balls=20)
    values = scene.measured(0.05)
    values[17] = values[17][::-1, ::-1] * 1.5
    run, places = aligned(scene, tmp_path, values)
    used = np.arange(60) != 17
    assert run.result.notes["tomo"]["align"]["left_out"] == [17]
    assert any("17 (51 degrees)" in line for line in run.lines)
    data = run.data["data"]
    assert data.size("angle") == 59 == len(data.coords["angle"][0]) and data.parts[0].tolist() == list(
        range(59)
    )
    assert np.array_equal(data.coords["angle"][0], scene.angles[used])
    down, right, _ = scene.errors(*places, used)
    assert down < 0.04 and right < 0.06


def test_a_sample_that_reaches_the_edges_is_aligned_by_reprojection_alone(tmp_path):
    """A disc wider than the field stands behind the balls; the verdict is not good"""
    scene = Shaken.of(48, 60, 6, jitter=1.0, balls=25)
    x = np.arange(48) - 23.5
    wide = [2 * np.sqrt(40**2 - (x - d) ** 2) / 20 for d in scene.right]
    values = scene.lines + np.stack(wide)[:, None]
    run, places = aligned(scene, tmp_path, values, unit="")
    note = run.result.notes["tomo"]["align"]
    down, right, _ = scene.errors(*places)
    assert note["verdict"] == "doubtful" and "reach an edge" in note["reason"]
    assert down < 0.1 and right < 0.2 < 0.5 * scene.right.std()


def test_shifts_of_one_run_are_taken_by_another(tmp_path):
    scene = Shaken.of(40, 30, 7, balls=15)
    values = scene.measured(0.05)
    first, places = aligned(scene, tmp_path, values)
    file = tmp_path / "shifts.csv"
    (tmp_path / "again").mkdir()
    again, same = aligned(scene, tmp_path / "again", values, shifts=str(file))
    assert np.allclose(places, same, atol=1e-5)
    assert np.allclose(first.data["data"].values, again.data["data"].values, atol=0.05)
    assert again.data["data"].facts["axis"] == pytest.approx(first.data["data"].facts["axis"], abs=1e-4)


def test_a_table_of_other_projections_is_refused(tmp_path):
    file, angles = tmp_path / "shifts.csv", np.deg2rad([0.0, 90.0])
    file.write_text(",".join(table.HEAD) + "\n0,1,2,0.1,1\n91,1,2,0.1,1\n")
    with pytest.raises(DataError, match="projection 1 is at 91 degrees there, at 90 in the data"):
        table.read(str(file), angles)
    with pytest.raises(DataError, match="shifts of 2 projections; the data have 3"):
        table.read(str(file), np.zeros(3))
    for text, words in (("a,b\n", "first line"), (",".join(table.HEAD) + "\n0,x,2,0,1\n", "5 numbers")):
        file.write_text(text)
        with pytest.raises(DataError, match=words):
            table.read(str(file), angles)


def test_too_few_projections_and_none_with_angles_are_refused(tmp_path):
    scene = Shaken.of(32, 6, 8, balls=5)
    with pytest.raises(DataError, match="6 projections are too few; 8 are needed"):
        aligned(scene, tmp_path, scene.lines)


def test_the_sample_is_seen_to_reach_an_edge():
    x = np.arange(64) - 31.5
    inside, wide, tilted = (
        np.sqrt(np.maximum(r**2 - (x - c) ** 2, 0)) for r, c in ((25, 0), (40, 0), (25, 12))
    )
    assert [mass.touches(np.tile(p, (8, 1))) for p in (inside, wide, tilted)] == [False, True, True]


def test_moments_give_the_axis_and_the_displacements():
    """The middle of the mass goes round the axis at column 22; two outliers do not count"""
    angles, shake = np.arange(40) * np.pi / 40, np.zeros(40)
    shake[[3, 30]] = 5, -7
    middles = 22 + 4 * np.cos(angles) - 3 * np.sin(angles) + shake
    assert np.allclose(mass.horizontal(middles, angles, 41), shake + 2, atol=1e-6)
