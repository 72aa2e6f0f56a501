"""Block steps where the run is on a card: those that want it get its arrays, the others the CPU's."""

import numpy as np
import pytest

from nanompi.mpi.team import Team
from nanompi.step import METHODS, item, step, total
from tests import walking as scene

TEAM = Team(alone=True)
STACK = np.random.default_rng(3).integers(0, 1000, (50, 6, 8)).astype(np.uint16)
GIVES = {"sum": item(), "mean": total("row", "column")}


class Looked:
    """Sums of frames; what each block is, and where."""

    def start(self, run, data):
        self.seen = []

    def block(self, block, info):
        self.seen.append((type(block), info.xp, len(block), info.device))
        return {"sum": block.astype(info.xp.float32).sum(axis=(1, 2)), "mean": block}


@pytest.fixture(params=[True, False])
def looked(request):
    one = step("test.looked", each="frame", gives=GIVES, gpu=request.param)(type("Looked", (Looked,), {}))()
    yield one
    del METHODS["step"]["test.looked"]


def done(device, one, data):
    from nanompi.data.walk import walk

    run = scene.run_of(TEAM, data=data)
    run.device = device
    walk(run, [one])
    assert np.array_equal(run.data["sum"].values, STACK.sum((1, 2), dtype=np.float32))
    assert np.array_equal(run.data["mean"].values, STACK.sum(0, dtype=np.int64))
    assert all(isinstance(run.data[name].values, np.ndarray) for name in GIVES)
    return run


@pytest.mark.parametrize("source", ["memory", "disk"])
def test_blocks_are_where_the_step_wants_them(card, looked, source):
    with card("single") as device:
        data = scene.spread(TEAM, STACK, "angle row column", "angle")
        run = done(
            device, looked, data if source == "memory" else scene.on_disk(TEAM, STACK, "angle row column")
        )
        kinds = {(kind, xp) for kind, xp, _, _ in looked.seen}
        assert kinds == {(device.xp.ndarray, device.xp) if looked.gpu else (np.ndarray, np)}
        assert {own is device for *_, own in looked.seen} == {looked.gpu}
        on_card = source == "disk" and looked.gpu  # then the frames are loaded first, to be walked again
        assert (run.data["data"].values is not None) == (source == "memory" or on_card)


def test_a_small_card_gets_small_blocks(card, looked):
    with card("single") as device:
        frame = STACK[0].nbytes
        device.pool.set_limit(size=device.pool.used_bytes() + 8 * 4 * frame)
        done(device, looked, scene.spread(TEAM, STACK, "angle row column", "angle"))
        sizes = {n for _, _, n, _ in looked.seen}
        assert max(sizes) <= 4 if looked.gpu else sizes == {50}
