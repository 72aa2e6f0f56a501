"""Frames in a folder for later runs: any partition reads them, what is torn is told, nothing ends a run."""

import errno
import os
import shutil
import threading
import time

import numpy as np
import pytest

from nanompi.io import cache
from nanompi.io.arrayfile import Writer, open_arrays
from nanompi.mpi.team import Team
from tests.io.test_arrayfile import edited, put
from tests.patience import patience

ALONE = Team(alone=True)
MORE = {"centre": [3.5, 4.25], "mask": {"hot": 2}}, {"mask": np.eye(16, dtype=bool)}


class Rank(Team):
    """One of several ranks, each a thread: just what `nanompi.io.cache` asks of a team."""

    def __init__(self, rank, size, shared):
        super().__init__(alone=True)
        self.rank, self.size, self.root, self.shared = rank, size, rank == 0, shared

    def allgather(self, thing):
        values, gate = self.shared
        values[self.rank] = thing
        gate.wait()
        out = list(values)
        gate.wait()
        return out

    def on_root(self, work):
        return self.allgather(work() if self.root else None)[0]


def together(size, work):
    """[work(team) of each rank], run side by side."""
    shared, out = ([None] * size, threading.Barrier(size, timeout=patience(20))), [None] * size

    def one(rank):
        try:
            out[rank] = work(Rank(rank, size, shared))
        except Exception:
            shared[1].abort()
            raise

    ranks = [threading.Thread(target=one, args=(r,)) for r in range(size)]
    [r.start() for r in ranks]
    [r.join() for r in ranks]
    return out


def frames(dtype, n=61):
    counts = np.random.default_rng(0).poisson(3, (n, 16, 16))
    return (counts + (0.5 if dtype == "f4" else 0)).astype(dtype)


def parts(n, size, seed):
    """Each frame on some rank, in no order."""
    return np.array_split(np.random.default_rng(seed).permutation(n), size)


def kept(folder, given, size=2, seed=0):
    own = parts(len(given), size, seed)
    wrong = together(size, lambda t: cache.write(t, folder, "key", given[own[t.rank]], own, MORE))
    assert wrong == [""] * size
    return folder / "key"


@pytest.mark.parametrize("dtype", ["u2", "f4"])
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("size", [1, 2, 5])
def test_another_number_of_ranks_reads_the_same_bits(tmp_path, dtype, threads, size, monkeypatch):
    monkeypatch.setattr(cache, "BLOCK", 4 * 16 * 16 * 2)
    given = frames(dtype)
    kept(tmp_path, given, size=3)
    own = parts(len(given), size, seed=7)

    def again(team):
        found, wrong = cache.find(team, tmp_path, "key")
        assert wrong == "" and found.facts == MORE[0] and np.array_equal(found.arrays["mask"], np.eye(16))
        return cache.read(team, found, own[team.rank], threads)

    for rank, (counts, wrong) in enumerate(together(size, again)):
        assert wrong == "" and counts.dtype == given.dtype and np.array_equal(counts, given[own[rank]])


def test_counts_are_packed_and_nothing_else_is_left(tmp_path):
    given = np.zeros((400, 64, 64), np.uint16)
    path = kept(tmp_path, given)
    assert sum(f.stat().st_size for f in path.iterdir()) < given.nbytes / 50
    assert sorted(os.listdir(path)) == ["index", "part-0000", "part-0001"]
    assert os.listdir(tmp_path) == ["key"]


def test_a_key_that_is_not_there(tmp_path):
    assert cache.find(ALONE, tmp_path / "nowhere", "key") == (None, "")


