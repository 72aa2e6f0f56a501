"""Every kernel on a real card against the contract."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nanompi.device.checks.scene import DTYPES, SCENES, THEMES, Scene, on, sums
from nanompi.device.kernels import load
from tests.device.same import same
from tests.patience import patience

pytestmark = pytest.mark.gpu
CONTRACT = load("")


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", SCENES)
@pytest.mark.parametrize("counts", ["uint16", "float32"])
@pytest.mark.parametrize("precision", DTYPES)
def test_equals_contract(card, theme, size, counts, precision):
    s = Scene(precision, counts, **SCENES[size])
    with card(precision) as device:
        same(theme(CONTRACT, s), theme(on(device), s), s.tolerance, theme.__name__)


@pytest.mark.parametrize("precision", DTYPES)
def test_atomic_sums_and_sums_in_parts(card, precision):
    s = Scene(precision, modes=3, n=9, size=(33, 17))
    for atomics in (False, True):
        with card(precision, atomics=atomics) as device:
            same(sums(CONTRACT, s), sums(on(device), s, parts=3), s.tolerance)


@pytest.mark.slow
@pytest.mark.parametrize("tool", ["memcheck", "racecheck", "initcheck", "synccheck"])
def test_compute_sanitizer_finds_nothing(card, tool):
    """All kernels in single precision under NVIDIA's checker, where it is installed; no array from a pool"""
    checker = shutil.which("compute-sanitizer") or "/usr/local/cuda/bin/compute-sanitizer"
    if not Path(checker).exists():
        pytest.skip("compute-sanitizer is not installed (part of the CUDA toolkit)")
    with card("single"):
        pass
    some = ["-k", "equals_contract and single and (odd or many)"]
    command = [
        checker,
        "--tool",
        tool,
        "--error-exitcode",
        "9",
        sys.executable,
        "-m",
        "pytest",
        "-q",
        __file__,
        *some,
    ]
    environ = {**os.environ, "NANOMPI_TEST_POOL": "off"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=patience(600), env=environ)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
