"""Ranks of different speed: seconds per iteration of DM without and with balance, against the ideal.

    python benchmarks/balance.py [--cases slow mixed real]

slow  : 2 ranks, a frame costs 2 and 4 ms of sleep (100 frames of 32²), 100 iterations
mixed : 3 ranks, 2, 4 and 8 ms, 30 iterations
real  : 2 ranks that compute (196 frames of 128², 2 modes); the second sleeps as long as its frames took it,
    60 iterations
ideal : all frames divided by the sum of the speeds (frames per second of computing) measured in the same run
    without balance. `auto` holds the iterations before the move and the move itself.
"""

import json
import shutil
import tempfile
import time
from pathlib import Path

from harness import on_ranks, options, report
from scans import STRIPES, ptycho, simulated, write_job

from nanompi.cli import main as nanompi
from nanompi.device.cpu import Cpu
from nanompi.methods.ptycho import balance

# seconds of sleep for a frame on each rank; in units of its work; frames, size, modes, iterations
CASES = {
    "slow": ((2e-3, 4e-3), (0, 0), (100, 32, 1, 100)),
    "mixed": ((2e-3, 4e-3, 8e-3), (0, 0, 0), (100, 32, 1, 30)),
    "real": ((0, 0), (0, 1), (196, 128, 2, 60)),
}


def slowed(pace: float, times: float):
    """From now on each frame costs this rank `pace` seconds more, and `times` of its work."""
    each = Cpu.each

    def sleepy(self, work, n, frame_bytes):
        begun = time.perf_counter()
        out = each(self, work, n, frame_bytes)
        time.sleep(pace * n + times * (time.perf_counter() - begun))
        return out

    Cpu.each, balance.LEAST = sleepy, 0.3  # short jobs move, too


def measure(team, given) -> dict[str, list]:
    """{off, auto: of each rank its figures in metrics.json} of the only case."""
    pace, times, (frames, size, modes, iterations) = CASES[given.cases[0]]
    slowed(pace[team.rank], times[team.rank])
    folder, figures = Path(team.on_root(tempfile.mkdtemp)), {}
    job, step = folder / "job.yaml", ptycho(f"DM*{iterations}", modes=modes)
    team.on_root(lambda: write_job(job, simulated(frames, size), STRIPES, step))
    for way in ("off", "auto"):
        words = ["run", str(job), "--folder", str(folder / way), "--set", f"steps.ptycho.balance={way}"]
        assert nanompi(words) == 0
        figures[way] = json.loads(team.on_root((folder / way / "metrics.json").read_text))["ranks"]
    team.on_root(lambda: shutil.rmtree(folder))
    return figures


def wall(ranks: list[dict]) -> float:
    """Seconds of the iterations on the slowest rank, with all moves."""
    return max(sum(rank["whole"].get(phase, 0.0) for phase in ("iterate", "balance")) for rank in ranks)


def compared(case: str, given) -> dict:
    """A row of the table."""
    pace, _, (frames, _, _, n) = CASES[case]
    ranks = on_ranks(len(pace), measure, given, "--cases", case)
    speeds = [rank["items"] * n / rank["seconds"]["iterate"] for rank in ranks["off"]]
    ideal, off, auto = frames / sum(speeds), wall(ranks["off"]) / n, wall(ranks["auto"]) / n
    row = {"case": case, "speeds": [s / max(speeds) for s in speeds], "off, s": off, "auto, s": auto}
    row |= {"ideal, s": ideal, "off/ideal": off / ideal, "auto/ideal": auto / ideal}
    return row | {"frames at the end": [rank["items"] for rank in ranks["auto"]]}


if __name__ == "__main__":
    given = options(__doc__, cases=list(CASES))
    report(given, (compared(case, given) for case in given.cases))
