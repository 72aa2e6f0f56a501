"""What steps look at stands in the result: the same pictures are drawn of it later, and stand in the report.

Two small runs, of fluorescence and of diffraction, drawn while they run; and what no run makes.
"""

import json
import re
import shutil

import h5py
import numpy as np
import pytest
from PIL import Image

from nanompi.api import load
from nanompi.cli import main
from nanompi.data.data import Data
from nanompi.report import figures
from nanompi.report.paper import HEAD
from nanompi.report.plots import plot
from nanompi.report.signals import SignalsInFile
from nanompi.run.result import Marks, Result, Signal
from nanompi.run.switches import PICTURES
from nanompi.run.writers import nexus
from nanompi.run.writers.pictures import SIDE, geometry_of, small, to_keep

JOBS = {
    "xrf": "input: {format: xrf.simulate, simulate: {rows: 4, columns: 5, detectors: 1}}\nsteps: [xrf.fit]\n",
    "xrd": "input: {format: xrd.simulate, simulate: {rows: 3, columns: 4, size: 96}}\nsteps: [xrd.peaks]\n",
}
OF_STEPS = {"xrf": {"sum_fit", "spectrum_0"}, "xrd": {"patterns", "rings"}}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """{name: run folder}, with the pictures that were drawn in the run"""
    top, out = tmp_path_factory.mktemp("pictures"), {}
    with pytest.MonkeyPatch.context() as own:
        own.setenv(PICTURES, "yes")
        for name, text in JOBS.items():
            (top / f"{name}.yaml").write_text(f"nanompi: 1\nname: {name}\n{text}")
            assert main(["run", str(top / f"{name}.yaml"), "--out", str(top / "runs")]) == 0
            out[name] = top / "runs" / name / "run-0001"
    return out


def told(page: str) -> dict:
    return json.loads(re.search(r'id="data">(.*?)</script>', page, re.S)[1])


def drawn(folder) -> dict[str, np.ndarray]:
    """{name: the picture without the line over it}"""
    top = round(HEAD * figures.DPI)
    return {path.name: np.asarray(Image.open(path))[top:] for path in (folder / "previews").glob("*.png")}


@pytest.mark.slow
@pytest.mark.parametrize("name", JOBS)
def test_drawn_of_the_result_they_are_those_of_the_run(runs, name):
    """By name and pixel; but for the line on top, which has the minute in which they are drawn, and for the
    sheet of all, where they stand in another order"""
    first = drawn(runs[name])
    shutil.rmtree(runs[name] / "previews")
    assert main(["report", "--pictures", str(runs[name])]) == 0
    again = drawn(runs[name])
    assert set(again) == set(first) > {f"{one}.png" for one in OF_STEPS[name]}
    for one in set(first) - {"overview.png"}:
        assert again[one].std() > 5 and np.array_equal(again[one], first[one]), one


@pytest.mark.slow
@pytest.mark.parametrize("name", JOBS)
def test_the_report_shows_them(runs, name):
    data = told((runs[name] / "report.html").read_text())
    titles = [one["title"] for one in data["images"] + data["small"] + data["plots"]]
    assert len(titles) == len(set(titles))
    if name == "xrf":
        fit = next(one for one in data["plots"] if one["title"].startswith("sum of all spectra"))
        assert [line["name"] for line in fit["lines"][:2]] == ["counts", "fit"] and len(fit["lines"]) > 4
        least = min(v for line in fit["lines"] for v in line["y"] if v is not None)
        assert least > 0 and max(v for v in fit["lines"][0]["y"] if v is not None) > 100 * least
    else:
        assert any("the rings that are fitted" in title for title in titles)


@pytest.mark.slow
def test_each_map_of_peaks_is_shown_once(runs):
    """All parameters of peaks stand in one array, too, of which no picture is made; its values are there"""
    file = SignalsInFile(runs["xrd"] / "result.h5")
    maps = [file[name].title for name in file if file.show(name) == "map"]
    areas = [title for title in maps if title.endswith(" area")]
    assert len(areas) >= 2 and len(set(maps)) == len(maps) and not any(n.startswith("peaks ") for n in file)
    assert load(runs["xrd"]).data["peaks"].shape[:2] == (3, 4)


@pytest.mark.slow
def test_the_line_over_maps_has_energy_and_pixel(runs):
    for name, words in (("xrf", ("pixel 200 nm", "10 keV")), ("xrd", ("pixel", "keV"))):
        line = figures.header(load(runs[name]).notes)
        assert all(word in line for word in (name, "simulated", *words)), line
        assert words[-1] in (runs[name] / "report.html").read_text()


@pytest.mark.slow
def test_python_and_convert_have_them(runs, tmp_path):
    result = load(runs["xrf"])
    assert set(result.shown) - set(result.signals) == OF_STEPS["xrf"]
    command = ["convert", str(runs["xrf"]), str(tmp_path / "a.svg"), "--signal", "sum_fit"]
    assert main(command) == 0 and "sum of all spectra" in (tmp_path / "a.svg").read_text()


