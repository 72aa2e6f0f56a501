"""The step of reconstruction: known slices come back, at their place and with their value."""

from types import SimpleNamespace

import numpy as np
import pytest

from nanompi.data.blocks import Info
from nanompi.data.data import Data
from nanompi.data.walk import walk
from nanompi.device import Cpu
from nanompi.errors import DataError, JobError
from nanompi.methods.tomo.centre.step import Centre
from nanompi.methods.tomo.phantom import disc, grains
from nanompi.methods.tomo.quality import verdicts
from nanompi.methods.tomo.step import Tomo
from nanompi.mpi.team import Team
from nanompi.run.result import Result
from tests import walking
from tests.methods.tomo.steps import done, run_of


def sinograms(phantom, angles, n=96, rows=1, centre=None) -> np.ndarray:
    """(rows, A, n)"""
    axis = (n - 1) / 2 if centre is None else centre
    return np.stack([phantom.projection(a, rows, n, axis) for a in angles], 1)


def data_of(block, angles=None, **facts) -> Data:
    rows, a, n = block.shape
    coords = {} if angles is None else {"angle": (angles, "rad")}
    axes = ("angle", "row", "column")
    return Data(axes=axes, values=np.empty((a, rows, n), np.float32), coords=coords, facts=facts)


def slices(phantom, angles, rows=1, n=96, centre=None, given=None, run=None, **facts):
    """(rows, n, n) of the exact projections of a phantom; given : the axis that is told"""
    block = sinograms(phantom, angles, n, rows, centre)
    data, axis = data_of(block, angles, **facts), centre if given is None else given
    data.facts |= {} if axis is None else {"axis": (axis, 0.0)}
    return done(Tomo(method="fbp"), run or run_of(), data, block)


def walked(phantom, angles, rows=1, n=96, centre=None, axis=None, **facts):
    """(run, volume) of a whole step over its blocks, on one rank; axis : that is told, the true one if not"""
    data = data_of(np.empty((rows, len(angles), n)), angles, **facts)
    data.values = sinograms(phantom, angles, n, rows, centre).swapaxes(0, 1)
    data.spread, data.parts = "row", [np.arange(rows)]
    data.facts["axis"] = (next(a for a in (axis, centre, (n - 1) / 2) if a is not None), 0.0)
    truth = np.stack([phantom.slice(row, rows, n) for row in range(rows)])
    data.beside["truth"] = SimpleNamespace(shape=truth.shape, read=lambda index: truth[index])
    with Team() as team:
        run = walking.run_of(team, data=data)
        run.device, run.result, run.warn = Cpu("double", threads=1), Result(), run.say
        walk(run, [Tomo(method="fbp")])
    return run, run.data["data"]


def turn(n, span=np.pi):
    return np.arange(n) * span / n


def rms(image, truth, radius=0.9) -> float:
    """Root mean square error in the circle, of the largest value"""
    y, x = np.indices(truth.shape[-2:]) - (truth.shape[-1] - 1) / 2
    inside = np.hypot(x, y) < radius * truth.shape[-1] / 2
    return float(np.sqrt(np.mean((image - truth)[..., inside] ** 2)) / truth.max())


@pytest.mark.parametrize("n", [96, 97])
def test_a_disc_has_its_value_its_mass_and_its_place(n):
    """Even and odd columns. What is known exactly: value 0.02, mass pi r^2 value, centre (x, y) = (5, -9).

    The band limit of the ramp leaves ripples at the edge, which do not touch the mean; the angles, 151 of
    about 150 that 96 columns need, leave 1e-3
    """
    image = slices(disc(25.0, 0.02, 5.0, -9.0), turn(151), n=n)[0]
    y, x = np.indices(image.shape) - (n - 1) / 2
    far = np.hypot(x - 5, y + 9)
    assert image[far < 22].mean() == pytest.approx(0.02, rel=1e-3)
    assert image[far < 22].std() < 0.005 * 0.02
    assert abs(image[far > 28].mean()) < 1e-3 * 0.02
    assert image.sum() == pytest.approx(np.pi * 25**2 * 0.02, rel=1e-3)
    assert (image * x).sum() / image.sum() == pytest.approx(5, abs=0.02)
    assert (image * y).sum() / image.sum() == pytest.approx(-9, abs=0.02)


