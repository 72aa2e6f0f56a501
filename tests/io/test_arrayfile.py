"""Arrays in blocks with checksums: what was written is read, and what is damaged is told."""

import json
import os
import zlib

import numpy as np
import pytest

from nanompi.io import arrayfile
from nanompi.io.arrayfile import TAIL, Torn, Writer, checksum, open_arrays, slices


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


def moved(data, to, at, size):
    """Two pieces of bytes in exchanged places."""
    out = data.copy()
    out[to : to + size], out[at : at + size] = data[at : at + size], data[to : to + size]
    return out


def test_bytes_that_change_places_change_the_checksum():
    """Sectors, words and halves of a page; sign bits (the top of a word) are least seen by sums."""
    rng = np.random.default_rng(2)
    data = rng.integers(0, 256, 600_000).astype(np.uint8)
    right, seen = checksum(data), set()
    for size in (4, 8, 64, 512, 2048, 4096):
        for _ in range(40):
            to, at = rng.choice(len(data) // size - 1, 2, replace=False) * size
            seen.add(checksum(moved(data, to, at, size)))
    for page in range(0, 40 * 4096, 4096):
        rolled = data.copy()
        rolled[page : page + 4096] = np.roll(rolled[page : page + 4096], 512)
        flipped = data.copy()
        flipped[page + 8 * rng.choice(512, 2, replace=False) + 7] ^= 128
        seen |= {checksum(rolled), checksum(flipped)}
    assert right not in seen and len(seen) == 320


def test_the_checksum_does_not_depend_on_how_the_bytes_lie():
    data = np.random.default_rng(3).integers(0, 256, 300_001).astype(np.uint8)
    shifted = np.concatenate([[0], data]).astype(np.uint8)[1:]
    assert checksum(shifted) == checksum(data) == checksum(data.tobytes())


def edited(path, edit):
    """The index of a file changed by `edit(index)`, with a right checksum."""
    data = path.read_bytes()
    size = TAIL.unpack(data[-TAIL.size :])[0]
    index = json.loads(data[-TAIL.size - size : -TAIL.size])
    text = json.dumps(edit(index) or index).encode()
    tail = TAIL.pack(len(text), zlib.crc32(text), arrayfile.MAGIC)
    path.write_bytes(data[: -TAIL.size - size] + text + tail)


def put(*way):
    """An edit: the last of `way` stands where the others lead."""

    def edit(index):
        for key in way[:-2]:
            index = index[key]
        index[way[-2]] = way[-1]

    return edit


def noise(index):
    """Its blocks."""
    return index["arrays"]["noise"]["blocks"]


NOISE = ("arrays", "noise")
NONSENSE = {
    "list": lambda index: [1],
    "no facts": put("facts", None),
    "arrays a list": put("arrays", []),
    "array none": put(*NOISE, None),
    "no blocks": put(*NOISE, "blocks", []),
    "blocks words": put(*NOISE, "blocks", ["x"]),
    "blocks a number": put(*NOISE, "blocks", 5),
    "one block less": lambda index: index["arrays"]["noise"]["blocks"].pop() and None,
    "block twice": lambda index: index["arrays"]["noise"]["blocks"].append(
        index["arrays"]["noise"]["blocks"][0]
    ),
    "rows huge": put(*NOISE, "blocks", 0, 0, 10**9),
    "no rows": put(*NOISE, "blocks", 0, 0, 0),
    "rows true": put(*NOISE, "blocks", 0, 0, True),
    "place": put(*NOISE, "blocks", 0, 1, 0),
    "size huge": put(*NOISE, "blocks", 0, 2, 10**13),
    "size negative": put(*NOISE, "blocks", 0, 2, -1),
    "size a fraction": put(*NOISE, "blocks", 0, 2, 1.5),
    "packed 2": put(*NOISE, "blocks", 0, 3, 2),
    "shape huge": put(*NOISE, "shape", [10**13, 64, 64]),
    "shape of nothing": put(*NOISE, "shape", [0, 10**30]),
    "shape negative": put(*NOISE, "shape", [-70, 64, 64]),
    "shape words": put(*NOISE, "shape", "ab"),
    "shape deep": put(*NOISE, "shape", [70] + [1] * 70),
    "objects": put(*NOISE, "dtype", "|O"),
    "records": put(*NOISE, "dtype", "i4,f4"),
    "times": put(*NOISE, "dtype", "<M8"),
    "three bytes": put(*NOISE, "dtype", "<f3"),
    "dtype a number": put(*NOISE, "dtype", 5),
}


@pytest.mark.parametrize("edit", NONSENSE.values(), ids=NONSENSE)
def test_an_index_of_nonsense_with_a_right_checksum_is_refused(stored, edit):
    path, _ = stored
    edited(path, edit)
    with pytest.raises(Torn, match="a: its index makes no sense"):
        open_arrays(path)


def test_an_index_too_deep_or_of_odd_text_is_refused(stored):
    path, _ = stored
    for text in (b"[" * 100_000, b"\xff", b"9" * 5000, b"{}"):
        tail = TAIL.pack(len(text), zlib.crc32(text), arrayfile.MAGIC)
        path.write_bytes(arrayfile.MAGIC + text + tail)
        with pytest.raises(Torn, match="a: its index makes no sense"):
            open_arrays(path)


def test_links_fifos_and_folders_are_no_files_of_arrays(stored, tmp_path):
    (tmp_path / "link").symlink_to(stored[0])
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    for name in ("link", "fifo", "folder"):
        with pytest.raises((Torn, OSError)):
            open_arrays(tmp_path / name)


def blocks_exchanged(data, rng):
    """Two blocks of the same size."""
    to, at = rng.choice(len(data) // 4096, 2, replace=False) * 4096
    data[to : to + 4096], data[at : at + 4096] = data[at : at + 4096], data[to : to + 4096]


def bits(data, rng):
    for at in rng.integers(0, len(data), rng.integers(1, 4)):
        data[at] ^= 1 << rng.integers(8)


def cut(data, rng):
    del data[rng.integers(len(data)) :]


def hole(data, rng):
    at = int(rng.integers(len(data)))
    data[at : at + 4096] = bytes(len(data[at : at + 4096]))


def more(data, rng):
    at = int(rng.integers(len(data)))
    data[at:at] = rng.bytes(int(rng.integers(1, 20)))


@pytest.mark.parametrize("harm", [blocks_exchanged, bits, cut, hole, more], ids=lambda f: f.__name__)
def test_damage_never_passes_as_other_values(stored, harm):
    path, given = stored
    whole, rng = path.read_bytes(), np.random.default_rng(5)
    refused = 0
    for _ in range(40):
        data = bytearray(whole)
        harm(data, rng)
        path.write_bytes(data)
        try:
            found = open_arrays(path)
            got = {name: found.whole(name) for name in given}
        except Torn:
            refused += 1
            continue
        assert all(np.array_equal(got[name], given[name]) for name in given)
        assert bytes(data) == whole, "not seen, though it did no harm"
    assert refused >= 35
