"""The step `map.grid`: maps over points become images; rows that were scanned to and fro are put right."""

from typing import Literal

import numpy as np

from nanompi.data.data import Data
from nanompi.data.respread import fitting
from nanompi.errors import DataError
from nanompi.methods.maps.gradient import grid_of, on_grid
from nanompi.run.verdict import give
from nanompi.step import param, step

NEAR = 0.25  # of a step: points that stand so near to a place of the grid are put there
CLEAR = 0.2  # by so much neighbouring rows are more alike, one of them turned round
SAMPLE = 1000  # points that tell the grid
AGREED = 0.85  # length of their mean phase, where they stand on one
SNAKE = "- {use: map.grid, snake: true}"  # what puts such rows right
FEWEST = 6  # rows and columns that can tell


@step("map.grid")
class Grid:
    """Maps of a scan over points on a regular grid: snake and fly scans, encoders.

    Unit: as its input; the grid in m.

    Source: no paper.

    Example::

        - map.stxm
        - {use: map.grid, step: 0.2 um}
    """

    works_on = "maps that a step before it gives"
    step: float | None = param(
        None, unit="m", gt=0, level="basic", help="of the grid; the median step of the scan if not given"
    )
    method: Literal["auto", "nearest", "linear"] = param(
        "auto", help="auto: nearest where all points stand within a quarter step of the grid, else linear"
    )
    snake: bool = param(False, help="every second row of a map was measured backwards: turn it round")

    def maps_after(self, data, known: list[str]) -> list[str]:
        """The same."""
        return known

    def run(self, run):
        """All maps that steps gave, with their errors, on the same grid. Errors: DataError."""
        names = [name for name in run.given if run.data[name].axes in (("point",), ("y", "x"))]
        points = [name for name in names if run.data[name].axes == ("point",)]
        if not names:
            raise DataError(f"{self.name}: no step before it gave maps (one value at each point of a scan)")
        if points:
            self._put(run, points)
        elif not self.snake:
            run.say(f"{self.name}: the maps stand on the grid of the scan already")
        if self.snake:
            for name in names:
                run.data[name] = _turned(run.team, run.data[name])
            _follows(run)

    def _put(self, run, names: list[str]) -> None:
        positions, unit = run.data[names[0]].coords.get("point", (None, ""))
        if positions is None or np.ndim(positions) != 2:
            raise DataError(f"{self.name}: it is not known where on the sample the points of the scan are")
        rows, columns = lattice(positions) if self.step is None else _grid(positions, self.step)
        near = self.method == "nearest" or (self.method == "auto" and _all_near(positions, rows, columns))
        coords = {"y": (rows, unit), "x": (columns, unit)}
        for name in names:
            data = run.data[name]
            every = fitting(run.team, data, data.axes).values
            image = run.team.on_root(lambda v=every: _image(v, positions, rows, columns, near))
            run.data[name] = Data(
                axes=("y", "x"), values=image, coords=coords, unit=data.unit, title=data.title
            )
        how = "each point at its place" if near else "linear between points"
        run.say(f"{self.name}: {len(names)} maps of {len(rows)} x {len(columns)}, {how}")


