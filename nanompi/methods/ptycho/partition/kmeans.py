"""k-means, then balancing: compact parts of equal size.

1. k-means finds the centres of the parts, from equal runs of a walk over the positions.
2. A flow of frames between neighbouring parts, the cheapest one, makes the sizes right; frames at the
   border move.
3. Each two neighbouring parts share their frames anew, sizes kept, until nothing gets better: with the two
   centres a, b, the frames are sorted by |x - a|^2 - |x - b|^2 and cut, which is the best split for these
   centres.
"""

import numpy as np

from nanompi.methods.ptycho.partition import checked, sizes, walk
from nanompi.step import param, partition

SAMPLE = 30_000  # k-means on more positions costs seconds and finds the same centres ...
ENOUGH = 60  # ... where each part has so many of them
ROUNDS = 60  # of k-means at most: the balancing goes on from there


@partition("kmeans")
class KMeans:
    r"""Compact parts by k-means, balanced so that they differ by at most one frame.

    .. math::

        \min \sum_i \sum_{j \in S_i} |r_j - c_i|^2, \qquad |S_i| - |S_k| \in \{-1, 0, 1\}

    S are the parts, c their centres, r the positions.

    Unit: positions in m.

    Source: Lloyd 1982, and a flow of frames between neighbouring parts, of which none is in the result.

    Example::

        - {use: ptycho.prepare, split: kmeans}
        - ptycho
    """

    sweeps: int = param(12, ge=0, help="how often neighbouring parts share their frames anew")

    def split(self, positions: np.ndarray, parts: int, weights=None) -> list[np.ndarray]:
        """Part k = frames near centre k. positions : (n, 2) float64. Errors: DataError (few frames, NaN)."""
        p = checked(positions)
        want = sizes(len(p), parts, weights)
        if parts == 1:
            return [walk(p)]
        q = _spread(p)
        label = _clusters(q, parts)
        if weights is None:  # the one frame more goes to the parts that are largest now
            want = np.sort(want)[np.argsort(np.argsort(np.bincount(label, minlength=parts), kind="stable"))]
        return self._settled(p, q, label, want)

    def moved(self, positions: np.ndarray, parts: list[np.ndarray], weights) -> list[np.ndarray]:
        """The same parts with sizes by other weights: the borders between them move. As `split`."""
        p, label = checked(positions), np.empty(len(positions), np.int64)
        for k, part in enumerate(parts):
            label[part] = k
        want = sizes(len(p), len(parts), weights)
        return [walk(p)] if len(parts) == 1 else self._settled(p, _spread(p), label, want)

    def _settled(self, p, q, label, want):
        """Parts with the sizes wanted, from labels that lie near them"""
        _flow(q, label, want)
        for _ in range(self.sweeps):
            if not _share_anew(q, label, len(want)):
                break
        return [own[walk(p[own])] for own in _members(label, len(want))]


def _spread(p):
    """Positions scaled to about 1 and moved by 1e-6 at random: no two are equal then (grids, repeats)."""
    scale = float(np.ptp(p, axis=0).max()) or 1.0
    return (p - p.mean(axis=0)) / scale + np.random.default_rng(0).uniform(-1e-6, 1e-6, p.shape)


def _clusters(q, parts):
    """Label of each point by k-means; numbered along a walk over the centres: close ranks are neighbours.

    Lloyd, doi:10.1109/TIT.1982.1056489: each point goes to the nearest centre, each centre into the middle of
    its points. From runs of a walk in bands as wide as a part the parts end as compact as from random starts.
    """
    from scipy.spatial import cKDTree

    most = max(SAMPLE, ENOUGH * parts)
    some = q if len(q) <= most else q[np.random.default_rng(1).permutation(len(q))[:most]]
    label = np.empty(len(some), np.int64)
    for k, run in enumerate(np.array_split(walk(some, np.sqrt(np.ptp(some, axis=0).prod() / parts)), parts)):
        label[run] = k
    for _ in range(ROUNDS):
        centres, before = _centres(some, label, parts), label
        label = cKDTree(centres).query(some)[1]
        if np.array_equal(label, before):
            break
    rank = np.empty(parts, np.int64)
    rank[walk(centres, band=1 / np.sqrt(parts))] = np.arange(parts)
    return rank[label if some is q else cKDTree(centres).query(q)[1]]


