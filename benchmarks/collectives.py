"""Sums over the ranks of one node, and exchanges between neighbours, against bytes.

    python benchmarks/collectives.py [--ranks 2,4] [--largest BYTES] [--pythons P1,P2] [--json results.json]

Starts the ranks by itself, for each python (each with an MPI of its own) and each number of ranks. The ways
take turns within a run; a time is that of the slowest rank. Arrays are complex64.

Allreduce : all bytes in one piece
pieces    : those of Team.sum, without its barrier and its clock
Team.sum  : as the engines call it
copied    : a shared window as large as the array, copied into and out of
lean      : the same, without the copies of the share that a rank adds up itself
in place  : a window without any copies: the sum is read where it was made
Common    : `nanompi.device.common`, as cards add up: in place, and read from a segment of its own
pipe X    : a small window and pieces of X: each rank copies in the next piece, adds up its slice of this one
            and copies out the last, with one barrier for each piece
1, 2, 3   : neighbours, persistent requests for a band of so many bytes each; +: and the bands are added up
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from windows import Window, total

from nanompi.device.common import Common
from nanompi.mpi.mpiexec import environment, under_launcher
from nanompi.mpi.team import Team

STEPS = {"pipe 1 MiB": 1 << 20, "pipe 4 MiB": 1 << 22}
NOTHING = ()


def sums(team, nbytes: int):
    """{way: (array to fill, work, array with the sum)}, and the windows"""
    from mpi4py import MPI

    a = np.zeros(nbytes // 4, np.float32)
    common = Common(team, *team.by_node(), nbytes)
    large, small = Window(team.comm, nbytes), Window(team.comm, 3 * min(max(STEPS.values()), nbytes))
    ways = {
        "Allreduce": (a, lambda: team.comm.Allreduce(MPI.IN_PLACE, a), a),
        "pieces": (a, lambda: team._sum([a]), a),
        "Team.sum": (a, lambda: team.sum(a.view(np.complex64)), a),
        "copied": (a, lambda: large.copied(a), a),
        "lean": (a, lambda: large.lean(a), a),
        "in place": (large.own, large.add, large.segments[0]),
        "Common": (
            common.own.view(np.float32),
            lambda: common.sum(np.float32, nbytes),
            common.total.view(np.float32),
        ),
    }
    for name, most in STEPS.items():
        step = min(most, nbytes) // 4
        ways[name] = (a, lambda step=step: small.pipe(a, step), a)
    return ways, (large, small)


def bands(team, nbytes: int):
    """{neighbours: (band, work, sum of the bands where all ranks are neighbours)}, and the requests"""
    band, ways, open_ = np.zeros(nbytes // 4, np.float32), {}, []
    for n in range(1, min(team.size, 4)):
        others = sorted(team.rank ^ k for k in range(1, n + 1))
        came = {r: np.zeros_like(band) for r in others}
        exchange = persistent(team.comm, band, came, open_)
        terms, out = [{**came, team.rank: band}[r] for r in sorted([*others, team.rank])], np.zeros_like(band)

        def added(exchange=exchange, terms=terms, out=out):
            exchange()
            total(terms, out)

        ways |= {str(n): (band, exchange, NOTHING)}
        ways |= {f"{n} +": (band, added, out if n + 1 == team.size else NOTHING)}
    return ways, open_


def persistent(comm, band, came, open_: list):
    """A function that sends the band to neighbours and receives theirs."""
    from mpi4py import MPI

    requests = [comm.Recv_init(theirs, r) for r, theirs in came.items()]
    requests += [comm.Send_init(band, r) for r in came]
    open_ += requests

    def exchange():
        MPI.Prequest.Startall(requests)
        MPI.Request.Waitall(requests)

    return exchange


def check(team, ways: dict):
    """Each way gives the sum of known numbers; out of order, so that no way sees its own leavings."""
    for name, (given, work, result) in ways.items():
        for _ in range(2):
            given[:] = np.arange(len(given)) % 1000 + team.rank
            team.barrier()
            work()
            team.barrier()
            want = team.size * (np.arange(len(given)) % 1000) + team.size * (team.size - 1) // 2
            assert len(result) == 0 or np.array_equal(result, want), f"{name}: wrong sum"
            team.barrier()


def timed(team, ways: dict, nbytes: int, repeat: int) -> dict[str, list[float]]:
    """way -> milliseconds of the slowest rank, in each repetition; the ways in turn, each first at times."""
    check(team, ways)
    names, times, inner = list(ways), {name: [] for name in ways}, max(1, min(20, (1 << 19) // nbytes))
    for k in range(repeat + 1):
        for name in names[k % len(names) :] + names[: k % len(names)]:
            given, work, _ = ways[name]
            given[:] = 0
            team.comm.Barrier()
            t = time.perf_counter()
            for _ in range(inner):
                work()
            times[name].append(1e3 * team.max((time.perf_counter() - t) / inner))
    return {name: t[1:] for name, t in times.items()}


def adding(team) -> float:
    """Bytes/s that a rank adds up while the others do the same"""
    a, b, times = np.zeros(1 << 23, np.float32), np.ones(1 << 23, np.float32), []
    for _ in range(5):
        team.barrier()
        t = time.perf_counter()
        total([a, b], a)
        times.append(time.perf_counter() - t)
    return a.nbytes / min(times)


def rank(given):
    """What each rank does; rank 0 writes the figures."""
    with Team() as team:
        book = {"mpi": team.vendor, "ranks": team.size, "adds": adding(team), "sum": {}, "exchange": {}}
        jobs = [("sum", sums)] + [("exchange", bands)] * (team.size in (2, 4, 8))
        for nbytes in sizes(given.largest):
            for what, make in jobs:
                ways, taken = make(team, nbytes)
                book[what][nbytes] = timed(team, ways, nbytes, given.repeat)
                for thing in taken:
                    thing.Free()
        if team.root:
            Path(given.out).write_text(json.dumps(book))


def sizes(largest: int) -> list[int]:
    """Some between 8 KiB and the largest"""
    out = [8 << 10, 64 << 10, 512 << 10, 2 << 20, 8 << 20, 16 << 20, 64 << 20]
    return [n for n in out if n <= largest]


def said(nbytes: int) -> str:
    return f"{nbytes >> 20} MiB" if nbytes >> 20 else f"{nbytes >> 10} KiB"


def table(rows: dict, base: str = "") -> str:
    """Markdown: ms, median (least), and [times faster than `base`, median of the pairs]"""
    names = list(next(iter(rows.values())))
    lines = [["bytes", *names], ["---:"] * (len(names) + 1)]
    for nbytes, ways in rows.items():
        cells = [f"{np.median(t):.3f} ({min(t):.3f})" for t in ways.values()]
        if base:
            cells = [f"{c} [{np.median(np.divide(ways[base], t)):.2f}]" for c, t in zip(cells, ways.values())]
        lines.append([said(int(nbytes)), *cells])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def model(book: dict) -> str:
    """`nanompi.methods.ptycho.scaling.wire.Link` with rate and latency by the smallest and
    largest size, beside all sizes"""
    p, adds = book["ranks"], book["adds"]
    part = (p - 1) / p
    rows = [("Team.sum", book["sum"], "Team.sum", 2 * int(np.ceil(np.log2(p))), 2 * part, part / adds)]
    for k in range(1, min(p, 4)) if book["exchange"] else ():
        rows.append((f"exchange with {k}", book["exchange"], f"{k} +", k, k, k / adds))
    lines = [["model", "latency, us", "rate, GB/s", *map(said, map(int, book["sum"]))]]
    lines += [["---"] * len(lines[0])]
    lines += [
        fit(name, {int(n): w[way] for n, w in found.items()}, *more) for name, found, way, *more in rows
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def fit(name: str, rows: dict, messages: int, crossing: float, adding: float) -> list[str]:
    """messages * latency + bytes * (crossing / rate + adding); then measured / model for each size"""
    t = {n: 1e-3 * min(t) for n, t in rows.items()}
    few, many = min(t), max(t)
    each = (t[many] - t[few]) / (many - few)
    latency = (t[few] - few * each) / messages
    rate = crossing / (each - adding) if each > adding else np.inf
    ratios = [f"{t[n] / (messages * latency + n * each):.2f}" for n in t]
    return [name, f"{1e6 * latency:.1f}", f"{rate / 1e9:.2f}", *ratios]


def launch(python: str, ranks: int, given) -> dict:
    """The figures of one MPI on so many ranks"""
    with tempfile.TemporaryDirectory() as folder:
        out, own = Path(folder) / "a.json", ["--largest", str(given.largest), "--repeat", str(given.repeat)]
        command = [
            str(Path(python).parent / "mpiexec"),
            "-n",
            str(ranks),
            python,
            __file__,
            "--out",
            str(out),
        ]
        subprocess.run([*command, *own], env={"OMP_NUM_THREADS": "1", **environment()}, check=True)
        return json.loads(out.read_text())


def main():
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("--ranks", default="2,4")
    parse.add_argument("--largest", type=int, default=64 << 20, help="bytes")
    parse.add_argument("--repeat", type=int, default=15)
    parse.add_argument("--pythons", default=sys.executable)
    parse.add_argument("--json")
    parse.add_argument("--out", help=argparse.SUPPRESS)
    given = parse.parse_args()
    if under_launcher():
        return rank(given)
    books = []
    for python in given.pythons.split(","):
        for n in map(int, given.ranks.split(",")):
            before = os.getloadavg()[0]
            books.append({**launch(python, n, given), "load": before})
            print(text(books[-1]), flush=True)
    if given.json:
        Path(given.json).write_text(json.dumps(books, indent=1))


def text(book: dict) -> str:
    """The figures of one MPI on one number of ranks"""
    head = f"### {book['mpi']}, {book['ranks']} ranks"
    state = f"Load before: {book['load']:.1f}; each rank adds up {book['adds'] / 1e9:.1f} GB/s."
    found = [table(book["sum"], "pieces"), *([table(book["exchange"])] if book["exchange"] else [])]
    return "\n\n".join(["", head, state, *found, model(book)])


if __name__ == "__main__":
    main()
