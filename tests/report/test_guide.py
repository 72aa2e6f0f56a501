"""The guide of the manual says what is true: of logs, of results, of wrong scans."""

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import h5py
import numpy as np
import pytest

from nanompi.cli import main
from nanompi.job.job import read_job
from nanompi.methods import discover
from nanompi.methods.ptycho.engines import engine
from nanompi.report import manual
from nanompi.report.manual import guide
from nanompi.report.manual.codes import exit_codes
from nanompi.report.manual.gallery import kinds
from nanompi.report.manual.log_lines import explained, lines
from nanompi.report.manual.result_table import paths, row_of
from nanompi.workflow.gallery import JOB, SCAN, make
from tests.browser import SEEN, page
from tests.patience import patience

discover()
JOBS = {  # small ones, of which the results hold all that the table names
    "star": (
        "simulate: {frames: 60, size: 32, photons: 1e5}",
        "{use: ptycho, probe: {varies: 1}, engines: DM*6 ML*6, heldout: 0.1}",
    ),
    "moved": (
        "simulate: {frames: 60, size: 32, photons: 1e5}",
        "{use: ptycho, engines: DM*6 ML*6, positions: true, frc: halves}",
    ),
    "slices": ("format: tomo.simulate, simulate: {angles: 40, size: 48, rows: 4}", "tomo"),
    "maps": ("simulate: {frames: 30, size: 32}", "map.stxm"),
    "rings": (
        "format: xrd.simulate, simulate: {rows: 3, columns: 3, size: 96, spots: 2}",
        "xrd.integrate, xrd.spots, xrd.strain",
    ),
    "spectra": ("format: xrf.simulate, simulate: {rows: 6, columns: 8}", "xrf.fit"),
}

FIGURE = re.compile(r"(?:   |left out: )([A-Za-z]\w*) [\d.]+")  # in a line of an engine, of frames left out
ELSEWHERE = {  # groups that larger jobs write (tests/test_jobs.py looks that all of theirs have a row)
    *("alignment", "presolve", "left_out", "background", "positions", "solutions", "starts", "average"),
    *("modes", "support", "pattern", "reconstruction", "instrument"),
}


def test_every_line_that_the_manual_shows_is_explained_by_itself():
    for line in lines():
        assert line.fits(line.shown), line
        assert explained(line.shown) is line, f"{line.shown}: explained by {explained(line.shown).like}"
    assert explained("something that no step says") is None


def test_the_exit_codes_are_those_of_the_errors():
    assert [code for code, _ in exit_codes()] == ["0", "1", "2", "3", "4", "5", "6", "7", "75", "128 + n"]
    assert all(text.endswith(".") and "exit code" not in text for _, text in exit_codes())


