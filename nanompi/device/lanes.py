"""Vectors of complex numbers for numba, in LLVM: what its own compiler does not make of a loop.

A wave is a vector of complex numbers, one in each lane: as many as a register of this CPU holds. In an array
it stands interleaved (real, imaginary, real, ... as complex numbers do) or split (all real parts, then all
imaginary parts). A word of `butterflies.py` is a function that numba calls and whose text is written here.
"""

from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from math import cos, pi, sin, sqrt
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import config
from numba.core.cgutils import for_range_slice, get_or_insert_function

INT, INDEX = ir.IntType(32), ir.IntType(64)
ESTIMATES = {32: "llvm.x86.avx.rsqrt.ps.256", 64: "llvm.x86.avx512.rsqrt14.ps.512"}
FLAGS = ("contract", "nsz")  # a * b + c in one instruction


def register() -> int:
    """Bytes of a vector register of the CPU that numba compiles for."""
    from llvmlite.binding import get_host_cpu_features

    known = config.CPU_FEATURES
    has = get_host_cpu_features().flatten() if known is None else known
    return 64 if "+avx512f" in has else 32 if "+avx" in has else 16


BYTES = register()


def flat(a):
    """A flat view of the real numbers of an array whose last two axes lie in one piece, gaps included:
    offsets into it are those of `a.strides`. Errors: ValueError where a value would be lost."""
    import numpy as np

    if a.ndim < 2 or a.strides[-1] != a.itemsize or a.strides[-2] != a.shape[-1] * a.itemsize:
        raise ValueError(f"an array {a.shape} with strides {a.strides} has gaps between its last two axes")
    reach = sum((n - 1) * stride for n, stride in zip(a.shape, a.strides)) + a.itemsize
    real = a.real.dtype
    first = a.view(real).reshape(-1)[:1] if a.flags.c_contiguous else a[(slice(0, 1),) * a.ndim].view(real)
    return np.lib.stride_tricks.as_strided(first.reshape(-1)[:1], (reach // real.itemsize,), (real.itemsize,))


@dataclass
class Wave:
    """A vector of complex numbers; lanes : `Lanes`, which does the arithmetic"""

    lanes: Any
    re: ir.Value
    im: ir.Value

    def __add__(self, o):
        return Wave(self.lanes, self.lanes.add(self.re, o.re), self.lanes.add(self.im, o.im))

    def __sub__(self, o):
        return Wave(self.lanes, self.lanes.sub(self.re, o.re), self.lanes.sub(self.im, o.im))

    def __mul__(self, o):
        return self.times(o.re, o.im)

    def plus_i(self, o):
        """self + i o"""
        return Wave(self.lanes, self.lanes.sub(self.re, o.im), self.lanes.add(self.im, o.re))

    def minus_i(self, o):
        """self - i o"""
        return Wave(self.lanes, self.lanes.add(self.re, o.im), self.lanes.sub(self.im, o.re))

    def scale(self, k):
        """k self, k a real vector"""
        return Wave(self.lanes, self.lanes.mul(self.re, k), self.lanes.mul(self.im, k))

    def times(self, c, d):
        """(c + i d) self, c and d real vectors"""
        f = self.lanes
        re = f.sub(f.mul(self.re, c), f.mul(self.im, d))
        return Wave(f, re, f.add(f.mul(self.re, d), f.mul(self.im, c)))

    def conjugate(self):
        """self*"""
        return Wave(self.lanes, self.re, self.lanes.sub(self.lanes.constant(0), self.im))

    def square(self):
        """|self|^2"""
        return self.lanes.add(self.lanes.mul(self.re, self.re), self.lanes.mul(self.im, self.im))


class Lanes:
    """Writes LLVM for waves of float32 or float64 (`dtype` of numba)."""

    def __init__(self, builder, dtype):
        self.b, self.bytes = builder, dtype.bitwidth // 8
        self.V = BYTES // self.bytes
        self.real = ir.FloatType() if dtype == types.float32 else ir.DoubleType()
        self.vector = ir.VectorType(self.real, self.V)
        self.add, self.sub, self.mul, self.div = (
            partial(work, flags=FLAGS) for work in (builder.fadd, builder.fsub, builder.fmul, builder.fdiv)
        )

    def constant(self, x: float):
        """A vector with x in each lane"""
        return ir.Constant(self.vector, [ir.Constant(self.real, x)] * self.V)

    def whole(self, k: int):
        """k as an offset"""
        return ir.Constant(INDEX, k)

    def index(self, k: int):
        """k as the number of a lane"""
        return ir.Constant(INT, k)

    @contextmanager
    def loop(self, start, stop, step):
        """What is written inside is done for start, start + step, ... below stop"""
        with for_range_slice(self.b, start, stop, step, INDEX) as (index, _):
            yield index

    def shuffled(self, x, y, lanes):
        """Lanes of x (from 0) and y (from V)"""
        mask = ir.Constant(ir.VectorType(INT, len(lanes)), [ir.Constant(INT, i) for i in lanes])
        return self.b.shuffle_vector(x, y, mask)

    def plus(self, offset, k: int):
        """offset + k"""
        return self.b.add(offset, self.whole(k)) if k else offset

    def number(self, data, offset):
        """data[offset]"""
        return self.b.load(self.b.gep(data, [offset]))

    def spread(self, x):
        """A number in each lane"""
        none = ir.Constant(self.vector, ir.Undefined)
        return self.shuffled(self.b.insert_element(none, x, ir.Constant(INT, 0)), none, [0] * self.V)

    def sqrt(self, x):
        """Of each lane"""
        return self._call(f"llvm.sqrt.v{self.V}f{8 * self.bytes}", x)

    def roots(self, x):
        """sqrt(x) and 1 / (sqrt(x) + 1e-10) of each lane, x >= 0. Of float32 by the CPU's estimate and a step
        of Newton's: a third of the time, good to 3e-7 where sqrt(x) is not as small as 1e-10"""
        if self.bytes == 8 or BYTES not in ESTIMATES:
            root = self.sqrt(x)
            return root, self.div(self.constant(1), self.add(root, self.constant(1e-10)))
        x = self.add(x, self.constant(1e-20))
        all_lanes = [self.constant(0), ir.Constant(ir.IntType(16), -1)] if BYTES == 64 else []
        y = self._call(ESTIMATES[BYTES], x, *all_lanes)
        rest = self.sub(self.constant(0.5), self.mul(self.mul(self.mul(self.constant(0.5), x), y), y))
        y = self.add(y, self.mul(y, rest))
        return self.mul(x, y), y

    def unless_zero(self, factor, x: Wave) -> Wave:
        """x, or 0 where a number is 0: whatever x is, nan included"""
        zero, used = self.constant(0), self.b.fcmp_unordered("!=", factor, ir.Constant(self.real, 0))
        return Wave(self, self.where(used, x.re, zero), self.where(used, x.im, zero))

    def where(self, yes, x, y):
        """x where it is true, else y"""
        return self.b.select(yes, x, y)

    def load(self, data, offset):
        """A vector from data[offset] on"""
        return self.b.load(self._place(data, offset), align=self.bytes)

    def store(self, x, data, offset):
        """The opposite of `load`"""
        self.b.store(x, self._place(data, offset), align=self.bytes)

    def load_numbers(self, data, offset):
        """A vector of uint16 or real numbers, as real ones"""
        kind = data.type.pointee
        x = self.b.load(self._place(data, offset, kind), align=1)
        if isinstance(kind, ir.IntType):
            return self.b.uitofp(x, self.vector)
        return x if kind == self.real else self.b.fpext(x, self.vector)

    def _call(self, name, *values):
        """A vector by an instruction that LLVM knows by name"""
        kind = ir.FunctionType(self.vector, [value.type for value in values])
        return self.b.call(get_or_insert_function(self.b.module, kind, name), values)

    def _place(self, data, offset, kind=None):
        vector = ir.VectorType(kind, self.V) if kind else self.vector
        return self.b.bitcast(self.b.gep(data, [offset]), vector.as_pointer())

    def load_split(self, data, offset) -> Wave:
        """A wave that stands split"""
        return Wave(self, self.load(data, offset), self.load(data, self.plus(offset, self.V)))

    def store_split(self, x: Wave, data, offset):
        """The opposite of `load_split`"""
        self.store(x.re, data, offset)
        self.store(x.im, data, self.plus(offset, self.V))

    def load_pairs(self, data, offset) -> Wave:
        """A wave that stands interleaved"""
        return self.parted(self.load(data, offset), self.load(data, self.plus(offset, self.V)))

    def store_pairs(self, x: Wave, data, offset):
        """The opposite of `load_pairs`"""
        low, high = self.paired(x)
        self.store(low, data, offset)
        self.store(high, data, self.plus(offset, self.V))

    def parted(self, low, high) -> Wave:
        """The wave of two vectors of complex numbers"""
        even, odd = range(0, 2 * self.V, 2), range(1, 2 * self.V, 2)
        return Wave(self, self.shuffled(low, high, even), self.shuffled(low, high, odd))

    def paired(self, x: Wave):
        """The opposite of `parted`"""
        V = self.V
        lanes = [i // 2 + V * (i % 2) for i in range(2 * V)]
        return self.shuffled(x.re, x.im, lanes[:V]), self.shuffled(x.re, x.im, lanes[V:])

    def turned(self, rows: list) -> list:
        """V/2 vectors of V/2 complex numbers as a matrix, its rows and columns exchanged: in log2 steps, each
        of which exchanges the blocks beside the diagonal"""
        n, step, rows = len(rows), 1, list(rows)
        while step < n:
            low = [2 * (e - step) + self.V if e & step else 2 * e for e in range(n)]
            high = [2 * e + self.V if e & step else 2 * (e + step) for e in range(n)]
            for i in (i for i in range(n) if not i & step):
                x, y = rows[i], rows[i + step]
                for k, first in ((i, low), (i + step, high)):
                    rows[k] = self.shuffled(x, y, [e + part for e in first for part in (0, 1)])
            step *= 2
        return rows

    # ---- sum_r x_r exp(-2 pi i k r / n) of n waves

    def dft(self, x: list[Wave]) -> list[Wave]:
        """The transform of 2, 3, 4, 5, 7 or 8 waves"""
        if len(x) == 2:
            return [x[0] + x[1], x[0] - x[1]]
        if len(x) % 2:
            return self._odd(x)
        even, odd = self.dft(x[::2]), self.dft(x[1::2])
        pairs = [self._pair(a, b, k, len(x)) for k, (a, b) in enumerate(zip(even, odd))]
        return [p[0] for p in pairs] + [p[1] for p in pairs]

    def _pair(self, a, b, k, n):
        """a + w b and a - w b, w = exp(-2 pi i k / n), n = 4 or 8"""
        if k == 0:
            return a + b, a - b
        if 4 * k == n:
            return a.minus_i(b), a.plus_i(b)
        w = b.minus_i(b).scale(self.constant(sqrt(0.5)))  # exp(-i pi / 4) b
        return (a + w, a - w) if 8 * k == n else (a.minus_i(w), a.plus_i(w))

    def _odd(self, x):
        """By sums and differences of the waves j and n - j"""
        n, half = len(x), range(1, len(x) // 2 + 1)
        sums, differences = [x[j] + x[n - j] for j in half], [x[j] - x[n - j] for j in half]
        out = [x[0], *x[1:]]
        for k in half:
            a, d = x[0], None
            for j, s, t in zip(half, sums, differences):
                turn = 2 * pi * j * k / n
                a = a + s.scale(self.constant(cos(turn)))
                part = t.scale(self.constant(sin(turn)))
                d = part if d is None else d + part
            out[k], out[n - k] = a.minus_i(d), a.plus_i(d)
        for s in sums:
            out[0] = out[0] + s
        return out
