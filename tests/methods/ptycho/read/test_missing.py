"""Frames that were never written, found without reading one; `select: {without: ...}`, which names them."""

import h5py
import numpy as np
import pytest

from nanompi.data.select import Select
from nanompi.errors import DataError, JobError
from nanompi.io.unwritten import Holes, holes
from nanompi.methods.ptycho.left_out import shown
from nanompi.methods.ptycho.read.missing import leave_missing_out
from nanompi.methods.ptycho.read.select import select
from tests.memory import scan_of

N, SIZE = 20, (16, 16)
Source, s_ = h5py.VirtualSource, np.s_


@pytest.fixture
def frames():
    return np.random.default_rng(0).poisson(5, (N, *SIZE)).astype(np.uint16) + 1


@pytest.fixture
def folder(tmp_path, frames):
    """Sources of virtual datasets: two whole halves, a short one, a torn one, a module of six rows."""
    parts = {"p1": frames[:10], "p2": frames[10:], "short": frames[10:14], "module": frames[:, :6]}
    for name, part in parts.items():
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            file["d"] = part
    (tmp_path / "torn.h5").write_bytes((tmp_path / "p2.h5").read_bytes()[:900])
    return tmp_path


def half(name, key="d"):
    """A mapping's source of ten frames, as the writer believed it to be."""
    return Source(f"{name}.h5", key, (10, *SIZE))


def virtual(path, *maps):
    """maps : (where to, source) for each line of the mapping."""
    with h5py.File(path, "w") as file:
        layout = h5py.VirtualLayout((N, *SIZE), np.uint16)
        for to, source in maps:
            layout[to] = source
        file.create_virtual_dataset("d", layout)
    return path


def found(path, name="d"):
    """(numbers of the missing frames, how many pixels no frame has)"""
    with h5py.File(path) as file:
        out = holes(file[name])
    return np.flatnonzero(out.frames).tolist(), 0 if out.pixels is None else int(out.pixels.sum())


FIRST = (s_[:10], half("p1"))
MAPPINGS = {
    "whole": ([FIRST, (s_[10:], half("p2"))], []),
    "no file": ([FIRST, (s_[10:], half("gone"))], range(10, 20)),
    "no dataset": ([FIRST, (s_[10:], half("p2", "other"))], range(10, 20)),
    "not mapped": ([FIRST], range(10, 20)),
    "torn": ([FIRST, (s_[10:], half("torn"))], range(10, 20)),
    "short": ([FIRST, (s_[10:], half("short"))], range(14, 20)),
    "every second": ([(s_[::2], half("p1")), (s_[1::2], half("short"))], range(9, 20, 2)),
    "part of a source": ([FIRST, (s_[10:13], half("p2")[2:5]), (s_[13:], half("short")[3:])], range(14, 20)),
}


@pytest.mark.parametrize("kind", MAPPINGS)
def test_holes_of_a_virtual_dataset(folder, kind):
    maps, lost = MAPPINGS[kind]
    path = virtual(folder / "v.h5", *maps)
    assert found(path) == (list(lost), 0)
    with h5py.File(path) as file:  # HDF5 itself reads zeros there, or fails, and reads counts elsewhere
        assert [i for i in range(N) if dark(file["d"], i)] == list(lost)


def dark(data, i):
    try:
        return not data[i].any()
    except OSError:
        return True


def test_a_hole_at_the_second_level(folder):
    virtual(folder / "v.h5", FIRST, (s_[10:], half("short")))
    inner = Source("v.h5", "d", (N, *SIZE))
    assert found(virtual(folder / "w.h5", (s_[:], inner))) == (list(range(14, 20)), 0)
    assert found(virtual(folder / "w.h5", (s_[:3], inner[12:15]), (s_[3:], inner[:17]))) == (
        [2, 17, 18, 19],
        0,
    )


def test_a_module_that_no_frame_has_is_a_gap(folder):
    module = (s_[:, :6], Source("module.h5", "d", (N, 6, 16)))
    below = [(s_[:10, 10:], half("p1")[:, 10:]), (s_[10:, 10:], half("short")[:, 10:])]
    assert found(virtual(folder / "v.h5", module, *below)) == (list(range(14, 20)), 4 * 16)
    gone = (s_[:, 10:], Source("gone.h5", "d", (N, *SIZE))[:, 10:])
    assert found(virtual(folder / "v.h5", module, gone)) == ([], 10 * 16)


def test_a_virtual_dataset_that_leads_to_itself_is_refused(folder):
    virtual(folder / "v.h5", (s_[:], Source("v.h5", "d", (N, *SIZE))))
    with pytest.raises(DataError, match="leads back to itself"):
        found(folder / "v.h5")


CHUNKS = {
    "one": ({"chunks": (1, 16, 16)}, range(14, 20)),
    "four, gzip": ({"chunks": (4, 16, 16), "compression": "gzip"}, range(16, 20)),
    "half a frame": ({"chunks": (1, 8, 16)}, range(14, 20)),
    "contiguous": ({}, []),
}


@pytest.mark.parametrize("kind", CHUNKS)
def test_chunks_that_were_never_written(tmp_path, frames, kind):
    how, lost = CHUNKS[kind]
    with h5py.File(tmp_path / "c.h5", "w") as file:
        data = file.create_dataset("d", frames.shape, frames.dtype, **how)
        data[:14] = frames[:14]
        if kind == "half a frame":
            data[16, :8] = 1
        file.create_dataset("never", frames.shape, frames.dtype, **how)
        raster = file.create_dataset("raster", (4, 5, *SIZE), np.uint16, chunks=(1, 1, *SIZE))
        raster[:3], raster[3, 1] = 1, 1
    assert found(tmp_path / "c.h5") == (list(lost), 0)
    assert found(tmp_path / "c.h5", "never") == (list(range(N)), 0)
    assert found(tmp_path / "c.h5", "raster") == ([15, 17, 18, 19], 0)


