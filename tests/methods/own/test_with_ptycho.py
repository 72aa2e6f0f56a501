"""Functions of users beside ptychography: on its frames, before and after it."""

import h5py
import numpy as np
import pytest

from nanompi.cli import main

JOB = """
nanompi: 1
name: x
input: {{simulate: {{frames: 25, size: 32, photons: 1e5}}}}
steps: {steps}
run: {{device: cpu}}
"""
MINE = """
import numpy as np

def kept(block, info):
    return block.astype(np.float64)
kept.takes = "frames"

def halved(block, info):
    return block // 2
halved.takes = "frames"

def doubled(block, info):
    return 2 * block

from nanompi.step import item

def named(block, info):
    return {"phase": block.sum((1, 2)), "object": block.sum((1, 2)), "process_1": block.sum((1, 2))}
named.gives = {name: item() for name in ("phase", "object", "process_1")}
"""
PTYCHO = (
    "{use: ptycho, probe: {start: aperture, aperture: 40 um, focal: 100 mm, defocus: 1 mm}, engines: AP*3}"
)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """`run(steps)`: exit code, and the file of the result"""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(MINE)

    def start(*steps):
        (tmp_path / "job.yaml").write_text(JOB.format(steps=f"[{', '.join(steps)}]"))
        return main(["run", "job.yaml"]), tmp_path / "runs" / "x" / "latest" / "result.h5"

    return start


def read(path, *names):
    with h5py.File(path) as file:
        return [file[f"entry_1/{name}"][()] for name in names]


@pytest.mark.slow
def test_a_function_of_the_frames_stands_between_prepare_and_ptycho(run):
    """The same counts in float64, the same object; half of the counts, half of the photons in the probe"""
    names = ("object/data", "probe/data")
    (code, path), found = run("ptycho.prepare", PTYCHO), {}
    found["without"] = read(path, *names)
    assert code == 0
    for name in ("kept", "halved"):
        code, path = run("ptycho.prepare", f"{{python: mine.py:{name}}}", PTYCHO)
        assert code == 0
        found[name] = read(path, *names)
    assert np.allclose(found["kept"][0], found["without"][0], atol=1e-6)
    power = {name: (np.abs(probe) ** 2).sum() for name, (_, probe) in found.items()}
    assert power["kept"] == pytest.approx(power["without"], rel=1e-6)
    assert power["halved"] == pytest.approx(power["without"] / 2, rel=0.05)


def test_a_function_of_the_stored_frames_behind_ptycho(run):
    code, path = run(PTYCHO, "{python: mine.py:doubled}")
    assert code == 0
    doubled, image = read(path, "data/data", "phase/data")
    assert doubled.shape == (25, 32, 32) and np.all(doubled % 2 == 0) and doubled.any() and image.any()


def test_ptycho_does_not_load_again_what_a_step_has_changed(run, capsys):
    code, _ = run("{python: mine.py:doubled}", PTYCHO)
    said = capsys.readouterr()
    said = said.out + said.err
    assert code == 2 and "ptycho.prepare reads the data as they are stored" in said


def test_results_of_a_step_stand_beside_those_of_the_same_name(run, capsys):
    """They overwrite nothing, and the reconstruction is not lost for a name"""
    code, path = run(PTYCHO, "{python: mine.py:named}")
    assert code == 0
    phase, image = read(path, "phase/data", "object/data")
    sums = read(path, *(f"{name}_2/data" for name in ("phase", "object", "process_1")))
    assert phase.ndim == image.ndim == 2 and {a.shape for a in sums} == {(25,)}
    said = "warning: phase is a name that the result has already; that of a step is phase_2 in it"
    assert said in capsys.readouterr().out
