"""Compiled kernels find a place where installation and home cannot be written, and nobody else finds it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nanompi.device import card, compiled, compiled_once
from tests.patience import patience, until


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """Neither the installation nor the home folder can be written; the folder for temporary files."""
    (tmp_path / "file").touch()
    monkeypatch.setattr(compiled, "TREE", tmp_path / "file" / "kernels")
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setattr(compiled.tempfile, "tempdir", None)
    return tmp_path


def test_without_a_place_to_keep_them_a_run_has_a_private_one(nowhere):
    folder, why = compiled._place()
    assert folder.parent == nowhere and folder.stat().st_mode & 0o777 == 0o700
    assert "in each run anew" in why


def test_the_users_folder_is_the_second_choice_and_a_given_one_the_first(nowhere, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(nowhere / "cache"))
    assert compiled._place() == (nowhere / "cache/nanompi/numba", "")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(nowhere / "given"))
    assert compiled._place() == (nowhere / "given", "")


def test_an_installation_keeps_nothing_that_pip_would_leave_behind(nowhere, monkeypatch):
    """Else an editable installation after a plain one would find a package without modules"""
    installed = nowhere / "lib/site-packages/nanompi/device/kernels/__pycache__"
    monkeypatch.setattr(compiled, "TREE", installed)
    monkeypatch.setenv("XDG_CACHE_HOME", str(nowhere / "cache"))
    assert compiled._place() == (nowhere / "cache/nanompi/numba", "") and not installed.exists()
    monkeypatch.setattr(compiled, "TREE", nowhere / "checkout/nanompi/device/kernels/__pycache__")
    assert compiled._place() == (compiled.TREE, "")


def test_a_full_disk_is_no_place(nowhere, monkeypatch):
    monkeypatch.setattr(compiled, "bytes", refuse, raising=False)
    assert compiled._place()[0] is None  # neither is any other folder


def test_a_kernel_looks_for_its_place_once(monkeypatch):
    """numba tries a folder by a file in it: there are a hundred kernels, and folders on a network"""
    from numba.core.caching import _CacheLocator

    tried = []
    monkeypatch.setattr(_CacheLocator, "ensure_cache_path", lambda self: tried.append(self.get_cache_path()))
    compiled.compiler()(lambda: 1)
    assert len(tried) == 1 and tried[0].startswith(str(compiled.place()[0] / compiled.texts()))


WORDS = """
from numba import types
from numba.extending import intrinsic
@intrinsic
def word(context):
    return types.int64(), lambda context, builder, signature, args: context.get_constant(types.int64, NUMBER)
"""
USER = """
import sys
from nanompi.device import compiled
compiled.FOLDER = compiled.Path(sys.argv[1])
compiled.TREE = compiled.FOLDER / "kept"
from words import word
said = []
compiled.tell(said.append)
@compiled.compiler()
def answer():
    return word()
@compiled.compiler()
def again():
    return word() + 1
print(answer(), again() - answer(), sum(answer.stats.cache_hits.values()), len(said))
assert all("note: kernels are compiled for this machine once" in line and "kept" in line for line in said)
"""


@pytest.mark.slow
def test_what_was_compiled_of_other_texts_is_not_used(tmp_path):
    """numba looks at the file of a function alone: what a word of another file was would live on. That
    something is compiled is said once in a process, and not where it is taken from before"""

    def answer(number):
        (tmp_path / "words.py").write_text(WORDS.replace("NUMBER", number))
        command = [sys.executable, "-B", tmp_path / "user.py", tmp_path]
        env = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"}
        env["PYTHONPATH"] = str(Path(__file__).parents[2])
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=patience(60))
        assert done.returncode == 0, done.stderr
        return done.stdout

    (tmp_path / "user.py").write_text(USER)
    assert [answer("1"), answer("1"), answer("2")] == ["1 1 0 1\n", "1 1 1 0\n", "2 1 0 1\n"]


SLOW = """
import sys, time
from pathlib import Path
from nanompi.device import compiled, compiled_once
from numba import types
from numba.extending import intrinsic
compiled.FOLDER = Path(sys.argv[1])
compiled.TREE = compiled.FOLDER / "kept"
@intrinsic
def word(context):
    Path(sys.argv[2]).touch()
    until = time.monotonic() + 600
    while sys.argv[4] and not Path(sys.argv[4]).exists() and time.monotonic() < until:
        time.sleep(0.02)
    return types.int64(), lambda context, builder, signature, args: context.get_constant(types.int64, 7)
def asked():
    Path(sys.argv[3]).touch()
compiled._say[:] = [lambda text: asked()]
@compiled.compiler()
def inner():
    return word()
@compiled.compiler()
def answer():
    return inner()
