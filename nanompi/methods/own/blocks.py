"""Does what a step gives for an item depend on which others stand in its block?"""

from dataclasses import replace

import numpy as np

ROUNDING = 100  # of the last digit: sums of other lengths may differ by so much


def dependence(call, block, info, pieces: int = 3) -> str:
    """What differs between a block in one piece and the same in several, in words; "" where nothing does.

    call : (block, info) -> array on the host with one entry for each item, or a dict of such
    info : with `index` and `places` of the items
    """
    if len(block) < 2:
        return ""
    parts = np.array_split(np.arange(len(block)), min(pieces, len(block)))
    whole = _named(call(block, info))
    some = [_named(call(block[p[0] : p[-1] + 1], part(info, p))) for p in parts]
    differences = (_between(whole[name], [made[name] for made in some], name) for name in whole)
    return next(filter(None, differences), "")


def _named(made) -> dict[str, np.ndarray]:
    made = made if isinstance(made, dict) else {"": made}
    return {name: np.asarray(value) for name, value in made.items()}


def _between(whole: np.ndarray, some: list[np.ndarray], name: str) -> str:
    lead = f"{name}: " if name else ""
    if {p.shape[1:] for p in some} != {whole.shape[1:]} or {p.dtype for p in some} != {whole.dtype}:
        kinds = ", ".join(f"{p.shape} {p.dtype}" for p in some)
        return f"{lead}in one piece it gives {whole.shape} {whole.dtype}, in {len(some)} pieces {kinds}"
    difference = _difference(whole, np.concatenate(some), len(some))
    return difference and lead + difference


def _difference(whole: np.ndarray, some: np.ndarray, pieces: int) -> str:
    exact = whole.dtype.kind not in "fc"
    scale = 0.0 if exact else float(np.nanmax(abs(whole), initial=0.0))
    limit = 0.0 if exact else ROUNDING * float(np.finfo(whole.dtype).eps) * scale
    if np.allclose(some, whole, rtol=0, atol=limit, equal_nan=not exact):
        return ""
    items = [i for i in range(len(whole)) if not np.allclose(some[i], whole[i], 0, limit, not exact)]
    return (
        f"{len(items)} of {len(whole)} items differ between one piece and {pieces}, the first is item "
        f"{items[0]}: {_example(whole[items[0]], some[items[0]], limit)}"
    )


def _example(one: np.ndarray, other: np.ndarray, limit: float) -> str:
    away = ~np.isclose(one, other, 0, limit, one.dtype.kind in "fc")
    place = tuple(np.argwhere(away)[0])
    return f"{one[place]:.6g} and {other[place]:.6g}"


def part(info, rows: np.ndarray):
    """What a step may know of some of the items of a block."""
    places = {axis: numbers[rows] for axis, numbers in info.places.items()}
    return replace(info, index=info.index[rows], places=places)
