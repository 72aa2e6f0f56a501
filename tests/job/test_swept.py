"""Sweeps of a job file: values, combinations, names, faults with their places."""

import pytest

from nanompi.errors import NanompiError
from nanompi.job.sweeps import read_settings

HEAD = "nanompi: 1\ninput: {file: a.scan, energy: 8}\nsteps:\n"


@pytest.fixture
def settings(here):
    """settings(text, *sets) -> Settings"""

    def make(text="  - use: ptycho\n", *sets):
        (here / "job.yaml").write_text(HEAD + text)
        return read_settings("job.yaml", sets)

    return make


@pytest.fixture
def faults(settings):
    """faults(text, *sets) -> lines of the error"""

    def lines(*args):
        with pytest.raises(NanompiError) as e:
            settings(*args)
        return str(e.value).splitlines()

    return lines


@pytest.mark.parametrize(
    "text, values",
    [
        ("[1, 2, 5]", [1, 2, 5]),
        ("{from: .6, to: 1, num: 5}", [0.6, 0.7, 0.8, 0.9, 1.0]),
        ("{from: 1e-2, to: 1, num: 3, log: true}", [0.01, 0.1, 1.0]),
        ("{from: .6, to: 1, step: .1}", [0.6, 0.7, 0.8, 0.9, 1.0]),
        ("{from: 1, to: .5, step: -0.25}", [1, 0.75, 0.5]),
        ("{from: 1, to: 6, step: 2}", [1, 3, 5]),
    ],
)
def test_values_of_a_sweep(settings, text, values):
    found = settings("  - use: ptycho\n", f"steps.ptycho.limits=[0.0, {{sweep: {text}}}]")
    assert [s.job.steps[1].limits[1] for s in found.settings] == values
    assert [list(s.values) for s in found.settings] == [["steps.ptycho.limits.1"]] * len(values)


def test_a_range_may_carry_units(settings):
    found = settings("  - use: ptycho\n", "steps.ptycho.probe.width={sweep: {from: 1 um, to: 2 um, num: 3}}")
    assert [s.job.steps[1].probe.width for s in found.settings] == pytest.approx([1e-6, 1.5e-6, 2e-6])
    assert found.settings[1].name == "0001-width=1.5_um"


@pytest.mark.parametrize(
    "text, why",
    [
        ("3", "write a list of values"),
        ("{from: 1, to: 2}", "write a list of values"),
        ("{from: 1, to: 2, num: 1}", "num: 1 is not a whole number from 2"),
        ("{from: 0, to: 2, num: 3, log: true}", "log: true needs from and to above 0"),
        ("{from: 1 um, to: 2 mm, num: 3}", "not one unit"),
        ("{from: 1, to: 2, step: -1}", "does not lead from 1 to 2"),
        ("{from: a, to: 2, num: 2}", "'a' is not a number"),
    ],
)
def test_a_sweep_that_cannot_be_read_is_a_fault_at_its_place(faults, text, why):
    lines = faults(f"  - use: ptycho\n    update: {{sweep: {text}}}\n")
    assert lines[0].startswith("job.yaml:5:21: steps.0.update.sweep: ") and why in lines[0], lines


TWO = """  - use: ptycho
    engines: [{dm: 10, alpha: {sweep: [0.5, 1.0]}}]
    probe: {modes: {sweep: [1, 2, 3]}}
"""


def test_sweeps_combine_as_a_product_with_the_last_fastest(settings):
    found = settings(TWO)
    assert [(s.job.steps[1].engines[0].alpha, s.job.steps[1].probe.modes) for s in found.settings] == [
        (a, m) for a in (0.5, 1.0) for m in (1, 2, 3)
    ]
    assert found.settings[3].name == "0003-alpha=1-modes=1" and str(found) == "6 settings"


def test_zip_takes_them_side_by_side(settings, faults):
    found = settings(TWO.replace(", 3]", "]") + "sweep: zip\n")
    assert [s.label for s in found.settings] == ["alpha=0.5 modes=1", "alpha=1 modes=2"]
    line = faults(TWO + "sweep: {combine: zip}\n")[0]
    assert line.startswith("job.yaml:6:29: steps.ptycho.probe.modes: zip needs as many values here as ")


def test_random_draws_without_repeats_and_again_the_same(settings):
    found, again = (settings(TWO + "sweep: {random: 4, seed: 3}\n") for _ in range(2))
    assert str(found) == "4 settings drawn from 6 (seed 3)"
    assert len({s.label for s in found.settings}) == 4
    assert [s.values for s in found.settings] == [s.values for s in again.settings]
    other = settings(TWO + "sweep: {random: 4, seed: 4}\n")
    assert [s.values for s in other.settings] != [s.values for s in found.settings]


def test_every_setting_is_checked_and_all_faults_name_their_value(faults):
    text = TWO.replace("[1, 2, 3]", "[1, 0, two]").replace("1.0]", "7]")
    lines = faults(text + "sweep: {scor: R}\n")
    assert [line.split(": ")[0] for line in lines] == [
        "job.yaml:5:45",
        "job.yaml:6:32",
        "job.yaml:6:35",
        "job.yaml:7:9",
    ]
    assert 'did you mean "score"?' in lines[3]


def test_too_many_settings_are_refused_with_the_cure(faults):
    many = "{sweep: {from: 0, to: 1, num: 1000}}"
    line = faults(f"  - use: ptycho\n    engines: [{{dm: 10, alpha: {many}}}]\n    limits: [{many}, 1]\n")[0]
    assert "1000000 settings are too many" in line and "random: 100" in line


def test_a_set_replaces_a_sweep_and_a_sweep_may_stand_in_a_set(settings):
    found = settings(TWO, "steps.ptycho.probe.modes=2", "steps.ptycho.prepare.size={sweep: [64, 32]}")
    assert [s.label for s in found.settings] == [
        "size=64 alpha=0.5",
        "size=64 alpha=1",
        "size=32 alpha=0.5",
        "size=32 alpha=1",
    ]
    assert {s.job.steps[1].probe.modes for s in found.settings} == {2}


def test_whole_sections_and_chains_may_be_swept(settings):
    text = '  - use: ptycho\n    engines: {sweep: ["DM*5", "DM*5 ML*5", [{dm: 3}]]}\n'
    text += "    probe: {sweep: [{modes: 2}]}\n"
    found = settings(text)
    assert [len(s.job.steps[1].engines) for s in found.settings] == [1, 2, 1]
    assert found.settings[1].name == "0001-engines=DM_5_ML_5-probe=modes_2"


def test_names_that_end_alike_are_told_apart(settings):
    text = "  - use: ptycho\n    engines: [{dm: {sweep: [1, 2]}}, {dm: {sweep: [3]}}]\n"
    assert settings(text).settings[0].label == "0.dm=1 1.dm=3"


def test_the_resolved_job_of_a_setting_is_a_plain_job(settings, here):
    found = settings(TWO)
    assert "sweep" not in found.settings[4].job.resolved
    assert found.settings[4].job.resolved["steps"][1]["probe"]["modes"] == 2
