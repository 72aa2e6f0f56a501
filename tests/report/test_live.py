"""What there is of maps while block steps are at work."""

from types import SimpleNamespace

import numpy as np
import pytest

from nanompi.data.data import even
from nanompi.data.walk import walk
from nanompi.mpi.team import Team
from nanompi.report import live
from nanompi.report.live import LiveMaps
from nanompi.step import item, step
from tests import walking
from tests.report.test_previews import decoded

H, W = 12, 10


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr(live, "SELDOM", 0.0)
    monkeypatch.setattr("nanompi.data.progress.SELDOM", 0.0)
    values = np.random.default_rng(0).poisson(9, (H, W, 16)).astype(np.uint16)
    team = Team(alone=True)
    run = walking.run_of(team, data=walking.spread(team, values, "y x channel", "y", even(H, 1)))
    run.folder, run.warn = tmp_path, pytest.fail
    return run


def test_half_of_the_rows_are_gray_while_they_are_awaited(run, monkeypatch):
    """Each line of a result by its name; what is done is in colours, what is not is gray"""
    seen = []

    @step("test.lines", each="spectrum", gives={"_lines": item("line"), "sum": item()})
    class Lines:
        def start(self, run, data):
            data.coords["line"] = (["Fe_K", "Cu_K"], "")

        def block(self, block, info):
            return {"_lines": block[:, :2].astype(float), "sum": block.sum(1, dtype=float)}

    def look(signals, path):
        seen.append({key: np.isnan(one.data).mean() for key, one in signals.items()})
        draw(signals, path)

    draw = live.draw_signals
    monkeypatch.setattr(live, "draw_signals", look)
    writer = LiveMaps()
    writer.begin(run)
    walk(run, [Lines()])
    assert {"Fe_K", "Cu_K", "sum"} == set(seen[-1]) and seen[-1]["sum"] < 1
    assert sorted((one["sum"] for one in seen), reverse=True) == [one["sum"] for one in seen]
    assert decoded(run.folder / "previews" / "live.png").std() > 5
    writer(run)
    assert not list(run.folder.glob("live*")) and not list((run.folder / "previews").iterdir())


def test_rows_of_other_ranks_stand_where_they_belong(run):
    """Rank 0 draws what files of all ranks hold, by the numbers of their rows"""
    folder = run.folder / "live"
    folder.mkdir()
    for rank, rows in ((0, [0, 1]), (1, [7])):
        values = np.full((len(rows), W), rank + 1.0)
        np.savez(folder / f"{rank}.npz", **{"Fe": values, "Fe" + live.NUMBERS: rows})
    image = LiveMaps()._signals(folder, run.data["data"])["Fe"].data
    assert (image[:2] == 1).all() and (image[7] == 2).all() and np.isnan(image).sum() == (H - 3) * W


def test_a_picture_that_fails_is_given_up_and_the_run_goes_on(run, monkeypatch):
    lines = []
    run.warn = lines.append
    writer = LiveMaps()
    writer.begin(run)
    monkeypatch.setattr(writer, "_show", lambda walks: 1 / 0)
    run.glimpse([])
    run.glimpse([])
    assert len(lines) == 1 and "ZeroDivisionError" in lines[0]


def test_a_scan_of_points_shows_nothing():
    walk = SimpleNamespace(free=("point",), names={"sum": item()})
    assert live._maps(walk, "sum", None) == {}
