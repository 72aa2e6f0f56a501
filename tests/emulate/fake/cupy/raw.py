"""RawModule: the text of a kernel, built for the CPU by tests/emulate/build.py and launched as CUDA would."""

import re
import sys
from functools import cache
from importlib import import_module
from pathlib import Path

import numpy as np

from cupy.array import ndarray
from cupy.calls import compute
from cupy.cuda import clocks, compiler, runtime

ROOT = Path(__file__).resolve().parents[4]
SCALARS = {
    "bool": "?",
    "char": "b",
    "int": "i",
    "unsigned": "I",
    "unsigned int": "I",
    "short": "h",
    "unsigned short": "H",
    "unsigned char": "B",
    "long": "l",
    "long long": "q",
    "unsigned long": "L",
    "unsigned long long": "Q",
    "size_t": "Q",
    "float": "f",
    "double": "d",
    "float2": "F",
    "double2": "D",
    "complex<float>": "F",
    "complex<double>": "D",
} | {f"{u}int{8 * n}_t": f"{u or 'i'}{n}" for n in (1, 2, 4, 8) for u in ("", "u")}


@cache
def _build():
    """tests/emulate/build.py"""
    if str(ROOT) not in sys.path:
        sys.path.append(str(ROOT))
    return import_module("tests.emulate.build")


def _defines(options) -> dict[str, str]:
    """{"REAL": "float"} of ("-DREAL=float", "--std=c++17")"""
    found = {}
    words = iter(options)
    for word in words:
        if not isinstance(word, str):
            raise TypeError(f"an option of the compiler is a str, not {word!r}")
        if word in ("-D", "--define-macro"):
            word = "-D" + next(words)
        if word.startswith("-D") or word.startswith("--define-macro="):
            name, _, value = word.removeprefix("-D").removeprefix("--define-macro=").partition("=")
            found[name] = value or "1"
        elif not re.match(
            r"--?(std|use_fast_math|fmad|ftz|prec-|maxrregcount|I|lineinfo|extra|restrict)", word
        ):
            raise compiler.CompileException(f"unrecognized option {word}", "", "options", options)
    return found


class RawModule:
    """Built at the first `get_function`, as in CuPy."""

    def __init__(
        self,
        code=None,
        *,
        path=None,
        options=(),
        backend="nvrtc",
        translate_cucomplex=False,
        enable_cooperative_groups=False,
        name_expressions=None,
        jitify=False,
    ):
        if (code is None) == (path is None):
            raise TypeError("Exactly one of `code` and `path` keyword arguments must be given.")
        if not isinstance(options, tuple):
            raise TypeError(f"options is a tuple, not {type(options)}")
        if backend not in ("nvrtc", "nvcc"):
            raise ValueError(f"backend {backend!r}: nvrtc or nvcc")
        self.code = code if path is None else Path(path).read_text()
        self.options, self.backend, self._built = options, backend, None
        self.name_expressions = name_expressions

    def compile(self, log_stream=None):
        runtime.cards()
        if runtime.number("NANOMPI_FAKE_TOOLKIT", 1) == 0:
            raise RuntimeError('Failure finding "libnvrtc.so.13 or libnvrtc.so.12": No such file')
        if self._built:
            return
        defines = _defines(self.options)
        if not any(re.match("--?std=", word) for word in self.options):
            why = "without --std CuPy 13 compiles for C++11, CuPy 14 for C++17: name one"
            raise compiler.CompileException(why, self.code, "kernel", self.options, self.backend)
        try:
            self._built = _build().module(self.code, defines)
        except ImportError:
            raise
        except Exception as e:
            raise compiler.CompileException(str(e), self.code, "kernel", self.options, self.backend) from e

    def get_function(self, name: str) -> "RawKernel":
        self.compile()
        if self.name_expressions is not None and name not in self.name_expressions and "<" in name:
            raise ValueError(f"{name} is not among the name_expressions {self.name_expressions}")
        types = parameters(self.code, re.split(r"[<(]", name)[0], _defines(self.options))
        if types is None:
            raise runtime.CUDARuntimeError(400, f": the module has no __global__ function {name!r}")
        return RawKernel._of(self._built, name, types)


