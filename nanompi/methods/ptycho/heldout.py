"""Held-out frames: some frames are left out of the reconstruction, and judge it at the end.

A reconstruction may follow the noise of the frames that it sees, so their likelihood prefers whatever has
more freedom. A frame that it did not see follows from object and probe alone, which its neighbours give; its
deviance is least for the best model. (Pixels left out in all frames would not do: nothing else tells how
bright the probe is there.)

What is left out are single frames of pairs of neighbours: the other frame of each pair stays, so that no part
of the scan is without frames. After the last engine all frames are taken in for a few more iterations, half
as many as leaving some out has saved, at least two: the image is then as near to the truth as with all frames
from the start (benchmarks/results/verdict.md). The figures stay those of before.
"""

import copy
from typing import Any, Literal

import numpy as np

from nanompi.device.kernels.likelihood import FLOOR
from nanompi.methods.ptycho.quality import figures, model_waves, sums_per_frame
from nanompi.methods.ptycho.scan import Frames

FIGURES = ("held", "held_error", "eps_held", "confirmed", "R_held")
SEED = 1
PART = 0.05
LEAST = 2  # iterations with all frames
SPENT = 0.5  # of those saved: the last engine may cost more than the mean of all, the figures take the rest
MORE = 1.1  # of the structure foretold: by chance there is no more
FEW = 100  # frames of a scan from which none are left out: five would judge it badly, and each is missed


