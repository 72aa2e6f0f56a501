"""Each detector on a scale of its own; those that do not see the sample are left out; the model of all."""

from dataclasses import dataclass, field, replace

import numpy as np

from nanompi.errors import DataError, NumbersError
from nanompi.methods.maps.xrf.missing import completed, needless
from nanompi.methods.maps.xrf.model import Model
from nanompi.methods.maps.xrf.response import FWHM, START, Detector, energies_of
from nanompi.methods.maps.xrf.scale import SLOPES, common, slopes
from nanompi.methods.maps.xrf.shape import FREE, Scene, Shape, channels_of, energies, fitted

FEW = 300  # counts, fewer than which tell no scale
LIKE = 0.1  # part by which slopes of the detectors of one scan differ at most
RIVALS = 2.0  # times the best score, up to which slopes are looked at more closely
SHADOWED = 0.05  # part of the fluorescence that the best detector sees
AIR = ("Ar_K",)  # which all detectors see
STRONG = 5  # families by which detectors are compared
KNOWN = 30.0  # standard deviations, from which on the shares of a family are its own
SEEN = 5.0  # standard deviations of the elastic peak that is there
CHANNELS = 20  # that are fitted at least


@dataclass(frozen=True)
class Task:
    """What is to be found in spectra.

    names : families that are named; auto : others may be added; energy : eV, of the beam
    low, high : eV, of what is fitted; start : parameters (`response`) where the search begins; free : of
    them, those that are found
    """

    names: tuple[str, ...]
    auto: bool
    energy: float
    low: float
    high: float
    detector: Detector = field(default_factory=Detector)
    pileup: bool = True
    start: dict = field(default_factory=dict)
    free: tuple[str, ...] = FREE

    def scene(self, names) -> Scene:
        """The spectrum of some families."""
        return Scene(tuple(names), self.energy, self.low, self.high, self.detector, self.pileup)


def brightest(sums: np.ndarray, wanted: np.ndarray) -> int:
    """Number of the detector with most counts, among those that are wanted. sums : (d, channels)

    Errors: DataError where none has counted anything.
    """
    counts = np.where(wanted, sums.sum(1), -1)
    if counts.max() < FEW:
        raise DataError(
            f"the spectra of the whole scan have {max(counts.max(), 0):.0f} counts in their best detector, "
            "which tell no scale of energies; is this the right file?"
        )
    return int(np.argmax(counts))


def best_shape(counts: np.ndarray, task: Task) -> tuple[Shape, float]:
    """The fit of a spectrum of which nothing is known, and how much worse the next best scale is.

    Errors: NumbersError where there is no scale, DataError where the beam leaves no elastic peak.
    """
    names = [*task.names, *(n for n in common(task.energy) if task.auto and n not in task.names)]
    given = task.start.get("slope")
    found = [(1.0, given)] if given else slopes(counts, task.energy, names)
    if not found:
        raise NumbersError(
            f"xrf.calibrate: no scale from {SLOPES[0]:.0f} to {SLOPES[-1]:.0f} eV a channel puts the counts "
            f"below the {task.energy / 1e3:.4g} keV of the beam; is the energy right?"
        )
    near = [slope for score, slope in found[:3] if score < RIVALS * found[0][0]]
    start = START | {"energy": task.energy} | task.start
    for slope in near:
        first, end = channels_of(start | {"slope": slope}, task.scene(names), len(counts))
        if end - first < CHANNELS:
            raise DataError(
                f"xrf.calibrate: {max(0, end - first)} of {len(counts)} channels are in the range of "
                f"{task.low:g} to {task.high:g} eV by {slope:.4g} eV a channel and channel 0 at "
                f"{start['offset']:.4g} eV; {CHANNELS} are needed: change `start` or `range`"
            )
    tries = [fitted(counts, task.scene(names), start | {"slope": slope}, task.free) for slope in near]
    shape = min(tries, key=lambda one: one.chi2)
    _need_scale(shape)
    _need_elastic(shape, counts)
    rival = found[1][0] / found[0][0] if len(found) > 1 else np.inf
    return (_with_all(shape, counts, task) if task.auto else shape), float(rival)


def _with_all(shape: Shape, counts: np.ndarray, task: Task) -> Shape:
    """The fit with what the rest asks for, without what explains nothing; twice, as peaks become better."""
    for _ in range(2):
        shape = completed(shape, counts)
        left = [n for n in shape.scene.names if n not in needless(shape, task.names)]
        shape = fitted(counts, replace(shape.scene, names=tuple(left)), shape.p, task.free)
    return shape


