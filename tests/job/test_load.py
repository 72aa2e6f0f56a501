"""`--set`, `set:`, `extends:`, sweeps: before any meaning."""

import pytest

from nanompi.errors import JobError
from nanompi.job import tree as load
from nanompi.job import yaml12
from nanompi.job.faults import Faults

TWO = """name: x
steps:
  - use: ptycho.prepare
    size: 256
  - use: ptycho
    probe: {modes: 1}
  - use: my.own
"""


def applied(text, *settings):
    faults = Faults()
    tree, _ = yaml12.read(text, "job.yaml", faults)
    for one in settings:
        load.apply(tree, load.setting(one, faults))
    assert not faults.lines()
    return yaml12.plain(tree)


@pytest.mark.parametrize(
    "setting, way, value",
    [
        ("steps.ptycho.probe.modes=3", ("steps", 1, "probe", "modes"), 3),
        ("steps.ptycho.prepare.size=64", ("steps", 0, "size"), 64),
        ("steps.0.size=64", ("steps", 0, "size"), 64),
        ("steps.my.own.a.b=1e-3", ("steps", 2, "a", "b"), 1e-3),
        ("steps.ptycho.engines=[{dm: 3}, ML*4]", ("steps", 1, "engines"), [{"dm": 3}, "ML*4"]),
        ("run.checkpoint=4:00:00", ("run", "checkpoint"), "4:00:00"),
        ("run.checkpoint=off", ("run", "checkpoint"), "off"),
        ("name=a=b", ("name",), "a=b"),
        ("name=", ("name",), None),
        ("input.energy=8 keV", ("input", "energy"), "8 keV"),
    ],
)
def test_set_puts_one_value(setting, way, value):
    got = applied(TWO, setting)
    for key in way:
        got = got[key]
    assert got == value


def test_set_of_a_step_not_listed_is_a_key_error():
    for path in ("steps.other.size=3", "steps.7.size=3"):
        with pytest.raises(KeyError):
            applied(TWO, path)


def test_set_of_a_step_listed_twice_asks_for_its_place():
    with pytest.raises(JobError, match=r'"ptycho" is listed more than once: name it by its place \(steps.0'):
        applied("steps: [{use: ptycho}, {use: ptycho}]", "steps.ptycho.a=1")


def test_set_below_a_plain_value_is_refused():
    with pytest.raises(JobError, match="name holds one value, 'x': set it whole"):
        applied(TWO, "name.first=3")


@pytest.mark.parametrize("text", ["name", "=3", " =3"])
def test_a_set_without_path_or_value_is_a_fault(text):
    faults = Faults()
    assert load.setting(text, faults) is None
    assert faults.lines() == [
        f"--set {text}: write it as path=value, for example --set steps.ptycho.probe.modes=3"
    ]


def test_a_set_that_is_not_yaml_is_a_fault():
    faults = Faults()
    load.setting("a=[1, 2", faults)
    assert faults.lines()[0].startswith("--set a=[1, 2: a: this is not YAML")


def test_extends_merges_mappings_replaces_lists_and_applies_set_last(tmp_path):
    (tmp_path / "base.yaml").write_text(
        "name: base\ninput: {file: a, energy: 8}\nsteps: [{use: p, a: 1}]\nset: {name: b2, run.x: 1}\n"
    )
    (tmp_path / "job.yaml").write_text(
        "extends: base.yaml\ninput: {energy: 9}\nset: {steps.p.a: 5, run.x: 2}\n"
    )
    faults = Faults()
    tree = load.load(str(tmp_path / "job.yaml"), ["run.x=3"], faults)
    for one in tree.sets:
        load.apply(tree.values, one)
    assert not faults.lines()
    assert tree.values == {
        "name": "b2",
        "input": {"file": "a", "energy": 9},
        "steps": [{"use": "p", "a": 5}],
        "run": {"x": 3},
    }
    assert tree.values["input"].values_at["energy"].file.endswith("job.yaml")
    assert tree.values["input"].values_at["file"].file.endswith("base.yaml")
    assert tree.text.startswith("extends:")


def test_extends_in_a_circle_and_of_a_missing_file_are_faults(tmp_path):
    a, b = tmp_path / "a.yaml", tmp_path / "b.yaml"
    a.write_text("extends: b.yaml\n")
    b.write_text("extends: a.yaml\n")
    faults = Faults()
    load.load(str(a), [], faults)
    assert "b.yaml:1:10: extends: a.yaml extends this file in turn" in faults.lines()[0]
    b.write_text("x: 1\nextends: aa.yaml\n")
    faults = Faults()
    load.load(str(b), [], faults)
    assert (
        "b.yaml:2:10: " in faults.lines()[0] and 'no such file (did you mean "a.yaml"?)' in faults.lines()[0]
    )


@pytest.mark.parametrize(
    "text, values",
    [("{sweep: [1, 2, 3]}", [1, 2, 3]), ("{sweep: {from: .6, to: 1, num: 5}}", [0.6, 0.7, 0.8, 0.9, 1.0])],
)
def test_a_sweep_stands_for_a_value(tmp_path, text, values):
    (tmp_path / "job.yaml").write_text(f"a: [1, {{b: {text}}}]\nset: {{c: {text}}}\n")
    faults = Faults()
    tree = load.load(str(tmp_path / "job.yaml"), [f"d={text}"], faults)
    assert not faults.lines()
    for sweep in (tree.values["a"][1]["b"], tree.sets[0].value, tree.sets[1].value):
        assert isinstance(sweep, load.Sweep) and sweep.values == pytest.approx(values)


def test_a_sweep_in_another_form_is_a_fault(tmp_path):
    (tmp_path / "job.yaml").write_text("a: {sweep: 3}\nb: {sweep: {from: 1, to: 2}}\n")
    faults = Faults()
    load.load(str(tmp_path / "job.yaml"), [], faults)
    assert [line.split(": ")[1] for line in faults.lines()] == ["a.sweep", "b.sweep"]


def test_a_file_that_is_no_text_no_mapping_or_a_folder_is_a_fault(tmp_path):
    (tmp_path / "a.yaml").write_bytes(b"\x89HDF\r\n")
    (tmp_path / "b.yaml").write_text("just words\n")
    (tmp_path / "c.yaml").write_text("")
    for name, word in (
        ("a.yaml", "UTF-8"),
        ("b.yaml", "is a mapping"),
        ("c.yaml", "is a mapping"),
        ("", "this is a folder"),
    ):
        faults = Faults()
        load.load(str(tmp_path / name), [], faults)
        assert len(faults) == 1 and word in faults.lines()[0]
