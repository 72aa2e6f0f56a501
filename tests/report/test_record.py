"""What a run folder holds, read while it is written, and whatever somebody has put there."""

import json
import os

import h5py
import numpy as np
import pytest

from nanompi.data.data import Data
from nanompi.errors import NanompiError
from nanompi.report import signals
from nanompi.report.frames import frames
from nanompi.report.record import record
from nanompi.run import status
from nanompi.run.result import Result, Signal
from nanompi.run.writers.nexus import write

EVERYTHING = ("status", "live", "job_text", "resolved", "events", "ranks", "metrics", "warnings")


def image(shape=(6, 8)) -> dict[str, Signal]:
    axes = {name: (np.arange(n) * 2e-8, "m") for name, n in zip("yx", shape)}
    seen = np.linspace(0, 30, np.prod(shape)).reshape(shape)
    phase = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    return {
        "amplitude": Signal(phase + 1, axes, "", "amplitude", "image", seen, 10.0),
        "phase": Signal(phase, axes, "rad", "phase of the object", "angle", seen, 10.0),
    }


def result() -> Result:
    lines = np.arange(24.0).reshape(3, 4, 2)
    coords = {
        "line": (["Fe_K", "Cu_K"], ""),
        "x": (np.arange(4) * 1e-6, "m"),
        "y": (np.arange(3) * 1e-6, "m"),
    }
    volume = np.arange(60.0).reshape(3, 4, 5)
    data = {
        "maps": Data(axes=("y", "x", "line"), values=lines, coords=coords, unit="counts"),
        "volume": Data(axes=("z", "y", "x"), values=volume),
    }
    notes = {"verdict": {"word": "good"}, "job_text": "nanompi: 1\n"}
    history = {"history/iteration": np.arange(1.0, 4), "history/R": np.array([0.5, np.nan, 0.2])}
    history["history/engine"] = np.array(["DM", "DM", "ML"], "S")
    return Result("phase", image(), history, {}, notes, data)


@pytest.fixture
def folder(tmp_path):
    status.event(tmp_path, "begin", ranks=2)
    status.event(tmp_path, "warning", text="one frame is dark")
    status.event(tmp_path, "warning", text="one frame is dark")
    status.write(tmp_path, {"nanompi": 1, "name": "star", "state": "done", "code": 0})
    return tmp_path


def test_signals_of_a_result_are_read_back_as_they_were_written(folder):
    """Data, axes in um, units, how it is shown; how well a pixel was seen to a half of a per cent"""
    write(result(), folder / "result.h5")
    found = record(folder).signals()
    assert next(iter(found)) == "phase"
    for name, before in image().items():
        after = found[name]
        assert np.array_equal(after.data, before.data) and (after.unit, after.show) == (
            before.unit,
            before.show,
        )
        assert after.title == before.title and list(after.axes) == ["y", "x"]
        assert np.allclose(after.axes["x"][0], before.axes["x"][0] * 1e6) and after.axes["x"][1] == "um"
        assert np.abs(after.seen / after.usual - np.minimum(before.seen / before.usual, 2.55)).max() < 0.0051


def test_data_with_axes_show_one_map_for_each_name_and_the_middle_of_a_volume(folder):
    write(result(), folder / "result.h5")
    found = record(folder).signals()
    assert found["maps Cu_K"].show == "map" and found["maps Cu_K"].unit == "counts"
    assert np.array_equal(found["maps Cu_K"].data, np.arange(24.0).reshape(3, 4, 2)[..., 1])
    assert list(found["maps Cu_K"].axes) == ["y", "x"]
    volume = np.arange(60.0).reshape(3, 4, 5)
    for name, plane in {"volume": volume[1], "volume-zx": volume[:, 2], "volume-zy": volume[..., 2]}.items():
        assert np.array_equal(found[name].data, plane) and found[name].show == "image"


