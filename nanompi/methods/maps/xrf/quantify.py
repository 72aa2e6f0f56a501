"""The step `xrf.quantify`: counts become masses on an area, by a standard.

Sensitivity k = counts / (µg/cm² of the standard * exposure), exposure = monitor (or seconds) times live
part; a map of counts at full live part and its mean monitor m is mass = counts / (k m). An element that the
standard does not hold goes through the nearest one, by cross section times efficiency.
"""

from dataclasses import replace

import numpy as np

from nanompi.data.data import Data
from nanompi.errors import DataError, JobError, nearest
from nanompi.methods.maps.xrf.calibration import calibrated
from nanompi.methods.maps.xrf.detectors import Task
from nanompi.methods.maps.xrf.exposure import Exposure, exposure_of, uncounted
from nanompi.methods.maps.xrf.lines import family_of
from nanompi.methods.maps.xrf.sensitivity import LARGE, Sensitivities, apart, checked
from nanompi.run.reading import Input, open_data, reader_of
from nanompi.step import METHODS, param, section, step
from nanompi.units import pretty

LOW, ABOVE = 900.0, 1.05  # eV, and times the energy of the beam: what is fitted of a standard
ROWS = 16  # of a standard that are read at once
UNIT = "ug/cm2"


@section
class Standard:
    """A sample of which it is known what it holds: its scan, or the counts of it."""

    areal: dict[str, float] = param(help="µg/cm² of its elements: {Ca: 1.931, Fe: 0.504}")
    file: str = param("", kind="file", help="scan of it, with the same detectors and beam")
    counts: dict[str, float] = param({}, help="in place of a scan: counts of all fitted detectors together")
    exposure: float | None = param(
        None,
        gt=0,
        help="of these counts: sum of the monitor, or s without one; else that of a point of the map",
    )