def test_external_files_that_end_too_early(tmp_path, frames, monkeypatch):
    monkeypatch.chdir(tmp_path)  # HDF5 looks there
    frames[:7].tofile("raw1")
    frames[:3].tofile("raw2")
    with h5py.File("e.h5", "w") as file:
        size = frames[0].nbytes
        shape, kind = frames.shape, frames.dtype
        file.create_dataset("one", shape, kind, external=[("raw1", 0, N * size)])
        two = [("raw1", 100, 10 * size), ("raw2", 0, h5py.h5f.UNLIMITED)]
        file.create_dataset("two", shape, kind, external=two)
        file.create_dataset("gone", shape, kind, external=[("raw1", 0, 5 * size), ("raw3", 0, 15 * size)])
    assert found("e.h5", "one") == (list(range(7, 20)), 0)
    assert found("e.h5", "two") == ([6, 7, 8, 9, *range(13, 20)], 0)
    assert found("e.h5", "gone") == (list(range(5, 20)), 0)


def aborted(known, count):
    """Frames of which the last `count` were never written, one per chunk."""

    def write(file, name):
        data = file.create_dataset(name, known.frames.shape, known.frames.dtype, chunks=(1, 24, 20))
        data[: len(known.frames) - count] = known.frames[: len(known.frames) - count]

    return write


@pytest.fixture
def short_scan(cxi_file, known):
    """make(count) writes a CXI file whose last `count` of 30 frames were never written."""

    def make(count):
        path = cxi_file()
        with h5py.File(path, "a") as file:
            place = "entry_1/instrument_1/detector_1/data"
            del file[place]
            aborted(known, count)(file, place)
        return path

    return make


def test_a_few_missing_frames_are_left_out_with_their_positions(short_scan, known, open_with):
    scan = open_with(short_scan(5))
    assert scan.source.shape == (25, 24, 20) and len(scan.positions) == 25
    assert np.array_equal(scan.source.read([24]), known.frames[24:25])
    assert scan.left_out["missing"].tolist() == [25, 26, 27, 28, 29] and len(scan.numbers) == 25
    assert "5 of 30 frames were never written and are left out: 25:30" in scan.notes


def test_many_missing_frames_are_refused_unless_the_job_knows_them(short_scan, open_with):
    path = short_scan(7)
    words = r"detector_1/data: 7 of 30 frames hold no data: frames 23:30 were never written.*without: missing"
    with pytest.raises(DataError, match=words):
        open_with(path)
    for known in ("missing", ["23:30"], list(range(23, 30)), "23:"):
        assert open_with(path, select=Select(without=known)).source.shape[0] == 23


def test_select_without():
    scan = scan_of(np.zeros((30, 8, 8), np.uint16), monitor=np.arange(30.0))
    cut = select(scan, Select(keep="10:", without=[12, "20:28:2", "-1"]))
    assert cut.numbers.tolist() == [10, 11, *range(13, 20), 21, 23, 25, 27, 28]
    assert cut.monitor.tolist() == cut.numbers.tolist() and len(cut.positions) == 14
    assert cut.notes[-1] == 'selected "10:" without 12, 20:28:2, -1: 14 of 30 frames'
    again = cut.some(np.array([1, 3]))
    assert again.numbers.tolist() == again.source.numbers.tolist() == [11, 14]
    near = select(scan, Select(keep="middle:4", without=[14]))
    assert near.numbers.tolist() == [12, 13, 15, 16]
    with pytest.raises(JobError, match="without: 30: there is no such frame; the scan has 0:30"):
        select(scan, Select(without=[30]))
    with pytest.raises(JobError, match="leaves none of the 30 frames"):
        select(scan, Select(keep=":10", without="0:10"))


@pytest.mark.parametrize("text", ["40-52", "a", "", "1:2:0", "²"])
def test_a_wrong_without_is_told_when_the_job_is_read(text):
    with pytest.raises(JobError, match=r"without.*is not 17"):
        Select(without=[text])


def test_numbers_are_shown_as_select_reads_them():
    numbers = np.array([3, 10, 11, 12, 30, 32, 34, 36, 50, 60])
    assert shown(numbers) == "3, 10:13, 30:37:2, 50, 60"
    assert shown(np.arange(0, 60, 3) ** 2, 3).endswith(" ...")


@pytest.mark.parametrize("mask", [None, [[True, True, False], [True, True, True]]])
@pytest.mark.parametrize("gap", [None, [[True, False, False], [False, False, False]], [[True]]])
def test_pixels_that_no_frame_has_are_masked(mask, gap):
    """A gap of another shape than the frames' (turned ones) is none of theirs"""
    scan = scan_of(np.ones((6, 2, 3), np.uint16), mask=None if mask is None else np.array(mask))
    lost = np.arange(6) == 4
    scan.source.holes = lambda: Holes(lost, None if gap is None else np.array(gap))
    out = leave_missing_out(scan)
    assert out.numbers.tolist() == [0, 1, 2, 3, 5] and len(out.positions) == 5
    fits = gap is not None and len(gap) == 2
    want = np.ones((2, 3), bool) if mask is None else np.array(mask)
    want = want & ~np.array(gap) if fits else want
    assert (out.mask is None) == (mask is None and not fits)
    assert out.mask is None or np.array_equal(out.mask, want)
    assert ("1 pixels were never written in any frame: masked" in out.notes) == fits
    scan.positions = scan.positions[:5]  # refused later, with more words
    assert leave_missing_out(scan) is scan
