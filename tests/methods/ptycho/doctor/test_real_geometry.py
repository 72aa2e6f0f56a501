"""The geometry of measured data, by the verb."""

import re
from pathlib import Path

import pytest

from nanompi.cli import main

JOBS = Path(__file__).parents[4] / "jobs"


@pytest.mark.slow
@pytest.mark.real
def test_the_orientation_of_measured_frames_is_found(shared_data, capsys):
    """S1, the frames transposed by the job: rows and columns as stored are right (data README), and the image
    is that of matter"""
    file = shared_data("S1_siemens_far_field") / "siemens-star-small.npz.bz2"
    sets = [f"input.file={file}", "steps.ptycho.prepare.orientation=4", "run.device=cpu"]
    assert main(["geometry", str(JOBS / "far-field.yaml"), *(w for s in sets for w in ("--set", s))]) == 0
    said = capsys.readouterr().out
    assert "paste: orientation: 0" in said and "as of matter" in said
    right, wrong = map(float, re.search(r"tried: ([\d.]+) ± \S+ against ([\d.]+)", said).groups())
    assert wrong > 2 * right
