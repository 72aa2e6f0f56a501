"""NXcxi_ptycho: NeXus and CXI at once, as written at beamlines for ptypy, PtyREX and others.

It differs from plain CXI in that `source_1/energy` is the energy of the electron ring; the photon energy
stands in `beam_1`, with its unit. Frames may be a raster (rows, columns, h, w); positions may be motors of
NXtransformations.
"""

from nanompi.methods.ptycho.read import layout
from nanompi.methods.ptycho.read.cxi import looks_like
from nanompi.methods.ptycho.scan import GIVES, STEPS, Scan
from nanompi.run.reading import Input
from nanompi.step import param, reader

BEAM = "instrument_1/beam_1/"
PLACES = {
    **layout.PLACES,
    "energy": [
        BEAM + "incident_beam_energy",
        BEAM + "incident_energy",
        BEAM + "energy",
        "instrument_1/source_1/energy",
    ],
    "wavelength": [BEAM + "incident_wavelength", BEAM + "wavelength", "instrument_1/source_1/wavelength"],
}


@reader("nexus", gives=GIVES, steps=STEPS)
class Nexus:
    """NXcxi_ptycho files."""

    paths: dict[str, str] = param({}, help="where in the file a quantity is, in place of its usual place")
    units: dict[str, str] = param({}, help="unit of a quantity, in place of what the file says")

    @staticmethod
    def recognises(path: str, given: dict) -> bool:
        """entry_1 with detector data and `definition` NXptycho or NXcxi_ptycho, or a beam."""
        return looks_like(path, given, nexus=True)

    def open(self, file: str, given: Input) -> Scan:
        """Positions, geometry, mask (0 = good). Errors: DataError naming the dataset."""
        return layout.read(file, PLACES, self, given)
