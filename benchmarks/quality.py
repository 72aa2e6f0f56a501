"""How near to the truth: chains of engines on a common problem with its truth, by the job quality.yaml.

usage: python benchmarks/quality.py PROBLEM.h5 ["DM*50 ML*50" ...] [--judge evaluate.py] [--set KEY=VALUE]
[--json FILE]

PROBLEM.h5 holds frames, x_m, y_m, positions_px (corners of the frames in object_true), energy_kev,
distance_m,
detector_pixel_m, probe_guess, object_true. The phase error is told by nanompi's own comparison and, with
--judge, by `score(obj, probe, problem, origin)` of an independent program.
"""

import argparse
import importlib.util
import json
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np

from nanompi.cli import main as nanompi
from nanompi.methods.ptycho.compare import measures
from nanompi.methods.ptycho.earlier_result import load_result
from nanompi.optics.align import align, placed, well_lit

HERE = Path(__file__).parent
CHAINS = ["DM*50 ML*50", "DM*100", "ML*100", "AP*100", "RAAR*100"]


def run(problem: str, chain: str, sets: list[str], out: str) -> tuple[dict, dict]:
    """(former result, last figures with seconds) of one chain."""
    words = [f"input.file={problem}", f"steps.ptycho.engines={chain}", *sets]
    t = time.perf_counter()
    code = nanompi(
        ["run", str(HERE / "quality.yaml"), "--out", out, *(w for s in words for w in ("--set", s))]
    )
    assert code == 0, f"the run ended with {code}"
    folder = Path(out) / "quality" / "latest"
    with h5py.File(folder / "result.h5") as f:
        last = {k: float(f[f"entry_1/history/{k}"][-1]) for k in ("R", "llk", "deviance")}
    return load_result(folder), {**last, "seconds": time.perf_counter() - t}


def own_error(found: dict, problem: str, origin) -> float:
    """Phase RMSE (rad) by nanompi's alignment."""
    with h5py.File(problem) as f:
        truth, weight = f["object_true"][()], f["illumination"][()]
    return measures(
        align(placed(found["object"], truth.shape, origin), truth, well_lit(weight)).image,
        truth,
        well_lit(weight),
    )["phase_rmse"]


def judged(judge: str, found: dict, problem: str, origin) -> dict:
    """Phase RMSE and Poisson likelihood by the independent judge."""
    spec = importlib.util.spec_from_file_location("judge", judge)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    got = module.score(found["object"], found["probe"], problem, origin=origin)
    return {"judge rmse": got["phase_rmse"], "judge llk": got.get("llk_poisson")}


def main():
    """The table."""
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("problem")
    ap.add_argument("chains", nargs="*", default=CHAINS)
    ap.add_argument("--judge", default="")
    ap.add_argument("--set", action="append", default=[])
    ap.add_argument("--json", default="")
    a = ap.parse_args()
    rows = []
    for chain in a.chains:
        with tempfile.TemporaryDirectory() as out:
            found, figures = run(a.problem, chain, a.set, out)
        with h5py.File(a.problem) as f:
            origin = tuple(int(v) for v in np.rint((f["positions_px"][()] - found["corners"]).mean(0)))
        row = {"chain": chain, "phase rmse": own_error(found, a.problem, origin), **figures}
        rows.append(row | (judged(a.judge, found, a.problem, origin) if a.judge else {}))
    print("\nchain                phase RMSE  judge's   LLK/pixel  judge's   R       seconds")
    for r in rows:
        print(
            f"{r['chain']:<20} {r['phase rmse']:9.4f} {r.get('judge rmse', np.nan):9.4f} "
            f"{r['deviance']:10.4f} {r.get('judge llk', np.nan):9.4f} {r['R']:7.4f} {r['seconds']:8.1f}"
        )
    if a.json:
        Path(a.json).write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
