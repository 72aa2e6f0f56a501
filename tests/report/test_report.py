"""report.html without a browser: what stands in it, how large it is, what it does with files of anybody."""

import json
import re

import numpy as np
import pytest

from nanompi.cli import main
from nanompi.data.data import Data
from nanompi.errors import JobError, ResourceError
from nanompi.report import several
from nanompi.report.changed_parameters import differing
from nanompi.report.report import write
from nanompi.run import status
from nanompi.run.result import Result, Signal
from nanompi.run.writers import nexus
from tests.report.test_record import result

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u2028'\"&"


@pytest.fixture
def folder(tmp_path):
    """A run that is done, with a result"""
    run = tmp_path / "star" / "run-0001"
    (run / "logs").mkdir(parents=True)
    (run / "logs" / "rank-0000.log").write_text("[ 1.0 s] the last line\n")
    (run / "job.yaml").write_text("nanompi: 1\n")
    status.event(run, "begin", ranks=1)
    status.event(run, "warning", text="one frame is dark")
    status.write(run, {"nanompi": 1, "name": "star", "state": "done", "code": 0, "ranks": 1})
    nexus.write(result(), run / "result.h5")
    return run


def shown(page: str) -> dict:
    """What the scripts of a page get"""
    return json.loads(re.search(r'id="data">(.*?)</script>', page, re.S)[1])


def test_it_holds_what_the_run_holds_and_asks_for_nothing(folder):
    notes = {
        "verdict": {
            "grade": "doubtful",
            "words": "too few",
            "paste": "frames: 90",
            "steps": {"p": {"held": 1.25}},
        },
        "papers": [{"text": "A. B. C (2009). https://doi.org/10.1/x", "doi": "10.1/x"}],
        "geometry": {"energy": 1.281741e-15, "object_pixel": [4.4e-8, 4.4e-8]},
    }
    made = result()
    made.notes = notes
    maps = made.data["maps"]
    made.data["maps_errors"] = Data(
        axes=maps.axes, values=np.full(maps.values.shape, 0.5), coords=maps.coords
    )
    nexus.write(made, folder / "result.h5")
    page = write(folder).read_text()
    told = ("one frame is dark", "The result is doubtful", "too few", "frames: 90", "1.25", "8 keV", "44 nm")
    for words in (*told, "the last line", "A. B. C (2009)."):
        assert words in page, words
    data = shown(page)
    iron = next(one for one in data["images"] + data["small"] if one["name"] == "maps Fe_K")
    assert iron["errors_range"] == [0.5, 0.5 + 0.5]
    names = {one["name"] for one in data["images"] + data["small"]}
    assert {"phase", "amplitude", "maps Fe_K", "maps Cu_K"} <= names
    assert data["history"][0]["lines"][0]["y"] == [0.5, None, 0.2]
    assert (
        not re.search(r"""(src|href)=["'](?!data:|https://doi\.org/)""", page)
        and 'http-equiv="refresh"' not in page
    )


def test_what_a_file_says_cannot_become_part_of_the_page(folder):
    signal = Signal(np.eye(4), {}, HOSTILE, HOSTILE, "image")
    nexus.write(
        Result("a", {"a": signal}, notes={"verdict": {"grade": HOSTILE, "words": HOSTILE}}),
        folder / "result.h5",
    )
    status.event(folder, "warning", text=HOSTILE)
    status.write(folder, {"nanompi": 1, "name": HOSTILE, "state": "failed", "message": HOSTILE, "code": 1})
    (folder / "job.yaml").write_text(HOSTILE)
    page = write(folder).read_text()
    assert "<script>alert" not in page and "<img src=x" not in page and page.count("<script") == 2
    assert "onerror" in shown(page)["images"][0]["title"]


