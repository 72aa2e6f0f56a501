"""The .cu texts as a module of this machine's CPU: built by g++ behind cuda_on_cpu.h, run with a grid.

A GPU would read rubbish where an argument has the wrong type; here each launch is compared with the kernel's
signature, and a wrong one is a TypeError.
"""

import ctypes
import hashlib
import os
import re
import subprocess
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np

HEADER = Path(__file__).with_name("cuda_on_cpu.h")
FLAGS = ["-x", "c++", "-std=c++17", "-fPIC", "-shared", "-w", "-U_FORTIFY_SOURCE"]
KERNEL = re.compile(r'extern "C" __global__ void\s+(?:__launch_bounds__\([^)]*\)\s+)?(\w+)\(([^)]*)\)')
MOST = (2**31 - 1, 65535, 65535)  # blocks along x, y, z that CUDA allows


@dataclass(frozen=True)
class Parameter:
    """One parameter of a kernel: name, element dtype, and whether it is an array and may be written"""

    name: str
    dtype: np.dtype
    array: bool
    constant: bool


def parameters(text: str, defines: dict[str, str]) -> list[Parameter]:
    """The parameters of a C signature such as `const Complex* __restrict__ O, REAL a, int n`"""
    real = np.dtype(defines["REAL"].replace("float", "f4").replace("double", "f8"))
    count = np.dtype({"unsigned short": "u2", "float": "f4"}[defines["COUNT"]])
    known = {"Complex": np.result_type(real, np.complex64), "REAL": real, "COUNT": count}
    known |= {
        "double": np.dtype("f8"),
        "float": np.dtype("f4"),
        "int": np.dtype("i4"),
        "wide": np.dtype("i8"),
        "bool": np.dtype("?"),
    }
    found = []
    for item in text.replace("__restrict__", "").replace("*", " * ").split(","):
        words = item.split()
        constant, kind = "const" in words, next(w for w in words if w != "const")
        found.append(Parameter(words[-1], known[kind], "*" in words, constant))
    return found


class Module:
    """The kernels of one text, compiled. defines : REAL and COUNT; asan : with AddressSanitizer (the program
    must then run with its library preloaded)"""

    def __init__(self, code: str, defines: dict[str, str], asan: bool):
        self.asan, self._lock = asan, threading.Lock()
        self.kernels = {name: parameters(text, defines) for name, text in KERNEL.findall(code)}
        self._library = ctypes.CDLL(str(_built(code + _doors(code), defines, asan)))
        self._library.exactly.restype = ctypes.c_void_p
        self._library.exactly.argtypes = [ctypes.c_size_t]
        self._library.release.argtypes = [ctypes.c_void_p]

    def run(self, name: str, grid, block, args, order: int = 0):
        """A launch; returns when it is done.

        args : NumPy arrays (as pointers), NumPy scalars as they are, Python ints as C ints
        order : of blocks and threads, which must not change the result: 0 = as they are numbered, -1 = in
            reverse, k > 0 = a random one with the seed k
        Errors: TypeError, ValueError for a launch that a GPU would refuse, or would take and do wrong;
        RuntimeError where some threads of a block miss a barrier.
        """
        grid, block = _shape(grid), _shape(block)
        _check_grid(name, grid, block)
        wanted = self.kernels[name]
        if len(args) != len(wanted):
            raise TypeError(f"{name} takes {len(wanted)} arguments, not {len(args)}")
        for p, a in zip(wanted, args):
            _check(name, p, a)
        with self._lock:
            line = self._call(name, grid, block, wanted, args, order)
        if line:
            raise RuntimeError(f"{name}: line {line}: some threads of a block do not reach this barrier")

    def _call(self, name, grid, block, wanted, args, order):
        values = [self._pointer(a) if p.array else _scalar(p, a) for p, a in zip(wanted, args)]
        places = (ctypes.c_void_p * len(values))(*(ctypes.addressof(v) for v in values))
        sizes = (ctypes.c_uint * 3)(*grid), (ctypes.c_uint * 3)(*block)
        line = self._library[f"run_{name}"](*sizes, places, order)
        if self.asan:
            self._bring_back(wanted, args, values)
        return line

    def _pointer(self, a):
        """The array itself; for the sanitizer a copy in a buffer of exactly its size"""
        if not self.asan:
            return ctypes.c_void_p(a.ctypes.data)
        copy = ctypes.c_void_p(self._library.exactly(a.nbytes))
        ctypes.memmove(copy, a.ctypes.data, a.nbytes)
        return copy

    def _bring_back(self, wanted, args, values):
        for p, a, copy in zip(wanted, args, values):
            if p.array and not p.constant:
                ctypes.memmove(a.ctypes.data, copy, a.nbytes)
            if p.array:
                self._library.release(copy)