@pytest.mark.parametrize("n, centre", [(96, None), (97, None), (96, 50.3), (97, 45.75)])
def test_slices_are_those_of_the_phantom(n, centre):
    """No two of them and no flipped ones are alike: rows, x, y and the sense of rotation are right.

    Sharp edges in a band-limited image: 0.017 of the largest value was reached
    """
    phantom = grains(n, 5, thickness=1.5, seed=2)
    truth = np.stack([phantom.slice(row, 5, n) for row in range(5)])
    assert rms(slices(phantom, turn(151), 5, n, centre), truth) < 0.018


@pytest.mark.parametrize("wrong", [-2.0, 1.0, 3.0])
def test_a_wrong_centre_is_worse(wrong):
    phantom = grains(96, 1, thickness=1.5, seed=2)
    truth = phantom.slice(0, 1, 96)
    good, bad = (rms(slices(phantom, turn(151), centre=47.5, given=47.5 + w)[0], truth) for w in (0, wrong))
    assert bad > 4 * good


def test_a_half_and_a_full_turn_give_the_same():
    """Backwards, from another angle, with both ends, in any order: the same slice to 1e-3 of its largest
    value where the directions are the same ones"""
    phantom, n = grains(96, 1, thickness=1.5, seed=2), 150
    want = slices(phantom, turn(n))[0]
    rng = np.random.default_rng(0)
    same = {
        "full": turn(2 * n, 2 * np.pi),
        "back": -turn(n) + np.pi,
        "both ends": np.linspace(0, np.pi, n + 1),
        "mixed": rng.permutation(turn(n)),
        "from elsewhere": turn(n) + 0.3 * np.pi,
    }
    for name, angles in same.items():
        assert abs(slices(phantom, angles)[0] - want).max() < 1e-3 * want.max(), name
    odd = slices(phantom, turn(301, 2 * np.pi))[0]  # twice as many directions
    assert rms(odd, want) < 5e-3


def test_angles_in_unequal_steps_are_weighed():
    """Half of the turn measured twice as densely: as good as equal steps, where equal weights are not"""
    phantom = grains(96, 1, thickness=1.5, seed=2)
    truth = phantom.slice(0, 1, 96)
    angles = np.r_[turn(180, np.pi / 2), np.pi / 2 + turn(90, np.pi / 2)]
    assert rms(slices(phantom, angles)[0], truth) < 1.2 * rms(slices(phantom, turn(180))[0], truth)


def test_values_are_per_metre_where_the_pixel_is_known():
    phantom = disc(20.0, 0.01)
    plain, metric = (slices(phantom, turn(60), **f) for f in ({}, {"pixel": 2e-6}))
    assert metric * 2e-6 == pytest.approx(plain, abs=1e-9)


@pytest.mark.parametrize("facts, size, unit", [({"pixel": 2e-6}, 2e-6, "m"), ({}, 1.0, "px")])
def test_the_axes_of_the_volume(facts, size, unit):
    """Slices along z, and places about the rotation axis in the middle; what the step adds up is not kept"""
    run, volume = walked(disc(4.0, 0.01), turn(40), rows=3, n=20, **facts)
    assert volume.axes == ("z", "y", "x") and volume.spread == "z" and volume.unit == f"1/{unit}"
    assert volume.coords["x"][0] == pytest.approx((np.arange(20) - 9.5) * size)
    assert volume.coords["z"][0] == pytest.approx((np.arange(3) - 1) * size)
    assert volume.coords["y"][1] == unit
    assert list(run.data) == list(run.given) == ["data"]


