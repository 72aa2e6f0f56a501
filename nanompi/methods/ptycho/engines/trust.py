"""How far the projection engines trust the wave against weak counts (`rho`), and what if that was not enough.

A pixel with I counts has a fixed point of DM only for I <= (1 + rho) A^2, A the amplitude of P O there; else
its wave runs away by the misfit in each iteration. With counts of mean a = A^2 and Fano factor F this happens
to some of them unless rho is 2 sqrt(F / a), and to most of them where a < F: object and probe then decay
together. On simulated scans of 0.1 to 7 counts a pixel, plain, amplified (F = 4), and with photons shared by
neighbours (like a larger F: the noise lies where the probe is), the smallest rho that holds is 5 to 10 F / a,
a the mean counts of a pixel as a photon sees it.
"""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

WEAK, MOST = 10.0, 50.0
WATCHED = 0.05  # below this part of F / a nothing can run away
RISES, RISE = 3, 1.5  # figures in a row, each above the one before, the last by this factor above the first
FAINT = 0.8  # of the photons counted: with less in two figures in a row object and probe decay
MORE = 4.0


@dataclass
class Trust:
    """rho of a running engine. figures, photons : of the model since it was set, photons over those counted;
    O, P : as the engine had them at its start, None where nothing is watched
    """

    rho: float
    figures: list[float] = field(default_factory=list)
    photons: list[float] = field(default_factory=list)
    O: Any = None
    P: Any = None


def begin(p, given, least: float) -> Trust:
    """The trust at the start of an engine. given : rho of the job, or "auto"; least : of a bright scan"""
    if given != "auto":
        return Trust(float(given))
    weak = weakness(p)
    watched = weak > WATCHED
    rho = min(MOST, max(least, least + WEAK * weak - 0.5))
    return Trust(rho, O=p.O.copy() if watched else None, P=p.P.copy() if watched else None)


def weakness(p) -> float:
    """F / a: Fano factor over the counts that a photon finds in its pixel, sum I^2 / sum I - F"""
    return p.fano / max(p.bright - p.fano, 1e-3)


def heed(p, engine, row: dict, say):
    """After each figure of quality: back to the start with more trust, where it rises or the model fades.

    The figures are sums over all ranks, so that all decide alike.
    """
    trust = p.state["trust"]
    trust.figures.append(row.get("llk", row["r2"]))
    trust.photons.append(row["photons"] * p.frames / max(p.counts, 1e-300))
    last, faint = trust.figures[-RISES:], len(trust.photons) > 1 and max(trust.photons[-2:]) < FAINT
    rising = len(last) == RISES and all(a < b for a, b in pairwise(last)) and last[-1] > RISE * last[0]
    if not (rising or faint) or trust.O is None or trust.rho >= MOST:
        return
    share = trust.photons[-1]
    trust.rho, trust.figures, trust.photons = min(MOST, max(1.0, MORE * trust.rho)), [], []
    p.O[...], p.P[...] = trust.O, trust.P
    p.exit_waves()
    figures = f"{', '.join(f'{v:.3g}' for v in last)}; photons {100 * share:.0f} %"
    say(
        f"{engine.name}: the fit got worse ({figures}), the counts are too noisy for this rho; object and "
        f"probe are again as they were at the start of {engine.name}, rho is {trust.rho:.3g} from here"
    )


def saved(p) -> dict:
    """For a checkpoint: nanompi.methods.ptycho.engines.state"""
    trust = p.state["trust"]
    known = {"rho": trust.rho, "figures": trust.figures, "photons": trust.photons}
    return known | ({} if trust.O is None else {"O": p.share.on_root(trust.O), "P": trust.P})


def restore(p, known: dict):
    """The opposite of `saved`"""
    if "O" in known:
        O, P = p.share.part(known["O"]), known["P"]
        known = known | {"O": p.device.array(O, p.O.dtype), "P": p.device.array(P, p.P.dtype)}
    p.state["trust"] = Trust(**known)
