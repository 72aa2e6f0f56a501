"""Arrays in blocks with checksums: what was written is read, and what is damaged is told."""

import numpy as np
import pytest

from nanompi import arrayfile
from nanompi.arrayfile import Torn, Writer, checksum, open_arrays, slices


@pytest.fixture
def stored(tmp_path, monkeypatch):
    """(path, {name: array}) of a file with blocks of 1 MB."""
    monkeypatch.setattr(arrayfile, "BLOCK", 1 << 20)
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((70, 64, 64)) + 1j * rng.standard_normal((70, 64, 64))
    given = {
        "noise": noise.astype(np.complex64),
        "flat": np.ones((500, 700), np.complex128),
        "empty": np.empty((0, 3), np.float32),
        "index": np.arange(7),
        "one": np.array(2.5),
    }
    with open(tmp_path / "a", "wb", buffering=0) as file:
        writer = Writer(file)
        for name, array in given.items():
            writer.whole(name, array)
        writer.close({"history": [{"error": 0.1 + 0.2, "R": float("nan")}], "step": np.float32(0.5)})
    return tmp_path / "a", given


def test_what_was_written_is_read_bit_for_bit(stored):
    path, given = stored
    found = open_arrays(path)
    for name, array in given.items():
        got = found.whole(name)
        assert got.dtype == array.dtype and got.shape == array.shape and np.array_equal(got, array), name
    assert found.facts["history"][0]["error"] == 0.1 + 0.2 and np.isnan(found.facts["history"][0]["R"])
    assert found.facts["step"] == 0.5


def test_what_shrinks_is_packed_and_noise_is_not(stored):
    path, given = stored
    packed = {n: any(b[3] for b in a["blocks"]) for n, a in open_arrays(path).arrays.items()}
    assert packed == {"noise": False, "flat": True, "empty": False, "index": False, "one": False}
    assert path.stat().st_size < given["noise"].nbytes + given["flat"].nbytes / 20


@pytest.mark.parametrize("part", np.linspace(0.001, 0.999, 12))
def test_any_flipped_bit_is_found(stored, part):
    path, _ = stored
    data = bytearray(path.read_bytes())
    data[int(part * len(data))] ^= 16
    path.write_bytes(data)
    with pytest.raises(
        Torn, match=r"a: (the block of \w+ .*is damaged|its index is damaged|its end is missing)"
    ):
        open_arrays(path).verify()


@pytest.mark.parametrize("left", [0, 10, 1000, 500_000, -1])
def test_a_file_cut_off_is_found(stored, left):
    path, _ = stored
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(Torn, match="its end is missing"):
        open_arrays(path)


def test_a_lost_page_changes_the_checksum():
    data = np.random.default_rng(1).integers(0, 256, 100_003).astype(np.uint8)
    for place in (0, 4096, 99_000):
        holed = data.copy()
        holed[place : place + 500] = 0
        assert checksum(holed) != checksum(data)
    swapped = np.concatenate([data[4096:8192], data[:4096], data[8192:]])
    assert checksum(swapped) != checksum(data)


def test_slices_cover_all_rows():
    assert [s.stop for s in slices(10, arrayfile.BLOCK // 3)] == [3, 6, 9, 10]
    assert [s.stop for s in slices(2, 2 * arrayfile.BLOCK)] == [1, 2] and slices(0, 5) == []
