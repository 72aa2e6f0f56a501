"""What is seen of the light while transmissions are made: in each projection, and at both ends of rows.

All of it are whole numbers: their sums depend neither on how projections are cut into blocks, nor on ranks.
"""

from threading import Lock

import numpy as np

LEAST = 1e-3  # of the transmission: below it a 16-bit detector (6e4 counts) sees its own noise only
MOST = 1.2  # of the transmission: above it more light comes through a sample than without it
KINDS = ("lost", "clipped", "bright", "values")  # no numbers, below the least, above MOST, and all of them

ONE = 2**20  # steps of a transmission of 1 in which light is summed
CAP = 4.0  # of the transmission: a zinger counts no more than so much
COLUMNS = 64  # of a row, evenly spread, that say how much light a projection has
END = 0.02  # of the columns: where there is air at both ends, if anywhere
NEAR = 5  # projections side by side in angle, that have about the same light
FAR = 3.0  # times their median, or a third: this light is not that of the scan
AIR = 1.05  # at both ends: more light than there is without a sample
MANY_CLIPPED = 0.05  # of the values; slices of so many that are not known are not right
NAMED = 6  # projections that are named one by one


class Seen:
    """Numbers of one rank, added to by threads; the sums over ranks are those of the scan.

    counts : (4,) int64, of values, see KINDS
    ends   : (3,) int64, light at the left and at the right end of rows, and how many values each of them has
    each   : (A, 3) int64, of each projection: its light, of how many values, values that are no numbers
    """

    def __init__(self, angles: int):
        self.counts, self.ends = np.zeros(len(KINDS), np.int64), np.zeros(3, np.int64)
        self.each, self.lock = np.zeros((angles, 3), np.int64), Lock()

    def add(self, t: np.ndarray, lost: np.ndarray | None, least: float, info) -> None:
        """A block of transmissions, columns last. lost : where values are no numbers, None = nowhere"""
        counts = [0, np.count_nonzero(t < least), np.count_nonzero(t > MOST), t.size]
        width, apart = max(1, round(END * t.shape[-1])), max(1, t.shape[-1] // COLUMNS)
        ends = [int(_light(t[..., side]).sum()) for side in (slice(width), slice(-width, None))]
        angle = info.axes.index("angle")
        rest = tuple(axis for axis in range(t.ndim) if axis != angle)
        each = np.zeros((t.shape[angle], 3), np.int64)
        looked = t[..., apart // 2 :: apart]
        each[:, 0], each[:, 1] = _light(looked).sum(rest), looked.size // len(each)
        if lost is not None:
            counts[0], each[:, 2] = np.count_nonzero(lost), lost.sum(rest)
        with self.lock:
            self.counts += counts
            self.ends += (*ends, t.size // t.shape[-1] * width)
            self.each[info.places.get("angle", slice(None))] += each

    def tallies(self) -> dict[str, np.ndarray]:
        """What is added up, in place."""
        return {"counts": self.counts, "ends": self.ends, "each": self.each}

    def light(self) -> np.ndarray:
        """(A,) mean transmission of projections; NaN of those not seen, or mostly no numbers."""
        light, values, lost = self.each.T
        share = self.counts[3] / max(1, len(self.each))  # values of a projection
        return np.where((values > 0) & (lost * 2 < share), light / (ONE * np.maximum(values, 1)), np.nan)

    def air(self) -> tuple[float, float]:
        """Mean transmission at the left and at the right end of all rows."""
        left, right, values = (self.ends / (ONE, ONE, 1)).tolist()
        return left / max(values, 1), right / max(values, 1)


def _light(t: np.ndarray) -> np.ndarray:
    """Transmissions in whole steps"""
    return np.rint(np.clip(t, -CAP, CAP) * np.float64(ONE)).astype(np.int64)


def odd_projections(light: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """(A,) bool: no light, or far more or less than those of about the same angle.

    light : (A,) mean transmissions, NaN where there is none; angles : (A,) rad. Opposite ones have the same.
    """
    from scipy.ndimage import median_filter

    dark = ~(light > LEAST)  # True for NaN too
    known = np.where(dark, LEAST, light)
    order = np.argsort(np.mod(angles, np.pi), kind="stable")
    usual = np.empty_like(known)
    usual[order] = median_filter(known[order], NEAR, mode="mirror")
    return dark | (abs(np.log(known / usual)) > np.log(FAR)) & (usual > LEAST)


def doubts(seen: Seen, angles: np.ndarray) -> tuple[list[int], list[str]]:
    """What of a scan's light is not as it should be: numbers of odd projections, and all of it in sentences.

    seen : of all ranks; angles : (A,) rad
    """
    light, least_air = seen.light(), min(seen.air())
    odd = np.flatnonzero(odd_projections(light, angles) & (seen.each[:, 1] > 0))
    reasons, (_, clipped, _, values) = [], seen.counts.tolist()
    if len(odd):
        more = ", ..." * (len(odd) > NAMED)
        named = ", ".join(f"{k} ({np.rad2deg(angles[k]):.4g} degrees)" for k in odd[:NAMED]) + more
        numbers = ", ".join(map(str, odd[:NAMED])) + more
        reasons.append(
            f"{len(odd)} of {len(light)} projections have no beam, or {FAR:g} times more or less light than "
            f"those at about the same angle: {named}; they leave lines in the slices: leave them out by "
            f"`input: {{select: {{without: [{numbers}]}}}}`"
        )
    if clipped > MANY_CLIPPED * values:
        reasons.append(
            f"{clipped / values:.0%} of the values are below the least transmission: too little light, or "
            "darks that are not of this scan"
        )
    if least_air > AIR:
        reasons.append(
            f"at both ends of rows {least_air:.3g} times the light of the flats is seen, and 1 is all there "
            "is: they are of another exposure or beam, and the values of the slices are too low"
        )
    return odd.tolist(), reasons