@pytest.mark.slow
def test_a_report_of_two_thousand_pixels_is_below_three_megabytes(folder):
    noise = np.random.default_rng(0).normal(size=(2, 2000, 2000)).astype(np.float32)
    fields = (noise[:, :256, :256] + 1j * noise[:, 256:512, :256]).astype(np.complex64)
    signals = {
        "phase": Signal(noise[0], {}, "rad", "phase", "angle"),
        "amplitude": Signal(noise[1], {}, "", "amplitude", "image"),
        "probe": Signal(np.concatenate([fields, fields]), {}, "", "probe", "modes"),
    }
    nexus.write(Result("phase", signals), folder / "result.h5")
    assert 1e6 < write(folder).stat().st_size < 3e6


def test_images_of_one_title_are_told_apart_and_axes_have_their_names(folder):
    planes = {name: np.random.default_rng(1).random((4, 5)) for name in ("data", "data-zx")}
    axes = {name: (np.arange(n) * 1e-6, "m") for name, n in zip("zx", (4, 5))}
    signals = {name: Signal(plane, axes, "1/m", "attenuation", "image") for name, plane in planes.items()}
    nexus.write(Result("data", signals), folder / "result.h5")
    images = shown(write(folder).read_text())["images"]
    assert [one["title"] for one in images] == ["attenuation (data)", "attenuation (data-zx)"]
    assert images[0]["names"] == ["z", "x"]


def test_a_run_without_a_result_and_one_with_a_damaged_one_have_a_report(folder):
    (folder / "result.h5").write_bytes(b"no HDF5")
    page = write(folder).read_text()
    assert "There is no image of this run" in page and "result.h5" in page.partition("<h2>Warnings")[2]
    (folder / "result.h5").unlink()
    status.write(
        folder, {"nanompi": 1, "name": "star", "state": "failed", "message": "disk is full", "code": 4}
    )
    assert "disk is full" in write(folder).read_text()


def test_the_old_report_stays_where_a_new_one_cannot_be_written(folder):
    (folder / "report.html").mkdir()
    with pytest.raises(ResourceError, match=r"report\.html"):
        write(folder)
    assert [p.name for p in folder.glob("*.tmp")] + [p.name for p in folder.glob(".*.tmp")] == []


def test_parameters_that_differ_are_those_that_somebody_chose(tmp_path):
    from nanompi.job.job import read_job
    from nanompi.job.resolve import resolved
    from nanompi.methods import discover

    discover()
    job = tmp_path / "job.yaml"
    job.write_text(
        "nanompi: 1\ninput: {simulate: {frames: 60}}\n"
        "steps: [{use: ptycho, probe: {modes: 2}, engines: DM*3 ML*2}]\n"
    )
    found = {one.place: (one.value, one.default) for one in differing(resolved(read_job(str(job))))}
    del found["input: format"]
    assert found == {
        "input: simulate.frames": ("60", "400"),
        "ptycho: probe.modes": ("2", "1"),
        "ptycho: engines": ("DM*3 ML*2", "DM*100 ML*100"),
    }


def test_several_runs_are_compared_on_one_page(folder, tmp_path, monkeypatch, capsys):
    other = folder.parent / "run-0002"
    other.mkdir()
    made = result()
    made.signals["phase"].data = made.signals["phase"].data + 0.3
    made.signals["amplitude"].data = made.signals["amplitude"].data * 2
    nexus.write(made, other / "result.h5")
    status.write(other, {"nanompi": 1, "name": "star", "state": "done", "code": 0})
    for run, text in ((folder, "a"), (other, "b")):
        (run / "job.resolved.yaml").write_text(
            f"nanompi: 1\nname: {text}\ninput: {{lag: {1 if text == 'a' else 2}}}\n"
        )
    monkeypatch.chdir(tmp_path)
    assert main(["report", "star/run-0001", "star/run-0002", "--out", "both.html"]) == 0
    assert capsys.readouterr().out == "both.html\n"
    page = (tmp_path / "both.html").read_text()
    rows = {row[0]["name"].partition(" ")[2]: row for row in shown(page)["rows"]}
    assert [one["title"] for one in rows["phase"]] == ["run-0001", "run-0002", "run-0002 minus run-0001"]
    assert np.abs(rows["phase"][2]["range"]).max() < 1e-5 and rows["amplitude"][2]["range"][1] > 0.5
    assert (
        len({one["group"] for one in rows["phase"]}) == 1
        and rows["phase"][0]["low"] == rows["phase"][1]["low"]
    )
    assert "input: lag" in page and [one["lines"][1]["name"] for one in shown(page)["history"]] == [
        "run-0002"
    ]
    with pytest.raises(JobError, match="13 runs"):
        several.compare([folder] * 13, tmp_path / "many.html")