@pytest.mark.parametrize("centre", [44.5, 46.5, 48.5, 50.5])
def test_the_figures_tell_how_good_a_volume_is(centre):
    """Negative values by hand; both figures are least at the true axis, 47.5"""
    phantom, own = grains(96, 2, thickness=1.5, seed=2), {}
    truth = np.stack([phantom.slice(row, 2, 96) for row in range(2)])
    for at in (47.5, centre):
        run, volume = walked(phantom, turn(151), 2, centre=47.5, axis=at)
        own[at], values = Tomo().summary(run, None), volume.values
        below = -values[values < 0].sum() / values[values > 0].sum()
        error = np.sqrt(np.mean((values - truth) ** 2)) / truth.max()
        assert {k: own[at][k] for k in ("negative", "error")} == pytest.approx(
            {"negative": below, "error": error}
        )
        assert "negative 0." in run.lines[-1] and "error 0." in run.lines[-1]
    assert own[centre]["negative"] > 1.2 * own[47.5]["negative"]
    assert own[centre]["error"] > 2 * own[47.5]["error"]


def noisy(photons, n=64, rows=2):
    """Half a period, px, that halves of the projections resolve, and their correlation"""
    phantom, rng = grains(n, rows, thickness=1.5, seed=2), np.random.default_rng(0)
    lines = sinograms(phantom, turn(120), n, rows)
    counts = np.maximum(rng.poisson(photons * np.exp(-lines)), 1)
    phantom = SimpleNamespace(
        projection=lambda a, *_: -np.log(counts[:, round(a * 120 / np.pi)] / photons),
        slice=phantom.slice,
    )
    run, _ = walked(phantom, turn(120), rows, n)
    return run.result.notes["tomo"]["tomo"]["resolution_px"], run.result.signals["frc"].data[0]


def test_halves_of_the_projections_tell_what_is_resolved():
    """The more photons the finer: noise alone is uncorrelated, and a slice without noise resolves all"""
    known = {photons: noisy(photons)[0] for photons in (1e2, 1e3, 1e4, 1e6)}
    assert known[1e2] > 1.3 * known[1e3] > 1.3 * known[1e4] > 1.2 and known[1e6] == 1, known


def test_halves_of_nothing_but_noise_resolve_nothing():
    air = SimpleNamespace(
        projection=lambda a, rows, n, _: np.random.default_rng([7, int(1e6 * a)]).standard_normal((rows, n)),
        slice=lambda row, rows, n: np.ones((n, n)),
    )
    run, _ = walked(air, turn(120), 2, 64)
    assert run.result.notes["tomo"]["tomo"]["resolution_px"] > 5
    assert abs(run.result.signals["frc"].data[0][3:].mean()) < 0.05


def explained(lines, angles, axis):
    """What is said of two rows of line integrals (2, A, n)"""
    kept = lambda a, *_: lines[:, int(np.argmin(abs(angles - a)))]  # noqa: E731
    phantom = SimpleNamespace(projection=kept, slice=lambda row, rows, n: np.ones((n, n)))
    return walked(phantom, angles, 2, lines.shape[2], axis=axis)[0].result.notes["tomo"]["tomo"]


def test_slices_explain_their_projections_unless_the_axis_is_wrong():
    """Exact line integrals: 0.6 % is left, of the linear interpolation; 6 px beside the axis ten times as
    much, and that is doubted"""
    angles = turn(151)
    lines = sinograms(grains(96, 2, thickness=1.5, seed=2), angles, 96, 2)
    right, wrong = (explained(lines, angles, axis) for axis in (47.5, 53.5))
    assert right["residual"] < 0.008 and "residual_noise" in right and "verdict" not in right
    assert wrong["residual"] > 0.05 and wrong["verdict"] == "doubtful"
    assert "are not explained by the slices" in wrong["reason"]


