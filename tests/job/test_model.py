"""Values: types, limits, units, sections, chains; the words of each fault."""

from typing import Literal

import pytest

from nanompi.errors import JobError
from nanompi.job.leaf import PLAIN, leaf

NOTE = {**PLAIN, "help": "a test"}


@pytest.mark.parametrize(
    "value, hint, limits, want",
    [
        (3, int, {}, 3),
        (1e4, int, {}, 10000),
        (3, float, {}, 3.0),
        (True, bool, {}, True),
        ("a", str, {}, "a"),
        ("auto", int | Literal["auto"], {"ge": 1}, "auto"),
        (4, int | Literal["auto"], {"ge": 1}, 4),
        (None, float | None, {"gt": 0}, None),
        ([1, 2], tuple[float, float], {}, (1.0, 2.0)),
        ([1, 2.5], list[float], {}, [1.0, 2.5]),
        ({"x": "um"}, dict[str, str], {}, {"x": "um"}),
        ("auto", tuple[float, float] | Literal["auto"], {}, "auto"),
        ([1e-3, float("inf")], tuple[float, float], {}, (1e-3, float("inf"))),
    ],
)
def test_values_that_fit(value, hint, limits, want):
    got = leaf(value, hint, {**NOTE, "limits": limits})
    assert got == want and type(got) is type(want)


@pytest.mark.parametrize(
    "value, hint, limits, word",
    [
        (1, bool, {}, "1 does not fit here; allowed: true or false"),
        (0, bool, {}, "true or false"),
        ("yes", bool, {}, "true or false"),
        (True, int, {}, "true does not fit here; allowed: a whole number"),
        (True, float, {}, "a number"),
        ("three", int, {}, '"three" does not fit here; allowed: a whole number'),
        ("3", int, {}, "a whole number"),
        ("1.5", float, {}, "a number"),
        (2.5, int, {}, "a whole number"),
        (0, int, {"ge": 1}, "0 does not fit here; allowed: a whole number >= 1"),
        (9, int, {"ge": 1, "le": 8}, "a whole number >= 1, <= 8"),
        (None, int, {}, "null does not fit here"),
        (0, int | Literal["auto"], {"ge": 1}, 'a whole number >= 1 or "auto"'),
        ("atuo", int | Literal["auto"], {}, '(did you mean "auto"?)'),
        (12, str, {}, 'write it in quotes: "12"'),
        ([1], tuple[float, float], {}, "a list of 2"),
        ([1, 2, 3], tuple[float, float], {}, "a list of 2"),
        ([1, "x"], list[float], {}, "a list, each a number"),
        ({"x": 1}, dict[str, str], {}, "a mapping, each value a text"),
        ("ab", list[str], {}, "a list, each a text"),
        (float("nan"), float, {}, "nan does not fit here"),
        ({}, list[str], {}, "a list"),
    ],
)
def test_values_that_do_not_fit_say_what_is_allowed(value, hint, limits, word):
    with pytest.raises(JobError) as e:
        leaf(value, hint, {**NOTE, "limits": limits})
    assert word in str(e.value) and "a test" in str(e.value)


@pytest.mark.parametrize(
    "value, hint, unit, bare, want",
    [
        ("55 um", float, "m", "m", 55e-6),
        (55, float, "m", "um", 55e-6),
        ("8 keV", float | None, "J", "keV", 8e3 * 1.602176634e-19),
        (None, float | None, "m", "m", None),
        (["1 um", 2], tuple[float, float] | Literal["auto"], "m", "um", (1e-6, 2e-6)),
        ("auto", float | Literal["auto"], "m", "m", "auto"),
        ("64 px", int, "px", "px", 64),
        ("10min", float, "s", "s", 600.0),
        (["1 um", "2 nm"], list[float], "m", "m", [1e-6, 2e-9]),
        ("file.h5", float | str, "m", "m", "file.h5"),
    ],
)
def test_quantities_are_stored_in_their_unit(value, hint, unit, bare, want):
    assert leaf(value, hint, {**NOTE, "unit": unit, "bare": bare}) == pytest.approx(want)


