"""A start probe from the data alone.

The mean frame shows the intensity of the probe at the detector; its phase is not known, but a lens leaves
mainly a quadratic one, the defocus: P = F^-1[sqrt(mean I) exp(i pi g k^2)]. One number is missing, told
here as the signed width f of the beam at the sample: its rms radius in parts of what a frame sees of the
sample (of its shorter side). It is found by trying: a few iterations of AP on the frames in the middle of
the scan for many f, of both signs, then for some around the best.

How well the frames are met does not tell which is right: a narrow beam leaves each frame an object of its
own and meets them all; a wide one hides the object and foretells the mean frame for any other. But the right
one stands out from its mirror image -f, most of all in frames that were left out of the iterations. So the
width is taken at which one sign beats the other by most. Where none does, the sign does not show, and the
width that meets the frames best is taken, if the frames overlap with it.

Two iterations show already which widths have a chance: their evidence is a third of that at the end, in the
same proportions. Only those with half of the largest go on; all do where none stands out.

Most frames are dark far out. They are cut to a window that holds nearly all of the light, which costs a third
for 256 pixels; only where no sign stands out there, by a good deal, the search begins anew with whole frames,
and where none stands out there, either, once more with twice as many.

An object of several rad scatters half of the light out of the lens; the mean frame is wider than the lens by
two, and no width of it meets the frames. There discs of smaller radii are tried in its place, and taken where
one stands out more.

Where the beam fluctuates, frames are met with the brightness that their sums have: it would pass for
structure of the object.

The candidates are shared out over the ranks and each is tried by one rank alone, so that the answer does not
depend on their number. In the near field the mean frame itself, brought back to the sample, is the probe.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from nanompi.errors import DataError, common
from nanompi.methods.ptycho.beam import (
    at_sample,
    bent,
    counting_misfit,
    defocused,
    discs,
    filling,
    mean_frame,
    spread,
    window,
)
from nanompi.methods.ptycho.brightness import brightness
from nanompi.methods.ptycho.engines.engine import When
from nanompi.methods.ptycho.engines.projections import AP
from nanompi.methods.ptycho.overlap import HARDLY, Overlap, overlap
from nanompi.methods.ptycho.problem import Problem
from nanompi.methods.ptycho.quality import figures
from nanompi.methods.ptycho.scale import CENTRE, seen
from nanompi.methods.ptycho.subset import WHOLE, apart, subset
from nanompi.optics.propagate import propagator

WIDEST = 0.3  # rms radius of the beam that leaves some of the frame dark
FRAMES, ITERATIONS = 50, 10
MANY = 100  # frames where no sign stands out with FRAMES: evidence of 0.04 and 0.06 became 0.14 and 0.12
LOOK = 2  # iterations of a first look at all widths
AHEAD = 0.5  # of the best evidence at the first look; of 16 scans the widths taken in the end had 0.8 or more
FULL = 0.26  # rms radius of the mean frame: 0.2 for a lens of 0.28 of the frame, 0.28 for a hologram in 0.4
EVEN = 0.36  # a round lens that touches the edges of a square frame has 0.354, even light 0.408
LIT = 10  # pixels of the mean frame with light: fewer have no form
OUT = 10  # of so many frames one is left out
CLEAR = 0.1  # |log| of the misfits' ratio from which on a sign is better: noise 0.04, 2 px of error 0.24
SURE = 0.2  # the same where frames were cut: what an object scatters far out is missing there
CLOSE = 0.9  # of the best evidence; widths with so much are told apart by how well they meet the frames
BAD = 0.2  # misfit: plain objects have at most 0.17, those of 6 rad 0.13 to 0.48
MORE = 1.1  # times the evidence for the mean frame: a disc has no stop and no other fine structure
ALIKE = 1.3  # misfits up to this ratio say little about the width


@dataclass
class Trial:
    """The frames in the middle of the scan, on every rank alike: those iterated over, those left out; of the
    amplitude of the mean frame, and its `window`, to which the frames are cut.

    pixel : (2,) m of the sample, of whole frames; disc : the amplitude is a disc in place of the mean frame
    """

    seen: Problem
    unseen: Problem | None
    wave: np.ndarray
    window: tuple
    pixel: tuple[float, float]
    disc: bool = False

    @property
    def whole(self) -> bool:
        """Is nothing cut?"""
        return self.seen.mask.shape == self.wave.shape

    def excess(self, misfit: float) -> float:
        """The misfit beyond that of counting noise"""
        noise = counting_misfit(self.wave**2) if self.seen.noise == "counts" else 0.0
        return float(np.sqrt(max(0.0, misfit**2 - noise**2)))

    def misfits(self, width: float, iterations: int) -> tuple[float, float]:
        """sqrt(sum (|F| - sqrt I)^2 / sum I) after iterations from this probe and a flat object: of the
        frames seen, and of those left out (1 without any)."""
        p, P = self.seen, self.beam(width)
        p.O[...] = 1
        P = P * np.sqrt(p.counts / len(p.at) / seen(p, P[None]))
        p.P[0] = p.device.array(P, p.P.dtype)
        engine = AP(probe=When(after=2))
        engine.start(p)
        error = [engine.iterate(p, i)["error"] for i in range(iterations)][-1]
        return error, figures(self.unseen)["r2"] if self.unseen else 1.0

    def overlap(self, width: float) -> Overlap:
        """Of the frames, if this is the beam."""
        pixel = [d * n / m for d, n, m in zip(self.pixel, self.wave.shape, self.seen.mask.shape)]
        return overlap(self.beam(width)[None], self.seen.places, pixel)

    def beam(self, width: float) -> np.ndarray:
        """`defocused`, of what the window holds."""
        return at_sample(bent(self.wave, width, self.pixel)[self.window])


def find_probe(run, p, geometry) -> np.ndarray:
    """(1, h, w) complex, equal on all ranks; p : the problem, of which frames and places are used.

    Errors: DataError where only beams too narrow for the scan meet the frames.
    """
    wave = np.sqrt(mean_frame(p))
    lit = int(np.count_nonzero(wave))
    if lit < LIT:
        raise common(
            DataError(
                f"no start probe follows from the data: {lit} pixels of the mean frame have light; is it the "
                "right file? Give the probe if you know it: `probe: {start: aperture, ...}`"
            )
        )
    if geometry.focus is not None:
        wave = np.where(p.device.host(p.mask) > 0, wave, np.median(wave))
        z = p.device.array(wave[None, None], p.device.complex)
        return p.device.host(propagator(p.device, geometry).backward(z, p.device.array(CENTRE))[0])
    if filling(wave) > EVEN:
        run.say(f"warning: {question(wave)}")
    search = with_disc(run, searched(run, geometry, wave))
    search.settle()
    if not search.clear and FULL < filling(wave) <= EVEN:
        run.say(f"warning: no start probe stands out, and {question(wave)}")
    run.say(words(search))
    return defocused(search.trial.wave, search.best, geometry.pixel)[None]


def searched(run, geometry, wave) -> "Search":
    """With a window of few frames, with whole frames, or with more of them: the first in which a sign stands
    out, or the second (collective)."""
    search = Search(trial_of(run, geometry, wave, window(wave)))
    if not search.trial.whole and search.quick(run):
        return search
    search = Search(trial_of(run, geometry, wave, WHOLE))
    if search.whole(run) or len(run.data["data"].positions) <= FRAMES:
        return search
    more = Search(trial_of(run, geometry, wave, WHOLE, MANY))
    return more if more.whole(run) else search


@dataclass
class Search:
    """The search for the width with some frames.

    look, tried : {signed width: misfits} after a few and after all iterations; best : the width; clear : does
    one sign beat the other?
    """

    trial: Trial
    look: dict = field(default_factory=dict)
    tried: dict = field(default_factory=dict)
    best: float = 0.0
    clear: bool = False

    @property
    def step(self) -> float:
        """Between the first widths: what the depth of focus allows"""
        return 0.5 / spread(self.trial.wave, self.trial.pixel)

    @property
    def widths(self) -> list[float]:
        """Those of the first look"""
        return [i * self.step for i in range(int(WIDEST / self.step) + 1)]

    @property
    def evidence(self) -> float:
        """For the best width against its mirror image"""
        return evidence(self.tried, self.best)

    def quick(self, run) -> bool:
        """Is it found among those ahead at the first look, beyond doubt?"""
        self.look = attempt(run, self.trial, self.widths, LOOK)
        return any(self.stands_out(run, some, SURE) for some in rounds(self.look, self.widths)[:-1])

    def whole(self, run) -> bool:
        """Is it found, if need be among all?"""
        self.look = attempt(run, self.trial, self.widths, LOOK)
        return any(self.stands_out(run, some, CLEAR) for some in rounds(self.look, self.widths))

    def stands_out(self, run, widths, least: float) -> bool:
        """Does one of these stand out, with so much evidence?"""
        self.best = finest(run, self.trial, self.tried, widths, self.step)
        self.clear = abs(self.evidence) >= least
        return self.clear

    def settle(self):
        """Where no sign beats the other, what meets the frames best. Errors: DataError."""
        if not self.clear:
            self.best = fallback(self.trial, self.tried)


def with_disc(run, search: Search) -> Search:
    """The search, or one with a disc in place of the mean frame where the frames are met badly and the disc
    stands out more."""
    trial, least = search.trial, min(seen for seen, _ in search.tried.values())
    if trial.excess(search.tried[search.best][0] if search.clear else least) < BAD:
        return search
    trials = [replace(trial, wave=wave, disc=True) for wave in discs(trial.wave, trial.pixel)]
    sure = [one for one in map(Search, trials) if one.quick(run)]
    best = max(sure, key=lambda one: one.evidence, default=search)
    return best if best.evidence > MORE * max(search.evidence, 0) else search


def rounds(look, widths) -> list[list[float]]:
    """Widths, of either sign, to be tried in full after a first look: those ahead, and all should these not
    tell; all at once where none stands out."""
    most = max(abs(evidence(look, f)) for f in widths)
    ahead = [f for f in widths if abs(evidence(look, f)) >= AHEAD * most]
    return [widths] if most < CLEAR / 2 else [ahead, widths]


def finest(run, trial, tried, widths, step) -> float:
    """The choice among these widths, a step apart, after two halvings around the best; adds to `tried`."""
    tried |= attempt(run, trial, [f for f in widths if f not in tried])
    for _ in range(2):
        step, best = step / 2, abs(choice(tried))
        tried |= attempt(run, trial, [f for f in (best + step, best - step) if f not in tried])
    return choice(tried)


def question(wave) -> str:
    """What light over the whole frame asks."""
    return (
        f"the counts reach over the whole frame (rms radius {filling(wave):.2f} of its side; even light has "
        "0.41), as in the near field: is `focus:` missing in the input section?"
    )


def evidence(tried, width) -> float:
    """log of the ratio of the misfits (seen times left out) of -width and width: > 0 speaks for `width`."""
    own, mirrored = (np.prod(tried[w]) for w in (width, -width))
    return float(np.log(mirrored / own))


def choice(tried) -> float:
    """Of the widths that beat their mirror image by nearly as much as any, the one that meets the frames
    best."""
    if not tried:  # no comparison of misfits holds that are no numbers
        raise common(
            DataError(
                "no start probe follows from the data: no beam meets the frames; have they next to no counts?"
                " Give the probe if you know it: `probe: {start: aperture, ...}`"
            )
        )
    most = max(evidence(tried, f) for f in tried)
    return min((f for f in tried if evidence(tried, f) >= CLOSE * most), key=lambda f: tried[f][0])


def fallback(trial, tried) -> float:
    """The width that meets the frames best, where no sign beats the other. A beam with which the frames
    hardly overlap meets any frames: then a wider one that is not much worse is taken. Errors: DataError."""
    order = sorted(tried, key=lambda f: tried[f][0])
    best = order[0]
    if trial.overlap(best).part >= HARDLY:
        return best
    wider = [f for f in order if trial.overlap(f).part >= HARDLY]
    if wider and tried[wider[0]][0] < ALIKE * tried[best][0]:
        return wider[0]
    rest = f"(misfit {tried[best][0]:.3f}, the best wider one {tried[wider[0]][0]:.3f})" if wider else ""
    raise DataError(
        f"no start probe follows from the data: only a narrow beam meets the frames {rest}, but then they "
        f"hardly overlap ({trial.overlap(best)}): each is met by an object of its own, with both signs of "
        "the curvature alike. Either the beam is so narrow, and the steps are too wide to find it, or the "
        "positions, energy, distance or detector pixel are wrong, or it is a near field without `focus:`; "
        "not known is which. Give the probe if you "
        "know it, by `probe: {start: aperture, aperture: ..., focal: ..., defocus: ...}` or `probe: {start: "
        "file, file: ...}`"
    )


def words(search: Search) -> str:
    """One line for the log, with what is doubtful"""
    best, tried, misfit = search.best, search.look | search.tried, search.tried[search.best][0]
    worst = max(v[0] for v in tried.values())
    out = f"start probe from the data: rms radius {abs(best):.3f} of the frame "
    out += "(a disc, smaller than the mean frame; " if search.trial.disc else "("
    out += f"misfit {misfit:.3f}; {len(tried)} tried, up to {worst:.3f})"
    if search.clear:
        ratio = np.exp(search.evidence)
        out += f"; curvature of the sign {'+-'[best < 0]} (the other is {ratio:.2f} times worse)"
        return out + bad(search.trial, misfit)
    if abs(best) <= search.step / 2:  # so near to the focus that no sign is needed
        out += "; a beam in focus meets the frames best, but wrong positions would look alike"
        return out + bad(search.trial, misfit)
    return (
        f"{out}\nwarning: both signs of the curvature meet the frames alike, so that the sign is not known, "
        f"nor the width well; {'+-'[best < 0]} is taken. If the result is poor, give the probe "
        "(`probe: {start: aperture, ...}`) or look for wrong positions"
    )


def bad(trial, misfit) -> str:
    """What a start asks that meets the frames badly; "" for others"""
    if trial.excess(misfit) < BAD:
        return ""
    return (
        f"\nwarning: the best start meets the frames with a misfit of {misfit:.2f} (below {BAD:g} is usual): "
        "the object is strong (several rad), or the frames are incoherent, turned or displaced; a probe that "
        "is known helps (`probe: {start: aperture, ...}`)"
    )


def attempt(run, trial, widths, iterations: int = ITERATIONS) -> dict[float, tuple[float, float]]:
    """misfits of each width with either sign, shared out over the ranks; equal on all ranks"""
    team, own = run.team, {}
    for f in list(dict.fromkeys(s * f for f in widths for s in (1, -1)))[team.rank :: team.size]:
        own[f] = trial.misfits(f, iterations)
        run.clock.tick()
    return {f: v for part in team.allgather(own) for f, v in part.items()}


def trial_of(run, geometry, wave, cut, count: int = FRAMES) -> Trial:
    """So many frames in the middle of the scan, cut to a window, on every rank, every tenth left out."""
    some = evened(subset(run, geometry, count, cut))
    seen_ones, unseen = some.problems(apart(some.positions, len(some.chosen) // OUT), lit_by_all=True)
    return Trial(seen_ones, unseen, wave, cut, geometry.pixel)


def evened(some):
    """The frames of a subset, at the brightness that their sums have."""
    sums = (np.maximum(some.counts, 0) * some.frames.mask).sum((1, 2), dtype=np.float64) / some.scale
    return replace(some, scale=some.scale * brightness(some.positions, sums))