def test_what_goes_on_beyond_the_slices_is_doubted_and_not_projected_again():
    phantom = grains(160, 2, thickness=1.5, seed=2)
    lines = sinograms(phantom, turn(151), 160, 2)[..., 32:-32]
    own = explained(lines, turn(151), 47.5)
    assert "residual" not in own and own["verdict"] == "doubtful" and "no air beside" in own["reason"]


def test_two_projections_make_no_good_slice():
    """Their noise is not known, which is no excuse"""
    angles = np.array([0, np.pi / 2])
    own = explained(sinograms(grains(96, 2, 1.5, 2), angles, 96, 2), angles, 47.5)
    assert own["residual"] > 0.3 and "residual_noise" not in own and own["verdict"] == "doubtful"


def test_half_a_turn_about_an_axis_near_one_side_is_not_good():
    run, _ = walked(grains(96, 2, 1.5, 2), turn(60), 2, centre=24.0)
    said = run.result.notes["verdict"]["steps"]["tomo"]
    assert said["grade"] == "doubtful" and "half acquisition needs 360 degrees" in said["words"]


def test_steps_of_a_tomogram_say_what_they_think_of_themselves():
    doubt = {"verdict": "doubtful", "reason": "depth 0.2"}
    notes = {"tomo": {"negative": 0.1}, "flat": {"air": [1.0]}, "centre": doubt}
    assert verdicts(notes) == {"tomo": ("good", ""), "tomo.centre": ("doubtful", "depth 0.2")}


def test_one_sinogram_without_rows_is_one_slice():
    """Its pixels are shared by rows of the image; there is no z"""
    block = sinograms(disc(20.0, 0.01), turn(40), 64)
    data = Data(axes=("angle", "column"), values=block[0], coords={"angle": (turn(40), "rad")})
    with Team() as team:
        run = walking.run_of(team, data=data)
        run.device, run.result, run.warn = Cpu("double", threads=1), Result(), run.say
        walk(run, [Tomo(method="fbp")])
    assert run.data["data"].axes == ("y", "x") and run.data["data"].coords.keys() == {"y", "x"}
    assert run.data["data"].values == pytest.approx(slices(disc(20.0, 0.01), turn(40), n=64)[0])


def test_pixels_that_not_all_rays_hit_are_empty():
    """With the axis at column 40 of 96, rays miss the detector beyond 40 px"""
    image = slices(disc(20.0, 0.01), turn(60), centre=40.0)[0]
    y, x = np.indices(image.shape) - 47.5
    assert not image[np.hypot(x, y) > 40].any() and image[np.hypot(x, y) <= 40].all()


@pytest.mark.slow
def test_the_same_bits_in_blocks_of_any_length_and_with_threads():
    """What makes the volume the same on any number of ranks"""
    phantom = grains(64, 4, thickness=1.5, seed=3)
    block = sinograms(phantom, turn(40), 64, 4).astype(np.float32)
    together = done(Tomo(method="fbp"), run_of("single"), data_of(block, turn(40)), block)
    assert together.dtype == np.float32
    for k in range(4):
        alone = done(
            Tomo(method="fbp"), run_of("single", threads=3), data_of(block, turn(40)), block[k : k + 1]
        )
        assert np.array_equal(alone[0], together[k])
    assert done(Tomo(method="fbp"), run_of("single"), data_of(block, turn(40)), block[:0]).shape == (
        0,
        64,
        64,
    )


def test_without_an_axis_the_middle_is_taken():
    phantom = disc(20.0, 0.01, 3.0)
    assert np.array_equal(slices(phantom, turn(40)), slices(phantom, turn(40), given=47.5))


def test_a_tilted_axis_is_followed_from_row_to_row():
    """Axis at column 46.5, 47.5 and 48.5 of three rows: as good as three rows with an axis each"""
    phantom, rows = grains(96, 3, thickness=1.5, seed=2), np.arange(3)
    block = np.concatenate([sinograms(phantom, turn(151), 96, 3, 46.5 + row)[row : row + 1] for row in rows])
    data = data_of(block, turn(151), axis=(47.5, 1.0))
    tilted = done(Tomo(method="fbp"), run_of(), data, block, places={"row": rows})
    for row in rows:
        alone = slices(phantom, turn(151), 3, centre=46.5 + row)
        assert np.array_equal(tilted[row], alone[row])