def held_out(positions: np.ndarray, part: float | Literal["auto"]) -> np.ndarray | None:
    """(N,) bool: the frames left out, the same in every run and on all ranks; None where there are none.

    positions : (N, 2) m; part : of all frames, at least one; "auto" = PART, or none of FEW
    They are drawn from the inner half of the scan, so that the object stays as large; of a frame and its
    nearest neighbour at most one.
    """
    from scipy.spatial import cKDTree

    n = len(positions)
    part = (PART if n >= FEW else 0.0) if part == "auto" else part
    if not part or n < 2:
        return None
    far = ((positions - np.median(positions, axis=0)) ** 2).sum(1)
    inner = np.argsort(far, kind="stable")[: max(1, n // 2)]
    pair = cKDTree(positions).query(positions, k=[2])[1][:, 0]
    out, stays = np.zeros(n, bool), np.zeros(n, bool)
    for k in np.random.default_rng(SEED).permutation(inner):
        if not stays[k] and not out[pair[k]]:
            out[k], stays[pair[k]] = True, True
            if out.sum() >= max(1, round(part * n)):
                break
    return out


def put_last(frames: Frames, out: np.ndarray, rank: int):
    """The frames left out become the last ones of each rank. Rows of the counts change places, nothing else
    is copied."""
    a, b = _swaps(frames.index, out)
    if not frames.values.flags.writeable:
        frames.values = frames.values.copy()
    for rows in (frames.values, frames.scale):
        if rows is not None:
            rows[a], rows[b] = rows[b], rows[a]
    frames.parts = [_swapped(part, out) for part in frames.parts]  # others know the old ones
    frames.index = frames.parts[rank]


def _swaps(part, out) -> tuple[np.ndarray, np.ndarray]:
    """Places of a part that change with each other"""
    n = int((~out[part]).sum())
    return np.flatnonzero(out[part[:n]]), n + np.flatnonzero(~out[part[n:]])


def _swapped(part, out) -> np.ndarray:
    part, (a, b) = part.copy(), _swaps(part, out)
    part[a], part[b] = part[b], part[a]
    return part


def more(engines: list[Any], p) -> list[Any]:
    """The last engine once more, for the iterations with all frames; none where no frames are left out."""
    last = next((engine for engine in reversed(engines) if engine.iterations), None)
    if p.held is None or last is None:
        return []
    last, all_frames = copy.copy(last), len(p.places.at)
    saved = sum(engine.iterations for engine in engines) * (all_frames - p.frames) / all_frames
    last.iterations = min(last.iterations, max(LEAST, int(SPENT * saved)))
    return [last]


def judge(p) -> dict[str, float]:
    """What object and probe say of the frames left out, over all ranks (collective).

    held       : Poisson deviance over its expectation, 1 = nothing but counting noise is left; of
        counts that vary by `p.fano` times as much a right model leaves that
    held_error : its standard error, from the spread of the frames
    eps_held   : relative error of the amplitudes beyond the noise of the counts, of all light of a frame
    confirmed  : of the structure that the model foretells for a frame, what its counts confirm: 1 = all of
        it, 0 = none. Of few counts `held` is not far from 1 whatever the model is, since the noise is nearly
        all of the deviance; this figure does not depend on how many there are.
    R_held     : in place of these where the noise is not that of counts

    Frame by frame they stay in p.state["held"]: {frame, deviance, expected}, lists in the order of the scan.
    """
    if p.varied:
        p.varied.foresee(p)
    if p.refinement:
        p.refinement.follow(p)
    if p.noise != "counts":
        return {"R_held": figures(p, p.left_out())["R"]}
    if p.fluctuates:
        p.held.flux = relative_flux(p)
    deviance, expected, _, _, _, counts, _, _ = sums_per_frame(p, p.left_out())
    own = np.stack([p.held.index, deviance, expected, counts, *structure(p)], axis=1)
    table = np.concatenate(p.team.allgather(own))
    frame, deviance, expected, counts, gained, foretold = table[np.argsort(table[:, 0])].T
    p.state["held"] = {
        "frame": frame.astype(int).tolist(),
        "deviance": deviance.tolist(),
        "expected": expected.tolist(),
    }
    held = deviance.sum() / expected.sum()
    beyond = max(0.0, deviance.sum() - p.fano * expected.sum())
    confirmed = gained.sum() / foretold.sum() if foretold.sum() > 0 else 0.0
    return {
        "held": float(held),
        "held_error": standard_error(deviance - held * expected) / float(expected.mean()),
        "eps_held": float(np.sqrt(beyond / 4 / max(counts.sum(), 1e-300))),
        "confirmed": float(confirmed),
    }


def relative_flux(p):
    """(n,) of the device: how bright each frame left out is by the image. One number a frame says nothing of
    object and probe, and without it the figures would be those of the beam."""
    _, _, _, _, _, counts, model, _ = sums_per_frame(p, p.left_out())
    return p.held.flux * p.device.array((counts + 1) / (model + 1), np.float64)


def standard_error(values: np.ndarray) -> float:
    """Of the mean of some values; inf for a single one."""
    n = len(values)
    return float(values.std(ddof=1) / np.sqrt(n)) if n > 1 else float("inf")


def structure(p) -> np.ndarray:
    """(2, n): twice the log-likelihood that the model gains, on each frame left out of this rank, over one
    pattern for all frames, and what it would gain were it true: 2 sum I log(a/b) and 2 sum a log(a/b).

    a : the model; b : its mean over the frames left out of all ranks, as bright as a (collective)
    """
    P = p.shifts.library(p.P)
    pattern = p.device.array(_mean_model(p, P))

    def both(f):
        return [_gained(p, a, pattern, I) for a, I in zip(_intensities(p, P, f), f.I)]

    rows = [row for block in p.left_out() for part in p.each(both, block) for row in part]
    return np.array([p.device.host(row) for row in rows]).reshape(-1, 2).T


def _gained(p, a, pattern, I):
    """2 sum I log(a/b), 2 sum a log(a/b) over measured pixels, of what comes through the sample"""
    known, I = (p.mask > 0) & (I >= 0), I - p.background
    b = pattern * ((a * known).sum() / p.xp.maximum((pattern * known).sum(), 1e-300))
    ratio = 2 * known * p.xp.log((a + FLOOR) / (b + FLOOR))
    return p.xp.stack([(I * ratio).sum(), (a * ratio).sum()])


def _mean_model(p, P) -> np.ndarray:
    """(h, w) float64: the model's intensities of all frames left out, added up; 0 where masked"""
    total = p.xp.zeros(p.mask.shape)
    for block in p.left_out():
        for part in p.each(lambda f: sum(_intensities(p, P, f)), block):
            total += part
    total = p.device.host(total * p.mask)
    p.team.sum(total)
    return total


def _intensities(p, P, f):
    """The model's (h, w) float64 intensities of each of some frames"""
    for gain, modes in zip(f.gain, model_waves(p, P, f)):
        yield gain * (abs(modes).astype(np.float64) ** 2).sum(0)


def carry_over(history: list[dict]):
    """The last row tells what the frames left out said before they were taken in."""
    known = {name: value for row in history for name, value in row.items() if name in FIGURES}
    if history:
        history[-1] |= known


def words(row: dict, count: int, fano: float = 1.0) -> str:
    """What the frames left out say, for the log. fano : variance of the counts over their mean"""
    if "R_held" in row:
        return f"{count} frames left out: R {row['R_held']:.4f}"
    noise = "1 = counting noise" + f", {fano:.3g} = that of this detector" * (fano > 1)
    return (
        f"{count} frames left out: held {row['held']:.4f} +- {row['held_error']:.4f} ({noise}), "
        f"amplitudes off by {100 * row['eps_held']:.2g} %, {structure_words(row['confirmed'])}"
    )


def structure_words(confirmed: float) -> str:
    """The figure `confirmed` of `judge` in words: above 1 it is no part of a whole."""
    if confirmed > MORE:
        return (
            f"their counts have {confirmed:.3g} times the structure foretold: the model is too flat (few "
            "iterations, or too high a background)"
        )
    return f"{100 * min(max(confirmed, 0), 1):.3g} % of the structure foretold is confirmed"
