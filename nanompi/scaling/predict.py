"""From a run on one rank to many: the cost of a frame as measured, the real partition, a link."""

import os

from nanompi.scaling import wire
from nanompi.scaling.calibrate import Cost
from nanompi.scaling.foresee import efficiency, foresee
from nanompi.scaling.wire import Link

WAYS = ("allreduce", "overlap")


def measured(book: dict, scene) -> Cost:
    """Seconds of a frame in an iteration, from the run on one rank; the engines share one figure."""
    rank, times = book["ranks"][0], sum(times for _, times, _ in scene.engines)
    a = rank["whole"].get("iterate", 0.0) / max(1, times * scene.frames)
    return Cost({n: a for n, *_ in scene.engines}, {n: 0.0 for n, *_ in scene.engines})


def iterations(scene, cost: Cost, ranks: list[int], link: Link) -> dict[str, dict[int, tuple[float, int]]]:
    """{way: {ranks: (PEFF of the iterations, bytes sent per iteration by the rank that sends most)}}"""
    out = {}
    for way in WAYS:
        found = [foresee(scene, cost, p, link, way) for p in (1, *ranks)]
        out[way] = {f.ranks: (e, f.bytes) for f, e in zip(found, efficiency(found, "iterations"))}
    return out


def table(scenes: dict[str, dict]) -> str:
    """Markdown of `iterations` for some scans: {name of the scan: iterations(...)}"""
    lines = ["| scan | ranks | PEFF allreduce | PEFF overlap | sent allreduce, MB | sent overlap, MB |",
             "|---|---:|---:|---:|---:|---:|"]  # fmt: skip
    for name, ways in scenes.items():
        for p in list(ways[WAYS[0]])[1:]:
            (e, n), (f, m) = (ways[way][p] for way in WAYS)
            lines.append(f"| {name} | {p} | {e:.3f} | {f:.3f} | {n / 1e6:.2f} | {m / 1e6:.2f} |")
    return "\n".join(lines)


def check(books: list[dict], scene, link: Link, threads: int = 1, combine: str = "allreduce") -> list[dict]:
    """Predicted against measured, for each run on more than one rank.

    ranks, bytes and predicted_bytes of the iterations (of the rank that sent most), seconds and
    predicted_seconds of the iterations; factor = measured / predicted. Ranks that share cores of this
    machine are slower by as much.
    """
    cost, out = measured(books[0], scene), []
    for book in books[1:]:
        p, ranks = len(book["ranks"]), book["ranks"]
        share = max(1.0, p * threads / len(os.sched_getaffinity(0)))
        row = foresee(scene, cost, p, link, combine)
        guess = row.seconds["iterate"] * share + row.seconds["combine"]
        real = max(r["whole"].get("iterate", 0.0) for r in ranks)
        out.append({
            "ranks": p,
            "bytes": max(r["sent"].get("iterate", 0) for r in ranks),
            "predicted_bytes": total_bytes(scene, p, combine),
            "seconds": real,
            "predicted_seconds": guess,
            "factor": real / guess if guess else 0.0,
        })  # fmt: skip
    return out


def total_bytes(scene, ranks: int, combine: str = "allreduce") -> int:
    """Bytes that the rank which sends most gives away in all iterations."""
    out = 0
    for name, times, updates in scene.engines:
        for n, probe in ((updates, True), (times - updates, False)):
            if combine == "allreduce":
                out += n * wire.allreduce_bytes(scene, name, ranks, probe)
            else:
                out += n * int(wire.overlap_bytes(scene, name, ranks, probe).max())
    return out
