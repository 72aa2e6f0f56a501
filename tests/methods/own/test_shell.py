"""A program of the user's as a step: its command, the files it gets and gives, all that it may do wrong."""

import json
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nanompi.data.data import Data, even
from nanompi.errors import JobError, StepError
from nanompi.io.tiff import pages
from nanompi.job.job import read_job
from nanompi.job.sweeps import read_settings
from nanompi.methods import discover
from nanompi.methods.own.command import Command
from nanompi.methods.own.shell import Shell
from nanompi.mpi.team import Team
from nanompi.run.perform import Options, Run
from nanompi.run.store import Store
from tests.patience import patience, until

JOB = "nanompi: 1\ninput: {format: tomo.simulate}\nsteps:\n  - STEP\n"
ODD = "a b'c\"d;$(touch owned)`touch owned`\n{in} *"
PROGRAM = """
import os, signal, subprocess, sys, time
import h5py, numpy as np

how, given, made = sys.argv[1:4]


def give(values, name="data", **attributes):
    with h5py.File(made, "w") as f:
        f[name] = values
        f[name].attrs.update(attributes)


with h5py.File(given) as f:
    data, facts = f["data"][()], dict(f["facts"].attrs)
twice = (2 * data).astype("f4")
if how == "twice":
    give(twice)
elif how == "lines":
    sys.stdout.write("".join(f"line {i}\\n" for i in range(1_000_000)))
    sys.stdout.write("x" * 300_000 + "\\n\\x1b[2Jlast\\n")
    give(twice)
elif how == "forks":
    subprocess.Popen(["sleep", "1000"], start_new_session=True)
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(1000)
        os._exit(0)
    give(twice)
elif how == "nan":
    twice[1, 2, 3] = np.nan
    give(twice)
elif how == "shape":
    give(twice[:, :2])
elif how == "axes":
    give(twice.swapaxes(0, 1), axes=["row", "angle", "column"])
elif how == "words":
    give(np.array([b"a"]))
elif how == "names":
    give(twice, "date")
    with h5py.File(made, "a") as f:
        f["more"] = twice
elif how == "only":
    give(twice, "entry/result")
elif how == "half":
    give(twice)
    os.truncate(made, os.path.getsize(made) - 100)
elif how == "unwritten":
    with h5py.File(made, "w") as f:
        f.create_dataset("data", data.shape, "f4", chunks=(1, *data.shape[1:]))[:2] = twice[:2]
elif how == "link":
    os.symlink(given, made)
elif how == "text":
    open(made, "w").write("no")
elif how == "killed":
    print("almost done", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
elif how == "code":
    print("first", file=sys.stderr)
    sys.exit("no licence")
elif how == "sleeps":
    print("waiting", flush=True)
    time.sleep(1000)
elif how == "double":
    give(2.0 * data.astype("f8"))
elif how == "bins":
    give(twice[:, ::2], units="1")
    with h5py.File(made, "a") as f:
        f["row"] = np.arange(2.0)
        f.create_group("facts").attrs["pixel"] = 2 * facts["pixel"]
elif how == "map":
    give(twice.sum(0), axes=["y", "x"])
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder with the user's program."""
    discover()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "work.py").write_text(PROGRAM)
    return tmp_path


def job(step: str, *sets):
    Path("jobs").mkdir(exist_ok=True)
    Path("jobs/job.yaml").write_text(JOB.replace("STEP", step))
    return read_job("jobs/job.yaml", sets)


def fault(step: str) -> str:
    with pytest.raises(JobError) as caught:
        job(step)
    return str(caught.value)


# ---- the job -----------------------------------------------------------------------------------------------


def test_words_in_braces_are_parameters_of_the_step(here):
    one = job('{shell: "denoise -s {sigma} --name {n} {in} {out}", sigma: 2, n: a b, in: tiff}').steps[0]
    assert one.values == {"sigma": 2, "n": "a b"} and (one.in_, one.out_kind) == ("tiff", "tiff")
    assert one.folder == f"{here}/jobs" and one.name == "shell:denoise"
    assert pickle.loads(pickle.dumps(one)) == one


