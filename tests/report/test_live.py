"""What a run shows while it goes on: when, what it may cost, and that no failure of it ends a run."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from nanompi.data.blocks import Walk
from nanompi.data.data import even
from nanompi.data.infile import ArrayInFile, RowsInFile
from nanompi.data.walk import walk
from nanompi.io.fingerprint import followed
from nanompi.io.hdf5 import open_hdf5
from nanompi.mpi.team import Team
from nanompi.report import live, live_maps
from nanompi.report.live import RANKS, SHOW, LiveView
from nanompi.report.live_maps import LiveMaps
from nanompi.report.record import record
from nanompi.run.control import Control
from nanompi.run.result import Result, Signal
from nanompi.step import item, step
from tests import walking
from tests.false_time import FalseTime
from tests.patience import until

H, W = 12, 10
reports: list = []


class Clock(FalseTime):
    """Its thread time is told by `cost`."""

    cost = 0.0

    def thread_time(self) -> float:
        return self.cost


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Of a team of one; its reports are written elsewhere"""
    monkeypatch.setattr("nanompi.report.report.write", lambda folder, signals: reports.append(folder))
    reports.clear()
    values = np.random.default_rng(0).poisson(9, (H, W, 16)).astype(np.uint16)
    team = Team(alone=True)
    run = walking.run_of(team, data=walking.spread(team, values, "y x channel", "y", even(H, 1)))
    run.folder, run.warn, run.control = tmp_path, pytest.fail, None
    run.result = Result(notes={"run": {}})
    return run


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(live, "time", clock)
    return clock


@pytest.fixture
def view(run, clock):
    run.control = SimpleNamespace(live=None)
    view = LiveView()
    view.begin(run)
    assert run.control.live is view
    return view


def image() -> dict[str, Signal]:
    return {"phase": Signal(np.ones((4, 5), np.float32), {}, "rad", "phase", "angle")}


def drawn(view, clock, main: float, thread: float):
    """A look that takes so many seconds of the rank, and of the thread"""

    def gathered():
        clock.spend(main)
        return slowly

    def slowly():
        clock.cost += thread
        return image()

    view.look(SHOW, gathered)


def test_the_first_look_comes_after_ten_seconds_and_one_that_cost_much_makes_the_next_wait(view, clock):
    """0.25 s in all: not before 25 s have passed; then cheap ones each 10 s; a file asks at once"""
    assert view.wanted(False) == RANKS and view.wanted(True) == RANKS + SHOW
    view.look(RANKS, None)
    clock.spend(9)
    assert view.wanted(False) == 0
    clock.spend(1)
    assert view.wanted(False) == RANKS + SHOW
    drawn(view, clock, 0.125, 0.125)
    clock.spend(24.5)
    assert view.wanted(False) == RANKS and view.wanted(True) == RANKS + SHOW
    clock.spend(0.5)
    assert view.wanted(False) == RANKS + SHOW
    drawn(view, clock, 0.001, 0.0)
    clock.spend(9.9)
    assert not view.wanted(False) & SHOW
    clock.spend(0.1)
    assert view.wanted(False) & SHOW


def test_live_off_shows_no_image_whoever_asks_but_the_ranks(run, clock):
    run.options.live, glimpse = "off", run.glimpse
    view = LiveView()
    view.begin(run)
    clock.spend(1000)
    assert view.wanted(False) == RANKS and view.wanted(True) == RANKS
    view.look(RANKS, None)
    assert [path.name for path in run.folder.iterdir()] == ["ranks.json"] and run.glimpse is glimpse
    view(run)
    assert run.result.notes["run"]["live"]["times"] == 0


def test_no_second_look_while_the_thread_is_at_work_on_the_first(view, clock):
    waiting = []
    view.later = waiting.append
    clock.spend(10)
    drawn(view, clock, 0.0, 0.0)
    clock.spend(100)
    assert not view.wanted(False) & SHOW
    waiting.pop()()
    clock.spend(10)
    assert view.wanted(False) & SHOW


def test_what_the_view_reads_is_no_input_of_the_run(view, clock, monkeypatch):
    """A report reads live.h5, which is another one each time: checkpoints would be refused for it"""
    monkeypatch.setattr(
        "nanompi.report.report.write", lambda folder, signals: open_hdf5(f"{folder}/live.h5").close()
    )
    with followed() as files:
        clock.spend(10)
        drawn(view, clock, 0.0, 0.0)
        assert (view.run.folder / "live.h5").is_file() and not view.trouble and files == {}
        open_hdf5(f"{view.run.folder}/live.h5").close()  # by the run itself
        assert len(files) == 1


