"""modulus.py on a GPU: how the kernels of modulus.cu are launched. gpu : the device

A sum is returned as (1, blocks) float64 of the device: `gpu.total` adds it up when it is needed.
"""

from numpy import float64 as _float64
from numpy import int32 as _int32


def transfer(gpu, z, H, at, adjoint):
    if len(z):
        gpu.launches.over_frames("modulus", "transfer", z.shape)((z, H, at), _int32(adjoint))


def project(gpu, F, I, mask, gain, unit, rho):
    if not len(F):
        return gpu.xp.zeros((1, 0))
    launch = gpu.launches.over_frames("modulus", "project", F.shape, counts=I.dtype)
    misfit = gpu.xp.empty((1, launch.blocks), _float64)
    launch((F, I, mask, gain, misfit), gpu.real(unit), gpu.real(rho))
    return misfit
