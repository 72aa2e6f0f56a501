"""The CUDA C++ texts compiled by NVRTC, which needs no GPU: registers, spills, shared memory of each."""

import ctypes
import importlib.util
import re
from functools import cache
from pathlib import Path

from nanompi.device.kernels import THEMES, has_text, source

ARCHITECTURES = ("sm_70", "sm_80", "sm_90")
REALS, COUNTS = ("float", "double"), ("unsigned short", "float")
KERNEL = re.compile(
    r"entry function '(?P<kernel>\w+)' for '(?P<arch>\w+)'.*?(?P<spills>\d+) bytes spill stores.*?"
    r"Used (?P<registers>\d+) registers(?P<rest>[^\n]*)",
    re.S,
)


@cache
def library() -> ctypes.CDLL:
    """libnvrtc of the package nvidia-cuda-nvrtc-cu12, whose release 12 still knows sm_70"""
    spec = importlib.util.find_spec("nvidia.cuda_nvrtc")
    if spec is None:
        raise ImportError("NVRTC is missing: pip install nvidia-cuda-nvrtc-cu12")
    found = [p for root in spec.submodule_search_locations for p in Path(root).glob("lib/libnvrtc.so.12")]
    return ctypes.CDLL(str(found[0]))


def compiled(theme: str, real: str, count: str, arch: str, text: str | None = None) -> list[dict]:
    """Compile a theme; returns for each kernel: kernel, arch, registers, spills and shared in bytes.

    Errors: RuntimeError with the compiler's words.
    """
    lib, program = library(), ctypes.c_void_p()
    code = (text or source(theme)).encode()
    lib.nvrtcCreateProgram(ctypes.byref(program), code, f"{theme}.cu".encode(), 0, None, None)
    options = [f"-arch={arch}", "--std=c++17", f"-DREAL={real}", f"-DCOUNT={count}", "--ptxas-options=-v"]
    words = (ctypes.c_char_p * len(options))(*(o.encode() for o in options))
    failed = lib.nvrtcCompileProgram(program, len(options), words)
    log = _log(lib, program)
    lib.nvrtcDestroyProgram(ctypes.byref(program))
    if failed:
        raise RuntimeError(f"{theme} {real} {count} {arch}: {log}")
    return [_row(found) for found in KERNEL.finditer(log)]


def everything() -> list[tuple[str, str, str, str]]:
    """(theme, real, count, arch) of all builds; the counts matter only where a kernel takes them"""
    found = []
    for theme in filter(lambda theme: has_text(theme, "_cuda"), THEMES):
        for count in COUNTS if "COUNT*" in source(theme) else COUNTS[:1]:
            found += [(theme, real, count, arch) for real in REALS for arch in ARCHITECTURES]
    return found


def _log(lib, program) -> str:
    size = ctypes.c_size_t()
    lib.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(size.value)
    lib.nvrtcGetProgramLog(program, log)
    return log.value.decode()


def _row(found) -> dict:
    shared = re.search(r"(\d+) bytes smem", found["rest"])
    words = {k: found[k] for k in ("kernel", "arch")}
    numbers = {k: int(found[k]) for k in ("registers", "spills")}
    return words | numbers | {"shared": int(shared[1]) if shared else 0}
