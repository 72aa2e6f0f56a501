"""Maps of a run against the truth of its simulation, and against another run's."""

import json

import h5py
import numpy as np
import pytest

from nanompi.cli import main
from nanompi.errors import DataError
from nanompi.report.map_differences import compare


def result(path, maps, errors=None, truth=None):
    """A result file with some maps in counts"""
    with h5py.File(path, "w") as file:
        for name, values in maps.items():
            file[f"entry_1/{name}/data"] = values
            file[f"entry_1/{name}/data"].attrs["units"] = "counts"
            if errors:
                file[f"entry_1/{name}/data_errors"] = np.full_like(values, errors)
        for name, values in (truth or {}).items():
            file[f"entry_1/map_truth/{name}"] = values
    return str(path)


def test_figures_are_those_of_the_difference(tmp_path):
    """A tenth of the points is off by 3 errors, all others by half of one"""
    true = np.full((10, 10), 4.0)
    own = true + 0.5
    own[0], own[1, 1] = true[0] + 3, np.nan
    path = result(tmp_path / "a.h5", {"Fe_K": own}, 1.0, {"Fe_K": true, "Cu_K": true})
    got = compare(path, "truth")
    d = (own - true)[np.isfinite(own)]
    assert got["judged"] == "nrmse" and list(got["maps"]) == ["Fe_K"]
    assert got["nrmse"] == pytest.approx(np.sqrt((d**2).mean()) / 4)
    assert got["maps"]["Fe_K"].pop("unit") == "counts"
    assert got["maps"]["Fe_K"].pop("at") == {"axis 0": (0, ""), "axis 1": (0, "")}
    assert got["maps"]["Fe_K"] == pytest.approx(
        {"mean": 4, "bias": d.mean(), "rmse": np.sqrt((d**2).mean()), "covered": 89 / 99}
        | {"points": 99, "lacking": 1, "rms": 4, "nrmse": got["nrmse"], "correlation": np.nan, "largest": 3},
        nan_ok=True,
    )


def test_complex_maps_and_maps_without_a_number(tmp_path):
    """Other imaginary parts are another map; where no point has a number in both, no limit is kept"""
    wave = np.full((2, 3), 3 + 4j)
    one, two = (
        result(tmp_path / f"{k}.h5", {"t": v, "u": v.real}) for k, v in enumerate((wave, wave.conj()))
    )
    got = compare(one, two)
    assert got["nrmse"] == pytest.approx(8 / np.sqrt(25 + 9)) and got["maps"]["t, real part"]["rmse"] == 0
    none = result(tmp_path / "none.h5", {"t": wave, "u": np.full((2, 3), np.nan)})
    assert compare(one, none)["not_compared"] == {"u": "no point has a number in both"}
    only = result(tmp_path / "only.h5", {"u": np.full((2, 3), np.nan)})
    with pytest.raises(DataError, match=r"u: no point has a number in both"):
        compare(one, only)


def test_two_runs(tmp_path):
    one = result(tmp_path / "a.h5", {"Fe_K": np.full((2, 3), 2.0), "Ca_K": np.ones((2, 3))})
    two = result(tmp_path / "b.h5", {"Fe_K": np.ones((2, 3)), "Ti_K": np.ones((2, 3))})
    assert compare(one, two)["nrmse"] == pytest.approx(1)


def test_what_does_not_go_together_is_told(tmp_path):
    one = result(tmp_path / "a.h5", {"Fe_K": np.ones((2, 3))})
    two = result(tmp_path / "b.h5", {"Fe_K": np.ones((3, 3))})
    three = result(tmp_path / "c.h5", {"Ti_K": np.ones((2, 3))})
    with pytest.raises(DataError, match=r"Fe_K: .*a.h5 has the shape \(2, 3\), .*b.h5 has \(3, 3\)"):
        compare(one, two)
    with pytest.raises(DataError, match=r"has the name of one of .*: Fe_K in the first, Ti_K in the second"):
        compare(one, three)
    with pytest.raises(
        DataError, match=r"holds no truth of maps: .*strains \(xrd.simulate\).*nanompi compare A B"
    ):
        compare(one, "truth")
    true = result(tmp_path / "d.h5", {"Ti_K": np.ones((2, 3))}, truth={"strain_xx": np.ones((2, 3))})
    with pytest.raises(DataError, match="holds the truth of strain_xx, and no result of one of these names"):
        compare(true, "truth")


