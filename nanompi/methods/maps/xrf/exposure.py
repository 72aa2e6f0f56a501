"""How long each detector counted at each point, and how much light there was: the scale of the model.

A detector that is dead for a part of the time counts fewer photons, and where the beam is weaker there are
fewer. Both multiply what is expected, never the counts, which stay numbers of photons (Poisson).
"""

import re
from dataclasses import dataclass, field

import numpy as np

from nanompi.data.data import Data
from nanompi.errors import DataError, nearest

MONITOR = re.compile(r"(us_?ic|i0|io|ic0|izero|i_?zero|monitor|mon|ion_?chamber_?(up)?|usic)$", re.I)
PAIRS = {"icr": ("ocr", "icr"), "live": ("live", "real")}  # of what the live part is the quotient
SLOW = 1 / 3.0  # live part below which counts mean nothing
PILED = 0.7  # live part below which pile-up is strong
MANY = 0.01  # part of the points at which the live part may be unknown
MISSING = 0.1  # part of the points that may hold what are no counts
BROKEN = 0.5  # part of them, from which on the detector is broken


@dataclass
class Exposure:
    """What multiplies the model of a scan.

    scale     : (*points, d) live part times monitor over its mean; 1 where nothing was measured
    absent    : (*points,) bool, where nothing was measured, or not how long
    detectors : (d,) bool, those that are used
    monitor   : name of the scaler, "" = none; level : its mean; seconds : mean time of a point, 0 = unknown
    notes, warnings : for the log
    """

    scale: np.ndarray
    absent: np.ndarray
    detectors: np.ndarray
    monitor: str = ""
    level: float = 0.0
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def exposure_of(data: Data, dead: str, monitor: str, detectors) -> Exposure:
    """Of spectra with the axes (*points, detector, channel).

    dead : auto, icr, live or off; monitor : auto, off, or the name of a scaler; detectors : auto or numbers
    Errors: DataError.
    """
    points, n = data.shape[:-2], data.size("detector")
    absent = np.array(data.per_row.get("absent", np.zeros(points, bool)), bool)
    out = Exposure(np.ones((*points, n)), absent, _used(detectors, n, data.file))
    _live(out, data, dead, auto=isinstance(detectors, str))
    _monitored(out, data, monitor)
    real = data.per_row.get("real")
    out.seconds = float(np.nanmean(np.asarray(real)[~out.absent])) if real is not None else 0.0
    out.scale[out.absent] = 1.0
    return out


def uncounted(spectra: np.ndarray, used: np.ndarray) -> np.ndarray:
    """(k,) bool, points of which a used detector has values that are no counts: negative, NaN, infinite.

    spectra : (k, d, channels)
    """
    if spectra.dtype.kind not in "fi":
        return np.zeros(len(spectra), bool)
    own = spectra if used.all() else spectra[:, used]
    return ~((own >= 0) & (own < np.inf)).all((1, 2))


def _used(detectors, n: int, file: str) -> np.ndarray:
    """(d,) bool. Errors: DataError for numbers of no detector, or none."""
    if isinstance(detectors, str):
        return np.ones(n, bool)
    wrong = [k for k in detectors if not 0 <= k < n]
    if wrong or not detectors:
        text = f"detector {wrong[0]} is not" if wrong else "no detector is left; name some"
        raise DataError(
            f"xrf.prepare.detectors: {text} among the {n} of {file}, which count from 0 to {n - 1}"
        )
    return np.isin(np.arange(n), detectors)


