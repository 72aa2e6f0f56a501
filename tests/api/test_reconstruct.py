"""`nanompi.reconstruct`, `run`, `load`: the bits of the command line, nothing left behind, all faults."""

import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

import nanompi
from nanompi.cli import main
from tests.api.scan import FEW, scan, stored


@pytest.fixture(scope="module")
def one():
    return scan()


@pytest.fixture(scope="module")
def result(one):
    """What most tests look at: reconstructed once."""
    return nanompi.reconstruct(one.frames, x=one.x, y=one.y, probe=one.probe, **one.known, **FEW)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_same_bits_as_the_command_line(one, result, here, capsys):
    assert main(["run", stored(one, here)]) == 0
    capsys.readouterr()
    for other in (nanompi.load("a"), nanompi.run("a.yaml")):
        np.testing.assert_array_equal(other.object, result.object)
        np.testing.assert_array_equal(other.probe, result.probe)
        np.testing.assert_array_equal(other.pixel, result.pixel)
        assert set(other.history) == set(result.history) and len(other.history["error"]) == 40
        for name, values in result.history.items():
            np.testing.assert_array_equal(other.history[name], values)
        assert other.verdict == result.verdict and other.verdict["grade"] == "good"
        assert set(other.signals) == set(result.signals) >= {"phase", "amplitude", "probe", "convergence"}
        np.testing.assert_array_equal(other.signals["phase"].data, result.signals["phase"].data)
    assert capsys.readouterr().out == ""


def test_nothing_is_written_and_nothing_printed(one, here, capsys):
    made = nanompi.reconstruct(one.frames, x=one.x, y=one.y, probe=one.probe, **one.known, **FEW)
    assert list(here.iterdir()) == [] and capsys.readouterr() == ("", "")
    assert "36 frames of 32 x 32" in made.log and made.folder is None and made.root


def test_a_folder_is_a_run_folder(one, result, here):
    made = nanompi.reconstruct(
        one.frames, x=one.x, y=one.y, probe=one.probe, folder=here / "b", **one.known, **FEW
    )
    names = {path.name for path in (here / "b").iterdir()}
    assert {"result.h5", "job.yaml", "status.json", "logs"} <= names
    np.testing.assert_array_equal(made.object, result.object)
    np.testing.assert_array_equal(nanompi.load(here / "b").object, result.object)


def test_the_program_is_left_as_it_was(one):
    from threadpoolctl import threadpool_info

    def state():
        blas = sorted((info["prefix"], info["num_threads"]) for info in threadpool_info())
        handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
        return blas, handlers, dict(os.environ), sys.stdout, {t.name for t in threading.enumerate()}

    before = state()
    nanompi.reconstruct(
        one.frames, x=one.x, y=one.y, probe=one.probe, **one.known, **FEW | {"run": {"threads": 2}}
    )
    assert state() == before


@pytest.mark.parametrize("kind", ["um", "units", "astropy", "raster", "list"])
def test_places_with_units(one, result, kind):
    class Quantity:  # as astropy has them
        def __init__(self, value):
            self.value, self.unit, self.shape = value, "um", value.shape

    x, y = one.x * 1e6, one.y * 1e6
    given = {
        "um": {"x": (x, "um"), "y": (y, "um")},
        "units": {"x": x, "y": y, "units": {"x": "um", "y": "um"}},
        "astropy": {"x": Quantity(x), "y": Quantity(y)},
        "raster": {"positions": (np.stack([y, x], 1), "um")},
        "list": {"x": one.x.tolist(), "y": one.y.tolist()},
    }[kind]
    made = nanompi.reconstruct(one.frames, **given, probe=one.probe, **one.known, **FEW)
    np.testing.assert_allclose(
        made.array("positions/measured"), result.array("positions/measured"), rtol=1e-12
    )


def test_texts_and_pairs_with_units(one):
    known = {"energy": (one.known["energy"], "keV"), "distance": f"{one.known['distance'] * 100} cm"}
    known["pixel"] = np.full(2, one.known["pixel"])
    made = nanompi.reconstruct(one.frames, x=one.x, y=one.y, probe=one.probe, **known, **FEW)
    assert made.notes["geometry"]["energy"] == pytest.approx(one.known["energy"] * 1.602176634e-16)
    assert made.notes["geometry"]["distance"] == pytest.approx(one.known["distance"])


class Lazy:
    """Frames that are read by slices alone; it counts what is asked for at once."""

    def __init__(self, frames):
        self.frames, self.shape, self.dtype, self.most = frames, frames.shape, frames.dtype, 0

    def __getitem__(self, place):
        assert isinstance(place, tuple) and all(isinstance(p, slice | int) for p in place)
        out = self.frames[place]
        self.most = max(self.most, len(out))
        return out


def test_frames_that_are_read_lazily(one, result, here):
    import h5py

    keywords = {"x": one.x, "y": one.y, "probe": one.probe, **one.known, **FEW}
    with h5py.File(here / "a.h5", "w") as file:
        file.create_dataset("frames", data=one.frames, chunks=(4, 32, 32), compression="gzip")
    with h5py.File(here / "a.h5") as file:
        np.testing.assert_array_equal(nanompi.reconstruct(file["frames"], **keywords).object, result.object)
    raster = Lazy(one.frames.reshape(6, 6, 32, 32))
    np.testing.assert_array_equal(nanompi.reconstruct(raster, **keywords).object, result.object)
    assert 0 < raster.most <= 6


