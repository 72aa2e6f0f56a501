"""The step `tomo.quantify`: a volume of phases or attenuation as a property of the material, with its unit.

A phase per length p (rad/m) is 2 pi delta / lambda, delta the decrement of the refractive index. Far from
absorption edges delta = r_e lambda^2 n_e / (2 pi), r_e the classical radius of the electron, n_e electrons
per volume (Als-Nielsen & McMorrow, Elements of Modern X-ray Physics, chapter 3, doi:10.1002/9781119998365);
so n_e = p / (r_e lambda), and the mass density is n_e times the mass per electron of the material. An
attenuation per length mu is 4 pi beta / lambda.
"""

import math
from typing import Literal

from nanompi.errors import DataError, JobError
from nanompi.methods.tomo.matter import mass_per_electron
from nanompi.methods.tomo.step import unit_of
from nanompi.optics.geometry import PLANCK_C
from nanompi.step import param, step

PHASE, ATTENUATION = "rad/m", "1/m"
OF = {  # of what volume it is made, and in which unit it is
    "delta": (PHASE, ""),
    "electron_density": (PHASE, "1/m^3"),
    "mass_density": (PHASE, "kg/m^3"),
    "mu": (ATTENUATION, "1/m"),
    "beta": (ATTENUATION, ""),
}
PER = {"m": ("1/m^3", 1.0), "nm": ("1/nm^3", 1e-27), "angstrom": ("1/angstrom^3", 1e-30)}  # of electrons


@step("tomo.quantify", each="frame")
class Quantify:
    r"""Slices as delta, electron or mass density (of phases), attenuation or beta.

    .. math::

        \delta = \frac{\lambda p}{2 \pi}, \quad n_e = \frac{p}{r_e \lambda}, \quad
        \beta = \frac{\lambda \mu}{4 \pi}

    p is a phase per length, mu an attenuation per length; the mass density is n_e times the mass per
    electron of `formula`.

    Unit: 1/m^3 (electron density; by `per`, 1/nm^3 or 1/angstrom^3), kg/m^3 (mass density), 1/m (mu); delta
    and beta have none.

    Source: doi:10.1002/9781119998365

    Example::

        - tomo
        - {use: tomo.quantify, quantity: mass_density, formula: SiO2}
    """

    quantity: Literal["delta", "electron_density", "mass_density", "mu", "beta"] = param(
        "electron_density",
        level="basic",
        help="what the values become; the first three of phases, the others of attenuation",
    )
    formula: str = param(
        "", kind="line", level="basic", help="chemical formula of the sample, for its mass density: SiO2"
    )
    per: Literal["m", "nm", "angstrom"] = param(
        "m", level="basic", help="electron density: electrons in a cubic metre, nanometre or angstrom"
    )

    def check(self, data):
        """What is missing, of a volume or of the projections that it will be made of.

        Errors: JobError where the mass density has no formula, or one that is none, or another quantity than
        the electron density is asked for `per` a volume; DataError where the
        values are of another kind, or the pixel size or energy is not known.
        """
        if self.per != "m" and self.quantity != "electron_density":
            raise JobError(f"tomo.quantify: per: {self.per} is of electron_density, not of {self.quantity}")
        if self.quantity == "mass_density":
            if not self.formula:
                raise JobError("tomo.quantify: mass_density needs the `formula:` of the sample, such as SiO2")
            mass_per_electron(self.formula)
        wanted, unit = OF[self.quantity][0], unit_of(data) if "angle" in data.axes else data.unit
        if unit != wanted:
            raise DataError(
                f"tomo.quantify: {self.quantity} is made of a volume in {wanted}, this one is in "
                f'"{unit}"; phases come from ptychography (runs), attenuation from tomograms with their pixel'
            )
        self._factor(data.facts.get("energy", 0.0))

    def start(self, run, data):
        """The factor from the volume's values. Errors: JobError, DataError."""
        run.team.on_root(lambda: self.check(data))
        self.unit = PER[self.per][0] if self.quantity == "electron_density" else OF[self.quantity][1]
        self.factor = self._factor(data.facts.get("energy", 0.0))
        run.result.notes.setdefault("tomo", {})["quantify"] = {
            "quantity": self.quantity,
            "unit": self.unit,
            "factor": self.factor,
        }

    def block(self, block, info):
        """(k, y, x) -> the same, in the new unit"""
        return block * block.dtype.type(self.factor)

    def finish(self, run):
        """Unit and title."""
        volume = run.data[self.takes]
        volume.unit, volume.title = self.unit, self.quantity.replace("_", " ")
        run.say(
            f"tomo.quantify: {volume.title}, {self.factor:.6g} {self.unit} for each {OF[self.quantity][0]}"
        )

    def _factor(self, energy: float) -> float:
        """Errors: DataError where the energy is not known."""
        if self.quantity == "mu":
            return 1.0
        if not energy:
            raise DataError(
                f"tomo.quantify: {self.quantity} needs the photon energy; give `energy:` in the input section"
            )
        wavelength = PLANCK_C / energy
        if self.quantity in ("delta", "beta"):
            return wavelength / (2 * math.pi if self.quantity == "delta" else 4 * math.pi)
        from scipy.constants import Avogadro, physical_constants

        electrons = 1 / (physical_constants["classical electron radius"][0] * wavelength)
        if self.quantity == "electron_density":
            return electrons * PER[self.per][1]
        return electrons / Avogadro * mass_per_electron(self.formula) * 1e-3