@pytest.mark.parametrize(
    "value, word",
    [
        ("8 kV", 'did you mean "keV"?'),
        ("banana", "'banana' is not a quantity"),
        ("8 um", '"um" is not a unit that fits'),
        (True, "true does not fit here"),
        ("-1 keV", "a number with a unit (a bare number is in keV) > 0"),
    ],
)
def test_wrong_quantities_are_refused(value, word):
    with pytest.raises(JobError) as e:
        leaf(value, float, {**NOTE, "unit": "J", "bare": "keV", "limits": {"gt": 0}})
    assert word in str(e.value)


def test_sections_take_their_own_defaults_or_those_of_the_part(job):
    prepare, ptycho, _ = job(
        "  - {use: ptycho.prepare, mask: {}}\n  - {use: ptycho, probe: {modes: 3}}\n"
    ).steps
    assert (ptycho.probe.modes, ptycho.probe.start) == (3, "data")
    assert prepare.mask.hot == 12.0, "the part's default of the section, not the section's own"


@pytest.mark.parametrize(
    "text, want",
    [("7", (7, None, 1)), ("{every: 5}", (2, None, 5)), ("{after: 1, until: 9}", (1, 9, 1))],
)
def test_a_section_with_from_value_takes_a_short_form(job, text, want):
    update = job(f"  - {{use: ptycho, update: {text}}}\n").steps[1].update
    assert (update.after, update.until, update.every) == want


def test_a_section_refuses_other_values(faults):
    lines = faults("  - {use: ptycho, update: x, probe: 3}\n")
    assert lines[0].startswith("job.yaml:4:27: steps.ptycho.update: 'x' is neither a whole number")
    assert (
        lines[1]
        == "job.yaml:4:37: steps.ptycho.probe: 3 does not fit here; allowed: a mapping with start, modes, "
        "width"
    )


CHAINS = [
    ("DM*100 ML*200", [("DM", 100), ("ML", 200)]),
    ("dm*3 * 2", None),
    ("DM", [("DM", 50)]),
    ("dm * 3   ml", [("DM", 3), ("ML", 100)]),
    ("[DM*3 ML*4, {dm: 5}, {ML: }]", [("DM", 3), ("ML", 4), ("DM", 5), ("ML", 100)]),
    ("{dm: 5}", [("DM", 5)]),
]


@pytest.mark.parametrize("text, want", [c for c in CHAINS if c[1]])
def test_a_chain_of_engines_goes_from_left_to_right(job, text, want):
    engines = job(f"  - use: ptycho\n    engines: {text}\n").steps[1].engines
    assert [(e.name, e.iterations) for e in engines] == want


def test_an_engine_of_a_chain_takes_its_parameters(job):
    engines = (
        job("  - use: ptycho\n    engines: [{dm: 9, alpha: 0.9, average: 50}, {ml: 5, refine: [x]}]\n")
        .steps[1]
        .engines
    )
    assert engines[0].alpha == 0.9 and engines[0].average.after == 50
    assert engines[1].refine == ["x"] and engines[1].floor == 0.5


@pytest.mark.parametrize(
    "text, path, word",
    [
        ("DMM*3", "engines", 'unknown engine "DMM" (did you mean "DM"?); allowed: DM, ML'),
        ("DM*x", "engines.DM.iterations", '"x" does not fit here; allowed: a whole number >= 1'),
        ("DM*", "engines.DM.iterations", '"" does not fit here'),
        ("DM*0", "engines.DM.iterations", "0 does not fit here"),
        ("'dm*3 * 2'", "engines.DM.iterations", '"3*2" does not fit here'),
        ("''", "engines", 'the chain is empty; write for example "DM*100 ML*100"'),
        ("[]", "engines", "the chain is empty"),
        ("7", "engines", "7 is not a chain of engines"),
        ("[3]", "engines", "3 is not a chain of engines"),
        ("[[DM]]", "engines", "unknown engine"),
        ("[{dm: 3, alfa: 1}]", "engines.DM.alfa", 'unknown parameter "alfa" (did you mean "alpha"?)'),
        ("[{dm: 3, alpha: 2}]", "engines.DM.alpha", "2 does not fit here; allowed: a number >= 0, <= 1"),
    ],
)
def test_a_wrong_chain_names_the_link(faults, text, path, word):
    lines = faults(f"  - use: ptycho\n    engines: {text}\n")
    assert len(lines) == 1
    assert lines[0].startswith("job.yaml:5:") and f": steps.ptycho.{path}: {word}" in lines[0]
