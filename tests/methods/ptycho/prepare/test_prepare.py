"""The whole step, on one rank: what each parameter does to frames whose truth is known."""

import numpy as np
import pytest

from nanompi.errors import DataError, JobError
from nanompi.methods.ptycho.prepare.dark import Dark
from nanompi.methods.ptycho.prepare.mask import Mask
from nanompi.methods.ptycho.prepare.step import Prepare
from nanompi.mpi.team import Team
from tests.memory import run_of, scan_of


def prepared(scan, **given):
    run = run_of(Team(), scan)
    Prepare(**given, split="in order").run(run)
    return run.data["frames"]


def natural(frames):
    """Counts with the zero frequency in the middle."""
    return np.fft.fftshift(frames.counts, axes=(1, 2)) if frames.corner else frames.counts


@pytest.fixture
def counts():
    return np.random.default_rng(0).poisson(5, (20, 40, 48)).astype(np.uint16)


def test_far_field_frames_leave_in_fft_order(counts):
    f = prepared(scan_of(counts), centre="middle")
    assert f.corner and f.counts.dtype == np.uint16 and f.mask.all() and f.pixel == (55e-6, 75e-6)
    assert np.array_equal(f.counts, np.fft.ifftshift(counts, axes=(1, 2)))
    assert np.array_equal(f.index, np.arange(20))


def test_near_field_frames_stay_in_natural_order(counts):
    f = prepared(scan_of(counts, focus=3e-3))
    assert not f.corner and np.array_equal(f.counts, counts)


def test_frames_without_counts_are_left_out_and_said(counts):
    counts[[4, 17]] = 0
    run = run_of(Team(), scan_of(counts))
    Prepare(split="in order").run(run)
    frames, kept = run.data["frames"], np.setdiff1d(np.arange(20), [4, 17])
    assert np.array_equal(frames.index, np.arange(18)) and np.array_equal(natural(frames), counts[kept])
    assert np.array_equal(run.data["data"].numbers, kept) and len(run.data["data"].positions) == 18
    assert run.data["data"].left_out["empty"].tolist() == [4, 17]
    assert "2 of 20 frames have no counts (shutter, beam) and are left out: 4, 17" in run.made["log"][-1]


def test_a_frame_that_is_dark_by_chance_stays():
    few = np.random.default_rng(1).poisson(0.004, (60, 40, 48)).astype(np.uint16)  # 8 counts in a frame
    few[30] = 0
    run = run_of(Team(), scan_of(few))
    Prepare(centre="middle", split="in order").run(run)
    assert len(run.data["frames"].index) == 60 and "1 frames have no counts (30)" in run.made["log"][-1]


def test_many_frames_without_counts_are_refused_unless_the_job_knows_them(counts):
    counts[::4] = 0
    with pytest.raises(DataError, match="5 of 20 frames hold no data: frames 0:17:4 have no counts"):
        prepared(scan_of(counts))
    assert len(prepared(scan_of(counts, gaps=True)).index) == 15


def test_frames_in_fft_order_pass_unchanged(counts):
    f = prepared(scan_of(np.fft.ifftshift(counts, axes=(1, 2)), corner=True))
    assert f.corner and np.array_equal(natural(f), counts)


def test_a_window_around_a_given_centre(counts):
    f = prepared(scan_of(counts), centre=(18, 25), size=16)
    assert np.array_equal(natural(f), counts[:, 10:26, 17:33])


def test_a_window_of_frames_in_fft_order(counts):
    scan = scan_of(np.fft.ifftshift(counts, axes=(1, 2)), corner=True)
    f = prepared(scan, size=(16, 20))
    assert np.array_equal(natural(f), counts[:, 12:28, 14:34])


def test_a_window_that_sticks_out_is_padded_by_masked_pixels(counts):
    f = prepared(scan_of(counts), centre=(5, 24), size=20)
    good = np.fft.fftshift(f.mask)
    assert not good[:5].any() and good[5:].all()
    assert np.array_equal(natural(f)[:, 5:], counts[:, :15, 14:34]) and not natural(f)[:, :5].any()


def test_auto_size_takes_the_largest_good_window_around_the_centre():
    rng = np.random.default_rng(0)
    frames = rng.poisson(3, (4, 67, 67)).astype(np.uint16)
    assert prepared(scan_of(frames), centre="middle").counts.shape[1:] == (64, 64)
    assert prepared(scan_of(frames), centre=(33, 20)).counts.shape[1:] == (
        42,
        42,
    )  # 20 to each side and 1/16 more
    assert prepared(scan_of(frames, focus=1e-3)).counts.shape[1:] == (64, 64)
    assert prepared(scan_of(frames), centre="middle", rebin=3).counts.shape[1:] == (20, 20)


