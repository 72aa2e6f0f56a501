"""What the spectra of a map are made of: one column for each element's family of lines, scatter, background.

A spectrum is fitted by counts = scale * (columns @ amplitudes), the channels of all detectors side by side,
each on its own scale of energies. `xrf.calibrate` makes the model, `xrf.fit` uses it; it stands in the
result, so that a later run can take it over.
"""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from nanompi.errors import DataError
from nanompi.io.hdf5 import at, dataset, open_hdf5, whole
from nanompi.run.result import result_file

PLACE = "xrf_model"  # of the model in a result, below /entry_1
OTHERS = ("elastic", "compton", "pileup", "background")  # columns that are no elements
ARRAYS = ("columns", "good", "energies", "shares")


@dataclass
class Model:
    """Columns of a fit.

    names    : of the m columns: "Ca_K", "Pb_L", then those of `OTHERS`
    columns  : (d, channels, m) float64, counts for an amplitude of 1; over all detectors and fitted channels
        a column sums to 1, so that an amplitude is counts of all detectors together
    good     : (d, channels) bool, channels that are fitted; none of a detector that is left out
    energies : (d, channels) eV, of the middle of each channel
    shares   : (d, m), what each detector gets of each column; sums to 1 over the detectors
    peak     : for each detector the parameters of its scale and peaks (`nanompi.methods.maps.xrf.response`);
        {} of one that is left out
    energy   : eV, of the beam
    """

    names: list[str]
    columns: np.ndarray
    good: np.ndarray
    energies: np.ndarray
    shares: np.ndarray
    peak: list[dict] = field(default_factory=list)
    energy: float = 0.0

    @property
    def elements(self) -> list[str]:
        """Names of the columns that are families of lines."""
        return [name for name in self.names if name not in OTHERS]

    @property
    def detectors(self) -> np.ndarray:
        """Numbers of those that are fitted."""
        return np.flatnonzero(self.good.any(1))

    def side_by_side(self) -> tuple[np.ndarray, np.ndarray]:
        """(C, m) columns and (C,) int64 number of the detector, of the channels that are fitted.

        Counts (k, d, channels) go with them as counts[:, model.good].
        """
        return self.columns[self.good], np.nonzero(self.good)[0]

    def without(self, name: str) -> "Model":
        """The same without a column, if it has it."""
        kept = [k for k, one in enumerate(self.names) if one != name]
        names = [self.names[k] for k in kept]
        return replace(self, names=names, columns=self.columns[..., kept], shares=self.shares[:, kept])

    def arrays(self) -> dict[str, object]:
        """As they stand in a result: {place: array or text}."""
        about = {"names": self.names, "peak": self.peak, "energy": self.energy}
        out = {f"{PLACE}/{name}": getattr(self, name) for name in ARRAYS}
        out[f"{PLACE}/good"] = self.good.astype(np.uint8)
        return out | {f"{PLACE}/about": json.dumps(about)}

    @classmethod
    def load(cls, path: str | Path) -> "Model":
        """Of an earlier result, or of a run folder that holds one.

        Errors: DataError where it has none, or one whose parts do not belong together.
        """
        file = result_file(path)
        with open_hdf5(str(file)) as f:
            if at(f, f"entry_1/{PLACE}") is None:
                raise DataError(
                    f"{file} holds no model of spectra; name a run in which xrf.calibrate was done"
                )
            arrays = {name: whole(dataset(f, f"entry_1/{PLACE}/{name}")) for name in ARRAYS}
            text = dataset(f, f"entry_1/{PLACE}/about")[()]
        return _model(cls, arrays, text, file)


def _model(cls, arrays: dict, text: bytes, file: Path) -> Model:
    try:
        about = json.loads(text)
        out = cls(about["names"], peak=about["peak"], energy=float(about["energy"]), **arrays)
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{file}: its model of spectra cannot be read: {error}") from error
    d, channels, m = out.columns.shape if out.columns.ndim == 3 else (0, 0, 0)
    shapes = [out.good.shape, out.energies.shape, out.shares.shape, len(out.names), len(out.peak)]
    if not m or shapes != [(d, channels), (d, channels), (d, m), m, d]:
        raise DataError(f"{file}: the parts of its model of spectra have shapes that do not go together")
    out.good = out.good.astype(bool)
    return out
