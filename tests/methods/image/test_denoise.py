"""`image.denoise` on counts whose means are known."""

import re
import sys

import numpy as np
import pytest
from scipy import ndimage

from nanompi.cli import main
from nanompi.data.data import Data
from nanompi.errors import JobError, ResourceError
from nanompi.methods.image.denoise import Denoise, noise_of, uncounted
from nanompi.mpi.team import Team
from tests import walking

N = 96


def means():
    """(N, N) counts of 0.5 to 80: a disc, a bar, small spots on a slowly changing ground"""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:N, :N] / N
    image = 4 + 3 * np.sin(4 * x) + 25 * (np.hypot(y - 0.3, x - 0.4) < 0.15) + 12 * (abs(x - 0.75) < 0.06)
    for _ in range(6):
        b, a = rng.random(2)
        image += 40 * np.exp(-((x - a) ** 2 + (y - b) ** 2) * N**2 / 3)
    return np.maximum(image, 0.5)


def denoised(image, unit="counts", **how):
    data = Data(axes=("y", "x"), values=image, unit=unit, title="Fe K")
    errors = Data(axes=("y", "x"), values=np.sqrt(image), unit=unit)
    run = walking.run_of(Team(alone=True), Fe_K=data, Fe_K_errors=errors)
    run.given |= {"Fe_K": None, "Fe_K_errors": None}
    Denoise(**how).run(run)
    assert run.data["Fe_K"].values is image and "Fe_K_errors_denoised" not in run.data
    return run.data["Fe_K_denoised"].values


@pytest.mark.parametrize(
    "method, most, bias",
    [("nlm", 0.45, 0.02), ("tv", 0.5, 0.03), ("wavelet", 0.65, 0.02), ("gaussian", 0.6, 0.005)],
)
def test_less_noise_and_the_same_sum(method, most, bias):
    """Error against that of the counts themselves; limits 15 % above what is reached"""
    truth = means()
    counts = np.random.default_rng(1).poisson(truth).astype(np.float32)
    out = denoised(counts, method=method)
    rms = [np.sqrt(((a - truth) ** 2).mean()) for a in (out, counts)]
    assert rms[0] < most * rms[1] and abs(out.sum() / truth.sum() - 1) < bias


def test_what_holds_no_counts_goes_by_its_own_noise():
    smooth = ndimage.gaussian_filter(np.random.default_rng(2).random((N, N)), 6) * 10
    image = (smooth + np.random.default_rng(3).normal(0, 0.05, (N, N))).astype(np.float32)
    assert noise_of(image) == pytest.approx(0.05, rel=0.05)
    out = denoised(image, unit="ug/cm2", method="tv")
    assert np.std(out - smooth) < 0.4 * 0.05


def test_gaps_stay_gaps_and_harm_nobody():
    counts = np.random.default_rng(4).poisson(means()).astype(np.float32)
    holes = counts.copy()
    holes[40:44, 10:13] = np.nan
    out = denoised(holes, method="median")
    assert np.isnan(out[40:44, 10:13]).all() and np.isnan(out).sum() == 12
    far = np.ones((N, N), bool)
    far[36:48, 6:17] = False
    assert np.array_equal(out[far], denoised(counts, method="median")[far])


def test_the_inverse_of_anscombe_has_no_bias():
    """Of the mean of 2 sqrt(y + 3/8) over Poisson counts y of mean m it makes m, to 0.01 from m = 1 on"""
    y = np.arange(400)
    for m in (1.0, 3.0, 10.0, 100.0):
        logs = y * np.log(m) - m - np.cumsum(np.log(np.maximum(y, 1)))
        assert uncounted(np.sum(np.exp(logs) * 2 * np.sqrt(y + 3 / 8))) == pytest.approx(m, abs=0.03)
    assert uncounted(np.array([0.0, 1.0])).tolist() == [uncounted(2 * np.sqrt(3 / 8))] * 2