def _live(out: Exposure, data: Data, dead: str, auto: bool) -> None:
    """The live part, by rates or by times; broken detectors are left out unless the job names some."""
    kind = dead
    if dead == "auto":
        kind = next((k for k, pair in PAIRS.items() if all(p in data.per_row for p in pair)), "off")
    if kind == "off":
        out.notes.append("no correction of dead time" + ": the file says nothing of it" * (dead == "auto"))
        return
    above, below = PAIRS[kind]
    if above not in data.per_row or below not in data.per_row:
        raise DataError(
            f"xrf.prepare.dead: {kind} needs {above} and {below} of each detector, which {data.file} does "
            f"not hold; it has {', '.join(sorted(data.per_row))}"
        )
    with np.errstate(divide="ignore", invalid="ignore"):
        live = np.asarray(data.per_row[above], float) / np.asarray(data.per_row[below], float)
    bad = ~(np.isfinite(live) & (live >= SLOW)) & ~out.absent[..., None]
    _leave_broken(out, bad, above, below, auto)
    _leave_points(out, bad[..., out.detectors], live[..., out.detectors], data)
    out.scale[..., out.detectors] = np.minimum(live[..., out.detectors], 1.0)
    mean = out.scale[~out.absent][:, out.detectors].mean()
    out.notes.append(f"live part {above}/{below}, {mean:.3f} in the mean")
    if mean < PILED:
        out.warnings.append(
            f"the detectors are dead for {100 * (1 - mean):.0f} % of the time: two photons are often counted "
            "as one then, and sharp lines lose counts to pile-up"
        )


def _leave_broken(out: Exposure, bad: np.ndarray, above: str, below: str, auto: bool) -> None:
    here = np.maximum((~out.absent).sum(), 1)
    part = bad.reshape(-1, bad.shape[-1]).sum(0) / here
    broken = np.flatnonzero((part > BROKEN) & out.detectors)
    if auto and 0 < len(broken) < out.detectors.sum():
        out.detectors[broken] = False
        which = ", ".join(map(str, broken))
        out.warnings.append(f"detector {which} left out: its {above}/{below} is no live part in most points")


def _leave_points(out: Exposure, bad: np.ndarray, live: np.ndarray, data: Data) -> None:
    """Some points whose live part is not known are left out. Errors: DataError where there are many."""
    lost = bad.any(-1)
    if not lost.any():
        return
    first = tuple(np.argwhere(lost)[0])
    value = live[(*first, int(np.argmax(bad[first])))]
    words = f"the live part is {value:.3g} at point {_place(first)}; from {SLOW:.2f} to 1 is sensible"
    if lost.sum() > MANY * max((~out.absent).sum(), 1):
        raise DataError(
            f"{data.file}: {words}, and so it is at {lost.sum()} of {lost.size} points: too much dead time, "
            "or rates that are not written; `xrf.prepare: {dead: off}` takes the counts as they are"
        )
    out.warnings.append(f"{words}; {lost.sum()} points are left out")
    out.absent |= lost


def _monitored(out: Exposure, data: Data, monitor: str) -> None:
    """The monitor over its mean. Errors: DataError naming points where it is not above 0."""
    name = _monitor(data, monitor)
    if not name:
        out.notes.append("no monitor" + ": no scaler has a name of one" * (monitor == "auto"))
        return
    values = np.asarray(data.per_row[name], float)
    dark = ~(values > 0) & ~out.absent
    if dark.any():
        some = ", ".join(_place(p) for p in np.argwhere(dark)[:3])
        raise DataError(
            f"{data.file}: the monitor {name} is not above 0 at {dark.sum()} of {dark.size} points ({some}"
            f"{' ...' if dark.sum() > 3 else ''}): the shutter was closed, or it is another scaler; name one "
            "by `xrf.prepare: {monitor: NAME}`, or write `monitor: off`, or leave those rows out by `select:`"
        )
    out.monitor, out.level = name, float(values[~out.absent].mean())
    out.scale *= (np.where(out.absent, out.level, values) / out.level)[..., None]
    out.notes.append(f"monitor {name}, {out.level:.6g} in the mean")


def _monitor(data: Data, monitor: str) -> str:
    """Name of the scaler, "" = none."""
    scalers = [
        name for name, one in data.per_row.items() if np.shape(one) == data.shape[:-2] and name != "absent"
    ]
    if monitor == "off":
        return ""
    if monitor == "auto":
        return next((name for name in scalers if MONITOR.search(name)), "")
    if monitor not in scalers:
        raise DataError(
            f"xrf.prepare.monitor: {data.file} has no scaler {monitor}{nearest(monitor, scalers)}; it has "
            f"{', '.join(sorted(scalers)) or 'none'}"
        )
    return monitor


def _place(point) -> str:
    """Of a point, for messages."""
    return f"({', '.join(str(int(k)) for k in point)})"