@step("xrf.quantify", needs=("deviance",))
class Quantify:
    r"""Maps of counts as µg/cm²: for each element NAME_areal with its errors, beside the counts.

    Errors are those of counting. An element that the standard does not hold is as uncertain as the elements
    of the standard spread about one physical curve, which log and notes state; above 15 % it is warned of.
    Of several standards an element's sensitivity is the mean of those that hold it, and how far they are
    apart is said.

    .. math::

        M = \frac{N}{k\, m}, \qquad k = \frac{N_s}{M_s\, t_s}

    N are counts, m is the mean monitor, N_s, M_s, t_s are counts, mass and exposure of the standard.

    Unit: µg/cm².

    Source: no paper; proportions to a thin standard.

    Example::

        - xrf.fit
        - {use: xrf.quantify, standard: {counts: {Fe: 12000}, exposure: 10, areal: {Fe: 0.504}}}
    """

    preceded_by = ("xrf.fit",)

    standard: list[Standard] = param(
        help="of known content, one or a list: its file or counts, and µg/cm² of its elements"
    )

    def check(self, data):
        """Errors: JobError for a standard that says too little."""
        if not self.standard:
            raise JobError(
                f"{self.name}.standard: none is given; write {{file: film.mda, areal: {{Fe: 0.504}}}}"
            )
        for one in self.standard:
            self._check(one)

    def _check(self, one: Standard) -> None:
        checked(one.areal, "areal")
        if bool(one.file) == bool(one.counts):
            raise JobError(f"{self.name}.standard: give `file:` or `counts:`, one of them")
        missing = [name for name in one.areal if name not in one.counts]
        if one.counts and missing:
            close = nearest(missing[0], one.counts)
            raise JobError(f"{self.name}.standard.counts: {missing[0]} of `areal` has no counts{close}")

    def maps_after(self, data, known: list[str]) -> list[str]:
        """With those in ug/cm2."""
        return [*known, *(f"{name}_areal" for name in known)]

    def run(self, run):
        """run.data["Fe_K_areal"] and its errors, for each element of the model (collective)."""
        self.check(None)
        model, exposure = run.made["model"], run.made["exposure"]
        own = run.made.get("task") or Task((), True, model.energy, LOW, ABOVE * model.energy)
        each = [self._sensitivity(run, one, own) for one in self.standard]
        measured = {
            name: [k[name] for k in each if name in k] for name in dict.fromkeys(n for k in each for n in k)
        }
        means = {name: float(np.mean(values)) for name, values in measured.items()}
        found = Sensitivities(means, own.energy, own.detector, apart(measured))
        unit = _unit(exposure)
        for name in model.elements:
            for mark in ("", "_errors"):
                self._scaled(run, name, mark, 1 / (found.of(name) * unit))
        self._tell(run, found, model.elements, exposure)

    def _sensitivity(self, run, one: Standard, own: Task) -> dict[str, float]:
        """Counts of a standard for 1 ug/cm2 and a unit of exposure, by family (collective)."""
        areal = {family_of(name, own.energy): value for name, value in one.areal.items()}
        task = replace(own, names=tuple(areal), auto=True)
        counts = self._counts(one, own) or self._measured(run, one.file, task)
        return {name: counts[name] / value for name, value in areal.items()}

    @staticmethod
    def _counts(one: Standard, task: Task) -> dict[str, float]:
        """Counts of a unit of exposure, as the job gives them; {} where it names a file."""
        per = one.exposure or 1.0
        given = checked(one.counts, "counts") if one.counts else {}
        return {family_of(name, task.energy): value / per for name, value in given.items()}

    def _measured(self, run, file: str, task: Task) -> dict[str, float]:
        """The same of the scan of a standard, fitted as the map was (collective)."""
        used = run.made["model"].good.any(1)
        sums, exposure = run.team.on_root(lambda: _scanned(file, run.made["exposure"], used))
        if len(sums) != len(used):
            raise DataError(
                f"{file} has {len(sums)} detectors, the map {len(used)}: a standard is "
                "measured with those of the map"
            )
        found = calibrated(run.team, sums, used, task)
        run.say(f"{self.name}: standard {file}: chi2 {found.chi2:.2f}")
        here = ~exposure.absent
        time = exposure.scale[here].sum(0) * _unit(exposure)
        kept = [d for d in np.flatnonzero(used) if found.shapes[d] is not None]
        if len(kept) < used.sum():
            raise DataError(f"{file}: {found.left_out(used)}; the map has them: name others")
        return {n: float(sum(found.shapes[d].of(n) / time[d] for d in kept)) for n in task.names}

    def _scaled(self, run, name: str, mark: str, factor: float) -> None:
        data: Data = run.data[name + mark]
        values = data.source.read(data.parts[run.team.rank]) if data.values is None else data.values
        out = data.holding((values * factor).astype(values.dtype), data.spread, data.parts)
        out.source, out.unit, out.title = None, UNIT, f"{name.replace('_', ' ')}, mass on an area"
        run.data[f"{name}_areal{mark}"] = out
        run.given[f"{name}_areal{mark}"] = None

    def _tell(self, run, found: Sensitivities, elements: list[str], exposure: Exposure) -> None:
        per = f"of {exposure.monitor}" if exposure.monitor else "s" if exposure.seconds else "point"
        for name, value in found.measured.items():
            run.say(f"{self.name}: {name}: {value:.5g} counts for 1 {pretty(UNIT)} and 1 {per}")
        self._tell_apart(run, found.apart)
        others = [name for name in elements if name not in found.measured]
        spread = found.spread
        text = "not known, of one element" if np.isnan(spread) else f"{100 * spread:.0f} %"
        words = f"{self.name}: uncertainty of {', '.join(others)}, which the standard does not hold: {text}"
        if others and not spread <= LARGE:
            run.team.on_root(lambda: run.warn(words))
        elif others:
            run.say(words)
        run.result.notes.setdefault("xrf", {})["quantify"] = {
            "sensitivity": {name: found.of(name) for name in elements},
            "measured": sorted(found.measured),
            "spread": None if np.isnan(spread) else spread,
            "standards": len(self.standard),
            "apart": found.apart,
            "exposure": per,
        }

    def _tell_apart(self, run, apart: dict[str, float]) -> None:
        """How far standards that hold the same element are apart; above LARGE it is warned of."""
        if not apart:
            return
        each = ", ".join(f"{name} {100 * value:.1f} %" for name, value in apart.items())
        words = f"{self.name}: the standards differ about their mean by (standard deviation) {each}"
        if max(apart.values()) > LARGE:
            run.team.on_root(lambda: run.warn(f"{words}; is one of them mistaken?"))
        else:
            run.say(words)


def _unit(exposure: Exposure) -> float:
    """Exposure of a point at full live part: its mean monitor, or seconds; 1 where neither is known."""
    return exposure.level if exposure.monitor else exposure.seconds or 1.0


def _scanned(file: str, like: Exposure, used: np.ndarray) -> tuple[np.ndarray, Exposure]:
    """((d, channels) sums of the scan of a standard, its exposure), with the monitor of the map (rank 0)."""
    reader = METHODS["reader"][reader_of({"file": file})]()
    data = open_data(file, Input(file=file), reader)["data"]
    if data.axes[-2:] != ("detector", "channel"):
        raise DataError(f"{file} holds no spectra: {data}")
    exposure = exposure_of(data, "auto", like.monitor or "off", "auto")
    sums = np.zeros(data.shape[-2:])
    for k in range(0, data.shape[0], ROWS):
        rows = np.arange(k, min(k + ROWS, data.shape[0]))
        spectra = data.source.read(rows)
        lead = spectra.shape[:-2]
        bad = uncounted(spectra.reshape(-1, *sums.shape), used) if len(used) == len(sums) else False
        exposure.absent[rows] |= np.reshape(bad, lead) if np.ndim(bad) else bad
        sums += spectra[~exposure.absent[rows]].sum(0, dtype=float)
    data.source.close()
    return sums, exposure
