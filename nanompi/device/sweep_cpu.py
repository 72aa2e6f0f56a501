"""A projection engine's step for one frame after the other, on one thread of a CPU: what would be five passes
over waves that a cache holds for a while are three, over strips that the first cache holds.

    rows     z = a P O + b psi, and the transform of these rows
    columns  their transform, the projection (kernels.project), and the transform back
    rows     their transform back, psi <- c psi + d P O + e z, and the sum over frames of P* psi
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from nanompi.device.butterflies import ENTER, again, enter, last, leave
from nanompi.device.compiled import compiler
from nanompi.device.fft_cpu import aligned_zeros, plan, radices, rows, stages
from nanompi.device.lanes import BYTES
from nanompi.device.sweep_words import follow_row, mix_row, project
from nanompi.mpi.messages import reals

_compiled = compiler(nogil=True, error_model="numpy")
MOST = 16  # lanes of a register, of any CPU and precision


def sweeps(shape) -> bool:
    """Do frames of (h, w) fill the lanes, and has their transform a first stage?"""
    return all(n % MOST == 0 and radices(n) and radices(n)[0] in ENTER for n in shape)


@dataclass
class Sweep:
    """`sweep` with the work arrays of a device.

    adds : the sum over frames is made on the way; where threads would meet in it, it is left out
    """

    scratch: Any
    adds: bool

    def __call__(self, O, P, at, psi, I, mask, gain, how, num):
        return sweep(self.scratch, O, P, at, psi, I, mask, gain, how, num if self.adds else None)


def sweep(scratch, O, P, at, psi, I, mask, gain, how, num):
    """psi_j <- c psi_j + d P O_j + e F^-1 Pi F (a P O_j + b psi_j), then num(r + r_j) += sum_m P_m* psi_jm

    how : (unit, back, rho, a, b, c, d, e), the first three as for kernels.project; with b = c = 0 it does not
        matter what psi holds
    num : like O, or None for no sum. All others as for the kernels.
    Returns the misfit of kernels.project.
    """
    h, w = psi.shape[2:]
    real, z = mask.dtype.str, scratch(psi.shape[1:], psi.dtype, "sweep")
    plans = tuple(plan(k, inverse, real) for k in (w, h) for inverse in (False, True))
    num = np.empty((0, 1), O.dtype) if num is None else num
    wide = 2 * O.shape[-1]
    O, P, psi, num, z = map(reals, (O, P, psi, num, z))
    return _frames(O, wide, P, at, psi, I, mask, gain, how, num, z, plans, BYTES // mask.itemsize)


@_compiled
def _frames(O, stride, P, at, psi, I, mask, gain, how, num, z, plans, V):
    n, h, w = I.shape
    unit, back, rho, a, b, c, d, e = how
    row, row_back, column, column_back = plans
    size, M = 2 * h * w, len(z) // (2 * h * w)
    strips, other = aligned_zeros(2 * V * h * M, mask), aligned_zeros(2 * V * max(h, w), mask)
    nobody, total = aligned_zeros(2 * w, mask), 0.0
    for j in range(n):
        o, p, q = at[j, 0] * stride + 2 * at[j, 1], at[j, 2] * M * size, j * M * size
        for t in range(0, M * size, 2 * w * V):
            under = o + t % size // (2 * w) * stride  # where these rows lie in O
            _mix(O, under, stride, P, p + t, psi, q + t, a, b, z, t, w, V)
            rows(z, t, 2 * w, other, row, w, V)
        for x in range(0, w, V):
            _forward(z, 2 * x, strips, column, M, h, w, V)
            total += _project(strips, column.order, M, I[j], mask, x, gain[j], unit, back, rho, V)
            _backward(strips, other, z, 2 * x, column, column_back, M, h, w, V)
        for t in range(0, M * size, 2 * w * V):
            under = o + t % size // (2 * w) * stride
            rows(z, t, 2 * w, other, row_back, w, V)
            for k in range(V):
                r, i = under + k * stride, t + 2 * w * k
                if len(num):
                    follow_row(O, r, P, p + i, psi, q + i, w // V, c, d, e, z, i, num, r)
                else:
                    follow_row(O, r, P, p + i, psi, q + i, w // V, c, d, e, z, i, nobody, 0)
    return total


@_compiled
def _mix(O, o, stride, P, p, psi, q, a, b, z, t, w, V):
    for k in range(V):
        i = 2 * w * k
        if b == 0:  # psi is not even read
            mix_row(O, o + k * stride, P, p + i, z, t + i, w // V, a, b, z, t + i)
        else:
            mix_row(O, o + k * stride, P, p + i, psi, q + i, w // V, a, b, z, t + i)


@_compiled
def _forward(z, o, strips, plan, M, h, w, V):
    for m in range(M):
        strip = strips[2 * V * h * m : 2 * V * h * (m + 1)]
        enter(plan.radices[0], z, o + 2 * h * w * m, 2 * w, h, strip, plan.factors)
        stages(strip, plan.radices, plan.factors, 1, h)
        last(plan.radices[-1], strip, h)


@_compiled
def _project(strips, order, M, I, mask, x, gain, unit, back, rho, V):
    h, w = mask.shape
    errors = aligned_zeros(V, mask)
    for k in range(h):
        i = order[k] * w + x
        project(strips, 2 * V * k, 2 * V * h, M, I, i, mask, i, gain, unit, back, rho, errors)
    return errors.sum()


@_compiled
def _backward(strips, other, z, o, there, plan, M, h, w, V):
    for m in range(M):
        strip = strips[2 * V * h * m : 2 * V * h * (m + 1)]
        again(plan.radices[0], strip, there.places, h, other, plan.factors)
        stages(other, plan.radices, plan.factors, 1, h)
        leave(plan.radices[-1], other, h, z, o + 2 * h * w * m, 2 * w, plan.order)
