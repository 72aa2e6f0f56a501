"""The true CuPy has all that its stand-in offers and that nanompi/device uses; no GPU needed."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.emulate.fake.offered import keywords, look, of_cards, offered, on_cards, used
from tests.emulate.fake.use import fake_cupy

DEVICE = Path(__file__).parents[2] / "nanompi" / "device"

# Asks CuPy, in its own process: [names it has not], [keywords it does not take], [what its libraries hide]
ASK = """
import inspect, json, re, sys
from tests.emulate.fake.offered import look
import cupy

names, calls = json.load(sys.stdin)
missing, refused, hidden = [], [], []
for name in names:
    try:
        look(name)
    except (AttributeError, ImportError) as e:
        (hidden if ".cufft" in name and "cufft" in str(e) else missing).append(name)
for name, given in calls.items():
    if name in missing + hidden:
        continue
    thing = look(name)
    try:
        taken = set(inspect.signature(thing).parameters)
        if "kwargs" in taken or "args" in taken:
            continue
    except (ValueError, TypeError):
        taken = set(re.findall(r"(\\w+)(?=\\s*[=,)])", (thing.__doc__ or "").split("\\n\\n")[0]))
        if not taken:
            continue
    refused += [f"{name}({k}=)" for k in given if k not in taken]
print(json.dumps([missing, refused, hidden]))
"""

FACTS = """
import json
import cupy
runtime = cupy.cuda.runtime
try:
    count = runtime.getDeviceCount()
except runtime.CUDARuntimeError as e:
    count = [e.status, str(e)]
print(json.dumps([count, runtime.driverGetVersion(), runtime.runtimeGetVersion()]))
"""


def ask(code: str, what="") -> list:
    """What the true CuPy answers in a process of its own."""
    if find_spec("cupy") is None:
        pytest.skip("CuPy is not installed here (pip install nanompi[cuda12])")
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=dict(os.environ, PYTHONPATH=root),
        cwd=root,
        input=json.dumps(what),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_cupy_has_every_name_and_keyword_of_its_stand_in():
    with fake_cupy():
        names = offered()
        calls = keywords(names)
    assert len(names) > 250 and "stream" in calls["cupy.ndarray.get"]
    missing, refused, _ = ask(ASK, [names, calls])
    assert not missing and not refused


def test_cupy_and_its_stand_in_have_what_nanompi_uses():
    others = [path for path in DEVICE.rglob("*.py") if path not in of_cards(DEVICE)]
    for names, calls in (used(of_cards(DEVICE), ("xp", "cupy")), used(others)):
        with fake_cupy():
            for name in names:
                look(name)
        missing, refused, _ = ask(ASK, [sorted(names), {k: sorted(v) for k, v in calls.items()}])
        assert not missing and not refused
    assert {"cupy.cuda.runtime.hostRegister", "cupy.float32"} <= used(of_cards(DEVICE), ("xp", "cupy"))[0]


def test_cupy_has_what_tests_on_a_card_use():
    """What its stand-in alone has would fail on every card, and there alone"""
    files = on_cards(DEVICE.parents[1] / "tests")
    assert {"test_kernels.py", "test_engines.py", "test_program.py", "scene.py"} <= {
        path.name for path in files
    }
    names, calls = used(files, ("xp", "cupy", "cupy_here"))
    missing, refused, _ = ask(ASK, [sorted(names), {k: sorted(v) for k, v in calls.items()}])
    assert "cupy.get_default_memory_pool" in names and not missing and not refused


@pytest.mark.slow
def test_the_tests_for_a_card_are_collected_with_cupy():
    """They are imported and find their fixtures where there is no card, too"""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-m", "gpu", "--collect-only"]
    done = subprocess.run([*command, "tests/cuda"], cwd=DEVICE.parents[1], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    tests = [line for line in done.stdout.splitlines() if "::" in line]
    assert {line.split("::")[0] for line in tests} >= {
        f"tests/cuda/test_{n}.py" for n in ("kernels", "engines", "program")
    }


def test_the_walk_finds_names_behind_aliases(tmp_path):
    (tmp_path / "a.py").write_text(
        "def f():\n    import cupy as cp\n    from cupyx.scipy.fft import get_fft_plan as plan\n"
        "    plan(cp.empty(3, dtype=cp.float32), axes=1)\n    run, n = cp.cuda.runtime, 3\n"
        "    run.getDevice()\n"
        "def g(device):\n    assert device.xp.counts\n"
    )
    names, calls = used([tmp_path / "a.py"], ("xp",))
    assert names >= {
        "cupy.empty",
        "cupy.float32",
        "cupyx.scipy.fft.get_fft_plan",
        "cupy.cuda.runtime.getDevice",
    }
    assert "cupy.counts" in names  # which the stand-in alone has
    assert calls["cupy.empty"] == {"dtype"} and calls["cupyx.scipy.fft.get_fft_plan"] == {"axes"}


def test_a_name_that_cupy_has_not_is_found():
    asked = [["cupy.zeros", "cupy.zeroes", "cupy.cuda.runtime.no"], {"cupy.zeros": ["dtype", "colour"]}]
    assert ask(ASK, asked)[:2] == [["cupy.zeroes", "cupy.cuda.runtime.no"], ["cupy.zeros(colour=)"]]


def test_without_a_driver_cupy_answers_as_its_stand_in():
    """On a machine with a driver the count is a number; without one both give the same error."""
    count, driver, runtime = ask(FACTS)
    assert runtime >= 12000
    if isinstance(count, list):
        with fake_cupy(DRIVER=0) as cupy, pytest.raises(cupy.cuda.runtime.CUDARuntimeError) as e:
            assert cupy.cuda.runtime.driverGetVersion() == driver == 0
            cupy.cuda.runtime.getDeviceCount()
        assert [e.value.status, str(e.value)] == count
