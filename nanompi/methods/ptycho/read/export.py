"""Write a scan as NXcxi_ptycho, which is CXI 1.6 as well.

The readers `nexus` and `cxi` read it back equal.
"""

import os
from pathlib import Path

import numpy as np

from nanompi.io.atomic import name_beside
from nanompi.io.hdf5 import hdf5
from nanompi.io.quantities import HC
from nanompi.methods.ptycho.scan import Scan

BLOCK = 64  # frames held at once
DETECTOR = "instrument_1/detector_1"


def write(scan: Scan, path: str | os.PathLike, compression: str | None = None) -> None:
    """The scan in a new file: frames in chunks of one in natural order, SI units, truth under entry_1/truth.

    compression : None, "gzip" or "lzf". Written under another name and renamed when whole. Errors: OSError.
    """
    path = Path(path)
    part = name_beside(path)
    try:
        with hdf5().File(part, "x") as file:
            file["cxi_version"] = 160
            entry = _group(file, "entry_1", "NXentry")
            file.attrs["default"] = "entry_1"
            entry["definition"] = "NXcxi_ptycho"
            entry["title"] = Path(scan.file).name or "scan"
            _beam(entry, scan)
            _detector(entry, scan, compression)
            _sample(entry, scan)
            _extras(entry, scan)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _group(parent, name: str, kind: str):
    group = parent.require_group(name)
    group.attrs["NX_class"] = kind
    return group


def _put(group, name: str, value, unit: str = ""):
    data = group.create_dataset(name, data=value)
    if unit:
        data.attrs["units"] = unit


def _beam(entry, scan: Scan) -> None:
    """NeXus keeps the photon energy in the beam, CXI in the source; the ring's energy is not known here."""
    beam = _group(_group(entry, "instrument_1", "NXinstrument"), "beam_1", "NXbeam")
    source = _group(entry["instrument_1"], "source_1", "NXsource")
    for group, name in ((beam, "incident_beam_energy"), (source, "energy")):
        _put(group, name, HC / scan.wavelength, "J")
    for group, name in ((beam, "incident_wavelength"), (source, "wavelength")):
        _put(group, name, scan.wavelength, "m")
    if scan.focus is not None:
        _put(beam, "focus_to_sample", scan.focus, "m")


def _detector(entry, scan: Scan, compression: str | None) -> None:
    det = _group(entry, DETECTOR, "NXdetector")
    n, h, w = scan.source.shape
    data = det.create_dataset(
        "data", scan.source.shape, scan.source.dtype, chunks=(1, h, w), compression=compression
    )
    for i in range(0, n, BLOCK):
        index = np.arange(i, min(i + BLOCK, n))
        data[i : i + len(index)] = _natural(scan, scan.source.read(index))
    _put(det, "distance", scan.distance, "m")
    _put(det, "y_pixel_size", scan.pixel[0], "m")
    _put(det, "x_pixel_size", scan.pixel[1], "m")
    # rows run along -y, columns along -x: with them the sample's translation is (column, row) of the probe
    _put(det, "basis_vectors", np.array([[0, -scan.pixel[0], 0], [-scan.pixel[1], 0, 0]]), "m")
    if scan.mask is not None:
        _put(det, "mask", np.where(_natural(scan, scan.mask), 0, 1).astype(np.uint32))
    if scan.dark is not None:
        _put(det, "data_dark", _natural(scan, scan.dark))
    show = _group(entry, "data_1", "NXdata")
    show.attrs["signal"] = "data"
    show["data"] = hdf5().SoftLink(f"/entry_1/{DETECTOR}/data")
    show["translation"] = hdf5().SoftLink("/entry_1/sample_1/geometry_1/translation")


def _natural(scan: Scan, a: np.ndarray) -> np.ndarray:
    """Detector order: the zero frequency in the middle."""
    return np.fft.fftshift(a, (-2, -1)) if scan.corner else a


def _sample(entry, scan: Scan) -> None:
    p = scan.positions
    geometry = _group(_group(entry, "sample_1", "NXsample"), "geometry_1", "NXcollection")
    _put(geometry, "translation", np.stack([p[:, 1], p[:, 0], np.zeros(len(p))], 1), "m")


def _extras(entry, scan: Scan) -> None:
    """Monitor, start arrays and truth, where there are any."""
    if scan.monitor is not None:
        _put(_group(entry, "monitor_1", "NXmonitor"), "data", scan.monitor)
    for name in ("probe", "object"):
        if getattr(scan, name) is not None:
            _put(_group(entry, "start", "NXcollection"), name, getattr(scan, name))
    for name, value in scan.truth.items():
        _put(_group(entry, "truth", "NXcollection"), name, value)
