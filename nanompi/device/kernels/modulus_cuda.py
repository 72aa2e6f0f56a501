"""modulus.py on a GPU: how the kernels of modulus.cu are launched. gpu : the device

A sum is returned as (1, blocks) float64 of the device: `gpu.total` adds it up when it is needed.
"""

from nanompi.device.kernels import layout as _layout


def transfer(gpu, z, H, at, adjoint):
    n, M, h, w = z.shape
    if n:
        grid, block = _layout.over_frames(n, h, w)
        gpu.launch("modulus", "transfer", grid, block, z, H, at, int(adjoint), n, M, h, w)


def project(gpu, F, I, mask, gain, unit, rho):
    n, M, h, w = F.shape
    grid, block = _layout.over_frames(n, h, w)
    misfit = gpu.xp.empty((1, _layout.blocks(grid)), gpu.xp.float64)
    if n:
        values = (gpu.real(unit), gpu.real(rho))
        gpu.launch("modulus", "project", grid, block, F, I, mask, gain, misfit, *values, n, M, h, w)
    return misfit
