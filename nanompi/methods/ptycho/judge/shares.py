"""What a further unknown would explain of the misfit: score tests.

For unknowns t that the model lacks, with slope s and expected curvature H of the negative log-likelihood at
t = 0, a Newton step is d = -H^-1 s, and gains -s.d / 2 of log-likelihood to second order: s^2 / 2H for one
number (a score test: only the model without the unknown is ever computed). Divided by the log-likelihood that
the model misses, (deviance - expected) / 2, it is the share of the misfit that the unknown explains. Object
and probe stand still in this: what they could do to help is not counted, what they did to hide the cause is
lost, so that a share is a lower bound.
"""

import numpy as np

from nanompi.methods.ptycho.background import levels
from nanompi.methods.ptycho.judge.evidence import Evidence

LEAST = 0.05  # of the expected deviance: what is taken for missing at least, so that no share is one of noise
DAMP = 1e-6
ODD = 0.3  # of the mean counts that a pixel should have: it is odd if it is so far from them
FLOOR = 0.02  # part of the pixels that is darker than what is called the floor


def shares(e: Evidence, fano: float = 1.0, background: float = 0.0) -> dict[str, float]:
    """{figure: number} from the sums of a pass. fano : variance of the counts over their mean, 0 = no noise;
    background : counts of each pixel that the model has beside its waves

    misfit      : deviance over its expectation for counting noise; `fano` of a right model
    mean_frame  : the same of the mean frame as a model of all
    share_*     : of the misfit, what an unknown would take away
    """
    deviance, expected = e["deviance"].sum(), fano * e["expected"].sum()
    missing = max(deviance - expected, LEAST * e["expected"].sum()) / 2
    plain = e["expected"].sum()
    out = {"misfit": deviance / plain, "mean_frame": of_mean_frame(e) / plain}
    out |= {"eps": float(np.sqrt(max(0.0, deviance - expected) / 4 / max(e["counts"].sum(), 1e-300)))}
    return {k: float(v) for k, v in {**out, **flux(e, missing), **moves(e, missing), **affine(e, missing),
                                     **detector(e, missing), **pixels(e, missing),
                                     **too_high(e, missing, background)}.items()}  # fmt: skip


def of_mean_frame(e: Evidence) -> float:
    """Deviance of the frames from the mean frame scaled to the counts of each.

    It follows from sums alone: 2 (sum I log I - sum S log S - sum T log T + N log N), S and T the counts of
    the frames and of the pixels, N those of all.
    """
    S, T = e["counts"], e.maps[1][e.good]
    return 2 * (e["entropy"].sum() - entropy(S) - entropy(T) + entropy(S.sum()))


def entropy(a) -> float:
    """sum a log a"""
    a = np.atleast_1d(a)
    return float((a * np.log(np.maximum(a, 1e-300))).sum())


def flux(e: Evidence, missing: float) -> dict:
    """One factor for each frame, exactly: frame sums of the model against those counted."""
    counts, model = e["counts"], np.maximum(e["model"], 1e-9)
    ratio = np.maximum(counts, 0.5) / model
    gain = (model - counts + counts * np.log(ratio)).sum()
    lit = ~e.empty()
    return {
        "share_flux": gain / missing,
        "flux_rms": np.std(ratio[lit]),
        "flux_noise": np.sqrt(np.mean(1 / np.maximum(counts[lit], 1))),
        "empty": (~lit).sum(),
    }


def moves(e: Evidence, missing: float) -> dict:
    """A place for each frame: 2 numbers of each."""
    s = np.stack([e["slope_y"], e["slope_x"]], 1)
    H = np.stack([e["yy"], e["yx"], e["yx"], e["xx"]], 1).reshape(-1, 2, 2)
    H = H + DAMP * np.trace(H.sum(0)) / len(H) * np.eye(2)
    d = -np.linalg.solve(H, s[..., None])[..., 0]
    away = np.hypot(*d.T)
    error = np.sqrt(np.trace(np.linalg.inv(H), axis1=1, axis2=2))
    return {
        "share_positions": -(s * d).sum() / 2 / missing,
        "move": np.median(away),
        "move_noise": np.median(error),
    }


def affine(e: Evidence, missing: float) -> dict:
    """Scale, rotation, stretch and shear of all positions, and both shifts, which mean nothing."""
    at = e.corners - e.corners.mean(0)
    size = np.sqrt((at**2).mean())
    y, x = at.T / max(size, 1e-300)
    one, no = np.ones_like(y), np.zeros_like(y)
    J = np.stack([np.stack([y, -x, y, x, one, no], 1), np.stack([x, y, -x, y, no, one], 1)], 1)
    s = np.stack([e["slope_y"], e["slope_x"]], 1)
    H = np.stack([e["yy"], e["yx"], e["yx"], e["xx"]], 1).reshape(-1, 2, 2)
    g, C = np.einsum("nik,ni->k", J, s), np.einsum("nik,nij,njl->kl", J, H, J)
    step = -np.linalg.solve(C + 1e-9 * np.trace(C) * np.eye(6), g)
    gain = -(g * step).sum() / 2
    return {
        "share_affine": gain / missing,
        "affine_sigmas": np.sqrt(max(0.0, 2 * gain)),
    }


def detector(e: Evidence, missing: float) -> dict:
    """A blur of the fringes, and counts that lie in every frame; only more, not less."""
    blur, brightness = e["blur_model"].sum(), max(e["model"].sum(), 1e-300)
    # what a blur does beyond making all brighter, which the probe would take back
    s = e["blur_slope"].sum() - blur / brightness * (e["model"] - e["counts"]).sum()
    H = e["blur_curve"].sum() - blur**2 / brightness
    t, K = e["background_slope"].sum(), e["background_curve"].sum()
    mean = e.maps[1] / len(e.rows)
    return {
        "share_blur": share(s, H, missing),
        "share_background": share(t, K, missing),
        "floor": np.quantile(mean[e.good], FLOOR),
        "even_floor": levels(mean, e.good).even,
    }


def too_high(e: Evidence, missing: float, background: float) -> dict:
    """Of the background of the model: what a lower one takes away, and how high it should be, no higher than
    the floor of the mean frame. 0 and 0 where the model has none."""
    t, K = e["background_slope"].sum(), max(e["background_curve"].sum(), 1e-300)
    floor = np.quantile(e.maps[1][e.good] / len(e.rows), FLOOR)
    right = float(np.clip(background - t / K, 0, floor))
    return {
        "share_too_high": share(-t, K, missing) if background else 0.0,
        "background_right": right if background else 0.0,
        "background": background,
    }


def share(slope: float, curve: float, missing: float) -> float:
    """What one number that can only grow takes away"""
    return min(1.0, max(0.0, -slope) ** 2 / max(curve, 1e-300) / 2 / missing)


def pixels(e: Evidence, missing: float) -> dict:
    """Pixels that count something else than the waves, over all frames together.

    A wrong model of the sample misses single frames; their mean is met at every pixel that measures: the
    probe follows it.
    """
    over, counts, model = (m[e.good] / len(e.rows) for m in e.maps)
    odd = (over > 1) & (np.abs(counts - model) > ODD * model)
    return {
        "share_pixels": over[odd].sum() * len(e.rows) / 2 / missing,
        "worst_pixel": over[odd].max(initial=0),
        "odd_pixels": odd.sum(),
    }