def test_frames_of_the_caller_stay_as_they_are(one):
    frames = one.frames.copy()
    frames.flags.writeable = False
    nanompi.reconstruct(
        frames, x=one.x, y=one.y, probe=one.probe, mask=np.ones((32, 32), bool), **one.known, **FEW
    )
    np.testing.assert_array_equal(frames, one.frames)


def test_a_mask_of_truth_values_says_what_is_good(one):
    mask = np.ones((32, 32), bool)
    mask[:, :3] = False
    made = nanompi.reconstruct(one.frames, x=one.x, y=one.y, probe=one.probe, mask=mask, **one.known, **FEW)
    assert "9.38 % masked" in made.log or "9.4 % masked" in made.log or "9 % masked" in made.log


def test_all_faults_at_once(one):
    with pytest.raises(nanompi.NanompiError) as caught:
        nanompi.reconstruct(
            one.frames,
            x=one.x,
            y=one.y,
            **one.known,
            prob=1,
            probe={"modes": 0},
            engines="MLL*3",
            run={"thread": 1},
        )
    assert caught.value.code == 2
    paths = [fault.path for fault in caught.value.faults]
    assert paths == ["prob", "steps.ptycho.engines", "steps.ptycho.probe.modes", "run.thread"]
    assert 'did you mean "probe"' in str(caught.value) and 'did you mean "ML"' in str(caught.value)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"x": None}, "x"),
        ({"mask": {"hot": 12}}, "prepare="),
        ({"output": {"tiff": 16}}, "folder="),
        ({"x": np.zeros(7)}, "memory: x has 7 values and memory: y 36"),
        ({"energy": None}, "energy: 8 keV"),
        ({"engines": object()}, "object does not fit here"),
    ],
)
def test_what_is_missing_or_cannot_be(one, more, words):
    keywords = {"x": one.x, "y": one.y, **one.known, "engines": "DM*1"} | more
    with pytest.raises(nanompi.NanompiError) as caught:
        nanompi.reconstruct(one.frames, **keywords)
    assert words in str(caught.value)


@pytest.mark.slow
def test_a_job_as_a_dict_of_any_method(here):
    job = {
        "nanompi": 1,
        "input": {
            "format": "xrf.simulate",
            "simulate": {"rows": 8, "columns": 9, "detectors": 1, "counts": 2000},
        },
        "steps": ["xrf.fit"],
    }
    made = nanompi.run(job, settings={"run.threads": 1})
    assert made.object is None and made.maps and {one.shape for one in made.maps.values()} == {(8, 9)}
    assert list(here.iterdir()) == []
    kept = nanompi.run(job, folder=here / "x")
    assert set(kept.maps) == set(made.maps) and set(kept.data) == set(made.data)
    for name, one in made.maps.items():
        np.testing.assert_array_equal(kept.maps[name], one)


def test_in_a_thread(one, result):
    out = []
    keywords = {"x": one.x, "y": one.y, "probe": one.probe, **one.known, **FEW}
    thread = threading.Thread(target=lambda: out.append(nanompi.reconstruct(one.frames, **keywords)))
    thread.start()
    thread.join()
    np.testing.assert_array_equal(out[0].object, result.object)


def test_an_interrupt_gives_what_there_is(one, monkeypatch):
    """The stop button of a notebook in iteration 30 of a hundred."""
    from nanompi.run.attended import Attended

    turn, handler = Attended.turn, signal.getsignal(signal.SIGINT)

    def interrupted(self, state):
        if self.done == 29:
            signal.raise_signal(signal.SIGINT)
        return turn(self, state)

    monkeypatch.setattr(Attended, "turn", interrupted)
    made = nanompi.reconstruct(
        one.frames, x=one.x, y=one.y, probe=one.probe, **one.known, **FEW | {"engines": "ML*100"}
    )
    assert len(made.history["error"]) == 30 and made.object is not None
    assert made.notes["course"]["stopped"] == "by an interrupt after iteration 30"
    assert signal.getsignal(signal.SIGINT) == handler


def test_an_interrupt_before_the_iterations_is_one(one):
    def read(self, place):
        signal.raise_signal(signal.SIGINT)

    frames = Lazy(one.frames)
    with pytest.raises(KeyboardInterrupt):
        nanompi.reconstruct(
            type("Frames", (Lazy,), {"__getitem__": read})(frames), x=one.x, y=one.y, **one.known, **FEW
        )


@pytest.mark.parametrize("kind", [np.asarray, Lazy])
def test_a_single_frame_is_no_scan_and_is_told_as_one(one, kind):
    with pytest.raises(nanompi.NanompiError, match="1 frames and 36 positions"):
        nanompi.reconstruct(kind(one.frames[0]), x=one.x, y=one.y, **one.known, **FEW)


def test_a_run_that_goes_on_has_the_name_of_its_job(here):
    (here / "run-0001").mkdir()
    (here / "run-0001" / "job.resolved.yaml").write_text("nanompi: 1\nname: moths\n")
    (here / "latest").symlink_to("run-0001")
    assert nanompi.load("latest").name == nanompi.load(here).name == "moths"


def test_load_says_where_it_looked(here):
    with pytest.raises(
        nanompi.NanompiError, match=r"no result and no run. Looked at nothing, nothing/latest"
    ):
        nanompi.load("nothing")


def test_the_import_is_light():
    """Neither NumPy nor anything of nanompi but the package itself."""
    heavy = "('nanompi.', 'numpy', 'mpi4py')"
    code = f"import sys, nanompi; print([m for m in sys.modules if m.startswith({heavy})])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
