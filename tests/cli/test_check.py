"""`check` tells what a run would refuse: of the job, and of the files that it names, in the same words."""

import json
import os

import h5py
import numpy as np
import pytest

from nanompi.cli import main

SIMULATED = "nanompi: 1\nname: x\ninput: {simulate: {frames: 9, size: 16}}\nsteps: [{use: ptycho}]\n"
MAPPED = """nanompi: 1
name: x
input: {file: scan.h5, paths: {frames: /data, x: /x, y: /y}, energy: 8 keV, distance: 2 m, pixel: 55 um}
steps: [{use: ptycho}]
"""


@pytest.fixture
def scan(tmp_path, monkeypatch):
    """scan.h5: 9 frames of 16 x 16 px on a grid, and the job that reads it."""
    monkeypatch.chdir(tmp_path)
    with h5py.File("scan.h5", "w") as f:
        f["data"] = np.random.default_rng(1).poisson(20.0, (9, 16, 16)).astype(np.uint16)
        y, x = np.divmod(np.arange(9.0), 3)
        for name, value in (("x", x), ("y", y)):
            f[name] = value * 1e-6
            f[name].attrs["units"] = "m"
        f["text"] = "hello"
    (tmp_path / "job.yaml").write_text(MAPPED)
    (tmp_path / "sim.yaml").write_text(SIMULATED)
    return tmp_path


def checked(capsys, *words: str, job="job.yaml") -> tuple[int, str]:
    """(exit code, what is said) of a check with these edits."""
    code = main(["check", job, *[w for text in words for w in ("--set", text)]])
    said = capsys.readouterr()
    return code, said.out + said.err


def test_a_good_job_is_good_with_its_data(scan, capsys):
    code, said = checked(capsys)
    assert code == 0 and "no faults" in said
    assert checked(capsys, job="sim.yaml")[0] == 0


DATA = [
    ("input.paths={frames: /nope, x: /x, y: /y}", "/nope"),
    ("input.paths={frames: /data, x: /x, y: /text}", "text"),
    ("input.distance=2 um", "distance = 2e-06 m"),
    ("input.pixel=55 mm", "pixel = 0.055 m"),
    ("input.wavelength=1 m", "wavelength = 1 m"),
    ("steps.ptycho.probe={start: file, file: scan.h5}", "no probe where nanompi, ptypy"),
    ("steps.ptycho.probe={start: file, file: job.yaml}", "job.yaml"),
    ("steps.ptycho.object={start: input}", "holds no object"),
]


@pytest.mark.parametrize("edit, word", DATA)
def test_what_a_run_refuses_of_the_data_check_refuses_in_the_same_words(scan, capsys, edit, word):
    code, said = checked(capsys, edit)
    assert code == 3 and word in said
    assert main(["run", "job.yaml", "--set", edit]) == 3
    assert said.strip().splitlines()[-1][:120] in capsys.readouterr().err
    assert main(["check", "job.yaml", "--no-data", "--set", edit]) == 0


def test_a_file_of_a_mask_is_looked_at(scan, capsys):
    np.save("m.npy", np.ones((8, 8)))
    job = MAPPED.replace("[{use", "[{use: ptycho.prepare, mask: {file: m.npy}}, {use")
    (scan / "job.yaml").write_text(job)
    code, said = checked(capsys)
    assert code == 3 and "m.npy has the shape (8, 8), the frames have (16, 16)" in said


def test_a_start_that_lacks_its_values_is_a_fault_of_the_job(scan, capsys):
    code, said = checked(capsys, "steps.ptycho.probe={start: aperture}")
    assert code == 2 and "needs probe.aperture and probe.focal" in said
    code, said = checked(capsys, "steps.ptycho.probe={start: file}")
    assert code == 2 and "needs probe.file" in said


def test_blanks_of_a_page_are_blanks_and_a_file_may_have_them_in_its_name(scan, capsys):
    os.rename("scan.h5", "scan\u202f1.h5")
    assert (
        checked(capsys, "input.energy=8 keV", "input.file='scan\u202f1.h5'")[0] == 2
    )  # not on the command line
    (scan / "job.yaml").write_text(MAPPED.replace("scan.h5", "scan\u202f1.h5").replace("8 keV", "8\u00a0keV"))
    code, said = checked(capsys)
    assert code == 0, said


def test_a_missing_file_is_told_without_opening_anything(scan, capsys):
    os.remove("scan.h5")
    assert main(["check", "job.yaml", "--no-data"]) == 3
    assert "job.yaml:3:15: input.file: no such file" in capsys.readouterr().err


def test_each_setting_of_a_sweep_is_opened(scan, capsys):
    code, said = checked(capsys, "input.distance={sweep: [2 m, 2 um]}")
    assert code == 3 and "2e-06 m" in said


# ---- what was accepted without effect, or ended with a traceback

