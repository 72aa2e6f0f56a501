"""Under mpirun: every verb of the team, with numbers that can be told beforehand."""

import os
import sys

import numpy as np

import nanompi.mpi.team
from nanompi.errors import DataError
from nanompi.mpi.team import Team


def sums(team):
    """Float and complex arrays, alone and together, in many pieces, keep their dtype; sums are exact
    integers."""
    nanompi.mpi.team.PIECE = 1000  # as 1 GiB, but quick
    whole = sum(range(1, team.size + 1))
    for dtype in (np.float32, np.float64, np.complex64, np.complex128):
        a = np.full((37, 41), team.rank + 1, dtype)
        b, c = np.arange(5).astype(dtype) * (team.rank + 1), np.zeros((0, 3), dtype)
        if a.dtype.kind == "c":
            a *= 2 - 1j
        one, same = a.copy(), a
        team.sum(a, b, c)
        team.sum(one)
        assert a is same and a.dtype == dtype and np.array_equal(a, one)
        assert np.all(a == whole * (2 - 1j if a.dtype.kind == "c" else 1)), a[0, 0]
        assert np.array_equal(b, np.arange(5) * whole)
    mixed = np.full(3, 1j * (team.rank + 1), np.complex64), np.full(4, team.rank + 1.0, np.float32)
    team.sum(*mixed)
    assert np.all(mixed[0] == 1j * whole) and np.all(mixed[1] == whole) and mixed[0].dtype == np.complex64
    assert np.array_equal(team.total(team.rank + 1, 1), [whole, team.size])
    assert (team.clock.bytes.get("combine", 0) > 0) == (team.clock.others > 0) == (team.size > 1)


def refused(team):
    """What would give a wrong sum silently is an error on any number of ranks."""
    square = np.ones((4, 4), np.float32)
    for arrays in (
        (square.T[:, :2],),
        (square[:, ::2],),
        (square, np.ones(3)),
        (np.ones(2, "c8"), np.ones(2)),
    ):
        try:
            team.sum(*arrays)
        except ValueError as e:
            assert "contiguous" in str(e) or "one precision" in str(e)
        else:
            raise AssertionError("not refused")


def shared(team):
    """Arrays of rank 0 on all ranks; small things from and to all."""
    nanompi.mpi.team.PIECE = 1000
    want = np.arange(3000, dtype=np.uint16).reshape(30, 100)
    for given in (want, want.T, want[:0]):
        got = team.bcast_array(given if team.root else None)
        assert got.dtype == np.uint16 and got.shape == given.shape and np.array_equal(got, given)
    assert team.bcast_array(None) is None
    assert team.max(team.rank * 1.5) == (team.size - 1) * 1.5
    assert team.all(True) and not team.all(False) and team.all(team.rank > 0) is False
    assert team.allgather(team.rank**2) == [r**2 for r in range(team.size)]
    assert team.gather(team.host) == ([team.host] * team.size if team.root else None)
    assert team.bcast({"a": 1} if team.root else None) == {"a": 1}
    assert (team.place, team.places) == (team.rank, team.size)
    assert team.cores == max(1, len(os.sched_getaffinity(0)) // team.size)  # nobody has bound these ranks
    team.barrier()


def between(team):
    """Bytes from every rank to every other, in pieces and none at all, with two under way."""
    nanompi.mpi.team.PIECE = 1000
    for n in (0, 1, 1000, 12_345):
        data = np.full(n, team.rank, np.uint8)
        others = [r for r in range(team.size) if r != team.rank]
        requests = [
            r for to in others for r in team.isend(data, to, tag=3) + team.isend(bytes(data), to, tag=4)
        ]
        for source in others:
            for tag in (4, 3):
                got = team.recv(source, tag)
                assert got.dtype == np.uint8 and got.shape == (n,) and np.all(got == source)
        team.wait(requests)


def on_root(team):
    """Work of rank 0; its error can be caught on every rank."""
    assert team.on_root(lambda: (team.rank, "done")) == (0, "done")
    try:
        team.on_root(fail)
    except DataError as e:
        assert "no such scan" in str(e)
    else:
        raise AssertionError("the error is lost on this rank")
    assert Team(alone=True).size == 1 and Team(alone=True).on_root(lambda: 7) == 7


def fail():
    raise DataError("no such scan")


if __name__ == "__main__":
    with Team() as team:
        assert team.size == int(sys.argv[1]) and team.root == (team.rank == 0)
        if sys.argv[2:] == ["fail"]:
            team.on_root(fail)
        for check in (sums, refused, shared, between, on_root):
            check(team)
