"""Block steps on one rank: what they see, where their results go."""

import numpy as np
import pytest

from nanompi import step as registry
from nanompi.data.blocks import Walk
from nanompi.data.data import Data
from nanompi.data.walk import Pass, next_pass, walk
from nanompi.errors import DataError, StepError
from nanompi.mpi.team import Team
from nanompi.step import item, step, total
from tests import walking as scene

TEAM = Team(alone=True)
RNG = np.random.default_rng(3)
STACK = RNG.normal(size=(7, 5, 6)).astype(np.float32)
ANGLES = {"angle": (np.linspace(0, 3, 7), "rad")}


@pytest.fixture
def made():
    """`made(cls, each=..., ...)`: an instance of a class as a step that is not registered afterwards."""
    names = []

    def make(cls, **marks):
        names.append(f"test.{cls.__name__}.{len(names)}")
        return step(names[-1], **marks)(type(cls.__name__, (cls,), dict(vars(cls))))()

    yield make
    for name in names:
        registry.METHODS["step"].pop(name, None)


def small_blocks(monkeypatch, items: int):
    monkeypatch.setattr(Walk, "block", lambda self, values: items)


@pytest.mark.parametrize("items", [1, 2, 100])
def test_a_block_takes_the_place_of_its_items(made, monkeypatch, items):
    small_blocks(monkeypatch, items)
    run = scene.run_of(TEAM, data=scene.spread(TEAM, STACK, "angle row column", "angle", coords=ANGLES))
    walk(run, [made(scene.Doubled, each="frame")])
    out = run.data["data"]
    assert np.array_equal(out.values, STACK * 2) and out.axes == ("angle", "row", "column")
    assert out.coords == ANGLES and list(run.given) == ["data"] and run.lines == []


@pytest.mark.parametrize("items", [1, 2, 100])
def test_sinograms_of_projections(made, monkeypatch, items):
    small_blocks(monkeypatch, items)
    run = scene.run_of(TEAM, data=scene.spread(TEAM, STACK, "angle row column", "angle", coords=ANGLES))
    walk(run, [made(scene.Turned, each="sinogram", makes=("y", "x"))])
    out = run.data["data"]
    assert out.axes == ("row", "y", "x") and out.spread == "row" and list(out.coords) == ["y"]
    expected = (STACK * ANGLES["angle"][0].astype(np.float32)[:, None, None]).transpose(1, 2, 0)
    assert np.array_equal(out.values, expected)
    assert run.lines == [f"{out_name(made)}: spread over row in place of angle"]


def out_name(made):
    return next(name for name in registry.METHODS["step"] if name.startswith("test.Turned"))


@pytest.mark.parametrize("items", [1, 4, 100])
def test_results_of_a_scan_with_two_axes(made, monkeypatch, items):
    """(y, x, row, column) walked as frames, spread over x: results lie as the scan does."""
    small_blocks(monkeypatch, items)
    frames = RNG.integers(0, 9, (3, 4, 5, 6)).astype(np.uint16)
    run = scene.run_of(TEAM, data=scene.spread(TEAM, frames, "y x row column", "x"))
    walk(run, [made(scene.Figures, each="frame", gives=scene.FIGURES)])
    number = np.arange(12).reshape(3, 4)
    assert np.array_equal(run.data["number"].values, number) and run.data["number"].axes == ("y", "x")
    pairs = np.stack([frames.max((2, 3)), frames[..., 0, 0]], -1) + number[..., None]
    assert np.array_equal(run.data["pairs"].values, pairs) and run.data["pairs"].axes == ("y", "x", "line")
    assert run.data["mean"].dtype == np.int64
    assert np.array_equal(run.data["mean"].values, frames.sum((0, 1))) and run.data["seen"].values == 12
    assert run.data["data"].values.dtype == np.uint16  # no result takes their place


@pytest.mark.parametrize("source", ["memory", "disk"])
def test_a_step_may_replace_its_items_and_give_more(made, source):
    class Centred:
        def block(self, block, info):
            mean = block.mean((1, 2))
            return {"mean": mean, "data": block.mean(2) - mean[:, None]}

    data = scene.spread(TEAM, STACK, "angle row column", "angle", coords=ANGLES)
    run = scene.run_of(
        TEAM, data=data if source == "memory" else scene.on_disk(TEAM, STACK, "angle row column")
    )
    walk(run, [made(Centred, each="frame", gives={"mean": item(), "data": item("row")})])
    mean = STACK.mean((1, 2))
    assert np.array_equal(run.data["mean"].values, mean) and run.data["data"].axes == ("angle", "row")
    assert np.array_equal(run.data["data"].values, STACK.mean(2) - mean[:, None])