def _need_scale(shape: Shape) -> None:
    if "slope" in shape.held:
        raise NumbersError(
            f"xrf.calibrate: the slope wants to leave the range about its start, {shape.p['slope']:.4g} eV a "
            "channel; leave `start` out, or see whether the elements are those of the sample"
        )


def _need_elastic(shape: Shape, counts: np.ndarray) -> None:
    """Errors: DataError where the spectrum reaches up to the beam and has no peak there."""
    place = shape.scene.columns.index("elastic")
    inside = energies(shape)[-1] > shape.p["energy"] + 200 if len(shape.counts) else False
    if not inside or shape.amplitudes[place] > SEEN * shape.sigma[place]:
        return
    at = energies_of(shape.p, np.arange(len(counts)))
    near = np.flatnonzero((at > 0.7 * shape.scene.energy) & (at < 1.4 * shape.scene.energy))
    highest = at[near[np.argmax(counts[near])]]
    raise DataError(
        f"xrf.calibrate: there is no elastic peak at {shape.scene.energy / 1e3:.4g} keV, the energy of the "
        f"beam; the highest peak about there is at {highest / 1e3:.4g} keV; correct `energy:` in "
        "the input section"
    )


def other_shape(counts: np.ndarray, like: Shape, task: Task) -> Shape | None:
    """The fit of another detector of the same scan; None where it has counted too little."""
    if counts.sum() < FEW:
        return None
    among = like.p["slope"] * np.exp(np.arange(-LIKE, LIKE + 1e-9, 0.005))
    found = slopes(counts, task.energy, list(like.scene.names), among)
    slope = found[0][1] if found else like.p["slope"]
    return fitted(counts, like.scene, like.p | {"slope": slope}, task.free)


def sight(shapes: list[Shape | None], best: int) -> np.ndarray:
    """(d,) how much of what one detector sees of the sample the others see: the median over the strongest
    families; nothing of the air, which those see, too, that the sample is hidden from."""
    names = shapes[best].scene.names
    order = [k for k in np.argsort(-shapes[best].amplitudes[: len(names)]) if names[k] not in AIR][:STRONG]
    order = order or list(range(len(names)))
    of = [np.zeros(len(order)) if s is None else s.amplitudes[order] for s in shapes]
    return np.median(np.array(of) / np.maximum(of[best], 1e-9), axis=1)


def model_of(shapes: list[Shape | None], channels: int, energy: float) -> Model:
    """The columns of all detectors side by side; None for those that are left out."""
    names = next(s for s in shapes if s).scene.columns
    amplitudes = np.array([np.zeros(len(names)) if s is None else s.amplitudes for s in shapes])
    sigma = np.array([np.zeros(len(names)) if s is None else s.sigma * max(s.chi2, 1) ** 0.5 for s in shapes])
    shares = _shares(names, amplitudes, sigma)
    columns, good = np.zeros((len(shapes), channels, len(names))), np.zeros((len(shapes), channels), bool)
    at = np.zeros((len(shapes), channels))
    for d, shape in enumerate(shapes):
        if shape is not None:
            some = slice(shape.first, shape.last)
            columns[d, some], good[d, some] = shape.design * shares[d], True
            at[d] = energies_of(shape.p, np.arange(channels))
    total = columns.sum((0, 1))
    keep = [k for k, n in enumerate(names) if total[k] > 0 and not _unseen(n, amplitudes[:, k], sigma[:, k])]
    peak = [{} if s is None else dict(s.p) for s in shapes]
    columns = columns[..., keep] / total[keep]
    return Model([names[k] for k in keep], columns, good, at, shares[:, keep], peak, energy)


def _unseen(name: str, amplitudes, sigma) -> bool:
    """Pile-up that is not seen in the sums is none in the pixels."""
    return name == "pileup" and amplitudes.sum() < 3 * np.sqrt((sigma**2).sum())


def _shares(names: list[str], amplitudes, sigma) -> np.ndarray:
    """(d, m) what each detector gets of each column: as measured, or that of all elements together where it
    is too weak to tell."""
    total = amplitudes.sum(0)
    elements = [k for k, n in enumerate(names) if "_" in n]
    own = amplitudes[:, elements or slice(None)].sum(1)
    own = own / max(own.sum(), 1e-300)
    sure = total > KNOWN * np.sqrt((sigma**2).sum(0))
    sure |= (np.array(["_" not in n for n in names])) & (total > 0)
    return np.where(sure, amplitudes / np.maximum(total, 1e-300), own[:, None])


def width_at(p: dict, energy: float) -> float:
    """eV, FWHM of a peak at an energy."""
    return float(np.hypot(p["noise"], FWHM * np.sqrt(p["fano"] * 3.66 * energy)))