def test_what_it_has_cost_stands_in_the_metrics_and_the_file_goes(run, view, clock):
    drawn(view, clock, 0.25, 0.25)
    assert record(run.folder).signals()["phase"].data.shape == (4, 5)
    assert reports == [run.folder]  # when the view stood in its place
    view(run)
    told = run.result.notes["run"]["live"]
    assert told["times"] == 1 and told["seconds"] == {"main": 0.25, "thread": 0.25} and told["share"] > 0
    assert not list(run.folder.iterdir())


def test_a_failure_is_told_once_and_the_run_goes_on(run, view, clock):
    lines = []
    run.warn = lines.append
    for _ in range(3):
        view.look(SHOW, lambda: lambda: 1 / 0)
        view.wanted(False)
    assert len(lines) == 1 and "ZeroDivisionError" in lines[0]
    drawn(view, clock, 0.0, 0.0)
    assert (run.folder / "live.h5").exists()


def test_a_folder_that_cannot_be_written_is_told_once(run, view):
    lines = []
    run.warn, run.folder = lines.append, run.folder / "gone"
    for _ in range(2):
        view.look(RANKS + SHOW, lambda: image)
        view.wanted(False)
    assert len(lines) == 1 and "gone" in lines[0]


def test_after_the_end_nothing_is_written_any_more(run, view):
    waiting = []
    view.later = waiting.append
    view.look(SHOW, lambda: image)
    view(run)
    waiting.pop()()
    assert not (run.folder / "live.h5").exists()


def test_the_file_show_asks_at_once_and_goes(run, view, clock, tmp_path):
    """By the control of the run, which looks for files each second"""
    run.options = SimpleNamespace(checkpoint=0.0)
    signals = SimpleNamespace(gentle=True, asked=0, name="")
    control = Control(run, {}, signals)
    control.live, control.view = view, lambda: image
    view.next = {RANKS: 1e9, SHOW: 1e9}
    assert not control.turn(dict) and not (tmp_path / "live.h5").exists()
    (tmp_path / "show").touch()
    control.looked = 0.0
    assert not control.turn(dict) and (tmp_path / "live.h5").exists() and not (tmp_path / "show").exists()


@pytest.fixture
def often(monkeypatch):
    """Maps are shown at each block."""
    monkeypatch.setattr(live_maps, "SELDOM", 0.0)
    monkeypatch.setattr(live_maps, "SHARE", 1e9)
    monkeypatch.setattr("nanompi.data.progress.SELDOM", 0.0)


def test_half_of_the_rows_are_nan_while_they_are_awaited(run, often, monkeypatch):
    """Each line of a result by its name, which is a name in a file whatever the scan calls it"""
    seen = []

    @step("test.lines", each="spectrum", gives={"_lines": item("line"), "sum": item()})
    class Lines:
        def start(self, run, data):
            data.coords["line"] = (["Fe_K", "Cu/K"], "")

        def block(self, block, info):
            return {"_lines": block[:, :2].astype(float), "sum": block.sum(1, dtype=float)}

    def look(view, signals):
        write(view, signals)
        found = record(run.folder).signals()
        seen.append({key: np.isnan(one.data).mean() for key, one in found.items()})

    write = LiveView._write
    monkeypatch.setattr(LiveView, "_write", look)
    writer = LiveView()
    writer.begin(run)
    walk(run, [Lines()])
    assert {"Fe_K", "Cu_K", "sum"} == set(seen[-1]) and seen[-1]["sum"] < 1
    assert sorted((one["sum"] for one in seen), reverse=True) == [one["sum"] for one in seen]
    (one,) = record(run.folder).ranks
    assert one["frames"] == H and one["host"] == run.team.host
    writer(run)
    assert [path.name for path in run.folder.iterdir()] == ["ranks.json"]


@step("test.slices", each="sinogram", gives={"data": item("y", "x"), "sum": item()})
class Slices:
    """The sinogram of a row as its slice"""

    def block(self, block, info):
        return {"data": block * 2.0, "sum": block.sum((1, 2), dtype=float)}


