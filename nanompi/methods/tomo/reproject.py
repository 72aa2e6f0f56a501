"""Do the slices explain the projections that they are made of? Some rows are projected again, and compared.

What is left of simulated projections is about their noise. Measured ones have more than that: of those of a
tooth (jobs/tooth.yaml, steps: [tomo]) 1.6 % is left, twice their noise, about an axis that is right. So the
figures are told, and only what is far beyond both is doubted.
"""

import numpy as np

from nanompi.device.kernels.joseph import LANES
from nanompi.methods.tomo.recon.reach import sides
from nanompi.methods.tomo.stripes.step import noise_of

ROWS, DIRECTIONS = 8, 32  # that are projected again
NOISE, PART = 1.25, 0.03  # times the noise, and of the projections: more of both is doubted
TERMS, SLACK = 6, 2  # px by which a side is rounded
WIDER = (  # without air nobody knows the level of the values
    "there is no air beside the projections: the sample is wider than the detector, or flats or light were "
    "others; borders are right then, values are known but for a constant"
)


class Reprojection:
    """Projects slices of some rows again.

    rays : of the detector, `size` the side of the slices; rows : numbers of the rows, in the middle
    """

    def __init__(self, rays, device, height: int):
        first = max(0, (height - ROWS) // 2)
        self.rays, self.device, self.rows = rays, device, np.arange(first, min(height, first + ROWS))
        order = np.argsort(np.mod(rays.angles, np.pi), kind="stable")
        self.pick = order[:: max(1, len(order) // DIRECTIONS)]
        angles = rays.angles[self.pick]
        self.turn = device.array(np.stack([np.cos(angles), np.sin(angles)], 1))

    def sums(self, sinograms, slices, axes, rows) -> np.ndarray:
        """(k, 6) float64: squares of what is not explained, of the values, of their noise, and how many; how
        many of the rows go on beyond what is reconstructed, and how many there are.

        sinograms : (k, A, columns); slices : (k, size, size) per px, on the same device. Of other rows all
        are 0, and of those that go on beyond, which nobody can project, the first four.
        """
        out, host = np.zeros((len(rows), TERMS)), self.device.host
        for i in np.flatnonzero(np.isin(rows, self.rows)):
            own = slice(i, i + 1)
            wider = sides(self.rays, sinograms[own], axes[own])[0] > self.rays.size + SLACK
            out[i, 4:] = wider, 1
            if not wider:
                p = host(sinograms[i]).astype(np.float64)
                rest = p[self.pick] - host(self._again(slices[i], float(axes[i])))
                sigma = float(noise_of(np, p[None])[0]) if len(p) > 2 else 0.0
                out[i, :4] = (rest**2).sum(), (p[self.pick] ** 2).sum(), sigma**2 * rest.size, rest.size
        return out

    def _again(self, image, axis: float):
        """(directions, columns) line integrals of a slice"""
        n, xp = len(image), self.device.xp
        f = xp.zeros((n, n, LANES), image.dtype)
        f[..., 0] = image
        out = xp.empty((len(self.pick), self.rays.columns, LANES), image.dtype)
        self.device.by_rows(self.device.kernels.project_rays, f, self.turn, axis, out)
        return out[..., 0]


def explained(sums: np.ndarray, sharp: bool) -> dict:
    """What the `sums` of all rows, (6,), say.

    residual : of the projections, what the slices do not explain; residual_noise : of their noise, where that
    is known; and a verdict with its reason where there is doubt. sharp : does the method leave nothing of the
    slices out by intention?
    """
    rest, values, noises, count, wider, rows = sums.tolist()
    if wider > rows / 2:
        return {"verdict": "doubtful", "reason": WIDER}
    if not count or not values:
        return {}
    own = {"residual": (rest / values) ** 0.5}
    own |= {"residual_noise": (rest / noises) ** 0.5} if noises > 0 else {}
    if sharp and own["residual"] > PART and own.get("residual_noise", np.inf) > NOISE:
        times = f", {own['residual_noise']:.2g} times their noise" if "residual_noise" in own else ""
        own["verdict"] = "doubtful"
        own["reason"] = (
            f"of the projections {100 * own['residual']:.2g} % are not explained by the slices{times}: "
            "is the axis right, are the angles, did the sample move?"
        )
    return own
