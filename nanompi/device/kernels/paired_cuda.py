"""paired.py on a GPU: how the kernels of paired.cu are launched. A launch does all rows: it has one lane.
gpu : the device"""

import numpy as _np

from nanompi.device.kernels import layout as _layout
from nanompi.device.kernels.joseph import LANES as _LANES

_BLOCK = _LANES, _layout.THREADS // _LANES, 1


def pair_rays(gpu, sinograms, order, edge, z, lane, lanes):
    (A, L, wide), (k, _, K) = z.shape, sinograms.shape
    launch = _over(gpu, "pair_rays", (L, A, wide), (A, L, wide, k, K))
    launch((sinograms, order, z), _np.int32(edge))


def ray_spectra(gpu, z, factors, phases, lane, lanes):
    A, L, k = z.shape
    _over(gpu, "ray_spectra", (L // 2 + 1, A, k), (A, L, k))((z, factors, phases))


def filter_rays(gpu, z, factors, lane, lanes):
    A, L, k = z.shape
    _over(gpu, "filter_rays", (L // 2 + 1, A, k), (A, L, k))((z, factors))


def part_rays(gpu, z, lane, lanes):
    A, L, k = z.shape
    if k != _LANES:
        raise ValueError(f"part_rays is for {_LANES} slices, not {k}")
    _over(gpu, "part_rays", (L, A, k), (A, L, k))((z,))


def pair_plane(gpu, grid, plane, lane, lanes):
    H, n, k = plane.shape
    _over(gpu, "pair_plane", (n, H // 2 + 1, k), (H, n, k, grid.shape[1]))((grid, plane))


def part_plane(gpu, plane, taper, reach, out, lane, lanes):
    (H, _, wide), (k, n, _) = plane.shape, out.shape
    blocks = -(-n // _layout.TILE_W), -(-n // _layout.TILE_H), 1
    launch = gpu.launches.over(
        "paired", "part_plane", blocks, (_layout.TILE_W, _layout.TILE_H, 1), (H, n, wide, k)
    )
    launch((plane.view(gpu.real), taper, reach, out))


def _over(gpu, name, sizes, last):
    """A launch over pairs, rows and slices"""
    pairs, rows, slices = sizes
    blocks = -(-pairs // _BLOCK[1]), min(rows, _layout.MOST), -(-slices // _LANES)
    return gpu.launches.over("paired", name, blocks, _BLOCK, last)
