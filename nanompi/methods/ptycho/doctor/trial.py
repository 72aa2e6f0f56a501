"""One geometry tried on some frames, by this rank alone: how well does it foretell frames left out?

A start probe from the data, DM and ML as in a run but shorter; then the Poisson deviance of the frames that
were left out, each over what counting noise alone would give. The frames that were iterated over do not
judge: they can prefer a wrong scale, to which object and probe have adapted.
"""

from dataclasses import dataclass, field

import numpy as np

from nanompi.errors import NumbersError
from nanompi.methods.ptycho.beam import defocused, spread
from nanompi.methods.ptycho.engines.engine import When
from nanompi.methods.ptycho.engines.ml import ML
from nanompi.methods.ptycho.engines.projections import AP, DM
from nanompi.methods.ptycho.find_probe import CLEAR, choice, evidence
from nanompi.methods.ptycho.image import lit_area, sign
from nanompi.methods.ptycho.quality import figures, per_frame
from nanompi.methods.ptycho.scale import CENTRE, seen
from nanompi.methods.ptycho.subset import Subset, apart
from nanompi.optics.propagate import propagator

LEFT_OUT, FEW = 7, 40  # of so many frames one is left out; frames for the start probe
SUBPIXEL = 4
LOOK, TRIED = 3, 10  # iterations of AP at a width: of a first look, and in full
COARSE, FINE = (20, 10), (10, 30)  # of DM and ML: from a probe of the data, and from one reconstructed
AHEAD = 4  # widths that go on after the look
LEAST = 0.01  # of the photons, that come through the object whatever the background
WIDEST = 0.3  # rms radius of the beam in parts of a frame


@dataclass
class Outcome:
    """Deviance of the frames left out, and what counting noise alone would give.

    deviance, expected : (u,)
    sign : correlation of phase and log of the amplitude of the object (`image.sign`)
    P : (h, w) complex64, the probe at the end; None where the trial diverged
    seen : (s,) log of the deviance of each frame that was iterated over, over its expectation
    """

    deviance: np.ndarray
    expected: np.ndarray
    sign: float = 0.0
    P: np.ndarray | None = None
    seen: np.ndarray = field(default_factory=lambda: np.zeros(0))

    @property
    def held(self) -> float:
        """1 = nothing but counting noise; NaN where the trial diverged"""
        return float(self.deviance.sum() / self.expected.sum())

    @property
    def error(self) -> float:
        """Error bar of `held`, from the scatter of the frames"""
        off, n = self.deviance - self.held * self.expected, len(self.deviance)
        return float(np.sqrt((off**2).sum() * n / max(1, n - 1)) / self.expected.sum())

    @property
    def logs(self) -> np.ndarray:
        """(u,) log of the deviance of each frame over its expectation: its mean is what geometries are
        compared by, since no single frame decides it"""
        return log_ratio(self.deviance, self.expected)


