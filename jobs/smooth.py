"""A program for `shell:`, see program.yaml: smooth each projection; nothing of nanompi is imported."""

import argparse

import h5py
import numpy as np
from scipy.ndimage import gaussian_filter

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--sigma", type=float, default=1.0, help="width in pixels")
parser.add_argument("given", help="HDF5 file with the data")
parser.add_argument("made", help="HDF5 file to write")
args = parser.parse_args()

with h5py.File(args.given) as file, h5py.File(args.made, "w") as out:
    data = file["data"]  # its @axes name the axes, @units the unit; file["angle"] are the angles
    print(f"{data.shape} along {', '.join(data.attrs['axes'])}", flush=True)  # goes to the log
    out["data"] = np.stack([gaussian_filter(image, args.sigma) for image in data])
