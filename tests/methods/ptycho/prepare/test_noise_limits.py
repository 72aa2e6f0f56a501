"""The pieces of which the gain is found, each on numbers whose answer is known."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import ndimage

from nanompi.methods.ptycho.prepare import noise
from nanompi.methods.ptycho.prepare.noise import (
    KERNEL,
    Moments,
    Noise,
    find,
    gain_seen,
    peaked,
    step_of,
    transformed,
)

SHAPE = (20, 24)


def test_sums_of_frames():
    """K is (1, -4, 6, -4, 1) both ways; what was not measured is 0, and known as lost in any frame"""
    rng = np.random.default_rng(0)
    raw, dark = rng.poisson(3, (4, *SHAPE)).astype(np.uint16), rng.random(SHAPE).astype(np.float32)
    gone = np.zeros(raw.shape, bool)
    gone[1, 2, 3] = gone[2, 4, 5] = True
    for image in (None, dark):
        moments = Moments(SHAPE, image)
        moments.most = 8
        moments.add(raw[:2], gone[:2], 4)
        moments.add(raw[2:], gone[2:], 4)
        x = np.where(gone, 0, raw) - (0 if image is None else image)
        filtered = [ndimage.correlate(f, np.outer(KERNEL, KERNEL))[2:-2, 2:-2] for f in x.astype(float)]
        assert moments.taken == 4 and moments.total == pytest.approx(x.sum(0), abs=1e-4)
        assert moments.square == pytest.approx(np.square(filtered).sum(0), rel=1e-4, abs=1e-2)
        assert np.argwhere(moments.lost).tolist() == [[2, 3], [4, 5]]
        assert np.concatenate(moments.values).tolist() == [v for v in np.where(gone, 0, raw).ravel() if v > 0]


SHARES = [(1, 8, 8), (8, 8, 8), (9, 8, 5), (16, 8, 8), (17, 8, 6), (17, 17, 17)]


@pytest.mark.parametrize("share, most, taken", SHARES)
def test_a_share_of_the_frames_is_taken(share, most, taken):
    moments = Moments((6, 6))
    moments.most = most
    moments.add(np.ones((max(share, 8), 6, 6), np.uint16), None, share)
    assert moments.taken == taken


@pytest.mark.parametrize(
    "shape, most", [((512, 512), 8), ((2048, 1024), 2), ((1024, 1024), 2), ((512, 1024), 4)]
)
def test_large_frames_are_few(shape, most):
    assert Moments(shape).most == most


def test_some_values_of_each_frame_and_none_of_nothing():
    moments = Moments((512, 512))
    frame = np.arange(512 * 512).reshape(1, 512, 512)
    moments.add(frame, None, 1)
    assert moments.values[0].tolist() == list(range(32, 512 * 512, 32))  # 65536 of 8 frames, but for zeros
    for shape in ((4, 9), (9, 4), (3, 3)):
        small = Moments(shape)
        small.add(np.ones((1, *shape)), None, 1)
        assert small.square.size == 0 and small.octaves(np.ones(shape, bool)) == []
    assert Moments(SHAPE).octaves(np.ones(SHAPE, bool)) == []


def moments_of(mean, F, taken=2, odd=()):
    """Sums of frames with these means (H, W) and F (a number)"""
    out = Moments(SHAPE)
    out.taken, out.total = taken, taken * np.broadcast_to(mean, SHAPE).astype(float)
    out.square = (F * out.total * 70.0**2)[2:-2, 2:-2]
    for row, column in odd:
        out.square[row, column] = 1e12
    return out


@pytest.mark.parametrize("mean", [3.0, 1e-4, 1e4])
def test_one_octave(mean):
    good = np.ones(SHAPE, bool)
    found = moments_of(mean, 0.5).octaves(good)
    assert found == [pytest.approx((mean, 0.5, 0), abs=1e-9)]
    assert moments_of(0.0, 0.5).octaves(good) == []
    assert moments_of(mean, 0.5, odd=[(5, 5)]).octaves(good) == []  # too uncertain


def test_octaves_rise_and_bad_pixels_reach_two_pixels_far():
    mean = np.where(np.arange(24) < 12, 3.0, 100.0)
    good = np.ones(SHAPE, bool)
    good[:, 11:13] = False
    found = moments_of(mean, 2.0).octaves(good)
    assert found == [pytest.approx((3, 2, 0), abs=1e-9), pytest.approx((100, 2, 0), abs=1e-9)]
    around = [(r, c) for r in range(6, 11) for c in range(2, 5)]  # rows 8 to 12, columns 4 to 6
    moments = moments_of(mean, 2.0, odd=around)
    assert len(moments.octaves(good)) == 1
    good[10, 5] = False
    assert len(moments_of(mean, 2.0, odd=[(8, 3)]).octaves(good)) == 2
    for row, column in ((5, 3), (11, 3), (8, 0)):
        assert len(moments_of(mean, 2.0, odd=[(row, column)]).octaves(good)) == 1
    moments.lost[9:12, 4:7] = True
    assert len(moments.octaves(np.ones(SHAPE, bool) & good)) == 2


def test_the_error_of_an_octave():
    mean, square = np.full(28, 4.0), np.tile([6.0, 10.0], 14)
    assert noise._octave(mean, square) == pytest.approx((4, 2, 2 * np.sqrt(7 / 28) / 8))
    assert noise._octave(mean[:10], square[:10]) == pytest.approx((4, 2, 2 * np.sqrt(7 / 10) / 8))
    assert noise._octave(mean[:9], np.full(9, 8.0)) == (4, 2, np.inf)
    assert noise._octave(np.arange(1.0, 11), 3 * np.arange(1.0, 11)) == pytest.approx((5.5, 3, 0))
    assert noise._octave(mean, 0 * mean) == (4, 0, 0)


def levels(a, F, error=0.01):
    return list(zip(a, np.broadcast_to(F, len(a)).tolist(), np.broadcast_to(error, len(a)).tolist()))


SEEN = [
    ([], None),
    (levels([0.5, 1], 1), None),
    (levels([0.5, 1, 2], 1), 1),
    (levels([2.9, 6, 12], 1), 1),  # less than 3 counts: the noise is as large as they are
    (levels([3, 6, 12], 1), None),
    (levels([10, 20, 40, 80, 149], 1), None),
    (levels([10, 20, 40, 80, 151], 1), 1),  # more than 15 times
    (levels([0.5, 1, 2, 4], [7, 7, 7, 7]), 7),
    (levels([0.5, 1, 2], [1, 1.29, 1]), 3.29 / 3),
    (levels([0.5, 1, 2], [1, 1.31, 1]), None),
    (levels([0.5, 1, 2], [1, 1.2, 1], [0.01, 0.1, 0.01]), (2e4 + 120) / 20100),
    (levels([0.5, 1, 2], [1, 1.2, 1], [0, 0.001, 0.01]), 3.2 / 3),  # no octave is surer than 1 %
    (levels([0.5, 1, 2, 4], [1, 1, 1, 3]), 1),
    (levels([0.5, 1, 2, 4], [3, 1, 1, 1]), 1),
    (levels([0.5, 1, 2, 4], [0.5, 1, 1, 1]), None),  # less than counting noise somewhere
    (levels([0.5, 1, 2, 4], [0.8, 1, 1, 1]), 3.8 / 4),
    (levels([0.5, 1, 2, 4], [0, 1, 1, 1]), None),
    (levels([0.5, 1, 2, 4, 9, 40, 80, 160], [1, 1, 1, 1.35, 1.35, 1.35, 1.35, 1.35]), 1.35),  # longest
]


@pytest.mark.parametrize("octaves, want", SEEN)
def test_the_gain_is_one_f_in_several_octaves(octaves, want):
    found = gain_seen(octaves)
    assert found is None if want is None else found == pytest.approx(want, rel=1e-9)


READ_OUT = np.r_[0, 0.3, 0.7, 2.0 ** np.arange(9)]


@pytest.mark.parametrize("dark, least, want", [(1.0, 1.0, 2), (10.0, 10.0, None)])
def test_the_noise_of_a_read_out_is_taken_away(dark, least, want):
    """Where no light falls the mean is `dark`, the variance `least`; each count adds 2"""
    a, v = dark + READ_OUT, least + 2 * READ_OUT
    v[1:3] = 2.5 * least if dark == 1 else v[1], 1.9 * least if dark == 1 else v[2]
    found = gain_seen(levels(a, v / a))
    assert found is None if want is None else found == pytest.approx(want, rel=1e-9)


def counted(step, number=500, most=8, spread=0.03):
    rng = np.random.default_rng(0)
    return step * (rng.integers(1, most + 1, number) + rng.normal(0, spread, number))


@pytest.mark.parametrize("step", [8.0, 9.5, 10.0, 11.5])
def test_peaks_at_single_counts_sharpen_the_gain(step):
    assert peaked(counted(step), 10.0) == pytest.approx(step, rel=0.004)
    assert peaked(np.r_[counted(step), np.full(9000, 1.0), np.full(9000, 99.0)], 10.0) == peaked(
        counted(step), 10.0
    )


def test_where_no_peaks_are():
    assert peaked(counted(10.0, spread=0.5), 10.0) is None
    low = counted(9.5, 100, 5)
    assert peaked(low, 10.0) is not None and peaked(low[:99], 10.0) is None
    for step in (7.3, 12.3):  # beyond the range that is tried
        assert peaked(np.repeat([step, 2 * step], 100), 10.0) is None
    for step in (7.52, 11.98):
        assert peaked(np.repeat([step, 2 * step], 100), 10.0) == pytest.approx(step)


STEPS = [
    (np.array([6, 15]), 1),
    (np.array([6, 15, 21]), 3),
    (np.array([6.0, 15, 21]), 3),
    (np.array([], np.uint16), 1),
    (np.array([2.0**24, 2.0**25, 2.0**24 * 3]), 2.0**24),
    (np.array([2.0**24 - 1, 3, 5]), 1),
    (np.array([0.3, 0.4, 0.6, 5.0, 90.0, 2000.0]), 0.1),
    (np.array([0.3, 0.4, 0.6, 5.0, 90.0, 2000.0], np.float32), 0.1),
    (np.array([0.3, 0.4, 0.6, 5.05]), None),
    (np.array([0.3, 0.4, 0.6, 50.05]), None),
    (np.array([0.3, 0.4, 0.6, 1050.05]), None),
    (np.array([0.25, 0.5, 0.75]), 0.25),
    (np.array([0.25, 0.5]), None),
    (np.array([0.5, 0.75, 1.0, 1.25]), 0.25),
    (np.array([0.1, 0.2, 0.3, 0.4, 0.5, 2e4]), None),  # too many steps to know
]


@pytest.mark.parametrize("values, want", STEPS)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_the_common_step(values, want):
    found = step_of(np.r_[values, values[::-1]])
    assert found is None if want is None else found == pytest.approx(want, rel=1e-6)


TRANSFORMED = {
    "square roots of counts (amplitudes)": np.sqrt,
    "log(1 + counts) or log(counts)": np.log1p,
    "log10(1 + counts) or log10(counts)": lambda a: np.log10(1 + a),
}


@pytest.mark.parametrize("name", TRANSFORMED)
def test_functions_of_counts(name):
    f, five = TRANSFORMED[name], np.array([7.0, 3, 5, 11, 22])
    assert transformed(f(five)) == name
    assert transformed(f(five[:4])) == "" and transformed(f(five + 0.3)) == ""
    assert transformed(f(np.r_[five, 0.4, 1000.5, 1e6])) == name  # noise of none, and too large to tell
    wide = np.concatenate([five, five + 0.01, five[:4] - 0.01])
    assert transformed(f(wide)) == name
    assert transformed(f(np.r_[wide, five[4] - 0.01])) == ""  # three values for each are no counts
    assert transformed(five.astype(int)) == ""


GIVEN = [  # gain, step, seen: whole, is the log in doubt, variance over mean
    (2.0, 2.0, None, True, False, 1),
    (2.0, 4.0, None, True, False, 1),
    (2.0, 1.0, None, False, False, 1),
    (2.0, None, None, False, False, 1),
    (2.0, 2.0, 3.0, True, False, 1.5),
    (2.0, 2.0, 4.0, True, True, 2),
    (2.0, 2.0, 1.0, True, True, 1),
    (2.0, 2.0, 1.1, True, False, 1),
]


@pytest.mark.parametrize("gain, step, seen, whole, odd, fano", GIVEN)
def test_the_gain_of_the_scan_wins(gain, step, seen, whole, odd, fano):
    found = noise._given(gain, step, seen, [])
    assert (found.gain, found.model, found.whole, found.fano) == (gain, "counts", whole, fano)
    assert ("their noise looks like" in found.about) == odd


def test_counts_have_more_noise_only_where_all_octaves_say_so():
    """Structure adds to some octaves of a clean simulation (the third of these), never to all of them"""
    clean = [(1, 0.98, 0.1), (2, 1.12, 0.03), (4, 1.25, 0.02), (8, 4.0, 0.08)]
    assert noise._fano(1.0, 1.166, clean) == 1
    twice = [(1, 1.6, 0.1), (2, 1.7, 0.03), (4, 1.8, 0.02), (8, 0.9, 0.01)]  # the last is of another kind
    assert noise._fano(1.0, 1.75, twice) == 1.75 and noise._fano(2.0, 1.75, twice) == 1


NOISES = [  # step, seen, least F, level: gain, model, whole, fano
    (1.0, None, None, 5, 1, "counts", True, 1),
    (1.0, None, 0.09, 5, 1, "smooth", True, 1),
    (1.0, None, 0.11, 5, 1, "counts", True, 1),
    (2.0, None, 0.19, 5, 2, "smooth", True, 1),
    (2.0, None, 0.21, 5, 2, "counts", True, 1),
    (1.0, 2.5, 0.05, 5, 1, "counts", True, 2.5),
    (1.0, 3.0, 3.0, 5, 1, "counts", True, 3),
    (1.0, 3.1, 3.0, 5, 3.1, "counts", False, 1),
    (None, 1.3, 1.0, 5, 1, "counts", False, 1),
    (None, 0.8, 1.0, 5, 1, "counts", False, 1),
    (None, 1.4, 1.0, 5, 1.4, "counts", False, 1),
    (None, 0.7, 1.0, 5, 0.7, "counts", False, 1),
    (None, None, 1.0, 500, 0.5, "none", False, 0),
    (None, None, None, 0, 1, "none", False, 0),
    (None, None, None, 0.5, 0.0005, "none", False, 0),
]


@pytest.mark.parametrize("step, seen, least, level, gain, model, whole, fano", NOISES)
def test_the_decision(step, seen, least, level, gain, model, whole, fano):
    octaves = [(9, 99, 0), (10, least, 0), (20, 99, 0)] if least else []
    found = noise._of(step, seen, octaves, level)
    assert (found.gain, found.model, found.whole, found.fano) == (gain, model, whole, fano)
    assert found.about != "" or (model, gain, whole) == ("counts", 1, True)


def test_found_from_sums():
    """Nothing seen: one count is one; values without a step and without noise: 1000 a pixel"""
    scan, good = SimpleNamespace(gain=None, file="f"), np.ones(SHAPE, bool)
    assert find(Moments(SHAPE), good, scan) == Noise()
    moments = moments_of(3.0, 0.0)
    moments.values = [np.random.default_rng(0).random(99), np.random.default_rng(1).random(99)]
    assert find(moments, good, scan).gain == pytest.approx(0.003)
    moments.total[0] = 1e9
    good[0] = False
    assert find(moments, good, scan).gain == pytest.approx(0.003)
    assert find(moments, ~np.ones(SHAPE, bool), scan).gain == 1
    assert find(moments, good, SimpleNamespace(gain=7.0)).gain == 7
