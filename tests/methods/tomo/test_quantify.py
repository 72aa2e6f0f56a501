"""Volumes as properties of the material."""

import numpy as np
import pytest

from nanompi.data.data import Data
from nanompi.errors import DataError, JobError
from nanompi.methods.tomo.matter import mass_per_electron
from nanompi.methods.tomo.quantify import Quantify
from nanompi.units import EV
from tests.methods.tomo.steps import done, run_of


def value(quantity: str, unit: str, formula: str = "", per: str = "m", **facts) -> tuple[float, str]:
    """What becomes of 1, and its unit"""
    run, block = run_of(), np.ones((2, 3, 3))
    run.data["data"] = Data(axes=("z", "y", "x"), values=block, unit=unit, facts=facts)
    one = Quantify(quantity=quantity, formula=formula, per=per)
    made = done(one, run, run.data["data"], block)
    one.finish(run)
    return float(made[0, 0, 0]), run.data["data"].unit


# water, 10 keV: delta 2.3e-6, 3.34e29 electrons per m^3, and a phase of 2 pi delta / lambda
def test_water_at_10_keV():
    wavelength = 1.23984e-10
    electrons = 1000 * 6.02214e23 * 10 / 18.015e-3
    delta = 2.81794e-15 * wavelength**2 * electrons / (2 * np.pi)
    phase, energy = 2 * np.pi * delta / wavelength, 10e3 * EV
    assert delta == pytest.approx(2.3e-6, rel=0.01)
    for quantity, formula, true, unit in (
        ("delta", "", delta, ""),
        ("electron_density", "", electrons, "1/m^3"),
        ("mass_density", "H2O", 1000.0, "kg/m^3"),
    ):
        factor, given = value(quantity, "rad/m", formula, energy=energy)
        assert factor * phase == pytest.approx(true, rel=1e-4) and given == unit


def test_electrons_of_a_small_volume():
    """Water has 334 of them in a cubic nanometre, 0.334 in a cubic angstrom"""
    wavelength, electrons = 1.23984e-10, 1000 * 6.02214e23 * 10 / 18.015e-3
    phase = 2.81794e-15 * wavelength * electrons
    for per, true, unit in (("nm", 334.3, "1/nm^3"), ("angstrom", 0.3343, "1/angstrom^3")):
        factor, given = value("electron_density", "rad/m", per=per, energy=10e3 * EV)
        assert factor * phase == pytest.approx(true, rel=1e-3) and given == unit
    with pytest.raises(JobError, match="per: nm is of electron_density, not of delta"):
        value("delta", "rad/m", per="nm", energy=1e-15)


def test_attenuation_is_mu_and_beta():
    assert value("mu", "1/m") == (1.0, "1/m")
    assert value("beta", "1/m", energy=10e3 * EV)[0] == pytest.approx(1.23984e-10 / 4 / np.pi, rel=1e-5)


def test_what_is_missing_is_named():
    with pytest.raises(JobError, match="needs the `formula:`"):
        value("mass_density", "rad/m", energy=1e-15)
    with pytest.raises(DataError, match="needs the photon energy"):
        value("delta", "rad/m")
    with pytest.raises(DataError, match='made of a volume in rad/m, this one is in "1/m"'):
        value("electron_density", "1/m", energy=1e-15)


def test_formulas():
    assert mass_per_electron("SiO2") == pytest.approx(60.083 / 30)
    assert mass_per_electron("Ca5P3O13H") == pytest.approx(502.31 / 250, rel=1e-4)
    for formula, words in (("", "is not one such as"), ("sio2", "is not one"), ("Xx", 'weight of "Xx"')):
        with pytest.raises(JobError, match=words):
            mass_per_electron(formula)


@pytest.mark.parametrize(
    "quantity, unit, facts, words",
    [
        (
            "delta",
            "counts",
            {"pixel": 1e-6, "energy": 1e-15},
            'made of a volume in rad/m, this one is in "1/m"',
        ),
        ("beta", "rad", {"pixel": 1e-6, "energy": 1e-15}, 'made of a volume in 1/m, this one is in "rad/m"'),
        ("mu", "counts", {}, 'this one is in "1/px"'),
        ("beta", "counts", {"pixel": 1e-6}, "needs the photon energy"),
        ("mu", "counts", {"pixel": 1e-6}, ""),
        ("delta", "rad", {"pixel": 1e-6, "energy": 1e-15}, ""),
    ],
)
def test_projections_that_cannot_give_it_are_refused_beforehand(quantity, unit, facts, words):
    """As `nanompi check` asks, which has the projections alone"""
    data = Data(axes=("angle", "row", "column"), values=np.ones((2, 3, 3)), unit=unit, facts=facts)
    if not words:
        assert Quantify(quantity=quantity).check(data) is None
        return
    with pytest.raises(DataError, match=words):
        Quantify(quantity=quantity).check(data)
