"""modulus.py on a GPU: how the kernels of modulus.cu are launched. gpu : the device

A sum is returned as `gpu.places` says, or as (blocks, 1) float64 for `gpu.total`.
"""

from numpy import int32 as _int32


def transfer(gpu, z, H, at, adjoint):
    if len(z):
        gpu.launches.over_frames("modulus", "transfer_PIXELS", z.shape)((z, H, at), _int32(adjoint))


def project(gpu, F, I, mask, gain, unit, back, rho):
    if not len(F):
        return gpu.xp.zeros((0, 1))
    launch = gpu.launches.over_frames("modulus", "project_MODES_PIXELS", F.shape, counts=I.dtype)
    places, misfit = gpu.places(1, launch.blocks)
    launch((F, I, mask, gain, places), gpu.real(unit), gpu.real(back), gpu.real(rho))
    return misfit
