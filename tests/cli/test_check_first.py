"""What a run would refuse when its data are loaded is refused before; numbers that nobody can solve are no
fault of the program."""

from types import SimpleNamespace

import numpy as np
import pytest

from nanompi.cli import main
from nanompi.errors import DataError, JobError, NumbersError
from nanompi.job.job import read_job
from nanompi.job.open_input import look
from nanompi.methods import discover
from nanompi.methods.image.denoise import Denoise
from nanompi.methods.ptycho.positions import check_span
from nanompi.methods.tomo import flat
from nanompi.methods.tomo.centre.opposite import _inverse
from nanompi.methods.tomo.flat import light_of
from nanompi.run.foresight import foresee
from nanompi.run.perform import _solvable
from nanompi.run.reading import open_data

XRD = "{format: xrd.simulate, simulate: {rows: 1, columns: 1, size: 64}}"
XANES = "{format: xanes.simulate, simulate: {energies: 30, size: 16}}"
XRF = "{format: xrf.simulate, simulate: {rows: 2, columns: 3, detectors: 2"
TOMO = "{format: tomo.simulate, simulate: {angles: 20, size: 32, rows: 3}}"
SCAN = "{simulate: {frames: 9, size: 16}}"
VARIED = "{use: ptycho, positions: true, probe: {varies: 1}}"
PEAKS = "{use: xrd.peaks, windows: [[1, 2], [3, 4]]}"
PLANE = "{use: xrd.strain, reference: {a: 5.4 A, hkl: [[1, 1, 1]]}}"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    discover()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(given: str, steps: str) -> str:
    with open("job.yaml", "w") as file:
        file.write(f"nanompi: 1\ninput: {given}\nsteps: [{steps}]\n")
    return "job.yaml"


@pytest.mark.parametrize(
    "given, steps, words",
    [
        (SCAN, VARIED, "frames do not move with `probe: {varies: 1}`"),
        (
            SCAN,
            "{use: ptycho, engines: DM*5, positions: true}",
            "no iteration of ML is one in which they move",
        ),
        (XRD, "xrd.texture", "1 sectors are too few"),
        (XRD, f"{PEAKS}, {PLANE}", "1 planes for 2 windows"),
        (XRD, "{use: xrd.integrate, range: [5, 1]}", "range: two rising numbers"),
        (XANES, "{use: xanes.lcf, range: [7110]}", "[7110.0] is no range"),
    ],
)
def test_the_job_alone_tells(given, steps, words):
    """With its line, by `check --no-data` and by `run`"""
    with pytest.raises(JobError) as caught:
        read_job(written(given, steps))
    assert words in str(caught.value) and str(caught.value).startswith("job.yaml:3:")


@pytest.mark.parametrize(
    "given, steps, words",
    [
        (SCAN, "{use: ptycho, presolve: DM*2}", "frames of 16 x 16 pixels are too small to be halved"),
        (XANES, "{use: xanes.peaks, windows: [[7112, 7112.5]]}", "of the 30 values of a pattern"),
        (XANES, "{use: xanes.lcf, range: [20, 141]}", "holds none of the energies, 7072 to 7202 eV"),
        (TOMO, "tomo.align", "projections of 3 x 32 px are too small to be compared"),
        (XRD, "{use: xrd.integrate, range: [80, 90]}", "range: no pixel is there; they cover 0 to 5.606 deg"),
        (XRF + ", dead: 2}}", "xrf.fit", "2 of 2 detectors"),
        (XRF + ", energy: 1 keV}}", "xrf.fit", "1000 eV does not excite"),
        (XRF + ", energy: 4 keV}}", "xrf.fit", "4000 eV does not excite all elements"),
        ("{simulate: {frames: 1, size: 16, sample: species}}", "map.stxm", "scan no field that has a sample"),
        ("{simulate: {frames: 3, size: 16, sample: balls}}", "map.stxm", "scan no field that has a sample"),
    ],
)
def test_the_input_tells_without_being_loaded(given, steps, words, capsys):
    assert main(["check", written(given, steps)]) in (2, 3)
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    "given, steps, words, good",
    [
        (SCAN, "{use: ptycho, presolve: DM*2}", "too small to be halved", "input.simulate.size=32"),
        (TOMO, "tomo.align", "too small to be compared", "input.simulate.rows=5"),
        (TOMO.replace("rows: 3", "span: 3 deg"), "tomo", "cover 3 degrees", "input.simulate.span=90 deg"),
        (
            XANES,
            "{use: xanes.peaks, windows: [[7112, 7119]]}",
            "a peak needs 8",
            "input.simulate.energies=200",
        ),
        (
            XANES,
            "{use: xanes.normalise, e0: 7300}",
            "not within the energies",
            "steps.xanes.normalise.e0=7112",
        ),
    ],
)
def test_a_run_refuses_before_it_loads(given, steps, words, good):
    """In the words of check, with the same limits"""
    look([read_job(written(given, steps), [good])])
    job = read_job(written(given, steps))
    with pytest.raises((DataError, JobError), match=words):
        look([job])
    data = next(iter(open_data("", job.input, job.reader).values()))
    run = SimpleNamespace(team=SimpleNamespace(on_root=lambda work: work()), folder=None, data={"data": data})
    with pytest.raises((DataError, JobError), match=words):
        foresee(run, job, job.steps)


def test_positions_in_another_unit_are_told_before_the_frames_are_loaded():
    """Farther apart than a quarter of a pixel of whole frames, they may lie apart in cropped ones"""
    places = np.array([[0.0, 0.0], [0.0, 3e-9]])
    check_span(places, (1e-8, 1e-8))
    check_span(places[:1], (1e-8, 1e-8))
    with pytest.raises(DataError, match=r"spans 0 x 0.0003 pixels of .* all frames lie on one pixel"):
        check_span(places / 1000, (1e-8, 1e-8))


def test_a_map_of_one_pixel_stays_one():
    for method in ("median", "gaussian"):
        made = Denoise(method=method)._denoised(np.full((1, 1), 3.0), False)
        assert made.shape == (1, 1) and made[0, 0] == 3


def test_equations_without_a_solution_are_told_as_numbers():
    with pytest.raises(NumbersError, match="one, two: the data do not determine") as caught:
        with _solvable([SimpleNamespace(name="one"), SimpleNamespace(name="two")]):
            np.linalg.inv(np.zeros((2, 2)))
    assert caught.value.code == 5


def test_of_projections_without_noise_the_pseudoinverse_serves():
    one = np.ones((1, 2, 2))
    assert np.allclose(_inverse(one), one / 4) and np.allclose(_inverse(2 * np.eye(2)), np.eye(2) / 2)


def test_what_start_refuses_is_read_once(monkeypatch):
    """Flat images: by `start`, not by a look ahead and `start`"""
    read = []
    monkeypatch.setattr(flat, "light_of", lambda *given: read.append(1) or light_of(*given))
    file = written("{format: tomo.simulate, simulate: {angles: 20, size: 32, rows: 3}}", "tomo.flat")
    assert main(["run", file, "--quiet"]) == 0 and read == [1]
