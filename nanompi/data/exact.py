"""Sums that do not depend on the order: the same bits on any number of ranks, in blocks of any size.

Integers are added as integers. A float is cut into as many limbs as it needs, whole multiples of 2^(24 k)
below 2^(24 (k + 1)), and those of each k are added as integers of 64 bits: nothing is rounded before the end.
"""

import numpy as np

WIDTH = 24  # bits of a limb: 2^39 values may be added before 64 bits are full
LARGEST = 2.0**900  # from here on values are added as they are, as are inf and NaN
LOWEST = -44  # the last limb: its unit is the smallest that is no zero; what is left below it is dropped
HALF = 26  # bits: an integer of 64 bits travels as two floats that stay exact over all ranks


class ExactSum:
    """The sum over the first axis of all blocks that `add` was given, then over the ranks.

    whole : all values were integers: (shape) int64; else limbs : {k: (shape) int64}, of 2^(WIDTH k)
    """

    def __init__(self):
        self.whole, self.limbs, self.odd, self.shape = None, {}, None, None

    def add(self, block: np.ndarray) -> None:
        """Add (n, *shape) integers, bools or floats over the first axis."""
        self.shape = block.shape[1:]
        if block.dtype.kind in "biu":
            total = block.sum(0, dtype=np.int64)
            self.whole = total if self.whole is None else self.whole + total
        else:
            self._floats(block.astype(np.float64))

    def _floats(self, rest):
        """Cut off limb after limb, the largest first, until nothing is left; `rest` is used up."""
        self.odd = np.zeros(self.shape) if self.odd is None else self.odd
        size = np.abs(rest).max(initial=0.0)
        if not size < LARGEST:
            odd = ~(np.abs(rest) < LARGEST)
            with np.errstate(invalid="ignore"):
                self.odd = self.odd + np.where(odd, rest, 0).sum(0)
            rest[odd] = 0
            size = np.abs(rest).max(initial=0.0)
        k = (int(np.frexp(size)[1]) - 1) // WIDTH
        while size and k >= LOWEST:
            unit = np.ldexp(1.0, WIDTH * k)
            shift = 1.5 * 2.0**52 * unit
            part = rest + shift
            part -= shift  # the nearest multiple of the unit
            rest -= part
            part /= unit
            self.limbs[k] = self.limbs.get(k, 0) + part.sum(0).astype(np.int64)
            size, k = np.abs(rest).max(), k - 1

    def join(self, other: "ExactSum") -> None:
        """Add what another has added; that is not used any more."""
        self.shape = other.shape
        if other.whole is not None:
            self.whole = other.whole if self.whole is None else self.whole + other.whole
        if other.odd is not None:
            self.odd = other.odd if self.odd is None else self.odd + other.odd
        for k, limb in other.limbs.items():
            self.limbs[k] = self.limbs.get(k, 0) + limb

    def state(self, team) -> dict[str, np.ndarray]:
        """What all ranks have added, for `of`, the same on all of them (collective)."""
        every = team.allgather((self.shape, self.whole is not None, self.odd is not None, sorted(self.limbs)))
        shape = next((s for s, *_ in every if s is not None), None)
        if shape is None:
            return {}
        zero, out = np.zeros(shape, np.int64), {}
        if any(whole for _, whole, _, _ in every):
            out["whole"] = _over_ranks(team, zero if self.whole is None else self.whole)
        if any(odd for _, _, odd, _ in every):
            odd = np.zeros(shape) if self.odd is None else np.array(self.odd, np.float64)
            team.sum(odd.reshape(-1))
            keys = sorted({k for *_, own in every for k in own})
            limbs = [_over_ranks(team, self.limbs.get(k, zero)) for k in keys]
            out |= {
                "odd": odd,
                "keys": np.array(keys, np.int64),
                "limbs": np.array(limbs).reshape(-1, *shape),
            }
        return out

    @staticmethod
    def of(state: dict[str, np.ndarray]) -> "ExactSum":
        """The sum again that was kept by `state`."""
        out = ExactSum()
        out.whole, out.odd = state.get("whole"), state.get("odd")
        out.limbs = dict(zip(state.get("keys", np.arange(0)).tolist(), state.get("limbs", ())))
        out.shape = next((state[key].shape for key in ("whole", "odd") if key in state), None)
        return out

    def total(self, team) -> np.ndarray | None:
        """The sum of all ranks, int64 or float64, on every rank; None where none has added (collective)."""
        every = team.allgather((self.shape, self.whole is not None, self.odd is not None, sorted(self.limbs)))
        shape = next((s for s, *_ in every if s is not None), None)
        if shape is None:
            return None
        zero, real = np.zeros(shape, np.int64), any(odd for _, _, odd, _ in every)
        whole = _over_ranks(team, zero if self.whole is None else self.whole)
        if not real:
            return whole
        keys = sorted({k for *_, own in every for k in own})
        limbs = {k: _over_ranks(team, self.limbs.get(k, zero)) for k in keys}
        if any(before for _, before, _, _ in every):
            limbs[0] = limbs.get(0, 0) + whole
        odd = np.zeros(shape) if self.odd is None else np.array(self.odd)
        team.sum(odd.reshape(-1))
        return _rounded(limbs, zero) + odd


def _over_ranks(team, own: np.ndarray) -> np.ndarray:
    """The sum over the ranks of (shape) int64 (collective)."""
    low = (own & (2**HALF - 1)).astype(np.float64).reshape(-1)
    high = (own >> HALF).astype(np.float64).reshape(-1)
    team.sum(low, high)
    return (low.astype(np.int64) + (high.astype(np.int64) << HALF)).reshape(own.shape)


def _rounded(limbs: dict, zero: np.ndarray) -> np.ndarray:
    """(shape) float64: in a form where only the highest limb may be negative, then from low to high."""
    out, carry = zero.astype(np.float64), zero
    first, last = (min(limbs), max(limbs)) if limbs else (0, -1)
    for k in range(first, last + 1):
        value = limbs.get(k, zero) + carry
        carry = value >> WIDTH if k < last else zero
        out += np.ldexp((value - (carry << WIDTH)).astype(np.float64), WIDTH * k)
    return out
