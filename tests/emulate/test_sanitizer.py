"""All kernels under AddressSanitizer: nothing is read or written beside an array."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def sanitized(*args):
    """The program of sanitized.py in a process of its own, with the sanitizer's library loaded first"""
    library = subprocess.run(
        ["g++", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
    ).stdout.strip()
    settings = {
        "LD_PRELOAD": library,
        "ASAN_OPTIONS": "detect_leaks=0:detect_stack_use_after_return=0",
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "tests.emulate.sanitized", *args]
    return subprocess.run(command, cwd=ROOT, env=os.environ | settings, capture_output=True, text=True)


@pytest.mark.slow
def test_no_kernel_leaves_its_arrays():
    done = sanitized()
    assert done.returncode == 0 and "all kernels ran" in done.stdout, done.stderr[-3000:]


HERE = "Waves::read(H + at[(wide)3 * j + 2] * hw + here"
OVERRUNS = {
    "a row too many": ("modulus", "f.write(z + q + m, w, rows)", "f.write(z + q + m + w, w, rows)"),
    "two elements too many": ("modulus", HERE, HERE + " + 2"),
    "a column of the object": ("overlap", "c < w;", "c <= w;"),
}


@pytest.mark.parametrize("fault", OVERRUNS)
def test_overrun_is_found(fault):
    """The same with a fault put into the text"""
    done = sanitized(*OVERRUNS[fault])
    assert done.returncode != 0 and "heap-buffer-overflow" in done.stderr, done.stderr[-3000:]