def test_the_resolved_job_reads_as_the_same_job():
    first = job('{shell: "a {sigma} {in} {out}", sigma: 1.5, changes: [row], out: tiff}')
    from nanompi.job import yaml12

    Path("again.yaml").write_text(yaml12.write(first.resolved))
    again = read_job("again.yaml")
    assert again.steps == first.steps and again.resolved == first.resolved


def test_a_sweep_takes_its_parameters():
    Path("job.yaml").write_text(
        JOB.replace("STEP", '{shell: "a {sigma} {in} {out}", sigma: {sweep: [1, 2]}}')
    )
    assert [one.job.steps[0].values["sigma"] for one in read_settings("job.yaml").settings] == [1, 2]
    one = read_job("job.yaml", ["steps.shell.sigma=7"])
    assert one.steps[0].values == {"sigma": 7}


@pytest.mark.parametrize(
    "step, text",
    [
        (
            '{shell: "a {sgima} {in}", sigma: 2}',
            '{sgima} is not known (did you mean "sigma"?); give `sgima:`',
        ),
        ('{shell: "a {sigma}", sigma: 2, sigm: 3}', 'unknown parameter "sigm" (did you mean "sigma"?)'),
        ('{shell: "a {sigma}", sigma: [1, 2]}', "steps.shell.sigma: [1, 2] does not fit here; allowed: true"),
        ('{shell: "a {folder}", folder: x}', "{folder} cannot be a parameter: the step has one of this name"),
        ('{shell: "a \'b"}', "a quote is never closed"),
        ('{shell: " "}', "an empty command"),
        (
            '{shell: "a {in} | b > c"}',
            '"|" is read by a shell alone, and none reads this command: write `sh:',
        ),
        ('{shell: "a $HOME/x"}', '"$H" is read by a shell alone'),
        ("{shell: 'a \"$(b)\"'}", '"$(" is read by a shell alone'),
        ("{shell: 'a \"{x}\"', sh: true, x: 3}", "{x} stands in quotes: leave them out"),
        ('{shell: "a {in}", in: png}', 'steps.shell.in: "png" does not fit here; allowed: "hdf5", "tiff"'),
        ('{shell: "a {out}", when: after}', "{out} does not go with `when: after`"),
        ('{shell: "a {in {out}"}', 'letter 3 of the command, "{in {out}": a brace stands alone'),
        ('{shell: "a in} {out}"}', 'letter 5 of the command, "} {out}": a brace stands alone'),
        ('{shell: "a { in } {out}"}', 'letter 3 of the command: write {in} for "{ in }"'),
        ('{shell: "a {in > {run}/x", sh: true}', 'letter 3 of the command, "{in > {run}/": a brace'),
        ('{shell: "a", axes: [y, y]}', "axes: y stands there twice"),
        ('{shell: "a", data: dat}', "a"),
    ],
)
def test_faults_of_the_job(step, text):
    if "dat}" in step:
        assert job(step).steps[0].needs == ()  # a command without files needs no data
    else:
        said = fault(step)
        assert text in said and "jobs/job.yaml:4:" in said, said


def test_braces_in_pairs_are_text():
    for command in ("awk '{print $1}' {in}", "a '{\"b\": {{in}}}' {in}", "find . -exec a '{}' ';'"):
        assert Command(command).check() is None
    assert Command("f() { echo ${x#a}; }; f {in}", sh=True).check() is None


@pytest.mark.parametrize(
    "step, text",
    [
        ('{shell: "a {in} {out}"}', "steps.shell: ptycho.prepare reads the data as they are stored"),
        ('{shell: "a {in} {out}"}', "run the program on the files beforehand"),
        ("{python: own.py:add}", '`add.takes = "frames"` in its file'),
        ("ptycho.prepare\n  - {python: own.py:add}", "ptycho reads the data as they are stored"),
    ],
)
def test_no_step_changes_what_a_later_one_reads_as_stored(step, text):
    Path("jobs").mkdir()
    Path("jobs/own.py").write_text("def add(block, info):\n    return block + 1\n")
    scan = JOB.replace("tomo.simulate", "simulate")
    Path("jobs/job.yaml").write_text(scan.replace("STEP", f"{step}\n  - ptycho"))
    with pytest.raises(JobError) as caught:
        read_job("jobs/job.yaml")
    assert text in str(caught.value) and caught.value.code == 2, caught.value
    Path("jobs/job.yaml").write_text(scan.replace("STEP", '{shell: "a {in}"}\n  - ptycho'))
    assert len(read_job("jobs/job.yaml").steps) == 4  # it looks at them alone


