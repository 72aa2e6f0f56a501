"""The step `xrf.calibrate`: scale of energies, shape of the peaks and elements, from the spectra alone."""

from typing import Literal

import numpy as np

from nanompi.errors import DataError, JobError, nearest
from nanompi.methods.maps.xrf import lines, response, shape, snip
from nanompi.methods.maps.xrf.calibration import calibrated, judge, picture
from nanompi.methods.maps.xrf.detectors import Task, model_of
from nanompi.methods.maps.xrf.response import Detector, Window
from nanompi.methods.maps.xrf.settings import Settings, settings_of
from nanompi.methods.maps.xrf.shape import FREE
from nanompi.step import param, section, step
from nanompi.units import EV, quantity

SCALE = ("slope", "offset")  # found; those of a file of settings belong to the scan for which it was written
BEAM = 1e3, 200e3  # eV, of beams that excite lines of the elements whose tables there are
LOW, ABOVE = 900.0, 1.05  # eV, and times the energy of the beam: what is fitted
LEAST, MOST = 100.0, 2.0  # eV, and times the energy of the beam: what may be fitted
SENSIBLE = {"slope": (0.5, 500.0, "10 eV"), "offset": (-10e3, 10e3, "-50 eV")}  # eV, and an example
OPAQUE = 1e-6  # of the light at the energy of the beam: less is none


@section
class Start:
    """Where the search for the scale begins; what is not given is found."""

    slope: float | None = param(None, unit="J", bare="keV", gt=0, help="energy of a channel")
    offset: float | None = param(None, unit="J", bare="keV", help="energy of channel 0")


