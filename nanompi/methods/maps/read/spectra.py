"""What every reader of spectra gives: a spectrum of each detector at each point of a scan."""

from dataclasses import dataclass, field

import numpy as np

from nanompi.data.data import Data
from nanompi.data.source import Source
from nanompi.errors import DataError

AXES = ("y", "x", "detector", "channel")
POINTS = ("point", "detector", "channel")  # of a scan that is no grid of rows and columns
GIVES = {"data": " ".join(AXES)}
STEPS = ("xrf.fit",)  # of a first job with spectra
MOST = 0.1  # part of the points that may be missing


@dataclass
class Spectra:
    """A map of spectra as a file has it; nothing is loaded.

    source   : shape (y, x, detector, channel) or (point, detector, channel); zeros where nothing was measured
    y, x     : (values, unit) along each, or at each point; None = nobody knows
    energies : (channels,) eV as the file says, to be compared with what is found; None = it says nothing
    per_row  : "live", "real" s, "icr", "ocr" 1/s, (y, x, detector) float64, as far as they are known, and
        scalers by name, (y, x); of points (point, detector) and (point,)
    absent   : (y, x) or (point,) bool, where nothing was measured
    """

    source: Source
    y: tuple[np.ndarray, str] | None = None
    x: tuple[np.ndarray, str] | None = None
    energies: np.ndarray | None = None
    per_row: dict[str, np.ndarray] = field(default_factory=dict)
    facts: dict[str, float] = field(default_factory=dict)
    absent: np.ndarray | None = None
    notes: list[str] = field(default_factory=list)

    def data(self, file: str, format: str) -> Data:
        """As steps know it. Errors: DataError where much of the scan is missing, or axes are mistaken."""
        detectors, channels = self.source.shape[-2:]
        if detectors > channels:
            raise DataError(
                f"{file}: {detectors} detectors whose spectra have {channels} channels; is that the order of "
                "the axes (`input: {axes: y x detector channel}` says another)?"
            )
        absent = np.zeros(self.source.shape[:-2], bool) if self.absent is None else self.absent
        self._say_missing(absent, file)
        channel = None if self.energies is None else (self.energies, "eV")
        axes = AXES if len(self.source.shape) == len(AXES) else POINTS
        coords = {"y": self.y, "x": self.x} if axes == AXES else {"point": self._places()}
        coords["channel"] = channel
        return Data(
            axes=axes,
            source=self.source,
            coords={axis: known for axis, known in coords.items() if known is not None},
            per_row=self.per_row | {"absent": absent},
            facts=self.facts,
            unit="counts",
            title="spectra",
            file=file,
            format=format,
            notes=self.notes,
        )

    def _places(self) -> tuple[np.ndarray, str] | None:
        """(point, 2) places of the points"""
        if self.y is None or self.x is None:
            return None
        return np.column_stack([self.y[0], self.x[0]]), self.y[1]

    def _say_missing(self, absent: np.ndarray, file: str) -> None:
        lost, n = int(absent.sum()), absent.size
        if lost > MOST * n:
            rows = int((~absent.reshape(len(absent), -1).all(1)).sum())
            raise DataError(
                f"{file}: {lost} of {n} points were not measured; was the scan stopped, the file cut short? "
                f'`select: ":{rows}"` in the input section takes the first {rows} rows alone'
            )
        if lost:
            first = " ".join(map(str, np.argwhere(absent)[0]))
            self.notes.append(
                f"warning: {lost} of {n} points were not measured, the first is number {first}; they are NaN "
                "in all maps"
            )
