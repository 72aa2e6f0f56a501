"""The result of `cdi`: image in CXI form, curves, the table of all starts."""

import numpy as np

from nanompi.methods.cdi.phase import FIGURES
from nanompi.methods.cdi.prtf import LEVEL
from nanompi.run.result import Marks, Signal

MARGIN = 4  # pixels around the support that are shown
SAME = "of waves exp(+i k z); its level is free, and so is the conjugate turned about a point"
UNITS = {"support": "px"}


def fill(run, found) -> None:
    """Image, arrays, signals and notes into the result of a run (rank 0). found : `step.Found`"""
    r, box, p = run.result, found.box, found.pattern
    image = found.image[box]
    flat = image.ndim == 2
    r.main = "phase" if flat and not found.positive else "amplitude"
    r.groups["starts"] = "NXcollection"
    r.arrays |= {
        "image_1/data": image,
        "image_1/mask": found.support[box].astype(np.uint8),
        "image_1/is_fft_shifted": np.array(0),
        "image_1/image_center": np.array([n // 2 - b.start for n, b in zip(p.shape, box)][::-1], float),
        "solutions/data": np.stack([natural(one)[box] for one in found.combined.images]),
        "solutions/number": found.combined.numbers,
        "solutions/agreement": found.combined.agreement,
        "average/data": natural(found.combined.average)[box],
        "modes/data": np.stack([natural(one)[box] for one in found.combined.modes]),
        "modes/weight": found.combined.weights,
        "pattern/counts": natural(p.counts),
        "pattern/good": natural(p.good).astype(np.uint8),
        "pattern/held_out": natural(p.held).astype(np.uint8),
        "support/data": found.support.astype(np.uint8),
        **table(found.figures, found.combined.numbers),
        **history(found.history),
    }
    if found.pixel:
        size = np.array(found.pixel[-2:])
        r.arrays["object/pixel_size"] = (size, {"units": "m"})
    if found.truth is not None:
        r.arrays["truth/object"] = found.truth
    r.signals |= image_signals(image, found.pixel, found.positive)
    r.signals["prtf"] = prtf_signal(found)
    r.pictures |= pictures(found)
    r.notes["cdi"] = found.facts
    r.notes |= {"geometry": found.geometry, "preparation": p.notes, "input": run.data["data"].notes}


def natural(array: np.ndarray) -> np.ndarray:
    """From FFT order to its middle at n // 2."""
    return np.fft.fftshift(array)


def table(figures: dict[int, dict], chosen) -> dict:
    """starts/NAME : (n,) each figure of each start, and whether it was averaged"""
    numbers = sorted(figures)
    names = [name for name in FIGURES if any(name in figures[n] for n in numbers)]
    out = {"starts/number": np.array(numbers), "starts/chosen": np.isin(numbers, chosen).astype(np.uint8)}
    for name in names:
        values = np.array([figures[n].get(name, np.nan) for n in numbers])
        out[f"starts/{name}"] = (values, {"units": UNITS.get(name, ""), "long_name": FIGURES[name]})
    return out


def history(rows: list[dict]) -> dict:
    """history/NAME : (lines,) of the best start, the figures each LOOK iterations and at the end"""
    out = {"history/engine": np.array([row["engine"] for row in rows], "S")} if rows else {}
    names = dict.fromkeys(name for row in rows for name in row if name != "engine")
    for name in names:
        values = np.array([row.get(name, np.nan) for row in rows], float)
        meaning = FIGURES.get("free" if name == "held" else name, "number of the iteration, from 1")
        out[f"history/{name}"] = (values, {"units": UNITS.get(name, ""), "long_name": meaning})
    return out


def lines(figures: dict[int, dict], order: list[int], chosen, most: int = 32) -> str:
    """The table for the log, the best start first."""
    names = [name for name in FIGURES if name in figures[order[0]]]
    out = ["start  " + "  ".join(f"{name:>10}" for name in names)]
    for n in order[:most]:
        cells = (_cell(figures[n].get(name)) for name in names)
        out.append(f"{n:5d}  " + "  ".join(f"{cell:>10}" for cell in cells) + "  averaged" * (n in chosen))
    out += [f"and {len(order) - most} more, in starts/ of the result"] * (len(order) > most)
    return "\n".join(out)


def _cell(value) -> str:
    return "" if value is None else f"{value}" if isinstance(value, int) else f"{value:.5f}"


def axes_of(shape, pixel) -> dict:
    """m from the corner of an image where its pixel is known, else pixels."""
    names = ("z", "y", "x")[-len(shape) :]
    sizes, unit = (pixel, "m") if pixel else ((1.0,) * len(shape), "px")
    return {name: (np.arange(n) * s, unit) for name, n, s in zip(names, shape, sizes)}


def image_signals(image, pixel, positive: bool = False) -> dict[str, Signal]:
    """Phase and amplitude, (h, w) or (d, h, w); of a volume the middle plane is shown as a picture."""
    axes, flat = axes_of(image.shape, pixel), image.ndim == 2
    amplitude = np.abs(image).astype(np.float32)
    out = {"amplitude": Signal(amplitude, axes, "", "amplitude of the object", "image" if flat else "")}
    if not positive:
        phase, seen = np.angle(image).astype(np.float32), amplitude * amplitude
        usual = float(np.median(seen[seen > 0.01 * seen.max()])) if seen.any() else 1.0
        seen = {"seen": seen, "usual": usual} if flat else {}
        show = "angle" if flat else ""
        out["phase"] = Signal(phase, axes, "rad", "phase of the object", show, note=SAME, **seen)
    return out


def prtf_signal(found) -> Signal:
    """The PRTF over the spatial frequency, with 1 / e"""
    curve, pixel = found.curve, found.pixel
    q, unit = (curve.frequency / max(pixel), "1/m") if pixel else (curve.frequency, "1/px")
    values = np.stack([curve.value, np.full(len(q), LEVEL)])
    title = f"phase retrieval transfer function of {len(found.combined.numbers)} starts, 1/e"
    axes = {"line": (np.arange(2), ""), "frequency": (q, unit)}
    return Signal(values, axes, "", title, "curve", marks=Marks(("PRTF", "1/e"), "PRTF"))


def pictures(found) -> dict[str, Signal]:
    """The pattern, the starts in the order of their figure, and of a volume its middle planes."""
    p, out = found.pattern, {}
    counts = natural(np.where(p.good | p.held, p.counts, np.nan))
    if counts.ndim == 3:
        counts = counts[len(counts) // 2]
        out = {f"{name}_plane": Signal(one, {}, "", f"{name}, middle plane", show)
               for name, one, show in _planes(found)}  # fmt: skip
    centre = tuple(n // 2 for n in counts.shape)
    out["pattern"] = Signal(counts, {}, "counts", "the pattern", "frame", marks=Marks(centre=centre))
    ranked = np.array([found.figures[n][found.by] for n in found.order], float)
    if len(ranked) > 1:
        axes = {"rank": (np.arange(1, len(ranked) + 1), "")}
        title = f"{found.by} of the starts, the best first"
        out["starts"] = Signal(ranked[None], {"line": (np.arange(1), ""), **axes}, "",
                               title, "curve", marks=Marks((found.by,), found.by))  # fmt: skip
    return out


def _planes(found):
    middle = found.image[found.box]
    middle = middle[len(middle) // 2]
    yield "amplitude", np.abs(middle).astype(np.float32), "image"
    yield "phase", np.angle(middle).astype(np.float32), "angle"


def box_of(support: np.ndarray) -> tuple[slice, ...]:
    """Around a support in natural order, with MARGIN; all of it where it is empty."""
    out = []
    for axis, n in enumerate(support.shape):
        there = np.flatnonzero(support.any(tuple(k for k in range(support.ndim) if k != axis)))
        first, last = (there[0], there[-1]) if len(there) else (0, n - 1)
        out.append(slice(max(0, int(first) - MARGIN), min(n, int(last) + 1 + MARGIN)))
    return tuple(out)
