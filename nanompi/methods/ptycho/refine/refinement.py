"""Where the frames of a running reconstruction are, and how they move.

All ranks know the displacements of all frames, as whole numbers of 1/UNIT px, and take the same steps from
the same sums: the answer does not depend on the number of ranks. ML moves object, probe and frames together.
The slopes cost no transform: they follow from its gradient at the sample. The curvatures take two more
transforms of each frame, in the pass of its step, and change less and less: they are measured before the
first step and after 2, 12 and 72, anew whenever other frames take part.
"""

from dataclasses import dataclass, field

import numpy as np

from nanompi.device.kernels.likelihood import POISSON
from nanompi.methods.ptycho.engines.engine import When
from nanompi.methods.ptycho.refine.drift import Drift
from nanompi.methods.ptycho.refine.newton import cut, likely, newton, within
from nanompi.methods.ptycho.refine.rescue import Rescue
from nanompi.step import param, section

UNIT = 1024  # parts of a pixel in which displacements are counted
GRID = 16  # parts of a pixel to which they are rounded: with 8 twice the error is left
HOLD = 0.5  # of what rounding left over is given up: else frames at an edge of the grid jump to and fro
CURVED = 0, 2, 12, 72  # steps after which curvatures are measured
ROUGH = 4  # first steps, with which nothing moves on
FOLLOW = 8  # steps of frames left out


@section
class RefinePositions:
    """Positions refined in ML: `true`, or these."""

    after: int = param(2, ge=0, help="iterations of ML before the first step")
    until: int | None = param(100, ge=0, help="no step after this iteration of ML, but of lost frames")
    every: int = param(1, ge=1, help="a step each so many iterations")
    clip: float = param(1.0, unit="px", gt=0, help="longest step")
    reach: float = param(8.0, unit="px", gt=0, help="how far a frame may move from where it was measured")
    damp: float = param(0.02, ge=0, help="added curvature, relative to the median over the frames")

    def sources(self) -> list:
        """Where the papers are named that stand behind these parameters (`nanompi.papers`)."""
        return [newton]

    @classmethod
    def from_value(cls, value: bool) -> "RefinePositions | None":
        """`positions: true` means the defaults, false none"""
        if not isinstance(value, bool):
            raise ValueError(f"{value!r} does not fit here; allowed: true, false, a mapping")
        return cls() if value else None

    def due(self, i: int) -> bool:
        """Do frames move in iteration i of ML?"""
        return When(after=self.after, until=self.until, every=self.every).now(i)


@dataclass
class Refinement:
    """The displacements of all frames of a problem, the same on all ranks.

    start : (N, 2) px, where the frames were measured
    shift : (N, 2) int64, from there, in 1/UNIT px
    last  : (N, 2) int64, the last step
    curvature : (N, 3) yy, yx, xx as last measured, of frames that were left out then 0
    rescue: the frames that steps do not find
    drift : what neighbours move alike
    """

    how: RefinePositions
    start: np.ndarray
    shift: np.ndarray
    last: np.ndarray = field(init=False)
    curvature: np.ndarray = field(init=False)
    rescue: Rescue = field(init=False)
    drift: Drift = field(init=False)

    def __post_init__(self):
        self.last, self.curvature = np.zeros_like(self.shift), np.zeros((len(self.start), 3))
        self.rescue, self.drift = Rescue(np.zeros(len(self.start), bool)), Drift(self.start)

    @classmethod
    def of(cls, how: RefinePositions, places) -> "Refinement":
        """Frames where they were measured."""
        return cls(how, places.corners, np.zeros((len(places.at), 2), np.int64))

    @property
    def pixels(self) -> np.ndarray:
        """(N, 2) displacements in pixels"""
        return self.shift / UNIT

    def due(self, i: int) -> bool:
        """Do frames move in iteration i of ML?"""
        return self.how.due(i) or self.rescue.moving

    def measure(self, p, noise: int) -> "Measured":
        """Sums of the frames, to be taken in the passes of an iteration."""
        return Measured(p, noise, curved=self.rescue.age in CURVED or not self.curvature.any())

    def step(self, p, measured: "Measured"):
        """Move the frames that were measured by their Newton steps, without an affine part (collective)."""
        sums = measured.total()
        if measured.curved:
            self.curvature = sums[:, 2:].copy()
        sums[:, 2:] = self.curvature
        moving = sums[:, :2].any(1) & self.curvature.any(1)
        if not moving.any():  # an object without structure
            return
        steps = newton(sums[moving], self.how.damp)
        if measured.noise == POISSON and p.noise == "counts":
            steps = self._likely(moving, steps)
        steps = cut(steps, self.how.clip)
        if self.rescue.rounds or self.rescue.age >= ROUGH:
            steps = self.drift.carried(moving, steps, self.curvature[moving])
        self._moved(p, moving, self.drift.apart(moving, steps, self.curvature[moving]))
        self.rescue.age += 1

    def _likely(self, moving, steps):
        """Steps to what is likely of the moves to where frames fit best."""
        now = self.pixels[moving]
        fit = now + steps
        middle = fit.mean(0)
        return likely(fit - middle, self.curvature[moving], GRID) + middle - now

    def follow(self, p):
        """The frames left out go where they fit object and probe, which stay (collective); not before others
        have moved."""
        if self.shift.any():
            self.place_left_out(p)

    def place_left_out(self, p):
        """The same whether others have moved or not (collective)."""
        out, gone = p.held.out, Measured(p, POISSON, curved=True)
        for _ in range(FOLLOW):
            sums = gone.left_out()
            moving = out & sums.any(1)
            self._moved(p, moving, cut(newton(sums[moving], self.how.damp), self.how.clip))

    def _moved(self, p, moving, steps):
        now = self.pixels + HOLD * (p.places.rounded() - self.pixels)
        now[moving] += steps
        new = np.where(moving[:, None], np.rint(UNIT * within(now, self.how.reach)), self.shift)
        self.last, self.shift = new.astype(np.int64) - self.shift, new.astype(np.int64)
        self.apply(p)

    def jump(self, p, by: np.ndarray):
        """Move frames by (N, 2) whole pixels; that is no step that is taken back."""
        self.shift, self.last = self.shift + UNIT * by, np.zeros_like(self.last)
        self.apply(p)

    def half_back(self, p):
        """Take back half of the last step."""
        half = self.last // 2
        self.drift.rest()
        self.last, self.shift = half, self.shift - self.last + half
        if self.last.any():
            self.apply(p)

    def apply(self, p):
        """The problem has its frames where they are now."""
        p.move(p.places.moved(self.pixels))

    def words(self) -> str:
        """How far the frames were moved, for the log"""
        if self.rescue.age and not self.shift.any():
            return "positions: no frame moves by more than noise; all stay where they were measured"
        length = np.hypot(*self.pixels.T)
        rms, most = np.sqrt((self.pixels**2).mean()), int(np.argmax(length))
        held = int(self.figures()["at_reach"])
        out = f"positions: moved by {rms:.3g} px rms along each axis, at most {length[most]:.3g} px"
        far = f"; {held} frames are at the limit `reach: {self.how.reach:g} px`" if held else ""
        again = self.rescue.found and f"lost frames were set to other places {self.rescue.found} times"
        return "; ".join(filter(None, (out + far, again)))

    def figures(self) -> dict[str, float]:
        """For the verdict (`ptycho.judged`)"""
        at_reach = np.hypot(*self.pixels.T) > 0.98 * self.how.reach
        return {"moved": float(np.sqrt((self.pixels**2).mean())), "at_reach": float(at_reach.sum())}

    def state(self) -> dict:
        """For checkpoints: arrays by name"""
        return {
            "shift": self.shift,
            "last": self.last,
            "curvature": self.curvature,
            "speed": self.drift.speed,
            **self.rescue.state(),
        }

    def restore(self, p, state: dict):
        """The opposite of `state`"""
        self.shift, self.last = (np.asarray(state[name], np.int64) for name in ("shift", "last"))
        self.curvature = np.asarray(state["curvature"], np.float64)
        self.rescue = Rescue.restored(state["lost"], state["rescue"])
        self.drift.speed = np.asarray(state.get("speed", 0 * self.drift.speed), np.float64)
        self.apply(p)


