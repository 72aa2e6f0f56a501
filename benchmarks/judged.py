"""What frames left out and the verdict cost a run: CPU seconds, over those of a run that leaves none out.

    python benchmarks/judged.py [--seeds 1 2 3] [--size 128] [--frames 600] [--engines "DM*50 ML*50"]

Two programs run one random scan (scenes.py), one with `heldout: 0`, and take turns after each iteration, so
that what else the machine does disturbs both alike. `off` : iterations of that one, with their figures. In
parts of these seconds, what the other takes more: in as many iterations over fewer frames, for figures of
frames left out, in the iterations that take these in at the end, and for its verdict (with the doctor where
it is asked: `grade` tells). Start and files are the same, and not counted.
"""

import os
import tempfile
import time
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from harness import ONE_THREAD, options, report
from scans import run_here, write_job
from scenes import draw, make, write

WAYS = {"off": 0, "on": "auto"}


@dataclass
class Turns:
    """A program's door to the other: which of the two works."""

    door: object
    first: bool
    alone: bool = False

    def wait(self):
        """Until the other has done its part, or ended"""
        if not self.alone:
            self.alone = self.door.recv() == "ended"

    def give(self, word: str = "go on"):
        """It is the other's turn"""
        if not self.alone:
            self.door.send(word)

    def meet(self):
        """Both are ready"""
        self.door.send("ready")
        self.door.recv()
        if not self.first:
            self.wait()

    def change(self):
        """One iteration each"""
        self.give()
        self.wait()


def child(job: str, turns: Turns, answer):
    """A run, its CPU seconds sent: {each: of iterations, judge, verdict, code, grade}."""
    from nanompi.methods.ptycho import heldout, judge, step

    figures = {"judge": [], "verdict": []}
    step.run_chain = chained(step.run_chain, turns, figures)
    heldout.judge = counted(heldout.judge, figures, "judge")
    judge.verdict = counted(judge.verdict, figures, "verdict")
    code, folder = run_here(Path(job))
    answer.send(figures | {"code": code, "grade": grade(folder)})


def grade(folder: Path) -> str:
    """Of the verdict in the result"""
    import h5py

    with h5py.File(folder / "result.h5") as f:
        return f["entry_1/process_1/verdict/grade"].asstr()[()]


def counted(work, figures: dict, name: str):
    """The same function, the CPU seconds of each call noted"""

    def same(*words, **more):
        begun = time.process_time()
        try:
            return work(*words, **more)
        finally:
            figures[name].append(time.process_time() - begun)

    return same


def chained(work, turns: Turns, figures: dict):
    """`run_chain`, which gives the other program a turn after each iteration"""

    def same(engines, p, every, say, note, *more):
        def heard(state, **known):
            note(state, **known)
            if "error" in known:
                ends.append(time.process_time())
                turns.change()

        turns.meet()
        ends = [time.process_time()]
        history = work(engines, p, every, say, heard, *more)
        ends.append(time.process_time())
        figures["each"] = np.diff(ends).tolist()  # figures count with the iteration after them
        turns.give("ended")
        return history

    return same


def row(given, seed: int) -> dict:
    """One scan, both ways."""
    with tempfile.TemporaryDirectory() as name:
        folder, seen = Path(name), {}
        write(make(draw(seed, n=given.size, frames=given.frames)), folder / "scan.cxi")
        context = get_context("spawn")
        doors, started = context.Pipe(), []
        for k, (way, part) in enumerate(WAYS.items()):
            job = folder / f"{way}.yaml"
            write_job(job, {"file": "scan.cxi"}, {"use": "ptycho", "engines": given.engines, "heldout": part})
            mine, theirs = context.Pipe()
            one = context.Process(target=child, args=(str(job), Turns(doors[k], k == seed % 2), theirs))
            one.start()
            started.append((way, one, mine))
        for way, one, mine in started:
            seen[way] = mine.recv()
            one.join()
    off, on = np.array(seen["off"]["each"]), np.array(seen["on"]["each"])
    n, judge, verdict = len(off) - 1, seen["on"]["judge"], sum(seen["on"]["verdict"])
    parts = {
        "fewer frames": on[:n].sum() - off[:n].sum() - sum(judge[:-1]), "judge": sum(judge),
        "all frames": on[n:].sum() - off[n:].sum() - judge[-1], "verdict": verdict,
    }  # fmt: skip
    parts["whole"] = sum(parts.values())
    more = {"more iterations": len(on) - 1 - n, "grade": seen["on"]["grade"]}
    return (
        {"seed": seed, "off, s": off.sum()}
        | {f"{k}, %": 100 * v / off.sum() for k, v in parts.items()}
        | more
    )


if __name__ == "__main__":
    given = options(__doc__, seeds=["1", "2", "3"], size=128, frames=600, engines="DM*50 ML*50")
    os.environ.update(ONE_THREAD)
    report(given, (row(given, int(seed)) for seed in given.seeds))
