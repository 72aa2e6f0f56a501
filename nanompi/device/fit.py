"""How many frames of a rank stay on a card of so many bytes, and how many make a block."""

from dataclasses import dataclass

from nanompi.errors import ResourceError

SLOTS = 3  # blocks under way: one comes, one is computed, one leaves
WORK = 4  # arrays of a block beside them: two scratch arrays, the reals and the sums
AREAS = 3  # work areas of transforms: of a block, of the last one, of the probe at its shifts
WORST = 8  # what the work area of a transform takes at most, in units of its data
FEW = 32  # frames in a launch below which its cost shows, however fast the cache makes it
MANY = 128  # frames in a launch whose cost no longer shows, where all comes from memory
LARGEST = 128 << 20  # bytes of waves of a block, where the cache does not ask for less
CACHE = 40 << 20  # bytes of the cache of a large card


@dataclass(frozen=True)
class Frame:
    """Bytes of one frame on a card: its waves, its counts, its part of a work area of transforms."""

    waves: int
    counts: int
    area: int

    @property
    def stored(self) -> int:
        return self.waves + self.counts

    @property
    def work(self) -> int:
        """Of the work arrays of a block"""
        return WORK * self.waves + AREAS * self.area


@dataclass(frozen=True)
class Fit:
    """Blocks of frames that fit on a card.

    frames : of a block
    limit  : bytes of the waves of a block, None = as many as the cache holds
    room   : bytes left beside the work arrays of a block
    """

    frame: Frame
    frames: int
    limit: int | None
    room: int

    def held(self, n: int, rows: int = 0) -> tuple[int, int]:
        """Of n frames: how many waves stay on the card, and how many counts do, in whole blocks. rows : of
        counts, where there are more of them"""
        one, rows = self.frame, max(n, rows)
        if n * one.waves + rows * one.counts <= self.room:
            return n, rows
        room = self.room - SLOTS * self.frames * one.stored
        held = min(n, room // one.waves // self.frames * self.frames)
        return held, min(rows, (room - held * one.waves) // one.counts // self.frames * self.frames)


def expected_area(shape: tuple[int, int], waves: int) -> int:
    """Bytes of a work area for the transforms of a frame, where no card can be asked.

    cuFFT takes sizes whose prime factors are at most 127 apart, and others by a convolution of a larger size;
    an area is as large as the data for the former, or nothing.
    """
    return waves * (1 if all(_largest_factor(n) <= 127 for n in shape) else WORST)


def _largest_factor(n: int) -> int:
    factor = 2
    while factor * factor <= n:
        if n % factor:
            factor += 1
        else:
            n //= factor
    return n


def usual(cache: int, row: int) -> int:
    """Bytes of waves of a block: so many that they stay, old and new, in the cache; where it cannot hold a
    few frames, enough of them to pay for a launch.

    It holds them where waves, scratch and work area of the transform fill at most half of it: large caches
    lie in two halves, each with a copy of what both read, and counts, object and probe pass through as well.
    """
    if 3 * FEW * row <= cache // 2:
        return cache // 3
    return min(MANY * row, LARGEST)


def fit(frame: Frame, room: int, cache: int = CACHE, about: str = "") -> Fit:
    """The block is made smaller until it fits.

    room  : bytes beside object and probe
    about : the card, for the message
    Errors: ResourceError where blocks of one frame do not fit.
    """
    frames, limit = max(1, usual(cache, frame.waves) // frame.waves), None
    while (need := frames * (frame.work + SLOTS * frame.stored)) > room:
        if frames == 1:
            raise ResourceError(
                "the card has too little memory: beside object and probe, blocks of one frame need "
                f"{need / 2**20:.1f} MiB, and {max(room, 0) / 2**20:.1f} MiB are left for this rank"
                f"{about and f' ({about})'}. Use a card with more memory, fewer ranks on it, fewer probe "
                "modes, a smaller part of the scan, or device: cpu"
            )
        frames //= 2
        limit = frames * frame.waves
    return Fit(frame, frames, limit, room - frames * frame.work)
