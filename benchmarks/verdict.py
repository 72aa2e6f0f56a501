"""Is the verdict right? Random scans (scenes.py), good ones and some with a fault (faults.py), run in turns.

    python benchmarks/verdict.py [--first 9001] [--good 30] [--wrong 30]      fresh scans, faults in turns
    python benchmarks/verdict.py --kinds late "3 px" [--first 4]     each of these on one scan; or all
    python benchmarks/verdict.py --files scans/*.cxi                 scans that are there, made wrong or not

grade : of the run's verdict, or "refused" with the exit code; cause : does reason or line to paste name the
fault? phase : error against the truth in rad. A wrong scan counts where that is above 0.06, or refused.
"""

import io
import tempfile
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stderr
from functools import partial
from pathlib import Path

import h5py
import numpy as np
from faults import FAULTS, wrong
from harness import options, report
from scans import run_here, write_job
from scenes import write

from nanompi.errors import NanompiError
from nanompi.methods.ptycho.compare import compare

HARMLESS = ("good", "saturated", "off centre", "NaN", "energy in eV", "positions in mm", "positions 1e-3",
            "frames lost")  # fmt: skip
SPOILT = 0.06  # rad


def row(given, one: tuple[str, int]) -> dict:
    """A scan (kind, seed), and what the program says of it."""
    kind, seed = one
    with tempfile.TemporaryDirectory() as out:
        write(wrong(kind, seed), Path(out) / "scan.cxi")
        said = judged(given, Path(out) / "scan.cxi", Path(out))
    text = f"{said['words']} {said['paste']}".lower()
    cause = any(word.lower() in text for word in FAULTS[kind].cause)
    return {"seed": seed, "kind": kind, "cause": "yes" if cause else "", **said}


def file_row(given, name: str) -> dict:
    """A scan that is there, and what the program says of it."""
    with tempfile.TemporaryDirectory() as out:
        return {"file": Path(name).stem, **judged(given, Path(name).resolve(), Path(out))}


def judged(given, scan: Path, out: Path) -> dict:
    """A scan is run in the folder out: grade, phase error, figure of unseen frames, words, line to paste."""
    job = out / "verdict.yaml"
    write_job(job, {"file": str(scan)}, {"use": "ptycho", "engines": given.engines})
    words = io.StringIO()
    with redirect_stderr(words):
        code, folder = run_here(job, *given.set)
    said = outcome(folder) if code == 0 else refusal(code, words.getvalue())
    phase = error(folder) if code == 0 else np.nan
    return {"grade": said["grade"], "phase": phase, "held": said["held"], "words": said["words"][:300],
            "paste": said["paste"]}  # fmt: skip


def outcome(folder: Path) -> dict:
    """Grade, words, line to paste, figure of unseen frames of a run's result."""
    with h5py.File(folder / "result.h5") as f:
        notes = f.get("entry_1/process_1/verdict")
        if notes is None:
            return {"grade": "none", "words": "", "paste": "", "held": np.nan}
        text = {k: notes[k].asstr()[()] if k in notes else "" for k in ("grade", "words", "paste")}
        held = notes.get("steps/ptycho/held")
        return {**text, "held": float(held[()]) if held is not None else np.nan}


def refusal(code: int, log: str) -> dict:
    """What stands last in the log of a run that failed."""
    lines = [line for line in log.splitlines() if line.strip()]
    return {"grade": f"refused ({code})", "words": lines[-1] if lines else "", "paste": "", "held": np.nan}


def error(folder: Path) -> float:
    """Phase error in rad; NaN where too little is lit to tell."""
    try:
        return compare(str(folder), "truth")["phase_rmse"]
    except NanompiError:
        return np.nan


def scans(given) -> list[tuple[str, int]]:
    """(kind, seed) of all."""
    if given.kinds:
        return [(kind, given.first) for kind in (FAULTS if given.kinds == ["all"] else given.kinds)]
    kinds = [kind for kind in FAULTS if kind not in HARMLESS]
    wrong = [(kinds[k % len(kinds)], given.first + 500 + k) for k in range(given.wrong)]
    return [("good", given.first + k) for k in range(given.good)] + wrong


def summary(rows: list[dict]) -> str:
    """The four numbers that count."""
    good = [r for r in rows if r["kind"] == "good"]
    spoilt = [r for r in rows if r["kind"] != "good" and not r["phase"] <= SPOILT]
    named = [r for r in spoilt if r["grade"] not in ("good", "none")]
    blamed, right = sum(r["grade"] != "good" for r in good), sum(r["cause"] == "yes" for r in named)
    return (
        f"{blamed} of {len(good)} good scans blamed; of {len(spoilt)} wrong ones with more than {SPOILT} rad "
        f"{len(named)} named, the cause right for {right}"
    )


if __name__ == "__main__":
    given = options(
        __doc__, first=9001, good=30, wrong=30, kinds=[], files=[], engines="DM*40 ML*30", processes=1, set=[]
    )
    with ProcessPoolExecutor(given.processes) as pool:
        of, which = (file_row, given.files) if given.files else (row, scans(given))
        rows = report(given, pool.map(partial(of, given), which))
    if not given.files:
        print("\n" + summary(rows))
