"""Removes stripes from sinograms: those of odd columns of the detector, which become rings about the axis.

Done on what was measured, over a full turn too, before anything is put together or weighted: what stands in a
column belongs to one element of the detector there alone.
"""

from dataclasses import dataclass, field

import numpy as np

from nanompi.device.kernels.stripes import WIDEST
from nanompi.errors import JobError, nearest
from nanompi.methods.tomo.said import unheard
from nanompi.methods.tomo.seen import MOST
from nanompi.methods.tomo.stripes import bridge
from nanompi.methods.tomo.stripes.remove import (
    dead_columns,
    fill,
    gains,
    large_stripes,
    rank_sort,
    roughness,
)
from nanompi.step import param, step

OWN = ("auto", "none", "gain", "sort", "large", "dead", "all")
DONE = ("none", "gain", "fill")  # by auto
LEAST = 30  # angles; the ranks of fewer say little of how a column distributes its values
NOISE = 3.0  # times what counting leaves in the mean of a column: gains beyond it spoil a slice more than to
# take them off does (0.2 to 0.9 without any; even at 1.2 to 4)
NARROW = 10  # windows across the detector, at least: wider ones take the sample for stripes
NEAR = 7  # columns about one that may be dead
ODD = 3.0  # times as rough as these, or a third: dead or fluctuating (1.4 at most at edges of samples)
MAD = 1.4826  # standard deviation of normal values, of the median of their size
TINY = 1e-6  # least transmission whose logarithm is taken
FLASH = 8.0  # times the noise: so far is a zinger above its neighbours in angle
MANY_FLASHES = 1e-4  # of the values; each is a line in its slice


@dataclass
class Tally:
    """What was done to the sinograms of this rank: one row each; appended to by threads.

    methods : names; sums : (sum of squares of what was taken away, values, dead columns, zingers)
    """

    methods: list[str] = field(default_factory=list)
    sums: list[tuple[float, int, int, int]] = field(default_factory=list)

    def totals(self) -> dict[str, np.ndarray]:
        """counts : of each of DONE; total : of each column of `sums`"""
        counts = np.array([self.methods.count(name) for name in DONE], float)
        return {"counts": counts, "total": np.array(self.sums or [(0, 0, 0, 0)], float).sum(0)}


