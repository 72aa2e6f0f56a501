"""CXI 1.6 (cxidb.org), as written by cdtools, PyNX, COSMIC and others.

Lengths in metres, the photon energy in joules, the mask 0 = good; soft links are followed. Positions are
those of the sample and turned into places of the probe by the basis vectors of the detector
(`layout.positions`).
"""

from nanompi.io.hdf5 import at, dataset, is_hdf5, open_hdf5, text
from nanompi.methods.ptycho.read import layout
from nanompi.methods.ptycho.scan import GIVES, STEPS, Scan
from nanompi.run.reading import Input
from nanompi.step import param, reader


def is_nexus(file) -> bool:
    """Does an open file say that it is NXcxi_ptycho, or has it its beam?"""
    entry = layout.entry_of(file)
    if not entry:
        return False
    if at(file, f"{entry}/definition") is not None:
        return "ptycho" in text(dataset(file, f"{entry}/definition")[()]).lower()
    return at(file, f"{entry}/instrument_1/beam_1") is not None


def looks_like(path: str, given: dict, nexus: bool) -> bool:
    """Is this a CXI file (`nexus` False) or an NXcxi_ptycho file (True)?"""
    if "frames" in (given.get("paths") or {}) or not is_hdf5(path):
        return False
    with open_hdf5(path) as file:
        return layout.has(file, layout.PLACES["frames"]) and is_nexus(file) is nexus


@reader("cxi", gives=GIVES, steps=STEPS)
class Cxi:
    """CXI 1.6 files."""

    paths: dict[str, str] = param({}, help="where in the file a quantity is, in place of its usual place")
    units: dict[str, str] = param({}, help="unit of a quantity, in place of what the file says")

    @staticmethod
    def recognises(path: str, given: dict) -> bool:
        """entry_1 with detector data, without NXcxi_ptycho's marks."""
        return looks_like(path, given, nexus=False)

    def open(self, file: str, given: Input) -> Scan:
        """Positions, geometry, mask (0 = good). Errors: DataError naming the dataset."""
        return layout.read(file, layout.PLACES, self, given)
