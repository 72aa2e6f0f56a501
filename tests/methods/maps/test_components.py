"""Components of spectra whose parts are known."""

import numpy as np
import pytest

from nanompi.cli import main
from nanompi.errors import DataError, JobError
from nanompi.methods.maps.components import Components, principal
from nanompi.mpi.team import Team
from nanompi.run.result import Result
from tests import walking

TEAM = Team(alone=True)
CHANNELS = np.arange(30.0)
PARTS = np.array([np.exp(-(((CHANNELS - c) / 4) ** 2)) for c in (7, 15, 23)])


def spectra(noise=0.01, seed=0):
    """(12, 15, 30) and the amounts (12, 15, 3), each pixel mostly of one part"""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 3, (12, 15))
    amounts = 0.05 * rng.random((12, 15, 3)) + (kind[..., None] == np.arange(3)) * rng.uniform(
        0.5, 1.5, (12, 15, 1)
    )
    return amounts @ PARTS + noise * rng.normal(size=(12, 15, 30)), amounts, kind


def run_of(values, along="y", **own):
    coords = {"energy": (CHANNELS + 7100, "eV")}
    run = walking.run_of(TEAM, data=walking.spread(TEAM, values, "y x energy", along, coords=coords))
    run.made, run.warn, run.result = {}, run.say, Result()
    Components(**own).run(run)
    return run


def test_pca_is_that_of_a_singular_value_decomposition():
    values, _, _ = spectra()
    run = run_of(values, method="pca", number=3)
    flat = values.reshape(-1, 30)
    u, s, vt = np.linalg.svd(flat - flat.mean(0), full_matrices=False)
    for k in range(3):
        sign = np.sign(vt[k][np.abs(vt[k]).argmax()])
        assert run.data["component_spectra"].values[k] == pytest.approx(sign * vt[k], abs=1e-10)
        amounts = run.data[f"component_{k + 1}"].values.ravel()
        assert amounts == pytest.approx(sign * u[:, k] * s[k], abs=1e-5)
    variances = principal(TEAM, flat)[1]
    assert variances[:10] == pytest.approx(s[:10] ** 2 / len(flat), rel=1e-9)
    explained = run.result.notes["maps"]["components"]["explained"]
    assert explained == pytest.approx((s[:3] ** 2).sum() / (s**2).sum(), rel=1e-9)


def test_nmf_finds_the_parts():
    """Each part by one component, alike to 2 % (cosine)"""
    values, amounts, _ = spectra()
    run = run_of(values, method="nmf", number=3)
    H = run.data["component_spectra"].values
    likeness = (H / np.linalg.norm(H, axis=1)[:, None]) @ (PARTS / np.linalg.norm(PARTS, axis=1)[:, None]).T
    best = likeness.argmax(1)
    assert sorted(best) == [0, 1, 2] and likeness.max(1).min() > 0.98
    maps = np.stack([run.data[f"component_{k + 1}"].values for k in range(3)], -1)
    assert maps.min() >= 0 and H.min() >= 0
    for k in range(3):
        assert np.corrcoef(maps[..., k].ravel(), amounts[..., best[k]].ravel())[0, 1] > 0.99


def test_kmeans_finds_the_classes():
    """Amounts from 0.5 to 1.5 of three parts far apart: every pixel is in the class of its part"""
    values, _, kind = spectra()
    values[3, 4, 5] = np.nan
    run = run_of(values, method="kmeans", number=3)
    label = run.data["class"].values
    assert label[3, 4] == 0 and run.data["class"].axes == ("y", "x")
    seen = label > 0
    pairs = {(int(a), int(b)) for a, b in zip(label[seen], kind[seen])}
    assert len(pairs) == 3 and seen.sum() == 179
    means = run.data["class_spectra"].values
    for a in (1, 2, 3):
        assert means[a - 1] == pytest.approx(values[label == a].mean(0), abs=1e-9)


def test_maps_lie_as_the_data_along_whatever_axis_these_are_spread():
    values, _, _ = spectra()
    a, b = (run_of(values, along, method="pca", number=2).data["component_1"] for along in ("y", "x"))
    assert a.axes == b.axes == ("y", "x") and np.array_equal(a.values, b.values)


def test_what_cannot_be():
    values, _, _ = spectra()
    with pytest.raises(DataError, match="180 spectra of 30 values are too few for 31"):
        run_of(values, number=31)
    with pytest.raises(JobError, match='of: "elements" is not there; there is data'):
        run_of(values, of="elements")


STACK = "input: {format: xanes.simulate, simulate: {energies: 30, size: 16}}"
FLUORESCENCE = "input: {format: xrf.simulate, simulate: {rows: 6, columns: 6}}"


@pytest.mark.parametrize("source, before, own, words", [
    (STACK, "xanes.normalise", "of: nothing", '"nothing" is not there; there is data, edge_step, edge_step'),
    (STACK, "xanes.normalise", "of: e0", "e0 has no axis energy or channel or line or radial; it is (y, x)"),
    (STACK, "xanes.normalise", "number: 64", "256 spectra of 30 values are too few for 64 components"),
    (FLUORESCENCE, "xrf.prepare", "number: 2", "data has spectra of several detectors; take fitted maps"),
    (STACK, "{use: map.components, number: 2}", "of: component_1", "component_1 has no axis energy or ch"),
    (STACK, "{use: map.components, number: 2}", "of: component_spectra", ""),
    (STACK, "{python: mine.py:mine}", "of: nothing", ""),
])  # fmt: skip
def test_check_and_run_refuse_what_does_not_fit_before_anything_is_loaded(
    tmp_path, capsys, monkeypatch, source, before, own, words
):
    """What nobody can know before the run is left to it: what a step of a user gives"""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("def mine(block, info):\n    return block\n")
    steps = f"steps: [{before}, {{use: map.components, {own}}}]"
    (tmp_path / "job.yaml").write_text(f"nanompi: 1\n{source}\n{steps}\n")
    for verb in ("check", "run") if words else ("check",):
        assert bool(main([verb, "job.yaml"])) == bool(words)
        said = capsys.readouterr()
        assert words in said.err and "map.components" in said.err + said.out
        assert not (tmp_path / "runs/job/latest/result.h5").exists() and "loading" not in said.out