@pytest.mark.parametrize("number", range(8))
@pytest.mark.parametrize("corner", [False, True])
def test_eight_orientations(number, corner):
    frames = np.random.default_rng(1).poisson(9, (3, 9, 11)).astype(np.uint16)
    frames = frames[:, :, :9]
    o = [bool(number & 4), bool(number & 2), bool(number & 1)]
    want = frames.swapaxes(1, 2) if o[0] else frames
    want = want[:, ::-1] if o[1] else want
    want = want[:, :, ::-1] if o[2] else want
    stored = np.fft.ifftshift(frames, axes=(1, 2)) if corner else frames
    for given in (number, o):
        f = prepared(scan_of(stored, corner=corner), centre="middle", size=9, orientation=given)
        assert np.array_equal(natural(f), want) and f.preparation["orientation"] == number
        assert f.pixel == ((75e-6, 55e-6) if o[0] else (55e-6, 75e-6))


def test_the_given_centre_is_a_point_of_the_stored_frame(counts):
    counts[:, 11, 31] = 999
    for number in range(8):
        f = prepared(scan_of(counts), centre=(11, 31), size=12, orientation=number, mask=Mask(faulty=False))
        assert (f.counts[:, 0, 0] == 999).all()


def test_rebin_sums_counts_and_masks_what_is_partly_masked(counts):
    good = np.ones((40, 48), bool)
    good[21, 30] = False
    f = prepared(scan_of(counts, mask=good), centre="middle", rebin=2)
    want = counts.reshape(20, 20, 2, 24, 2).sum(axis=(2, 4))
    got, mask = natural(f), np.fft.fftshift(f.mask)
    assert f.counts.dtype == np.uint16 and f.pixel == (110e-6, 150e-6)
    assert not mask[10, 15] and mask.sum() == 20 * 24 - 1
    assert np.array_equal(got[:, mask], want[:, mask])


def test_rebinned_beam_lies_on_the_zero_frequency():
    frames = np.zeros((2, 32, 32), np.uint16)
    frames[:, 14:16, 18:20] = 7  # centre of these four pixels: (14.5, 18.5)
    f = prepared(scan_of(frames), centre=(14.5, 18.5), size=16, rebin=2)
    assert (f.counts[:, 0, 0] == 28).all() and f.counts.sum() == 56


def test_dark_is_subtracted_and_clipped(counts):
    f = prepared(scan_of(counts), centre="middle", dark=3)
    assert np.array_equal(natural(f), np.maximum(counts.astype(int) - 3, 0)) and f.counts.dtype == np.uint16
    image = np.random.default_rng(2).random((40, 48)).astype(np.float32)
    f = prepared(scan_of(counts, dark=image), centre="middle")
    assert f.counts.dtype == np.float32
    assert natural(f) == pytest.approx(np.maximum(counts - image, 0))


def test_a_dark_of_the_job_that_replaces_that_of_the_file_is_told(counts):
    image = np.full((40, 48), 2.0, np.float32)
    told = prepared(scan_of(counts, dark=image), centre="middle", dark=3).preparation["replaced"]
    assert told == "dark: that of the job (mean 3) replaces that of the file (mean 2)"
    assert prepared(scan_of(counts, dark=image), centre="middle").preparation["replaced"] == ""
    assert prepared(scan_of(counts), centre="middle", dark=3).preparation["replaced"] == ""


def test_dark_and_mask_turn_with_the_frames(counts, tmp_path):
    image = np.zeros((40, 48))
    image[3, 5] = 2
    np.save(tmp_path / "dark.npy", image)
    np.save(tmp_path / "mask.npy", image)
    given = {
        "dark": Dark(file=str(tmp_path / "dark.npy")),
        "mask": Mask(file=str(tmp_path / "mask.npy"), invert=True),
    }
    f = prepared(scan_of(counts, focus=1e-3), orientation=4, size=(48, 40), **given)
    assert not f.mask[5, 3] and f.mask.sum() == 40 * 48 - 1
    counts[:, 3, 5] = 0
    assert np.array_equal(f.counts, counts.swapaxes(1, 2))


def test_values_not_measured_are_minus_one(counts):
    frames = counts.astype(np.int32)
    frames[4, 7, 8] = -2
    f = prepared(scan_of(frames), centre="middle")
    assert f.counts.dtype == np.float32 and f.mask.all()
    assert natural(f)[4, 7, 8] == -1 and (f.counts < 0).sum() == 1
    frames = counts.astype(np.float64)
    frames[4, 7, 8] = np.nan
    assert natural(prepared(scan_of(frames), centre="middle"))[4, 7, 8] == -1


def test_saturated_values_are_not_measured(counts):
    counts[2, 3, 4] = 65535
    f = prepared(scan_of(counts), centre="middle")
    assert natural(f)[2, 3, 4] == -1 and (f.counts < 0).sum() == 1
    f = prepared(scan_of(counts), centre="middle", mask=Mask(saturated=None, faulty=False))
    assert natural(f)[2, 3, 4] == 65535 and f.counts.dtype == np.uint16
    f = prepared(scan_of(counts), centre="middle", mask=Mask(saturated=10))
    assert ((natural(f) < 0) == (counts >= 10)).all()


