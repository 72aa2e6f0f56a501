"""What a run has cost: seconds and bytes of each phase on each rank, memory; for the log and metrics.json."""

import ctypes
import gc
import json
import resource
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from nanompi import units
from nanompi.io.atomic import write_text

IDLE = (
    "start-up",
    "import",
    "compile",
    "combine",
    "wait",
)  # phases in which a rank does nothing for the image
ORDER = ("start-up", "import", "compile", "read", "split", "load", "prepare", "cache", "start", "iterate",
         "quality", "balance", "checkpoint", "live", "combine", "wait", "finish", "write")  # fmt: skip

LABELS = {"start-up": "process start", "import": "imports", "compile": "GPU kernels",
          "split": "partition", "start": "start probe", "quality": "figures", "live": "live view",
          "combine": "sums over ranks", "wait": "wait for ranks", "finish": "image"}  # fmt: skip
WIDTH = 15


def account(run) -> dict[str, Any]:
    """The figures of a run so far (a collective verb).

    ranks: of each host, device, items, peak_memory (B), cpu (s), utilisation, and what `timing.Clock`
    has: seconds, bytes, whole, sent. Utilisation is the part of the time since the process began in which the
    rank worked on the data: not starting, not adding up, not waiting.
    """
    run.team.settle()
    return {
        "mpi": run.team.vendor,
        "seconds": run.clock.elapsed(),
        "ranks": run.team.allgather(_figures(run)),
    }


def peak_memory() -> int:
    """The most memory that this process ever had, in bytes.

    Linux counts in ru_maxrss also what the process had which started this one, for instance a notebook: there
    VmHWM is asked.
    """
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def give_back_memory() -> None:
    """What is held by nothing goes back to the system: arrays in circles, and what the C library keeps."""
    gc.collect()
    with suppress(AttributeError):  # another C library than GNU's
        ctypes.CDLL(None).malloc_trim(0)


def _figures(run) -> dict[str, Any]:
    """Those of this rank, up to now"""
    clock, seconds = run.clock, run.clock.elapsed()
    return {
        "host": run.team.host,
        "device": str(run.device),
        "items": _items(run),
        "peak_memory": peak_memory(),
        "cpu": time.process_time(),
        "utilisation": 1 - _idle(clock, seconds) / seconds,
        "seconds": dict(clock.seconds),
        "bytes": dict(clock.bytes),
        "whole": dict(clock.whole),
        "sent": dict(clock.sent),
    }


def busy(run, idle: float, seconds: float) -> tuple[dict[str, Any], float, float]:
    """({host, device, frames, memory, busy} of this rank now, `_idle` and seconds up to now).

    idle, seconds : those of the last time; busy is the part of the time since then in which the rank worked
    """
    clock, now = run.clock, run.clock.elapsed()
    phase, seconds_of_it = clock.unfinished()
    still = _idle(clock, now) - (seconds_of_it if phase and phase not in IDLE else 0.0)
    part = 1 - (still - idle) / max(now - seconds, 1e-9)
    known = {"host": run.team.host, "device": str(run.device), "frames": _items(run)}
    return known | {"memory": peak_memory(), "busy": min(1.0, max(0.0, part))}, still, now


def write_metrics(run):
    """Where the time went, into the log and metrics.json, when all else has been written.

    The figures stand in the result, too; since then rank 0 alone has worked, whose own are taken anew.
    """
    book = run.result.notes["run"]
    if run.team.root:
        ranks = [_figures(run), *book["ranks"][1:]]
        book = book | {"seconds": run.clock.elapsed(), "ranks": ranks}
        book |= {"programs": run.result.notes["programs"]} if "programs" in run.result.notes else {}
        run.say(table(book))
        if run.folder:
            keep(book, run.folder)


def _items(run) -> int:
    """How much of the input this rank has: its frames, projections ...; all of it where it is not spread"""
    data = run.data.get("data")
    if data is None:
        return 0
    return len(data.parts[run.team.rank]) if data.parts else data.shape[0]


def _idle(clock, seconds) -> float:
    """Seconds in which this rank did nothing for the image; what no phase holds is such, too"""
    return seconds - sum(t for name, t in clock.seconds.items() if name not in IDLE)


def phases(ranks: list[dict]) -> list[str]:
    """The phases of all ranks, in the order of a run; those of a user's own steps at the end."""
    known = dict.fromkeys(name for r in ranks for name in r["seconds"])
    return sorted(known, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))


def table(book: dict[str, Any]) -> str:
    """Per phase seconds of the slowest and of the mean rank, its share, GB/s; memory of a rank."""
    ranks, whole = book["ranks"], book["seconds"]
    head = f"{'phase':<{WIDTH}} {'slowest s':>9} {'mean s':>8} {'share':>6} {'GB/s':>6}"
    lines = ["where the time went:", head]
    for phase in phases(ranks):
        own = [r["seconds"].get(phase, 0.0) for r in ranks]
        worst, mean = max(own), sum(own) / len(own)
        nbytes = sum(r["bytes"].get(phase, 0) for r in ranks)
        rate = f"{nbytes / worst / 1e9:6.2f}" if nbytes and worst else ""
        figures = f"{worst:9.2f} {mean:8.2f} {100 * mean / whole:5.1f}% {rate}".rstrip()
        lines.append(f"{LABELS.get(phase, phase):<{WIDTH}} {figures}")
    peak = units.show(max(r["peak_memory"] for r in ranks), "B")
    used = [100 * r["utilisation"] for r in ranks]
    lines.append(f"{'total':<{WIDTH}} {whole:9.2f}   peak memory {peak} per rank, "
                 f"utilisation {min(used):.0f} to {max(used):.0f} %")  # fmt: skip
    return "\n".join(lines)


def keep(book: dict[str, Any], folder: Path):
    """metrics.json in the run folder (rank 0), whole or not at all; a full disk does not end a run here."""
    with suppress(OSError):
        write_text(Path(folder) / "metrics.json", json.dumps(book, indent=1) + "\n")
