"""YAML 1.2 scalars, places, duplicate keys, writing."""

import math

import pytest

from nanompi.job import yaml12
from nanompi.job.faults import Faults, Place


def read(text):
    faults = Faults()
    value, _ = yaml12.read(text, "job.yaml", faults)
    return value, faults.lines()


SCALARS = [
    ("true", True),
    ("True", True),
    ("TRUE", True),
    ("false", False),
    ("FALSE", False),
    ("yes", "yes"),
    ("no", "no"),
    ("on", "on"),
    ("off", "off"),
    ("y", "y"),
    ("tRUE", "tRUE"),
    ("null", None),
    ("~", None),
    ("", None),
    ("Null", None),
    ("nULL", "nULL"),
    ("12", 12),
    ("-12", -12),
    ("+12", 12),
    ("0", 0),
    ("010", 10),
    ("0o17", 15),
    ("0x1F", 31),
    ("1_000", "1_000"),
    ("0b11", "0b11"),
    ("0o18", "0o18"),
    ("1.5", 1.5),
    ("1e-3", 1e-3),
    ("1.5e-3", 1.5e-3),
    ("1E3", 1000.0),
    ("1e+3", 1000.0),
    (".5", 0.5),
    ("1.", 1.0),
    ("-.5", -0.5),
    (".inf", math.inf),
    ("-.inf", -math.inf),
    ("+.Inf", math.inf),
    ("e3", "e3"),
    (".", "."),
    ("1e", "1e"),
    ("4:00:00", "4:00:00"),
    ("190:20:30.15", "190:20:30.15"),
    ("2026-11-22", "2026-11-22"),
    ("8.0 keV", "8.0 keV"),
    ("'12'", "12"),
    ('"true"', "true"),
    ("=", "="),
    ("<<", "<<"),
    ("!!str 12", "12"),
    ("!!float 3", 3.0),
    ("!!int '7'", 7),
]


@pytest.mark.parametrize("text, value", SCALARS, ids=[t or "empty" for t, _ in SCALARS])
def test_scalar_has_the_type_of_yaml_1_2(text, value):
    got, faults = read(f"a: {text}\n")
    assert not faults
    assert got["a"] == value and type(got["a"]) is type(value)


def test_nan_is_a_number():
    assert math.isnan(read("a: .nan")[0]["a"])


@pytest.mark.parametrize(
    "value", [v for _, v in SCALARS] + ["1e-3", "4:00", "off", "a: b", "# x", "", "0o17", " x", "µ"]
)
def test_written_values_read_back_the_same(value):
    got, faults = read(yaml12.write({"a": value, "b": [value, {"c": value}]}))
    assert not faults and got == {"a": value, "b": [value, {"c": value}]}
    assert type(got["a"]) is type(value)


def test_a_value_in_one_line_is_that_of_its_own_type():
    """Of values that are equal to others, too, in whatever order they are asked for"""
    for values in ((1, True, 1.0, "1"), ("0", False, 0.0, -0.0, 0, None)):
        assert [yaml12.one_line(v) for v in values] == [
            yaml12.write([v], flow=True).strip()[1:-1] for v in values
        ]
    assert (yaml12.one_line(True), yaml12.one_line({"a": [1, "2"]})) == ("true", "{a: [1, '2']}")


def test_what_was_written_is_reread_as_read_reads_it():
    """Also a text that somebody has edited since: with faults it is nothing, whoever scans it"""
    values = [value for _, value in SCALARS] + [
        "\x85",
        "\ufeffa",
        "a\n\n b ",
        "é \U0001f600",
        "- a",
        "a:\tb",
        "\t",
    ]
    tree = {f"k{k}": {"a": [value], "b": {"c": value, "": []}} for k, value in enumerate(values)}
    for text in (yaml12.write(tree), yaml12.write(tree, flow=True), "", "# nothing", "a: &x {b: 1}\nc: *x\n"):
        again, (plain, faults) = yaml12.reread(text), read(text)
        assert not faults and again == plain and repr(again) == repr(yaml12.plain(plain))
    for text in (
        "[" * 100_000,
        "a: &x [*x]",
        "a: 1\na: 2",
        "a: !mine 1",
        "a: [1",
        "a: 1\n---\nb: 2\n",
        "a: \x07",
    ):
        assert read(text)[1] and yaml12.reread(text) is None


def test_every_key_and_value_knows_its_place():
    got, _ = read("a: 1\nsteps:\n  - use: x\n    probe: {modes: 3}\n")
    step = got["steps"][0]
    assert got.values_at["a"] == Place("job.yaml", 1, 4)
    assert got["steps"].items_at == [Place("job.yaml", 3, 5)]
    assert step.keys_at["probe"] == Place("job.yaml", 4, 5)
    assert step["probe"].values_at["modes"] == Place("job.yaml", 4, 20)


@pytest.mark.parametrize(
    "text, line",
    [
        ("a: 1\nb: 2\na: 3\n", 'job.yaml:3:1: the key "a" stands here again (first in line 1)'),
        ("a: {b: 1, b: 2}\n", 'job.yaml:1:11: the key "b" stands here again (first in line 1)'),
        (
            "a: !!python/object:os.system x\n",
            "job.yaml:1:4: the tag !!python/object:os.system is not used in job",
        ),
        ("a: !mine {b: 1}\n", "job.yaml:1:4: the tag !mine is not used in job files; remove it"),
        ("a: &x [*x]\n", "job.yaml:1:4: this part contains itself"),
        ("a: [1, 2\n", "job.yaml:2:1: this is not YAML"),
        ("a:\n\t- 1\n", "job.yaml:2:1: this is not YAML"),
        ("? [1, 2]\n: 3\n", "job.yaml:1:3: a key must be a plain word"),
        ("a: !!int x\n", "job.yaml:1:4: 'x' is not of the kind that its tag !!int says"),
        ("a: 1\n---\nb: 2\n", "job.yaml:2:1: this is not YAML"),
        ("a: \x07\n", "job.yaml:1:1: this is not YAML"),
    ],
)
def test_what_is_not_allowed_is_told_with_its_place(text, line):
    _, faults = read(text)
    assert len(faults) == 1 and faults[0].startswith(line)


def test_an_alias_repeats_a_value():
    assert read("a: &x {b: 1}\nc: *x\n")[0] == {"a": {"b": 1}, "c": {"b": 1}}
