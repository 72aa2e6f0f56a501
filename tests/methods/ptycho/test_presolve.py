"""Presolve: the same scan at half resolution, and what it is worth as a start."""

import h5py
import numpy as np
import pytest

from nanompi.cli import main
from nanompi.errors import DataError
from nanompi.methods.ptycho.engines.engine import run_chain
from nanompi.methods.ptycho.engines.ml import ML
from nanompi.methods.ptycho.engines.projections import DM
from nanompi.methods.ptycho.engines.state import chain_state
from nanompi.methods.ptycho.presolve import cut_out, halved, laid_in, laid_out, lowest, presolve
from nanompi.methods.ptycho.quality import figures
from nanompi.run.control import Control
from tests.methods.ptycho.scenes import draw, geometry_of, make, phase_error, problem
from tests.methods.ptycho.test_scenes import at_truth

SMALL = {"frames": 60, "n": 64, "photons": 1e5, "step": 0.1}


def quiet(text: str):
    """No log"""


@pytest.mark.parametrize("n, half", [(8, 4), (9, 4), (10, 5), (33, 16)])
def test_the_lowest_frequencies_are_cut_out(n, half):
    assert np.array_equal(np.fft.fftfreq(n, 1 / n)[lowest(n, half)], np.fft.fftfreq(half, 1 / half))


@pytest.mark.parametrize("shape, half", [((16, 12), (8, 6)), ((17, 14), (8, 7))])
def test_a_probe_is_cut_out_and_laid_in(shape, half):
    """Photons stay, and what is laid in is the same beam at each point of the coarse grid"""
    rng = np.random.default_rng(1)
    coarse = rng.normal(size=(2, *half)) + 1j * rng.normal(size=(2, *half))
    fine = laid_in(coarse, shape)
    assert (abs(fine) ** 2).sum() == pytest.approx((abs(coarse) ** 2).sum())
    assert np.allclose(cut_out(fine, half), coarse)
    if shape[0] == 2 * half[0]:
        assert np.allclose(2 * fine[:, ::2, ::2], coarse)


def test_an_object_is_laid_out_where_it_was():
    """A wave that both grids hold, to the 1e-3 of the sinc that is cut off"""
    y, x = np.indices((60, 50))
    fine = np.exp(0.1j * (y + 2 * x))
    out = laid_out(fine[::2, ::2], (16, 16), (32, 32), (60, 50))
    assert abs(out - fine)[12:-12, 12:-12].max() < 2e-3 and out.shape == fine.shape


