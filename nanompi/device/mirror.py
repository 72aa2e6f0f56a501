"""An array of a device with a twin on the host, for messages that travel while the device computes."""

import numpy as np


class Mirror:
    """here : (n,) array of the device; host : its twin, on the CPU the same array. Neither is initialised.

    Copies run beside the computing of a card, on one stream for all mirrors.
    """

    def __init__(self, n: int, dtype):
        self.here = self.host = np.empty(n, dtype)

    def leave(self):
        """Start to bring to the host what the kernels up to now have written."""

    @property
    def left(self) -> bool:
        """Is it there?"""
        return True

    def wait(self):
        """Wait until it is there."""

    def enter(self):
        """Start to bring what is on the host to the device; kernels that follow see it.

        `here` must have been done with before the last `leave` of any mirror.
        """


class CardMirror(Mirror):
    """The same with a card, by pinned memory of the host."""

    def __init__(self, card, n: int, dtype):
        self.card, self.here, self.host = card, card.xp.empty(n, dtype), card.pinned((n,), dtype)
        self.event = card.xp.cuda.Event(disable_timing=True)

    def leave(self):
        stream = self.card.mail
        stream.wait_event(self.card.compute.record(self.event))
        self.card.copy(self.here, self.host, stream, inward=False)
        stream.record(self.event)

    @property
    def left(self) -> bool:
        return self.event.done

    def wait(self):
        self.event.synchronize()

    def enter(self):
        self.card.copy(self.here, self.host, self.card.mail, inward=True)
        self.card.compute.wait_event(self.card.mail.record(self.event))
