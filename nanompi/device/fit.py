"""How many frames of a rank stay on a card of so many bytes, and how many make a block."""

from dataclasses import dataclass

from nanompi.errors import ResourceError

SLOTS = 3  # blocks under way: one comes, one is computed, one leaves
WORK = 6  # arrays of a block beside them: two scratch arrays, two transforms, the reals and the sums
FEW = 32  # frames in a launch below which its cost shows, however fast the cache makes it
MANY = 128  # frames in a launch whose cost no longer shows, where all comes from memory
LARGEST = 128 << 20  # bytes of waves of a block, where the cache does not ask for less
CACHE = 40 << 20  # bytes of the cache of a large card


@dataclass
class Fit:
    """Blocks of frames that fit on a card.

    frames : of a block
    limit  : bytes of the waves of a block, None = as many as the cache holds
    room   : bytes left beside the work arrays of a block
    """

    frames: int
    limit: int | None
    room: int

    def held(self, n: int, row: int, count_row: int) -> tuple[int, int]:
        """Of n frames: how many waves stay on the card, and how many counts do, in whole blocks."""
        if n * (row + count_row) <= self.room:
            return n, n
        room = self.room - SLOTS * self.frames * (row + count_row)
        held = min(n, room // row // self.frames * self.frames)
        return held, min(n, (room - held * row) // count_row // self.frames * self.frames)


def usual(cache: int, row: int) -> int:
    """Bytes of waves of a block: so many that they stay, old and new, in the cache; where it cannot hold a
    few frames, enough of them to pay for a launch.

    It holds them where waves, scratch and work area of the transform fill at most half of it: large caches
    lie in two halves, each with a copy of what both read, and counts, object and probe pass through as well.
    """
    if 3 * FEW * row <= cache // 2:
        return cache // 3
    return min(MANY * row, LARGEST)


def fit(row: int, count_row: int, room: int, cache: int = CACHE, about: str = "") -> Fit:
    """The block is made smaller until it fits.

    row, count_row : bytes of a frame's waves and counts
    room  : bytes beside object and probe
    about : the card, for the message
    Errors: ResourceError where blocks of one frame do not fit.
    """
    frames, limit = max(1, usual(cache, row) // row), None
    while (need := frames * (WORK * row + SLOTS * (row + count_row))) > room:
        if frames == 1:
            raise ResourceError(
                "the card has too little memory: beside object and probe, blocks of one frame need "
                f"{need / 2**20:.1f} MiB, and {max(room, 0) / 2**20:.1f} MiB are left for this rank"
                f"{about and f' ({about})'}. Use a card with more memory, fewer ranks on it, fewer probe "
                "modes, a smaller part of the scan, or device: cpu"
            )
        frames //= 2
        limit = frames * row
    return Fit(frames, limit, room - frames * WORK * row)
