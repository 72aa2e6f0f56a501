"""From random phases to the object: against the truth, and the noise that no start can go below."""

import numpy as np
import pytest

from nanompi.methods.cdi.align import align, moved
from nanompi.methods.cdi.compare import error_of
from nanompi.methods.cdi.prtf import prtf
from nanompi.methods.cdi.refine import Refine
from nanompi.methods.cdi.solutions import best_of, combine
from nanompi.methods.cdi.support import Support
from nanompi.methods.cdi.transform import Transform
from tests.methods.cdi.scene import chain, pattern, phasing, solved


@pytest.fixture(scope="module")
def twenty():
    """{start: (image, support, figures)} of an object of 128 x 128 pixels and a million photons; the pattern,
    the truth, and what ER makes of the truth in its own support"""
    made, truth = pattern(size=128, photons=1e6)
    phases = phasing(made, "RAAR*600 ER*200")
    found = {n: solved(phases, n) for n in range(20)}
    own = (np.abs(truth) > 0.05 * np.abs(truth).max()).astype(bool)
    limit = phasing(made, "ER*200", Support(shrink=False), own)
    psi, S = limit.solve(truth[None])
    return found, made, truth, (psi[0], limit.figures(psi[0], S[0]))


@pytest.mark.slow
def test_the_best_start_is_at_the_noise_limit(twenty):
    """1.3 times that of ER from the truth is asked for, of the error; reached 1.05. Poisson deviance: 1.10"""
    found, _, _, (_, limit) = twenty
    figures = {n: one[2] for n, one in found.items()}
    best = figures[best_of(figures, 1)[0]]
    assert best["error"] < 1.1 * limit["error"] and best["llk"] < 1.2 * limit["llk"]
    assert best["support"] == pytest.approx(limit["support"], rel=0.1)


@pytest.fixture(scope="module")
def averaged(twenty):
    """(numbers of the starts averaged, these on each other, the image from them)"""
    found, made, _, _ = twenty
    figures = {n: one[2] for n, one in found.items()}
    numbers = best_of(figures, "auto")
    both = combine(numbers, [found[n][0] for n in numbers])
    return numbers, both, Refine(phasing(made, "ER*1"))(both.images, found[numbers[0]][1])


@pytest.mark.slow
def test_the_image_is_at_the_noise_limit(twenty, averaged):
    """Error against the object, at most 1.3 times that of ER from the truth in the true support, which
    nobody knows; reached 1.03. The average is at 1.25: it lies between pixels"""
    found, made, truth, (own, _) = twenty
    numbers, both, image = averaged
    limit, average = error_of(own, truth), error_of(both.average, truth)
    assert len(numbers) >= 3 and both.weights[0] > 0.98
    assert error_of(image.image, truth) < 1.2 * limit < 1.3 * limit < 1.1 * average
    assert image.better([found[n][2] for n in numbers]) and max(np.abs(image.moved)) > 0.1
    curve = prtf(both.images, made)
    low = curve.frequency < 0.1
    assert 0.9 < np.nanmean(curve.value[low]) < 1.1


def test_an_image_off_its_pixels_is_put_back():
    """Moved by known parts of a pixel, without noise: back on them, its support without losses"""
    made, truth = pattern(0.0, size=48, photons=1e7, noise=False)
    there = np.abs(truth) > 0.3 * np.abs(truth).max()
    by = (0.35, -0.25)
    found = Refine(phasing(made, "ER*1"))(moved(truth, by)[None], there)
    assert align(truth.astype(np.complex64), found.image).shift == pytest.approx((0, 0), abs=0.05)
    assert found.support[there].all() and found.figures["llk"] < 0.1
    assert error_of(found.image, truth) < 0.03 < 0.1 < error_of(moved(truth, by) * there, truth)


def test_a_support_that_is_given_keeps_its_place():
    made, truth = pattern(0.0, size=48, photons=1e7, noise=False)
    S = np.abs(truth) > 0
    found = Refine(phasing(made, "ER*1", Support(shrink=False), S))(truth[None], S)
    assert np.array_equal(found.support, S) and found.moved == (0, 0)