def test_coordinates_of_the_items_and_of_their_own_axes(made):
    seen = {}

    class Looks:
        def block(self, block, info):
            seen.update(angle=info["angle"], point=info["point"], index=info.index, xp=info.xp)
            return {"n": np.zeros(len(block))}

    places = RNG.normal(size=(7, 2))
    coords = {"point": (places, "m"), "angle": (np.arange(3.0), "rad")}
    data = scene.spread(TEAM, RNG.normal(size=(7, 3, 4)), "point angle column", "point", [np.arange(7)[::-1]])
    data.coords = coords
    run = scene.run_of(TEAM, data=data)
    walk(run, [made(Looks, each="sinogram", gives={"n": item()})])
    assert np.array_equal(seen["point"], places[::-1]) and np.array_equal(seen["angle"], [0, 1, 2])
    assert seen["index"].tolist() == [6, 5, 4, 3, 2, 1, 0] and seen["xp"] is np


@pytest.mark.parametrize("along", ["angle", "row"])
def test_values_by_themselves_know_their_places(made, along):
    """Blocks have all axes, the walked one first; what belongs to them goes with them, the data stay as they
    are"""
    dark, weight = RNG.random((5, 6)).astype(np.float32), RNG.random(7).astype(np.float32)

    class Less:
        def block(self, block, info):
            assert info.axes == (along, *(a for a in ("angle", "row", "column") if a != along))
            return (block - info.part(dark, "row", "column")) * info.part(weight, "angle")

    run = scene.run_of(TEAM, data=scene.spread(TEAM, STACK, "angle row column", along, coords=ANGLES))
    walk(run, [made(Less, each="pixel")])
    out = run.data["data"]
    assert np.array_equal(out.values, (STACK - dark) * weight[:, None, None])
    assert out.axes == ("angle", "row", "column") and out.spread == along and out.coords == ANGLES


def test_parts_of_arrays_go_with_blocks_of_every_pattern(made):
    """Along axes that are walked, that stand in the block, or both, in any order"""
    frames, own = RNG.random((3, 4, 5, 6)).astype(np.float32), RNG.random((5, 4, 3)).astype(np.float32)

    class Plus:
        def block(self, block, info):
            return block + info.part(own, "row", "x", "y")

    run = scene.run_of(TEAM, data=scene.spread(TEAM, frames, "y x row column", "x"))
    walk(run, [made(Plus, each="frame")])
    assert np.array_equal(run.data["data"].values, frames + own.transpose(2, 1, 0)[..., None])


def test_blocks_of_small_items_are_small_and_large_items_are_not_alone(made):
    """Spectra of 2 kB: 2048 of them, 4 MB, of which a step may make ten times as much; images of 512 kB: 64,
    for the threads"""
    sizes = []

    class Looks:
        def block(self, block, info):
            sizes.append(len(block))
            return {"n": np.zeros(len(block))}

    def walked(shape, axes, each):
        sizes.clear()
        data = scene.spread(TEAM, np.zeros(shape, np.float32), axes, "point")
        walk(scene.run_of(TEAM, data=data), [made(Looks, each=each, gives={"n": item()})])
        return sizes

    assert walked((5000, 512), "point channel", "spectrum") == [2048, 2048, 904]
    assert walked((70, 512, 256), "point row column", "frame") == [64, 6]


@pytest.mark.parametrize("stored", [True, False])
def test_large_items_stand_together_where_a_step_wants_them(made, stored, monkeypatch):
    """Frames of 120 bytes where a block has 100"""
    for module in ("nanompi.data.walk", "nanompi.device.cpu"):
        monkeypatch.setattr(f"{module}.BLOCK", 100)
    sizes = []

    class Looks:
        least = 2

        def block(self, block, info):
            sizes.append(len(block))
            return {"n": np.zeros(len(block))}

    axes = "angle row column"
    frames = scene.on_disk(TEAM, STACK, axes) if stored else scene.spread(TEAM, STACK, axes, "angle")
    walk(scene.run_of(TEAM, data=frames), [made(Looks, each="frame", gives={"n": item()})])
    assert sizes == [2, 2, 2, 1]


def test_one_item_that_is_all(made):
    class Sum:
        def block(self, block, info):
            return {"all": block.sum((1, 2)), "line": block[:, 0]}

    run = scene.run_of(TEAM, data=scene.spread(TEAM, STACK[0], "y x", "y"))
    walk(run, [made(Sum, each="whole", gives={"all": item(), "line": item("x")})])
    assert run.data["all"].values == STACK[0].sum() and run.data["all"].axes == ()
    assert np.array_equal(run.data["line"].values, STACK[0, 0]) and run.data["line"].axes == ("x",)


def test_steps_in_one_pass_while_the_data_are_loaded(made):
    steps = [
        made(scene.Doubled, each="frame"),
        made(scene.Figures, each="frame", gives=scene.FIGURES),
        made(scene.Doubled, each="frame"),
        made(scene.Turned, each="sinogram", makes=("y", "x")),
    ]
    data = scene.on_disk(TEAM, STACK, "angle row column", coords=ANGLES)
    run = scene.run_of(TEAM, data=data)
    assert next_pass(run, steps) == Pass(3, "row", 1) and next_pass(run, steps[:3]) == Pass(3)
    walk(run, steps[:3])
    assert np.array_equal(run.data["data"].values, STACK * 4) and run.data["data"].source is None
    assert np.array_equal(run.data["number"].values, np.arange(7))
    assert np.allclose(run.data["mean"].values, 2 * STACK.sum(0, dtype=float), atol=1e-12)
    assert data.source.read_rows.tolist() == [2, 1, 1, 1, 1, 1, 1]  # rank 0 has tried the first
    assert run.data["seen"].values == 7  # without the one that was tried


