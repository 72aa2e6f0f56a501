"""A job on some numbers of ranks, and what comes of it: PAR_p = T_1 / T_p, PEFF_p = T_1 / (p T_p)."""

import csv
import io
import json
import subprocess
import time
from pathlib import Path
from statistics import median
from typing import Any

from nanompi.errors import StepError
from nanompi.mpi.children import python
from nanompi.run.metrics import phases

ITERATIONS, TOTAL = "iterations", "total"  # iterate with its sums and waits; the whole job, from outside


def run(command: list[str], folder: Path, environ: dict[str, str], ranks: int) -> dict[str, Any]:
    """Run a job that writes into `folder`; its metrics, with "wall" and "ranks_asked".

    Errors: StepError with the last lines of what the job said.
    """
    t = time.perf_counter()
    done = subprocess.run(command, env=environ, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    wall = time.perf_counter() - t
    if done.returncode:
        tail = (done.stderr or done.stdout).strip().splitlines()[-5:]
        raise StepError(f"{ranks} ranks ended with exit code {done.returncode}:", *tail)
    book = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    return {**book, "wall": wall, "ranks_asked": ranks}


def best(books: list[dict]) -> dict:
    """Of some runs on the same ranks the quickest: what disturbs a run makes it slower, never faster."""
    return min(books, key=lambda b: b["wall"])


def seconds(book: dict) -> dict[str, float]:
    """Seconds of the slowest rank in each phase, of the iterations, and of the whole from outside."""
    ranks = book["ranks"]
    own = {name: max(r["seconds"].get(name, 0.0) for r in ranks) for name in phases(ranks)}
    whole = max(r["whole"].get("iterate", 0.0) for r in ranks)
    return {**own, ITERATIONS: whole, TOTAL: book["wall"]}


def rows(books: list[dict]) -> list[dict[str, Any]]:
    """A row for each phase and number of ranks: phase, ranks, seconds, PAR, PEFF; measured by the first.

    With another number of ranks than 1 in the first book, p is counted in units of it.
    """
    first, unit, out = seconds(books[0]), len(books[0]["ranks"]), []
    for book in books:
        now, p = seconds(book), len(book["ranks"])
        for name, t in now.items():
            par = first.get(name, 0.0) / t if t else 0.0
            out.append({"phase": name, "ranks": p, "seconds": t, "PAR": par, "PEFF": par * unit / p})
    return out


def turns(runs: list[list[dict]]) -> str:
    """Lines with PEFF of the parts that count in each turn of runs; '' for a single one.

    runs : [turn][number of ranks]. The runs of a turn follow one another: a machine that is faster in one
    hour than in another is so for both sides of the ratio.
    """
    lines = []
    for k, p in enumerate(len(b["ranks"]) for b in runs[0][1:]):
        found = [
            {r["phase"]: r["PEFF"] for r in rows([turn[0], turn[k + 1]]) if r["ranks"] == p} for turn in runs
        ]
        for name in (ITERATIONS, TOTAL):
            e = sorted(f[name] for f in found)
            lines.append(f"* {p} ranks, {name}: {median(e):.2f} ({e[0]:.2f} to {e[-1]:.2f})")
    head = f"PEFF within each of {len(runs)} turns, median (least to largest):"
    return "\n".join(["", head, "", *lines]) if len(runs) > 1 and lines else ""


def loads(books: list[dict]) -> list[dict[str, Any]]:
    """For each number of ranks: UTL, the least and the largest utilisation; MEM, the largest memory."""
    return [
        {
            "ranks": len(b["ranks"]),
            "UTL": [f([r["utilisation"] for r in b["ranks"]]) for f in (min, max)],
            "MEM": max(r["peak_memory"] for r in b["ranks"]),
            "sent": max(r["sent"].get("iterate", 0) for r in b["ranks"]),
        }
        for b in books
    ]


def table(books: list[dict]) -> str:
    """Markdown: seconds of each phase, PAR and PEFF of the parts that count, utilisation, memory."""
    counts, found = [len(b["ranks"]) for b in books], rows(books)
    head = ["ranks", *map(str, counts)]
    lines = [_line(head), _line(["---", *["---:"] * len(counts)])]
    at = {(r["phase"], r["ranks"]): r for r in found}
    names = list(dict.fromkeys(r["phase"] for r in found))
    for name in names:
        cells = [at.get((name, p), {"seconds": 0.0})["seconds"] for p in counts]
        if max(cells) >= 0.005:
            lines.append(_line([f"{name}, s", *(f"{t:.2f}" for t in cells)]))
    for name in (ITERATIONS, TOTAL):
        for what in ("PAR", "PEFF"):
            lines.append(_line([f"{what} {name}", *(f"{at[name, p][what]:.2f}" for p in counts)]))
    used = loads(books)
    lines.append(_line(["UTL, %", *(f"{100 * u['UTL'][0]:.0f} to {100 * u['UTL'][1]:.0f}" for u in used)]))
    lines.append(_line(["MEM, MB per rank", *(f"{u['MEM'] / 1e6:.0f}" for u in used)]))
    lines.append(_line(["sent in iterations, MB per rank", *(f"{u['sent'] / 1e6:.2f}" for u in used)]))
    return "\n".join(lines)


def _line(cells) -> str:
    return "| " + " | ".join(cells) + " |"


def comma_separated(books: list[dict]) -> str:
    """The rows as CSV."""
    out = io.StringIO()
    writer = csv.DictWriter(out, ["phase", "ranks", "seconds", "PAR", "PEFF"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows(books))
    return out.getvalue()


def command(mpiexec: str, ranks: int, words: list[str]) -> list[str]:
    """The command that runs a job on so many ranks."""
    return [mpiexec, "-n", str(ranks), *python("-m", "nanompi", "run", *words)]
