"""Slices by iterations over rays: Joseph's projector A and its adjoint A*, some slices side by side.

sirt : f += C A* R (p - A f), R and C one over the sums of the rows and of the columns of A (Gregor & Benson,
       doi:10.1109/TMI.2008.923696)
os   : OS-SART, the same for one subset of the projections after the other, with R and C of that subset (Jiang
       & Wang, doi:10.1109/TIP.2003.815295). A subset has every S-th direction. With noise it ends in a cycle
       over the subsets, not at a point
mlem : f *= A* (p / A f) / A* 1, after which the likelihood of p is never lower, if its values are Poisson
       numbers (Shepp & Vardi, doi:10.1109/TMI.1982.4307558). Values of p below 0 count as 0

Rays are taken as they are: in any directions, with the axis anywhere, ending in the sample (`reach`). Where
the user gives no number of iterations, each slice ends where what is left of its projections is their noise.
"""

import numpy as np

from nanompi.device.kernels.joseph import LANES
from nanompi.methods.tomo.rays import Method
from nanompi.methods.tomo.recon.history import History
from nanompi.methods.tomo.recon.noise import noise
from nanompi.methods.tomo.recon.reach import circle, sides

SUBSET, SUBSETS = 12, 20  # projections of a subset at least, and subsets at most: more of them do not agree
UPDATES = 200  # of the slices, by one subset each
STEPS = 1000  # of a px, in which the axis counts: slices of a tilted axis share their places
SHORT = 1e-3  # of the longest: what is shorter, or hit less, is not looked at


class Rows:
    """A and A* for some of the projections, about one axis, and what they do to 1.

    inside : (side, side, 1) real of the device, 1 where there may be something
    over_rays, over_pixels : one over A 1 and A* 1; 0 where there are none to speak of
    """

    def __init__(self, device, turn, axis: float, columns: int, inside):
        self.device, self.turn, self.axis, self.columns, self.inside = device, turn, axis, columns, inside
        ones = device.xp.broadcast_to(inside, (*inside.shape[:2], LANES)).copy()
        self.lengths = self.project(ones)
        self.hits = self.adjoint(device.xp.ones_like(self.lengths))[..., :1] * inside
        self.lengths = self.lengths[..., :1].copy()
        self.over_rays, self.over_pixels = self._over(self.lengths), self._over(self.hits)

    def project(self, f):
        """(side, side, LANES) -> (A, columns, LANES)"""
        out = self.device.xp.empty((len(self.turn), self.columns, LANES), f.dtype)
        self.device.by_rows(self.device.kernels.project_rays, f, self.turn, self.axis, out)
        return out

    def adjoint(self, q):
        """(A, columns, LANES) -> (side, side, LANES)"""
        out = self.device.xp.empty((*self.inside.shape[:2], LANES), q.dtype)
        self.device.by_rows(self.device.kernels.backproject_rays, q, self.turn, self.axis, out)
        return out

    def _over(self, sums):
        xp, enough = self.device.xp, sums > SHORT * sums.max()
        return xp.where(enough, 1 / xp.where(enough, sums, 1), 0).astype(sums.dtype)


