"""The column of the rotation axis, for the steps that follow: data.facts["axis"] = (column, slope)."""

from nanompi.errors import JobError
from nanompi.step import param, step


@step("tomo.centre")
class Centre:
    """The column of the rotation axis."""

    preceded_by = ("tomo.flat", "tomo.stripes")

    value: float | None = param(
        None, unit="px", help="column of the rotation axis, 0 = middle of the first; the middle if not given"
    )

    def idle(self, data) -> bool:
        """An earlier step has found the axis, and the job gives none."""
        return self.value is None and "axis" in data.facts

    def check(self, data):
        """JobError for a column off the detector."""
        if "column" in data.axes:
            self._axis(data.size("column"))

    def run(self, run):
        """Sets the axis, the same on all ranks. Errors: JobError."""
        data = run.data["data"]
        data.facts["axis"] = (self._axis(data.size("column")), 0.0)
        if self.value is None:
            n = data.size("column")
            run.say(
                f"tomo.centre: none is given; the middle, column {(n - 1) / 2:g} of 0 to {n - 1}, is taken"
            )

    def _axis(self, n: int) -> float:
        if self.value is None:
            return (n - 1) / 2
        if not 0 < self.value < n - 1:
            raise JobError(f"tomo.centre.value: {self.value:g} px is not between the columns 0 and {n - 1}")
        return self.value