class RawKernel:
    """One kernel. Called as kernel(grid, block, args, shared_mem=0) on the current stream."""

    def __init__(self, code, name, options=(), backend="nvrtc", **kwargs):
        self.__dict__.update(RawModule(code, options=options, backend=backend).get_function(name).__dict__)

    @classmethod
    def _of(cls, module, name, types):
        self = cls.__new__(cls)
        self._module, self.name, self._types = module, name, types
        self.max_dynamic_shared_size_bytes = 48 << 10
        return self

    def __call__(self, grid, block, args, *, shared_mem=0, enable_cooperative_groups=False):
        grid, block = _three(grid, "grid"), _three(block, "block")
        _limits(self, grid, block, shared_mem)
        if len(args) != len(self._types):
            raise TypeError(f"kernel {self.name} takes {len(self._types)} arguments, not {len(args)}")
        reads, writes, given = [], [], []
        for i, (x, kind) in enumerate(zip(args, self._types)):
            given.append(_argument(f"kernel {self.name}, argument {i} ({kind[2]})", x, *kind[:2]))
            if isinstance(x, ndarray):
                (reads if kind[0] == "const" else writes).append(x)
        compute(f"kernel {self.name}", reads, writes)
        clocks.counts["launches"] += 1
        more = {"shared_mem": shared_mem} if shared_mem else {}
        self._module.run(self.name, grid, block, tuple(given), **more)


def _three(size, what: str) -> tuple[int, int, int]:
    if not isinstance(size, tuple) or not 1 <= len(size) <= 3:
        raise TypeError(f"{what} is a tuple of one to three numbers, not {size!r}")
    if not all(isinstance(n, (int, np.integer)) for n in size):
        raise TypeError(f"{what} {size!r}: whole numbers")
    return (*(int(n) for n in size), 1, 1)[:3]


def _limits(kernel, grid, block, shared: int):
    """What a launch on any card since sm_70 may ask for."""
    if min(grid) < 1 or grid[0] >= 2**31 or max(grid[1:]) > 65535:
        raise runtime.CUDARuntimeError(1, f": grid {grid}, at most (2147483647, 65535, 65535), at least 1")
    if min(block) < 1 or block[2] > 64 or int(np.prod(block)) > 1024:
        raise runtime.CUDARuntimeError(1, f": block {block}, at most 1024 threads, 64 along z, at least 1")
    if shared > kernel.max_dynamic_shared_size_bytes:
        raise runtime.CUDARuntimeError(
            1, f": {shared} bytes of shared memory, above 48 KiB only when asked for"
        )


def _argument(what: str, x, kind: str, char):
    """The NumPy array or scalar to hand over; what CUDA would misread without a word is an error here."""
    pointer = kind in ("const", "pointer")
    if isinstance(x, ndarray):
        if not pointer:
            raise TypeError(f"{what}: an array for a number")
        if not x.flags.c_contiguous:
            raise TypeError(f"{what}: an array of strides {x.strides} is not contiguous")
        if char and np.dtype(char) != x.dtype:
            raise TypeError(f"{what}: an array of {x.dtype}")
        return x._a
    if not isinstance(x, np.generic):
        raise TypeError(
            f"{what}: {type(x)} {x!r:.60}; hand over cupy arrays and numpy scalars of the right size"
        )
    if pointer:
        raise TypeError(f"{what}: a number for an array")
    if char and np.dtype(char) != x.dtype:
        raise TypeError(f"{what}: a number of {x.dtype}")
    return x


def parameters(code: str, name: str, defines: dict) -> list[tuple] | None:
    """[(kind, dtype or None, text)] of a kernel's parameters; None: there is no such kernel. kind: const,
    pointer or value"""
    code = re.sub(r"//[^\n]*|/\*.*?\*/", " ", code, flags=re.S)
    base = name.rsplit("::", 1)[-1]
    head = re.search(rf"__global__[^;{{}}]*?\b{re.escape(base)}\s*\(([^)]*)\)\s*\{{", code)
    if head is None:
        return None
    alias = dict(re.findall(r"#\s*define\s+(\w+)[ \t]+([\w:<> ]+)", code))
    alias |= {n: t for t, n in re.findall(r"typedef\s+([\w:<> ]+?)\s+(\w+)\s*;", code)}
    alias |= dict(re.findall(r"using\s+(\w+)\s*=\s*([^;]+);", code)) | defines
    listed = [" ".join(p.split()) for p in re.split(r",(?![^<]*>)", head[1]) if p.strip()]
    return [(*_parameter(p, alias), p) for p in listed]


def _parameter(text: str, alias: dict) -> tuple[str, str | None]:
    front, star, behind = text.partition("*")
    words = re.sub(r"\b(const|volatile|__restrict__|__grid_constant__)\b", " ", front)
    if not star:
        words = re.sub(r"\w+\s*$", "", words)  # the name of the parameter
    constant = re.search(r"\bconst\b", front) and "*" not in behind
    return ("const" if constant else "pointer") if star else "value", _char(words, alias)


def _char(words: str, alias: dict, depth: int = 5) -> str | None:
    """The dtype of a C type through macros and typedefs; None when it is of the kernel's own making."""
    words = (
        re.sub(r"\b(thrust|std|cuda)::", "", " ".join(words.split())).replace("< ", "<").replace(" >", ">")
    )
    if words in SCALARS or not depth:
        return SCALARS.get(words)
    parts = re.sub(r"\w+", lambda m: alias.get(m[0], m[0]), words)
    return _char(parts, alias, depth - 1) if parts != words else None