@pytest.fixture
def maps(tmp_path):
    """Two results as the writers write them: a map with places in um, labels, names along the last axis"""
    rng = np.random.default_rng(1)
    one, labels, many = rng.random((4, 5)), rng.integers(0, 3, (4, 5)), rng.random((4, 2))
    other, unlike, more = one.copy(), labels.copy(), many.copy()
    other[3, 1], unlike[0, 0] = one[3, 1] + 0.5, labels[0, 0] + 1
    more[:, 1] = 0
    files = []
    for name, values in (("a", (one, labels, many)), ("b", (other, unlike, more))):
        files.append(str(tmp_path / f"{name}.h5"))
        with h5py.File(files[-1], "w") as f:
            for key, data in zip(("slope_x", "class", "peaks"), values):
                group = f.create_group(f"entry_1/{key}")
                group.attrs.update(
                    NX_class="NXdata", signal="I", axes=["y", "x"] if key != "peaks" else ["y", "."]
                )
                group["I"] = data
            f["entry_1/process_1/program"], f["entry_1/slope_x/I"].attrs["units"] = "nanompi", "rad/m"
            f["entry_1/slope_x/y"], f["entry_1/slope_x/x"] = np.arange(4) * 0.2, np.arange(5) * 0.1
            for axis in "yx":
                f[f"entry_1/slope_x/{axis}"].attrs["units"] = "um"
            f["entry_1/peaks/parameter"] = ["area", "width"]
            f["entry_1/peaks"].attrs["parameter_indices"] = 1
            f["entry_1/probe/data"] = np.ones(3)
            f["entry_1/probe"].attrs["NX_class"] = "NXcollection"  # no array that a viewer shows
    return *files, one


def test_maps_of_any_step_by_unit_and_place(maps, capsys, tmp_path):
    a, b, one = maps
    assert main(["compare", b, a, "--json", "--max", "10"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found["maps"]) == ["class", "peaks area", "peaks width", "slope_x"]
    own = found["maps"]["slope_x"]
    assert own["unit"] == "rad/m" and own["largest"] == pytest.approx(0.5)
    assert own["at"] == {"y": [pytest.approx(0.6), "um"], "x": [pytest.approx(0.1), "um"]}
    other = one.copy()
    other[3, 1] += 0.5
    assert own["correlation"] == pytest.approx(np.corrcoef(one.ravel(), other.ravel())[0, 1])
    assert found["maps"]["class"]["differ"] == 1 / 20 and found["maps"]["peaks area"]["rmse"] == 0
    assert found["judged"] == "largest_nrmse" and found["largest_nrmse"] == 1  # the widths, which are 0 in b
    assert main(["compare", b, a, "--max", "0.9"]) == 5
    said = capsys.readouterr().out
    assert (
        "peaks width differs most: by 100 % of B\n" in said and "\nclass: 5 % of the labels differ\n" in said
    )
    assert "\npeaks area: the same\n" in said and "at most 0.5 rad/m, at y 0.6 um, x 0.1 um" in said
    assert main(["compare", a, b]) == 0 and "peaks width differs most: by a part that is not known" in (
        capsys.readouterr().out
    )
    assert main(["compare", a, b, "--max", "9"]) == 5  # nothing is known of widths against 0
    assert main(["compare", a, b, "--picture", str(tmp_path / "d.png")]) == 0
    assert (tmp_path / "d.png").stat().st_size > 1000


def test_slabs_change_nothing(maps, monkeypatch):
    whole = compare(*maps[:2])
    monkeypatch.setattr("nanompi.report.map_differences.SLAB", 5)
    assert compare(*maps[:2])["words"] == whole["words"]


JOB = """
nanompi: 1
input: {{format: {format}, simulate: {{{simulate}}}}}
steps: [{steps}]
"""
RINGS = "[1, 1, 1], [2, 0, 0], [2, 2, 0]"
XRD = "{use: xrd.integrate, bins: 250, sectors: 6}, {use: xrd.strain, reference: {a: 5.4115 A, hkl: [%s]}}"
SIMULATIONS = {
    "xrd.simulate": ("rows: 3, columns: 3, size: 160, pixel: 240 um, counts: 5e3", XRD % RINGS),
    "xanes.simulate": ("energies: 40, size: 20, noise: false, drift: 0", "xanes.absorbance, xanes.lcf"),
    "tomo.simulate": ("angles: 90, size: 48, rows: 3, photons: 1e6", "tomo.flat, {use: tomo, halves: 0}"),
}
LIMITS = {"xrd.simulate": 0.3, "xanes.simulate": 0.005, "tomo.simulate": 0.2}


@pytest.mark.parametrize("kind", SIMULATIONS)
def test_a_simulation_is_compared_with_its_truth(kind, tmp_path, monkeypatch, capsys):
    """Strain of 5e-4 is found to 1e-4; species without noise; slices of sharp grains 48 px wide"""
    monkeypatch.chdir(tmp_path)
    simulate, steps = SIMULATIONS[kind]
    (tmp_path / "j.yaml").write_text(JOB.format(format=kind, simulate=simulate, steps=steps))
    assert main(["run", "j.yaml", "--quiet"]) == 0
    capsys.readouterr()
    assert main(["compare", "j", "truth", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert 0 < found[found["judged"]] < LIMITS[kind], found
    assert main(["compare", "j", "truth", "--max", "0"]) == 5
    assert (
        main(["compare", "j", "j", "--maps", "--max", "0"]) == 0 and ": the same\n" in capsys.readouterr().out
    )