@pytest.mark.parametrize("use", ["image.denoise", "map.grid", "xrf.deblur, probe: a.h5"])
def test_without_a_step_that_gives_maps_the_job_is_wrong(tmp_path, capsys, use):
    """`check` says it, also where the input is a stack of images: the step is for what others give"""
    job = tmp_path / "job.yaml"
    job.write_text(f"nanompi: 1\ninput: {{format: runs, runs: [a, b]}}\nsteps:\n  - {{use: {use}}}\n")
    assert main(["check", "--no-data", str(job)]) == 2
    said = capsys.readouterr()
    assert re.search(r":4:5.*works on maps .*; put one before it", said.out + said.err)


XRF = "nanompi: 1\ninput: {{format: xrf.simulate, energy: 10 keV}}\nsteps:\n  - {{use: image.denoise, {}}}\n"


def fit_then(own: str) -> str:
    return XRF.format(own).replace("  - {use: im", "  - xrf.fit\n  - {use: im")


@pytest.mark.slow
@pytest.mark.parametrize("elements", ["", "[Ca, Fe]"])
def test_check_knows_which_maps_a_fit_gives(tmp_path, capsys, elements):
    """Of elements found by themselves, too: no line of Fe_L is fitted"""
    job = tmp_path / "job.yaml"
    job.write_text(fit_then("maps: [Fe_L]"))
    given = ["--set", f"steps.xrf.calibrate.elements={elements}"] * bool(elements)
    assert main(["check", str(job), *given]) == 2
    assert '"Fe_L" is no map of the steps before; there are' in capsys.readouterr().err
    job.write_text(fit_then("maps: [Fe_K]"))
    assert main(["check", str(job), *given]) == 0


@pytest.mark.slow
def test_a_library_that_is_missing_is_told_before_anything_is_fitted(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage", None)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.yaml").write_text(fit_then("method: nlm"))
    for verb in ("check", "run"):
        assert main([verb, "job.yaml"]) == 4
        said = capsys.readouterr()
        assert 'needs scikit-image: pip install "nanompi[image]"' in said.err and "xrf.fit:" not in said.out
    monkeypatch.setitem(sys.modules, "pywt", None)
    with pytest.raises(ResourceError, match="method wavelet needs scikit-image and PyWavelets"):
        Denoise(method="wavelet").check(None)
    Denoise(method="median").check(None)


def test_what_is_missing_is_said(monkeypatch):
    counts = np.ones((8, 8), np.float32)
    with pytest.raises(JobError, match=r'"Fe_L" is no map .* there are Fe_K .did you mean "Fe_K"'):
        denoised(counts, maps=["Fe_L"])
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(ResourceError, match=r"nanompi\[image\]"):
        denoised(counts)
    assert np.isfinite(denoised(counts, method="gaussian")).all()


@pytest.mark.parametrize("steps", [
    "input: {format: xanes.simulate, simulate: {energies: 30, size: 16}}\nsteps: [xanes.absorbance, OWN]",
    "input: {format: tomo.simulate, simulate: {angles: 12, size: 16, rows: 2}}\nsteps: [tomo, OWN]",
])  # fmt: skip
def test_behind_steps_that_give_no_maps_the_job_is_wrong(tmp_path, capsys, steps):
    own = "{use: image.denoise, method: median}"
    (job := tmp_path / "job.yaml").write_text("nanompi: 1\n" + steps.replace("OWN", own) + "\n")
    for verb in ("check", "run"):
        assert main([verb, str(job)]) == 2
        assert "no step before it gave a map with the axes y and x" in capsys.readouterr().err


def test_check_knows_which_maps_an_edge_gives(tmp_path, capsys):
    source = "nanompi: 1\ninput: {format: xanes.simulate, simulate: {energies: 30, size: 16}}\n"
    own = "steps: [xanes.normalise, {use: image.denoise, method: median, maps: [NAME]}]\n"
    for name, code in (("edge_step", 0), ("edge_stop", 2)):
        (job := tmp_path / "job.yaml").write_text(source + own.replace("NAME", name))
        assert main(["check", str(job)]) == code
    assert '"edge_stop" is no map of the steps before' in capsys.readouterr().err