SILENT = [
    ("extends=other.yaml", "can only stand at the top"),
    ("set={name: y}", "can only stand at the top"),
    ("run.cache=off", "the name of a folder"),
    ("run.cache=None", "the name of a folder"),
    ("output.folder=no", "the name of a folder"),
    ("run.watchdog=.inf", "not a finite number"),
    ("run.checkpoint=1e999", "not a finite number"),
    ("input.energy=.nan", "not a finite number"),
    ("input.energy=1e999 keV", "not a finite number"),
    ("input.simulate.frames=" + "9" * 5000, "64 bits"),
    ("input.simulate.frames=0x" + "f" * 5000, "64 bits"),
    ("input.simulate.photons=" + "9" * 400, "64 bits"),
    ("input.distance=" + "9" * 400 + " m", "not a quantity"),
    ('output.folder="a\\0b"', "\\x00"),
    ('output.folder="a\\e[2J"', "\\x1b"),
    ('run.cache="a\\ud800"', "\\ud800"),
    ("input.select=a:b", "select"),
    ("input.select=0:" + "9" * 5000, "select"),
    ("input.select=middle:" + "9" * 5000, "select"),
    ("input.select=::0", "select"),
    ("input.select=middle:²", "select"),
    ("input.format=simulat", 'did you mean "simulate"'),
    ("steps.ptycho.engines=DM*²", "²"),
    ("steps.ptycho.engines=DM*" + "9" * 5000, "does not fit"),
    ("steps.ptycho.engines=" + "DM*1 " * 20000, "chain of more than"),
    ("steps.².engines=DM*2", "²"),
    ("a" + ".a" * 3000 + "=1", "more than 100 words"),
    ("name=" + "[" * 3000, "more than 100 levels"),
    ("name=a\nb", "\\n"),
    ("name=a\u2028b", "\\u2028"),
    ("run.threads=1e30", "4096"),
    ("input.simulate.frames={sweep: {from: 1, to: " + "9" * 400 + ", num: 3}}", "64 bits"),
]


@pytest.mark.parametrize("edit, word", SILENT, ids=[e[:40] for e, _ in SILENT])
def test_an_edit_that_does_nothing_good_is_a_fault(scan, capsys, edit, word):
    code, said = checked(capsys, edit, job="sim.yaml")
    assert code == 2 and word in said and "--set" in said and len(said) < 12_000


def test_a_misspelt_format_is_told_beside_a_missing_file(scan, capsys):
    code, said = checked(capsys, "input={file: nope.cxi, format: cxii}")
    assert code == 2 and 'did you mean "cxi"' in said and "no such file" in said


@pytest.mark.slow
def test_aliases_that_repeat_aliases_are_bounded(scan, capsys):
    bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
    bomb += "".join(f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12))
    (scan / "b.yaml").write_text(SIMULATED + bomb)
    code, said = checked(capsys, job="b.yaml")
    assert code == 2 and "more than 100000 values" in said
    (scan / "site.yaml").write_text(bomb)
    assert main(["submit", "--dry", "--site", "site.yaml", "sim.yaml"]) == 2
    assert "more than 100000 values" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["[" * 101 + "]" * 101, "{a: " * 150 + "1" + "}" * 150])
def test_levels_are_bounded(scan, capsys, text):
    (scan / "d.yaml").write_text(f"{SIMULATED}set: {text}\n")
    code, said = checked(capsys, job="d.yaml")
    assert code == 2 and "d.yaml:5:" in said and "more than 100 levels" in said


def test_size_is_bounded_but_not_that_of_comments(scan, capsys):
    comments = ("# " + "x" * 97 + "\n") * 110_000
    (scan / "c.yaml").write_text(comments + SIMULATED + "naem: x\n")
    code, said = checked(capsys, job="c.yaml")
    assert code == 2 and "c.yaml:110005:1: naem" in said
    (scan / "c.yaml").write_text(SIMULATED + "name2: " + "x" * 10_000_000)
    code, said = checked(capsys, job="c.yaml")
    assert code == 2 and "at most 10000000 are read" in said


def test_a_chain_of_extends_is_bounded(scan, capsys):
    for i in range(150):
        (scan / f"c{i}.yaml").write_text(f"extends: c{i + 1}.yaml\n")
    (scan / "c150.yaml").write_text(SIMULATED)
    code, said = checked(capsys, job="c0.yaml")
    assert code == 2 and "more than 100 files" in said
    assert checked(capsys, job="c60.yaml")[0] == 0


@pytest.mark.parametrize("name", ["/dev/zero", "pipe", "/"])
def test_what_is_no_file_is_not_opened_as_job_base_or_site(scan, capsys, name):
    os.mkfifo("pipe")
    assert main(["check", name]) == 2
    (scan / "e.yaml").write_text(f"extends: {name}\n")
    assert main(["check", "e.yaml"]) == 2
    assert main(["submit", "--dry", "--site", name, "sim.yaml"]) == 2
    assert capsys.readouterr().err.count(", not a file") == 3


