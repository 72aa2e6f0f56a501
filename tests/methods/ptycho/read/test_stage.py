"""`lag:` and `rotate:` of the input section: which position a frame has, whatever is selected."""

import numpy as np
import pytest

from nanompi.data.data import Data
from nanompi.data.select import Select
from nanompi.errors import DataError, JobError
from nanompi.methods.ptycho.positions import rotated
from nanompi.methods.ptycho.read import completed, open_scan
from nanompi.methods.ptycho.read.cxi import Cxi
from nanompi.methods.ptycho.read.export import write
from nanompi.run.reading import Input
from tests.memory import Memory, scan_of
from tests.methods.ptycho.scenes import draw, make, wrong


def scan(frames=8, positions=8):
    """Frames hold their numbers from 1, positions theirs from 0 in half um, along both axes"""
    counts = np.arange(1, frames + 1, dtype=np.uint16)[:, None, None] * np.ones((1, 8, 8), np.uint16)
    one = scan_of(counts)
    one.positions = np.arange(float(positions))[:, None] * [5e-7, 5e-7]
    one.truth = {"corners": one.positions * 2e6}
    return one


def pairs(out) -> list[tuple[int, int]]:
    """(number of a frame, number of its position)"""
    frames = out.source.read(np.arange(out.source.shape[0]))[:, 0, 0].astype(int) - 1
    places = np.rint(out.positions[:, 0] * 2e6).astype(int)
    assert out.truth["corners"][:, 0].tolist() == places.tolist()  # what is true goes with its position
    assert out.numbers is None or out.numbers.tolist() == frames.tolist()
    return list(zip(frames.tolist(), places.tolist(), strict=True))


@pytest.mark.parametrize(
    "lag, select, positions, want",
    [
        (1, "", 8, [(i, i - 1) for i in range(1, 8)]),
        (-1, "", 8, [(i, i + 1) for i in range(7)]),
        (3, "", 8, [(i, i - 3) for i in range(3, 8)]),
        (1, "::2", 8, [(2, 1), (4, 3), (6, 5)]),
        (-1, "1::2", 8, [(1, 2), (3, 4), (5, 6)]),
        (1, "0:3", 8, [(1, 0), (2, 1)]),
        (1, "", 7, [(i, i - 1) for i in range(1, 8)]),  # the first frame is one too many
        (-2, "", 10, [(i, i + 2) for i in range(8)]),  # the first two positions are
        (-1, "middle:3", 8, [(2, 3), (3, 4), (4, 5)]),
    ],
)
def test_a_frame_has_the_position_that_the_lag_says(lag, select, positions, want):
    out = completed(scan(positions=positions), Input(lag=lag, select=Select(keep=select)))
    assert pairs(out) == want and out.lag == lag


def test_frames_left_out_are_counted_in_the_file():
    out = completed(scan(), Input(lag=1, select=Select(without=[3])))
    assert pairs(out) == [(1, 0), (2, 1), (4, 3), (5, 4), (6, 5), (7, 6)]


def test_the_monitor_stays_with_its_frame():
    one = scan()
    one.monitor = np.arange(1.0, 9.0)
    assert completed(one, Input(lag=1)).monitor.tolist() == [2, 3, 4, 5, 6, 7, 8]


@pytest.mark.parametrize("positions", [5, 12])
def test_lists_of_unequal_length_are_refused_as_without_a_lag(positions):
    with pytest.raises(DataError, match="8 frames and"):
        completed(scan(positions=positions), Input(lag=0))
    with pytest.raises(DataError, match="missing"):
        completed(scan(positions=positions), Input(lag=1))


def test_no_lag_leaves_no_frame():
    with pytest.raises(JobError, match=r"input.lag: 8 leaves none of 8 frames; allowed: -7 to 7"):
        completed(scan(), Input(lag=8))


def test_positions_turn_from_rows_to_columns_whatever_is_selected():
    """A step down becomes a step to the right"""
    one = scan()
    one.positions = np.array([[i * 1e-6, 0.0] for i in range(8)])
    out = completed(one, Input(rotate=np.pi / 2, select=Select(keep="0:4")))
    assert np.diff(out.positions, axis=0) == pytest.approx(np.tile([0, 1e-6], (3, 1)), abs=1e-15)
    assert out.positions[0] == pytest.approx([3.5e-6, -3.5e-6])  # about the middle of all
    assert out.rotate == np.pi / 2 and any("turned by 90 deg" in note for note in out.notes)


def test_positions_are_stretched_before_they_are_turned():
    """A step down is longer, one to the right shorter"""
    out = completed(scan(), Input(stretch=0.1))
    assert out.stretch == 0.1 and any("stretched by 10 %" in note for note in out.notes)
    assert np.diff(out.positions, axis=0)[0] == pytest.approx(5e-7 * np.exp([0.05, -0.05]))
    out = completed(scan(), Input(stretch=0.1, rotate=np.pi / 2))
    assert np.diff(out.positions, axis=0)[0] == pytest.approx(5e-7 * np.exp([-0.05, 0.05]) * [-1, 1])
    with pytest.raises(JobError, match="stretch"):
        Data(axes=("angle", "row", "column"), source=Memory(np.ones((3, 4, 4), np.uint16))).completed(
            Input(stretch=0.1)
        )


def test_other_data_have_no_positions_to_move():
    data = Data(axes=("angle", "row", "column"), source=Memory(np.ones((3, 4, 4), np.uint16)))
    with pytest.raises(JobError, match=r"input\.lag: moves positions of"):
        data.completed(Input(lag=1))
    assert data.completed(Input()) is data


@pytest.mark.parametrize(
    "fault, given", [("late", {"lag": 1}), ("early", {"lag": -1}), ("rotated 5", {"rotate": np.deg2rad(-5)})]
)
def test_what_a_fault_did_is_undone_in_a_file(fault, given, tmp_path):
    """The positions that the program then has are those at which the frames were measured"""
    few = {"n": 16, "frames": 20}
    write(wrong(fault, 3, **few).scan(), tmp_path / "scan.cxi")
    right, out = make(draw(3, **few)), open_scan(str(tmp_path / "scan.cxi"), Input(**given), Cxi())
    frames = out.source.read(np.arange(len(out.positions)))
    at = [int(np.flatnonzero((right.counts == one).all((1, 2)))[0]) for one in frames]
    off = out.positions - right.positions[at]
    assert len(at) == 20 - abs(given.get("lag", 0))
    assert off - off.mean(0) == pytest.approx(0, abs=1e-3 * np.ptp(right.positions))


def test_turning_leaves_what_is_not_finite_to_the_guard():
    positions = np.array([[0.0, 1.0], [np.nan, 0.0], [2.0, 1.0]])
    assert rotated(positions, np.pi)[[0, 2]] == pytest.approx(np.array([[2, 1], [0, 1]]), abs=1e-12)
