"""Arrays of the program that calls `nanompi.reconstruct`, under the names that `paths:` of files have."""

from dataclasses import replace

import numpy as np

from nanompi.data.memory import HELD, FramesInMemory
from nanompi.errors import JobError
from nanompi.methods.ptycho.read.mapped import Mapped, check, scan_of
from nanompi.methods.ptycho.scan import GIVES, STEPS, Scan
from nanompi.run.reading import Input
from nanompi.step import param, reader


@reader("arrays", gives=GIVES, steps=STEPS)
class Arrays:
    """Arrays of a Python program, as `nanompi.reconstruct` gives them; no file can say this.

    key : under which they are held (`nanompi.data.memory`)
    """

    units: dict[str, str] = param({}, help="unit of each of them; positions may be in px of the object")
    corner: bool = param(False, help="frames are stored with the zero frequency at [0, 0]")

    key = ""

    def open(self, file: str, given: Input) -> Scan:
        """Positions, geometry, start arrays by their names. Errors: JobError, DataError."""
        if self.key not in HELD:
            raise JobError("format: arrays is for nanompi.reconstruct of Python; name the `file:` of a scan")
        held, names = HELD[self.key], {name: name for name in HELD[self.key]}
        small = {name: one for name, one in held.items() if name != "frames"}
        arrays = {name: np.asarray(one) for name, (one, _) in small.items()}
        units = {name: unit for name, (_, unit) in small.items() if unit} | self.units
        check(names, units, "data")
        m = Mapped("memory", lambda name: (arrays[name], ""), arrays.__contains__, names, units)
        if "mask" in arrays and arrays["mask"].dtype == bool and given.mask_good == "auto":
            given = replace(given, mask_good="nonzero")
        return scan_of(m, FramesInMemory.of(self.key, "frames"), given, self.corner, "arrays")
