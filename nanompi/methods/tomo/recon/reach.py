"""How far the sample goes beyond the rays, and so how large a slice must be for all of it.

Rays that cross more than what is reconstructed cannot be explained by it: iterations put the rest into a
bright rim. So the slice is made larger where a projection ends in the sample, and cut back in the end.
"""

import numpy as np

EDGE = 0.02  # of the columns at each end, in which there is air
AIR = 0.05  # of the mean line integral: less is air
BEYOND = 1.5  # times the side that the rays reach, where the sample goes on


def sides(rays, sinograms, axes) -> list[int]:
    """For each of k slices the side in px that holds the sample; as odd or even as `rays.size`.

    sinograms : (k, A, columns) on the host or a card; axes : (k,) px
    """
    n = rays.columns
    width = max(1, round(EDGE * n))
    mean = abs(sinograms.mean(1, dtype=np.float64))
    ends = [mean[:, :width].mean(1), mean[:, -width:].mean(1)]
    left, right = ((end > AIR * mean.mean(1)).tolist() for end in ends)
    return [_side(rays, axis, *ends) for axis, *ends in zip(axes.tolist(), left, right)]


def _side(rays, axis: float, left: bool, right: bool) -> int:
    """left, right : does the sample go on there?"""
    (_, goes_on), (far, far_too) = sorted([(axis, left), (rays.columns - 1 - axis, right)])
    if not goes_on:
        return rays.size
    side = int(np.ceil((2 * far + 1) * (BEYOND if far_too else 1)))
    return max(rays.size, side + (side - rays.size) % 2)


def circle(side: int) -> np.ndarray:
    """(side, side) bool: pixels within the largest circle."""
    place = np.arange(side) - (side - 1) / 2
    return place[:, None] ** 2 + place**2 <= (side / 2) ** 2