def test_the_axes_of_what_it_gives_are_known_to_later_steps():
    said = fault('{shell: "a {in} {out}", axes: [y, x]}\n  - tomo')
    assert "needs (angle, column) in each item; the data of " in said and "have (y, x)" in said
    assert len(job('{shell: "a {in} {out}"}\n  - tomo').steps) >= 2


def test_a_value_is_one_argument_whatever_it_holds():
    words = Command("run '{{x}}' --name={x} {x} {n}").filled({"x": ODD, "n": True})
    assert words == ["run", "{x}", f"--name={ODD}", ODD, "true"]
    shell = Command("printf '%s.' {x} ${HOME} | cat", sh=True)
    shell.check()
    assert shell.names == ["x"] and shell.filled({"x": ODD})[:2] == ["/bin/sh", "-c"]


@pytest.mark.parametrize(
    "command, title",
    [
        ("/opt/bin/denoise {in}", "denoise"),
        ("{python} -u smooth.py {in}", "smooth.py"),
        ("bash go.sh", "go.sh"),
        ("python -c 'print(1)' {in}", "python"),
        ("{python} -m skimage.x {in}", "skimage.x"),
    ],
)
def test_the_name_of_a_step_is_that_of_its_program(command, title):
    assert Command(command).title == title


# ---- the run -----------------------------------------------------------------------------------------------

VALUES = np.random.default_rng(1).poisson(50, (6, 4, 5)).astype(np.uint16)


class Scene:
    """A run of one rank with data of 6 angles, 4 rows, 5 columns."""

    def __init__(self, folder, values=VALUES, **options):
        self.said, self.warned = [], []
        self.team, self.folder = Team(alone=True), folder
        (folder / "logs").mkdir(exist_ok=True)
        self.run = Run(
            self.team, None, Options(**options), folder, say=self.said.append, warn=self.warned.append
        )
        self.team.count_in(self.run.clock)
        angle = np.linspace(0, np.pi, 6, endpoint=False)
        data = Data(
            axes=("angle", "row", "column"), values=values, coords={"angle": (angle, "rad")}, unit="counts"
        )
        data.spread, data.parts, data.facts = "angle", even(6, 1), {"pixel": 1e-6, "energy": 1e-15}
        data.beside = {"mask": np.ones((4, 5), bool)}
        self.run.data["data"] = data
        self.run.store = Store(self.run)

    def do(self, how: str, command: str = "{python} work.py {how} {in} {out}", **given) -> Data:
        values = {"how": how} if "{how}" in command else {}
        one = made(command, **values, **given)
        one.before(self.run)
        one.run(self.run)
        return self.run.data["data"]


def made(command: str, **given):
    """The step of a command."""
    cls = Shell.of(command, given)
    names = {getattr(f, "metadata", {}).get("word", n): n for n, f in cls.__dataclass_fields__.items()}
    return cls(command=command, folder=os.getcwd(), **{names[word]: value for word, value in given.items()})


@pytest.fixture
def scene(tmp_path):
    (tmp_path / "run").mkdir()
    yield Scene(tmp_path / "run")
    assert not list((tmp_path / "run").glob(".scratch*")), "the folder of the program is left"


