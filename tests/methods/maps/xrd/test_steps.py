"""Peaks, strain, texture, phases, backgrounds and spots of a simulated map, against its truth; S5,
measured."""

import numpy as np
import pytest

from nanompi.data.data import Data
from nanompi.data.walk import walk
from nanompi.errors import DataError, JobError
from nanompi.methods.maps.xrd.background import Background
from nanompi.methods.maps.xrd.integrate import Integrate
from nanompi.methods.maps.xrd.peaks import Peaks, named_peaks
from nanompi.methods.maps.xrd.phases import Phases, read_pattern
from nanompi.methods.maps.xrd.simulate import PatternSimulation, SimulatePatterns, areas, spacings
from nanompi.methods.maps.xrd.spots import Spots
from nanompi.methods.maps.xrd.strain import Reference, Strain
from nanompi.methods.maps.xrd.texture import Texture, harmonic
from nanompi.methods.maps.xrd.windows import windows
from nanompi.mpi.team import Team
from nanompi.run.reading import spread_evenly
from nanompi.run.result import Result
from tests import walking
from tests.methods.maps.xrd.test_integrate import GEOMETRY, SHAPE, Frames, even

CERIA = Reference(a=5.4115e-10, hkl=[[1, 1, 1], [2, 0, 0], [2, 2, 0]])


def done(data: Data, *steps):
    """The run after steps on these data"""
    run = walking.run_of(Team(alone=True))
    run.made, run.warned, run.result = {}, [], Result()
    run.warn = run.warned.append
    run.data["data"] = spread_evenly(data, 1)
    for step in steps:
        walk(run, [step]) if step.each else step.run(run)
    return run


def simulated(**values):
    """The scene, and the data of its reader"""
    usual = {"rows": 3, "columns": 4, "size": 160, "pixel": 240e-6, "width": 0.35}
    scene = PatternSimulation(**(usual | values))
    return scene, SimulatePatterns(simulate=scene).open("", None)["data"]


def names(run):
    return run.data["peaks"].coords["peak"][0]


def test_strain_of_the_map():
    """That more pixels lie further out in a bin moves a ring by less than 1e-4 of its angle. What rings
    overlap is lost to the line below them, 3 % of the area of the second"""
    scene, data = simulated(counts=200.0, rows=6, columns=6)
    run = done(data, Integrate(bins=250), Peaks(), Strain(reference=CERIA))
    true = sum(scene.strains()) / 2
    found, error = (run.data[name].values for name in ("strain", "strain_errors"))
    assert run.data["strain"].axes == ("y", "x") and error.mean() < 6e-5
    assert abs((found - true).mean()) < 1e-4
    assert (found - true).std() / error.mean() == pytest.approx(1, abs=0.3)
    assert np.corrcoef(found.ravel(), true.ravel())[0, 1] > 0.99
    assert run.data["peaks"].values[..., 0].mean((0, 1)) == pytest.approx(areas(scene), rel=0.05)
    assert run.data[f"peak_{names(run)[1]}_width"].values.mean() == pytest.approx(0.35, rel=0.1)


def test_errors_of_rings_of_a_pixel_and_a_half():
    """144 fits of each of three rings: 3.4 % is what their widths can be known to. Bins that counted by
    themselves would have errors 1.5 and 1.2 times as large as widths and places scatter"""
    _, data = simulated(rows=12, columns=12, counts=100.0, strain=0.0, width=0.2)
    run = done(data, Integrate(bins=250), Peaks(shape="gauss"))
    for name in ("area", "position", "width"):
        ratios = [
            run.data[f"peak_{k}_{name}"].values.std() / run.data[f"peak_{k}_{name}_errors"].values.mean()
            for k in names(run)
        ]
        assert np.mean(ratios) == pytest.approx(1, abs=0.12), (name, ratios)


def test_without_reference_strains_are_against_the_median():
    scene, data = simulated(counts=200.0)
    run = done(data, Integrate(bins=250), Peaks(), Strain())
    assert abs(np.median(run.data[f"strain_{names(run)[0]}"].values)) < 1e-6
    true = sum(scene.strains()) / 2
    assert (run.data["strain"].values - true + np.median(true)).std() < 8e-5