def test_the_first_row_that_fits_describes_a_path():
    assert row_of("entry_1/phase/data") == "entry_1/phase/data"
    assert row_of("/entry_1/process_1/job/run/device") == "entry_1/process_1/job/**"
    assert row_of("entry_1/history/step") == "entry_1/history/*" and row_of("entry_2/data") == ""


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.name)
def test_a_kind_of_the_gallery_is_a_job(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = ", ".join(f"{key}: {value}" for key, value in {**SCAN, **kind.made}.items())
    (tmp_path / "scan.yaml").write_text(JOB % f"simulate: {{{made}}}")
    job = read_job("scan.yaml", [f"{key}={str(value).lower()}" for key, value in kind.read.items()])
    assert job.reader.name == "simulate" and kind.looks.endswith(".") and kind.do.endswith(".")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A run of each small job: {name: its folder}"""
    top = tmp_path_factory.mktemp("guide")
    for name, (given, step) in JOBS.items():
        (top / f"{name}.yaml").write_text(f"nanompi: 1\ninput: {{{given}}}\nsteps: [{step}]\n")
        assert main(["run", str(top / f"{name}.yaml"), "--out", str(top / "runs")]) == 0
    return {name: top / "runs" / name / "latest" for name in JOBS}


@pytest.mark.slow
def test_the_reference_names_all_that_results_hold_and_nothing_else(runs):
    used, of_ptychography = set(), set()
    for name, folder in runs.items():
        with h5py.File(folder / "result.h5") as file:
            found = [*file]
            file.visit(found.append)
        assert [path for path in found if not row_of(path)] == []
        used |= {row_of(path) for path in found}
        of_ptychography |= {row_of(path) for path in found if name in ("star", "moved")}
    left = {row for row in set(paths()) - used if row.split("/")[1] not in ELSEWHERE}
    assert left <= {"entry_1/*/*/**"}  # groups of users' own steps
    assert {row for row in of_ptychography if row.startswith("entry_1/*")} <= {"entry_1/*", "entry_1/*/*"}


@pytest.mark.slow
def test_each_line_of_a_log_is_explained(runs):
    for folder in runs.values():
        said = next((folder / "logs").glob("*.log")).read_text().splitlines()
        assert len(said) > 5 and [line for line in said if line.strip() and not explained(line)] == []


@pytest.mark.slow
def test_methods_ptycho_explains_each_figure_of_log_and_history(runs, capsys):
    """Of counts, and of values that are none"""
    row = {"engine": "ML", "iteration": 7, "error": 0.1, "R": 0.1, "r2": 0.1, "photons": 1e5}
    said = [engine.line(row), engine.line(row | {"llk": 1.0})]
    used = set()
    for name in ("star", "moved"):
        said += next((runs[name] / "logs").glob("*.log")).read_text().splitlines()
        kept = map(json.loads, (runs[name] / "history.jsonl").read_text().splitlines())
        used |= {key for row in kept for key in row} - {"i", "t"}  # iteration and seconds
        with h5py.File(runs[name] / "result.h5") as file:
            used |= set(file["entry_1/history"])
    used |= {word for text in said for word in FIGURE.findall(text)}
    assert {"error", "r2", "llk", "intensity", "held", "confirmed", "step"} <= used
    assert main(["methods", "ptycho"]) == 0
    shown = capsys.readouterr().out.partition("figures of its log")[2]
    assert used - {text.split()[0] for text in shown.splitlines()[1:]} == set()


COMMANDS = ("nanompi", "sed", "cat")


@pytest.mark.slow
def test_the_tutorial_from_a_measured_file_is_true(tmp_path, shared_data):
    """Its commands run as they stand, and what it shows of their words is said; one fails, as it tells"""
    for name in ("2xfm_0010.mda", "axo_std.mda"):
        shutil.copy(shared_data(f"S3_xrf_2ide/{name}"), tmp_path)
    blocks = literals((Path(guide.__file__).parent / "measured.rst").read_text())
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    said, codes = "", []
    for block in blocks:
        if block.split()[0] in COMMANDS:
            done = subprocess.run(["bash", "-euc", block], cwd=tmp_path, text=True, stdout=-1, stderr=-2,
                                  env={**os.environ, "PATH": path}, timeout=patience(300))  # fmt: skip
            said, codes = done.stdout, [*codes, done.returncode]
        else:
            assert [line for line in block.splitlines() if line not in said] == [], said
    assert codes == [0, 3, 0, 0, 0, 0] and (tmp_path / "maps.npz").stat().st_size > 10_000
    with h5py.File(tmp_path / "runs/job/latest/result.h5") as file:
        areal = file["entry_1/Fe_K_areal/data"]
        assert areal.attrs["units"] == "ug/cm2" and abs(np.nanmean(areal) / 0.074 - 1) < 0.1


def literals(text: str) -> list[str]:
    """The literal blocks of a text, without their indentation"""
    found = re.findall(r"::\n\n((?:    .*\n|\n)+)", text)
    return [textwrap.dedent(block).strip() + "\n" for block in found]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Three kinds of the gallery, of smaller scans"""
    folder = tmp_path_factory.mktemp("pictures")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SCAN, "frames", 100)
        patch.setitem(SCAN, "size", 48)
        make(folder, ["good", "transposed", "few"], say=lambda text: None)
    return folder


@pytest.mark.slow
def test_the_gallery_shows_what_is_wrong_and_what_the_run_said(pictures):
    from PIL import Image

    words = {path.stem: json.loads(path.read_text()) for path in pictures.glob("*.json")}
    assert set(words) == {"good", "transposed", "few"}
    assert "orientation: 4" in words["transposed"]["paste"] and words["transposed"]["grade"] == "wrong"
    assert "few counts" in words["few"]["words"] and words["good"]["grade"] != "wrong"
    for name in words:
        assert np.asarray(Image.open(pictures / f"{name}.png").convert("L")).std() > 20
    text = manual.page(pictures)
    assert (
        text.count("data:image/png;base64,") == 4 and "orientation: 4" in text
    )  # one is in the tutorial, too


@pytest.mark.slow
@pytest.mark.parametrize("width, scheme", SEEN)
def test_the_page_is_in_order_in_a_browser(browser, pictures, width, scheme, tmp_path):
    (tmp_path / "manual.html").write_text(manual.page(pictures))
    with page(browser, width, scheme) as seen:
        seen.page.goto((tmp_path / "manual.html").as_uri())
        seen.page.fill("#find", "Paganin")
        assert seen.page.text_content("#count").startswith("1 of ")
        assert seen.page.locator("main section:visible").count() == 1
        seen.page.fill("#find", "")
        assert seen.page.locator("#step-tomo\\.phase math").first.bounding_box()["height"] > 10
        assert (seen.said, seen.asked) == ([], [(tmp_path / "manual.html").as_uri()])
        assert seen.faults_of_access() == [] and not seen.too_wide()