def test_the_program_gets_the_data_and_gives_others(scene):
    data = scene.do("twice")
    assert np.array_equal(data.values, 2.0 * VALUES) and data.dtype == np.float32
    assert data.axes == ("angle", "row", "column") and data.coords["angle"][1] == "rad"
    assert data.facts["pixel"] == 1e-6 and data.beside and data.unit == "counts"
    assert list(scene.run.given) == ["data"]
    (about,) = scene.run.result.notes["programs"]
    assert about["program"]["sha256"] and about["files"][0]["path"].endswith("/work.py")
    assert about["seconds"] > 0.01 and 5e6 < about["peak_memory"] < 1e9 and about["code"] == 0
    assert scene.run.clock.seconds["program"] > 0.01


def test_the_file_says_axes_units_and_facts(scene):
    look = """
import h5py, sys
with h5py.File(sys.argv[1]) as f:
    print(list(f["data"].attrs["axes"]), f["data"].attrs["units"], f["data"].dtype, f["data"].shape)
    print(f["angle"].attrs["units"], len(f["angle"]), f["facts"].attrs["energy"], f["beside/mask"].shape)
"""
    Path("look.py").write_text(look)
    scene.do("", "{python} look.py {in}")
    said = "\n".join(scene.said)
    assert "['angle', 'row', 'column'] counts uint16 (6, 4, 5)" in said and "rad 6 1e-15 (4, 5)" in said
    assert scene.run.data["data"].values is VALUES  # it gives nothing back


def test_tiff_there_and_back_and_from_hdf5_to_tiff(scene):
    Path("copy.py").write_text("import shutil, sys\nshutil.copy(*sys.argv[1:])\n")
    assert np.array_equal(scene.do("", "{python} copy.py {in} {out}", **{"in": "tiff"}).values, VALUES)
    several = VALUES.astype(np.float32).reshape(2, 3, 4, 5) - 60.5
    data = Data(axes=("energy", "angle", "row", "column"), values=several, spread="energy", parts=even(2, 1))
    scene.run.data["data"] = data
    assert np.array_equal(scene.do("", "{python} copy.py {in} {out}", **{"in": "tiff"}).values, several)
    with pytest.raises(StepError, match=r"\{out\} is no TIFF file"):
        scene.do("", "{python} copy.py {in} {out}", out="tiff")
    with pytest.raises(JobError, match="do not fit into a TIFF file"):
        scene.run.data["data"] = data.holding(several.astype(np.complex64), "energy", even(2, 1))
        scene.do("", "{python} copy.py {in} {out}", **{"in": "tiff"})


def test_half_a_tiff_is_no_tiff(scene):
    text = "import os, shutil, sys\nshutil.copy(*sys.argv[1:])\nos.truncate(sys.argv[2], {})\n"
    for left, said in ((700, "cut off"), (100, "no TIFF file, or is cut off"), (0, "{out} is no TIFF file")):
        Path("half.py").write_text(text.format(left))
        with pytest.raises(StepError) as caught:
            scene.do("", "{python} half.py {in} {out}", **{"in": "tiff"})
        assert said in str(caught.value)


def test_a_stack_of_images_is_tiff_for_others(tmp_path):
    from nanompi.io.newtiff import begin_stack

    start = begin_stack(tmp_path / "a.tif", VALUES.shape, VALUES.dtype)
    with open(tmp_path / "a.tif", "r+b") as file:
        file.seek(start)
        file.write(VALUES.tobytes())
    assert np.array_equal([page.read() for page in pages(str(tmp_path / "a.tif"))], VALUES)
    import tifffile

    assert np.array_equal(tifffile.imread(tmp_path / "a.tif"), VALUES)


def test_a_stack_above_4_GB_is_bigtiff(tmp_path):
    from nanompi.io.newtiff import begin_stack

    start = begin_stack(tmp_path / "a.tif", (3, 40000, 20000), np.uint16)  # a file with holes
    with open(tmp_path / "a.tif", "r+b") as file:
        file.seek(start + 2 * 40000 * 20000 * 2)
        file.write(np.full(7, 9, np.uint16).tobytes())
    last = pages(str(tmp_path / "a.tif"))[2]
    assert last.shape == (40000, 20000) and last.offsets[0] == start + 2 * last.counts[0]


