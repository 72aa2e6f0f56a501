"""What is wrong with the data: simulated scans with one fault each; of good ones nothing is said."""

import re

import numpy as np
import pytest

from nanompi.methods import discover
from nanompi.methods.ptycho.describe import described
from nanompi.methods.ptycho.prepare.health import beam_lines, lines
from nanompi.methods.ptycho.prepare.mask import Mask
from nanompi.methods.ptycho.prepare.step import Prepare, describe, make_plan
from nanompi.methods.ptycho.read.simulate import Simulate, Simulation
from nanompi.run.reading import Input
from tests.memory import Memory


def scan(change=None, focus=None, **given):
    """A simulated scan of 64 frames of 64 x 64, 1e5 counts each; change(counts, rng) gives other counts"""
    sample = Simulation()
    for name, value in ({"frames": 64, "size": 64, "photons": 1e5} | given).items():
        setattr(sample, name, value)
    reader = Simulate()
    reader.simulate = sample
    wanted = Input()
    wanted.focus = focus
    out = reader.open("", wanted)
    counts = out.source.read(np.arange(64))
    out.source = Memory(counts if change is None else change(counts.copy(), np.random.default_rng(0)))
    return out


def said(of, **mask) -> list[str]:
    return lines(make_plan(Prepare(mask=Mask(**mask)), of).notes["data"]) + beam_lines(of)


@pytest.mark.parametrize(
    "given",
    [{}, {"seed": 2, "scan": "raster"}, {"phase": 6.0}, {"modes": 3}, {"focus": 3e-3}, {"photons": 1e6}],
)
def test_nothing_is_said_of_a_good_scan(given):
    assert said(scan(**given)) == []


@pytest.mark.parametrize("given", [{}, {"phase": 6.0}, {"modes": 3}, {"size": 63}])
def test_frames_with_the_zero_frequency_in_the_corner_are_told_with_the_key(given):
    """And nothing of them once the job says so; the wrong way round it is told, too"""
    discover()
    turned = scan(lambda counts, _: np.fft.ifftshift(counts, (1, 2)), **given)
    turned.format = "npz"
    line = said(turned)[0]
    assert re.match(r"\d\d % of the light lies in the four corners of the frame, ", line)
    assert line.endswith(": `input: {corner: true}`") and 60 < int(line[:2]) <= 100
    turned.corner = True
    assert said(turned) == []
    good = scan(**given)
    good.format, good.corner = "cxi", True
    assert said(good)[0].endswith("`input: {corner: false}` with `format: hdf5` and `paths:`")


def test_light_in_one_corner_is_no_other_order():
    """A beam off the middle, with which half of the detector sees hardly any light"""
    assert not [line for line in said(scan(lambda c, _: np.roll(c, (-28, -26), (1, 2)))) if "corners" in line]


def brighter(factor):
    """Two pixels among light count more (less) in every frame"""

    def change(counts, rng):
        for at in ((26, 35), (37, 28)):
            near = counts[:, at[0] - 1 : at[0] + 2, at[1] - 1 : at[1] + 2].mean((1, 2))
            counts[:, at[0], at[1]] = rng.poisson(factor * near)
        return counts

    return change


def test_pixels_that_count_more_or_less_are_told_with_the_key_and_not_once_they_are_masked(tmp_path):
    """4 x is below what is masked unasked, 5 x and 12 sigma in nearly all frames"""
    hot, dim = scan(brighter(4.0)), scan(brighter(0.2))
    assert said(hot)[0].startswith("2 pixels count 2 x more") and "mask: {hot: 12}" in said(hot)[0]
    assert said(dim)[0].startswith("2 pixels count less than half") and "(26, 35)" in said(dim)[0]
    good = np.ones((64, 64), bool)
    good[[26, 37], [35, 28]] = False
    np.save(tmp_path / "mask.npy", good)
    assert said(dim, file=str(tmp_path / "mask.npy")) == [] == said(hot, file=str(tmp_path / "mask.npy"))


def test_what_is_masked_unasked_is_not_blamed():
    def change(counts, rng):
        counts[:, 10, 15], counts[:, 50, 40] = 3000, 5000
        return counts

    assert said(scan(change)) == []


@pytest.mark.parametrize("level", [2.0, 5.0])
def test_a_background_is_told_with_its_size(level):
    (line,) = said(scan(lambda counts, rng: (counts + rng.poisson(level, counts.shape)).astype(counts.dtype)))
    assert float(line.split()[0]) == pytest.approx(level, rel=0.1) and "background: auto" in line


def test_a_beam_that_fades_and_one_that_fluctuates():
    """By 20 % over a scan whose places follow each other at random; by 20 % from frame to frame"""
    order = np.random.default_rng(1).permutation(64)
    fade = np.linspace(1, 0.8, 64)[:, None, None]
    fading = scan(lambda I, rng: rng.poisson(I[order] * fade).astype(I.dtype))
    fading.positions = fading.positions[order]
    (line,) = said(fading)
    assert "drift by -2" in line and "counting noise 0.3" in line and "`flux` follows" in line
    shaken = scan(lambda I, rng: rng.poisson(I * rng.normal(1, 0.2, (64, 1, 1)).clip(0.3)).astype(I.dtype))
    assert "vary by 2" in beam_lines(shaken)[0] or "vary by 1" in beam_lines(shaken)[0]


def test_weak_and_empty_frames_are_told_by_their_numbers():
    def change(counts, rng):
        counts[[12, 40]] = rng.binomial(counts[[12, 40]].astype(int), 0.1)
        return counts

    assert any("12, 40: `select: {without" in line for line in said(scan(change)))

    def shut(counts, rng):
        counts[::20] = 0
        return counts

    assert any("have no counts" in line for line in said(scan(shut)))


def test_clipped_values_are_told():
    (line,) = said(scan(lambda I, rng: np.minimum(I, int(np.percentile(I, 99)))))
    assert "`mask: {saturated:" in line


def test_few_photons_are_told_with_the_noise_to_be_expected():
    """1 / (2 sqrt n): 500 counts in steps of 7 pixels are 10 in each, and 0.16 rad"""
    (line,) = said(scan(photons=500.0))
    noise = float(line.split("leave ")[1].split()[0])
    assert 0.1 < noise < 0.25 and "few photons" in line


def test_inspect_and_the_log_of_the_preparation_tell_it():
    of = scan(brighter(4.0))
    assert ("data", said(of)[0]) in described(of)
    assert f"note: {said(of)[0]}" in describe(make_plan(Prepare(), of), of.source.shape)