@step("xrf.calibrate", needs=("sum_spectrum",), gives=())
class Calibrate:
    r"""Finds scale of energies, shape of the peaks and elements from the sum spectra of the detectors.

    The model: lines of each family with the shares of xraylib (L and M with cascades), as Gauss peaks with an
    exponential tail and a shelf, integrated over channels; escape peaks (Reed & Ware 1972); elastic and
    Compton scattering; pile-up; SNIP of the sum spectrum as background. Nothing but the energy of the beam
    need be known: the scale is found on a grid of slopes, then with the peaks by variable projection (Golub &
    Pereyra 1973). Each detector has its own; one that sees less than 5 % of the fluorescence that the best
    one sees is left out. The axis of the file is compared, not used.

    .. math::

        E(c) = E_0 + b c, \qquad \mathrm{FWHM}^2 = n^2 + 8 \ln 2\; f w E

    c is the channel; E_0, b, n (`noise`) and f (`fano`) are found with the amplitudes of all lines, w is
    the energy of an electron-hole pair.

    Unit: eV.

    Source: doi:10.1137/0710036 doi:10.1088/0022-3735/5/6/029 doi:10.1016/0168-583X(88)90063-8
    doi:10.1016/0029-554X(76)90472-9

    Example::

        - {use: xrf.calibrate, elements: [Ca, Fe, Cu, auto]}
        - xrf.fit
    """

    preceded_by = ("xrf.prepare",)
    explains = {"chi2": "of the fit of the sum spectra: near 1 for few counts, above 50 something is missing"}

    elements: list[str] | Literal["auto"] = param(
        "auto",
        level="basic",
        help="families of lines: [Ca, Fe_K, La_L]; auto, alone or among them, adds what the rest asks for",
    )
    energy: float | None = param(
        None, unit="J", bare="keV", gt=0, help="of the beam, where neither input nor file tell"
    )
    start: Literal["auto"] | Start = param("auto", help="auto: the scale is found; or {slope: 10 eV}")
    free: list[str] | Literal["all"] = param(
        "all", help=f"parameters that are found, of {', '.join(FREE)}; the others stay as they start"
    )
    range: tuple[float, float] | Literal["auto"] = param(
        "auto", unit="J", bare="keV", help="energies that are fitted; auto: 0.9 keV to 1.05 times the beam's"
    )
    escape: Literal["Si", "Ge", "off"] = param("Si", help="material of the detectors, for their escape peaks")
    pileup: bool = param(True, help="two photons may be counted as one")
    window: dict[str, float | str] = param(
        {}, help='layers before the detectors: {Be: 24 um, "C10H8O4 1.4": 6 um}, a formula with its g/cm3'
    )
    config: str = param(
        "", kind="file", help="PyMca .cfg or maps_fit_parameters_override.txt: elements, start values, energy"
    )

    def sources(self) -> list:
        """Where the papers are named that stand behind these parameters (`nanompi.papers`)."""
        return [shape, snip, response.columns, *[response.escape] * (self.escape != "off")]

    def check(self, data):
        """Errors: JobError for elements, windows, parameters that are none, or without xraylib; DataError."""
        lines.xraylib()
        self._task(data.facts.get("energy"), settings_of(self.config))

    def maps_after(self, data, known: list[str]) -> list[str]:
        """Of all elements that it may name."""
        task = self._task(data.facts.get("energy"), settings_of(self.config))
        every = lines.families(task.energy, task.low, task.high) if task.auto else []
        return [*known, *task.names, *every]

    def run(self, run):
        """The model as run.made["model"] and in the result; run.made["task"] (collective)."""
        sums, data = run.data["sum_spectrum"], run.data["data"]
        task = run.team.on_root(lambda: self._task(data.facts.get("energy"), settings_of(self.config)))
        wanted = data.beside.get("detectors", np.ones(len(sums.values), bool))
        found = calibrated(run.team, sums.values.astype(float), wanted, task)
        run.made["task"] = task
        model = run.made["model"] = model_of(found.shapes, sums.values.shape[1], task.energy)
        run.result.arrays |= model.arrays()
        run.result.notes.setdefault("xrf", {})["calibrate"] = found.notes(model)
        run.result.pictures |= {f"spectrum_{d}": picture(s, d) for d, s in enumerate(found.shapes) if s}
        run.say("\n".join(f"{self.name}: {line}" for line in found.lines(task)))
        if out := found.left_out(wanted):
            run.team.on_root(lambda: run.warn(f"{self.name}: {out}"))
        judge(run, self.name, found, data.coords.get("channel"))

    def _task(self, known: float | None, settings: Settings) -> Task:
        """known : J, of the beam, as input section or file say. Errors: JobError, DataError."""
        energy = self.energy or known
        energy = energy / EV if energy else settings.energy
        if not energy:
            raise DataError(
                f"{self.name} needs the energy of the beam, which the file does not tell: give "
                "`energy: 10 keV` in the input section"
            )
        if not BEAM[0] <= energy <= BEAM[1]:
            raise DataError(
                f"{self.name}: the energy of the beam is {energy / 1e3:.4g} keV; {BEAM[0] / 1e3:g} to "
                f"{BEAM[1] / 1e3:g} keV is sensible: give `energy:` with its unit, such as 10 keV or 10000 eV"
            )
        given = [] if self.elements == "auto" else [e for e in self.elements if e != "auto"]
        auto = self.elements == "auto" or "auto" in self.elements
        if self.elements == "auto" and settings.elements:
            given, auto = settings.elements, False
        names = tuple(dict.fromkeys(lines.family_of(one, energy) for one in given))
        if not names and not auto:
            raise JobError(f"{self.name}.elements: none are named; leave it out, or write auto")
        low, high = (LOW, ABOVE * energy) if self.range == "auto" else (e / EV for e in self.range)
        if not 0 < low < high:
            raise JobError(f"{self.name}.range: {low:g} eV to {high:g} eV is no range")
        if not (LEAST <= low < energy and high <= MOST * energy):
            raise JobError(
                f"{self.name}.range: {low:g} eV to {high:g} eV has no lines of a beam of "
                f"{energy / 1e3:.4g} keV; {LEAST:g} eV to {MOST:g} times the energy of the beam is sensible"
            )
        detector = Detector(self._windows(energy), "" if self.escape == "off" else self.escape)
        start = {name: v for name, v in settings.start.items() if name not in SCALE} | self._start()
        return Task(names, auto, energy, low, high, detector, self.pileup, start, self._free())

    def _start(self) -> dict:
        if self.start == "auto":
            return {}
        known = {"slope": self.start.slope, "offset": self.start.offset}
        known = {name: value / EV for name, value in known.items() if value is not None}
        for name, value in known.items():
            low, high, example = SENSIBLE[name]
            if not low <= value <= high:
                raise JobError(
                    f"{self.name}.start.{name}: {value:.4g} eV; {low:g} to {high:g} eV is sensible: give it "
                    f"with its unit, such as {example}"
                )
        return known

    def _free(self) -> tuple[str, ...]:
        names = FREE if self.free == "all" else tuple(self.free)
        for name in names:
            if name not in FREE:
                text = f'"{name}" is no parameter{nearest(name, FREE)}; allowed: {", ".join(FREE)}'
                raise JobError(f"{self.name}.free: {text}")
        return names

    def _windows(self, energy: float) -> tuple[Window, ...]:
        """energy : eV, of the beam"""
        out = []
        for text, thickness in self.window.items():
            material, _, own = text.rpartition(" ") if text[-1:].isdigit() and " " in text else (text, "", "")
            density = float(own) if own else lines.density(material)
            lines.attenuation(material, np.array([5e3]))
            if density is None:
                raise JobError(
                    f'{self.name}.window: give the g/cm3 of {material}: {{"{material} 1.4": 6 um}}'
                )
            try:
                thick = quantity(thickness, "m", "um")
            except JobError as error:
                raise JobError(f"{self.name}.window.{text}: {error}") from None
            out.append(Window(material, density, thick))
            if not 0 <= thick or out[-1].passed(np.array([energy]))[0] < OPAQUE:
                raise JobError(
                    f"{self.name}.window.{text}: {thickness} lets nothing through at "
                    f"{energy / 1e3:.4g} keV; give it with its unit, such as 24 um"
                )
        return tuple(out)
