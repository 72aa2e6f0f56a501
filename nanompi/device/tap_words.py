"""A word for numba (lanes.py) of which projectors are made: neighbours of arrays, weighed and added up."""

from numba.extending import intrinsic

from nanompi.device.butterflies import word
from nanompi.device.kernels.joseph import LANES

GROUP = 8  # pairs of neighbours that are added up between load and store


@intrinsic
def add_taps(context, out, o, a, z, apart, i, near, far, at, stride):
    """out[o:o + LANES] += sum_j near_j a[i_j + z: ...] + far_j a[i_j + z + apart: ...] for `GROUP` j, whose
    i (int64), near and far stand at `at`, at + stride, ..."""

    def work(f, out, o, a, z, apart, i, near, far, at, stride):
        parts = range(0, LANES, f.V)
        sums, places = [f.load(out, f.plus(o, v)) for v in parts], at
        for _ in range(GROUP):
            first = f.b.add(f.number(i, places), z)
            for share, start in ((near, first), (far, f.b.add(first, apart))):
                factor = f.spread(f.number(share, places))
                taken = [f.mul(factor, f.load(a, f.plus(start, v))) for v in parts]
                sums = [f.add(total, part) for total, part in zip(sums, taken)]
            places = f.b.add(places, stride)
        for v, total in zip(parts, sums):
            f.store(total, out, f.plus(o, v))

    return word(work, "aiaiitaaii")(context, out, o, a, z, apart, i, near, far, at, stride)
