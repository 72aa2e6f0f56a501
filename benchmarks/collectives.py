"""Sums over the ranks of one node, and exchanges with neighbours, against bytes; the link of `nanompi plan`.

    python benchmarks/collectives.py [--ranks 2] [--pythons P1 P2 ...] [--largest BYTES] [--repeat 15]

Once for each python, with an MPI of its own. Milliseconds of the slowest rank, median of turns.

Allreduce : all bytes in one piece
Team.sum  : as engines on CPUs call it, in pieces
Common    : as cards add up, in memory that the ranks of the node share (`nanompi.device.shared`)
1, 2, 3   : exchange of so many bytes with each of so many neighbours, as of overlaps

Then the link of `nanompi plan` (`nanompi.mpi.link`): latency and rate by the smallest and the largest size,
and by how much the sizes between them leave that line (measured / line, the worst).
"""

import sys
from functools import partial

import numpy as np
from harness import on_ranks, options, report, table, timed, turns

from nanompi.device.shared import Common
from nanompi.mpi.halo import HaloExchange
from nanompi.mpi.link import ADDS

SIZES = [1 << 13, 1 << 16, 1 << 19, 1 << 21, 1 << 23, 1 << 24, 1 << 26]


def sums(team, nbytes: int) -> dict:
    """{way: work}; that the sums are right is for the tests to say"""
    from mpi4py import MPI

    a, common = np.zeros(nbytes // 4, np.float32), Common(team, *team.by_node(), nbytes)
    return {
        "Allreduce": partial(team.comm.Allreduce, MPI.IN_PLACE, a),
        "Team.sum": partial(team.sum, a),
        "Common": partial(common.sum, np.float32, nbytes),
    }


def exchanges(team, nbytes: int) -> dict:
    """{neighbours: work}; of 2, 4 or 8 ranks, each with those whose number differs in the last bits"""
    band, ways = np.zeros(nbytes // 4, np.float32), {}
    for n in range(1, min(team.size, 4) if team.size in (2, 4, 8) else 1):
        others = [team.rank ^ k for k in range(1, n + 1)]
        take = {r: np.zeros_like(band) for r in others}
        exchange = HaloExchange(team, dict.fromkeys(others, band), take, 7 + 2 * n)
        ways[str(n)] = lambda exchange=exchange: (exchange.start(), exchange.wait())
    return ways


def measure(team, given) -> dict:
    """{mpi, rows: for each size {bytes, way: ms}}"""
    rows = []
    for nbytes in (n for n in SIZES if n <= given.largest):
        works, calls = sums(team, nbytes) | exchanges(team, nbytes), max(1, min(20, (1 << 19) // nbytes))
        took = turns({name: timed(work, team, calls=calls) for name, work in works.items()}, given.repeat)
        rows.append({"bytes": nbytes, **{name: 1e3 * float(np.median(t)) for name, t in took.items()}})
    return {"mpi": team.vendor, "rows": rows}


def links(rows: list[dict], ranks: int):
    """The link behind the sums and behind each number of neighbours."""
    for name in [name for name in rows[0] if name == "Team.sum" or name.isdigit()]:
        n, t = np.array([row["bytes"] for row in rows]), np.array([1e-3 * row[name] for row in rows])
        part = (ranks - 1) / ranks
        messages, crossing, added = 2 * np.ceil(np.log2(ranks)), 2 * part, part / ADDS
        if name.isdigit():
            messages, crossing, added = int(name), int(name), 0
        slope = (t[-1] - t[0]) / (n[-1] - n[0])
        start = t[0] - slope * n[0]
        rate = crossing / (slope - added) / 1e9 if slope > added else float("inf")
        worst = max((t / (start + slope * n)).tolist(), key=lambda ratio: abs(np.log(ratio)))
        yield {"link": name, "latency, us": 1e6 * start / messages, "rate, GB/s": rate, "off": worst}


def main():
    given = options(__doc__, ranks=2, pythons=[sys.executable], largest=SIZES[-1], repeat=15)
    for python in given.pythons:
        figures = on_ranks(given.ranks, measure, given, python=python)
        report(given, figures["rows"], mpi=figures["mpi"], ranks=given.ranks)
        print("", table(list(links(figures["rows"], given.ranks))), "", sep="\n")


if __name__ == "__main__":
    main()
