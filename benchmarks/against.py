"""Is a checkout slower than another one, or does it need more memory? Both measured in turns, in one run.

    python benchmarks/against.py OLD NEW [--cases dm ml load] [--ranks 1] [--repeat 7] [--share 1.0]

OLD, NEW : checkouts, each with a .venv, whose `nanompi run` does the same job on the same file: nothing else
is known of them. dm: 400 frames of 128², ml: 200 frames of 256², load: 16,000 frames of 256² in
bitshuffle-LZ4 of which a window of 128² is kept. --share: this part of the frames, for a trial.

A turn is a long run less a short one (of 40 and 2 iterations; of all frames and of a tenth): start-up, import
and writing do not count. `ratio`: NEW / OLD, median of the pairs of turns; `from` and `to` hold the middle
half of them. CPU seconds are those of all ranks, to be trusted beside other programs; those of the wall on a
quiet machine. `peak` is the memory of the largest process of the long run.
"""

import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
from harness import cost, options, report, turns
from scans import SCAN, ptycho, write_job, write_scan

CASES = {  # frames, their size, the window, the engine
    "dm": (400, 128, 128, "DM"),
    "ml": (200, 256, 256, "ML"),
    "load": (16000, 256, 128, ""),
}
SHORT, LONG = 2, 40  # iterations


def jobs(case: str, folder: Path, share: float) -> list[Path]:
    """The short and the long job of a case."""
    import hdf5plugin

    (frames, size, window, engine), paths = CASES[case], []
    stored = {"chunks": (16, size, size), "compression": hdf5plugin.Bitshuffle(cname="lz4")}
    for name, part, iterations in (("short", 1 if engine else 0.1, SHORT), ("long", 1, LONG)):
        paths.append(folder / f"{case}-{name}.yaml")
        write_scan(paths[-1].with_suffix(".h5"), max(32, round(share * part * frames)), size, **stored)
        steps = [{"use": "ptycho.prepare", "size": window}]
        steps += [ptycho(f"{engine}*{iterations}", "100 um")] if engine else []
        write_job(paths[-1], {**SCAN, "file": paths[-1].stem + ".h5"}, *steps)
    return paths


def more_work(checkout: Path, short: Path, long: Path, ranks: int) -> dict[str, float]:
    """What the long job costs more than the short one; peak: of the long one."""
    words = [checkout / ".venv" / "bin" / "nanompi", "run", *(["-n", ranks] if ranks > 1 else [])]
    few, many = (cost([*words, job], job.parent) for job in (short, long))
    return {"wall": many["wall"] - few["wall"], "cpu": many["cpu"] - few["cpu"], "peak": many["peak"]}


def compared(case: str, figures: dict[str, list[dict]]) -> list[dict]:
    """A row for each of cpu, wall and peak."""
    rows = []
    for what in ("cpu", "wall", "peak"):
        old, new = (np.array([turn[what] for turn in figures[side]]) for side in ("old", "new"))
        ratio, scale = new / old, 1e6 if what == "peak" else 1
        low, high = np.quantile(ratio, (0.25, 0.75))
        row = {"case": case, "what": f"{what}, {'MB' if what == 'peak' else 's'}"}
        row |= {"old": float(np.median(old) / scale), "new": float(np.median(new) / scale)}
        rows.append(row | {"ratio": float(np.median(ratio)), "from": float(low), "to": float(high)})
    return rows


def main():
    given = options(__doc__, "OLD", "NEW", cases=list(CASES), ranks=1, repeat=7, share=1.0)
    sides, rows = {"old": Path(given.OLD).resolve(), "new": Path(given.NEW).resolve()}, []
    for case in given.cases:
        with tempfile.TemporaryDirectory(prefix="nanompi-against-") as folder:
            two = jobs(case, Path(folder), given.share)
            ways = {side: partial(more_work, where, *two, given.ranks) for side, where in sides.items()}
            rows += compared(case, turns(ways, given.repeat))
            print(f"{case} is done", file=sys.stderr)
    report(given, rows, ranks=given.ranks, turns=given.repeat, **{k: str(v) for k, v in sides.items()})


if __name__ == "__main__":
    main()
