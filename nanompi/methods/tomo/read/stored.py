"""What the readers of tomogram files have in common: their parameters, and how one is opened."""

from nanompi.data.data import Data
from nanompi.methods.tomo.read import fields
from nanompi.methods.tomo.read.part import Part
from nanompi.methods.tomo.read.tomogram import Tomogram
from nanompi.step import param, section


@section
class StoredTomogram(Part):
    """A reader of files is one of these with `tomogram(file)`."""

    span: float | None = param(
        None,
        unit="rad",
        bare="deg",
        gt=0,
        help="projections evenly over this angle, from 0, its end left out; in place of those of the file",
    )
    units: dict[str, str] = param(
        {}, help="unit of angle, pixel, energy or distance, in place of what the file says"
    )

    def tomogram(self, file: str) -> Tomogram:
        """The tomogram of a file; nothing is loaded. Errors: DataError naming file and dataset."""
        raise NotImplementedError

    def open(self, file: str, given) -> dict[str, Data]:
        """Projections with their angles, flats and darks beside them. Errors: JobError, DataError."""
        fields.check_units(self.units)
        return {"data": self.of(self.tomogram(file)).data(file, self.name)}