def _centres(q, label, parts):
    n = np.maximum(np.bincount(label, minlength=parts), 1)
    return np.stack([np.bincount(label, q[:, i], parts) / n for i in (0, 1)], axis=1)


def _neighbours(centres):
    """Pairs (a, b), a < b, of parts that may exchange frames: the eight nearest, and a tree joining all."""
    from scipy.sparse.csgraph import minimum_spanning_tree
    from scipy.spatial import cKDTree
    from scipy.spatial.distance import cdist

    k = len(centres)
    near = np.atleast_2d(cKDTree(centres).query(centres, min(9, k))[1])
    tree = minimum_spanning_tree(cdist(centres, centres) + 1e-12).nonzero()
    a = np.concatenate([np.repeat(np.arange(k), near.shape[1]), tree[0]])
    b = np.concatenate([near.ravel(), tree[1]])
    pairs = np.unique(np.sort(np.stack([a, b], axis=1), axis=1), axis=0)
    return pairs[pairs[:, 0] < pairs[:, 1]]


def _flow(q, label, want):
    """Move frames between neighbouring parts until part k has want[k] of them (labels change in place)."""
    parts = len(want)
    have = np.bincount(label, minlength=parts)
    centres = _centres(q, label, parts)
    pairs = _neighbours(centres)
    flow = _cheapest(have - want, np.concatenate([pairs, pairs[:, ::-1]]), centres)
    waits = np.bincount([b for _, b in flow], minlength=parts)  # for how many neighbours
    while flow:
        # what flows on must have come in first; without cycles there is always a part that waits for nobody
        a, b = next(edge for edge in flow if not waits[edge[0]])
        waits[b] -= 1
        own = np.flatnonzero(label == a)
        toll = _nearer(q[own], centres[b], centres[a])
        m = flow.pop((a, b))
        label[own[np.argpartition(toll, m - 1)[:m]]] = b


def _cheapest(surplus, edges, centres):
    """{(a, b): frames} that takes every surplus to where frames are missing, at least frames * |a-b|^2.

    Squared distances prefer several short hops to one long one. This linear programme has integer corners.
    """
    from scipy.optimize import linprog
    from scipy.sparse import coo_matrix

    e, cost = len(edges), ((centres[edges[:, 0]] - centres[edges[:, 1]]) ** 2).sum(axis=1)
    sign = np.repeat([1.0, -1.0], e)
    balance = coo_matrix((sign, (edges.T.ravel(), np.tile(np.arange(e), 2))), shape=(len(surplus), e))
    found = linprog(cost + 1e-9, A_eq=balance.tocsr(), b_eq=surplus, method="highs-ds")
    moved = np.rint(found.x).astype(np.int64)
    return {(int(a), int(b)): int(m) for (a, b), m in zip(edges, moved) if m > 0}


def _nearer(x, a, b):
    """|x - a|^2 - |x - b|^2 up to a constant: small for points nearer to a."""
    return x @ (2 * (b - a))


def _share_anew(q, label, parts) -> bool:
    """Each two neighbouring parts share their frames anew, sizes kept (in place). Did anything change?"""
    changed = False
    centres = _centres(q, label, parts)
    own = _members(label, parts)
    at = [q[mine] for mine in own]
    for a, b in _neighbours(centres):
        tolls = [_nearer(at[k], centres[a], centres[b]) for k in (a, b)]
        if not (len(own[a]) and len(own[b])) or tolls[0].max() <= tolls[1].min():
            continue
        x, n = np.concatenate([own[a], own[b]]), len(own[a])
        order = np.argpartition(np.concatenate(tolls), n - 1)
        for k, mine in ((a, x[order[:n]]), (b, x[order[n:]])):
            label[mine], own[k], at[k], changed = k, mine, q[mine], True
            centres[k] = at[k].mean(axis=0)
    return changed


def _members(label, parts) -> list[np.ndarray]:
    """The points of each label, rising."""
    ends = np.cumsum(np.bincount(label, minlength=parts))[:-1]
    return np.split(np.argsort(label, kind="stable"), ends)