DAMAGE = {
    "cut": lambda f: os.truncate(f, f.stat().st_size - 1),
    "half": lambda f: os.truncate(f, f.stat().st_size // 2),
    "empty": lambda f: os.truncate(f, 0),
    "gone": lambda f: f.unlink(),
}


@pytest.mark.parametrize("name", ["index", "part-0001"])
@pytest.mark.parametrize("how", DAMAGE)
def test_damage_is_told_and_made_good_by_the_next_writing(tmp_path, name, how):
    given = frames("u2")
    DAMAGE[how](kept(tmp_path, given) / name)
    found, wrong = cache.find(ALONE, tmp_path, "key")
    if found is not None:
        counts, wrong = cache.read(ALONE, found, np.arange(61))
        assert counts is None and name in wrong
    assert wrong
    kept(tmp_path, given)
    found, wrong = cache.find(ALONE, tmp_path, "key")
    assert np.array_equal(cache.read(ALONE, found, np.arange(61))[0], given)
    assert os.listdir(tmp_path) == ["key"]


@pytest.mark.parametrize("place", [0.2, 0.5, 0.8])
def test_a_flipped_bit_is_told_on_all_ranks(tmp_path, place):
    file = kept(tmp_path, frames("u2")) / "part-0000"
    data = bytearray(file.read_bytes())
    data[int(place * len(data))] ^= 4
    file.write_bytes(data)
    own = parts(61, 3, 1)

    def again(team):
        found, _ = cache.find(team, tmp_path, "key")
        return cache.read(team, found, own[team.rank])

    for counts, wrong in together(3, again):
        assert counts is None and "part-0000" in wrong


def test_parts_of_two_writings_are_not_mixed(tmp_path):
    given = frames("u2")
    other = kept(tmp_path / "b", given, seed=5) / "part-0001"
    path = kept(tmp_path / "a", given)
    shutil.copy(other, path / "part-0001")
    found, _ = cache.find(ALONE, tmp_path / "a", "key")
    assert "of another writing" in cache.read(ALONE, found, np.arange(61))[1] and not cache.whole(path)


def test_the_first_of_two_runs_keeps_its_frames(tmp_path):
    given = frames("u2")
    path = kept(tmp_path, given, seed=0)
    seals = cache.find(ALONE, tmp_path, "key")[0].seals
    kept(tmp_path, given, seed=1)
    assert cache.find(ALONE, tmp_path, "key")[0].seals == seals and cache.whole(path)
    assert os.listdir(tmp_path) == ["key"]


def test_two_runs_at_the_same_time(tmp_path):
    given, wrongs = frames("u2", 300), []

    def one():
        wrongs.append(cache.write(ALONE, tmp_path, "key", given, [np.arange(300)], MORE))

    runs = [threading.Thread(target=one) for _ in range(4)]
    [r.start() for r in runs]
    [r.join() for r in runs]
    assert wrongs == [""] * 4 and os.listdir(tmp_path) == ["key"] and cache.whole(tmp_path / "key")


@pytest.mark.parametrize("full", ["part", "index"])
def test_a_full_disk_leaves_nothing_behind(tmp_path, full, monkeypatch):
    put = Writer._put

    def refuse(self, data):
        if full in self.file.name and self.place > 100:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        put(self, data)

    monkeypatch.setattr(Writer, "_put", refuse)
    monkeypatch.setattr(cache, "open", lambda p, *a, **k: open(str(p), *a, **k), raising=False)
    given, own = frames("u2"), parts(61, 2, 0)
    wrong = together(2, lambda t: cache.write(t, tmp_path, "key", given[own[t.rank]], own, MORE))
    assert ["No space left" in w for w in wrong] == [True, True] and os.listdir(tmp_path) == []


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    wrong = cache.write(ALONE, tmp_path / "file", "key", frames("u2"), [np.arange(61)], MORE)
    assert "file" in wrong


def test_what_a_killed_run_left_goes_after_a_day(tmp_path):
    for name, age in (("old", 2), ("new", 0.5)):
        (tmp_path / f".key.{name}.tmp").mkdir()
        os.utime(tmp_path / f".key.{name}.tmp", (time.time() - age * 86_400,) * 2)
    kept(tmp_path, frames("u2"))
    assert sorted(os.listdir(tmp_path)) == [".key.new.tmp", "key"]


def again(folder, key="key"):
    """(frames or None, what is wrong) as a later run of one rank meets them."""
    found, wrong = cache.find(ALONE, folder, key)
    return (None, wrong) if found is None else cache.read(ALONE, found, np.arange(61))


def planted(path):
    """Another part 0, whole, and of the same shape."""
    part = open_arrays(path / "part-0000")
    counts = np.ascontiguousarray(part.whole("counts")[::-1])
    with open(path / "part-0000", "wb", buffering=0) as file:
        writer = Writer(file)
        writer.whole("counts", counts)
        writer.close(part.facts)


def of_another(path, monkeypatch):
    """The file of another user."""
    if os.geteuid() == 0:
        os.chown(path, 65534, 65534)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)


