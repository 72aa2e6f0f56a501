"""Counts that a mass on an area gives: measured on standards, and by physics for elements between them."""

from dataclasses import dataclass, field

import numpy as np

from nanompi.errors import JobError
from nanompi.methods.maps.xrf.lines import cross_section, lines, main_line
from nanompi.methods.maps.xrf.response import Detector

LARGE = 0.15  # spread of the standards' elements about one physical curve that is warned of


@dataclass(frozen=True)
class Sensitivities:
    """Of the detectors of a map together, for a beam of `energy`, eV.

    measured : {family: counts for 1 µg/cm² and one unit of exposure}
    detector : what is known of the detectors
    apart    : {family: how far several standards are apart} (`apart`)
    """

    measured: dict[str, float]
    energy: float
    detector: Detector
    apart: dict[str, float] = field(default_factory=dict)

    def _expected(self, name: str) -> float:
        """Cross section times the part of the light that reaches the detector, any unit."""
        at, share = lines(name, self.energy)
        return cross_section(name, self.energy) * float(share @ self.detector.efficiency(at))

    def _ratios(self) -> dict[str, float]:
        return {name: value / self._expected(name) for name, value in self.measured.items()}

    @property
    def spread(self) -> float:
        """Standard deviation of measured over expected, in their mean: how far an element between the
        standards may be off; NaN of one standard alone."""
        ratios = np.array(list(self._ratios().values()))
        return float(ratios.std(ddof=1) / ratios.mean()) if len(ratios) > 1 else float("nan")

    def of(self, name: str) -> float:
        """As measured; else of the measured family whose line is nearest, by the ratio that is expected."""
        if name in self.measured:
            return self.measured[name]
        at = main_line(name, self.energy)
        near = min(self.measured, key=lambda one: abs(main_line(one, self.energy) - at))
        return self._ratios()[near] * self._expected(name)


def apart(measured: dict[str, list[float]]) -> dict[str, float]:
    """Standard deviation of what several standards say of a family, in their mean; of those that two have."""
    several = {name: np.array(values) for name, values in measured.items() if len(values) > 1}
    return {name: float(values.std(ddof=1) / values.mean()) for name, values in several.items()}


def checked(areal: dict[str, float], what: str) -> dict[str, float]:
    """Values above 0, one at least. Errors: JobError."""
    wrong = [name for name, value in areal.items() if not value > 0]
    if wrong or not areal:
        text = f"{wrong[0]}: {areal[wrong[0]]:g} is not above 0" if wrong else "no element is given"
        raise JobError(f"xrf.quantify.standard.{what}: {text}; write {{Ca: 1.931, Fe: 0.504}}")
    return areal