def of_points() -> Signal:
    marks = Marks(label="counts", values=np.array([3.0, 1, 2]))
    return Signal(np.array([[0.0, 0], [1, 0], [0, 1]]), {}, "m", "places", "positions", marks=marks)


def test_points_keep_their_colours(tmp_path):
    nexus.write(Result(pictures={"positions": of_points()}), tmp_path / "a.h5")
    kept = SignalsInFile(tmp_path / "a.h5")["positions"]
    assert kept.marks.label == "counts" and kept.marks.values.tolist() == [3, 1, 2]
    assert sorted(plot("positions", kept)["values"]) == pytest.approx([0, 0.5, 1], abs=0.02)


def test_a_picture_that_has_the_name_of_data_does_not_take_its_place(tmp_path):
    values = np.arange(6.0).reshape(2, 3)
    curve = Signal(np.arange(4.0), {}, "", "a curve", "curve")
    result = Result(data={"peaks": Data(axes=("y", "x"), values=values)}, pictures={"peaks": curve})
    result.pictures = to_keep(result)
    nexus.write(result, tmp_path / "a.h5")
    file = SignalsInFile(tmp_path / "a.h5")
    assert {name: file.show(name) for name in file} == {"peaks": "map", "peaks_picture": "curve"}
    assert list(SignalsInFile(tmp_path / "a.h5", pictures=False)) == ["peaks"]
    assert result.free_name("pictures") == "pictures_2"


def test_one_that_does_not_fit_its_axes_costs_no_result(tmp_path):
    said = []
    bad = Signal(np.arange(4.0), {"x": (np.arange(3), "m")}, show="curve")
    nexus.write(Result(pictures={"bad": bad, "a/b": of_points()}), tmp_path / "a.h5", warn=said.append)
    assert list(SignalsInFile(tmp_path / "a.h5")) == ["a_b"]
    assert len(said) == 1 and "the picture bad" in said[0] and "3 values for 4" in said[0]


def test_large_frames_are_kept_smaller_and_marks_stay_in_place():
    """2100 px of 1 and a right half of 5: means of 3 x 3 px, and the edge between them where it was"""
    image = np.ones((2100, 2400), np.float32)
    image[:, 1200:], image[0, 0] = 5, np.nan
    one = small(Signal(image, {}, "counts", "frame", "frame", marks=Marks(centre=(1050, 1200))))
    assert one.data.shape == (700, 800) and max(one.data.shape) <= SIDE and one.data.dtype == np.float32
    assert (one.data[:, :400] == 1).all() and (one.data[:, 400:] == 5).all()
    (rows, unit), (columns, _) = one.axes["row"], one.axes["column"]
    assert unit == "px" and columns[399] == 1198 and columns[400] == 1201 and rows[-1] == 2098
    assert one.marks.centre == (1050, 1200)
    ragged = small(Signal(image[:, :2399], {"y": (np.arange(2100) * 2.0, "um"), "x": (np.arange(2399), "um")},
                          show="map"))  # fmt: skip
    assert ragged.axes["x"][0][-1] == pytest.approx(2398) and ragged.axes["y"][0][1] == 8


def test_energy_and_pixel_are_told_where_all_agree():
    along = {"y": (np.arange(3) * 2.0, "um"), "x": (np.arange(4) * -1e-6, "m")}
    one = Data(axes=("y", "x"), values=np.zeros((3, 4)), coords=along, facts={"energy": 1e-15})
    assert geometry_of({"a": one, "b": one}) == {"energy": 1e-15, "pixel": [2e-6, 1e-6]}
    other = Data(axes=("y", "x"), values=np.zeros((3, 4)), facts={"energy": 2e-15})
    assert geometry_of({"a": one, "b": other}) == {"pixel": [2e-6, 1e-6]}
    uneven = along | {"x": (np.array([0, 1, 3, 4]) * 1e-6, "m")}
    assert geometry_of({"a": Data(axes=("y", "x"), values=np.zeros((3, 4)), coords=uneven)}) == {}


def test_a_name_of_anybody_leads_to_no_other_folder(tmp_path):
    result = Result("", {"../out x": Signal(np.eye(5), {}, "", "an image", "image")})
    drawn = figures.previews(result, tmp_path / "in" / "previews")
    assert [path.parent for path in drawn] == [tmp_path / "in" / "previews"] * 2


def test_pictures_in_a_file_of_anybody_are_none(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["entry_1/pictures"] = 3.0
    assert list(SignalsInFile(tmp_path / "a.h5")) == []
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["elsewhere/pictures/a"] = np.eye(3)
        file["entry_1/pictures"] = h5py.SoftLink("/elsewhere/pictures")
    assert list(SignalsInFile(tmp_path / "b.h5")) == []
