"""Axes that a reader gives and steps on blocks need: compared without reading a byte."""

import pytest

from nanompi.step import item, reader, step, total


@pytest.fixture
def axes(parts, job, faults):
    """Readers and steps with axes, in the registry of the test alone."""

    @reader("stack", gives={"data": "angle row column", "dark": "frame row column"})
    class Stack:
        """A tomogram."""

        @staticmethod
        def recognises(file, given):
            return str(file).endswith(".stack")

        def open(self, file, given):
            raise NotImplementedError

    @step("test.flat", each="frame")
    def flat(block, info):
        """Frames."""

    @step("test.slices", each="sinogram", makes=("y", "x"))
    def slices(block, info):
        """Slices."""

    @step("test.maps", each="frame", gives={"maps": item("line"), "mean": total("y", "x")})
    def maps(block, info):
        """Maps."""

    @step("test.fit", each="spectrum", takes="maps")
    def fit(block, info):
        """Spectra."""


CHAIN = "nanompi: 1\ninput: {file: a.stack}\nsteps:\n"


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.stack").write_bytes(b"")


def test_steps_that_find_their_axes_one_after_another(axes, file, job):
    got = job(CHAIN + "  - test.flat\n  - test.slices\n  - test.maps\noutput: {keep: [data, mean, dark]}\n")
    assert [one.name for one in got.steps] == ["test.flat", "test.slices", "test.maps"]
    assert got.output.keep == ["data", "mean", "dark"]


def test_axes_that_are_not_there_are_a_fault_of_the_job(axes, file, faults):
    """Told once: nothing is said of what follows from it."""
    assert faults(CHAIN + "  - test.slices\n  - test.slices\n  - test.maps\n  - test.fit\n") == [
        "job.yaml:5:5: steps.test.slices: test.slices needs (angle, column) in each item; the data of "
        "test.slices have (row, y, x)"
    ]
    assert faults(CHAIN + "  - test.maps\n  - test.fit\n") == [
        "job.yaml:5:5: steps.test.fit: test.fit needs (detector, channel) or (channel) or (energy) or "
        "(radial) in each item; the maps of test.maps have (angle, line)"
    ]


def test_frames_of_a_scan_are_no_sinograms(axes, file, faults, tmp_path):
    (tmp_path / "b.scan").write_bytes(b"")
    lines = faults("nanompi: 1\ninput: {file: b.scan}\nsteps: [test.slices]\n")
    assert lines[0].endswith("needs (angle, column) in each item; the data of text have (point, row, column)")


def test_what_no_step_gives_cannot_be_kept(axes, file, faults):
    assert faults(CHAIN + "  - test.maps\noutput: {keep: [map]}\n") == [
        'job.yaml:5:9: output.keep: no step gives "map" (did you mean "maps"?); at the end there are data, '
        "dark, maps, mean"
    ]


def test_what_a_step_and_a_reader_give_is_said_with_its_axes(axes):
    from nanompi.job.methods import given
    from nanompi.step import METHODS

    assert given(METHODS["step"]["test.maps"]) == ["maps (each frame: line)", "mean (sum of all: y, x)"]
    assert given(METHODS["reader"]["stack"]) == ["data (angle, row, column)", "dark (frame, row, column)"]
    assert given(METHODS["step"]["ptycho"]) == ["ptycho"]
