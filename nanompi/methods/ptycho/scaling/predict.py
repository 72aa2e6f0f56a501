"""Predicts many ranks from one: the measured cost of a frame, the real partition, the speed of a link."""

import os
from dataclasses import replace

from nanompi.methods.ptycho.scaling import wire
from nanompi.methods.ptycho.scaling.calibrate import Cost
from nanompi.methods.ptycho.scaling.foresee import foresee
from nanompi.mpi.link import Link
from nanompi.run.planning import efficiency

WAYS = ("allreduce", "overlap")


def measured(book: dict, sizes, cost: Cost) -> Cost:
    """A calibrated cost, scaled so that the iterations of the run on one rank come out as they were."""
    real, guess = book["ranks"][0]["whole"].get("iterate", 0.0), foresee(sizes, cost, 1, Link()).iterations
    by = real / guess if real and guess else 1.0
    return replace(cost, **{k: {n: by * t for n, t in getattr(cost, k).items()} for k in ("frame", "pixel")})


def iterations(sizes, cost: Cost, ranks: list[int], link: Link) -> dict[str, dict[int, tuple[float, int]]]:
    """{way: {ranks: (PEFF of the iterations, bytes sent per iteration by the rank that sends most)}}"""
    out = {}
    for kind in WAYS:
        found = [foresee(sizes, cost, p, link, kind) for p in (1, *ranks)]
        out[kind] = {f.ranks: (e, f.bytes) for f, e in zip(found, efficiency(found, "iterations"))}
    return out


def table(scans: dict[str, dict]) -> str:
    """Markdown of `iterations` for some scans: {name of the scan: iterations(...)}"""
    lines = ["| scan | ranks | PEFF allreduce | PEFF overlap | sent allreduce, MB | sent overlap, MB |",
             "|---|---:|---:|---:|---:|---:|"]  # fmt: skip
    for name, ways in scans.items():
        for p in list(ways[WAYS[0]])[1:]:
            (e, n), (f, m) = (ways[kind][p] for kind in WAYS)
            lines.append(f"| {name} | {p} | {e:.3f} | {f:.3f} | {n / 1e6:.2f} | {m / 1e6:.2f} |")
    return "\n".join(lines)


def check(books: list[dict], sizes, cost: Cost, link: Link, threads: int = 1) -> list[dict]:
    """Predicted against measured, for each run on more than one rank.

    ranks, bytes and predicted_bytes of the iterations (of the rank that sent most), seconds and
    predicted_seconds of the iterations; factor = measured / predicted. Ranks that share cores of this
    machine are slower by as much. cost : as `measured`
    """
    out = []
    for book in books[1:]:
        p, ranks = len(book["ranks"]), book["ranks"]
        share = max(1.0, p * threads / len(os.sched_getaffinity(0)))
        combine = sizes.way(p)
        row = foresee(sizes, cost, p, link, combine)
        guess = row.seconds["iterate"] * share + row.seconds["combine"]
        real = max(r["whole"].get("iterate", 0.0) for r in ranks)
        out.append({
            "ranks": p,
            "combine": combine,
            "bytes": max(r["sent"].get("iterate", 0) for r in ranks),
            "predicted_bytes": total_bytes(sizes, p, combine),
            "seconds": real,
            "predicted_seconds": guess,
            "factor": real / guess if guess else 0.0,
        })  # fmt: skip
    return out


def total_bytes(sizes, ranks: int, combine: str = "allreduce") -> int:
    """Bytes that the rank which sends most gives away in all iterations."""
    out = 0
    for name, times, updates in sizes.engines:
        for n, probe in ((updates, True), (times - updates, False)):
            if combine == "allreduce":
                out += n * wire.allreduce_bytes(sizes, name, ranks, probe)
            else:
                out += n * int(wire.overlap_bytes(sizes, name, ranks, probe).max())
    return out