def test_a_missing_wedge_is_warned_of():
    run = run_of()
    slices(disc(20.0, 0.01), np.deg2rad(np.arange(150)), given=47.5, run=run)
    assert "cover 150 of 180 degrees" in run.warned[0]
    slices(disc(20.0, 0.01), np.deg2rad(np.arange(175)), given=47.5, run=run)
    assert len(run.warned) == 1 and not run.said


@pytest.mark.parametrize("centre", [-1.0, 0.0, 95.0, 1e4])
def test_a_centre_off_the_detector_is_refused(centre):
    with pytest.raises(JobError, match=r"tomo.centre.value: .* not between the columns 0 and 95"):
        Centre(value=centre).check(data_of(np.zeros((1, 40, 96)), turn(40)))


def test_missing_angles_are_refused():
    block = sinograms(disc(20.0, 0.01), turn(40))
    with pytest.raises(DataError, match="needs the angles of the projections"):
        done(Tomo(method="fbp"), run_of(), data_of(block), block)
    with pytest.raises(DataError, match="needs the angles of the projections"):
        Tomo().check(data_of(block))
    Tomo().check(data_of(block, turn(40)))


@pytest.mark.parametrize("angles", [np.zeros(1), np.deg2rad(turn(40)), np.full(5, 0.7)])
def test_next_to_no_directions_are_refused(angles):
    """One projection, radians taken for degrees, a sample that did not turn"""
    with pytest.raises(DataError, match=r"projections cover .* degrees; a slice needs 180"):
        slices(disc(20.0, 0.01), angles)


@pytest.mark.parametrize(
    "given, idle",
    [
        ({"method": "fourier", "iterations": 5, "smooth": 2.0}, ["iterations", "smooth"]),
        ({"method": "cgls", "window": "hann", "iterations": 5}, ["window"]),
        ({"method": "mlem", "positive": False}, ["positive"]),
        ({"method": "tv", "halves": 4, "smooth": 2.0}, ["halves"]),
        ({"method": "fbp", "window": "hann", "iterations": None, "smooth": 1.0}, []),
    ],
)
def test_options_that_the_method_does_not_take_are_named(given, idle):
    """By a run, once, and by `nanompi check`"""
    data, run = data_of(np.zeros((1, 40, 32)), turn(40)), run_of()
    Tomo(**given).start(run, data)
    assert (
        [line.split()[1] for line in run.warned]
        == idle
        == [line.split()[1] for line in Tomo(**given).check(data)]
    )
    assert all(f"changes nothing with {given['method']}: it is of " in line for line in run.warned)


def test_what_is_smoothed_is_not_said_to_be_resolved():
    """tv makes halves alike, however few photons there were"""
    data = data_of(np.zeros((1, 40, 32)), turn(40))
    steps = {method: Tomo(method=method) for method in ("tv", "cgls")}
    for one in steps.values():
        one.start(run_of(), data)
    assert len(steps["tv"].judge.half.rows) == 0 and len(steps["cgls"].judge.half.rows) == 1


@pytest.mark.slow
@pytest.mark.parametrize("method, together", [("tv", 1), ("os", 3)])
def test_slices_by_iterations_tell_when_they_are_made(method, together):
    """One after the other, or side by side"""
    block, data, told = (
        sinograms(disc(8.0, 0.02), turn(40), 32, 3),
        data_of(np.zeros((3, 40, 32)), turn(40)),
        [],
    )
    step = Tomo(method=method, iterations=1, halves=0)
    step.start(run := run_of("single"), data)
    step.block(
        block.astype(np.float32),
        Info(data, np.arange(3), {"row": np.arange(3)}, run.device, data.axes, False, told.append),
    )
    assert told == [together] * (3 // together)
