"""The step `tomo.align`: projections moved to where they belong, the axis of rotation found with them."""

import numpy as np

from nanompi.data.data import Data
from nanompi.data.respread import fitting
from nanompi.data.walk import loaded
from nanompi.errors import DataError
from nanompi.io.atomic import write_text
from nanompi.methods.tomo.align import mass, table
from nanompi.methods.tomo.align.reproject import Places, Reprojection
from nanompi.methods.tomo.align.shift import moved
from nanompi.run.result import Marks, Signal
from nanompi.step import param, step

ORDER = ("angle", "row", "column")
LEAST = 8  # projections: fewer do not say where one of them belongs
SIDE = 5  # px of a projection along each side: of fewer nothing is left between the tapers of its ends
CUT = 0.05  # of the projections may reach an edge, before masses are not believed
MANY = 0.1  # of the projections left out: more of them, and the others are not trusted either
STEEP = 3.0  # rad between two pixels: the phase may have turned once more


@step("tomo.align")
class Align:
    r"""Each projection is moved to where the others say that it belongs; bad ones are left out.

    .. math::

        s_j \leftarrow s_j + \arg\min_{d, c} \sum_r w_r ( p_j(r + d) - q_j(r) - c )^2

    p_j is a projection, q_j the same as the slices of all project it; the mass of the projections gives
    the start.

    Unit: px.

    Source: doi:10.1364/OE.19.021345 doi:10.1364/OE.27.036637

    Example::

        - tomo.flat
        - {use: tomo.align, rounds: 10}
        - tomo
    """

    preceded_by = ("tomo.flat", "tomo.stripes")

    rounds: int = param(20, ge=0, help="reprojections at most; 0 = by the mass of the projections alone")
    stop: float = param(0.003, unit="px", gt=0, help="no further round after steps that are all smaller")
    drop: float = param(
        4.0, gt=1, help="a projection that differs from the others by so many times what is usual is left out"
    )
    shifts: str = param("", kind="file", help="shifts.csv of an earlier run, taken in place of measuring")

    def sources(self) -> list:
        """Where the papers are named that stand behind these parameters (`nanompi.papers`)."""
        return [] if self.shifts else [mass, *[Reprojection] * (self.rounds > 0)]

    def check(self, data):
        """What of the input `run` would refuse. Errors: DataError."""
        if set(ORDER) <= set(data.axes):
            self._angles(data)

    def run(self, run):
        """Moves the projections of run.data["data"] (collective). Errors: DataError."""
        self._angles(run.data["data"])
        data = by_angle(run, loaded(run, "data"))
        data.values = data.values.astype(run.device.real)  # of its own: phases are mended in it
        with run.clock.phase("tomo.align"):
            places, reason = self._read(run, data) if self.shifts else self._measured(run, data)
            self._report(run, data, places, reason)
            run.data["data"] = placed(run.team, data, places)

    def _angles(self, data) -> np.ndarray:
        """(A,) rad. Errors: DataError where there are none, or too few."""
        if "angle" not in data.coords:
            raise DataError("tomo.align needs the angles of the projections; the data have none")
        angles = np.asarray(data.coords["angle"][0], np.float64)
        if len(angles) < LEAST:
            raise DataError(f"tomo.align: {len(angles)} projections are too few; {LEAST} are needed")
        h, w = data.size("row"), data.size("column")
        if min(h, w) < SIDE and not self.shifts:
            raise DataError(
                f"tomo.align: projections of {h} x {w} px are too small to be compared, {SIDE} x {SIDE} are "
                "needed: read more (`rows:` in the input section), or take out tomo.align, or what brings it"
            )
        return angles

    def _read(self, run, data) -> tuple[Places, str]:
        angles = self._angles(data)
        return run.team.on_root(lambda: table.read(self.shifts, angles)), ""

    def _measured(self, run, data) -> tuple[Places, str]:
        """The places, and why they may be wrong."""
        angles, team = self._angles(data), run.team
        if data.unit == "rad":
            warn_of_steps(run, data.values)
        cut = every(team, data, [mass.touches(image) for image in data.values]).mean()
        none = np.zeros(len(angles))
        places = Places(angles, none, none, none, np.ones(len(angles), bool))
        if cut <= CUT:
            by_mass(run, data, places)
        else:
            run.say(f"tomo.align: {cut:.0%} of the projections reach an edge; their mass does not count")
        Reprojection(run, data, self.drop).settle(places, self.rounds, self.stop, cut <= CUT)
        return places, self._doubt(places, float(cut))

    def _doubt(self, places: Places, cut: float) -> str:
        left_out = 1 - places.used.mean()
        if cut > CUT:
            return f"{cut:.0%} of the projections reach an edge, the axis is found by reprojection alone"
        if self.rounds and places.step > 10 * self.stop:
            return f"places still move by {places.step:.2g} px after {places.rounds} rounds"
        return f"{left_out:.0%} of the projections are left out" if left_out > MANY else ""

    def _report(self, run, data, places: Places, reason: str):
        """Log, result, picture and shifts.csv."""
        bad = np.flatnonzero(~places.used)
        own = {
            "down_px": float(places.down[places.used].std()),
            "right_px": float(places.right[places.used].std()),
            "axis_px": axis_of(data, places),
            "rounds": places.rounds,
            "left_out": bad.tolist(),
            "verdict": "doubtful" if reason else "good",
            "reason": reason,
        }
        run.result.notes.setdefault("tomo", {})["align"] = own
        why = f" ({reason})" if reason else ""
        run.say(
            f"tomo.align: moved by {own['down_px']:.3g} px down, {own['right_px']:.3g} right (rms), axis "
            f"at column {own['axis_px']:.2f}, {places.rounds} rounds, {own['verdict']}{why}"
        )
        if len(bad):
            named = ", ".join(f"{k} ({np.rad2deg(places.angles[k]):.4g} degrees)" for k in bad)
            run.warn(f"tomo.align: left out, since the others do not agree with them: projections {named}")
        if run.team.root:
            if run.folder:
                write_text(run.folder / "shifts.csv", table.text_of(places))
            both = np.stack([places.down, places.right])
            run.result.arrays |= {
                "alignment/shifts": (both, {"units": "px", "long_name": "down and right"}),
                "alignment/angle": (places.angles, {"units": "rad"}),
                "alignment/used": places.used.astype(np.uint8),
            }
            names, order = Marks(("down", "right"), "moved"), np.argsort(places.angles)
            axes = {"angle": (np.rad2deg(places.angles[order]), "deg")}
            title = "displacements of the projections"
            run.result.pictures["shifts"] = Signal(both[:, order], axes, "px", title, "curve", marks=names)