def test_peaks_are_called_as_the_job_says_or_by_their_planes():
    """Spacings of planes in A with as many digits as tell them apart; strains by hkl where these are known"""
    _, data = simulated(rows=1, columns=2)
    run = done(data, Integrate(bins=250), Peaks(), Strain(reference=CERIA))
    spacing = [5.4115 / np.sqrt(n) for n in (3, 4, 8)]
    assert [float(name[1:-1]) for name in names(run)] == pytest.approx(spacing, rel=4e-3)
    assert all(name[0] == "d" and name[-1] == "A" for name in names(run))
    assert {"strain_111", "strain_200", "strain_220_errors"} <= run.data.keys()
    called = ["CeO2_111", "CeO2_200", "CeO2_220"]
    run = done(data, Integrate(bins=250), Peaks(names=called), Strain())
    assert {"peak_CeO2_200_area", "peak_CeO2_111_position_errors", "strain_CeO2_220"} <= run.data.keys()
    assert any("(CeO2_111)" in line for line in run.lines)
    assert named_peaks([], [3.12401, 3.12404], "d{}A", "") == ["d3.12401A", "d3.12404A"]


@pytest.mark.parametrize(
    "names, words",
    [
        (["a", "b"], "2 names for 3 peaks"),
        (["a", "b/c", "d"], "b/c; letters, digits"),
        (["a", "b", "a"], "two are the same"),
    ],
)
def test_names_of_peaks_that_cannot_be(names, words):
    with pytest.raises(JobError, match=words):
        named_peaks(names, [1.0, 2.0, 3.0], "{}", "xrd.peaks")


def test_tensor_and_texture_of_sectors():
    """Along x and along y within 3 errors of the mean over 12 points; brightest along 30 deg by 0.4"""
    scene, data = simulated(counts=200.0, shear=2e-3, texture=0.4)
    run = done(data, Integrate(bins=250, sectors=12), Peaks(), Strain(reference=CERIA), Texture())
    for name, true in zip(("strain_xx", "strain_yy"), scene.strains()):
        off = run.data[name].values - true
        assert abs(off.mean()) < 1.5e-4 and off.std() < 2 * run.data[f"{name}_errors"].values.mean()
    assert abs(run.data["strain_xy"].values.mean()) < 1e-4
    for k in names(run):
        texture, error = run.data[f"texture_{k}"].values, run.data[f"texture_{k}_errors"].values
        assert texture.mean() == pytest.approx(0.4, abs=0.02) and texture.std() < 2 * error.mean()
        assert run.data[f"direction_{k}"].values.mean() == pytest.approx(30, abs=1.5)


def test_texture_needs_sectors():
    with pytest.raises(JobError, match="sectors: 36"):
        done(simulated(rows=1, columns=1)[1], Integrate(bins=250), Peaks(), Texture())


def test_harmonic_is_exact_without_noise():
    """Areas as means over sectors of 1 + 0.3 cos 2(chi - 20 deg)"""
    n = 24
    chi = np.deg2rad(-180 + 360 / n * (np.arange(n) + 0.5))
    fine = chi[:, None] + np.linspace(-np.pi / n, np.pi / n, 401)
    area = (1 + 0.3 * np.cos(2 * (fine - np.deg2rad(20)))).mean(1)
    area[3] = np.nan
    t, _, direction, _ = harmonic(chi, area[:, None], np.full((n, 1), 0.01))
    assert (t[0], direction[0]) == (pytest.approx(0.3, rel=1e-3), pytest.approx(20, abs=0.05))


