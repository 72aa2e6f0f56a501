"""Memory that a rank will need, in bytes, by purpose; from the sizes of a job alone.

The most is needed while the engines iterate: frames, waves of all frames, object and probe with their sums,
and work arrays. Loading and finding a start probe need less, save for one mode and few frames. Of a small job
it is the pictures at its end; the C library keeps what the iterations had, so that these come on top of it.
"""

import numpy as np

from nanompi.data import load
from nanompi.device.cpu import BLOCK, CACHE
from nanompi.device.fit import Frame, expected_area, fit
from nanompi.methods.ptycho.find_probe import FRAMES
from nanompi.methods.ptycho.subset import MEMORY as TRIAL

# Arrays of the object's size that are alive at once, in units of a complex one. Projections: O, num, as a
# real den, and two more where amplitudes are bounded. ML: O, the old directions, the new one with a copy
# where it begins anew, as a real the weight, and another for what weight and gradient are made of.
OBJECTS = {"ML": 6.0}
PROJECTIONS = 3.5
VARIED = 4.0  # arrays like all waves: probes of the frames, their changes and slopes, half for weights; in
# the verdict probes, what moves along either axis would change of them, and a copy
PICTURES = 45 << 20  # bytes of matplotlib, its fonts and one picture, on rank 0 (benchmarks/planned.py)
PROBES = 6  # arrays of the size of the probe at all its shifts


def memory(
    sizes, frames: int, threads: int = 1, libraries: int = 0, held: int | None = None
) -> dict[str, int]:
    """{what: bytes} of a rank with so many frames on the CPU.

    held : pixels of the object that it holds (None: all); libraries : of Python, measured
    """
    waves, count = sizes.waves, int(np.prod(sizes.frame)) * sizes.item
    most = max((OBJECTS.get(name, PROJECTIONS) for name, *_ in sizes.engines), default=PROJECTIONS)
    out = {
        "frames": frames * count,
        "waves": frames * waves,
        "object": int(most * 2 * sizes.real * (sizes.pixels if held is None else held)),
        "probe": PROBES * sizes.shifts * waves,
        "work": _work(sizes, frames, threads),
        "libraries": libraries,
        "pictures": PICTURES,
    }
    if sizes.varied:
        out["probes of the frames"] = variation(sizes, frames)
    if sizes.halves:
        out["halves"] = _halves(sizes, frames)
    spare = _start(sizes, frames) - out["waves"] - out["work"]
    return out | {"start": max(0, spare)}


def _work(sizes, frames, threads) -> int:
    """Work arrays of the threads: waves and three reals of some frames; ML keeps a block of waves"""
    some = min(frames, max(1, CACHE // sizes.waves))
    real = int(np.prod(sizes.frame)) * sizes.real
    ml = any(name == "ML" for name, *_ in sizes.engines)
    return threads * some * (sizes.waves + 3 * real) + ml * min(frames, block(sizes)) * sizes.waves


def variation(sizes, frames) -> int:
    """What a probe for each frame needs, and the shapes, their directions and both at all shifts"""
    shapes = sizes.varies * (3 + 2 * sizes.shifts)
    return int((VARIED * frames + shapes) * sizes.waves) if sizes.varied else 0


def _halves(sizes, frames) -> int:
    """What the two images of halves need beyond the whole one, which has given its waves up: counts of their
    frames, the object of the whole run and theirs. A rank alone has half of the frames at a time"""
    part = 0.5 if sizes.halves == "frames" and frames == sizes.frames else 1
    rows = part * frames * int(np.prod(sizes.frame)) * sizes.item
    return max(0, int(rows + 3 * 2 * sizes.real * sizes.pixels - (1 - part) * frames * sizes.waves))


def block(sizes) -> int:
    """Frames of a block of the CPU."""
    return max(1, BLOCK // sizes.waves)


def _start(sizes, frames) -> int:
    """What goes before the waves come: raw frames on their way; frames and waves of the trials of a probe"""
    pixels = int(np.prod(sizes.frame))
    trial = min(sizes.frames, FRAMES, TRIAL // (4 * pixels)) * pixels * (4 + sizes.item + 2 * sizes.real)
    return max(trial, 4 * min(load.BLOCK, frames * sizes.raw))


def card(sizes, frames: int, bytes_of_card: int, sharers: int = 1) -> dict[str, int]:
    """What of a rank's frames fits on a card: {block, frames, counts, waves, all, need}.

    block : frames of a block; counts, waves : so many frames of each stay on the card, the others beside it
    need  : bytes with which all would stay on the card. Errors: ResourceError where not one frame fits.
    """
    fixed = int(2 * 2 * sizes.real * sizes.pixels)  # O and the places; the rest is `beside`, as in Problem
    other_arrays = 12 * 2 * sizes.real * sizes.pixels + PROBES * sizes.shifts * sizes.waves
    other_arrays += variation(sizes, frames)
    counts, area = int(np.prod(sizes.frame)) * sizes.item, expected_area(sizes.frame, sizes.waves)
    room = int(0.92 * bytes_of_card / sharers) - fixed - other_arrays
    frame = Frame(sizes.waves, counts, area)
    block = fit(frame, room, about=f"{bytes_of_card / 2**30:.0f} GiB for {sharers}")
    held, held_counts = block.held(frames)
    need = int((fixed + other_arrays + block.frames * frame.work + frames * frame.stored) * sharers / 0.92)
    return {"block": block.frames, "frames": frames, "counts": held_counts, "waves": held, "need": need}
