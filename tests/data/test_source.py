"""A source of a foreign reader has what the program asks of every source, also where its class is bare."""

import pickle

import numpy as np
import pytest

from nanompi.data.combined import JoinedFrames
from nanompi.data.load import load
from nanompi.data.select import Select
from nanompi.data.source import OPTIONAL, CompletedSource, SelectedFrames, Source, complete, of_counts
from nanompi.io.fingerprint import stamp
from nanompi.io.unwritten import Holes
from nanompi.methods.ptycho.read import open_scan
from nanompi.methods.ptycho.scan import Scan
from nanompi.mpi.team import Team
from nanompi.run.reading import Input
from tests.memory import Memory

FRAMES = np.arange(6 * 90, dtype=np.uint16).reshape(6, 10, 9)


class Bare:
    """Somebody's frames: nothing but what a source must have."""

    shape, dtype = FRAMES.shape, FRAMES.dtype

    def read(self, index, threads=1):
        return FRAMES[index]


class Careful(Bare):
    """One that says more, and still not all."""

    chunk, where = 3, "somewhere: data"

    def __init__(self):
        self.closed = 0

    def origin(self):
        return ["careful"]

    def close(self):
        self.closed += 1


def test_a_bare_source_gets_the_defaults():
    source = complete(Bare())
    assert (source.shape, source.dtype, source.chunk, source.whole, source.where) == (
        (6, 10, 9), np.uint16, 1, False, "",
    )  # fmt: skip
    assert source.reachable() and source.take(np.arange(2)) is None and stamp(source) is None
    assert not source.holes().frames.any() and source.holes().frames.shape == (6,)
    source.close()
    again = pickle.loads(pickle.dumps(source))
    assert np.array_equal(again.read(np.array([4, 1])), FRAMES[[4, 1]])


def test_what_a_source_says_itself_is_kept():
    bare = Careful()
    source = complete(bare)
    source.close()
    assert (source.chunk, source.where, source.origin(), bare.closed) == (
        3,
        "somewhere: data",
        ["careful"],
        1,
    )


def test_a_complete_source_stays_what_it_is():
    whole = type("Whole", (Careful,), {n: getattr(Source, n) for n in OPTIONAL if n not in vars(Careful)})()
    for source in (Memory(FRAMES), whole):
        assert complete(source) is source
    assert isinstance(complete(Bare()), CompletedSource)


def test_the_source_of_a_foreign_reader_is_completed_where_the_input_is_opened():
    class Reader:
        name = "theirs"

        def open(self, file, given):
            places = np.stack([np.zeros(6), np.arange(6) * 1e-6], axis=1)
            return Scan(source=Bare(), positions=places, wavelength=1e-10, distance=1.0, pixel=(1e-4, 1e-4))

    scan = open_scan("", Input(select=Select(keep="1:4")), Reader())
    assert scan.source.where == "" and np.array_equal(scan.source.read(np.arange(3)), FRAMES[1:4])


@pytest.mark.parametrize("how", ["read", "auto", "scatter"])
def test_a_bare_source_is_selected_joined_and_loaded(how):
    source = JoinedFrames.of([SelectedFrames(complete(Bare()), np.array([1, 2, 5])), Memory(FRAMES)], "")
    order = np.array([7, 0, 2])
    got = load(Team(), source, [order], lambda raw, index: raw.copy(), how=how, say=str)
    assert np.array_equal(got, np.concatenate([FRAMES[[1, 2, 5]], FRAMES])[order])


def test_a_selection_knows_which_of_its_frames_were_never_written():
    class Torn(Memory):
        def holes(self):
            return Holes(np.array([False, True, False, False, True, False]))

    found = SelectedFrames(Torn(FRAMES), np.array([0, 1, 5])).holes()
    assert found.frames.tolist() == [False, True, False] and found.pixels is None


def test_optional_names_all_that_has_a_default():
    assert {*OPTIONAL, "read"} == {n for n in vars(Source) if not n.startswith("_")}


def brightest_of(read) -> tuple[np.dtype, float]:
    values = read(np.arange(2))
    return values.dtype, float(values.max())


def test_simulated_counts_do_not_wrap_round():
    """4000 on a ring fit into two bytes, 20 times as many on a spot and ten million in a spectrum do not"""
    from nanompi.methods.maps.xrd import simulate as xrd
    from nanompi.methods.maps.xrf import simulate as xrf

    for spots, stored in ((0, np.uint16), (3, np.uint32)):
        scene = xrd.PatternSimulation(rows=2, columns=1, size=64, counts=4000, spots=spots)
        dtype, most = brightest_of(xrd.SimulatedPatterns(scene).read)
        assert dtype == stored and most > (20 * 4000 if spots else 2000)
    for counts, stored in ((2e3, np.uint16), (1e7, np.uint32)):
        given = xrf.SpectraSimulation(rows=2, columns=3, counts=counts)
        source = xrf.SimulateSpectra(simulate=given).open("", None)["data"].source
        assert source.dtype == stored and float(source.read(np.arange(2)).sum(dtype=np.float64)) > 5 * counts
    assert of_counts(1e9, noise=False) == np.float32
