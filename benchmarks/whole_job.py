"""Where the time of a whole job goes: measured, or for one card and half of it modelled.

    python benchmarks/whole_job.py [--frames 2000] [--size 256] [--ranks 2] [--engines DM*100] [--device auto]
    python benchmarks/whole_job.py --card [--cores 16]

The first writes a simulated scan to a file and runs it once: seconds of each phase on rank 0, and the share
of all that is no iteration (with what no phase holds).
The second is for jobs of 4,000 and 40,000 frames of 256², one mode, in steps of 16 pixels, DM*100 on a card.
What the host does is measured here in seconds of the processor on one thread, frames shared by `--cores`;
what the card does is arithmetic (nobody has run it): its rates are in `Card`.
"""

import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import hdf5plugin
import numpy as np
from harness import cost, options, report, timed
from scans import NANOMPI, SCAN, metrics, ptycho, simulated, write_job, write_scan

CPU_CLOCK = "import time; time.perf_counter = time.process_time; import nanompi.__main__"
SOME, SIDE, STEP = (200, 2200), 256, 16  # frames that are loaded here, pixels of a frame and between frames


@dataclass
class Card:
    """Rates of an H100 as the model has them: per second, or seconds."""

    context: float = 1.0  # CuPy, driver, with persistence mode
    compile: float = 8.0  # all kernels, the first time on this machine
    upload: float = 8e9  # bytes, through pinned pieces that one thread fills
    iterations: float = 330e3  # of DM, frames
    figures: float = 1.5 * 330e3  # frames
    tries: int = 170  # iterations of AP with 50 frames for a start probe: 33 looks of 2, 10 tries of 10
    launch: float = 3e-3  # one of those, bound by launches and sums


def measured(given) -> list[dict]:
    """A row for each phase of one run."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_job(folder / "scan.json", simulated(given.frames, given.size), {"use": "ptycho"})
        cost([*NANOMPI, "simulate", "scan.json", "-o", "scan.cxi"], folder)
        step = {"use": "ptycho", "engines": given.engines}
        write_job(folder / "whole.json", {"file": "scan.cxi"}, step, device=given.device, threads="auto")
        cost([*NANOMPI, "run", "-n", given.ranks, "whole.json"], folder)
        book = json.loads((folder / "runs/whole/latest/metrics.json").read_text())
    return shares(book["ranks"], book["seconds"])


def shares(ranks: list[dict], seconds: float) -> list[dict]:
    """Outermost phases of rank 0, with what is nested in them, and sums of them, in seconds."""
    own = ranks[0]["whole"]
    rest = seconds - sum(own.values())
    rows = own | {"no phase": rest, "all but iterations": seconds - own.get("iterate", 0.0)}
    rows["all but iterations and figures"] = rows["all but iterations"] - own.get("quality", 0.0)
    rows["whole"] = seconds
    return [{"phase": name, "s": s, "share": s / seconds} for name, s in rows.items()]


def host(folder: Path, frames: int) -> dict[str, float]:
    """Seconds of the processor of a short run, by phase."""
    write_scan(folder / "scan.h5", frames, SIDE, chunks=(1, SIDE, SIDE), **hdf5plugin.Bitshuffle(cname="lz4"))
    write_job(folder / "short.json", SCAN, ptycho("DM*1"))
    cost([sys.executable, "-c", CPU_CLOCK, "run", "short.json"], folder)
    return metrics(folder, "short")[0]["seconds"]


def loading(few: dict, many: dict) -> tuple[float, float]:
    """Seconds of the processor to look at some frames, and to load and prepare each, from two runs."""
    took = [short["load"] + short["prepare"] for short in (few, many)]
    each = (took[1] - took[0]) / (SOME[1] - SOME[0])
    return took[0] - SOME[0] * each, each


def finished(folder: Path, frames: int) -> tuple[float, float]:
    """Seconds of the processor: (image without ramp, files) for the object of so many frames."""
    from nanompi.methods.ptycho.finish import image_signals, scanned_image
    from nanompi.report.figures import previews
    from nanompi.run.result import Result
    from nanompi.run.writers import nexus

    side = int(STEP * frames**0.5) + SIDE
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j].astype(np.float32)
    O = np.exp(1j * (np.sin(40 * x * y) + 9 * x)) * (1 + 0.01 * np.random.default_rng(0).random(x.shape))
    weight, O, images = np.exp(-4 * (x**2 + y**2)).astype(np.float32), O.astype(np.complex64), []
    ramp = timed(lambda: images.append(scanned_image(O, weight, 0.1)), clock=time.process_time)()
    image, box = images[0][:2]
    result = Result(arrays={"object/data": O, "object/weight": weight, "image_1/data": image})
    result.signals |= image_signals(image, (1e-8, 1e-8), weight[box], 1.0)

    def write():
        nexus.write(result, folder / "result.h5")
        previews(result, folder / "previews")

    return ramp, timed(write, clock=time.process_time)()


def modelled(given) -> list[dict]:
    """A row for each phase of a job on one card, of 4,000 and of 40,000 frames."""
    card, sizes = Card(), (4_000, 40_000)
    with tempfile.TemporaryDirectory() as name:
        _, *short = [host(Path(name), n) for n in (SOME[0], *SOME)]  # numba compiles in the first
        ends = [finished(Path(name), n) for n in sizes]
    look, each = loading(*short)
    here, model = "measured, s of one core", "model"
    python = cost([sys.executable, "-c", ""])["cpu"]
    begin = python + sum(short[0].get(k, 0.0) for k in ("import", "read", "split"))
    rows = [
        ("python, imports, read, split", here, [begin] * 2),
        ("CuPy, context", model, [card.context] * 2),
        ("look at some frames", here, [look] * 2),
        ("load, prepare", f"measured / {given.cores} cores", [n * each / given.cores for n in sizes]),
        ("counts to the card", model, [n * SIDE**2 * 2 / card.upload for n in sizes]),
        ("start probe", model, [card.tries * card.launch] * 2),
        ("iterate", model, [100 * n / card.iterations for n in sizes]),
        ("figures, 10 times", model, [10 * n / card.figures for n in sizes]),
        ("image without ramp", here, [ramp for ramp, _ in ends]),
        ("files", here, [files for _, files in ends]),
    ]
    whole = np.sum([seconds for *_, seconds in rows], axis=0)
    rows += [
        ("whole", "", list(whole)),
        ("share of iterations and figures", "", list((np.array(rows[6][2]) + rows[7][2]) / whole)),
    ]
    rows += [("besides, the first time: kernels compiled", model, [card.compile] * 2)]
    return [
        {"phase": name, "how": how, **{f"{n:,} frames": s for n, s in zip(sizes, seconds)}}
        for name, how, seconds in rows
    ]


def main():
    job = {"frames": 2000, "size": 256, "ranks": 2, "engines": "DM*100", "device": ("auto", "cpu", "cuda")}
    given = options(__doc__, **job, card=False, cores=16)
    report(given, modelled(given) if given.card else measured(given))


if __name__ == "__main__":
    main()
