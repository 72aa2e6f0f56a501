"""Maps of spectra in MDA files: written by a writer of ours, and measured ones."""

import mmap
from pathlib import Path

import numpy as np
import pytest

from nanompi.errors import DataError
from nanompi.methods.maps.read.mda import MdaSpectra
from nanompi.run.reading import Input, open_data
from tests.methods.maps.read.mda_file import write_mda

Y, X = [3.25, 3.3, 3.35], [-1.5, -1.45, -1.4, -1.35]


@pytest.fixture
def counts():
    return np.random.default_rng(1).poisson(3.0, (3, 4, 2, 16)).astype(np.float32)


def opened(path):
    return open_data(str(path), Input(), MdaSpectra())["data"]


def test_spectra_places_scalers_and_energies(tmp_path, counts):
    live = np.random.default_rng(2).uniform(0.4, 0.5, (2, 3, 4)).astype(np.float32)
    scalers = [("xmap:mca1.ELTM", live[0]), ("xmap:mca2.ELTM", live[1]), ("2x:scaler1.B", live[0] * 1e5)]
    pvs = [("xmap:mca1.CALO", 0.05), ("xmap:mca1.CALS", 0.0094)]
    write_mda(tmp_path / "map.mda", counts, Y, X, scalers, pvs)
    data = opened(tmp_path / "map.mda")
    assert data.axes == ("y", "x", "detector", "channel") and data.shape == counts.shape
    assert np.array_equal(data.source.read([2, 0]), counts[[2, 0]])
    assert np.allclose(data.coords["y"][0], np.array(Y) * 1e-3) and data.coords["x"][1] == "m"
    assert np.allclose(data.coords["channel"][0], 50 + 9.4 * np.arange(16))
    assert np.allclose(data.per_row["live"], np.moveaxis(live, 0, -1)) and "icr" not in data.per_row
    assert np.allclose(data.per_row["scaler1.B"], live[0] * 1e5, rtol=1e-6)
    assert not data.per_row["absent"].any() and not data.notes


def test_a_detector_without_live_time_gives_none(tmp_path, counts):
    write_mda(tmp_path / "map.mda", counts, Y, X, [("xmap:mca1.ELTM", np.ones((3, 4)))])
    assert "live" not in opened(tmp_path / "map.mda").per_row


def test_a_scan_that_was_stopped(tmp_path, counts):
    """One of three rows is missing: more than a tenth, and what to write is said"""
    write_mda(tmp_path / "map.mda", counts, Y, X, rows=2)
    with pytest.raises(DataError, match=r'4 of 12 points .* `select: ":2"`'):
        opened(tmp_path / "map.mda")
    many = np.tile(counts, (10, 1, 1, 1))
    write_mda(tmp_path / "long.mda", many, np.arange(30), X, rows=29)
    data = opened(tmp_path / "long.mda")
    assert data.per_row["absent"].sum() == 4 and data.per_row["absent"][29].all()
    assert "4 of 120 points" in data.notes[0] and not data.source.read([29]).any()
    assert np.array_equal(data.source.read([28]), many[[28]])


def test_a_file_cut_short(tmp_path, counts):
    """What is no longer there was not measured"""
    many = np.tile(counts, (10, 1, 1, 1))
    write_mda(tmp_path / "map.mda", many, np.arange(30), X)
    raw = (tmp_path / "map.mda").read_bytes()
    (tmp_path / "map.mda").write_bytes(raw[:-200])
    data = opened(tmp_path / "map.mda")
    assert data.per_row["absent"][29, 3] and data.per_row["absent"].sum() == 1
    (tmp_path / "map.mda").write_bytes(raw[: len(raw) // 2])
    with pytest.raises(DataError, match="cut short"):
        opened(tmp_path / "map.mda")
    (tmp_path / "map.mda").write_bytes(raw[:40])
    with pytest.raises(DataError, match=r"map\.mda"):
        opened(tmp_path / "map.mda")


@pytest.mark.real
def test_a_fly_scan_has_no_spectra(shared_data):
    with pytest.raises(DataError, match="11 x 11 points, and no spectra"):
        opened(shared_data("S3_xrf_2ide/2xfm_0011.mda"))


@pytest.mark.real
def test_a_measured_map(shared_data):
    """Of APS 2-ID-E: the sum spectrum has its largest peak below 10.2 keV at the elastic line of 10 keV"""
    data = opened(shared_data("S3_xrf_2ide/2xfm_0010.mda"))
    assert data.shape == (11, 11, 4, 2000)
    spectra = data.source.read(np.arange(11))
    assert spectra.sum() == 317170 and spectra.max() == 30
    assert data.coords["y"][0] == pytest.approx(1e-3 * np.linspace(3.25, 3.75, 11))
    assert data.per_row["icr"].shape == data.per_row["ocr"].shape == (11, 11, 4)
    assert (data.per_row["icr"] >= data.per_row["ocr"]).all()
    assert 0 < data.per_row["live"].min() and data.per_row["live"].max() < 0.5


@pytest.mark.skipif(not hasattr(mmap, "MADV_DONTNEED"), reason="this system takes no advice on memory")
def test_what_was_read_takes_no_memory(tmp_path, counts):
    """Pages of the file that belong to this process, by Linux; and it can be read again"""
    write_mda(tmp_path / "map.mda", counts, Y, X)
    source = opened(tmp_path / "map.mda").source
    first = source.read(np.arange(source.shape[0]))
    begin = f"{source._open.raw.ctypes.data:x}-"
    lines = iter(Path("/proc/self/smaps").read_text().splitlines())
    assert any(line.startswith(begin) for line in lines)
    assert next(line for line in lines if line.startswith("Rss:")).split()[1] == "0"
    assert np.array_equal(source.read(np.arange(source.shape[0])), first)