def lattice(positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The grid on which a scan was planned, (rows (H,), columns (W,)); that of `grid_of` where none was.

    positions : (n, 2). Along an axis with the step p all exp(2 pi i y / p) have one phase, which is where
    the grid begins; of all p where they agree, the largest is the step (its half would do as well).
    """
    usual = grid_of(positions)
    return tuple(_periodic(p, known) for p, known in zip(positions.T, usual))


def _periodic(values: np.ndarray, usual: np.ndarray) -> np.ndarray:
    size = np.ptp(values)
    if len(usual) < 3 or not size:
        return usual
    some = values[np.unique(np.linspace(0, len(values) - 1, SAMPLE).round().astype(int))] - values.min()
    rates = np.arange(1.5 / size, 1.3 / (usual[1] - usual[0]), 0.1 / size)
    agree = abs(np.array([np.exp(2j * np.pi * f * some).mean() for f in rates]))
    if agree.max() < AGREED:
        return usual
    first = int(np.argmax(agree > (agree.max() + AGREED) / 2))
    last = first + int(np.argmin(np.append(agree[first:], 0) > AGREED))
    f = rates[first + int(np.argmax(agree[first:last]))]
    fine = f + np.linspace(-0.1, 0.1, 41) / size
    f = fine[np.argmax([abs(np.exp(2j * np.pi * one * some).mean()) for one in fine])]
    offset = np.angle(np.exp(2j * np.pi * f * some).mean()) / (2 * np.pi * f)
    return values.min() + offset + np.arange(round((size - offset) * f) + 1) / f


def _grid(positions: np.ndarray, pixel: float) -> tuple[np.ndarray, np.ndarray]:
    low, size = positions.min(0), np.ptp(positions, axis=0)
    return tuple(start + pixel * np.arange(round(n / pixel) + 1) for start, n in zip(low, size))


def _places(positions: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> list[np.ndarray]:
    """Row and column of each point, as real numbers"""
    steps = [(a[1] - a[0]) if len(a) > 1 else 1.0 for a in (rows, columns)]
    return [(p - a[0]) / s for p, a, s in zip(positions.T, (rows, columns), steps)]


def _all_near(positions, rows, columns) -> bool:
    """Do all points stand near to a place of the grid, and no two at the same?"""
    at = np.array(_places(positions, rows, columns))
    whole = np.rint(at)
    return bool(abs(at - whole).max() <= NEAR and len(np.unique(whole, axis=1).T) == at.shape[1])


def _image(values, positions, rows, columns, near: bool) -> np.ndarray:
    """(H, W) float32; NaN where no point is, or a point without a value"""
    if not near:
        known = np.isfinite(values)
        image = on_grid(values[known, None], positions[known], rows, columns)[..., 0]
        return image.astype(np.float32)
    image = np.full((len(rows), len(columns)), np.nan, np.float32)
    image[tuple(np.rint(a).astype(int) for a in _places(positions, rows, columns))] = values
    return image


def _turned(team, data: Data) -> Data:
    """Every second row the other way round, the second of the scan first (each rank has whole rows)."""
    if data.spread == "x":
        data = fitting(team, data, ("x",))
    numbers = data.parts[team.rank] if data.spread else np.arange(len(data.values))
    values = data.values.copy()
    values[numbers % 2 == 1] = values[numbers % 2 == 1, ::-1]
    return data.holding(values, data.spread, data.parts)


def _follows(run) -> None:
    """What was said of rows to and fro is no longer so: the maps have been turned as it asked."""
    steps = run.result.notes.get("verdict", {}).get("steps", {})
    for name in [name for name, said in steps.items() if said["paste"] == SNAKE]:
        del steps[name]


def judge_rows(run, of: str, image: np.ndarray | None) -> None:
    """The grade "doubtful" where a map looks like one of rows to and fro that were read as a raster.

    image : (H, W), on rank 0 (or all); of : the step that gave it. Neighbouring rows of a sample are alike;
    where they are more alike with one of the two turned round, by CLEAR in their mean correlation, each
    second row was measured backwards.
    """
    if image is None or min(image.shape) < FEWEST:
        return
    rows = np.nan_to_num(image - np.nanmean(image, 1, keepdims=True))
    size = np.sqrt((rows**2).sum(1))
    pairs = size[1:] * size[:-1] > 0
    if pairs.sum() < FEWEST - 1:
        return
    weight = 1 / (size[1:] * size[:-1])[pairs]
    straight = ((rows[1:] * rows[:-1]).sum(1)[pairs] * weight).mean()
    turned = ((rows[1:] * rows[:-1, ::-1]).sum(1)[pairs] * weight).mean()
    if turned - straight > CLEAR:
        give(
            run,
            of,
            "doubtful",
            f"neighbouring rows are more alike with every second one turned round (correlation {turned:.2f} "
            f"against {straight:.2f}): the scan went to and fro",
            SNAKE,
            rows_turned=float(turned),
            rows_straight=float(straight),
        )
