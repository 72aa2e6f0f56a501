"""A program for `shell:` with `when: after`, see program.yaml: it sees the result of the run."""

import sys

import h5py

with h5py.File(sys.argv[1]) as file:
    entry = file["entry_1"]
    for name in entry:
        if "signal" in entry[name].attrs:
            print(name, entry[name][entry[name].attrs["signal"]].shape)