def module(code: str, defines: dict[str, str], asan: bool = False) -> Module:
    """The kernels in `code` (CUDA C++) compiled for the CPU, with macros such as {"REAL": "float"}"""
    return Module(code, {"REAL": "float", "COUNT": "unsigned short"} | defines, asan)


def _built(code: str, defines: dict[str, str], asan: bool) -> Path:
    """The shared library of a text, from an earlier build where there is one. Several may build at once: each
    writes to its own name, and a rename puts it in place."""
    flags = [*FLAGS, *(f"-D{k}={v}" for k, v in defines.items())]
    flags += ["-O1", "-g", "-fsanitize=address"] if asan else ["-O2"]
    text = HEADER.read_text() + code
    key = hashlib.sha256("\0".join([*flags, text]).encode()).hexdigest()[:20]
    folder = Path(tempfile.gettempdir()) / f"nanompi-emulate-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to somebody else: set TMPDIR")
    done = folder / f"{key}.so"
    if not done.exists():
        with tempfile.TemporaryDirectory(dir=folder) as own:
            built = Path(own) / done.name
            subprocess.run(["g++", *flags, "-", "-o", str(built)], input=text, text=True, check=True)
            os.replace(built, done)
    return done


def _doors(code: str) -> str:
    """For each kernel a function of C that takes the launch: grid, block, addresses of the arguments"""
    text = ""
    for name, signature in KERNEL.findall(code):
        items = signature.replace("__restrict__", "").split(",")
        types = [re.sub(r"\w+\s*$", "", item).strip() for item in items]
        values = ", ".join(f"*({t}*)a[{i}]" for i, t in enumerate(types))
        text += f"static void call_{name}(void** a) {{ {name}({values}); }}\n"
        text += f'extern "C" int run_{name}(unsigned* g, unsigned* b, void** a, int order) '
        text += f"{{ return emulator::launch(call_{name}, g, b, a, order); }}\n"
    return text


def _shape(size) -> tuple[int, int, int]:
    return (*size, 1, 1, 1)[:3] if isinstance(size, tuple) else (size, 1, 1)


def _check_grid(name, grid, block):
    if not all(1 <= g <= most for g, most in zip(grid, MOST)):
        raise ValueError(f"{name}: grid {grid}: each from 1 to {MOST}")
    if min(block) < 1 or np.prod(block) > 1024 or block[2] > 64:
        raise ValueError(f"{name}: block {block}: at most 1024 threads, 64 along z")


def _check(name, p, a):
    """One argument against the signature"""
    place = f"{name}: {p.name}"
    if p.array != isinstance(a, np.ndarray):
        raise TypeError(f"{place} is {'an array' if p.array else 'a number'}, not {type(a).__name__}")
    if p.array:
        if a.dtype != p.dtype:
            raise TypeError(f"{place} has elements {p.dtype}, not {a.dtype}")
        if not a.flags.c_contiguous:
            raise TypeError(f"{place} must be C-contiguous; strides are {a.strides}")
        if not (p.constant or a.flags.writeable):
            raise TypeError(f"{place} is written by the kernel, and this array is read-only")
    elif (np.dtype("i4") if type(a) is int else getattr(a, "dtype", None)) != p.dtype:
        raise TypeError(f"{place} is {p.dtype}, not {type(a).__name__}")


def _scalar(p, a):
    """A number as ctypes"""
    if type(a) is int and not -(2**31) <= a < 2**31:
        raise TypeError(f"{p.name} = {a} does not fit into 32 bit")
    return np.ctypeslib.as_ctypes_type(p.dtype)(a.item() if isinstance(a, np.generic) else a)