def log_ratio(deviance: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """log of one over the other, both of them positive"""
    return np.log(np.maximum(deviance, 1e-9) / np.maximum(expected, 1e-9))


def tried(some: Subset, P: np.ndarray | None = None) -> Outcome:
    """`some` : the frames and positions of a candidate (`Candidate.view`); P : (h, w) a probe to begin from,
    None = from the data, by a search and with fewer iterations"""
    out = left_out(some)
    p, unseen = some.problems(out, SUBPIXEL)
    begin(p, start(some, p) if P is None else P)
    try:
        with np.errstate(all="ignore"):  # a wrong geometry may diverge
            for engine, iterations in zip((DM(), ML()), COARSE if P is None else FINE):
                iterate(p, engine, iterations)
            unseen.O, unseen.P = p.O, p.P
            deviance, expected = per_frame(unseen)
            followed = log_ratio(*per_frame(p))
    except NumbersError:
        deviance = np.array([np.nan])
    if not np.isfinite(deviance).all():
        lost = np.full(len(out), np.inf)
        return Outcome(lost[out], np.ones(int(out.sum())), seen=lost[~out])
    lit = lit_area(p.device.host(p.object_weights(p.shifts.library(p.P))))
    return Outcome(deviance, expected, sign(p.device.host(p.O), lit)["sign"], p.device.host(p.P)[0], followed)


def left_out(some: Subset) -> np.ndarray:
    """(k,) bool, the frames that judge"""
    return apart(some.positions, max(4, len(some.chosen) // LEFT_OUT))


def iterate(p, engine, iterations: int) -> float:
    """So many iterations; the last error."""
    engine.start(p)
    for i in range(iterations):
        error = engine.iterate(p, i)["error"]
        p.iteration += 1
    return error


def begin(p, P):
    """A flat object, and this probe with the photons of the counts. P : (h, w)"""
    p.O[...] = 1
    photons = p.counts / len(p.at)
    through = max(photons - p.background * float(p.mask.sum()), LEAST * photons)
    P = P * np.sqrt(through / seen(p, P[None]))
    p.P[0] = p.device.array(P, p.P.dtype)


def start(some: Subset, p) -> np.ndarray:
    """(h, w) probe from the mean of the frames that are iterated over."""
    mask = p.device.host(p.mask)
    mean = np.maximum(p.device.host(p.I), 0).mean(0, dtype=np.float64)
    wave = np.sqrt(np.maximum(mean - p.background, 0) * mask)
    if some.geometry.focus is None:
        return defocused(wave, Widths(few(some), wave).best(), some.geometry.pixel)
    wave = np.where(mask > 0, wave, np.median(wave))
    z = p.device.array(wave[None, None], p.device.complex)
    back = propagator(p.device, some.geometry).backward(z, p.device.array(CENTRE))
    return p.device.host(back)[0, 0]


def few(some: Subset):
    """The frames nearest to the middle, as problems: seen and left out"""
    nearest = Subset(
        some.device, some.geometry, some.chosen[:FEW], some.positions[:FEW], some.counts[:FEW],
        some.scale[:FEW], some.frames,
    )  # fmt: skip
    return *nearest.problems(apart(nearest.positions, 4)), some.geometry.pixel


@dataclass
class Widths:
    """The search for the defocus of the start probe: short AP from beams of several widths."""

    trial: tuple
    wave: np.ndarray

    def __post_init__(self):
        self.seen, self.unseen, self.pixel = self.trial
        self.known: dict[float, tuple[float, float]] = {}

    def best(self) -> float:
        """The width whose sign stands out from the other, else the one that meets the frames best."""
        step = 0.5 / spread(self.wave, self.pixel)
        widths = [k * step for k in range(int(WIDEST / step) + 1)]
        look = {f: self.misfits(f, LOOK) for g in widths for f in {g, -g}}
        order = sorted(widths, key=lambda f: min(np.prod(look[f]), np.prod(look[-f])))
        clear = sorted(widths, key=lambda f: -abs(evidence(look, f)))
        for f in dict.fromkeys([*order[: AHEAD // 2], *clear[: AHEAD // 2]]):
            self.both(f)
        for _ in range(2):
            step, now = step / 2, abs(chosen(self.known))
            self.both(now + step)
            self.both(abs(now - step))
        return chosen(self.known)

    def both(self, f: float):
        for g in {f, -f} - set(self.known):
            self.known[g] = self.misfits(g, TRIED)

    def misfits(self, width: float, iterations: int) -> tuple[float, float]:
        """sqrt(sum (|F| - sqrt I)^2 / sum I) of frames seen and left out, after so many iterations of AP"""
        begin(self.seen, defocused(self.wave, width, self.pixel))
        error = iterate(self.seen, AP(probe=When(after=2)), iterations)
        self.unseen.O, self.unseen.P = self.seen.O, self.seen.P
        return error, figures(self.unseen)["r2"]


def chosen(known: dict) -> float:
    """Of the widths that beat their mirror image by nearly as much as any the one that meets the frames best;
    of all where none does."""
    most = max(evidence(known, f) for f in known)
    if most < CLEAR:
        return min(known, key=lambda f: np.prod(known[f]))
    return choice(known)
