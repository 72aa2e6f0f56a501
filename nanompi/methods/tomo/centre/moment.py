"""The axis from the centre of mass: where the whole sample is seen, it turns about the axis.

The mass of a projection, m0 = sum p(s), is the same at all angles, and its first moment is

    m1(angle) = sum (s - middle) p(s) = (axis - middle) m0 + X cos angle + Y sin angle

(the first two of the Helgason-Ludwig conditions: Natterer, The Mathematics of Computerized Tomography, II.4).
Any three directions give the axis; steps of the angle may be unequal. The air on both sides is the zero of
each projection, so that a beam that drifts does no harm; a sample that reaches these columns is cut off.
"""

from dataclasses import dataclass

import numpy as np

STRIP = 40  # of the columns: so wide is the air that must be seen on each side
AIR = 0.04  # of the mean attenuation: what the inner half of the air may have more than the outer one
LEVEL = 0.2  # the same of the air itself: beam and flats differ by less
ANGLE_TERMS = 6  # m0, m1 and the air: outer and inner half on the left, inner and outer half on the right
ROW_TERMS = 7  # m m, m m z, m m z z, a m, a m z, a a, stripes; m and a of a row, z its height


@dataclass(frozen=True)
class Estimate:
    """An axis: column px in the middle row with one standard deviation, slope px per row likewise.

    depth  : how far the best column is above any other, in natural logarithms of probability
    reason : "" where it can be trusted, by what it knows itself
    """

    column: float
    sd: float
    slope: float = 0.0
    slope_sd: float = np.inf
    depth: float = np.inf
    reason: str = ""


class Moments:
    """Sums over rows from which the axis follows.

    angles : (A,) rad; columns : of the detector; middle : px, the height from which rows are counted
    """

    def __init__(self, angles: np.ndarray, columns: int, middle: float):
        self.design = np.stack([np.ones(len(angles)), np.cos(angles), np.sin(angles)], 1)
        self.covariance = np.linalg.pinv(self.design.T @ self.design)
        self.share = self.covariance[0] @ self.design.T
        self.known = np.linalg.matrix_rank(self.design, tol=0.02 * np.sqrt(len(angles))) == 3
        self.s, self.middle = np.arange(columns) - (columns - 1) / 2, middle
        self.half = max(4, columns // STRIP) // 2
        lever = np.square(self.s).sum()  # of columns of unlike gain, in themselves and in the air's slope
        self.lever = float(np.sqrt(lever + (lever / (columns - 2 * self.half)) ** 2 / self.half))

    def sums(self, sinogram: np.ndarray, row: int) -> tuple[np.ndarray, np.ndarray]:
        """(A, ANGLE_TERMS) and (ROW_TERMS,) float64 of one (A, columns) sinogram, to be added over rows."""
        p, half = sinogram.astype(np.float64), self.half
        ends = (slice(0, half), slice(half, 2 * half), slice(-2 * half, -half), slice(-half, None))
        air = np.stack([p[:, end].mean(1) for end in ends], 1)
        left, right = air[:, :2].mean(1), air[:, 2:].mean(1)
        reach = len(self.s) - 2 * half  # from the middle of one strip to that of the other
        p -= ((left + right) / 2)[:, None] + ((right - left) / reach)[:, None] * self.s
        m0, m1 = p.sum(1), p @ self.s
        m, a, z = m0.mean(), self.share @ m1, row - self.middle
        bends = np.abs(np.diff(p.mean(0), 2))
        stripes = np.median(bends) / 0.6745 / np.sqrt(6)  # of white noise, second differences have 6 times
        terms = m * m, m * m * z, m * m * z * z, a * m, a * m * z, a * a, stripes
        return np.column_stack([m0, m1, air]), np.array(terms)

    def estimate(self, by_angle: np.ndarray, by_row: np.ndarray, rows: int) -> Estimate:
        """The axis from the sums of all rows. by_angle : (A, ANGLE_TERMS), by_row : (ROW_TERMS,)"""
        m0, m1, *air = by_angle.T
        m = m0.mean()
        reason = "the angles do not span the moments" if not self.known else self._cut_off(m, air)
        if reason or m <= 0:
            return Estimate(np.nan, np.inf, reason=reason or "there is nothing but air")
        fit = self.covariance @ self.design.T @ m1
        left_over = m1 - self.design @ fit
        variance = left_over @ left_over / max(1, len(m1) - 3) * self.covariance[0, 0]
        stripes = by_row[6] * self.lever
        sd = float(np.hypot(np.sqrt(variance), stripes) / m)
        slope, slope_sd = _slope(by_row, rows)
        changes = m0.std() / m
        reason = f"the mass of projections changes by {changes:.1%}" if changes > 0.03 else ""
        return Estimate(float(fit[0] / m - self.s[0]), sd, slope, slope_sd, reason=reason)

    def _cut_off(self, mass: float, air) -> str:
        """Why the first moment is not that of the whole sample; "" where it is."""
        level = abs(mass) / len(self.s) + 1e-300
        outer_left, inner_left, inner_right, outer_right = air
        most = max(_most(inner_left - outer_left), _most(inner_right - outer_right))
        lift = max(np.mean(air[0] + air[1]), np.mean(air[2] + air[3])) / 2
        if most > AIR * level or lift > LEVEL * level:
            return "the sample is wider than the detector, or nothing but air is missing beside it"
        return ""


def _most(steps: np.ndarray) -> float:
    """The largest of values along the angles, averaged over the eighth part of them."""
    n = max(1, len(steps) // 8)
    return max(float(part.mean()) for part in np.array_split(steps, -(-len(steps) // n)))


def _slope(terms: np.ndarray, rows: int) -> tuple[float, float]:
    """px per row, and one standard deviation, of a straight line through the axes of all rows, by mass."""
    mm, mmz, mmzz, am, amz, aa, _ = terms
    det = mm * mmzz - mmz * mmz
    if rows < 4 or det <= 1e-12 * mm * mmzz:
        return 0.0, np.inf
    column, slope = (am * mmzz - amz * mmz) / det, (amz * mm - am * mmz) / det
    left_over = max(aa - column * am - slope * amz, 0.0) / (rows - 2)
    return float(slope), float(np.sqrt(left_over * mm / det))
