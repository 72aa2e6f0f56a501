"""NANOMPI_GEOMETRY=no: the verdict tries no other geometries, and says so."""

import pytest

import nanompi
from nanompi.run.switches import GEOMETRY

JOB = {
    "nanompi": 1,
    "name": "w",
    "input": {"simulate": {"frames": 36, "size": 32, "photons": 1e6}},
    "steps": [{"use": "ptycho.prepare", "orientation": 1}, {"use": "ptycho", "engines": "DM*12 ML*8"}],
}


@pytest.fixture
def words(tmp_path, monkeypatch):
    """`words(value)`: grade and words of a run on mirrored frames, with this in the environment"""

    def run(value: str):
        monkeypatch.setenv(GEOMETRY, value)
        verdict = nanompi.run(JOB, folder=tmp_path / value).verdict
        return verdict["grade"], verdict["words"]

    return run


@pytest.mark.slow
def test_other_geometries_are_tried_unless_the_environment_says_no(words):
    grade, said = words("no")
    assert (
        grade in ("doubtful", "wrong")
        and "other geometries were not tried: `nanompi geometry JOB` does" in said
    )
    grade, said = words("yes")
    assert grade in ("doubtful", "wrong")
    assert "meets unseen frames best" in said and "not tried" not in said
