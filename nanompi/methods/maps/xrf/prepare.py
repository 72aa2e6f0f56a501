"""The step `xrf.prepare`: dead time, monitor, detectors, and the spectra of the whole scan added up."""

from typing import Literal

import numpy as np

from nanompi.data.respread import fitting
from nanompi.errors import DataError
from nanompi.methods.maps.xrf.exposure import MISSING, exposure_of, uncounted
from nanompi.step import item, param, step, total


@step(
    "xrf.prepare",
    each="spectrum",
    gives={"sum_spectrum": total("detector", "channel", unit="counts"), "_uncounted": item()},
)
class Prepare:
    r"""Dead time and monitor of each point, and the sum of all spectra of each detector.

    Counts stay as they are: what is expected of them is multiplied by the live part and the monitor.

    .. math::

        s_{jd} = l_{jd}\, \frac{m_j}{\bar m}

    is by what the counts of point j and detector d are less than they would be: l the live part, m the
    monitor.

    Unit: none; counts stay counts.

    Source: no paper.

    Example::

        - {use: xrf.prepare, monitor: off}
        - xrf.fit
    """

    ends_pass = stay = True

    dead: Literal["auto", "icr", "live", "off"] = param(
        "auto", help="live part of a detector: icr = output over input rate, live = live over real time"
    )
    monitor: str = param("auto", kind="line", help="scaler that measures the beam; auto: by its name; off")
    detectors: list[int] | Literal["auto"] = param(
        "auto", ge=0, help="numbers of those that are used; auto leaves out what sees nothing of the sample"
    )

    def check(self, data):
        """Errors: DataError for scalers and detectors that are not there, or say nothing sensible."""
        if "detector" in data.axes:
            return self._exposure(data).warnings

    def _exposure(self, data):
        return exposure_of(data, self.dead, self.monitor, self.detectors)

    def start(self, run, data):
        """The scale of the model of each point and detector, the same on all ranks. Errors: DataError."""
        found = self._exposure(data)
        data.beside["scale"], data.beside["detectors"] = found.scale, found.detectors
        data.per_row["absent"] = found.absent
        self.absent = found.absent.ravel()
        run.made["exposure"] = found
        for text in found.notes:
            run.say(f"{self.name}: {text}")
        for text in found.warnings:
            run.team.on_root(lambda text=text: run.warn(f"{self.name}: {text}"))
        about = {"monitor": found.monitor, "monitor_mean": found.level, "seconds": found.seconds}
        run.result.notes.setdefault("xrf", {})["prepare"] = about

    def maps_after(self, data, known: list[str]) -> list[str]:
        """None more."""
        return known

    def block(self, block, info):
        """(k, detector, channel) counts -> the same, to be added up; nothing of points that are left out."""
        absent = self.absent[info.index]
        bad = uncounted(block, info.data.beside["detectors"]) & ~absent
        left_out = (absent | bad)[:, None, None]
        return {"sum_spectrum": np.where(left_out, 0, block) if left_out.any() else block, "_uncounted": bad}

    def finish(self, run):
        """Errors: DataError where no detector has counted anything, or much that is stored is no count."""
        self._leave_uncounted(run)
        sums = run.data["sum_spectrum"].values.sum(1)
        used = run.data[self.takes].beside["detectors"]
        empty = np.flatnonzero((sums <= 0) & used)
        used[empty] = False
        if not used.any():
            raise DataError(f"{self.name}: no detector is left: none has counted anything in the whole scan")
        if len(empty):
            which = ", ".join(map(str, empty))
            run.team.on_root(
                lambda: run.warn(f"{self.name}: detector {which} left out: it has counted nothing")
            )

    def _leave_uncounted(self, run) -> None:
        """Points with values that are no counts are absent, too (collective)."""
        one = run.data.pop("_uncounted")
        bad = run.team.bcast(fitting(run.team, one, one.axes).values)  # all on rank 0
        if not bad.any():
            return
        first = ", ".join(map(str, np.argwhere(bad)[0]))
        words = (
            f"{bad.sum()} of {bad.size} spectra hold values that are no counts (negative, NaN or infinite), "
            f"the first at point ({first})"
        )
        if bad.sum() > MISSING * bad.size:
            raise DataError(
                f"{self.name}: {words}; is it a difference, or is one of the detectors off "
                "(`xrf.prepare: {detectors: [0, 1]}` names those that are taken)?"
            )
        run.data[self.takes].per_row["absent"] |= bad
        run.team.on_root(lambda: run.warn(f"{self.name}: {words}; they are NaN in all maps"))
