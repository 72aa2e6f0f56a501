"""How near to the truth: chains of engines on a common problem with its truth, by the job quality.yaml.

    python benchmarks/quality.py PROBLEM.h5 [--chains "DM*50 ML*50" ...] [--judge FILE.py] [--set KEY=VALUE]

PROBLEM.h5 holds frames, x_m, y_m, positions_px (corners of the frames in object_true), illumination,
energy_kev, distance_m, detector_pixel_m, probe_guess, object_true. The phase error is that of nanompi's own
comparison and, with --judge, of `score(obj, probe, problem, origin)` of an independent program.
"""

import importlib.util
import sys
import tempfile
import time
from contextlib import redirect_stdout
from pathlib import Path

import h5py
import numpy as np
from harness import options, report

from nanompi.cli import main as nanompi
from nanompi.methods.ptycho.compare import measures
from nanompi.methods.ptycho.earlier_result import load_result
from nanompi.optics.align import align, placed, well_lit

JOB = str(Path(__file__).parent / "quality.yaml")
CHAINS = ["DM*50 ML*50", "DM*100", "ML*100", "AP*100", "RAAR*100"]


def run(problem: str, chain: str, sets: list[str]) -> tuple[dict, dict]:
    """(result, its last figures and seconds) of one chain."""
    words = [f"input.file={problem}", f"steps.ptycho.engines={chain}", *sets]
    with tempfile.TemporaryDirectory() as out:
        begun = time.perf_counter()
        with redirect_stdout(sys.stderr):
            code = nanompi(["run", JOB, "--out", out, *(word for one in words for word in ("--set", one))])
        assert code == 0, f"the run ended with {code}"
        folder = Path(out) / "quality" / "latest"
        with h5py.File(folder / "result.h5") as f:
            last = {name: float(f[f"entry_1/history/{name}"][-1]) for name in ("deviance", "R")}
        return load_result(folder), {**last, "seconds": time.perf_counter() - begun}


def own_error(result: dict, problem: str, origin) -> float:
    """Phase RMSE (rad) by nanompi's alignment."""
    with h5py.File(problem) as f:
        truth, lit = f["object_true"][()], well_lit(f["illumination"][()])
    image = align(placed(result["object"], truth.shape, origin), truth, lit).image
    return measures(image, truth, lit)["phase_rmse"]


def judged(judge: str, result: dict, problem: str, origin) -> dict:
    """Phase RMSE and Poisson likelihood by the independent judge."""
    spec = importlib.util.spec_from_file_location("judge", judge)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    score = module.score(result["object"], result["probe"], problem, origin=origin)
    return {"judge's RMSE": score["phase_rmse"], "judge's LLK": score.get("llk_poisson")}


def rows(given):
    """A row for each chain."""
    for chain in given.chains:
        result, figures = run(given.problem, chain, given.set)
        with h5py.File(given.problem) as f:
            origin = tuple(int(v) for v in np.rint((f["positions_px"][()] - result["corners"]).mean(0)))
        row = {"chain": chain, "phase RMSE": own_error(result, given.problem, origin), **figures}
        yield row | (judged(given.judge, result, given.problem, origin) if given.judge else {})


if __name__ == "__main__":
    given = options(__doc__, "problem", chains=CHAINS, judge="", set=[])
    report(given, rows(given), problem=given.problem)