def test_of_two_axes_of_names_there_is_a_map_for_each_of_the_first(folder):
    """Of the others the first name, which the title says, too: of peaks their area"""
    values = np.random.default_rng(3).random((3, 4, 2, 5, 6))
    words = {"peak": [f"p{k}" for k in range(5)], "parameter": ["area", "width", *"abcd"]}
    coords = {name: (own, "") for name, own in words.items()}
    data = Data(
        axes=("y", "x", "azimuth", *words), values=values, coords=coords, unit="1", title="peaks found"
    )
    write(Result(data={"peaks": data}), folder / "result.h5")
    found = record(folder).signals()
    assert list(found) == [f"peaks p{k} area" for k in range(5)]
    assert np.array_equal(found["peaks p3 area"].data, values[:, :, 1, 3, 0])
    one = found["peaks p3 area"]
    assert one.title == "peaks found p3 area, azimuth 1" and one.show == "map"
    assert frames("peaks p3 area", found["peaks p3 area"])[0].unit == ""  # not "1", as if it were a value


def test_a_volume_of_one_slice_has_one_plane(folder):
    data = {"slice": Data(axes=("z", "y", "x"), values=np.ones((1, 4, 5)))}
    write(Result(data=data), folder / "result.h5")
    assert list(record(folder).signals()) == ["slice"]


def test_history_notes_and_warnings(folder):
    """Of a result alone its own history; lines of the run take its place, of a resumed one the later"""
    write(result(), folder / "result.h5")
    old = record(folder)
    assert old.history["i"].tolist() == [1, 2, 3] and old.history["engine"] == ["DM", "DM", "ML"]
    assert np.isnan(old.history["R"][1]) and old.history["R"][2] == 0.2 and "llk" not in old.history
    assert old.notes["verdict"] == {"word": "good"} and old.notes["program"] == "nanompi"
    rows = [(1, 0.9), (2, 0.8), (3, 0.7), (2, 0.5)]
    text = "".join(json.dumps({"i": i, "engine": "DM", "error": e}) + "\n" for i, e in rows)
    (folder / "history.jsonl").write_text(text + '{"i": 4, "err')
    now = record(folder)
    assert now.history["i"].tolist() == [1, 2] and now.history["error"].tolist() == [0.9, 0.5]
    assert now.warnings == ["one frame is dark"] and not now.live


def test_the_verdict_is_no_warning_beside_itself(folder):
    """It stands above all warnings already; one that only begins as it does is one"""
    said = [
        "the result is doubtful: ptycho: few counts\n  in the job: x",
        "the result is large",
        "one is dark",
    ]
    lines = [json.dumps({"event": "warning", "text": text}) + "\n" for text in said]
    (folder / "events.jsonl").write_text("".join(lines))
    found = {"nanompi": 1, "state": "done", "verdict": "doubtful", "reason": "ptycho: few counts"}
    (folder / "status.json").write_text(json.dumps(found))
    assert record(folder).warnings == said[1:]


def test_nothing_is_read_that_is_not_asked_for(folder, monkeypatch):
    write(result(), folder / "result.h5")
    found = record(folder)
    found.signals()
    monkeypatch.setattr(signals, "open_hdf5", lambda path: pytest.fail("opened"))
    assert found.status["state"] == "done" and found.log_tail() == ""


def test_a_live_view_stands_for_a_result_that_is_not_there(folder):
    assert dict(record(folder).signals()) == {} and record(folder).notes == {}
    write(Result(signals=image()), folder / "live.h5")
    assert set(record(folder).signals()) == {"phase", "amplitude"}
    write(result(), folder / "result.h5")
    assert "maps Fe_K" in record(folder).signals()


def everything(folder):
    """Ask for all; what is told is for people."""
    found = record(folder)
    for name in EVERYTHING:
        getattr(found, name)
    found.log_tail(100)
    for look in (
        lambda: found.notes,
        lambda: [s.data for s in found.signals().values()],
        lambda: found.history,
    ):
        try:
            look()
        except NanompiError:
            pass


