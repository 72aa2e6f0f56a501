"""The column of the rotation axis, for the steps that follow: data.facts["axis"] = (column, slope)."""

from typing import Literal

import numpy as np

from nanompi.errors import DataError, JobError, NumbersError
from nanompi.methods.tomo.centre.moment import Moments
from nanompi.methods.tomo.centre.opposite import Opposite, tiles_of
from nanompi.methods.tomo.centre.verdict import Verdict, judged, tilt_of
from nanompi.run.result import Marks, Signal
from nanompi.step import param, step, total

LOOKED = 2048  # projections, over all rows, of which opposite ones are compared
SUMS = {"_by_angle": total("angle", "term"), "_by_row": total("term")}


@step("tomo.centre", each="sinogram", gives=SUMS)
class Centre:
    r"""The column of the rotation axis, its tilt, and how far both can be trusted.

    .. math::

        \sum_s (s - s_0)\, p(s, \theta) = (c - s_0)\, m_0 + X \cos\theta + Y \sin\theta

    m_0 is the mass, s_0 the middle, c the axis; `opposite` compares rays of opposite directions in place
    of masses.

    Unit: columns (px) from the middle of the first; the tilt in rad.

    Source: doi:10.1364/OE.22.019078

    Example::

        - {use: tomo.centre, search: [300, 340]}
        - tomo
    """

    preceded_by = ("tomo.flat", "tomo.stripes")

    value: float | None = param(
        None,
        unit="px",
        level="basic",
        help="column of the rotation axis in the middle row, 0 = middle of the first; found if not given",
    )

    method: Literal["auto", "moment", "opposite"] = param(
        "auto",
        help="moment: the centre of mass turns about the axis, where the whole sample is seen; opposite: "
        "half a turn later a projection is its mirror image, also where the sample is cut off; auto: both",
    )

    search: tuple[float, float] | None = param(
        None, unit="px", help="first and last column among which opposite looks; all if not given"
    )

    tilt: float | Literal["auto", "off"] = param(
        "auto",
        unit="rad",
        bare="deg",
        help="of the axis, positive where it goes to the right from row to row; auto: where beyond chance",
    )

    agree: float = param(0.5, unit="px", gt=0, help="by which two methods may differ at most")

    strict: bool = param(False, help="end the run with code 5 where the axis is doubtful")

    def sources(self) -> list:
        """Where the papers are named that stand behind these parameters (`nanompi.papers`)."""
        return [Opposite] if self.value is None and self.method != "moment" else []

    @property
    def ends_pass(self) -> bool:
        """Later steps wait for what is found."""
        return self.value is None

    def idle(self, data) -> bool:
        """An earlier step has found the axis, and the job gives none."""
        return self.value is None and "axis" in data.facts

    def check(self, data):
        """JobError for columns off the detector, DataError where there are no angles."""
        if "column" not in data.axes:
            return
        n = data.size("column")
        named = {"value": (self.value,), "search": self.search or (None,)}
        for name, columns in named.items():
            for column in columns:
                if column is not None and not 0 < column < n - 1:
                    text = f"{column:g} px is not between the columns 0 and {n - 1}"
                    raise JobError(f"tomo.centre.{name}: {text}")
        if self.search and self.search[0] >= self.search[1]:
            raise JobError(f"tomo.centre.search: {self.search[0]:g} to {self.search[1]:g} px is no range")
        if self.value is None and "angle" not in data.coords:
            raise DataError("tomo.centre needs the angles of the projections; the data have none")

    def start(self, run, data):
        """What is to be measured; or the axis that is given. Errors: JobError."""
        self.check(data)
        self.known = self.value is not None
        self.height = data.size("row") if "row" in data.axes else 1
        self.shape, self.rows = (data.size("angle"), data.size("column")), {}
        if self.known:
            column, slope = data.facts["axis"] = self.value, self._given_slope()
            run.say(f"tomo.centre: column {column:g} is given" + f", {slope:.3g} px per row" * bool(slope))
            return
        angles = np.asarray(data.coords["angle"][0], np.float64)
        self.moments = Moments(angles, self.shape[1], (self.height - 1) / 2)
        self.tiles = tiles_of(angles)
        most = max(4, LOOKED // max(1, sum(len(tile.numbers) for tile in self.tiles)))
        some = np.linspace(0, self.height - 1, min(most, self.height))
        self.looked = set(np.unique(some.round().astype(int)).tolist())

    def block(self, block, info):
        """(k, angle, column) line integrals -> sums of moments; projections of some rows are kept"""
        if self.known:
            return {"_by_angle": np.zeros((len(block), self.shape[0], 1)),
                    "_by_row": np.zeros((len(block), 1))}  # fmt: skip
        rows = info.places.get("row", np.zeros(len(block), int)).tolist()
        sums = [self.moments.sums(sinogram, row) for sinogram, row in zip(block, rows)]
        for sinogram, row in zip(block, rows):
            if row in self.looked and self.tiles:
                parts = [sinogram[tile.numbers] for tile in self.tiles]
                self.rows[row] = np.array(parts, np.float64), sinogram.mean(0, dtype=np.float64)
        by_angle, by_row = (np.stack(one) for one in zip(*sums))
        return {"_by_angle": by_angle, "_by_row": by_row}

    def finish(self, run):
        """The axis into the facts, verdict to log and notes. Errors: NumbersError where `strict` wants it."""
        by_angle, by_row = (run.data.pop(name).values for name in SUMS)
        if self.known:
            return
        parts = run.team.gather(self.rows)
        data = run.data[self.takes]
        found = run.team.on_root(lambda: self._judged(run, by_angle, by_row, parts))
        data.facts["axis"] = (found.axis.column, found.axis.slope)
        run.result.notes.setdefault("tomo", {})["centre"] = found.notes()
        self._tell(run, found)
        if self.strict and found.verdict != "good":
            raise NumbersError(f"tomo.centre: the axis is {found.verdict}: {found.reason}; `strict` is true")

    def _judged(self, run, by_angle, by_row, parts) -> Verdict:
        """What both methods say (rank 0); parts : `rows` of all ranks"""
        known, n = {}, self.shape[1]
        if self.method != "opposite":
            known["moment"] = self.moments.estimate(by_angle, by_row, self.height)
        rows = {row: own for part in parts for row, own in part.items()}
        if self.method != "moment" and rows:
            order = sorted(rows)
            seen, means = (np.stack([rows[row][k] for row in order]) for k in range(2))
            one = Opposite(self.tiles, seen, means, np.array(order) - (self.height - 1) / 2)
            known["opposite"] = one.estimate(*(self.search or (0.0, n - 1.0)))
            axes, marks = {"column": (one.curve[0], "px")}, Marks(label="log probability")
            title = "where the axis may be"
            run.result.pictures["centre"] = Signal(one.curve[1], axes, "", title, "curve", marks=marks)
        slope = tilt_of(known, self.height) if self.tilt == "auto" else self._given_slope()
        return judged(known, self.agree, slope, (n - 1) / 2)

    def _given_slope(self) -> float:
        return 0.0 if isinstance(self.tilt, str) else float(np.tan(self.tilt))

    def _tell(self, run, found: Verdict):
        """A line of the log; where it is doubtful a warning, with what to try."""
        axis = found.axis
        text = f"tomo.centre: column {axis.column:.3f} +- {axis.sd:.3f} by {found.method}"
        text += f", {axis.slope:.3g} px per row" * bool(axis.slope) + f": {found.verdict}"
        if found.verdict == "good":
            run.say(text)
            return
        reach = min(max(3 * axis.sd, 4.0), self.shape[1] / 4)
        low, high = max(1, round(axis.column - reach)), min(self.shape[1] - 2, round(axis.column + reach))
        step = max(0.5, round((high - low) / 8) / 2 * 2 or 0.5) if reach > 4 else 1
        line = f"nanompi try JOB steps.tomo.centre.value {low} {high} {step:g}"
        run.team.on_root(lambda: run.warn(f"{text} ({found.reason}). Look at some by eye: {line}"))
