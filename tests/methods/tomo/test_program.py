"""Tomograms from the command line: files found by themselves, faults told by check before the run."""

import h5py
import numpy as np
import pytest

from nanompi.cli import main
from tests.methods.tomo.files import COLUMNS, ROWS, scene, write_exchange, write_nxtomo

JOB = """nanompi: 1
name: scan
input: {{file: {file}{more}}}
steps: [{{use: tomo.centre, value: 11}}, tomo]
"""


@pytest.fixture
def said(tmp_path, monkeypatch, capsys):
    """`said(verb, file, more)`: (exit code, all that was said) of a job with this file"""
    monkeypatch.chdir(tmp_path)

    def call(verb, file, more="", *words):
        (tmp_path / "job.yaml").write_text(JOB.format(file=file, more=more))
        code = main([verb, "job.yaml", *words])
        out = capsys.readouterr()
        return code, out.out + out.err

    return call


@pytest.mark.parametrize("write", [write_exchange, write_nxtomo])
def test_a_file_is_found_by_itself_and_becomes_slices(said, tmp_path, write):
    """Each slice sums to the mass of the phantom: 12 or 5 projections of 24 columns with 2000 counts leave
    up to 2 % of noise"""
    write(tmp_path / "scan.h5")
    code, text = said("run", "scan.h5")
    assert code == 0 and write.__name__.removeprefix("write_") in text.replace("dxchange", "exchange")
    with h5py.File(tmp_path / "runs/scan/latest/result.h5") as f:
        volume = f["entry_1/data/data"][()]
        pixel = float(np.diff(f["entry_1/data/x"][:2])[0])
        unit = f["entry_1/data/data"].attrs["units"]
    assert volume.shape == (ROWS, COLUMNS, COLUMNS)
    assert (unit, pixel) == (("1/m", pytest.approx(6.5)) if write is write_nxtomo else ("1/px", 1))
    scale = 6.5e-6 if write is write_nxtomo else 1
    mass = np.array([scene().phantom.mass(row, ROWS) for row in range(ROWS)])
    assert volume.sum((1, 2)) * scale == pytest.approx(mass, rel=0.06)


FAULTS = {
    "flats": (lambda f: f.pop("/exchange/data_white"), "", 3, "tomo.flat needs flat images"),
    "angles": (lambda f: f.pop("/exchange/theta"), "", 3, "has no angles"),
    "span": (lambda f: f.pop("/exchange/theta"), ", span: 180 deg", 0, "no faults"),
    "radians": (lambda f: f["/exchange/theta"].__setitem__(..., np.arange(12) / 4), "", 3, "slice needs 180"),
    "unit of": (lambda f: None, ", units: {theta: deg}", 2, '"theta" is not one of angle, pixel'),
    "unit": (lambda f: None, ", units: {angle: m}", 3, '"m" is not a unit that fits here'),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_check_tells_what_the_run_would_refuse(said, tmp_path, fault):
    spoil, more, want, words = FAULTS[fault]
    write_exchange(tmp_path / "scan.h5")
    with h5py.File(tmp_path / "scan.h5", "a") as f:
        spoil(f)
    code, text = said("check", "scan.h5", more)
    assert code == want and words in text, text
    if want:
        assert said("run", "scan.h5", more)[0] == want


def test_a_part_of_the_projections(said, tmp_path):
    """`select` takes angles along with the frames"""
    write_exchange(tmp_path / "scan.h5", n=24)
    code, text = said("run", "scan.h5", ', select: "::2"')
    assert code == 0 and "12 angle x 3 row x 24 column" in text and "warning" not in text


def test_axes_that_do_not_fit_are_told_without_data(tmp_path, capsys):
    """A slice has no angles any more: the second back-projection has nothing to work on"""
    job = tmp_path / "job.yaml"
    job.write_text("nanompi: 1\ninput: {format: tomo.simulate}\nsteps: [tomo, tomo]\n")
    assert main(["check", str(job), "--no-data"]) == 2
    text = capsys.readouterr().err
    assert "job.yaml:3:" in text and "steps.tomo:" in text and "angle, column" in text, text


@pytest.mark.parametrize("write", [write_exchange, write_nxtomo])
def test_a_first_job_for_a_tomogram_has_steps_of_tomography(said, tmp_path, write):
    write(tmp_path / "scan.h5")
    assert main(["init", "first.yaml", "--from", "scan.h5", "--level", "expert"]) == 0
    assert main(["check", "first.yaml"]) == 0
    text = (tmp_path / "first.yaml").read_text()
    steps = [line.split()[2] for line in text.splitlines() if "- use:" in line]
    assert steps == ["tomo.flat", "tomo.stripes", "tomo.centre", "tomo"]
    assert "  # rows: " in text and "  # span: null" in text


@pytest.mark.slow
def test_try_makes_a_slice_of_the_middle_row_for_each_axis(said, tmp_path, drawn):
    """What is tried stands in table and folder, and is what the slice was made with: tomocupy wrote another
    number into the names of its pictures (issue 76). Columns off the detector have no result, with words"""
    write_exchange(tmp_path / "scan.h5", n=24)
    code, text = said("try", "scan.h5", "", "steps.tomo.centre.value", "9", "25", "8")
    where = tmp_path / "runs/scan/sweep-0001"
    assert code == 7 and "tomo.centre.value: 25 px is not between the columns 0 and 23" in text
    slices = {}
    for folder in sorted(where.glob("0*")):
        tried = float(folder.name.split("=")[1])
        log = (folder / "logs/rank-0000.log").read_text()
        if tried < 23:
            assert f"tomo.centre: column {tried:g} is given" in log
            with h5py.File(folder / "result.h5") as f:
                slices[tried] = f["entry_1/data/data"][()]
    assert [s.shape for s in slices.values()] == [(1, COLUMNS, COLUMNS)] * 2
    assert abs(slices[9.0] - slices[17.0]).max() > 0.1 * abs(slices[9.0]).max()
    second = (where / "0001-value=17/logs/rank-0000.log").read_text()
    assert "tomo.stripes" not in second and "1 row x 24 angle x 24 column, float32" in second
    assert (where / "contact.png").exists()


def test_inspect_says_what_one_looks_for_first(tmp_path, capsys):
    write_nxtomo(tmp_path / "scan.nxs")
    assert main(["inspect", str(tmp_path / "scan.nxs")]) == 0
    said = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert said["flat"] == "4 images" and said["dark"] == "2 images" and said["angle"].endswith(" deg"), said


def test_every_part_of_tomography_has_a_page(capsys):
    from nanompi.methods import discover

    known = discover()
    names = {n for kind in known for n in known[kind] if n.split(".")[0] in ("tomo", "nxtomo", "dxchange")}
    assert {"tomo", "tomo.centre", "tomo.fsc"} <= names
    for name in sorted(names):
        assert main(["methods", name]) == 0, name
        assert capsys.readouterr().out.startswith(f"{name} ("), name
