"""Which card a rank takes, or why there is none, with the cure."""

import ctypes
import os
from importlib.util import find_spec
from pathlib import Path

from nanompi.device.compiled import place_for_cupy

NEED = 'pip install "nanompi[cuda12]" (driver 525 or newer) or "nanompi[cuda13]" (driver 580 or newer)'
NOTHING = 'extern "C" __global__ void nothing(int n) {}'
ASK = "ask the scheduler for one: sbatch --gpus-per-node=1, srun --gpus=1"
NO_DRIVER = (
    f"there is no NVIDIA driver on this machine; if it has no card, {ASK}; if it has one, "
    "its driver (libcuda.so.1) is for the administrator to install"
)


class Unusable(Exception):
    """No card can be used; the message says which part is missing and what cures it."""


def pick(place: int):
    """The card of the rank at `place` on its node: (CuPy, index among the visible cards, their number).

    The ranks of a node see all its cards (sbatch --gpus-per-node, mpirun) and take them in turn; with srun
    --gpus-per-task each sees its own alone. Errors: Unusable.
    """
    if not _there("cupy"):
        raise Unusable(f"CuPy is not installed: {NEED}")
    if _is_cupy_itself() and not _driver():  # which takes a second to say so, and 14 MB for good
        raise Unusable(NO_DRIVER)
    place_for_cupy()
    try:
        import cupy
    except Exception as e:  # a half-installed one may raise anything
        raise Unusable(f"CuPy cannot be loaded ({type(e).__name__}: {_first(e)}): {NEED}") from None
    try:
        cards = _visible(cupy.cuda.runtime)
        cupy.cuda.Device(place % cards).use()
    except (Unusable, MemoryError):
        raise
    except Exception as e:
        raise Unusable(f"CuPy finds no card ({type(e).__name__}: {_first(e)}): {NEED}") from None
    return cupy, place % cards, cards


def names() -> list[str]:
    """The cards that are visible; none where there is none."""
    try:
        cupy, _, cards = pick(0)
    except Unusable:
        return []
    return [cupy.cuda.runtime.getDeviceProperties(i)["name"].decode() for i in range(cards)]


def reason() -> str:
    """Why the first card cannot be used, with the cure; "" where it can."""
    try:
        check_toolkit(pick(0)[0])
    except Unusable as e:
        return str(e)
    return ""


def _visible(runtime) -> int:
    """Number of visible cards. Errors: Unusable."""
    driver, built = runtime.driverGetVersion(), runtime.runtimeGetVersion()
    if not driver:
        raise Unusable(NO_DRIVER)
    if driver < built // 1000 * 1000:
        raise Unusable(
            f"the driver knows CUDA {_version(driver)}, CuPy was built for {_version(built)}: {NEED}"
        )
    try:
        cards = runtime.getDeviceCount()
    except runtime.CUDARuntimeError as e:
        raise Unusable(f"no card is visible ({_first(e)}{_hidden()}); {ASK}") from None
    if not cards:
        raise Unusable(f"no card is visible{_hidden()}; {ASK}")
    return cards


def check_toolkit(cupy):
    """Compile a kernel of ours and CuPy's own, plan a transform: all that is needed of the toolkit.

    CuPy's own kernels include headers, which a site may lack that has the libraries. Errors: Unusable.
    """
    try:
        cupy.RawModule(code=NOTHING, options=("--std=c++17",)).get_function("nothing")
        from cupyx.scipy.fft import get_fft_plan

        z = cupy.zeros((1, 16, 16), "complex64")
        get_fft_plan(z, axes=(1, 2))
        (abs(z) ** 2).sum(0, dtype="float64")
    except MemoryError:
        raise
    except Exception as e:
        major = cupy.cuda.runtime.runtimeGetVersion() // 1000
        raise Unusable(
            f"the CUDA toolkit is missing or incomplete ({_first(e)}): load the site's CUDA {major} "
            f'module, or pip install "nanompi[cuda{major}]", which brings it'
        ) from None


def _there(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except (ValueError, ImportError, OSError):  # somebody has put None in its place, or a broken one
        return False


def _is_cupy_itself() -> bool:
    """It needs the driver, and stands beside its backends; what imitates a card has neither."""
    origin = find_spec("cupy").origin
    return bool(origin) and Path(origin).parents[1].joinpath("cupy_backends").is_dir()


def _driver() -> bool:
    """Is the library there through which CuPy finds cards?"""
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return True


def _hidden() -> str:
    shown = os.environ.get("CUDA_VISIBLE_DEVICES")
    return "" if shown is None else f", CUDA_VISIBLE_DEVICES={shown!r}"


def _version(number: int) -> str:
    return f"{number // 1000}.{number % 1000 // 10}"


def _first(error) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