class Measured:
    """Slopes of the frames of all ranks from the pass of a gradient; or, where `curved`, slopes and
    curvatures from a pass in which `waves` hold F.

    A frame that is moved by d sees O(r + r_j + d): its wave changes by P dO/dr, whatever the propagator.
    """

    def __init__(self, p, noise: int, curved: bool):
        self.p, self.noise, self.curved = p, noise, curved
        self.slopes = derivatives(p)
        self.own = p.xp.zeros((len(p.at), 5))

    def slope(self, f, P):
        """Of the frames of a block, of which the gradient at the sample (`z`) is at hand.

        P : (S, M, h, w), of all shifts
        """
        out = self.p.xp.empty((len(f), 2))
        self.p.k.position_slopes(f.z, P, *self.slopes, f.at, out)
        self.own[f.first : f.first + len(f), :2] = out

    def curve(self, f, P):
        """Of the frames of a block, of which I and F (`waves`) are at hand; slopes and curvatures"""
        self._sums(f, f.waves, P, self.own[f.first : f.first + len(f)])

    def _sums(self, f, F, P, rows):
        p, D = self.p, []
        for axis, dO in enumerate(self.slopes):
            z = p.scratch(f, f"along {axis}")
            p.k.exit_waves(dO, P, f.at, z)
            D.append(p.optics.forward(z, f.at))
        p.k.position_sums(F, *D, f.I, p.mask, f.gain, p.background, self.noise, rows)

    def left_out(self) -> np.ndarray:
        """(N, 5) float64 of the frames left out, in a pass over them; 0 for the others (collective)"""
        p, P = self.p, self.p.shifts.library(self.p.P)
        own = p.xp.zeros((len(p.held.at), 5))
        first = 0
        for block in p.left_out():
            F = p.scratch(block)
            p.k.exit_waves(p.O, P, block.at, F)
            self._sums(block, p.optics.forward(F, block.at), P, own[first : first + len(block)])
            first += len(block)
        return self._of_all(p.held.index, own)

    def total(self) -> np.ndarray:
        """(N, 5) float64 of all frames, equal on all ranks; 0 for those left out (collective)"""
        return self._of_all(self.p.index, self.own)

    def _of_all(self, index, own):
        out = np.zeros((len(self.p.places.at), 5))
        out[index] = self.p.device.host(own)
        self.p.team.sum(out)
        return out


def derivatives(p) -> tuple:
    """dO along rows and columns (`kernels.derivatives`). Of frequencies up to 0.2 per pixel they are 1 % too
    small at most; that changes the length of a step, not where it ends."""
    out = p.xp.empty_like(p.O), p.xp.empty_like(p.O)
    p.k.derivatives(p.O, *out)
    return out
