"""cuFFT's plans of a card, and the memory that their work areas hold."""

from collections import OrderedDict

from nanompi.device.fit import AREAS


class Plans:
    """Transforms of batches over the last two axes, unscaled, in place, each batch by a plan that is kept.

    A plan holds a work area as long as it lives. All together are never more than `AREAS` of the largest.

    pool : of the card's memory; what a plan takes of it is seen when it is made
    most : bytes of a batch, where memory is short: larger ones are done in parts (None: as they are)
    """

    def __init__(self, xp, pool):
        self.xp, self.pool, self.most = xp, pool, None
        self._plans, self._areas = OrderedDict(), {}

    def transform(self, z, direction):
        """z : (n, h, w) complex, contiguous"""
        if self.most is None or z.nbytes <= self.most:
            return self._plan(z).fft(z, z, direction)
        step = max(1, self.most // z[:1].nbytes)
        for i in range(0, len(z), step):
            part = z[i : i + step]
            self._plan(part).fft(part, part, direction)

    def area(self, z) -> int:
        """Bytes of the work area for a batch like z."""
        self._plan(z)
        return self._areas[z.shape, z.dtype]

    def clear(self):
        """Give all work areas back."""
        self._plans.clear()
        self._areas.clear()

    def _plan(self, z):
        key = z.shape, z.dtype
        if key not in self._plans:
            from cupyx.scipy.fft import get_fft_plan

            self._make_room(self._expected(z))
            before = self.pool.used_bytes()
            self._plans[key] = get_fft_plan(z, axes=(1, 2), value_type="C2C")
            self._areas[key] = max(0, self.pool.used_bytes() - before)
        self._plans.move_to_end(key)
        return self._plans[key]

    def _expected(self, z) -> int:
        """Bytes of a work area: in proportion to those of another batch of such frames, else those of z"""
        for (shape, dtype), area in self._areas.items():
            if (shape[1:], dtype) == (z.shape[1:], z.dtype):
                return area * len(z) // shape[0]
        return z.nbytes

    def _make_room(self, coming: int):
        """Drop the plans that have not been used for longest, until one more has room"""
        while self._plans and sum(self._areas.values()) + coming > AREAS * max(coming, *self._areas.values()):
            oldest, _ = self._plans.popitem(last=False)
            del self._areas[oldest]