def test_what_changes_is_declared_and_known_afterwards(scene):
    data = scene.do("bins", changes=["row"])
    assert data.shape == (6, 2, 5) and data.facts["pixel"] == 2e-6 and data.facts["energy"] == 1e-15
    assert data.unit == "1" and len(data.coords["row"][0]) == 2 and not data.beside
    data = scene.do("map", axes=["y", "x"])
    assert data.axes == ("y", "x") and data.shape == (2, 5)


def test_single_precision_stays(scene):
    assert scene.do("double").dtype == np.float32
    assert scene.do("only").dtype == np.float32


@pytest.mark.parametrize(
    "how, text",
    [
        ("nan", "1 of 120 values that it gives are NaN or infinite"),
        (
            "shape",
            "{out} has the shape 6 x 2 x 5, not 6 angle x 4 row x 5 column; an axis whose length changes",
        ),
        ("axes", "{out} has the axes row, angle, column, not angle, row, column"),
        ("words", "data in {out} holds |S1; numbers are needed"),
        ("names", 'there is no dataset "data" in {out} (did you mean "date"?); there are date, more'),
        ("half", "what it wrote is not whole: {out} ("),
        ("unwritten", "80 of 120 values or images in {out} were never written"),
        ("link", "{out} is no plain file: a link"),
        ("text", "what it wrote is not whole: {out} (2 bytes) is not an HDF5 file"),
        ("nothing", "it has ended well, but has not written the file {out}; it has printed nothing"),
        ("killed", "it was ended by signal 9 (SIGKILL) (was memory short? see dmesg)\n"),
        ("code", "it ended with code 1\n"),
    ],
)
def test_what_a_program_does_wrong_is_code_6_in_words(scene, how, text):
    with pytest.raises(StepError) as caught:
        scene.do(how)
    said = str(caught.value)
    assert f'step "shell:work.py" failed: {text}' in said and caught.value.code == 6, said
    if how == "code":
        assert said.endswith("  first\n  no licence") and "logs/shell-1.log" in said
    if how == "killed":
        assert said.endswith("  almost done")


SAYS = """
import sys
import h5py, numpy as np
with h5py.File(sys.argv[1]) as f, h5py.File(sys.argv[2], "w") as g:
    n = len(f["data"])
    g["data"] = f["data"][()]
    g.create_group("facts")
    def coord(name, values, units=None):
        g[name] = values
        if units: g[name].attrs["units"] = units
    def fact(name, value):
        g["facts"].attrs[name] = value
    LINE
"""


def says(scene, line: str) -> Data:
    Path("says.py").write_text(SAYS.replace("LINE", line))
    return scene.do("", "{python} says.py {in} {out}")


def test_what_a_program_says_of_its_data_holds(scene):
    data = says(scene, "coord('angle', np.arange(n) * 30.0, 'deg'); fact('pixel', 2e-6); fact('note', 'a')")
    values, unit = data.coords["angle"]
    assert unit == "rad" and np.allclose(values, np.arange(6) * np.pi / 6)
    assert data.facts == {"pixel": 2e-6, "energy": 1e-15, "note": "a"}


def test_places_that_a_program_writes_hold(scene):
    data = scene.run.data["data"]
    data.axes, data.spread = ("point", "row", "column"), "point"
    data.coords = {"point": (np.zeros((6, 2)), "m")}
    after = says(scene, "coord('positions', np.arange(2.0 * n).reshape(n, 2), 'um')")
    values, unit = after.coords["point"]
    assert unit == "m" and np.allclose(values, np.arange(12).reshape(6, 2) * 1e-6)
    for line, text in {
        "coord('positions', np.zeros((n + 1, 2)))": "positions in {out} has the shape 7 x 2; numbers of the",
        "coord('positions', np.zeros((n, 2)), 'parsec')": '"parsec" is not a unit that fits here; allowed',
        "coord('positions', np.full((n, 2), np.nan))": "12 of 12 values are NaN or infinite",
        "coord('positions', np.array([b'a'] * n))": "positions in {out} holds |S1; numbers of the shape",
    }.items():
        with pytest.raises(StepError) as caught:
            says(scene, line)
        assert text in str(caught.value), caught.value