VERBS = ["check", "run", "resume", "sweep", "sweep --resume", "inspect", "status", "watch", "init", "schema"]
VERBS += [
    "plan",
    "bench",
    "compare x",
    "init y --from",
    "simulate sim.yaml -o",
    "submit sim.yaml --dry --site",
]
VERBS += ["plan", "run sim.yaml --folder", "submit sim.yaml --dry --out"]


@pytest.mark.parametrize("name", ["a\0b", "x" * 5000, "", "a\udcffb"], ids=["nul", "long", "empty", "bytes"])
@pytest.mark.parametrize("verb", VERBS)
def test_no_verb_takes_what_cannot_name_a_file(scan, capsys, verb, name):
    assert main([*verb.split(), name]) == 2
    said = capsys.readouterr()
    assert "cannot be the name of a file" in said.err or "no name of a new file" in said.err
    assert len(said.err) < 3000


NUMBERS = ["plan --ranks 999999999999999999999", "plan --threads 0", "plan --time 1e999h"]
NUMBERS += [
    "plan --gpu-mem 1e999G",
    "bench --ranks 1,inf",
    "bench --ranks nan",
    "run -n ²",
    "submit --dry --time ²h",
]
NUMBERS += ["submit --dry --time ²h", "submit --dry --time 99999999999d"]


@pytest.mark.parametrize("words", NUMBERS)
def test_numbers_that_no_machine_has(scan, capsys, words):
    assert main([*words.split(), "sim.yaml"]) == 2 and "Traceback" not in capsys.readouterr().err


# ---- compare


ODD = {
    "object/data": [np.full((80, 80), np.nan + 0j), np.ones(5), "x", np.ones((0, 0)), h5py.Empty("f8")],
    "object/pixel_size": [
        np.zeros(2),
        "x",
        np.full(2, np.nan),
        np.full(2, -1e-9),
        np.ones(3),
        np.full(2, 1e300),
    ],
    "positions/corners": [
        np.ones((2, 2, 2)),
        np.full((9, 2), 1e18),
        np.full((9, 2), -1e6),
        np.ones((9, 2)) * 1j,
    ],
    "probe/data": [np.ones(3), np.ones((1, 0, 0)), np.ones((1, 999, 999))],
}


@pytest.mark.parametrize("path, k", [(p, k) for p, some in ODD.items() for k in range(len(some))])
def test_an_odd_result_is_refused_by_compare(scan, capsys, path, k):
    rng = np.random.default_rng(1)
    good = {"object/data": np.exp(1j * rng.random((80, 80))), "probe/data": np.ones((1, 32, 32)) + 0j}
    good |= {"object/pixel_size": np.full(2, 1e-8), "positions/corners": rng.uniform(0, 48, (40, 2))}
    for name, values in (("a.h5", good), ("b.h5", good | {path: ODD[path][k]})):
        with h5py.File(name, "w") as f:
            for key, value in values.items():
                f[f"entry_1/{key}"] = value
    assert main(["compare", "a.h5", "a.h5"]) == 0
    assert main(["compare", "a.h5", "b.h5"]) == main(["compare", "b.h5", "a.h5"]) == 3
    assert "b.h5" in capsys.readouterr().err


HEAD = {"name": "x", "total": 1, "options": {"score": "llk"}, "figures": {}}
ONE = {"number": 0, "folder": "0000-a=1", "values": {"a": 1}}
WRONG = [{"folder": name} for name in ("../../x", "/tmp/x", "", 7, "a\nb")]
WRONG += [{"number": "x"}, {"number": 5}, {"values": [1]}]
HEADS = ["[]", "{}", "null", "[" * 100_000, "9" * 5000, json.dumps(HEAD)]
HEADS += [json.dumps(HEAD | {"settings": [odd]}) for odd in (1, *(ONE | wrong for wrong in WRONG))]
HEADS += [json.dumps(HEAD | {"settings": [ONE], "options": odd}) for odd in ([], {}, {"score": []})]
HEADS += [
    json.dumps(HEAD | {"settings": [ONE], "figures": odd}) for odd in (1, {"R": 1}, {"R": {"nearest": 1}})
]


@pytest.mark.parametrize("way", ["--collect", "--resume"])
def test_the_folder_of_a_sweep_may_hold_anything(scan, capsys, way):
    (scan / "s").mkdir()
    for head in HEADS:
        (scan / "s" / "settings.json").write_text(head)
        assert main(["sweep", way, "s"]) == 3, head[:200]
        assert "settings.json" in capsys.readouterr().err


