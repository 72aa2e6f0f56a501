"""What each unit is worth, against figures written by hand."""

import pytest

from nanompi.errors import JobError
from nanompi.units import clock, factor, quantity, seconds, show

WORTH = [
    ("1 m", "m", 1), ("3 cm", "m", 0.03), ("75 um", "m", 75e-6), ("75 µm", "m", 75e-6),
    ("2.5 nm", "m", 2.5e-9),
    ("4 pm", "m", 4e-12), ("1.24 A", "m", 1.24e-10), ("1 Å", "m", 1e-10), ("7 micron", "m", 7e-6),
    ("8 keV", "J", 1.2817412e-15), ("12 eV", "J", 1.9226119e-18), ("2 MeV", "J", 3.2043533e-13),
    ("180 deg", "rad", 3.14159265), ("90°", "rad", 1.57079633), ("-1 deg", "rad", -0.0174532925),
    ("5 mrad", "rad", 0.005), ("5 urad", "rad", 5e-6), ("2 rad", "rad", 2),
    ("2 h", "s", 7200), ("3 min", "s", 180), ("1 d", "s", 86400), ("5 ms", "s", 0.005), ("5 us", "s", 5e-6),
    ("3 kB", "B", 3000), ("3 KiB", "B", 3072), ("2 G", "B", 2e9),
    ("1 GiB", "B", 1073741824), ("4 px", "px", 4),
]  # fmt: skip


@pytest.mark.parametrize("text, into, value", WORTH, ids=[text for text, _, _ in WORTH])
def test_a_quantity_is_worth(text, into, value):
    assert quantity(text, into) == pytest.approx(value, rel=1e-8)


def test_a_bare_number_is_in_the_bare_unit():
    assert quantity(180, "rad", "deg") == quantity("180", "rad", "deg") == quantity("180 deg", "rad")
    assert quantity(8, "J", "keV") == pytest.approx(1.2817412e-15)
    assert factor("deg", "mrad") == pytest.approx(17.4532925)


@pytest.mark.parametrize("text, into", [("3 deg", "m"), ("3 m", "rad"), ("3 degree", "rad"), ("deg", "rad")])
def test_a_unit_of_another_kind_is_refused(text, into):
    with pytest.raises(JobError, match=r"is not a (unit|quantity)"):
        quantity(text, into)


def test_how_quantities_and_times_are_shown():
    assert [show(5.5e-5, "m"), show(1.2817412e-15, "J"), show(2.5e9, "B")] == ["55 um", "8 keV", "2.5 GB"]
    assert [show(0.0, "m"), show(0.5, "rad"), show(1e-13, "m")] == ["0 m", "0.5 rad", "0.1 pm"]
    times = {"90": 5400, "4:00:00": 14400, "1-12:00:00": 129600, "1:30": 90, "2h": 7200}
    assert {text: seconds(text) for text in times} == times
    assert [clock(14400), clock(129661)] == ["4:00:00", "1-12:01:01"]
