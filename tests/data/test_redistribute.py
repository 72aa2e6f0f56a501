"""Routes of rows between ranks, and the rows themselves (ranks that are threads of one process)."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue

import numpy as np
import pytest

from nanompi.data import redistribute
from nanompi.data.redistribute import free_memory, moved, routes
from tests.patience import patience


class Thread:
    """One of several ranks; what is sent waits in queues."""

    def __init__(self, rank, lines):
        self.rank, self.lines, self.most = rank, lines, 0

    def isend(self, data, to, tag):
        self.most = max(self.most, data.nbytes)
        self.lines[self.rank, to].put(data.tobytes())
        return []

    def wait(self, requests):
        """Nothing is under way"""

    def recv(self, source, tag):
        return np.frombuffer(self.lines[source, self.rank].get(timeout=patience(5)), np.uint8)


def cut(n, ranks, seed):
    """n frames in parts of random sizes and orders"""
    rng = np.random.default_rng(seed)
    ends = np.sort(rng.choice(np.arange(1, n), ranks - 1, replace=False))
    return np.split(rng.permutation(n), ends)


@pytest.mark.parametrize("ranks", [1, 2, 3, 5])
@pytest.mark.parametrize("dtype", [np.uint16, np.complex128])
def test_every_row_arrives_where_it_belongs(ranks, dtype):
    n, shape = 60, (2, 3)
    truth = (1 + np.arange(n * 6).reshape(n, *shape)).astype(dtype)
    old, new = cut(n, ranks, 1), cut(n, ranks, 2)
    lines = {(a, b): Queue() for a in range(ranks) for b in range(ranks)}
    teams = [Thread(rank, lines) for rank in range(ranks)]

    def one(rank):
        own = truth[old[rank]]
        ways = routes(old, new, rank)
        assert ways.gone == np.isin(old[rank], new[rank], invert=True).sum()
        return moved(teams[rank], ways, lambda f: own[f], shape, dtype, block=200)

    with ThreadPoolExecutor(ranks) as pool:
        got = list(pool.map(one, range(ranks)))
    for rank in range(ranks):
        assert got[rank].dtype == dtype and np.array_equal(got[rank], truth[new[rank]])
        assert teams[rank].most <= 200


def test_a_row_larger_than_a_block_travels_alone():
    old, new = [np.arange(6), np.arange(6, 12)], [np.arange(6, 12), np.arange(6)]
    truth, lines = np.arange(12 * 5.0).reshape(12, 5), {(a, b): Queue() for a in (0, 1) for b in (0, 1)}
    teams = [Thread(rank, lines) for rank in (0, 1)]

    def one(rank):
        return moved(teams[rank], routes(old, new, rank), lambda f: truth[old[rank]][f], (5,), float, block=1)

    with ThreadPoolExecutor(2) as pool:
        got = list(pool.map(one, (0, 1)))
    assert all(np.array_equal(got[r], truth[new[r]]) for r in (0, 1)) and [t.most for t in teams] == [40, 40]


def test_rows_that_follow_one_another_are_taken_at_once():
    asked = []

    def take(f):
        asked.append((f.start, f.stop))
        return np.arange(f.start, f.stop)

    ways = routes([np.arange(10)], [np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])], 0)
    assert np.array_equal(moved(Thread(0, {}), ways, take, (), np.int64), np.arange(10))
    assert asked == [(0, 10)]


def test_free_memory_is_told():
    """At most what the system has in all, and not a thousandth of it"""
    known = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    whole = 1024 * int(known["MemTotal"].split()[0])
    assert 1e-3 * whole < free_memory() <= whole


@pytest.mark.parametrize(
    ("files", "free"),
    [
        ({}, np.inf),
        ({"proc/meminfo": "MemTotal: 2000 kB\nMemAvailable: 1000 kB\n"}, 1_024_000),
        ({"proc/meminfo": "MemAvailable: 1000 kB\n", "max": "500000", "current": "100000"}, 400_000),
        ({"proc/meminfo": "MemAvailable: 100 kB\n", "max": "500000", "current": "100000"}, 102_400),
        ({"proc/meminfo": "MemAvailable: 1000 kB\n", "max": "max", "current": "100000"}, 1_024_000),
        ({"max": "100000", "current": "100001"}, 0),
        ({"proc/meminfo": "nonsense", "max": "500000", "current": "100000"}, 400_000),
    ],
)
def test_free_memory_is_the_least_of_system_and_cgroup(files, free, tmp_path, monkeypatch):
    monkeypatch.setattr(
        redistribute, "Path", lambda *parts: tmp_path.joinpath(*(p.lstrip("/") for p in parts))
    )
    for name, text in {**files, "proc/self/cgroup": "12:cpu:/other\n0::/job/one\n"}.items():
        path = tmp_path / (name if "/" in name else f"sys/fs/cgroup/job/one/memory.{name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert free_memory() == free


def test_a_message_has_at_most_4_mib():
    """Nine rows of 1 MiB change their ranks: 4, 4 and 1"""
    lines = {(0, 1): Queue()}
    team = Thread(0, lines)
    ways = routes([np.arange(9), np.arange(9, 9)], [np.arange(9, 9), np.arange(9)], 0)
    assert ways.gone == 9
    rows = np.zeros((9, 1 << 20), np.uint8)
    assert len(moved(team, ways, lambda f: rows[f], (1 << 20,), np.uint8)) == 0
    assert [len(lines[0, 1].get_nowait()) >> 20 for _ in range(3)] == [4, 4, 1] and team.most == 4 << 20
