"""What ranks give each other of an array like the object: gathered for all neighbours at once, and the shares
of all ranks added up in their order.

a      : (N,) complex, the array, flat        pixels : (K,) int64, where several ranks hold a share
where  : (G,) int64, pixels that neighbours hold too, one neighbour after the other
out, take : (G,) complex, what is given, and what came from them, in the same order
first  : (K + 1,) int32; source : int32. The shares of pixel k are source[first_k : first_{k+1}], in the order
    of the ranks: s >= 0 is take[s], s < 0 is this rank's own
"""

import numpy as _np


def gather_halo(a, where, out):
    """out_g = a[where_g]"""
    out[...] = a[where]


def add_halo(a, pixels, first, source, take):
    """a[pixels_k] = 0 + its shares, one after the other"""
    own, total = a[pixels], _np.zeros(len(pixels), a.dtype)
    for i in range(max(_np.diff(first), default=0)):
        k = _np.flatnonzero(first[:-1] + i < first[1:])
        s = source[first[:-1][k] + i]
        total[k] += _np.where(s < 0, own[k], take[s])
    a[pixels] = total
