"""`ptycho.prepare` with `run.cache`: no frame is read twice; what changes the frames makes them anew."""

import os
from dataclasses import replace

import h5py
import numpy as np
import pytest

from nanompi.data.combined import JoinedFrames
from nanompi.data.source import SelectedFrames
from nanompi.data.stored import Hdf5Frames
from nanompi.io.fingerprint import of_file, stamp
from nanompi.io.hdf5 import open_hdf5
from nanompi.methods.ptycho.prepare.dark import Dark
from nanompi.methods.ptycho.prepare.mask import Mask
from nanompi.methods.ptycho.prepare.prepared_cache import key
from nanompi.methods.ptycho.prepare.step import Prepare
from nanompi.mpi.team import Team
from tests.io.test_arrayfile import edited, put
from tests.memory import run_of, scan_of

TEAM = Team(alone=True)


def store(path, frames):
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=frames, chunks=(3, *frames.shape[1:]), compression="gzip")
    with open_hdf5(str(path)) as file:
        return Hdf5Frames.of(file, "data")


@pytest.fixture
def scan(tmp_path):
    """40 frames of a beam around (20, 13) in a file, with a monitor and a gap."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:36, :36]
    frames = rng.poisson(60 * np.exp(-(((y - 20) ** 2 + (x - 13) ** 2) / 30.0)), (40, 36, 36)).astype(
        np.int32
    )
    frames[:, 30] = -1
    frames[:, 5, 5] = 7000
    source = store(tmp_path / "scan.h5", frames)
    return replace(scan_of(frames, monitor=rng.uniform(90, 110, 40)), source=source)


def prepared(scan, folder, step, monkeypatch=None):
    """(frames, log); with monkeypatch: fails where a frame is read."""
    run = run_of(TEAM, scan, cache=str(folder))
    if monkeypatch:
        monkeypatch.setattr(Hdf5Frames, "read", lambda *a: pytest.fail("a frame was read"))
    step.run(run)
    return run.data["frames"], "\n".join(run.made["log"])


def step(**given):
    return Prepare(
        **{"size": 16, "mask": Mask(hot=12.0), "dark": 0.5, "normalise": True, "split": "in order", **given}
    )


def test_the_second_time_everything_comes_from_the_folder(scan, tmp_path, monkeypatch):
    first, log = prepared(scan, tmp_path / "kept", step())
    assert "are kept in" in log and first.counts.dtype == np.float32
    again, log = prepared(scan, tmp_path / "kept", step(), monkeypatch)
    assert "as prepared before" in log
    for name in ("counts", "index", "mask", "scale"):
        a, b = getattr(first, name), getattr(again, name)
        assert a.dtype == b.dtype and np.array_equal(a, b), name
    assert (first.corner, first.pixel, first.preparation) == (again.corner, again.pixel, again.preparation)
    assert first.preparation["mask"]["marked"] == 1


def test_it_is_off_by_itself(scan, tmp_path):
    run = run_of(TEAM, scan)
    step().run(run)
    assert "cache" not in "\n".join(run.made["log"]) and os.listdir(tmp_path) == ["scan.h5"]


def test_damage_is_noted_and_the_frames_are_prepared_again(scan, tmp_path):
    first, _ = prepared(scan, tmp_path / "kept", step())
    (folder,) = (tmp_path / "kept").iterdir()
    os.truncate(folder / "part-0000", 300)
    again, log = prepared(scan, tmp_path / "kept", step())
    assert "is not used, the frames are prepared again" in log and "are kept in" in log
    assert np.array_equal(first.counts, again.counts)


def test_frames_in_no_file_and_a_folder_that_cannot_be_made_are_noted(scan, tmp_path):
    memory = scan_of(np.random.default_rng(0).poisson(5, (9, 32, 32)).astype(np.uint16))
    frames, log = prepared(memory, tmp_path / "kept", Prepare(centre="middle", split="in order"))
    assert "nothing is kept: the frames are in no file" in log and len(frames.counts) == 9
    (tmp_path / "file").write_text("")
    frames, log = prepared(scan, tmp_path / "file", step())
    assert "are not kept, the run goes on" in log and len(frames.counts) == 40


OTHER = [
    {"size": 18},
    {"mask": Mask(hot=13.0)},
    {"dark": 0.25},
    {"normalise": False},
    {"orientation": 1},
    {"rebin": 2},
    {"centre": (20.0, 13.0)},
]


@pytest.mark.parametrize("other", OTHER, ids=lambda o: next(iter(o)))
def test_other_parameters_are_other_frames(scan, other):
    assert key(step(), scan) == key(step(), scan) != key(step(**other), scan)


def test_another_scan_is_other_frames(scan):
    changed = [
        replace(scan, mask=np.ones((36, 36), bool)),
        replace(scan, dark=np.ones((36, 36), np.float32)),
        replace(scan, monitor=scan.monitor + 1),
        replace(scan, focus=1.0),
        replace(scan, corner=True),
        replace(scan, pixel=(1e-6, 1e-6)),
        replace(scan, source=SelectedFrames(scan.source, np.arange(0, 40, 2))),
        replace(scan, source=SelectedFrames(scan.source, np.arange(1, 40, 2))),
        replace(scan, source=SelectedFrames(scan.source, np.arange(20))),
        replace(scan, source=JoinedFrames.of([scan.source, scan.source], "")),
    ]
    assert len({key(step(), s) for s in [scan, *changed]}) == len(changed) + 1


def test_a_file_that_has_changed_is_another_and_one_that_was_moved_is_not(scan, tmp_path):
    before = key(step(), scan)
    moved = replace(scan.source, file=str(tmp_path / "b.h5"), files=(str(tmp_path / "b.h5"),))
    os.rename(tmp_path / "scan.h5", tmp_path / "b.h5")
    assert key(step(), replace(scan, source=moved)) == before
    told = os.stat(tmp_path / "b.h5")
    with open(tmp_path / "b.h5", "r+b") as file:
        file.seek(told.st_size // 2)
        file.write(b"x")
    assert key(step(), replace(scan, source=moved)) != before  # its time has changed
    os.utime(tmp_path / "b.h5", ns=(told.st_atime_ns, told.st_mtime_ns))
    assert key(step(), replace(scan, source=moved)) != before  # and its bytes, which a small file shows


def test_a_mask_file_counts_by_what_is_in_it(scan, tmp_path):
    given = step(mask=Mask(file=str(tmp_path / "m.npy")), dark=Dark(file=str(tmp_path / "m.npy")))
    np.save(tmp_path / "m.npy", np.ones((36, 36)))
    before = key(given, scan)
    np.save(tmp_path / "m.npy", np.tri(36))
    assert key(given, scan) != before


def test_the_stamp_of_a_large_file_reads_a_megabyte(tmp_path):
    with open(tmp_path / "large", "wb") as file:
        file.truncate(1 << 36)
    before = of_file(str(tmp_path / "large"))
    with open(tmp_path / "large", "r+b") as file:
        file.seek(-1, 2)
        file.write(b"x")
    after = of_file(str(tmp_path / "large"))
    assert before[:3] == [1 << 36, before[1], 16] and after[0] == 1 << 36 and before[3] != after[3]


def test_a_virtual_dataset_and_a_link_follow_the_files_behind_them(tmp_path):
    source = store(tmp_path / "behind.h5", np.ones((6, 8, 8), np.uint16))
    with h5py.File(tmp_path / "master.h5", "w") as file:
        layout = h5py.VirtualLayout((6, 8, 8), "u2")
        layout[:] = h5py.VirtualSource("behind.h5", "data", (6, 8, 8))
        file.create_virtual_dataset("virtual", layout)
        file["link"] = h5py.ExternalLink("behind.h5", "data")
    with open_hdf5(str(tmp_path / "master.h5")) as file:
        own, behind = str(tmp_path / "master.h5"), source.files[0]
        virtual = Hdf5Frames.of(file, "virtual")
        assert virtual.files == Hdf5Frames.of(file, "link").files == (own, behind)
    before = stamp(virtual)
    store(tmp_path / "behind.h5", np.zeros((6, 8, 8), np.uint16))
    assert stamp(virtual) != before


@pytest.mark.parametrize(
    "edit",
    [
        put("facts", "own", {}),
        put("facts", "own", "pixel", ["a", "b"]),
        put("facts", "own", "notes", None),
        put("facts", "own", "rebin", "2"),
        put("arrays", "mask", "dtype", "|u1"),
        lambda index: index["facts"]["own"].pop("gain") and None,
    ],
)
def test_odd_findings_with_a_right_checksum_are_found_anew(scan, tmp_path, edit):
    first, _ = prepared(scan, tmp_path / "kept", step())
    (folder,) = (tmp_path / "kept").iterdir()
    edited(folder / "index", edit)
    again, log = prepared(scan, tmp_path / "kept", step())
    assert "is not used, the frames are prepared again: what was found for the frames" in log
    assert np.array_equal(first.counts, again.counts)


def test_a_mask_file_behind_a_link_counts_by_what_is_behind(scan, tmp_path):
    for values in (np.ones((36, 36)), np.tri(36)):
        with h5py.File(tmp_path / "behind.h5", "w") as file:
            file["m"] = values
        if not (tmp_path / "mask.h5").exists():
            with h5py.File(tmp_path / "mask.h5", "w") as file:
                file["m"] = h5py.ExternalLink("behind.h5", "m")
            before = key(step(mask=Mask(file=str(tmp_path / "mask.h5"), path="m")), scan)
    assert key(step(mask=Mask(file=str(tmp_path / "mask.h5"), path="m")), scan) != before
