"""Maps sharpened by a probe with rings, of a phantom that is known on the fine grid."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from nanompi.cli import main
from nanompi.data.data import Data
from nanompi.errors import DataError
from nanompi.methods.maps.xrf.deblur import Blur, Deblur, richardson_lucy, steps_by_held_out
from nanompi.mpi.team import Team
from tests import walking

FINER, POINTS, PIXEL = 3, 24, 20e-9
TEAM = Team(alone=True)


def probe(n=25, width=4.0):
    """(1, n, n) complex, a peak with rings"""
    y, x = np.mgrid[:n, :n] - n // 2
    r = np.hypot(y, x)
    return (np.exp(-((r / width) ** 2) / 4) * np.sqrt(1 + 0.6 * np.cos(0.9 * r))).astype(complex)[None]


def blur_of(points=POINTS):
    light = np.abs(probe()[0]) ** 2
    return Blur(light / light.sum(), (points, points), (FINER, FINER))


def phantom(blur):
    """Of mean 1 on the whole fine grid, with bars"""
    image = np.maximum(gaussian_filter(np.random.default_rng(1).random(blur.size), 2) - 0.5, 0)
    image[40:60, 50:54] += 0.3
    image[70:73, 30:80] += 0.3
    return image / image.mean()


def rough(counts, dose):
    """The map itself on the fine grid, each point a square"""
    wide = np.kron(counts, np.ones((FINER, FINER))) / dose
    return wide[FINER // 2 :, FINER // 2 :][: (POINTS - 1) * FINER + 1, : (POINTS - 1) * FINER + 1]


def test_back_is_the_adjoint_of_forward():
    blur, rng = Blur(np.random.default_rng(0).random((7, 9)), (5, 6), (3, 2)), np.random.default_rng(1)
    x, y = rng.normal(size=blur.size), rng.normal(size=(5, 6))
    assert (blur.forward(x) * y).sum() == pytest.approx((x * blur.back(y)).sum(), rel=1e-12)


def test_forward_is_what_lies_under_the_probe():
    blur = Blur(np.random.default_rng(0).random((7, 9)), (5, 6), (3, 2))
    image = np.random.default_rng(1).random(blur.size)
    want = (image[9 : 9 + 7, 4 : 4 + 9] * blur.window).sum()
    assert blur.forward(image)[3, 2] == pytest.approx(want)
    assert blur.scanned(image)[9, 4] == image[9 + 3, 4 + 4]


@pytest.mark.parametrize("dose, least", [(30, 0.85), (1000, 0.7)])
def test_sharper_than_the_map_and_stopped_near_the_best(dose, least):
    """The error falls by 15 and 30 %; counts held back stop within 5 % of the best step"""
    blur = blur_of()
    true = phantom(blur)
    counts = np.random.default_rng(2).poisson(blur.forward(true) * dose).astype(float)
    inside, history = blur.scanned(true), []

    def note(k, image):
        history.append(np.sqrt(((blur.scanned(image) / dose - inside) ** 2).mean()))
        return True

    richardson_lucy(blur, counts, 150, note)
    steps = steps_by_held_out(blur, counts, 150)
    before = np.sqrt(((rough(counts, dose) - inside) ** 2).mean())
    assert history[steps] < least * before and history[steps] < 1.05 * min(history)


@pytest.fixture
def case(tmp_path):
    """(run, path of the probe, phantom)"""
    np.savez(tmp_path / "probe.npz", probe=probe(), probe_pixel_height_m=PIXEL, probe_pixel_width_m=PIXEL)
    blur = blur_of()
    true = phantom(blur)
    counts = np.random.default_rng(3).poisson(blur.forward(true) * 300).astype(float)
    counts[4, 5] = np.nan
    places = (np.arange(POINTS) * FINER * PIXEL, "m")
    about = {"axes": ("y", "x"), "coords": {"y": places, "x": places}, "unit": "counts"}
    maps = {"Fe_K": counts, "Fe_K_errors": np.sqrt(np.maximum(counts, 1))}
    run = walking.run_of(TEAM, **{name: Data(values=values, **about) for name, values in maps.items()})
    run.given = dict.fromkeys(maps)
    return run, str(tmp_path / "probe.npz"), blur.scanned(true)


def test_the_step_gives_maps_on_the_grid_of_the_probe(case):
    """A point that was not measured does no harm; nearer to the truth than the map itself"""
    run, path, true = case
    counts = np.nan_to_num(run.data["Fe_K"].values)
    Deblur(probe=path, pixel=PIXEL).run(run)
    sharp = run.data["Fe_K_sharp"]
    assert sharp.shape == true.shape and np.isfinite(sharp.values).all() and "Fe_K_sharp" in run.given
    assert np.diff(sharp.coords["y"][0]) == pytest.approx(PIXEL)
    like = [np.corrcoef(one.ravel(), true.ravel())[0, 1] for one in (sharp.values, rough(counts, 300))]
    assert like[0] > 0.8 and like[0] > like[1] + 0.1
    assert sharp.values.sum() == pytest.approx(300 * true.sum(), rel=0.05)


def test_maps_without_places_are_refused(case):
    run, path, _ = case
    del run.data["Fe_K"].coords["x"]
    with pytest.raises(DataError, match="along x are not known, or stand on no grid"):
        Deblur(probe=path).run(run)
    run.given.clear()
    with pytest.raises(DataError, match="no step before it gave maps of elements"):
        Deblur(probe=path).run(run)


@pytest.mark.slow
def test_check_looks_at_what_the_steps_name(tmp_path, capsys, monkeypatch):
    """Regions and probes that are not there, or are of something else; not only after the fit"""
    monkeypatch.chdir(tmp_path)
    job, said = tmp_path / "job.yaml", {}
    np.save(tmp_path / "small.npy", np.ones((2, 2), int))
    np.save(tmp_path / "flat.npy", np.ones((8, 8), complex))
    for own in (
        "{use: xrf.fit, regions: none.npy}",
        "{use: xrf.fit, regions: small.npy}",
        "{use: xrf.deblur, probe: none.h5}",
        "{use: xrf.deblur, probe: flat.npy}",
    ):
        job.write_text(
            f"nanompi: 1\ninput: {{format: xrf.simulate}}\nsteps:\n"
            f"{'' if 'fit' in own else '  - xrf.fit' + chr(10)}  - {own}\n"
        )
        assert main(["check", str(job)]) == 3
        said[own] = capsys.readouterr().err
    job.write_text("nanompi: 1\ninput: {format: xrf.simulate}\nsteps: [{use: xrf.fit, regions: small.npy}]\n")
    assert main(["run", str(job)]) == 3  # and a run does not calibrate first
    ran = capsys.readouterr()
    assert "small.npy has the shape 2 x 2" in ran.err and "xrf.calibrate" not in ran.out
    missing, small, nowhere, flat = said.values()
    assert (
        f"no such file: {tmp_path}/none.npy" in missing
        and "small.npy has the shape 2 x 2, the scan has" in small
    )
    assert f"no such file: {tmp_path}/none.h5" in nowhere and "flat.npy" in flat and "pixel" in flat
