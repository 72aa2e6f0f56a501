"""The steps of the beamline: each registers itself when this module is imported."""

from nanompi.step import item, param, step


@step("our.ring", each="frame")
class Ring:
    """Projections by the current of the ring, which decays from one to the next.

    Unit: that of the data.

    Source: ours.
    """

    decay: float = param(0.01, ge=0, lt=1, level="basic", help="part of the current lost in each projection")

    def block(self, block, info):
        """(k, row, column) -> the same, float32"""
        current = (1 - self.decay) ** info.index
        return (block / current[:, None, None]).astype("float32")


@step("our.light", each="frame", gives={"light": item()})
def light(block, info, least: float = param(0.0, help="smaller values are left out")):
    """Mean of each projection."""
    return {"light": (block * (block >= least)).mean((1, 2))}