@pytest.mark.parametrize(
    "line, text",
    [
        ("coord('angle', np.zeros(n - 1))", "angle in {out} has the shape 5; numbers of the shape (6)"),
        ("coord('angle', np.array([b'a'] * n))", "angle in {out} holds |S1"),
        ("coord('angle', np.zeros(n), 'bananas')", '"bananas" is not a unit that fits here; allowed: rad'),
        ("coord('positions', np.zeros((n, 2)))", "along which axis?"),
        ("g.create_group('row')", "row in {out} holds a group"),
        ("fact('energy', -5.0)", "facts in {out}: energy = -5.0; a number above 0 is needed, in SI units"),
        ("fact('energy', 'much')", "energy = 'much'; a number is needed"),
        ("fact('other', np.nan)", "other = nan; a finite number is needed"),
    ],
)
def test_what_it_says_and_cannot_be_is_code_6(scene, line, text):
    with pytest.raises(StepError) as caught:
        says(scene, line)
    assert text in str(caught.value), caught.value


def test_values_that_were_nan_before_may_be_so_after(tmp_path):
    values = VALUES.astype(np.float32)
    values[0, 0, 0] = np.nan
    scene = Scene(tmp_path, values)
    assert np.isnan(scene.do("twice").values[0, 0, 0])
    assert "1 of 120 values" in scene.warned[0]


def test_a_million_lines_go_to_a_file_and_a_thousand_to_the_log(scene):
    scene.do("lines")
    log = (scene.folder / "logs" / "shell-1.log").read_bytes()
    assert log.startswith(b"line 0\n") and log.count(b"\n") == 1_000_002
    assert sum("line " in line for line in scene.said) <= 1001
    assert any("999002 more lines; all are in" in line for line in scene.said), scene.said[-3:]
    assert max(map(len, scene.said)) < 3000