print(answer(), sum(answer.stats.cache_hits.values()))
"""


@pytest.fixture
def compiling(tmp_path):
    """`compiling(own, file)`: a process that compiles two functions, and waits within for a file"""
    (tmp_path / "slow.py").write_text(SLOW)
    env = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"}
    env["PYTHONPATH"] = str(Path(__file__).parents[2])
    begun = []

    def start(own: str, wait_for: str = "") -> subprocess.Popen:
        words = [tmp_path / "slow.py", tmp_path, tmp_path / f"{own}-compiles", tmp_path / f"{own}-asks"]
        words.append(tmp_path / wait_for if wait_for else "")
        begun.append(subprocess.Popen([sys.executable, *words], env=env, stdout=subprocess.PIPE, text=True))
        return begun[-1]

    yield start
    for one in begun:
        one.kill()
        one.wait()


@pytest.mark.slow
def test_of_two_processes_one_compiles_and_the_other_takes_that(tmp_path, compiling):
    first = compiling("first", "second-asks")
    until((tmp_path / "first-compiles").exists, 60)
    second = compiling("second")
    assert first.communicate(timeout=patience(60))[0] == "7 0\n"
    assert second.communicate(timeout=patience(60))[0] == "7 1\n"
    assert not (tmp_path / "second-compiles").exists()


@pytest.mark.slow
def test_what_a_killed_process_compiled_another_compiles(tmp_path, compiling):
    first = compiling("first", "never")
    until((tmp_path / "first-compiles").exists, 60)
    second = compiling("second")
    until((tmp_path / "second-asks").exists, 60)
    first.kill()
    assert second.communicate(timeout=patience(60))[0] == "7 0\n"


def test_who_has_waited_too_long_waits_no_more(tmp_path, monkeypatch):
    """The process that has the claim is stopped, say"""
    monkeypatch.setattr(compiled_once, "LONGEST", 0.05)
    monkeypatch.setattr(compiled_once.Claims, "_lock", lambda *_: False)
    asked = []
    claims = compiled_once.Claims(tmp_path, lambda: asked.append(1))
    assert claims.claim("a") and not claims.claim("b") and len(asked) == 1


def test_where_nothing_can_be_locked_nobody_waits(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(37, "No locks available")

    claims = compiled_once.Claims(tmp_path, lambda: pytest.fail("it waits"))
    monkeypatch.setattr(compiled_once.fcntl, "lockf", refuse)
    assert not claims.claim("a")
    claims.free("a")
    (tmp_path / "file").touch()
    assert not compiled_once.Claims(tmp_path / "file", claims.waits).claim("a")


def test_cupy_keeps_its_kernels_at_home_where_it_can(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CUPY_CACHE_DIR", raising=False)
    compiled.place_for_cupy()
    assert "CUPY_CACHE_DIR" not in os.environ


def test_cupy_has_the_place_of_numba_where_home_takes_no_files(nowhere, monkeypatch):
    """CuPy makes its folder when it is imported, and would end with an error"""
    monkeypatch.setenv("CUPY_CACHE_DIR", "mine")
    compiled.place_for_cupy()
    assert os.environ["CUPY_CACHE_DIR"] == "mine"
    monkeypatch.delenv("CUPY_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(nowhere / "cache"))
    monkeypatch.setattr(compiled, "_chosen", [])
    compiled.place_for_cupy()
    assert os.environ["CUPY_CACHE_DIR"] == str(nowhere / "cache/nanompi/numba/cupy")
    done = subprocess.run([sys.executable, "-c", "import cupy"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def refuse(_):
    raise OSError(28, "No space left on device")


KERNEL = """
from nanompi.device import compiled
compiled.TREE = compiled.Path("/proc/nowhere")
from nanompi.device.kernels import load
import numpy as np
F = np.ones((1, 1, 2, 2), np.complex64)
one = np.ones((2, 2), np.float32)
real = np.float32(1)
print(load("_cpu").project(F, one[None], one, np.ones(1, np.float32), real, real, real) >= 0)
"""


@pytest.mark.slow
def test_a_kernel_runs_without_a_home_folder(tmp_path):
    env = {k: v for k, v in os.environ.items() if k not in ("HOME", "XDG_CACHE_HOME")}
    env |= {"HOME": "/proc/nowhere", "TMPDIR": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", KERNEL], env=env, capture_output=True, text=True, timeout=patience(60)
    )
    assert done.stdout == "True\n", done.stderr
    assert not list(tmp_path.iterdir())  # it is removed at the end


@pytest.mark.parametrize("text", ["raise RuntimeError('half a CuPy')", "x = 1"], ids=["raises", "empty"])
def test_a_broken_cupy_is_no_card_and_no_error(tmp_path, monkeypatch, text):
    (tmp_path / "cupy").mkdir()
    (tmp_path / "cupy" / "__init__.py").write_text(text)
    code = "from nanompi.device.card import reason; print(reason())"
    env = {**os.environ, "PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[2]}"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=patience(30)
    )
    assert done.stdout.startswith("CuPy ") and card.NEED in done.stdout, done.stderr