@pytest.mark.parametrize("in_file", [False, True])
def test_the_last_slice_of_rank_0_is_shown_while_others_are_made(run, often, monkeypatch, in_file):
    """Of results in memory, and of those that are written in place, of which the last is still on its way"""
    values = np.arange(2.0 * 5 * 6).reshape(2, 5, 6)
    run.data["data"] = walking.spread(run.team, values, "angle row column", "row", even(5, 1))
    monkeypatch.setattr(Walk, "block", lambda self, values: 1)
    seen, write = [], LiveView._write
    writer = LiveView()
    writer.begin(run)
    monkeypatch.setattr(writer, "_write", lambda made: (write(writer, made), seen.append(dict(shown(run)))))
    rows = RowsInFile(array_in(run.folder / "a", (5, 2, 6)), 0, np.arange(5), run.clock)
    if in_file:
        keep = Walk.keep
        monkeypatch.setattr(
            Walk, "keep", lambda self, *what: (self.outs.update(data=rows), keep(self, *what))
        )
    monkeypatch.setattr(Walk, "place", lambda self, own=False: None)
    walk(run, [Slices()])
    rows.close()
    assert len(seen) == (4 if in_file else 5)
    for k, one in enumerate(seen):
        assert one["data"].show == "image" and np.array_equal(one["data"].data, 2 * values[:, k])
        assert one["data"].title == f"data, row {k}, so far"


def shown(run):
    return record(run.folder).signals()


def array_in(path, shape) -> ArrayInFile:
    path.write_bytes(bytes(8 * int(np.prod(shape))))
    return ArrayInFile(path, 0, shape, np.dtype(float))


def test_rows_of_other_ranks_stand_where_they_belong(run):
    """Rank 0 shows what files of all ranks hold, by the numbers of their rows, and where the points are"""
    (run.folder / "live").mkdir()
    (run.folder / "live" / "7.npz").touch()  # of a run before
    maps = LiveMaps(run, None)
    maps.folder.mkdir()
    for rank, rows in ((0, [0, 1]), (1, [7])):
        values = np.full((len(rows), W), rank + 1.0)
        np.savez(maps.folder / f"{rank}.npz", **{"Fe": values, "Fe" + live_maps.NUMBERS: rows})
    run.data["data"].coords |= {"y": (np.arange(H) * 2.0, "um"), "x": (np.arange(W) * 3.0, "um")}
    found = maps.signals(live_maps._axes(run.data["data"]), H)["Fe"]
    assert (
        (found.data[:2] == 1).all()
        and (found.data[7] == 2).all()
        and np.isnan(found.data).sum() == (H - 3) * W
    )
    assert found.axes["x"][0].tolist() == [3.0 * k for k in range(W)] and found.axes["y"][1] == "um"


def test_maps_that_fail_are_given_up_and_the_run_goes_on(run, often, monkeypatch):
    lines = []
    run.warn = lines.append
    maps = LiveMaps(run, None)
    run.glimpse = maps.show
    monkeypatch.setattr(maps, "_show", lambda *what: 1 / 0)
    run.glimpse([])
    run.glimpse([])
    assert len(lines) == 1 and "ZeroDivisionError" in lines[0]


def test_maps_are_written_while_no_thread_waits_for_the_progress(run, often):
    """Another thread may tell of its items meanwhile"""
    from nanompi.data.progress import Progress

    free = []
    last = SimpleNamespace(step=SimpleNamespace(name="x"), free=("y", "x"), data=run.data["data"])
    progress = Progress(run, [last], H, H)
    run.glimpse = lambda walks: free.append(not progress.lock.locked())
    progress.add(1)
    last.tell(1)
    assert free == [True, True]


def test_a_scan_of_points_shows_nothing():
    walk = SimpleNamespace(free=("point",), names={"sum": item()})
    assert live_maps._maps(walk, "sum", None) == {}


def test_ranks_tell_what_they_have_and_how_busy_they_are(run, view):
    view.look(RANKS, None)
    with run.clock.phase("load"):  # which goes on
        until(lambda: run.clock.unfinished()[1] > 0.05)
        view.tell(lambda: [view.standing()])
    (one,) = json.loads((run.folder / "ranks.json").read_text())
    assert one["host"] == run.team.host and one["frames"] == H and 0 < one["busy"] <= 1
    assert record(run.folder).ranks == [one]