ODD = {
    "empty": b"",
    "null": b"null",
    "list of numbers": b"[1, 2]\n",
    "deep": b"[" * 100_000,
    "many digits": b'{"i": ' + b"9" * 5000 + b"}\n",
    "nan": b'{"i": 1, "error": NaN, "engine": 3}\n{"i": 2, "error": 1e400}\n{"i": 1e3}\n{"i": true}\n',
    "bytes": b"\0\xff\xfe{\n",
    "object of lists": b'{"ranks": {"a": []}, "i": [], "event": ["warning"], "text": {}}\n',
    "ranks": b'[{"host": 3, "memory": "x", "busy": NaN}, 5, null]',
    "anchors": b"a: &a [*a, *a]\n",
}


@pytest.mark.parametrize("data", ODD.values(), ids=ODD)
def test_odd_files(folder, data):
    names = ("status.json", "events.jsonl", "history.jsonl", "ranks.json", "metrics.json", "job.yaml")
    for name in (*names, "job.resolved.yaml", "result.h5", "live.h5"):
        (folder / name).write_bytes(data)
    everything(folder)


def test_folders_pipes_and_links_in_the_place_of_files(folder, tmp_path_factory):
    """Nothing waits for a pipe, and nothing from elsewhere is read"""
    secret = tmp_path_factory.mktemp("secret") / "job.yaml"
    secret.write_text("secret")
    for make in (os.mkfifo, os.mkdir, lambda path: os.symlink(secret, path)):
        for name in ("history.jsonl", "ranks.json", "metrics.json", "job.yaml", "result.h5", "live.h5"):
            make(folder / name)
        everything(folder)
        assert record(folder).job_text == ""
        for path in [p for p in folder.iterdir() if p.name not in ("status.json", "events.jsonl")]:
            os.rmdir(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def test_a_result_that_is_torn(folder):
    """Cut at any place, and with bytes that are others: an error for people, or other values"""
    write(result(), folder / "live.h5")
    data = (folder / "live.h5").read_bytes()
    rng = np.random.default_rng(1)
    for k in range(12):
        part = bytearray(data[: len(data) * k // 12] if k % 2 else data)
        for place in rng.integers(0, max(1, len(part)), 20 if k % 2 == 0 else 0):
            part[place] = rng.integers(256)
        (folder / "result.h5").write_bytes(part)
        everything(folder)


def test_a_result_that_leads_elsewhere_or_is_too_large(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other") / "other.h5"
    with h5py.File(other, "w") as f:
        f["secret"] = np.ones((4, 4))
    (folder / "raw").write_bytes(b"secret")
    layout = h5py.VirtualLayout((4, 4), "f8")
    layout[:] = h5py.VirtualSource(str(other), "secret", (4, 4))
    with h5py.File(folder / "result.h5", "w") as f:
        entry = f.create_group("entry_1")
        entry["linked"] = h5py.ExternalLink(str(other), "/")
        for name in ("link", "virtual", "large", "chunk", "raw", "words", "self"):
            group = entry.create_group(name)
            group.attrs.update(NX_class="NXdata", signal="data", axes=["y", "x"], show="image")
        entry["link/data"] = h5py.ExternalLink(str(other), "/secret")
        entry["virtual"].create_virtual_dataset("data", layout)
        entry["large"].create_dataset("data", (10**6, 10**6), "f4", chunks=(64, 64))
        entry["chunk"].create_dataset("data", (4, 4), "f4", chunks=(2**15, 2**15), maxshape=(None, None))
        entry["raw"].create_dataset("data", (1, 6), "u1", external=[(str(folder / "raw"), 0, 6)])
        entry["words/data"] = np.array([["a"]], dtype=h5py.string_dtype())
        entry["self/data"] = h5py.SoftLink("/entry_1/self/data")
    found = record(folder).signals()
    assert list(found) == ["large"]
    with pytest.raises(NanompiError, match="values, more than"):
        found["large"]


def test_a_place_that_is_no_folder(tmp_path):
    for path in (tmp_path / "none", tmp_path / ("x" * 300), "a\0b"):
        with pytest.raises(NanompiError):
            record(path)
