"""Bytes and seconds of the sums over ranks in one iteration.

allreduce : every rank gives the whole object array (and the weights, where they are not computed by each
    rank) to an Allreduce. For large arrays MPI sums halves with partners at growing distance and collects
    them again (Rabenseifner, doi:10.1007/978-3-540-24685-5_1): 2 (p - 1) / p of the bytes cross a rank's
    link in 2 log2 p steps. A ring moves the same bytes in 2 (p - 1) steps.
overlap   : a rank sends each neighbour the pixels that both see, once; the weights follow from the probe and
    the positions. The probe is a small Allreduce in both.
Nothing is assumed to hide behind computing.
"""

import numpy as np

from nanompi.mpi.link import Link

NUMBER = 8  # bytes of a sum of misfits


def weights_sent(sizes, ranks: int, rate: float = 8e9, link: float = 4e8) -> bool:
    """Does an Allreduce of the weights cost less than summing all frames alone? As the engines decide."""
    others = sizes.frames - len(sizes.parts(ranks)[0])
    return ranks > 1 and not others * np.prod(sizes.frame) / rate < sizes.pixels / link


def exchanged(sizes, engine: str) -> int:
    """Complex arrays like the object that the ranks sum; with a probe for each frame its weights are one."""
    return 2 if engine == "ML" and sizes.varied else 1


def small(sizes, engine: str, probe: bool, overlap: bool = False) -> int:
    """Bytes of probe sums and numbers that each rank gives to a small Allreduce in one iteration."""
    arrays = sizes.waves + int(np.prod(sizes.frame)) * sizes.real
    if engine == "ML":
        # L; slope, curvature; sum and number of the flux; in overlap two inner products
        shapes = sizes.varies * (sizes.waves + NUMBER) + 2 * NUMBER if sizes.varied else 0
        return arrays + (5 + 2 * overlap) * NUMBER + shapes
    return probe * arrays + NUMBER


def allreduce_bytes(sizes, engine: str, ranks: int, probe: bool = True) -> int:
    """Bytes that each rank gives to Allreduce in one iteration, as `timing.Clock.sent` counts them."""
    if ranks == 1:
        return 0
    arrays = 2 * sizes.real * exchanged(sizes, engine)
    if arrays == 2 * sizes.real:
        arrays += sizes.real * weights_sent(sizes, ranks)
    return sizes.pixels * arrays + small(sizes, engine, probe)


def overlap_bytes(sizes, engine: str, ranks: int, probe: bool = True) -> np.ndarray:
    """(ranks,) bytes that each rank sends to its neighbours, and gives to Allreduce, in one iteration."""
    if ranks == 1:
        return np.zeros(1, np.int64)
    bands = sizes.bands(ranks).sent * 2 * sizes.real * exchanged(sizes, engine)
    return bands + small(sizes, engine, probe, overlap=True)


def seconds(sizes, engine: str, ranks: int, link: Link, combine: str) -> float:
    """Seconds of the sums of one iteration on the slowest rank. combine : allreduce or overlap"""
    if ranks == 1:
        return 0.0
    if combine == "allreduce":
        return link.allreduce(allreduce_bytes(sizes, engine, ranks), ranks)
    bands, few = sizes.bands(ranks), small(sizes, engine, True, overlap=True)
    own = zip(bands.sent * 2 * sizes.real * exchanged(sizes, engine), map(len, bands.shared))
    return max(link.exchange(*o) for o in own) + link.allreduce(few, ranks)
