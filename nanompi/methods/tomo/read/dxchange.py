"""Data Exchange files of the Advanced Photon Source: /exchange/data, data_white, data_dark, theta."""

from nanompi.errors import DataError
from nanompi.io.hdf5 import at, is_hdf5, open_hdf5, text
from nanompi.methods.tomo.read import fields
from nanompi.methods.tomo.read.stored import StoredTomogram
from nanompi.methods.tomo.read.tomogram import GIVES, STEPS, Tomogram
from nanompi.step import reader

DATA, THETA = "/exchange/data", "/exchange/theta"
FACTS = {
    "pixel": ("/measurement/instrument/detection_system/objective/resolution",),  # on the sample
    "energy": ("/measurement/instrument/monochromator/energy",),
}


def has_exchange(path: str) -> bool:
    """Is it an HDF5 file with /exchange/data?"""
    if not is_hdf5(path):
        return False
    with open_hdf5(path) as opened:
        return bool(fields.first_of(opened, [DATA]))


def _angles_first(data, where: str) -> None:
    """DataError where the file says that its axes are in another order."""
    axes = text(data.attrs.get("axes", "")).split(":")
    if len(axes) == 3 and "theta" in axes[1:]:
        raise DataError(
            f"{where} has the axes {':'.join(axes)}; projections one after the other (theta:y:x) are needed"
        )


@reader("dxchange", gives=GIVES, steps=STEPS)
class DataExchange(StoredTomogram):
    """Data Exchange files: /exchange/data with data_white, data_dark, theta."""

    @staticmethod
    def recognises(path: str, given: dict) -> bool:
        """HDF5 with /exchange/data."""
        return has_exchange(path)

    def tomogram(self, file: str) -> Tomogram:
        """The tomogram of a file; nothing is loaded. Errors: DataError naming file and dataset."""
        notes: list[str] = []
        with open_hdf5(file) as opened:
            projections = fields.images(opened, DATA)
            if projections is None:
                raise DataError(f"{file}: {DATA} is missing or empty; projections are expected there")
            _angles_first(at(opened, DATA), projections.where)
            angles = fields.angles(opened, (THETA,), projections.shape[0], self, notes)
            flats, darks = (fields.images(opened, f"/exchange/data_{kind}") for kind in ("white", "dark"))
            facts = fields.facts(opened, FACTS, self, notes)
        return Tomogram(projections, angles, flats, darks, facts, notes).checked()
