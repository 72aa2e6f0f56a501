"""`nanompi doctor --gpu` on the emulated card: from the package alone, and with a fault that it must find."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from numba.core.caching import _CacheLocator

from nanompi.device import checks
from nanompi.device.checks import Finding, Question
from tests.patience import patience

PACKAGE = Path(__file__).parents[2] / "nanompi"
FEW = (
    "engines: DM*50",
    "probe: {start: data}, engines: DM*20",
)  # the search for a start is long in the emulation
SMALL = {  # what the emulation does in minutes
    "device/checks/rates.py": ("SIDE = 256", "SIDE = 32"),
    "device/checks/kernels.py": ("layout.MOST + 100", "100"),
    "workflow/selftest.py": ("frames: 64, size: 64, photons: 1e7", "frames: 100, size: 32, photons: 1e7"),
}
TIMES = {"device/checks/__init__.py": r'("\w+": )(\d+)', "workflow/selftest.py": r"(SECONDS = )(\d+)"}
WAVES = (
    "device/kernels/overlap.cu",
    "v(r, i) = v(r, i) * o(r, i); });",
    "v(r, i) = v(r, i) * conj(o(r, i)); });",
)


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """A copy of the package alone, made small: what it compiles serves all tests of this file"""
    top = tmp_path_factory.mktemp("package")
    shutil.copytree(PACKAGE, top / "nanompi", ignore=shutil.ignore_patterns("__pycache__"))
    for file, texts in SMALL.items():
        replaced(top / "nanompi" / file, *texts)
    replaced(top / "nanompi/workflow/selftest.py", *FEW)
    for file, limit in TIMES.items():
        text = (top / "nanompi" / file).read_text()
        longer = re.sub(limit, lambda m: f"{m[1]}{patience(int(m[2])):.0f}", text)
        assert longer != text
        (top / "nanompi" / file).write_text(longer)
    with_compiled(top / "nanompi" / "device")
    return top


def with_compiled(device: Path):
    """What numba compiles of the package serves the copy too, and the other way round: their kernels are the
    same, and to compile them takes a minute. numba knows them by their folder and the text of their file"""
    for name in ("", "kernels"):
        here, there = (numba_folder(top / name) for top in (PACKAGE / "device", device))
        here.mkdir(parents=True, exist_ok=True)
        there.parent.mkdir(parents=True, exist_ok=True)
        there.symlink_to(here)


def numba_folder(folder: Path) -> Path:
    """Where numba keeps what it compiles of the texts in a folder of the package"""
    device = folder.parent if folder.name == "kernels" else folder
    texts = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(device.rglob("*.py"))))
    name = _CacheLocator.get_suitable_cache_subpath(str(folder / "any.py"))
    return device / "kernels" / "__pycache__" / texts.hexdigest()[:12] / name


def replaced(file: Path, old: str, new: str) -> str:
    """Another text in a file; the text that it had."""
    text = file.read_text()
    assert old in text, f"{file} has no {old!r} any more"
    file.write_text(text.replace(old, new))
    return text


@pytest.fixture
def package(copied, tmp_path, emulated):
    """`package(edits)`: (exit code, what is said, the file of --json) of the copy with other texts in it"""
    environ, kept = emulated(MEMORY=512 << 20), {}
    environ["PYTHONPATH"] = f"{copied}:{environ['PYTHONPATH']}"

    def run(*edits):
        for file, old, new in edits:
            kept[copied / "nanompi" / file] = replaced(copied / "nanompi" / file, old, new)
        words = ["-P", "-m", "nanompi", "doctor", "--gpu", "--json", "a.json"]
        done = subprocess.run(
            [sys.executable, *words], cwd=tmp_path, env=environ, capture_output=True, text=True
        )
        return done.returncode, done.stdout + done.stderr, json.loads((tmp_path / "a.json").read_text())

    yield run
    for file, text in kept.items():
        file.write_text(text)


@pytest.mark.slow
def test_all_is_right_on_the_emulated_card(package):
    code, said, book = package()
    assert code == 0 == book["code"], said
    assert said.rstrip().endswith("all that matters is right")
    words = {f["name"].partition(":")[0]: f["ok"] for f in book["gpu"]}
    assert {name for name, ok in words.items() if ok} >= {
        "card",
        "toolkit",
        "kernels",
        "transforms",
        "program",
    }
    assert {f["name"]: f["ok"] for f in book["gpu"]}["frames beyond the card"] is True
    assert sum(f["ok"] is None for f in book["gpu"]) >= 12  # figures that decide nothing
    assert "auto takes CUDA:\nEmulated card" == book["machine"]["device"]


@pytest.mark.slow
def test_a_kernel_that_is_wrong_is_found(package):
    """A sign in the exit waves: that kernel and the programs are wrong, all else is right"""
    code, said, book = package(WAVES, ("workflow/selftest.py", "DM*20", "DM*5"))
    wrong = [f["name"] for f in book["gpu"] if f["ok"] is False]
    assert code == 4 == book["code"], said
    assert wrong[0] == "kernels: overlap" and "program: DM and ML, double precision" in wrong
    assert all(name.startswith("program: ") for name in wrong[1:])
    assert re.search(
        r"^NOT OK kernels: overlap: .*\[expected: 3e-5 of the largest value in single", said, re.M
    )


@pytest.mark.slow
def test_without_a_card_it_says_so_with_code_4(tmp_path, emulated):
    environ = emulated(DRIVER=0)
    words = ["-m", "nanompi", "doctor", "--gpu", "--json", "a.json"]
    done = subprocess.run([sys.executable, *words], cwd=tmp_path, env=environ, capture_output=True, text=True)
    assert done.returncode == 4 and "NOT OK: there is no NVIDIA driver on this machine" in done.stdout
    book = json.loads((tmp_path / "a.json").read_text())
    assert book["code"] == 4 and book["gpu"] == [] and "no NVIDIA driver" in book["machine"]["gpu"]


def test_several_ranks_are_refused(emulated):
    environ = emulated() | {"PMI_RANK": "0", "PMI_SIZE": "2"}
    words = ["-m", "nanompi", "doctor", "--gpu"]
    done = subprocess.run([sys.executable, *words], env=environ, capture_output=True, text=True)
    assert done.returncode == 2 and "one process on the node of the card" in done.stderr


def test_an_error_is_a_wrong_answer():
    found = Question("a", "b", lambda cupy: 1 / 0).finding(None)
    assert (found.got, found.ok) == ("ZeroDivisionError: division by zero", False)


@pytest.mark.parametrize(
    "code, why",
    [
        ("import os; os.kill(os.getpid(), 11)", "ended with SIGSEGV: no word"),
        ("import time; time.sleep(1000)", "no end within 1 s"),
        ("raise SystemExit('gone')", "ended with code 1: gone"),
    ],
)
def test_a_child_that_crashes_or_hangs_is_a_wrong_answer(monkeypatch, code, why):
    """What it said before stands"""
    answer = Finding("first", "1", "1", True)
    first = f"import json; print({checks.json.dumps(checks.asdict(answer))!r}, flush=True); "
    monkeypatch.setattr(checks, "ASK", (first + code).replace("{", "{{").replace("}", "}}"))
    monkeypatch.setitem(checks.GROUPS, "card", 1)
    if "sleep" not in code:
        monkeypatch.setitem(checks.GROUPS, "card", int(patience(30)))
    before, last = checks.findings("card")
    assert before == answer and last.ok is False and last.got == why


QUICK = {  # constants of a group for the emulation
    "card": {"BUS": 1 << 20},
    "memory": {"STEP": 24 << 20, "PINNED": 3 << 20},
    "rates": {"SIDE": 32},
    "transports": {},
}


@pytest.mark.slow
@pytest.mark.parametrize("group", QUICK)
def test_no_answer_of_the_quick_groups_is_wrong(card, monkeypatch, group):
    module = checks.import_module(f"nanompi.device.checks.{group}")
    for name, value in QUICK[group].items():
        monkeypatch.setattr(module, name, value)
    with card("single", MEMORY=160 << 20) as device:
        found = [question.finding(device.xp) for question in module.QUESTIONS]
    assert len(found) >= 2 and not [f for f in found if f.ok is False]


def test_what_pools_and_plans_take_is_said(card, monkeypatch):
    """All questions about memory but that of many small cards, which takes long here"""
    module = checks.import_module("nanompi.device.checks.memory")
    monkeypatch.setattr(module, "SIZES", (64, 128))
    questions = {q.name: q for q in module.QUESTIONS}
    del questions["frames beyond the card"]
    with card("single", MEMORY=1 << 30, AREA=2) as device:
        found = {name: question.finding(device.xp) for name, question in questions.items()}
    assert found["memory pool"].got == "39 MiB kept beside a piece of 1"
    assert found["work areas of transforms"].got == "64²: 2.0, 128²: 2.0"
    assert found["pinned memory"].got.count("s/GiB") == 2


@pytest.mark.slow
def test_a_wrong_kernel_is_a_wrong_answer(card, monkeypatch):
    from nanompi.device import kernels

    file, old, new = WAVES
    right = kernels.source
    assert old in right("overlap"), file
    questions = {q.name: q for q in checks.import_module("nanompi.device.checks.kernels").QUESTIONS}
    with card("single") as device:
        assert questions["kernels: overlap"].finding(device.xp).ok
    monkeypatch.setattr(kernels, "source", lambda theme: right(theme).replace(old, new))
    with card("single") as device:
        found = questions["kernels: overlap"].finding(device.xp)
        assert found.ok is False and "inf" not in found.got, found
        assert questions["transforms"].finding(device.xp).ok