class Sirt(Method):
    """Least squares, each ray and pixel weighed by its length: slow and steady.

    Source: doi:10.1109/TMI.2008.923696
    """

    lanes, as_measured, updates, takes = LANES, True, 200, ("iterations", "positive", "halves")

    def __init__(self, rays, options, device):
        self.rays, self.device, self.xp = rays, device, device.xp
        order, count = np.argsort(np.mod(rays.angles, np.pi), kind="stable"), self._subsets()
        self.history = History(options.iterations, -(-self.updates // count))
        self.known, self.positive = {}, options.nonnegative
        apart = np.argsort(np.mod(np.arange(count) * (np.sqrt(5) - 1) / 2, 1))  # far from those before
        self.parts = [order[first::count] for first in apart]

    def _subsets(self) -> int:
        return 1

    def slices(self, sinograms, axes):
        """(k, A, columns) -> (k, size, size), side by side where axis and side are the same"""
        size, groups = self.rays.size, {}
        out = self.xp.empty((len(axes), size, size), sinograms.dtype)
        keys = zip(np.round(axes * STEPS) / STEPS, sides(self.rays, sinograms, axes))
        for row, key in enumerate(keys):
            groups.setdefault(key, []).append(row)
        seen = self.device.array(circle(size), sinograms.dtype)
        for (axis, side), rows in groups.items():
            first = (side - size) // 2
            for i in range(0, len(rows), LANES):
                some = self.xp.asarray(rows[i : i + LANES])
                f = self._solved(self._rows(axis, side), sinograms[some])[..., : len(some)]
                f = f[first : first + size, first : first + size]
                out[some] = self.xp.moveaxis(f, 2, 0) * seen
                self.tell(len(some))
        return out

    def tallies(self) -> dict[str, np.ndarray]:
        """Of its iterations."""
        return self.history.tallies()

    def notes(self, team) -> dict:
        """Residuals of the iterations over all slices; collective."""
        return self.history.notes(team)

    def _rows(self, axis: float, side: int) -> list[Rows]:
        """One for each subset; kept until there is another axis or side"""
        if (axis, side) not in self.known:
            turn = np.stack([np.cos(self.rays.angles), np.sin(self.rays.angles)], 1)
            inside, more = self.device.array(circle(side)[..., None], self.device.real), self.rays.columns
            every = [self.device.array(turn[part]) for part in self.parts]
            self.known = {(axis, side): [Rows(self.device, own, axis, more, inside) for own in every]}
        return self.known[axis, side]

    def _solved(self, subsets: list[Rows], sinograms):
        """(side, side, LANES), of which the first are the slices of the sinograms; each ends by itself"""
        k, A, K = sinograms.shape
        packed = self.xp.zeros((A, K, LANES), sinograms.dtype)
        packed[..., :k] = self.xp.moveaxis(self._measured(sinograms), 0, 2)
        data = [packed[self.xp.asarray(part)] for part in self.parts]
        enough = np.zeros(LANES)
        enough[:k] = self.history.enough(noise(sinograms, self.xp), A * K)
        f, going, every, total = self._first(subsets, data), np.ones(LANES, bool), [], 0
        for _ in range(self.history.iterations):
            new, rest = self._iterated(f, subsets, data)
            every.append(np.where(going, rest, every[-1]) if every else rest)
            going &= rest > enough
            if not going[:k].any():
                break
            f = self.xp.where(self.device.array(going), new, f)
            total += int(going[:k].sum())
        self.history.add([rest[:k] for rest in every], self._squares(packed)[:k], total)
        return f

    def _iterated(self, f, subsets, data):
        """(next f, (LANES,) squares of what f does not explain; of subsets, when each has its turn)"""
        squares = np.zeros(LANES)
        for rows, p in zip(subsets, data):
            model = rows.project(f)
            rest = p - model
            squares += self._squares(rest)
            f = self._step(f, rows, model, rest)
        return f, squares

    def _squares(self, a):
        """(LANES,) float64"""
        return self.device.host((a * a).sum((0, 1), dtype=np.float64))

    def _measured(self, sinograms):
        return sinograms

    def _first(self, subsets, data):
        return self.xp.zeros((*subsets[0].inside.shape[:2], LANES), data[0].dtype)

    def _step(self, f, rows, model, rest):
        """The next f; model = A f, rest = p - A f"""
        f = f + rows.over_pixels * rows.adjoint(rest * rows.over_rays)
        return self.xp.maximum(f, 0) if self.positive else f


class Os(Sirt):
    """As sirt, subset after subset: as far in as few iterations as there are more subsets.

    Source: doi:10.1109/TIP.2003.815295
    """

    updates = UPDATES

    def _subsets(self) -> int:
        return min(max(1, len(self.rays.angles) // SUBSET), SUBSETS)


class Mlem(Sirt):
    """For values that are Poisson numbers, such as counts of fluorescence; never negative.

    Source: doi:10.1109/TMI.1982.4307558
    """

    updates, takes = 100, ("iterations", "halves")

    def _measured(self, sinograms):
        return self.xp.maximum(sinograms, 0)

    def _first(self, subsets, data):
        """The same everywhere: what the sum of the rays says"""
        (rows,), (p,) = subsets, data
        mean = p.sum((0, 1), dtype=np.float64) / float(rows.lengths.sum(dtype=np.float64))
        return rows.inside * mean.astype(p.dtype)

    def _step(self, f, rows, model, rest):
        positive = model > 0
        ratio = self.xp.where(positive, (model + rest) / self.xp.where(positive, model, 1), 0)
        return f * rows.over_pixels * rows.adjoint(ratio)
