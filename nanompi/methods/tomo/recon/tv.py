"""Least squares with as little total variation as the noise allows: few projections, or few counts in each.

    f = argmin |A f - p|^2 / 2 + weight sum |grad f|,   f >= 0 where it is attenuation

by FISTA (Beck & Teboulle, doi:10.1137/080716542): a step down the gradient, A* (A f - p) by one convolution
(`toeplitz`), the proximal map of total variation by a few iterations of its dual, which goes on where it was
(`kernels.tv_dual`), then negative values to 0. The weight is found from the noise of the projections:

    weight = SMOOTH sigma |A|,   |A|^2 the largest eigenvalue of A* A

The norm of A carries how noise in A* p grows with angles and size, and one factor serves all: see
benchmarks/results/iterate.md.
"""

import numpy as np

from nanompi.methods.tomo.recon.toeplitz import Cgls, Task

SMOOTH = 0.1
INNER = 2  # iterations of the dual in each step
LEAST = 1e-7  # of the largest |A* p|: the weight without any noise
MARGIN = 1.01  # times the largest eigenvalue, rounded as it is


class Tv(Cgls):
    """Flat areas with sharp borders. `smooth` of the step multiplies the weight that is found."""

    usual, takes = 100, ("iterations", "smooth", "positive")

    def __init__(self, rays, options, device):
        super().__init__(rays, options, device)
        self.positive, self.sums = options.nonnegative, np.zeros(2)

    def tallies(self) -> dict[str, np.ndarray]:
        """And of the weights."""
        return super().tallies() | {"weights": self.sums}

    def notes(self, team) -> dict:
        """Residuals, and the mean weight that was found, in line integrals times px; collective."""
        team.sum(self.sums)
        own = super().notes(team)
        if not own:
            return {}
        weight = float(self.sums[0] / self.sums[1])
        return own | {"weight": weight, "said": f"{own['said']}; weight {weight:.3g} by the noise"}

    def _task(self, normal, sinograms, axes) -> Task:
        task = super()._task(normal, sinograms, axes)
        self.sums += self._weight(task).sum(), len(axes)
        return task

    def _weight(self, task):
        """(k,) what the sum of the gradients is multiplied with"""
        return self.options.smooth * SMOOTH * task.sigma * np.sqrt(task.normal.convolution.largest)

    def _solved(self, task: Task):
        """(slices, residuals before each iteration, iterations of all of them together)"""
        prox, f, rest, t = (
            Proximal(task, self._weight(task), self.positive),
            self.xp.zeros_like(task.b),
            [],
            1.0,
        )
        y = f
        for _ in range(self.history.iterations):
            slope = task.normal.product(y) - task.b
            rest.append(task.energy + task.dot(y, slope - task.b))
            before, f = f, prox(y - slope * f.dtype.type(1 / prox.largest))
            t, last = (1 + np.sqrt(1 + 4 * t * t)) / 2, t
            y = f + f.dtype.type((last - 1) / t) * (f - before)
        return f, rest, len(rest) * len(f)


class Proximal:
    """The proximal map of the smoothed slices, after a step of 1 / `largest`; its dual stays for the next."""

    def __init__(self, task: Task, weight, positive: bool):
        normal, xp = task.normal, task.normal.xp
        self.K, self.inside, self.positive = normal.device.kernels, normal.inside, positive
        self.largest = MARGIN * normal.convolution.largest
        least = [LEAST * float(abs(one).max()) or 1.0 for one in task.b]
        self.weight = normal.device.array(np.maximum(weight, least) / self.largest, task.b.dtype)
        self.dual = xp.zeros((len(task.b), 2, *task.b.shape[1:]), task.b.dtype)
        self.spare, self.xp = xp.empty_like(self.dual), xp

    def __call__(self, g):
        """(k, n, n) -> the same"""
        for _ in range(INNER):
            self.K.tv_dual(g, self.dual, self.weight, self.spare)
            self.dual, self.spare = self.spare, self.dual
        u = self.xp.empty_like(g)
        self.K.tv_primal(g, self.dual, self.weight, u)
        u *= self.inside
        return self.xp.maximum(u, 0) if self.positive else u