def alive(command: str) -> list[str]:
    """Processes of this user whose command line holds this."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        found += [path.parent.name] if command in words and path.parent.name != str(os.getpid()) else []
    return found


def test_what_a_program_leaves_behind_is_ended(scene, tmp_path):
    scene.do("forks")
    assert any("2 processes that it left behind were ended" in text for text in scene.warned)
    assert alive(f"{tmp_path}/run/.scratch") == []


def test_a_limit_of_time(scene, tmp_path):
    with pytest.raises(StepError, match=r"it was ended after 500 ms \(`limit:`\)"):
        scene.do("sleeps", limit=0.5)
    assert alive(f"{tmp_path}/run/.scratch") == []


def test_no_such_program_is_told_before_anything_runs(scene, monkeypatch):
    (scene.folder / "bin").mkdir()
    for name in ("denoise-all", "denoise"):
        (scene.folder / "bin" / name).write_text("#!/bin/sh\n")
        (scene.folder / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{scene.folder}/bin")
    with pytest.raises(StepError, match=r'there is no program denoize in PATH \(did you mean "denoise"\?\)'):
        made("denoize {in}").before(scene.run)
    with pytest.raises(StepError, match=r"cannot be executed: `chmod \+x` it"):
        made("./work.py {in}").before(scene.run)
    with pytest.raises(StepError, match=r'there is no program .*/wrok.py \(did you mean "work.py"\?\)'):
        made("./wrok.py {in}").before(scene.run)
    with pytest.raises(StepError, match=r"a file of this name is here: write \./ before it"):
        made("work.py {in}").before(scene.run)
    assert "denoise" in made("denoize {in}").check(None)[0] and made("denoise {in}").check(None) == []


def test_arguments_are_never_read_by_a_shell(scene):
    Path("tell.py").write_text("import sys\nprint(sys.argv[1:])\n")
    scene.do("", "{python} tell.py {x} '$(touch owned)' {{x}}", x=ODD)
    assert any(str([ODD, "$(touch owned)", "{x}"]) in line for line in scene.said), scene.said
    scene.do("", "{python} tell.py {x} $(echo {x}) | tr a b; false || true", x=ODD, sh=True)
    assert not Path("owned").exists()


def test_its_folder_and_surroundings(scene, monkeypatch):
    monkeypatch.setenv("OMPI_COMM_WORLD_RANK", "0")
    monkeypatch.setenv("NANOMPI_ONE_THREAD", "OMP_NUM_THREADS")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    scene.do("", 'pwd; echo "[$OMP_NUM_THREADS$OMPI_COMM_WORLD_RANK]"; cat; echo {threads}', sh=True)
    said = "\n".join(scene.said)
    assert f": {os.getcwd()}\n" in said and ": []\n" in said
    assert f": {len(os.sched_getaffinity(0))}" in said


def test_scratch_is_used_and_left_empty(tmp_path):
    for name in ("run", "scratch 'x'\n"):
        (tmp_path / name).mkdir()
    scene = Scene(tmp_path / "run", scratch=str(tmp_path / "scratch 'x'\n"))
    assert np.array_equal(scene.do("twice").values, 2.0 * VALUES)
    assert list((tmp_path / "scratch 'x'\n").iterdir()) == []


def test_a_restart_takes_what_is_kept_and_only_that(scene):
    def again(**how):
        other = Scene(scene.folder, **how)
        return other.do("twice"), "\n".join(other.said)

    scene.do("twice")
    data, said = again()
    assert "not run again: what it gave before is there" in said
    assert np.array_equal(data.values, 2.0 * VALUES)
    data, said = again(values=VALUES + np.uint16(1))
    assert "it runs again" in said and np.array_equal(data.values, 2.0 * (VALUES + 1))
    Path("work.py").write_text(PROGRAM.replace("2 * data", "3 * data"))
    data, said = again()
    assert "it runs again" in said and np.array_equal(data.values, 3.0 * VALUES)
    kept = scene.folder / ".shell" / "1.h5"
    os.truncate(kept, kept.stat().st_size - 50)
    data, said = again()
    assert "what was kept is not taken" in said and np.array_equal(data.values, 3.0 * VALUES)
    made("true").after(scene.run)
    assert not (scene.folder / ".shell").exists()


def test_after_the_run_the_program_sees_the_result(scene):
    (scene.folder / "result.h5").write_text("stands")
    one = made("cat {in}", when="after")
    one.before(scene.run)
    one.run(scene.run)
    assert not any("stands" in line for line in scene.said)
    one.after(scene.run)
    assert "shell:cat: stands" in scene.said


@pytest.mark.parametrize(
    "command, well",
    [
        ("echo garbage > {in}", True),
        ("chmod u+w {in}; echo garbage > {in}", True),
        ("chmod u+w {in}; echo garbage > {in}; exit 3", False),
        ("rm {in}", True),
        ("cp {in} x; mv -f x {in}; chmod u+w {in}; printf xx | dd of={in} conv=notrunc seek=3 bs=1", True),
        ("rm -f {run}/result.h5; mkdir {in}", True),
    ],
)
def test_a_program_after_the_run_cannot_harm_the_result(scene, command, well):
    file = scene.folder / "result.h5"
    file.write_text("stands for a result")
    one = made(command, when="after", sh=True)
    one.before(scene.run)
    with pytest.raises(StepError) as caught:
        one.after(scene.run)
    assert file.read_text() == "stands for a result" and file.stat().st_mode & 0o200
    said = str(caught.value)
    assert (f"it has changed {file}, which was put back" in said) or "ermission" in said
    assert ("ended with code 3" in said) is not well and sorted(os.listdir(scene.folder)) == [
        "logs",
        "result.h5",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("harm", ["echo garbage > {in}", "rm -f {in}"])
def test_what_a_program_after_the_run_did_before_all_was_killed_is_undone(here, monkeypatch, harm):
    """The program harms the result, the run is killed with it; `resume` has the result as it was."""
    from nanompi.cli import main

    monkeypatch.setenv("NANOMPI_PICTURES", "no")
    late = '{shell: "test -e ready || (chmod u+w {in}; HARM; touch harmed; sleep 1000)"'.replace("HARM", harm)
    text = JOB.replace("tomo.simulate}", "tomo.simulate, simulate: {angles: 5, size: 16, rows: 1}}")
    Path("job.yaml").write_text(
        text.replace("STEP", late + ", sh: true, when: after}") + "run: {device: cpu}\n"
    )
    words = [sys.executable, "-m", "nanompi", "run", "--folder", "run", "job.yaml"]
    running = subprocess.Popen(words, start_new_session=True)
    until(lambda: Path("harmed").exists() or running.poll() is not None, 60)
    before = Path("run/.result.copy.h5").read_bytes()
    running.kill()
    running.wait()
    until(lambda: not list(Path("run").glob(".scratch-*")), 30)
    own = Path("run/result.h5")
    assert not own.exists() or own.read_bytes() != before
    Path("ready").touch()
    assert main(["resume", "run"]) == 0 and own.read_bytes() == before and own.stat().st_mode & 0o200
    assert not list(Path("run").glob(".result.copy*"))


@pytest.mark.parametrize(
    "command, fails", [("echo more >> {in}", True), ("touch {in}", True), ("cat {in}", False)]
)
def test_of_a_large_result_there_is_no_copy_but_a_check(scene, monkeypatch, command, fails):
    monkeypatch.setattr("nanompi.methods.own.unharmed.LARGEST", 3)
    monkeypatch.setattr("nanompi.methods.own.unharmed._cloned", lambda *_: False)
    (scene.folder / "result.h5").write_text("stands")
    one = made(f"chmod u+w {{in}}; {command}", when="after", sh=True)
    if not fails:
        one = made(command, when="after", sh=True)
        return one.after(scene.run)
    with pytest.raises(StepError, match="of which there is no copy"):
        one.after(scene.run)


def test_what_failed_after_the_result_is_done_again_by_resume(here, monkeypatch):
    """The first program has done its part and is not begun again; the result is the same file."""
    from nanompi.cli import main

    monkeypatch.setenv("NANOMPI_PICTURES", "no")
    once = '{shell: "echo x >> once", sh: true, when: after}'
    late = '{shell: "test -e ready && test -s {in}", sh: true, when: after}'
    text = JOB.replace("tomo.simulate}", "tomo.simulate, simulate: {angles: 5, size: 16, rows: 1}}")
    Path("job.yaml").write_text(text.replace("STEP", f"{once}\n  - {late}") + "run: {device: cpu}\n")
    state = lambda: json.loads(Path("run/status.json").read_text())["state"]  # noqa: E731
    assert main(["run", "--folder", "run", "job.yaml"]) == 6 and state() == "failed"
    stands = os.stat("run/result.h5")
    assert main(["resume", "run"]) == 6 and state() == "failed"
    Path("ready").touch()
    assert main(["resume", "run"]) == 0 and state() == "done"
    assert Path("once").read_text() == "x\n" and os.stat("run/result.h5").st_mtime_ns == stands.st_mtime_ns
    assert os.stat("run/result.h5").st_ino == stands.st_ino and not Path("run/after.json").exists()
    Path("ready").unlink()
    assert main(["resume", "run"]) == 0  # it is finished


def test_the_keeper_ends_all_when_its_parent_is_killed(tmp_path):
    """A process that starts a program which forks is killed by KILL: nothing of it stays, nor its folder."""
    place = tmp_path / "place"
    place.mkdir()
    text = f"""
import sys
from pathlib import Path
from nanompi.methods.own.program import Program
import os
words = ["sh", "-c", "sleep 1000.{os.getpid()} & setsid sleep 1000.{os.getpid()} & wait"]
program = Program(words, ".", dict(os.environ), None, Path({str(place)!r}))
print("started", flush=True)
program.runs(1000)
"""
    import subprocess

    child = subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE)
    assert child.stdout.readline() == b"started\n"
    mark = f"sleep 1000.{os.getpid()}"
    until(lambda: len(alive(mark)) >= 3)
    child.send_signal(signal.SIGKILL)
    child.wait(patience(10))
    until(lambda: not alive(mark) and not place.exists(), why=lambda: str(alive(mark)))
