"""A detector that writes a scan while others read it (HDF5 SWMR):

python swmr_writer.py SCAN.cxi TARGET.cxi SECONDS FRAMES

so many frames with their positions at once, and so many seconds between; TARGET is closed at the end.
"""

import sys
import time
from pathlib import PurePosixPath

import h5py

GROWS = ("detector_1/data", "geometry_1/translation")


def copy(source, target) -> dict:
    """All of the scan but its frames and positions; {name: empty dataset} of these."""
    grows = {}

    def one(name, thing):
        if isinstance(thing, h5py.Dataset) and name.endswith(GROWS):
            core = thing.shape[1:]
            grows[name] = target.create_dataset(
                name, (0, *core), thing.dtype, maxshape=(None, *core), chunks=(1, *core)
            )
            grows[name].attrs.update(thing.attrs)
        elif isinstance(thing, h5py.Dataset):
            path = PurePosixPath(name)
            source.copy(name, target.require_group(f"/{path.parent}"), path.name)

    source.visititems(one)
    return grows


def main(scan: str, path: str, seconds: float, step: int):
    """Write it."""
    with h5py.File(scan) as source, h5py.File(path, "w", libver="latest") as target:
        grows = copy(source, target)
        target.swmr_mode = True
        frames = len(source[next(iter(grows))])
        for a in range(0, frames, step):
            b = min(frames, a + step)
            for name, data in grows.items():
                data.resize(b, 0)
                data[a:b] = source[name][a:b]
                data.flush()
            time.sleep(seconds)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4]))