def test_a_scan_that_a_reader_knows_is_named_in_the_first_job_and_nothing_is_guessed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sim.yaml").write_text(
        "nanompi: 1\ninput: {simulate: {frames: 9, size: 32}}\nsteps: [ptycho]\n"
    )
    assert (
        main(["simulate", "sim.yaml", "-o", "a.cxi"]) == 0
        and main(["init", "new.yaml", "--from", "a.cxi"]) == 0
    )
    assert "\n  paths:" not in (tmp_path / "new.yaml").read_text() and main(["check", "new.yaml"]) == 0


TWICE = """nanompi: 1
name: x
input: {file: scan.h5, paths: {frames: /data, x: /x, y: /y}, energy: 8 keV, distance: 2 m, pixel: 55 um}
steps:
  - {use: ptycho, engines: DM*2}
  - use: ptycho
    probe: {modes: three}
    engines: [DMM*3]
  - {use: ptyco}
run: {threads: 0}
"""


def as_json(capsys, *words: str) -> tuple[int, dict]:
    """(exit code, what is printed) of `check --json`; nothing else may be printed."""
    code = main(["check", "--json", *words])
    said = capsys.readouterr()
    assert not said.err
    return code, json.loads(said.out)


def test_faults_as_objects_count_steps_where_words_name_them(scan, capsys):
    (scan / "twice.yaml").write_text(TWICE)
    code, found = as_json(capsys, "twice.yaml", "--set", "steps.7.size=3")
    assert code == found["code"] == 2 and list(found) == ["code", "faults"]
    where = [(f["path"], f["line"], f["column"]) for f in found["faults"]]
    assert where == [
        ("steps.1.probe.modes", 7, 20),
        ("steps.1.engines", 8, 15),
        ("steps.2", 9, 11),
        ("run.threads", 10, 16),
        ("steps.7.size", 0, 0),
    ]
    assert {f["file"] for f in found["faults"]} == {"twice.yaml", "--set steps.7.size=3"}
    assert not any(f["data"] for f in found["faults"])
    assert found["faults"][0]["text"].startswith('"three" does not fit here; allowed: a whole number')
    assert "steps.ptycho.probe.modes" in checked(capsys, job="twice.yaml")[1]


def test_a_sound_job_as_an_object_says_what_would_run(scan, capsys):
    code, found = as_json(capsys, "sim.yaml", "--set", "steps.ptycho.probe.modes={sweep: [1, 2]}")
    assert (code, found["faults"], found["settings"]) == (0, [], 2)
    assert found["steps"] == ["ptycho.prepare", "ptycho", "ptycho.finish"] and found["input"] == "simulate"
    assert found["swept"] == ["steps.ptycho.probe.modes"]
    assert found["resolved"]["steps"][1]["probe"]["modes"] == 1


@pytest.mark.parametrize(("words", "path"), [(["--set", "input.distance=2 um"], ""), (["nope.yaml"], "")])
def test_what_has_no_place_in_the_job_is_an_object_too(scan, capsys, words, path):
    code, found = as_json(capsys, *(words if words[0] == "nope.yaml" else ["job.yaml", *words]))
    assert code == (2 if words[0] == "nope.yaml" else 3)
    (fault,) = found["faults"]
    assert (fault["path"], fault["line"]) == (path, 0) and fault["text"]
    assert fault["data"] == (code == 3) and as_json(capsys, "job.yaml", "--no-data")[0] == 0


@pytest.mark.parametrize(
    "setting, words",
    [
        ("steps.ptycho.engines=DM*99999999999999999999", "no whole number of 64 bits"),
        ("steps.ptycho.figures=99999999999999999999", "figures"),
        ("steps.ptycho.background=1e300", "not between 1e-30 and 1e+30"),
        ("input.distance=1e-200 m", "not between 1e-30 and 1e+30"),
        ("input.focus=0", "in the focus"),
        ("input.simulate.photons=1e29", "<= 1e+15"),
        ("input.simulate.frames=9223372036854775807", "<= 1e+07"),
        ("steps.ptycho.prepare=5", "in the place of a whole step"),
        ("steps.ptycho.prepare=[]", "in the place of a whole step"),
        ("steps.ptycho.prepare={a: 1}", "in the place of a whole step"),
        ("steps.ptycho.probe.modes=1e400", "finite"),
    ],
)
def test_numbers_that_nobody_means(tmp_path, capsys, setting, words):
    """Place, value and what is allowed, in place of an internal error of what would compute with them"""
    job = "nanompi: 1\ninput: {simulate: {frames: 9, size: 32}}\nsteps: [{use: ptycho, engines: ML*2}]\n"
    (tmp_path / "job.yaml").write_text(job)
    assert main(["check", str(tmp_path / "job.yaml"), "--set", setting]) == 2
    said = capsys.readouterr().err
    place = setting.partition("=")[0].split(".")[-1]
    assert words in said and place in said and "internal" not in said, said