@step("tomo.stripes", each="sinogram", gpu=True)
class Stripes:
    r"""Removes stripes from sinograms of line integrals, which become rings of slices.

    .. math::

        p'(\theta, s) = p(\theta, s) - g(s)

    g is the gain of a column: what its mean over all angles stands above its neighbours. `auto` takes it
    off where it exceeds the noise, and fills dead columns; `sort`, `large`, `dead` and `all` follow Vo et
    al.

    Unit: as its input.

    Source: doi:10.1364/OE.26.028396

    Example::

        - {use: tomo.stripes, method: all}
        - tomo
    """

    preceded_by = ("tomo.flat",)

    method: str = param(
        "auto",
        level="basic",
        help="auto: in each sinogram dead columns are filled and gains taken off where they are seen; gain; "
        "sort (weak), large (strong), dead (and large), all: by ranks, for gains that depend on the light; "
        "none; or algotom:NAME",
    )
    snr: float = param(3.0, gt=1, help="how far a column must stand out to be strong or dead; large is less")
    size: int = param(21, ge=3, le=WIDEST, unit="px", help="columns of the median against weak stripes, odd")
    large: int = param(51, ge=3, le=WIDEST, unit="px", help="the same against strong ones")

    def sources(self) -> list:
        """Where the papers are named that stand behind these parameters (`nanompi.papers`)."""
        return [rank_sort] if self.method in {*OWN} - {"none", "gain"} else []

    def idle(self, data) -> bool:
        """Data of a known unit that are no counts do not come from the columns of a detector."""
        return data.unit not in ("", "counts")

    def check(self, data):
        """JobError for what `start` would refuse."""
        self._checked(data.size("angle") if "angle" in data.axes else LEAST, unheard)

    def start(self, run, data):
        """The method for all. Errors: JobError, ResourceError where algotom is missing."""
        self.tally, self.before = Tally(), Tally().totals()
        self.chosen = run.team.on_root(lambda: self._checked(data.size("angle"), run.say))

    def block(self, block, info):
        """(k, angle, column) line integrals -> the same"""
        p = info.xp.asarray(block, info.device.real)
        names, dead, flashes, out = self._removed(info.device, p)
        if not info.again:
            taken = info.device.host(((p - out) ** 2).sum((1, 2), dtype=np.float64))
            self.tally.methods += names
            self.tally.sums += zip(taken.tolist(), [p[0].size] * len(p), dead, flashes)
        return out

    def block_tallies(self):
        """What was done to the sinograms of this rank."""
        return {name: own + self.before[name] for name, own in self.tally.totals().items()}

    def block_regain(self, tallies):
        """With what was done before."""
        self.before = tallies

    def finish(self, run):
        """How much was taken away, of how many sinograms."""
        counts, total = self.block_tallies().values()
        run.team.sum(counts, total)
        own = {"method": self.chosen, "removed": float(np.sqrt(total[0] / max(total[1], 1)))}
        text = f"tomo.stripes: {self.chosen}: {own['removed']:.3g} rms taken away"
        if self.chosen == "auto":
            own |= {"dead_columns": int(total[2])} | dict(zip(DONE, counts.astype(int).tolist()))
            text += f"; {own['gain']} sinograms by gain, "
            text += f"{own['fill']} with {own['dead_columns']} dead columns filled"
        run.say(text)
        notes = run.result.notes.setdefault("tomo", {})
        notes["stripes"] = own | flashed(total[3], total[1], "zingers" in notes)
        if "reason" in notes["stripes"]:
            run.team.on_root(lambda: run.warn(f"tomo.stripes: {notes['stripes']['reason']}"))

    def _checked(self, angles: int, say) -> str:
        """The method. Errors: JobError, ResourceError."""
        for name in ("size", "large"):
            if getattr(self, name) % 2 == 0:
                raise JobError(
                    f"tomo.stripes.{name}: {getattr(self, name)} is even; the middle needs an odd one"
                )
        if self.method.startswith(bridge.PREFIX):
            bridge.function_of(self.method.removeprefix(bridge.PREFIX))
        elif self.method not in OWN:
            text = f"{', '.join(OWN)}, {bridge.PREFIX}NAME{nearest(self.method, OWN)}"
            raise JobError(f'tomo.stripes.method: "{self.method}" is not a method; allowed: {text}')
        elif angles < LEAST and self.method == "auto":
            say(f"tomo.stripes: {angles} projections are too few to rank; nothing is removed")
            return "none"
        elif angles < LEAST and self.method != "none":
            raise JobError(
                f"tomo.stripes.method: {self.method} needs {LEAST} projections, there are {angles}; "
                "write `method: none`"
            )
        return self.method

    def _removed(self, device, p):
        """(what was done to each, its dead columns, its single bright values, sinograms without stripes)"""
        if self.chosen == "auto":
            return self._by_need(device, p)
        out = p if self.chosen == "none" else self._by(device, p, self.chosen)
        return [self.chosen] * len(p), [0] * len(p), [0] * len(p), out

    def _by(self, device, p, method: str):
        """By one method"""
        if method == "sort":
            return rank_sort(device, p, self.size)
        if method == "gain":
            return p - device.array(gains(device, p, self.size), p.dtype)[:, None]
        t = device.xp.exp(-p)
        if method.startswith(bridge.PREFIX):
            own = bridge.removed(device.host(t), method.removeprefix(bridge.PREFIX))
            t = device.array(own, p.dtype)
        else:
            if method in ("dead", "all"):
                t = fill(device, t, dead_columns(device, t, self.snr, self.large))
            t = large_stripes(device, t, self.snr, self.large)
            t = rank_sort(device, t, self.size) if method == "all" else t
        return -device.xp.log(device.xp.maximum(t, TINY))

    def _by_need(self, device, p):
        """The same by what is seen in each: dead columns, gains beyond the noise, or nothing"""
        dead = odd_columns(device, device.xp.exp(-p))
        out = fill(device, p, dead)
        off = gains(device, out, min(self.size, p.shape[2] // NARROW | 1))
        noise = device.host(noise_of(device.xp, out))
        off[MAD * np.median(abs(off), axis=1) <= NOISE * noise / np.sqrt(p.shape[1])] = 0
        names = np.where(dead.any(1), "fill", np.where(off.any(1), "gain", "none"))
        flashes = device.host(flashes_of(device.xp, out, device.array(noise, p.dtype)))
        return (
            names.tolist(),
            dead.sum(1).tolist(),
            flashes.tolist(),
            out - device.array(off, p.dtype)[:, None],
        )


def flashed(flashes: float, values: float, filtered: bool) -> dict[str, object]:
    """What many single bright values say. filtered : did tomo.zingers look for them?"""
    if flashes <= MANY_FLASHES * values:
        return {}
    advice = "lower `above` of tomo.zingers" if filtered else "name tomo.zingers before tomo"
    reason = f"{flashes:.0f} of {values:.0f} values are single and brighter than the beam (zingers): {advice}"
    return {"zingers": int(flashes), "verdict": "doubtful", "reason": reason}


def odd_columns(device, t) -> np.ndarray:
    """(k, K) bool of the host: columns of another roughness than those beside them, not those at the ends.

    Both in the mean, which a single bright value lifts, and in the median, which has steps where counts are
    few.
    """
    odd = _stand_out(roughness(device, t))
    if odd.any():
        odd &= _stand_out(device.host(device.xp.median(device.xp.abs(second(t)), axis=1)).astype(np.float64))
    return odd


def _stand_out(rough: np.ndarray) -> np.ndarray:
    """(k, K) bool: far more or far less than the columns beside it"""
    from scipy.ndimage import median_filter

    rough = np.maximum(rough, TINY)
    odd = abs(np.log(rough / median_filter(rough, (1, NEAR)))) > np.log(ODD)
    odd[:, [0, -1]] = False
    return odd


def second(p):
    """(k, A - 2, K) second differences of sinograms along the angle."""
    return p[:, 2:] - 2 * p[:, 1:-1] + p[:, :-2]


def flashes_of(xp, p, noise):
    """(k,) numbers of values of p (k, A, K) that are brighter than the beam, and than those before and after.

    noise : (k,) of a value
    """
    bright = p[:, 1:-1] < -np.log(MOST)
    if bright.any():
        bright &= second(p) > FLASH * 6**0.5 * noise[:, None, None]
    return bright.sum((1, 2))


def noise_of(xp, p):
    """(k,) standard deviation of a value of sinograms p (k, A, K), by second differences along the angle.

    The median over the columns: those that are dead or see nothing but air do not count much.
    """
    return MAD / np.sqrt(6) * xp.median(xp.median(xp.abs(second(p)), axis=1), axis=1)
