"""Trials: what users, files and other programs do to this one, each with its right exit code and words.

No trial may show a traceback, hang, end by a signal, or with an exit code that is not documented.
HDF5 itself crashes on some damaged texts of variable length, one of 400 files here: that alone is let pass.

| group | ordinary | with the slow ones | right |
|---|---:|---:|---:|
| job files | 67 | 67 | 67 |
| words of the command line | 20 | 20 | 20 |
| data files of odd kinds | 35 | 35 | 35 |
| data files with bytes changed | 40 | 400 | 400 |
| masks, darks, start probes | 27 | 27 | 27 |
| names in batch scripts | 9 | 9 | 9 |
| status, events and results of other runs | 18 | 18 | 18 |
"""

import json
import os
import random
import signal
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.trial import trial

SIMULATE = "{simulate: {frames: 36, size: 32, photons: 1e5}}"
JOB = f"nanompi: 1\nname: x\ninput: {SIMULATE}\nsteps:\n  - use: ptycho\n    engines: DM*2\n"


def instead(old: str, new: str) -> str:
    """The job with something else in place of a part of it"""
    assert old in JOB
    return JOB.replace(old, new)


def frames(value: str) -> str:
    return instead("frames: 36", f"frames: {value}")


def given(more: str) -> str:
    return instead("photons: 1e5}}", f"photons: 1e5}}, {more}}}")


def engines(value: str) -> str:
    return instead("DM*2", value)


LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)
)
JOBS = {  # name: (text, exit code, words of the message)
    "right": (JOB, 0, ["no faults"]),
    "windows line ends": (JOB.replace("\n", "\r\n"), 0, []),
    "a mark of bytes at the start": ("\ufeff" + JOB, 0, []),
    "numbers of YAML 1.2": (frames("0o44") + "run: {checkpoint: 1e-3}\n", 0, []),
    "anchor": (instead("{simulate: {frames: 36", "{simulate: &s {frames: &n 36"), 0, []),
    "a comment of 3 MB": (JOB + ("# " + "x" * 98 + "\n") * 30_000, 0, []),
    "a key nobody knows": (JOB + "outputs: {folder: r}\n", 2, [":7:1", "outputs", "output"]),
    "a parameter nobody knows": (instead("engines:", "engnes:"), 2, [":6:5", "engnes", "engines"]),
    "a step nobody knows": (instead("use: ptycho", "use: ptyco"), 2, [":5:10", "ptyco", "ptycho"]),
    "an engine nobody knows": (engines("DMM*2"), 2, [":6:14", "DMM", "DM"]),
    "fewer than no frames": (frames("-3"), 2, [":3:", "-3"]),
    "half a frame": (frames("36.5"), 2, [":3:", "36.5"]),
    "words for a number": (frames("many"), 2, [":3:", "many"]),
    "a length in keV": (given("distance: 8 keV"), 2, [":3:", "keV"]),
    "a unit misspelt": (given("energy: 8 kev2"), 2, [":3:", "kev2"]),
    "energy that is no number": (given("energy: .nan"), 2, [":3:"]),
    "energy without end": (given("energy: .inf"), 2, [":3:"]),
    "no energy": (given("energy: 0"), 2, [":3:"]),
    "a time without end": (JOB + "run: {checkpoint: .inf}\n", 2, [":7:"]),
    "a folder called off": (JOB + "run: {cache: off}\n", 2, [":7:"]),
    "yes for a device": (JOB + "run: {device: yes}\n", 2, [":7:"]),
    "underscores in a number": (frames("3_6"), 2, [":3:"]),
    "a name with a line end": (instead("name: x", 'name: "a\\nb"'), 2, [":2:7"]),
    "a name with a NUL": (instead("name: x", 'name: "a\\0b"'), 2, [":2:7"]),
    "a name that colours the terminal": (instead("name: x", 'name: "\\e[31m"'), 2, [":2:7"]),
    "a name of 300 letters": (instead("name: x", "name: " + "n" * 300), 2, [":2:7"]),
    "a name above": (instead("name: x", "name: .."), 2, [":2:7"]),
    "a number for a name": (instead("name: x", "name: 7"), 2, [":2:7"]),
    "half a character": (instead("name: x", 'name: "\\ud800"'), 2, [":2:"]),
    "the same key twice": (JOB + "name: y\n", 2, [":7:1", "name"]),
    "a tab": (instead("  - use", "\t- use"), 2, [":5:"]),
    "an alias of nothing": (frames("*n"), 2, [":3:"]),
    "an alias of itself": (JOB + "set: &a {b: *a}\n", 2, [":7:"]),
    "laughs": (JOB + LAUGHS, 2, []),
    "laughs in set": (JOB + "set:\n" + "".join(f"  {line}\n" for line in LAUGHS.splitlines()), 2, []),
    "3000 brackets": (JOB + "set: " + "[" * 3000 + "]" * 3000 + "\n", 2, []),
    "no text": ("", 2, [":1:1"]),
    "a list": ("- nanompi: 1\n", 2, [":1:1"]),
    "two documents": (JOB + "---\n" + JOB, 2, [":7:"]),
    "a tag that would run a command": (
        JOB + "set: !!python/object/apply:os.system [touch ran]\n",
        2,
        [":7:"],
    ),
    "a number of 5000 digits": (frames("9" * 5000), 2, [":3:"]),
    "a digit that is none": (engines("DM*\u00b2"), 2, [":6:"]),
    "iterations of 5000 digits": (engines("DM*" + "9" * 5000), 2, [":6:"]),
    "another version": (instead("nanompi: 1", "nanompi: 2"), 2, [":1:10"]),
    "no steps": (JOB[: JOB.index("steps")], 2, ["steps"]),
    "nothing for a step": (JOB[: JOB.index("steps")] + "steps: [~]\n", 2, [":4:"]),
    "a list for a step": (JOB[: JOB.index("steps")] + "steps: [[ptycho]]\n", 2, [":4:"]),
    "a file that is not there": (instead(SIMULATE, "{file: nowhere.cxi}"), 3, [":3:", "nowhere.cxi"]),
    "a folder for a file": (instead(SIMULATE, "{file: /}"), 3, [":3:"]),
    "a file name with a NUL": (instead(SIMULATE, '{file: "a\\0b"}'), (2, 3), [":3:"]),
    "a file name of 5000 letters": (instead(SIMULATE, f"{{file: {'f' * 5000}}}"), (2, 3), [":3:"]),
    "a format misspelt": (instead(SIMULATE, "{file: nowhere.cxi, format: cxii}"), 2, [":3:", "cxii", "cxi"]),
    "a selection that is a command": (given('select: "__import__(1)"'), 2, [":3:"]),
    "each 0th frame": (given('select: "::0"'), 2, [":3:"]),
    "no threads": (JOB + "run: {threads: 0}\n", 2, [":7:"]),
    "an option that went to a step": (JOB + "run: {split: kmeans}\n", 2, [":7:", "split"]),
    "extends itself": ("extends: job.yaml\n", 2, [":1:10"]),
    "extends nothing": ("extends: nowhere.yaml\n", 2, [":1:10", "nowhere"]),
    "extends a device": ("extends: /dev/zero\n", 2, [":1:10"]),
    "extends a pipe": ("extends: pipe\n", 2, [":1:10"]),
    "set in a text": (JOB + "set: {name.b: 1}\n", 2, [":7:"]),
    "set of a step that is not there": (JOB + "set: {steps.9.engines: DM}\n", 2, [":7:"]),
    "a sweep over nothing": (frames("{sweep: []}"), 2, [":3:"]),
    "a sweep of a milliard": (frames("{sweep: {from: 1, to: 1e9, num: 1000000000}}"), 2, [":3:"]),
    "a sweep that stands still": (frames("{sweep: {from: 1, to: 9, step: 0}}"), 2, [":3:"]),
    "a sweep with a fault": (frames("{sweep: [36, -3]}"), 2, [":3:", "-3"]),
    "a sweep from 0 by factors": (frames("{sweep: {from: 0, to: 9, num: 3, log: true}}"), 2, [":3:"]),
}


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder with a pipe."""
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    return tmp_path


def right(ended, code, words=()):
    """Is it the right end, with these words?"""
    codes = code if isinstance(code, tuple) else (code,)
    assert ended.code in codes and all(word in ended.text for word in words), ended
    assert not Path("ran").exists()


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) if "laughs" in n else n for n in JOBS]
)
def test_job_files(here, name):
    text, code, words = JOBS[name]
    Path("job.yaml").write_text(text, encoding="utf-8", newline="")
    right(trial("check", "job.yaml"), code, words)


WORDS = {
    "a set without =": (["check", "job.yaml", "--set", "steps"], 2, ["--set"]),
    "an empty set": (["check", "job.yaml", "--set", ""], 2, ["--set"]),
    "a set of nothing": (["check", "job.yaml", "--set", "=3"], 2, ["--set"]),
    "a set with brackets": (["check", "job.yaml", "--set", "name=" + "[" * 3000], 2, ["--set"]),
    "a set that extends": (["check", "job.yaml", "--set", "extends=job.yaml"], 2, ["--set"]),
    "a set of set": (["check", "job.yaml", "--set", "set={name: y}"], 2, ["--set"]),
    "a set nobody knows": (["check", "job.yaml", "--set", "steps.ptycho.modes=3"], 2, ["--set", "modes"]),
    "a set that is right": (["check", "job.yaml", "--set", "steps.ptycho.probe.modes=3"], 0, ["no faults"]),
    "a verb misspelt": (["chekc", "job.yaml"], 2, ["check"]),
    "no job": (["check", "nowhere.yaml"], 2, ["nowhere.yaml"]),
    "a pipe for a job": (["check", "pipe"], 2, ["pipe"]),
    "a folder for a job": (["check", "."], 2, []),
    "a device for a job": (["check", "/dev/zero"], 2, []),
    "a NUL in a name": (["check", "a\0b"], 2, []),
    "a name of 5000 letters": (["inspect", "x" * 5000], (2, 3), []),
    "no ranks": (["run", "-n", "0", "job.yaml"], 2, ["-n 0"]),
    "a run that is not there": (["resume", "nowhere"], 2, ["nowhere"]),
    "results that are not there": (["compare", "a", "b"], 3, []),
    "no ranks planned": (["plan", "job.yaml", "--ranks", "0"], 2, ["--ranks"]),
    "memory in seconds": (["plan", "job.yaml", "--gpu-mem", "5 s"], 2, []),
}


@pytest.mark.parametrize("name", WORDS)
def test_words_of_the_command_line(here, name):
    Path("job.yaml").write_text(JOB)
    words, code, said = WORDS[name]
    right(trial(*words), code, said)


# ---- data files --------------------------------------------------------------------------------------------

PATHS = "{frames: /e/data, x: /e/x, y: /e/y, energy: /e/energy, distance: /e/distance, pixel: /e/pixel}"
N = 36


def scan() -> dict:
    """A small scan: 36 frames of 16 x 16 counts on a grid of 1 um"""
    y, x = (v.ravel().astype(float) for v in np.mgrid[:6, :6])
    k = np.hypot(*(np.indices((16, 16)) - 7.5))
    data = np.random.default_rng(1).poisson(500 * np.exp(-((k / 4) ** 2)), (N, 16, 16)).astype("u2")
    return {"data": data, "x": x, "y": y, "energy": 8.0, "distance": 1.0, "pixel": 50e-6}


def write(without=(), **other) -> h5py.File:
    """scan.h5, open, with other contents for some of its datasets"""
    file = h5py.File("scan.h5", "w")
    for name, value in (scan() | other).items():
        if name not in without:
            file[f"e/{name}"] = value
    for name, unit in (("x", "um"), ("y", "um"), ("energy", "keV")):
        if f"e/{name}" in file:
            file[f"e/{name}"].attrs["units"] = unit
    return file


def without_frames(make):
    """A file whose frames `make(file)` makes"""

    def call():
        with write(without=("data",)) as file:
            make(file)

    return call


def virtual(source: str, name: str = "d", file=None):
    """Frames that are a virtual dataset of another file"""

    def make(file):
        layout = h5py.VirtualLayout((N, 16, 16), "u2")
        layout[:] = h5py.VirtualSource(source, name, (N, 16, 16))
        file.create_virtual_dataset("e/data", layout)

    return without_frames(make)


def outside(source: str):
    """Frames that lie in an external raw file"""
    size = N * 16 * 16 * 2
    return without_frames(
        lambda f: f.create_dataset("e/data", (N, 16, 16), "u2", external=[(source, 0, size)])
    )


def linked(file: str, name: str = "/e/data"):
    return without_frames(lambda f: f.__setitem__("e/data", h5py.ExternalLink(file, name)))


def huge(file):
    file.create_dataset("e/data", (10**6, 1000, 1000), "u2", chunks=(1, 1000, 1000))


def strings(file):
    file.create_dataset("e/data", data=[b"abc"] * N)


def half_written(file):
    frames = file.create_dataset("e/data", (N, 16, 16), "u2", chunks=(1, 16, 16))
    frames[:10] = scan()["data"][:10]


def other(**values):
    return lambda: write(**values).close()


FILES = {  # name: (what makes it, exit code of inspect, words)
    "right": (other(), 0, ["36"]),
    "one frame for many": (other(data=scan()["data"][0]), 3, []),
    "complex frames": (other(data=scan()["data"].astype("c8")), 3, []),
    "texts for frames": (without_frames(strings), 3, ["/e/data"]),
    "empty frames": (other(data=h5py.Empty("u2")), 3, ["/e/data"]),
    "positions fewer than frames": (other(x=scan()["x"][:30]), 3, ["36", "30"]),
    "positions all the same": (other(x=np.zeros(N), y=np.zeros(N)), 3, []),
    "no positions at all": (other(x=np.zeros(0), y=np.zeros(0)), 3, []),
    "positions that are no numbers": (other(x=np.full(N, np.nan)), 3, []),
    "positions that are texts": (other(x=[b"1"] * N), 3, ["/e/x"]),
    "energy that is a text": (other(energy="8 keVs"), 3, ["energy"]),
    "energy below nothing": (other(energy=-8.0), 3, ["energy"]),
    "a pixel of nothing": (other(pixel=0.0), 3, ["pixel"]),
    "a distance without end": (other(distance=np.inf), 3, ["distance"]),
    "no energy": (lambda: write(without=("energy",)).close(), 3, ["energy"]),
    "frames of a million times a million": (without_frames(huge), (3, 4), []),
    "frames two thirds of which were never written": (without_frames(half_written), 3, ["never written"]),
    "virtual frames of a file that is gone": (virtual("gone.h5"), 3, ["gone.h5"]),
    "virtual frames of themselves": (virtual("scan.h5", "/e/data"), 3, []),
    "virtual frames of a pipe": (virtual("pipe"), 3, ["pipe"]),
    "virtual frames of a device": (virtual("/dev/zero"), 3, []),
    "raw frames of a file that is gone": (outside("gone.raw"), 3, ["gone.raw"]),
    "raw frames of a pipe": (outside("pipe"), 3, ["pipe"]),
    "raw frames of a device": (outside("/dev/zero"), 3, []),
    "a link to a file that is gone": (linked("gone.h5"), 3, ["gone.h5"]),
    "a link to a pipe": (linked("pipe"), 3, ["pipe"]),
    "a link to itself": (linked("scan.h5"), 3, []),
    "a link to what is no HDF5": (linked("/etc/passwd"), 3, []),
    "an empty file": (lambda: Path("scan.h5").write_bytes(b""), 3, ["scan.h5"]),
    "a text": (lambda: Path("scan.h5").write_text("frames"), 3, ["scan.h5"]),
    "half a file": (lambda: (write().close(), os.truncate("scan.h5", 3000)), 3, ["scan.h5"]),
    "a folder": (lambda: Path("scan.h5").mkdir(), 3, ["scan.h5"]),
    "a pipe": (lambda: os.mkfifo("scan.h5"), 3, ["scan.h5"]),
    "a link to a device": (lambda: os.symlink("/dev/zero", "scan.h5"), 3, ["scan.h5"]),
    "a link that goes round": (lambda: os.symlink("scan.h5", "scan.h5"), 3, ["scan.h5"]),
}
MEASURED = f"nanompi: 1\nname: x\ninput: {{file: scan.h5, paths: {PATHS}}}\nsteps: [ptycho]\n"


@pytest.mark.parametrize("name", FILES)
def test_data_files_of_odd_kinds(here, name):
    make, code, words = FILES[name]
    make()
    Path("job.yaml").write_text(MEASURED)
    right(trial("inspect", "job.yaml", memory=3 << 30), code, words)


@pytest.mark.parametrize("seed", [0, *(pytest.param(s, marks=pytest.mark.slow) for s in range(1, 20))])
def test_data_files_with_bytes_changed(here, seed):
    """Twenty files for each seed; some are read all the same, since the byte does not matter."""
    chance = random.Random(seed)
    write().close()
    whole = Path("scan.h5").read_bytes()
    Path("job.yaml").write_text(MEASURED)
    ended = []
    for _ in range(20):
        data = bytearray(whole)
        where = chance.randrange(chance.choice([len(data), 4096]))
        kind = chance.choice(["bit", "byte", "piece", "cut", "zeros"])
        if kind == "cut":
            del data[where:]
        else:
            n = {"bit": 1, "byte": 1, "piece": 40, "zeros": 512}[kind]
            new = {"bit": bytes([data[where] ^ 1 << chance.randrange(8)]), "zeros": bytes(n)}
            data[where : where + n] = new.get(kind) or chance.randbytes(n)
        Path("scan.h5").write_bytes(data)
        ended.append(trial("inspect", "job.yaml", memory=3 << 30, also=[-signal.SIGSEGV]).code)
    assert set(ended) <= {0, 3, 4, -signal.SIGSEGV} and ended.count(-signal.SIGSEGV) <= 1, ended


# ---- masks, darks, start probes ----------------------------------------------------------------------------


def array(value):
    return lambda: np.save("a.npy", value, allow_pickle=True)


def cut_array():
    np.save("a.npy", np.ones((32, 32)))
    os.truncate("a.npy", 200)


class Command:
    """What pickle would run"""

    def __reduce__(self):
        return os.system, ("touch ran",)


BESIDE = {
    "gone": (lambda: None, 3, ["a.npy"]),
    "empty": (lambda: Path("a.npy").touch(), 3, ["a.npy"]),
    "a text": (lambda: Path("a.npy").write_text("mask"), 3, ["a.npy"]),
    "cut off": (cut_array, 3, ["a.npy"]),
    "a pipe": (lambda: os.mkfifo("a.npy"), 3, ["a.npy"]),
    "a folder": (lambda: Path("a.npy").mkdir(), 3, ["a.npy"]),
    "a pickle": (array(np.array([Command()] * 3, object)), 3, ["a.npy"]),
    "texts": (array(np.full((32, 32), "a")), 3, ["a.npy"]),
    "another shape": (array(np.ones((7, 7))), 3, ["a.npy"]),
}
STEP = {
    "mask": "  - use: ptycho.prepare\n    mask: {file: a.npy}\n  - use: ptycho\n",
    "dark": "  - use: ptycho.prepare\n    dark: {file: a.npy}\n  - use: ptycho\n",
    "probe": "  - use: ptycho\n    probe: {start: file, file: a.npy}\n",
}


@pytest.mark.parametrize("what", STEP)
@pytest.mark.parametrize("name", BESIDE)
def test_masks_darks_and_start_probes(here, what, name):
    make, code, words = BESIDE[name]
    make()
    Path("job.yaml").write_text(JOB[: JOB.index("  - use")] + STEP[what])
    right(trial("check", "job.yaml"), (code, 2) if name == "gone" else code, words)


# ---- scripts, and files of other runs ----------------------------------------------------------------------

NAMES = {
    "plain": ("x", 0),
    "blank": ("a b", 0),
    "quote": ("a'b", 2),
    "command": ("$(touch ran)", 2),
    "back quotes": ("`touch ran`", 2),
    "line end": ("x\ntouch ran #", 2),
    "option": ("x\n#SBATCH --partition=evil", 2),
    "semicolon": ("a; touch ran", 2),
    "escape": ("a\x1b]0;t\x07b", 2),
}


@pytest.mark.parametrize("name", NAMES)
def test_names_in_batch_scripts(here, name):
    value, code = NAMES[name]
    Path("job.yaml").write_text(instead("name: x", f"name: {json.dumps(value)}"))
    ended = trial("submit", "--dry", "job.yaml")
    right(ended, code)
    assert "partition=evil\n" not in ended.text and (code or "#SBATCH --job-name=" in ended.text)


STATE = {"nanompi": 1, "name": "x", "state": "iterating", "ranks": 1, "host": "h", "pid": 1, "slurm_job": ""}
STATE |= {"begun": "2026-11-25T00:00:00.000Z", "heartbeat": "2026-11-25T00:00:00.000Z"}
STATES = {
    "empty": "",
    "a list": "[]",
    "nothing": "null",
    "cut off": json.dumps(STATE)[:50],
    "numbers for texts": json.dumps(dict.fromkeys(STATE, 7)),
    "lists for all": json.dumps({key: [] for key in STATE}),
    "no time": json.dumps(STATE | {"heartbeat": "yesterday"}),
    "iterations of texts": json.dumps(STATE | {"iteration": "3", "iterations": None, "rate": "x", "eta": []}),
    "without end": json.dumps(STATE | {"rate": float("inf"), "eta": float("nan"), "error": float("nan")}),
    "colours": json.dumps(STATE | {"name": "\x1b[31m", "host": "\x1b]0;t\x07"}),
    "deep": "[" * 100_000,
}


@pytest.mark.parametrize("name", STATES)
def test_states_of_other_runs(here, name):
    """It is named or shown, and the run beside it is shown too."""
    for run, text in (("odd", STATES[name]), ("good", json.dumps(STATE | {"name": "good"}))):
        Path(f"runs/{run}/run-0001").mkdir(parents=True)
        Path(f"runs/{run}/run-0001/status.json").write_text(text)
    ended = trial("status")
    right(ended, 0, ["good"])
    assert "\x1b" not in ended.text


@pytest.mark.parametrize(
    "text", ["", "[1]\n", '{"event": "end"}\n', '{"event": "end", "code": {}, "rank": "x"}\n']
)
def test_events_of_other_runs(here, text):
    Path("runs/x/run-0001").mkdir(parents=True)
    Path("runs/x/run-0001/status.json").write_text(json.dumps(STATE))
    Path("runs/x/run-0001/events.jsonl").write_text(text)
    right(trial("status"), 0, ["x"])


@pytest.mark.parametrize("text", [b"", b"hello", b"\x89HDF\r\n\x1a\n" + bytes(500)])
def test_results_that_are_none(here, text):
    Path("result.h5").write_bytes(text)
    right(trial("compare", "result.h5", "result.h5"), 3, ["result.h5"])
