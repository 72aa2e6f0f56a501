"""Bytes and seconds of sums: as counted by real ranks elsewhere (test_mpi_scaling), here the laws."""

from dataclasses import replace

import numpy as np
import pytest

from nanompi.methods import discover
from nanompi.methods.ptycho.partition.bands import bands
from nanompi.methods.ptycho.scaling import wire
from nanompi.methods.ptycho.scaling.calibrate import Cost
from nanompi.methods.ptycho.scaling.foresee import foresee
from nanompi.methods.ptycho.scaling.look import JobSizes
from nanompi.methods.ptycho.scaling.wire import Link
from nanompi.run.planning import doubling, efficiency, smallest

discover()


def sizes(frames=400, **more) -> JobSizes:
    at, engines = np.array([[0, 0], [14, 0], [0, 14], [14, 14]]), [("DM", 10, 9)]
    small = JobSizes(at, (150, 150), (128, 128), 1, 1, 2, 32768, False, engines, **more)
    return small.grown(frames)


def test_a_grown_scan_is_as_dense():
    """9 neighbours of a point within the same distance, so area / frames stays"""
    one, more = sizes(400).grown(2_000), sizes(400).grown(8_000)
    assert more.frames == 8_000 and more.at.min() == 4 and tuple(more.at.max(0) + 132) == more.shape
    assert np.prod(np.subtract(more.shape, 136)) / np.prod(np.subtract(one.shape, 136)) == pytest.approx(
        4, rel=0.1
    )


def test_the_time_of_an_allreduce():
    """1 GB over 10 GB/s: two ranks move all of it once and add half; many ranks twice, and all"""
    link = Link(10e9, 1e-3)
    assert link.allreduce(1e9, 1) == 0
    assert link.allreduce(1e9, 2) == pytest.approx(2e-3 + 0.1 + 0.125)
    assert link.allreduce(1e9, 1024) == pytest.approx(20e-3 + 0.2 + 0.25, rel=2e-3)
    assert link.exchange(1e9, 4) == pytest.approx(4e-3 + 0.1 + 0.25)


def test_bytes_of_an_iteration():
    s = sizes(10_000)
    probe = 128 * 128 * 12
    assert wire.allreduce_bytes(s, "DM", 1) == 0
    assert wire.allreduce_bytes(s, "DM", 4) == s.pixels * (12 if wire.weights_sent(s, 4) else 8) + probe + 8
    assert wire.allreduce_bytes(s, "DM", 4) - wire.allreduce_bytes(s, "DM", 4, probe=False) == probe
    assert wire.allreduce_bytes(s, "ML", 4) == wire.allreduce_bytes(s, "DM", 4) + 32
    sent = bands(s.at, s.parts(4), s.frame).sent * 8 + probe + 8
    assert np.array_equal(wire.overlap_bytes(s, "DM", 4), sent)
    assert sent.max() * 5 <= wire.allreduce_bytes(s, "DM", 4)


def test_shapes_of_a_probe_that_varies_are_summed_in_ml():
    """And the illumination of all frames goes round as the object does"""
    s, shapes = sizes(10_000), 2 * (128 * 128 * 8 + 8) + 16
    free = replace(s, varies=2, engines=[("DM", 10, 9), ("ML", 10, 9)])
    assert wire.allreduce_bytes(free, "DM", 4) == wire.allreduce_bytes(s, "DM", 4)
    own = s.pixels * (16 - 8 - 4 * wire.weights_sent(s, 4))
    assert wire.allreduce_bytes(free, "ML", 4) == wire.allreduce_bytes(s, "ML", 4) + own + shapes


def test_halves_take_the_iterations_again():
    cost, link = Cost(frame={"DM": 1e-3}, pixel={"DM": 0.0}, quality=1e-3), Link()
    one, frames, counts = (foresee(sizes(400, halves=way), cost, 2, link) for way in ("", "frames", "counts"))
    again = sum(one.seconds[name] for name in ("iterate", "combine", "quality"))
    assert frames.total - one.total == pytest.approx(again) and again > 0
    assert counts.total - one.total == pytest.approx(2 * again) and frames.iterations == one.iterations


def test_efficiency_falls_by_the_object_for_allreduce_and_stays_for_overlap():
    """A frame of 1 ms; the whole object for each rank is what allreduce cannot share out"""
    s, link = sizes(20_000), Link(25e9, 2e-6)
    cost = Cost(frame={"DM": 1e-3}, pixel={"DM": 2e-9})
    rows = {way: [foresee(s, cost, p, link, way) for p in (1, 8, 64)] for way in ("allreduce", "overlap")}
    both = {way: efficiency(found, "iterations") for way, found in rows.items()}
    assert both["allreduce"][0] == both["overlap"][0] == 1
    assert both["overlap"][2] > 0.9 > both["allreduce"][2] > 0.2
    assert rows["overlap"][2].bytes < rows["overlap"][1].bytes < rows["allreduce"][1].bytes


def test_the_fewest_ranks_that_end_in_time():
    s = sizes(1_000)
    rows = [foresee(s, Cost({"DM": 1e-2}, {"DM": 0.0}), p, Link()) for p in doubling(8, 1_000)]
    assert [r.ranks for r in rows] == [1, 2, 4, 8] and rows[0].seconds["iterate"] == pytest.approx(100)
    assert smallest(rows, 30).ranks == 4 and smallest(rows, 1) is None
    assert doubling(6, 5) == [1, 2, 4]


def test_start_probes_are_shared_out():
    assert Cost(frame={"DM": 1e-3}, trials=41).start(2) == pytest.approx(21 * 10 * 50 * 1e-3)