def test_what_only_looks_leaves_the_data_on_the_disk(made):
    data = scene.on_disk(TEAM, STACK, "angle row column")
    run = scene.run_of(TEAM, data=data)
    walk(run, [made(scene.Figures, each="frame", gives=scene.FIGURES)])
    assert run.data["data"] is data and data.values is None
    assert np.array_equal(run.data["number"].values, np.arange(7))


@pytest.mark.parametrize("free, reads", [(1e9, 1), (1.5 * STACK.nbytes, 2)])
def test_what_is_walked_again_stays_where_there_is_room_for_it_twice(made, monkeypatch, free, reads):
    monkeypatch.setattr("nanompi.data.room.free_memory", lambda: free / 0.9)
    first, second = (made(scene.Figures, each="frame", gives=scene.FIGURES) for _ in range(2))
    first.ends_pass = first.stay = True
    data = scene.on_disk(TEAM, STACK, "angle row column")
    run = scene.run_of(TEAM, data=data)
    walk(run, [first, second])
    assert data.source.read_rows[1:].tolist() == [reads] * 6
    assert (run.data["data"].values is not None) == (reads == 1)
    assert any("no room to keep them" in line for line in run.lines) == (reads == 2)
    assert np.allclose(run.data["mean"].values, STACK.sum(0, dtype=float), atol=1e-12)


def test_a_block_cannot_be_written_to(made):
    class Writes:
        def block(self, block, info):
            block += 1
            return block

    run = scene.run_of(TEAM, data=scene.spread(TEAM, STACK.copy(), "angle row column", "angle"))
    with pytest.raises(ValueError, match="read-only"):
        walk(run, [made(Writes, each="frame")])
    assert np.array_equal(run.data["data"].values, STACK)


@pytest.mark.parametrize(
    "gives", [lambda b: b[:1], lambda b: b[:, 0], lambda b: {"other": b}, lambda b: "no"]
)
def test_a_result_that_does_not_fit_is_told(made, gives):
    class Wrong:
        def block(self, block, info):
            return gives(block)

    run = scene.run_of(TEAM, data=scene.spread(TEAM, STACK, "angle row column", "angle"))
    with pytest.raises(StepError, match=r'step "test.Wrong.0" failed: its block gives'):
        walk(run, [made(Wrong, each="frame")])


def test_data_without_items_are_told(made):
    run = scene.run_of(TEAM, data=scene.spread(TEAM, STACK[:0], "angle row column", "angle"))
    with pytest.raises(DataError, match="nothing to do, its data have 0 angle x 5 row x 6 column"):
        walk(run, [made(scene.Doubled, each="frame")])


def test_finish_sees_the_results_and_start_the_data(made):
    class Watched:
        def start(self, run, data):
            self.seen = [data.shape]

        def block(self, block, info):
            return {"sum": block}

        def finish(self, run):
            run.data["sum"].unit = "photons"

    run = scene.run_of(TEAM, data=scene.spread(TEAM, STACK, "angle row column", "angle"))
    one = made(Watched, each="frame", gives={"sum": total("row", "column", unit="m", title="all frames")})
    walk(run, [one])
    assert one.seen == [(7, 5, 6)] and run.data["sum"].unit == "photons"
    assert run.data["sum"].title == "all frames" and run.data["sum"].spread == ""


def test_the_data_say_what_they_are():
    data = Data(axes=("angle", "row"), values=np.zeros((3, 4), np.uint16))
    assert str(data) == "3 angle x 4 row, uint16" and data.size("row") == 4


def test_what_is_a_steps_own_is_not_anothers_of_the_same_name(made):
    """Two steps of one pass have results of the same name for their own finish: each finds its own"""

    class Sums:
        gives_to: dict = {}
        times = 1

        def block(self, block, info):
            return {"_sum": self.times * block.sum((1, 2)), self.mark: block.max((1, 2))}

        def finish(self, run):
            Sums.gives_to[self.mark] = run.data.pop("_sum").values

    class One(Sums):
        mark, times = "one", 1

    class Ten(Sums):
        mark, times = "ten", 10

    run = scene.run_of(TEAM, data=scene.spread(TEAM, STACK, "angle row column", "angle", coords=ANGLES))
    walk(run, [made(cls, each="frame", gives={"_sum": item(), cls.mark: item()}) for cls in (One, Ten)])
    assert np.allclose(Sums.gives_to["one"], STACK.sum((1, 2)))
    assert np.allclose(Sums.gives_to["ten"], 10 * STACK.sum((1, 2)), rtol=1e-6)
    assert list(run.given) == ["one", "ten"]