def test_the_verb_writes_the_page_of_one_run_into_its_folder(folder, monkeypatch, capsys):
    (folder / "job.resolved.yaml").write_text("nanompi: 1\n")
    monkeypatch.chdir(folder.parents[1])
    assert main(["report", "star/run-0001"]) == 0 and capsys.readouterr().out == "star/run-0001/report.html\n"
    assert (folder / "report.html").stat().st_size > 10_000


def test_maps_of_one_row_are_compared_where_they_lie():
    from nanompi.report.image_difference import _shift

    row = np.arange(6.0)[None]
    assert _shift(row, row) == (0, 0)


def test_title_and_sample_stand_at_its_head(folder):
    """Those of the job while there is no result, then what the result says; no title that is but the name"""
    job = folder / "job.resolved.yaml"
    job.write_text('nanompi: 1\nabout: {title: "a <b>star</b>", sample: gold on SiN, user: me}\n')
    made = result()
    page = write(folder).read_text()
    assert "<small>title</small> a &lt;b&gt;star&lt;/b&gt;" in page and "gold on SiN" in page
    made.notes = {"about": {"title": "star", "sample": "tungsten", "user": 5}}
    nexus.write(made, folder / "result.h5")
    job.write_text("nanompi: 1\nabout: {title: [1], sample: ''}\n")
    page = write(folder).read_text()
    assert "<small>title</small>" not in page and "<small>sample</small> tungsten" in page


def test_signals_at_hand_make_the_page_that_their_file_makes(folder):
    """A live view does not read what it has just written."""
    (y, x), axes = np.indices((30, 40)), {name: (np.arange(n) * 1e-8, "m") for name, n in zip("yx", (30, 40))}
    seen = np.where(x > 5, 1.0, 0.0).astype(np.float32)
    spot = (np.exp(-((y - 15) ** 2 + (x - 20) ** 2) / 50) * np.exp(0.2j * x)).astype(np.complex64)
    signals = {
        "phase": Signal(np.sin(x * y / 50).astype(np.float32), axes, "rad", "phase", "angle", seen, 1.0),
        "probe": Signal(np.stack([spot, spot * 0.5]), axes, "", "probe", "modes"),
        "Fe": Signal((x + y).astype(np.float32), axes, "counts", "Fe, so far", "map"),
    }
    nexus.write(Result("phase", signals), folder / "result.h5", packed=False)
    of_file, at_hand = (shown(write(folder, signals=one).read_text()) for one in (None, signals))
    both = [page["images"] + page["small"] for page in (of_file, at_hand)]
    assert [one["name"] for one in both[0]] == ["phase", "Fe", "probe 1", "probe 2"]
    for one, other in zip(*both, strict=True):
        places = [image.pop("axes") for image in (one, other)]  # a file has them in µm
        assert one == other and places[0]["x"][:2] == pytest.approx(places[1]["x"][:2], rel=1e-12)


def test_a_run_without_a_name_has_a_page(folder):
    """As one that has just begun: its title is that of its folder."""
    status.write(folder, {"nanompi": 1, "state": "running"})
    assert "<h1>star" in write(folder).read_text()