@pytest.mark.parametrize("more", [{}, {"subpixel": True}, {"n": 50}, {"modes": (0.7, 0.3)}])
def test_the_truth_meets_the_middle_of_the_frames(more):
    """An object of 1 rad has little light that the coarse grid cannot hold: 0.99 to 1.04 at the truth, 1.29
    to 1.65 where every other frame lies a pixel off"""
    scene = make(draw(4, **(SMALL | {"phase": 1.0, "absorbed": 0.1} | more)))
    p = at_truth(scene)
    q = halved(p, geometry_of(scene))
    assert q.mask.shape == tuple(n // 2 for n in p.mask.shape) and len(q.at) == len(p.at)
    assert figures(q)["llk"] == pytest.approx(1, abs=0.06)
    q.at[:, 0] += np.arange(len(q.at)) % 2
    assert figures(q)["llk"] > 1.2


def test_a_strong_object_ends_nearer_to_the_truth():
    """6 rad, the same chain with and without a presolve: 0.05 and 0.17 rad were reached"""
    scene, errors = make(draw(7, **(SMALL | {"phase": 6.0, "n": 32}))), {}
    for name in ("without", "with"):
        p = problem(scene)
        if name == "with":
            presolve(p, geometry_of(scene), [DM(iterations=50)], 50, quiet)
        run_chain([DM(iterations=10), ML(iterations=10)], p, 50, quiet)
        errors[name] = phase_error(p, scene)
    assert errors["with"] < min(0.08, 0.5 * errors["without"]), errors


# ---- in a run


JOB = """
nanompi: 1
name: x
input: {{simulate: {{frames: 100, size: {size}, photons: 1e5}}{more}}}
steps:
  - ptycho.prepare
  - use: ptycho
    probe: {{start: aperture, aperture: 40 um, focal: 100 mm, defocus: 1 mm}}
    presolve: {presolve}
    engines: {engines}
run: {{device: cpu}}
"""


def job(folder, presolve="DM*4 ML*2", engines="ML*3", size=32, more=""):
    (folder / "job.yaml").write_text(JOB.format(**locals()))
    return str(folder / "job.yaml")


def test_a_run_keeps_the_history_of_the_presolve(tmp_path, monkeypatch, capsys):
    """Beside that of the engines, which count from 1 (with two iterations more with all frames)"""
    monkeypatch.chdir(tmp_path)
    assert main(["run", job(tmp_path)]) == 0
    with h5py.File(tmp_path / "runs/x/latest/result.h5") as f:
        one = f["entry_1"]
        assert [name.decode() for name in one["presolve/engine"]] == ["DM"] * 4 + ["ML"] * 2
        assert list(one["history/iteration"]) == [1, 2, 3, 4, 5] and one["presolve/R"][-1] < 0.5
    said = capsys.readouterr().out
    assert "presolve: at half resolution, the middle 16 x 16 pixels" in said and "presolve    DM    4" in said


@pytest.mark.parametrize(
    "how, words",
    [
        ({"more": ", focus: 2 mm"}, ["far field", "take presolve out"]),
        ({"engines": "ML*0"}, ["at full resolution", "DM*40 ML*50"]),
        ({"presolve": "DM*0"}, ["no iteration stands in it"]),
        ({"presolve": "DMM*3"}, ['unknown engine "DMM"', "steps.ptycho.presolve"]),
        ({"size": 24}, ["24 x 24", "too small", "32 x 32"]),
    ],
)
def test_what_cannot_be_presolved(tmp_path, monkeypatch, capsys, how, words):
    monkeypatch.chdir(tmp_path)
    verb = "run" if "size" in how else "check"
    assert main([verb, job(tmp_path, **how)]) == 2
    said = capsys.readouterr()
    assert all(word in said.out + said.err for word in words) and "Traceback" not in said.err


def test_none_is_no_presolve(tmp_path, capsys):
    """As a job writes it to take that of another away, and as the resolved job has it"""
    assert main(["check", job(tmp_path, presolve="null", engines="DM*3")]) == 0
    assert "fits" not in capsys.readouterr().err


def test_a_dark_middle_is_told():
    scene = make(draw(4, frames=9, n=32))
    p = problem(scene)
    p.I = np.zeros_like(p.I)
    with pytest.raises(DataError, match="no counts"):
        presolve(p, geometry_of(scene), [DM(iterations=1)], 1, quiet)


def asked(monkeypatch, name: str, after: int):
    """The run is asked to end, or to stop early, after so many iterations of presolve and engines together"""
    wishes = Control._wishes

    def wish(self):
        end, keep, stop, *more = wishes(self)
        now = self.done >= after
        return end or (now and name == "end"), keep, stop or (now and name == "stop"), *more

    monkeypatch.setattr(Control, "_wishes", wish)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The result of a run that nobody stops"""
    folder = tmp_path_factory.mktemp("whole")
    assert main(["run", job(folder), "--folder", str(folder / "run")]) == 0
    return arrays(folder / "run")


def arrays(folder) -> dict[str, np.ndarray]:
    with h5py.File(folder / "result.h5") as f:
        return {name: f[f"entry_1/{name}"][()] for name in ("object/data", "probe/data", "presolve/error")}


@pytest.mark.slow
@pytest.mark.parametrize("after", [3, 5])
def test_a_run_that_was_stopped_in_it_goes_on_to_the_same_result(tmp_path, monkeypatch, capsys, whole, after):
    """In DM, and in ML, which remembers more; to the bit on the same number of ranks"""
    folder = tmp_path / "run"
    with monkeypatch.context() as patch:
        asked(patch, "end", after)
        assert main(["run", job(tmp_path), "--folder", str(folder)]) == 75
    assert f"after iteration {after}; go on with: nanompi resume" in capsys.readouterr().err
    assert main(["resume", str(folder)]) == 0
    for name, values in arrays(folder).items():
        assert np.array_equal(values, whole[name]), name


@pytest.mark.slow
def test_the_file_stop_ends_it_with_a_full_result(tmp_path, monkeypatch, whole):
    """Of one iteration at full resolution, which starts from what the presolve has by then"""
    asked(monkeypatch, "stop", 3)
    assert main(["run", job(tmp_path), "--folder", str(tmp_path / "run")]) == 0
    with h5py.File(tmp_path / "run/result.h5") as f:
        one = f["entry_1"]
        assert len(one["presolve/R"]) == 3 and len(one["history/R"]) == 1 and one["history/R"][-1] < 1
        words = one["process_1/verdict/words"][()].decode()
    assert "iterations" in words, words


def test_checkpoints_know_its_history():
    scene = make(draw(4, frames=9, n=32))
    p, engines = problem(scene), [ML(iterations=2)]
    presolve(p, geometry_of(scene), [DM(iterations=2)], 9, quiet)
    engines[0].start(p)
    rows = chain_state(p, engines[0], 0, 0, []).facts["presolve"]
    assert [row["iteration"] for row in rows] == [1, 2] and "R" in rows[-1]
