"""A card that is not there: how the frames of a rank would lie on it."""

from nanompi.device.cuda import Cuda


class Planned(Cuda):
    """What a `Cuda` of so many bytes, shared by some ranks, decides. cache : bytes, as on large cards."""

    def __init__(self, memory: int, sharers: int = 1, cache: int = 40 << 20):
        self.memory, self.sharers, self.cache = int(memory), sharers, cache
        self.card, self.cards, self.name, self._block = 0, 1, "planned", None

    def held(self, n: int, row: int, count_row: int, room: int) -> tuple[int, int, int]:
        """(frames whose waves stay on the card, frames whose counts do, frames of a block).

        row, count_row : bytes of a frame's waves and counts; room : bytes beside object and probe
        Errors: ResourceError where blocks of one frame do not fit.
        """
        step, room = self._fit(row, count_row, room)
        return *self._held(n, row, count_row, room, step), step