def test_a_lost_pixel_makes_its_sum_lost(counts):
    frames = counts.astype(np.int32)
    frames[4, 7, 8] = -1
    f = prepared(scan_of(frames), centre="middle", rebin=4)
    assert natural(f)[4, 1, 2] == -1 and (f.counts < 0).sum() == 1


def test_gaps_marked_by_a_value_are_masked_and_keep_uint16(counts):
    for dtype, mark in ((np.int32, -1), (np.uint32, 2**32 - 1), (np.uint16, 65535), (np.float32, np.nan)):
        frames = counts.astype(dtype)
        frames[:, :, 20:23] = mark
        f = prepared(scan_of(frames), centre="middle")
        mask = np.fft.fftshift(f.mask)
        assert f.counts.dtype == np.uint16 and not mask[:, 20:23].any() and mask.sum() == 40 * 45
        assert f.preparation["mask"] == {"never measured": 120}


def test_monitor_scales_the_model_and_leaves_the_counts(counts):
    monitor = np.linspace(50, 150, 20)
    f = prepared(scan_of(counts, monitor=monitor), centre="middle", normalise=True)
    assert f.scale.dtype == np.float32 and f.scale == pytest.approx(monitor / 100)
    assert np.array_equal(natural(f), counts)
    assert prepared(scan_of(counts, monitor=monitor)).scale is None


WRONG = [
    ({"orientation": 8}, JobError, "0 to 7"),
    ({"orientation": [True, False]}, JobError, "three booleans"),
    ({"size": 15, "rebin": 2}, JobError, "not a multiple of rebin 2"),
    ({"size": (1, 2, 3)}, JobError, "rows, columns"),
    ({"centre": (40, 3)}, JobError, "inside"),
    ({"normalise": True}, DataError, "no monitor"),
    ({"dark": Dark(file="nowhere.npy")}, DataError, "nowhere.npy does not exist"),
    ({"mask": Mask(file="nowhere.h5", path="/m")}, DataError, "nowhere.h5 does not exist"),
]


@pytest.mark.parametrize("given, kind, words", WRONG)
def test_mistakes_are_named(counts, given, kind, words):
    with pytest.raises(kind, match=words):
        prepared(scan_of(counts), **given)


def test_a_mask_that_leaves_nothing(counts):
    with pytest.raises(DataError, match=r"leaves 0 of 1920 pixels.*wrong way round"):
        prepared(scan_of(counts, mask=np.zeros((40, 48), bool)))


def inner(*sides):
    """Good in a rectangle in the middle of 40 x 48 pixels only"""
    good = np.zeros((40, 48), bool)
    rows, columns = sides
    good[20 - rows // 2 : 20 + rows // 2, 24 - columns // 2 : 24 + columns // 2] = True
    return good


@pytest.mark.parametrize("sides, part", [((24, 24), "30"), ((4, 6), "1.2")])
def test_a_mask_that_leaves_little_is_asked_about(counts, sides, part):
    """A mask of a beam stop or of gaps that is the wrong way round: the rest can be fitted by any image."""
    counts += 1
    run = run_of(Team(), scan_of(counts, mask=inner(*sides)))
    Prepare(size=(40, 48), centre="middle", split="in order").run(run)
    assert f"leaves {part} % of the pixels with counts; is it the wrong way round" in run.made["log"][1]


def test_a_mask_that_leaves_next_to_nothing(counts):
    counts += 1
    with pytest.raises(DataError, match=r"leaves 16 of 1920 pixels.*less than 1 %.*scan"):
        prepared(scan_of(counts, mask=inner(4, 4)))


def test_pixels_that_are_dark_or_do_not_measure_are_not_asked_about(counts):
    """Of those with counts the mask leaves all; 60 % of the detector is dark, 20 % holds a marker."""
    counts += 1
    counts[:, :24] = 0
    good = np.ones((40, 48), bool)
    good[:24] = False
    counts[:, 32:] = 65000
    run = run_of(Team(), scan_of(counts, mask=good))
    Prepare(centre="middle", split="in order").run(run)
    assert "wrong way" not in run.made["log"][1] and "marked" in run.made["log"][1]


def test_the_log_tells_what_was_done(counts):
    run = run_of(Team(), scan_of(counts))
    Prepare(centre=(18, 25), size=16, split="in order").run(run)
    split = "partition: in order, 20 frames on one rank"
    done = "prepare: 20 frames of 40 x 48 -> 16 x 16 around (18, 25), 0 % masked"
    even = "note: 4.7 counts or more lie in every pixel, background or scatter: `background: auto`"
    assert run.made["log"] == [split, f"{done}\n{even}"]
    assert set(run.clock.seconds) == {"split", "load", "prepare"} and run.clock.bytes["load"] == counts.nbytes


def test_stored_frames_are_left_as_they_are(counts):
    before = counts.copy()
    counts[:, 2, 2] = before[:, 2, 2] = 65535
    prepared(scan_of(counts, focus=1e-3))
    assert np.array_equal(counts, before)
