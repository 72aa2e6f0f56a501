"""The step tomo.stripes: what auto does, what it says, and what is refused with words."""

import sys

import numpy as np
import pytest
from scipy import ndimage

from nanompi.data.data import Data
from nanompi.errors import JobError, ResourceError
from nanompi.methods.tomo.stripes.step import Stripes, noise_of
from tests.methods.tomo.steps import done, run_of
from tests.methods.tomo.stripes.test_remove import A, N, clean, striped

WEAK = clean(5) * (1 + np.random.default_rng(1).normal(0, 0.01, N)).astype(np.float32)


def data_of(angles=A) -> Data:
    shape = (angles, 3, N)
    return Data(axes=("angle", "row", "column"), values=np.zeros(shape, np.float32))


def lines(*transmissions) -> np.ndarray:
    return -np.log(np.stack(transmissions))


def removed(block, threads=1, **given):
    """(what the step makes of a block, its run)"""
    step, run = Stripes(**given), run_of("single", threads)
    out = done(step, run, data_of(), block)
    step.finish(run)
    return out, run


def test_auto_takes_what_each_sinogram_needs():
    """Nothing is touched, to the bit; gains are taken off; dead columns are filled, and gains taken off"""
    block = lines(clean(), WEAK, striped())
    out, run = removed(block)
    assert np.array_equal(out[0], block[0])
    assert np.array_equal(out[1], removed(block[1:2], method="gain")[0][0])
    assert off(WEAK, clean(5)) > 2 * off(np.exp(-out[1]), clean(5))
    assert off(striped(), clean()) > 5 * off(np.exp(-out[2]), clean())
    rms = np.sqrt(np.mean((block - out).astype(float) ** 2))
    assert run.result.notes["tomo"]["stripes"] == {
        "method": "auto",
        "removed": pytest.approx(rms, rel=1e-6),
        "dead_columns": 2,
        "none": 1,
        "gain": 1,
        "fill": 1,
    }
    assert run.said == [
        f"tomo.stripes: auto: {rms:.3g} rms taken away; 1 sinograms by gain, 1 with 2 dead columns filled"
    ]


def test_zingers_are_no_dead_columns():
    """0.3 % of the values of 200 angles: every second column has one. The columns that are dead are seen"""
    rng, block = np.random.default_rng(8), lines(clean(), striped())
    block[rng.random(block.shape) < 0.003] = -np.log(3)
    run = removed(block)[1]
    own = run.result.notes["tomo"]["stripes"]
    assert own["dead_columns"] == 2 and own["fill"] == 1 and own["verdict"] == "doubtful"
    there = (block == np.float32(-np.log(3))).sum()
    assert 0.9 * there < own["zingers"] <= there
    assert run.warned[0].endswith("(zingers): name tomo.zingers before tomo")
    assert not removed(lines(clean(), striped()))[1].warned


def off(t, true) -> float:
    """How far columns stand out of their neighbours that do not in the clean sinogram, rms"""
    error = (t - true).mean(0)
    return float(np.std(error - ndimage.median_filter(error, 21)))


def test_threads_and_neighbours_do_not_matter():
    block = lines(clean(), WEAK, striped())
    whole = removed(block, method="all")[0]
    assert np.array_equal(whole, removed(block, threads=3, method="all")[0])
    auto = removed(block)[0]
    for j in range(3):
        assert np.array_equal(whole[j], removed(block[j : j + 1], method="all")[0][0])
        assert np.array_equal(auto[j], removed(block[j : j + 1])[0][0])


def test_the_noise_is_that_of_the_values():
    """0.005 was added to line integrals"""
    assert noise_of(np, lines(clean(), striped())) == pytest.approx([0.005, 0.005], rel=0.15)


@pytest.mark.slow
def test_a_method_of_algotom():
    from algotom.prep import removal

    out, _ = removed(lines(clean()), method="algotom:filtering")
    theirs = removal.remove_stripe_based_filtering(np.exp(-lines(clean())[0]))
    assert np.exp(-out[0]) == pytest.approx(theirs, abs=1e-5)
    with pytest.raises(
        JobError, match=r"algotom:fitr is not a method of algotom; allowed: .*fitting.*wavelet"
    ):
        Stripes(method="algotom:fitr").check(data_of())


def test_algotom_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "algotom.prep", None)
    with pytest.raises(ResourceError, match=r"algotom:fft needs algotom; pip install nanompi\[tomo\]"):
        Stripes(method="algotom:fft").check(data_of())


@pytest.mark.parametrize(
    "given, words",
    [
        ({"method": "sorting"}, r'method: "sorting" is not a method; allowed: auto, none, gain, sort'),
        ({"size": 20}, r"tomo.stripes.size: 20 is even"),
        ({"large": 50}, r"tomo.stripes.large: 50 is even"),
    ],
)
def test_what_is_refused(given, words):
    with pytest.raises(JobError, match=words):
        Stripes(**given).check(data_of())


def test_too_few_angles_to_rank():
    run, step = run_of("single"), Stripes()
    block = lines(striped()[:20])
    assert np.array_equal(done(step, run, data_of(20), block), block)
    assert run.said == ["tomo.stripes: 20 projections are too few to rank; nothing is removed"]
    with pytest.raises(JobError, match="method: sort needs 30 projections, there are 20"):
        Stripes(method="sort").check(data_of(20))