def by_angle(run, data: Data) -> Data:
    """The data with the axes angle, row, column, spread over the angles (collective)."""
    data = fitting(run.team, data, ORDER[1:])
    values = np.ascontiguousarray(data.values.transpose([data.axes.index(axis) for axis in ORDER]))
    out = data.holding(values, data.spread, data.parts)
    out.axes = ORDER
    return out


def every(team, data: Data, own: list) -> np.ndarray:
    """(A, ...) what each rank says of its projections, in their order, on every rank (collective)."""
    told = team.allgather((data.parts[team.rank], own))
    rows = [(number, value) for part, values in told for number, value in zip(part, values)]
    return np.array([value for _, value in sorted(rows, key=lambda row: row[0])])


def by_mass(run, data: Data, places: Places) -> None:
    """Places by the masses (collective)."""
    team, columns = run.team, data.size("column")
    profiles = every(team, data, [image.sum(1, dtype=np.float64) for image in data.values])
    places.down = team.on_root(lambda: mass.vertical(profiles, data.unit == "rad"))
    own, weight = data.parts[team.rank], mass.taper(data.size("row"))
    middles = [mass.moments(image, places.down[a], weight)[1] for a, image in zip(own, data.values)]
    middles = every(team, data, middles)
    places.right = team.on_root(lambda: mass.horizontal(middles, places.angles, columns))


def warn_of_steps(run, lines: np.ndarray) -> None:
    """A warning where neighbours differ by so much that their phase may have turned unseen (collective)."""
    steep = sum(int(np.count_nonzero(np.abs(np.diff(lines, axis=axis)) > STEEP)) for axis in (1, 2))
    steep, total = run.team.total(steep, 2 * lines.size)
    if steep > 1e-4 * total:
        run.team.on_root(
            lambda: run.warn(
                f"tomo.align: {steep:.0f} neighbours ({steep / total:.2%}) differ by more than {STEEP} rad; "
                "phases are not sure there: smaller pixels would help"
            )
        )


def axis_of(data: Data, places: Places) -> float:
    """px: the column of the axis when each projection has been moved by what differs from the mean."""
    return (data.size("column") - 1) / 2 + float(places.right[places.used].mean())


def placed(team, data: Data, places: Places) -> Data:
    """The projections where they belong, without those left out, their axis as a fact (collective)."""
    mean = places.right[places.used].mean()
    own = data.parts[team.rank]
    keep = places.used[own]
    number = np.cumsum(places.used) - 1
    images = [
        moved(data.values[k], places.down[own[k]], places.right[own[k]] - mean) for k in np.flatnonzero(keep)
    ]
    values = np.stack(images) if images else data.values[:0]
    out = data.holding(values, "angle", [number[part[places.used[part]]] for part in data.parts])
    out.coords = data.coords | {"angle": (places.angles[places.used], "rad")}
    out.per_row = {name: np.asarray(along)[places.used] for name, along in data.per_row.items()}
    out.beside = {name: value for name, value in data.beside.items() if name != "weight"}  # nobody moves it
    out.facts = data.facts | {"axis": (axis_of(data, places), 0.0)}
    return out