@pytest.mark.slow  # compiles
def test_phases(tmp_path):
    """A pattern of two known ones: amounts scatter by their errors, and none of a third"""
    x = np.linspace(0.5, 15, 800)
    ring = lambda *at: sum(np.exp(-(((x - c) / 0.2) ** 2)) for c in at)  # noqa: E731
    for name, values in {"one": ring(4, 7), "two": ring(5.5, 8), "none": ring(6.2)}.items():
        np.savetxt(tmp_path / f"{name}.xy", np.stack([x, values], 1), header="2theta intensity")
    _, data = simulated(rows=1, columns=2)
    run = done(data, Integrate(bins=300))
    r = np.asarray(run.data["pattern"].coords["radial"][0])
    width, counting = r[1] - r[0], run.data["pattern"].beside["counting"]
    columns = [np.interp(r, *read_pattern(str(tmp_path / f"{name}.xy"))) for name in ("one", "two")]
    mean = sum(a * c / (c.sum() * width) for a, c in zip((30.0, 12.0), columns)) + 5
    counts = np.random.default_rng(3).poisson(mean / counting, (40, 1, len(r)))
    pattern = run.data["pattern"]
    run.data["pattern"] = pattern.holding((counts * counting).astype(np.float32), "y", [np.arange(40)])
    step = Phases(patterns=[str(tmp_path / f"{name}.xy") for name in ("one", "two", "none")])
    walk(run, [step])
    for name, true in (("one", 30.0), ("two", 12.0)):
        found, error = run.data[f"phase_{name}"].values, run.data[f"phase_{name}_errors"].values
        assert ((found - true) / error).std() == pytest.approx(1, abs=0.3)
        assert found.mean() == pytest.approx(true, abs=error.mean())
    assert run.data["phase_none"].values.mean() < run.data["phase_none_errors"].values.mean()
    with pytest.raises(DataError, match="two columns"):
        (tmp_path / "bad.xy").write_text("nothing\n")
        read_pattern(str(tmp_path / "bad.xy"))


@pytest.mark.parametrize("method", ["snip", "line"])
def test_background_goes(method):
    """A level of 2 counts below rings of 20: what is left between them is a tenth of it"""
    _, data = simulated(rows=1, columns=2, counts=20.0, noise=False)
    run = done(data, Integrate(bins=250), Background(method=method, width=0.8 if method == "snip" else None))
    x, net = np.asarray(run.data["pattern_net"].coords["radial"][0]), run.data["pattern_net"].values[0]
    between = (x > 12) & (x < 13)
    assert abs(net[:, between]).max() < 0.2 and net.max() > 15


def test_spots():
    """Two spots on an even ring pattern: where they are and what they hold"""
    frames = np.random.default_rng(0).poisson(even(20.0, n=2)).astype(np.uint16)
    frames[1, 20:22, 30:32] += 500
    frames[0, 40, 10:13] += 300
    data = Data(axes=("point", "row", "column"), source=Frames(frames), beside={"geometry": GEOMETRY})
    run = done(data, Integrate(bins=40), Spots(sigma=12.0))
    assert run.data["spots"].values.tolist() == [1, 1]
    names = ("frame", "row", "column", "counts", "pixels")
    table = {name: run.result.arrays[f"spots_found/{name}"] for name in names}
    assert table["frame"].tolist() == [0, 1] and table["pixels"].tolist() == [3, 4]
    assert table["row"] == pytest.approx([40, 20.5], abs=0.05)
    assert table["column"] == pytest.approx([11, 30.5], abs=0.05)
    assert table["counts"] == pytest.approx([900, 2000], rel=0.06)
    assert SHAPE == frames.shape[1:]


def test_windows():
    """Given ones are checked; without a peak there are none to be found"""
    x = np.linspace(0, 10, 400)
    noise = np.random.default_rng(0).normal(100, 1, 400)
    with pytest.raises(DataError, match="no peak stands out"):
        windows([], x, noise, "xrd.peaks")
    with pytest.raises(JobError, match="holds 4 of the 400 values"):
        windows([[1.0, 1.1]], x, noise, "xrd.peaks")
    with pytest.raises(JobError, match="two rising numbers"):
        windows([[2.0, 1.0]], x, noise, "xrd.peaks")
    peaks = noise + 60 * np.exp(-(((x - 3) / 0.2) ** 2)) + 30 * np.exp(-(((x - 7) / 0.3) ** 2))
    first, second = windows([], x, peaks, "xrd.peaks")
    assert x[first].mean() == pytest.approx(3, abs=0.1) and x[second].mean() == pytest.approx(7, abs=0.15)


def test_spacings_are_those_of_bragg():
    """lambda = 2 d sin(theta)"""
    scene, _ = simulated()
    geometry = scene.geometry()
    for d in spacings(scene):
        for unit in ("2th_deg", "2th_rad", "q_nm^-1", "q_A^-1"):
            assert geometry.spacing(geometry.of_spacing(d, unit), unit) == pytest.approx(d, rel=1e-12)
    two_theta = np.deg2rad(geometry.of_spacing(spacings(scene)[0], "2th_deg"))
    assert 2 * spacings(scene)[0] * np.sin(two_theta / 2) == pytest.approx(scene.wavelength)
