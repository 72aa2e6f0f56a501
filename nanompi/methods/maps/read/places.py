"""Places of motors along the axes of a scan: one for each row or column, or one for each point."""

import numpy as np

from nanompi.errors import DataError

OFF = 0.5  # of a step, by which places across an axis may differ from their mean


def along(values: np.ndarray, axis: str, shape: tuple[int, ...], where: str) -> tuple[np.ndarray, list[str]]:
    """((n,) places along an axis of a scan, notes); (0,) where they are not numbers.

    values : of any shape, one for each row (axis "y") or column ("x"), or one for each point, as fly scans
             have them: the mean across the axis, rows to and fro turned round before
    shape  : of the scan, (rows, columns) or (points,); where : for messages
    Errors: DataError where the number of values is another.
    """
    n, points = shape[0] if axis != "x" else shape[-1], int(np.prod(shape))
    if values.size == n:
        return _numbers(values.ravel(), where)
    if values.size != points:
        grid = (
            f"{shape[0]} rows of {shape[1]} points: {n} or {points}"
            if len(shape) == 2
            else f"{n} points: {n}"
        )
        raise DataError(f"{where} has {values.size} values; the scan has {grid} are allowed")
    across = values.reshape(shape) if axis == "x" else values.reshape(shape).T  # (rows of equal places, n)
    return _mean(across, axis, where)


def _numbers(values: np.ndarray, where: str) -> tuple[np.ndarray, list[str]]:
    bad = int((~np.isfinite(values)).sum())
    if not bad:
        return values, []
    return np.zeros(0), [f"warning: {where}: {bad} of {len(values)} places are not finite; they are not used"]


def _mean(rows: np.ndarray, axis: str, where: str) -> tuple[np.ndarray, list[str]]:
    """Of rows that should be alike; those of odd numbers turned round where that makes them so"""
    known = rows[np.isfinite(rows).all(1)]
    if not len(known):
        return _numbers(rows.mean(0), where)
    turned = rows.copy()
    turned[1::2] = turned[1::2, ::-1]
    turned = turned[np.isfinite(turned).all(1)]
    if _off(known) <= OFF:
        return known.mean(0), []
    if axis == "x" and _off(turned) <= OFF:
        return turned.mean(0), [
            f"warning: {where}: the rows of this scan go to and fro; `- {{use: map.grid, snake: true}}` "
            "turns every second row of the maps round, where data are stored as they were measured"
        ]
    return known.mean(0), [
        f"warning: {where}: places along {axis} differ by more than half a step from one line to the next; "
        "their means are used"
    ]


def _off(rows: np.ndarray) -> float:
    """By how many steps the places of the rows differ from their mean, rms"""
    mean = rows.mean(0)
    step = np.median(abs(np.diff(mean))) if len(mean) > 1 else 0
    off = np.sqrt(((rows - mean) ** 2).mean())
    return float(off / step) if step else float(off > 0)
