"""Files with tomograms, as beamlines write them, from a simulated scene."""

import h5py
import numpy as np

from nanompi.methods.tomo.phantom import grains
from nanompi.methods.tomo.read.scene import DARK, FLAT, PROJECTION, Scene, SimulatedImages

ROWS, COLUMNS = 3, 24


def scene(noise=True) -> Scene:
    phantom = grains(COLUMNS, ROWS, thickness=1.0, seed=1, n=3)
    return Scene(phantom, (ROWS, COLUMNS), centre=11.0, photons=2e3, noise=noise, seed=5)


def images(kind: int, n: int, span=np.pi) -> np.ndarray:
    """(n, rows, columns) uint16"""
    return SimulatedImages(scene(), kind, np.arange(n) * span / n).read(np.arange(n))


def write_exchange(path, n=12, flats=4, darks=3, unit="degrees", theta=None, **attributes):
    """A Data Exchange file; theta : the angles, evenly over 180 degrees if not given"""
    with h5py.File(path, "w") as f:
        f["/exchange/data"] = images(PROJECTION, n)
        f["/exchange/data"].attrs.update({"axes": "theta:y:x"} | attributes)
        f["/exchange/data_white"], f["/exchange/data_dark"] = images(FLAT, flats), images(DARK, darks)
        f["/exchange/theta"] = np.arange(n) * 180 / n if theta is None else theta
        if unit:
            f["/exchange/theta"].attrs["units"] = unit
    return str(path)


def write_nxtomo(path, kinds="FFDPPIPPPFFD", entry="entry0000", unit="deg"):
    """An NXtomo file with its images in this order; F flat, D dark, P projection, I invalid"""
    keys = np.array(["PFDI".index(k) for k in kinds])
    stack = np.empty((len(keys), ROWS, COLUMNS), np.uint16)
    for key, kind in enumerate((PROJECTION, FLAT, DARK, DARK)):
        stack[keys == key] = images(kind, (keys == key).sum())
    with h5py.File(path, "w") as f:
        group = f.create_group(entry)
        group["definition"] = "NXtomo"
        group["instrument/detector/data"], group["instrument/detector/image_key"] = stack, keys
        group["sample/rotation_angle"] = np.where(keys == 0, np.cumsum(keys == 0) * 30.0 - 30, -1)
        group["sample/rotation_angle"].attrs["units"] = unit
        group["instrument/detector/x_pixel_size"] = 6.5
        group["instrument/detector/x_pixel_size"].attrs["units"] = "um"
    return str(path)