@pytest.mark.slow
def test_a_volume_is_found_with_a_support_that_follows():
    """Counts with noise, support from the autocorrelation, few iterations: a third of the starts succeeds, by
    rounding these or others, with the noise alone left (llk 1; it was 1.3 to 1.5 for all while the blur did
    not become narrow in time)"""
    made, truth = pattern(size=32, planes=24, width=0.8, photons=1e6)
    phases = phasing(made, "RAAR*400 ER*100")
    found = {n: solved(phases, n) for n in range(24)}
    figures = {n: one[2] for n, one in found.items()}
    numbers = best_of(figures, 2)
    assert all(figures[n]["llk"] < 1.05 for n in numbers)
    both = combine(numbers, [found[n][0] for n in numbers])
    image = Refine(phases)(both.images, found[numbers[0]][1])
    assert both.weights[0] > 0.95 and image.better([figures[n] for n in numbers])
    assert image.figures["llk"] < 1.1 and error_of(image.image, truth) < 0.035


@pytest.mark.slow
@pytest.mark.parametrize("text", ["RAAR*150 ER*50", "HIO*150 ER*50"])
@pytest.mark.parametrize("more", [{}, {"positive": True, "phase": 0.0}])
def test_without_noise_and_with_its_support_the_object_is_found(text, more):
    """ER alone stays at 0.4 and more on this object: a chain that did not feed back would fail"""
    positive = more.get("positive", False)
    made, truth = pattern(0.0, size=48, photons=1e8, noise=False, phase=more.get("phase", 0.5))
    S = (np.abs(truth) > 0).astype(bool)
    phases = phasing(made, text, Support(shrink=False), S, positive=positive, precision="double")
    errors = [error_of(solved(phases, n)[0].astype(np.complex64), truth) for n in range(4)]
    assert min(errors) < 0.02


def test_what_is_not_measured_is_free():
    """Behind a beam stop the pattern is found again, to a few percent of its modulus"""
    made, truth = pattern(0.0, stop=2.5, size=48, photons=1e8, noise=False)
    S = (np.abs(truth) > 0).astype(bool)
    phases = phasing(made, "RAAR*200 ER*100", Support(shrink=False), S)
    psi = min((solved(phases, n) for n in range(4)), key=lambda one: one[2]["error"])[0]
    behind = ~made.good
    found, true = (np.abs(np.fft.fftn(a))[behind] for a in (psi, truth))
    assert behind.sum() > 15 and np.linalg.norm(found - true) / np.linalg.norm(true) < 0.1


def test_a_volume_is_found():
    made, truth = pattern(0.0, size=32, planes=16, width=0.8, photons=1e8, noise=False)
    S = (np.abs(truth) > 0).astype(bool)
    phases = phasing(made, "RAAR*80 ER*20", Support(shrink=False), S)
    psi, S, figures = solved(phases, 0)
    assert error_of(psi, truth) < 0.05 and figures["error"] < 0.02


@pytest.mark.parametrize("shape", [(2, 12, 10), (2, 6, 8, 12), (1, 5, 7, 9)])
@pytest.mark.parametrize("threads", [1, 2])
def test_transforms_of_images_and_volumes(shape, threads):
    from nanompi.device.cpu import Cpu

    rng, device = np.random.default_rng(1), Cpu("double", threads)
    z = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    own, transform, axes = z.copy(), Transform(device, shape[1:]), tuple(range(1, len(shape)))
    transform.forward(own)
    assert own == pytest.approx(np.fft.fftn(z, axes=axes), abs=1e-10)
    transform.backward(own)
    assert own / transform.size == pytest.approx(z, abs=1e-12)
    device.close()


def test_a_start_has_the_same_bits_alone_and_beside_others():
    made, _ = pattern(size=48, photons=1e5)
    phases = phasing(made, "HIO*30 RAAR*30 ER*10")
    together, S = phases.solve(np.stack([phases.begin(n) for n in range(3)]))
    alone, own = phases.solve(phases.begin(1)[None])
    assert np.array_equal(together[1], alone[0]) and np.array_equal(S[1], own[0])
    assert not np.array_equal(together[0], together[1])


def test_the_support_follows_within_its_iterations():
    s = Support(every=10, until=0.5)
    assert [n for n in range(100) if s.due(n, 100)] == [10, 20, 30, 40, 50]
    assert s.width(10, 1000) == 3.0 and s.width(20, 1000) == pytest.approx(2.85)
    assert s.width(1000, 1000) == 1.0 == s.width(50, 100) and s.width(20, 100) < 2.5  # in time
    assert Support(narrow=1.0).width(500, 1000) == 3.0
    assert not any(Support(shrink=False).due(n, 100) for n in range(100))


def test_projections_are_one_step_with_three_numbers():
    er, hio, raar = chain("ER*1 HIO*1 RAAR*1")
    assert er.coefficients() == (0, 0, 0) and hio.coefficients() == (1, -0.9, 0)
    assert raar.coefficients() == pytest.approx((0.9, -0.8, 1))