TRESPASS = {
    "planted frames": (lambda path, m: planted(path), "another writing than its index"),
    "part of another": (lambda path, m: of_another(path / "part-0000", m), "it belongs to the user"),
    "index of another": (lambda path, m: of_another(path / "index", m), "it belongs to the user"),
    "folder of another": (lambda path, m: of_another(path, m), "it belongs to the user"),
    "part for all": (lambda path, m: (path / "part-0001").chmod(0o666), "other users may write it"),
    "folder for the group": (lambda path, m: path.chmod(0o775), "other users may write it"),
}


@pytest.mark.parametrize("how", TRESPASS)
def test_what_others_have_made_or_may_change_is_not_read(tmp_path, how, monkeypatch):
    harm, why = TRESPASS[how]
    given = frames("u2")
    with monkeypatch.context() as patch:
        harm(kept(tmp_path, given), patch)
        counts, wrong = again(tmp_path)
        assert counts is None and why in wrong
    kept(tmp_path, given)
    assert np.array_equal(again(tmp_path)[0], given) and os.listdir(tmp_path) == ["key"]


def test_frames_under_the_name_of_others_are_not_taken(tmp_path):
    kept(tmp_path, frames("u2")).rename(tmp_path / "other")
    counts, wrong = again(tmp_path, "other")
    assert counts is None and "it was written for 'key', not for other" in wrong


def test_a_link_in_the_place_of_kept_frames_is_not_followed(tmp_path):
    given = frames("u2")
    kept(tmp_path / "elsewhere", given).rename(tmp_path / "elsewhere" / "moved")
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "key").symlink_to(tmp_path / "elsewhere" / "moved")
    assert again(tmp_path / "kept") == (None, "key is no folder")
    kept(tmp_path / "kept", given)
    assert np.array_equal(again(tmp_path / "kept")[0], given)
    assert sorted(os.listdir(tmp_path / "elsewhere" / "moved")) == ["index", "part-0000", "part-0001"]


def test_what_is_kept_is_not_writable_for_others_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        path = kept(tmp_path, frames("u2"))
    finally:
        os.umask(before)
    assert [p.stat().st_mode & 0o022 for p in (path, *path.iterdir())] == [0] * 4
    assert np.array_equal(again(tmp_path)[0], frames("u2"))


NONSENSE = {
    "shape words": ("index", put("facts", "shape", "ab")),
    "shape huge": ("index", put("facts", "shape", [10**6, 10**6])),
    "shape negative": ("index", put("facts", "shape", [-1, 2])),
    "objects": ("index", put("facts", "dtype", "|O")),
    "dtype a number": ("index", put("facts", "dtype", 5)),
    "dtype a list": ("index", put("facts", "dtype", ["<u2"])),
    "sizes huge": ("index", put("facts", "sizes", [10**9])),
    "sizes words": ("index", put("facts", "sizes", "a")),
    "sizes fractions": ("index", put("facts", "sizes", [30.5, 30.5])),
    "no seals": ("index", put("facts", "seals", None)),
    "seals short": ("index", put("facts", "seals", ["a"])),
    "seals numbers": ("index", put("facts", "seals", [1, 2])),
    "own nothing": ("index", put("facts", "own", None)),
    "order as floats": ("index", put("arrays", "order", "dtype", "<f8")),
    "order of objects": ("index", put("arrays", "order", "dtype", "|O")),
    "no order": ("index", lambda index: index["arrays"].clear()),
    "counts of objects": ("part-0000", put("arrays", "counts", "dtype", "|O")),
    "counts of another type": ("part-0000", put("arrays", "counts", "dtype", "<i2")),
    "no counts": ("part-0000", put("arrays", "counts", None)),
    "no blocks": ("part-0000", put("arrays", "counts", "blocks", [])),
}


@pytest.mark.parametrize("how", NONSENSE)
def test_nonsense_with_right_checksums_is_told_and_made_good(tmp_path, how):
    name, edit = NONSENSE[how]
    given = frames("u2")
    edited(kept(tmp_path, given) / name, edit)
    counts, wrong = again(tmp_path)
    assert counts is None and wrong
    kept(tmp_path, given)
    assert np.array_equal(again(tmp_path)[0], given)
